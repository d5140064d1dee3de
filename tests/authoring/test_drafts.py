"""Drafts: seen by whoever has the link, and by nobody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugins.authoring import draft_secret
from plugins.authoring.commands import drafts
from plugins.authoring.errors import AuthoringError
from plugins.cli import verify
from tests.authoring.site import DESK, LOCAL, PUBLIC, QUICK, built, desk, files
from tests.discussion.api_server import Wire
from tests.discussion.samples import article

pytestmark = pytest.mark.usefixtures("wire")
ARTICLES = {
    "a.md": article("A", "a"),
    "d.md": article("Not yet", "not-yet", Status="draft", Question="And you?"),
}


def listed(root: Path) -> str:
    done = CliRunner().invoke(drafts, [])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("plugins", [DESK, QUICK], ids=["stock", "quick"])
def test_a_public_draft_stands_where_nobody_guesses_and_nothing_leads_to_it(
    environ: Path, wire: Wire, plugins: str
) -> None:
    root = built(desk(environ, ARTICLES, PUBLIC, plugins))
    link = re.search(r"https://r\.example/(drafts/[0-9a-f]{32}/)", listed(environ))
    assert link
    page = (root / link[1] / "index.html").read_text()
    assert "Not yet" in page
    assert "<form" not in page
    assert "region" not in page
    for name in files(root) - {f"{link[1]}index.html"}:
        data = (root / name).read_bytes()
        assert link[1][7:].encode() not in data, name
        assert b"Not yet" not in data, name
        assert b"not-yet" not in data, name
    assert "not-yet" not in str(wire.pages)
    # The same at each build, from the secret that was made once, which only its owner can read.
    assert link[1] in {f"{Path(name).parent}/" for name in files(built(environ))}
    assert (environ / "var" / draft_secret.NAME).stat().st_mode & 0o777 == 0o600
    assert verify.verify(environ, Path("pelicanconf.py"), Path("output")) == []


def test_a_local_draft_has_a_plain_address_and_needs_no_secret(environ: Path) -> None:
    root = built(desk(environ, ARTICLES, LOCAL))
    assert (root / "drafts/not-yet/index.html").is_file()
    assert not (environ / "var" / draft_secret.NAME).exists()
    assert "Not yet (content/d.md)\n  /drafts/not-yet/" in listed(environ)


def test_without_a_build_or_drafts_the_verb_says_so(environ: Path) -> None:
    done = CliRunner().invoke(drafts, [])
    assert done.exit_code == 1
    assert "run: rejoinder build" in done.output
    built(desk(environ, {"a.md": article("A", "a")}))
    built_at = r"There are no drafts in the last build, of \d{4}-\d\d-\d\d at \d\d:\d\d UTC\.\n"
    assert re.fullmatch(built_at, listed(environ))


def test_a_draft_that_the_last_build_did_not_have_is_named(environ: Path) -> None:
    built(desk(environ, ARTICLES, LOCAL))
    assert "in that build yet" not in listed(environ)
    (environ / "content" / "e.md").write_text(article("Newer", "newer", Status="draft"))
    assert "content/e.md is a draft that is not in that build yet.\n" in listed(environ)
    assert "content/d.md is" not in listed(environ)


def test_the_secret_may_be_given_and_must_be_long(tmp_path: Path) -> None:
    given = {draft_secret.SETTING: "x" * 32}
    assert draft_secret.key_of(given, tmp_path) == b"x" * 32
    assert not (tmp_path / draft_secret.NAME).exists()
    with pytest.raises(AuthoringError, match="fewer than 32"):
        draft_secret.key_of({draft_secret.SETTING: "short"}, tmp_path)
    first = draft_secret.key_of({}, tmp_path / "var")
    assert draft_secret.key_of({}, tmp_path / "var") == first


def test_addresses_differ_by_secret_kind_and_slug() -> None:
    made = {
        draft_secret.preview(key, kind, slug)
        for key in (b"a" * 32, b"b" * 32)
        for kind in ("article", "page")
        for slug in ("x", "y", "größe")
    }
    assert len(made) == 12
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)


def test_the_public_settings_hide_every_kind_of_draft() -> None:
    from plugins.authoring.hooks import FORMATS, PREVIEW

    text = (Path(__file__).parents[2] / "publishconf.py").read_text("utf-8")
    for name in FORMATS:
        for setting in (name, name.replace("URL", "SAVE_AS")):
            line = re.search(rf'^{setting} = ".*"$', text, re.MULTILINE)
            assert line is not None, setting
            assert PREVIEW in line[0]


def test_an_address_of_its_own_is_kept_for_the_day_on_which_it_is_public(environ: Path) -> None:
    own = {"URL": "party/", "Save_as": "party/index.html"}
    articles = {
        "a.md": article("A", "a"),
        "d.md": article("Not yet", "not-yet", Status="draft", **own),
        "f.md": article("Some day", "some-day", Date="2999-01-01", **(own | {"URL": "later/"})),
    }
    root = built(desk(environ, articles, PUBLIC, DESK))
    assert not (root / "party").exists()
    assert not (root / "later").exists()
