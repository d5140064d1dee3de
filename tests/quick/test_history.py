"""Whatever is edited, a warm build gives what a cold one gives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.quick import writer
from tests.quick.projects import ARTICLES, THEME, Project, article, differences

NAMES = [f"many-{number}" for number in range(12)]
Edit = Callable[[Project, int, str], None]


def _text(project: Project, number: int, word: str) -> None:
    path = project.root / "content" / f"{NAMES[number]}.md"
    if path.exists():
        path.write_text(path.read_text("utf-8") + f"\n{word} `x`\n", "utf-8")


def _metadata(project: Project, number: int, word: str) -> None:
    project.write(
        f"content/{NAMES[number]}.md",
        article(number, Title=word, Tags=f"tag, {word}", Mood=word, Date="2026-02-02"),
    )


def _status(project: Project, number: int, word: str) -> None:
    status = ["draft", "hidden", "published"][len(word) % 3]
    project.write(f"content/{NAMES[number]}.md", article(number, Status=status))


def _add(project: Project, number: int, word: str) -> None:
    project.write(f"content/added-{number}.md", article(20 + number, Category=word))


def _remove(project: Project, number: int, word: str) -> None:
    (project.root / "content" / f"{NAMES[number]}.md").unlink(missing_ok=True)


def _rename(project: Project, number: int, word: str) -> None:
    path = project.root / "content" / f"{NAMES[number]}.md"
    if path.exists():
        path.rename(path.with_name(f"renamed-{number}.md"))


def _translate(project: Project, number: int, word: str) -> None:
    project.write(
        f"content/{NAMES[number]}-de.md",
        article(number, Lang="de", Slug=f"article-{number}", Title=word),
    )


def _link(project: Project, number: int, word: str) -> None:
    project.write(
        "content/links.md",
        article(50) + f"\n[there]({{filename}}{NAMES[number]}.md) [file]({{static}}extra/a.txt)\n",
    )


def _template(project: Project, number: int, word: str) -> None:
    name = sorted(THEME)[number % len(THEME)]
    marker = "" if name == "base.html" else "{# " + word + " #}"
    project.write(f"theme/templates/{name}", f"{THEME[name]}{marker}<i>{word}</i>")


def _setting(project: Project, number: int, word: str) -> None:
    name = ["SITENAME", "SITESUBTITLE", "AUTHOR", "SUMMARY_END_SUFFIX"][number % 4]
    project.settings[name] = word


def _addresses(project: Project, number: int, word: str) -> None:
    form = ["{slug}/index.html", "{lang}/{slug}.html", "{category}/{slug}.html"][number % 3]
    project.settings |= {"ARTICLE_SAVE_AS": form, "ARTICLE_URL": form}


def _paging(project: Project, number: int, word: str) -> None:
    project.settings["DEFAULT_PAGINATION"] = 2 + number % 4


def _markdown(project: Project, number: int, word: str) -> None:
    extensions: dict[str, Any] = {"markdown.extensions.meta": {}, "markdown.extensions.extra": {}}
    if number % 2:
        extensions["markdown.extensions.smarty"] = {}
    project.settings["MARKDOWN"] = {"extension_configs": extensions}


def _file(project: Project, number: int, word: str) -> None:
    project.write(f"content/extra/{'ab'[number % 2]}.txt", word)


def _page(project: Project, number: int, word: str) -> None:
    project.write("content/pages/about.md", f"Title: {word}\n\nAbout {number}.\n")


def _nothing(project: Project, number: int, word: str) -> None:
    pass


EDITS: list[Edit] = [
    *(_text, _metadata, _status, _add, _remove, _rename, _translate, _link, _template),
    *(_setting, _addresses, _paging, _markdown, _file, _page, _nothing),
]
words = st.text("abcö -", min_size=1, max_size=6).map(lambda text: f"w{text.strip()}")
edits = st.tuples(st.sampled_from(EDITS), st.integers(0, len(NAMES) - 1), words)


@pytest.fixture(autouse=True)
def every_page_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SINGLE", 0)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(edits, min_size=1, max_size=4), st.booleans(), st.integers(1, 2))
def test_any_sequence_of_edits(
    steps: list[tuple[Edit, int, str]], link: bool, processes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.articles({f"{name}.md": article(n) for n, name in enumerate(NAMES)} | ARTICLES)
        project.quick(link=link, processes=processes)
        for edit, number, word in steps:
            edit(project, number, word)
            warm = project.quick(link=link, processes=processes)
            assert differences(project.stock(), warm) == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_each_edit_alone(tmp_path: Path, edit: Edit) -> None:
    project = Project(tmp_path)
    project.articles({f"{name}.md": article(n) for n, name in enumerate(NAMES)} | ARTICLES)
    project.quick()
    edit(project, 4, "other words")
    assert differences(project.stock(), project.quick()) == []
