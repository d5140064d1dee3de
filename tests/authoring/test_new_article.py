"""`rejoinder new` begins an article and destroys none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from plugins.authoring import commands
from tests.authoring.site import LOCAL, PUBLIC, built, desk, one
from tests.discussion.api_server import Wire
from tests.discussion.samples import article


@pytest.fixture
def site(environ: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REJOINDER_SITE_URL", "http://127.0.0.1:8000")
    return desk(environ, one(Category="Careers"), LOCAL + 'AUTHOR = "The editors"\n')


def new(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(commands.new, list(words), input=given)


def test_every_line_that_the_theme_uses_is_there(site: Path, wire: Wire) -> None:
    done = new("Say no", "--question", "When?", "--category", "Careers", "--tags", "a, b",
               "--subtitle", "Kindly", "--summary", "How to.\nReally.")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.output == (
        "content/say-no.md\nPreview after the next build: http://127.0.0.1:8000/drafts/say-no/\n"
    )
    lines = (site / "content/say-no.md").read_text().splitlines()
    assert lines.pop(7).startswith("Date: 20")
    assert lines == [
        "Title: Say no", "Slug: say-no", "Subtitle: Kindly", "Summary: How to. Really.",
        "Author: The editors", "Category: Careers", "Tags: a, b", "Status: draft",
        "Question: When?", "",
    ]  # fmt: skip
    assert (built(site) / "drafts/say-no/index.html").is_file()


def test_a_person_is_asked_for_what_is_missing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_somebody_answers", lambda: True)
    done = new(given="My title\nAnd you?\n\nIn short.\n\n\n")
    assert done.exit_code == 0, done.output
    assert "Topics so far: Careers" in done.output
    text = (site / "content/my-title.md").read_text()
    assert "Question: And you?\n" in text
    assert "Category: Careers\n" in text
    assert "Summary: In short.\n" in text


def test_topics_and_authors_are_written_as_the_site_writes_them(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "content/m.md").write_text(article("M", "m", Author="Mara L", Category="Meetings"))
    done = new("One", "--topic", "meetings", "--author", "mara l")
    assert done.exit_code == 0, done.output
    text = (site / "content/one.md").read_text()
    assert "Category: Meetings\n" in text
    assert "Author: Mara L\n" in text
    monkeypatch.setattr(commands, "_somebody_answers", lambda: True)
    done = new("Two", given="\n\n\nMEETINGS\n\nmara l\n")
    assert "Topics so far: Meetings, Careers" in done.output
    assert "Authors so far: Mara L" in done.output
    text = (site / "content/two.md").read_text()
    assert "Category: Meetings\n" in text
    assert "Author: Mara L\n" in text


def test_no_topic_is_made_up_where_the_site_has_others(site: Path) -> None:
    done = new("Say no")
    assert "no topic yet; add a line Category: with one of: Careers" in done.output
    assert "Category" not in (site / "content/say-no.md").read_text()
    with (site / "pelicanconf.py").open("a") as settings:
        settings.write('DEFAULT_CATEGORY = "Careers"\n')
    new("Say yes")
    assert "Category: Careers\n" in (site / "content/say-yes.md").read_text()


@pytest.mark.parametrize(
    ("title", "name"),
    [("Größe & “Stil”", "grosse-stil"), ("日本", "ri-ben"), ("C++: why?", "c-why"), ("A", "a-2")],
)
def test_the_address_is_the_one_pelican_makes(
    site: Path, wire: Wire, title: str, name: str
) -> None:
    done = new(title, *(["--slug", "a-2"] if title == "A" else []))
    assert done.exit_code == 0, done.output
    assert f"Title: {title}\n" in (site / f"content/{name}.md").read_text("utf-8")
    assert (built(site) / f"drafts/{name}/index.html").is_file()


@pytest.mark.parametrize(
    ("title", "guessed"),
    [("日本語", True), ("カナ", True), ("한국어", True), ("שלום", True), ("Q&A 問", True),
     ("Größe", False), ("Ελλάδα", False), ("Привет!", False), ("C++: 3 × 4 ☕", False)],
)  # fmt: skip
def test_a_guessed_address_is_said_and_offered(
    site: Path, monkeypatch: pytest.MonkeyPatch, title: str, guessed: bool
) -> None:
    words = (title, "--topic", "Careers")
    said = new(*words)
    assert said.exit_code == 0, said.output
    assert ("The address is made of the title: " in said.output) == guessed
    assert ("--slug sets another" in said.output) == guessed
    assert "The address is made" not in new(*words, "--slug", "own").output
    monkeypatch.setattr(commands, "_somebody_answers", lambda: True)
    asked = new(*words, "--question", "", "--subtitle", "", "--summary", "", "--tags", "",
                given="chosen\n")  # fmt: skip
    assert ("Slug (the address) [" in asked.output) == guessed
    assert (site / "content/chosen.md").is_file() == guessed


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["A"], "content/a.md has the address 'a' already"),
        (["!!!"], "gives no address; name one with --slug"),
        (["Comments"], "'comments' cannot be used"),
        (["X", "--slug", "../x"], "'../x' cannot be used"),
        (["X", "--slug", "note"], "content/note.md is there already"),
        (["  "], "Name the article"),
        ([], "Name the article"),
        (["X", "--settings", "none.py"], "none.py is missing"),
    ],
)
def test_nothing_is_written_over(site: Path, words: list[str], why: str) -> None:
    (site / "content/note.md").write_text("Not an article.\n")
    before = {path: path.read_bytes() for path in (site / "content").iterdir()}
    done = new(*words)
    assert done.exit_code != 0
    assert why in done.output
    assert {path: path.read_bytes() for path in (site / "content").iterdir()} == before


def test_on_the_public_site_the_link_is_the_one_that_the_build_makes(
    site: Path, wire: Wire
) -> None:
    with (site / "pelicanconf.py").open("a") as settings:
        settings.write(PUBLIC)
    done = new("Say no")
    link = done.output.split("https://r.example/")[1].strip()
    assert (built(site) / link / "index.html").is_file()


def test_every_option_has_one_sentence_of_help() -> None:
    for verb in (commands.new, commands.drafts):
        assert verb.help is not None
        assert verb.help.endswith(".")
        for option in verb.params:
            assert option.name == "title" or str(getattr(option, "help", "")).endswith(".")
