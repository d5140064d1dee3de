"""Texts that cannot be published as they are: file, line, what is wrong and how to fix it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from plugins.authoring.errors import ProofError
from plugins.shared.errors import DiscussionError
from tests.authoring.site import DESK, LOCAL, PUBLIC, QUICK, built, desk, files
from tests.discussion.api_server import Wire
from tests.discussion.samples import article, reply

pytestmark = pytest.mark.usefixtures("wire")
GOOD = {"good.md": article("Good", "good")}
LISTS = """
TAG_URL = "tag/{slug}/"
TAG_SAVE_AS = "tag/{slug}/index.html"
CATEGORY_URL = "category/{slug}/"
CATEGORY_SAVE_AS = "category/{slug}/index.html"
AUTHOR_URL = "author/{slug}/"
AUTHOR_SAVE_AS = "author/{slug}/index.html"
"""
SECRET = "Nobody may read this yet."


def head(*lines: str, body: str = SECRET) -> str:
    return "\n".join((*lines, "", body, ""))


def refusals(root: Path) -> list[str]:
    with pytest.raises(DiscussionError) as caught:
        built(root)
    return str(caught.value).splitlines()


def shown_in(root: Path, words: str) -> list[str]:
    return [name for name in sorted(files(root)) if words.encode() in (root / name).read_bytes()]


MEANT_AS_DRAFTS = {
    "a YAML list": (
        head(
            "---", "title: Plan", "date: 2026-11-20", "tags:", "  - a", "  - b", "status: draft",
            "---",
        ),
        5, "Tags: a, b",
    ),
    "a space before the colon": (
        head("Title: Plan", "Date: 2026-11-20", "Status : draft"), 3, "Status : draft",
    ),
    "a wide colon": (head("Title: Plan", "Date: 2026-11-20", "Status： draft"), 3, "Status"),
    "a hard space": (head("Title: Plan", "Date: 2026-11-20", "\u00a0Status: draft"), 3, "Status"),
    "an invisible sign": (head("Title: Plan", "Date: 2026-11-20", "\u200bStatus: draft"), 3, ""),
    "a Cyrillic letter": (head("Title: Plan", "Date: 2026-11-20", "Stаtus: draft"), 3, ""),
    "no colon": (head("Title: Plan", "Date: 2026-11-20", "Status draft"), 3, "Status"),
    "an equals sign": (head("Title: Plan", "Date: 2026-11-20", "Status = draft"), 3, "Status"),
    "a blank line above": (
        head("Title: Plan", "Date: 2026-11-20", "", "Status: draft"), 4, "blank",
    ),
    "a blank line in YAML": (
        head("---", "Title: Plan", "Date: 2026-11-20", "", "Status: draft", "---"), 5, "blank",
    ),
    "an indented line": (head("Title: Plan", "Date: 2026-11-20", "    Status: draft"), 3, "spaces"),
    "a misspelt name": (head("Title: Plan", "Date: 2026-11-20", "Staus: draft"), 3, "Status: dr"),
    "another engine's name": (head("Title: Plan", "Date: 2026-11-20", "Draft: true"), 3, "Status"),
    "published: false": (head("Title: Plan", "Date: 2026-11-20", "published: false"), 3, "Status"),
    "quotation marks": (head("Title: Plan", "Date: 2026-11-20", 'Status: "draft"'), 3, "draft"),
    "a comment": (head("Title: Plan", "Date: 2026-11-20", "Status: draft # later"), 3, "draft"),
    "no value": (head("Title: Plan", "Date: 2026-11-20", "Status:"), 3, "Status: draft"),
    "two of them": (
        head("Title: Plan", "Date: 2026-11-20", "Status: published", "Status: draft"), 4, "twice",
    ),
    "TOML": (head("+++", 'title = "Plan"', "status = 'draft'", "+++"), 1, "+++"),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT_AS_DRAFTS)
@pytest.mark.parametrize("plugins", [DESK, QUICK], ids=["stock", "quick"])
def test_a_text_meant_as_a_draft_is_never_public(
    environ: Path, capfd: pytest.CaptureFixture[str], name: str, plugins: str
) -> None:
    text, line, fix = MEANT_AS_DRAFTS[name]
    root = desk(environ, {**GOOD, "plan.md": text}, LOCAL, plugins)
    output = built(root)
    assert (output / "good/index.html").is_file()
    assert shown_in(output, SECRET) == []
    said = [
        one for one in capfd.readouterr().err.splitlines() if f"content/plan.md:{line}: " in one
    ]
    assert said, name
    assert fix in said[0]
    desk(environ, {}, PUBLIC, plugins)
    assert any(one.startswith(f"content/plan.md:{line}: ") for one in refusals(root))


@pytest.mark.parametrize(
    "text",
    [
        head("Title: Plan", "Date: 2026-11-20", "Mood: fine", "Question: And you?"),
        head("---", "title: Plan", "date: 2026-11-20", "---"),
        head("Title: Plan", "Date: 2026-11-20", body="Note: this is text.\n\nStatus: it is too."),
        "Title: Plan\nDate: 2026-11-20\nNobody left a line free here.\n",
        "Title: Plan\r\nDate: 2026-11-20 10:15\r\n\r\nWords.\r\n",
        "\ufeffTitle: Plan\nDate: 20 November 2026\nSummary: One\n    and: two\n\nWords.\n",
        head("Title: [Sic] Draft: true", "Date: 2026-11-20T10:15:00+01:00", "Slug: plan"),
        head("Title: Draft", "Date: 2026-11-20", "Category: hidden", "Slug: plan"),
    ],
)
def test_what_pelican_understands_is_let_alone(environ: Path, text: str) -> None:
    output = built(desk(environ, {**GOOD, "plan.md": text}, PUBLIC))
    assert len(list(output.glob("*/index.html"))) == 2


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("Date: yesterday", "Date: 2026-11-20"),
        ("Date: 2026-02-30", "Date: 2026-11-20"),
        ("Date: 2026", "day"),
        ("Date: November 2026", "day"),
        ("Date: 10:15", "day"),
        ("Date:  ", "empty"),
        ("Modified: Monday", "day"),
        ("Tags: [one, two]", "Tags: one, two"),
        ("Authors: [Ann, Bob]", "Authors: Ann, Bob"),
        ("Tags: party, 🎉", "🎉"),
        ("Tags: ???", "???"),
        ("Category: 🎉", "🎉"),
        ("Author: ???", "???"),
        ("Status: pubished", "published"),
        ("Slug: ../up", "Slug"),
    ],
)
@pytest.mark.parametrize("plugins", [DESK, QUICK], ids=["stock", "quick"])
def test_a_bad_line_is_named_and_only_its_article_is_left_out(
    environ: Path, capfd: pytest.CaptureFixture[str], line: str, fix: str, plugins: str
) -> None:
    date = () if line.startswith("Date") else ("Date: 2026-11-20",)
    text = head("Title: Plan", *date, line)
    root = desk(environ, {**GOOD, "plan.md": text}, LOCAL + LISTS, plugins)
    output = built(root)
    assert (output / "good/index.html").is_file()
    assert shown_in(output, SECRET) == []
    number = 2 + len(date)
    (said,) = [one for one in capfd.readouterr().err.splitlines() if "plan.md" in one]
    assert f"content/plan.md:{number}: " in said
    assert fix in said
    desk(environ, {}, PUBLIC + LISTS, plugins)
    (refusal,) = refusals(root)
    assert refusal.startswith(f"content/plan.md:{number}: ")


@pytest.mark.parametrize(
    ("text", "number", "fix"),
    [
        (head("Title:", "Date: 2026-11-20"), 1, "title"),
        (head("Date: 2026-11-20"), 1, "Title: "),
        (head("Title: Plan"), 1, "Date: "),
        (head("Title: 🎉", "Date: 2026-11-20"), 1, "Slug: "),
        ("", 1, "Title: "),
    ],
)
def test_a_missing_line_is_asked_for(
    environ: Path, capfd: pytest.CaptureFixture[str], text: str, number: int, fix: str
) -> None:
    root = desk(environ, {**GOOD, "plan.md": text}, LOCAL)
    output = built(root)
    assert shown_in(output, SECRET) == []
    (said,) = [one for one in capfd.readouterr().err.splitlines() if "plan.md" in one]
    assert f"content/plan.md:{number}: " in said
    assert fix in said


def test_a_file_in_another_encoding_is_named_with_its_line(
    environ: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = desk(environ, GOOD, LOCAL)
    (root / "content/plan.md").write_bytes(
        "Title: Köln\nDate: 2026-11-20\n\nText".encode("latin-1")
    )
    built(root)
    assert "content/plan.md:1: " in (said := capfd.readouterr().err)
    assert "UTF-8" in said


def test_a_link_to_a_left_out_article_is_only_told_in_development(
    environ: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {
        "good.md": article("Good", "good", "[x]({filename}plan.md)"),
        "plan.md": head("Title: Plan", "Date: never"),
    }
    output = built(desk(environ, texts, LOCAL))
    assert (output / "good/index.html").is_file()
    assert "content/good.md:5: " in capfd.readouterr().err


def test_a_left_out_text_is_not_copied_as_a_static_file(environ: Path) -> None:
    root = desk(
        environ, {**GOOD, "plan.md": head("Title: Plan", "Date: never")},
        LOCAL + 'STATIC_PATHS = [""]\n',
    )  # fmt: skip
    assert shown_in(built(root), SECRET) == []


def test_a_control_character_is_reported_in_both_kinds_of_build(
    environ: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = head("Title: Plan", "Date: 2026-11-20", body="Before\x1fafter.")
    root = desk(environ, {**GOOD, "plan.md": text}, LOCAL)
    assert (built(root) / "plan/index.html").is_file()
    (said,) = [one for one in capfd.readouterr().err.splitlines() if "plan.md" in one]
    assert "content/plan.md:4: " in said
    assert "U+001F" in said
    desk(environ, {}, PUBLIC)
    with pytest.raises(ProofError, match=r"content/plan\.md:4: .*U\+001F"):
        built(root)


def test_every_bad_text_is_listed_at_once(environ: Path, wire: Wire) -> None:
    texts = {
        "a.md": head("Title: A", "Date: never"),
        "b.md": head("Title: B", "Date: 2026-11-20", "Status : draft"),
        **GOOD,
    }
    said = refusals(desk(environ, texts, PUBLIC))
    assert [one.partition(": ")[0] for one in said] == ["content/a.md:2", "content/b.md:3"]


def test_feeds_stay_well_formed_whatever_a_text_or_a_reply_holds(environ: Path, wire: Wire) -> None:
    """Without the desk, which would refuse the text."""
    title, body = "Plan\x0b", "Before\x1fafter \x0c \ufffe."
    texts = {"plan.md": head(f"Title: {title}", "Date: 2026-11-20", "Slug: plan", body=body)}
    named: dict[str, Any] = {
        "author": {"name": "Ann\x07", "url": None},
        "html": "<p>Odd \x1b words.</p>\n",
    }
    wire.put("plan", [reply(1, **named)])
    settings = f'{PUBLIC}FEED_ALL_RSS = "feeds/all.rss.xml"\n'
    output = built(desk(environ, texts, settings, 'PLUGINS = ["plugins.discussion"]\n'))
    found = [*output.rglob("*.xml"), *output.rglob("*.atom")]
    # The publisher's templates are no feeds yet.
    feeds = [one for one in found if ".discussion" not in one.parts]
    assert len(feeds) >= 4
    for one in feeds:
        etree.parse(one)
