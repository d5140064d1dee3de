from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plugins.cli.build import build_site
from plugins.discussion.model import manifest
from plugins.shared.errors import BuildError, PageError, SettingsError
from plugins.shared.plain_text import plain
from tests.discussion.api_server import Wire
from tests.discussion.samples import article, make_site, reply


def build(root: Path) -> Path:
    return build_site(root, Path("pelicanconf.py"), Path("output")).root


def test_articles_show_their_replies_and_are_registered(wire: Wire, environ: Path) -> None:
    wire.put("networking", [reply(1), reply(2, 1)])
    output = build(make_site(environ))
    page = (output / "networking" / "index.html").read_text()
    assert "<!--region discussion networking 1-->" in page
    assert "<p>Reply number 2.</p>" in page
    assert "Test, open" in page
    assert "<!--region discussion meetings 0-->" in (output / "meetings" / "index.html").read_text()
    assert [(one["key"], one["url"], one["open"]) for one in wire.pages] == [
        ("feedback", "/feedback/", False),
        ("meetings", "/meetings/", True),
        ("networking", "/networking/", True),
    ]
    assert wire.pages[2]["question"] == "How do you handle networking?"


def test_a_closed_article_takes_no_reply(wire: Wire, environ: Path) -> None:
    wire.put("feedback", [reply(1)])
    page = (build(make_site(environ)) / "feedback" / "index.html").read_text()
    assert "<p>Closed.</p>" in page
    assert "<form" not in page
    assert "Test, open" not in page


def test_titles_are_registered_as_plain_text() -> None:
    assert plain("A &amp; B <em>&ldquo;c&rdquo;</em>") == "A & B “c”"
    assert plain("if a < b and b > c") == "if a < b and b > c"
    assert plain(' <span class="caps">FAQ</span>&nbsp;x\n y') == "FAQ x y"


def test_every_language_version_has_its_own_discussion(wire: Wire, environ: Path) -> None:
    build(
        make_site(
            environ,
            {
                "a.md": article("Hello", "hello", Lang="en"),
                "b.md": article("Hallo", "hello", Lang="de"),
                "c.md": article("Salut", "hello", Lang="fr", Discussion="salut"),
            },
        )
    )
    assert [(one["key"], one["url"]) for one in wire.pages] == [
        ("hello", "/hello/"),
        ("hello.de", "/hello/de/"),
        ("salut", "/hello/fr/"),
    ]


def test_hidden_articles_have_discussions_and_drafts_have_none(wire: Wire, environ: Path) -> None:
    output = build(
        make_site(
            environ,
            {
                "a.md": article("Hidden", "hidden", Status="hidden", Category="c"),
                "b.md": article(
                    "Draft", "draft", Status="draft", Category="c", Discussion="secret-key"
                ),
            },
        )
    )
    assert [one["key"] for one in wire.pages] == ["hidden"]
    assert "<!--region discussion hidden 0-->" in (output / "hidden" / "index.html").read_text()
    draft = (output / "drafts" / "draft.html").read_text()
    assert "discussion" not in draft
    assert "secret-key" not in draft


def test_pages_have_discussions_only_when_asked_for(wire: Wire, environ: Path) -> None:
    articles = {"a.md": article("A", "a")}
    (environ / "content" / "pages").mkdir(parents=True)
    (environ / "content" / "pages" / "about.md").write_text("Title: About\n\nUs.\n")
    build(make_site(environ, articles))
    assert [one["key"] for one in wire.pages] == ["a"]
    build(make_site(environ, articles, "DISCUSSION_PAGES = True"))
    assert [one["key"] for one in wire.pages] == ["a", "about"]


def test_an_absolute_site_gives_absolute_addresses(wire: Wire, environ: Path) -> None:
    site = make_site(environ, settings='SITEURL = "https://rejoinder.example"')
    page = (build(site) / "networking" / "index.html").read_text()
    assert 'action="https://rejoinder.example/comments/networking"' in page
    assert wire.pages[2]["url"] == "https://rejoinder.example/networking/"


@pytest.mark.parametrize(
    ("articles", "message"),
    [
        (
            {"a.md": article("A", "a"), "b.md": article("B", "b", Discussion="a")},
            r"(a\.md.*b\.md|b\.md.*a\.md).*same discussion 'a'",
        ),
        ({"a.md": article("A", "a", Discussion="x/y")}, r"a\.md.*contains /"),
        ({"a.md": article("A", "a", Discussion="x y")}, r"a\.md.*white space"),
        ({"a.md": article("A", "a", Discussion="k" * 201)}, r"a\.md.*201 characters"),
        ({"a.md": article("A", "comments")}, r"a\.md.*reserved name"),
        ({"a.md": article("A", "moderate")}, r"a\.md.*reserved name"),
        ({"a.md": article("A", "a", Save_as="theme/a.html")}, r"a\.md.*reserved name"),
        ({"a.md": article("A", "a", Discussion="comments")}, r"a\.md.*reserved"),
    ],
)
def test_a_key_that_cannot_be_used_names_the_source(
    environ: Path, articles: dict[str, str], message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        build(make_site(environ, articles))
    assert not (environ / "output").exists()


@pytest.mark.parametrize(
    "text",
    [
        "<!--region discussion a 1-->",
        "<!--/region discussion a-->",
        "<!--region discussion a 1--><!--/region discussion a-->",
    ],
)
def test_an_article_that_contains_its_own_marker_stops_the_build(environ: Path, text: str) -> None:
    with pytest.raises(PageError, match=r"a/index\.html.*instead of one pair"):
        build(make_site(environ, {"a.md": article("A", "a", text)}))
    assert not (environ / "output").exists()


def test_a_theme_that_prints_no_discussion_stops_the_build(environ: Path, tmp_path: Path) -> None:
    templates = tmp_path / "mine"
    templates.mkdir()
    (templates / "article.html").write_text("<p>{{ article.title }}</p>")
    site = make_site(environ, settings=f"THEME_TEMPLATES_OVERRIDES = [{str(templates)!r}]")
    with pytest.raises(PageError, match=r"has no marker.*article\.discussion"):
        build(site)


def test_a_theme_may_override_the_discussion(wire: Wire, environ: Path, tmp_path: Path) -> None:
    templates = tmp_path / "mine" / "discussion"
    templates.mkdir(parents=True)
    (templates / "discussion.html").write_text("mine")
    site = make_site(environ, settings=f"THEME_TEMPLATES_OVERRIDES = [{str(templates.parent)!r}]")
    page = (build(site) / "networking" / "index.html").read_text()
    assert "<!--region discussion networking 0-->mine<!--/region discussion networking-->" in page


def test_a_wrong_setting_stops_the_build(environ: Path) -> None:
    with pytest.raises(SettingsError, match="DISCUSSION_MAX_DEPTH"):
        build(make_site(environ, settings="DISCUSSION_MAX_DEPTH = 0"))


def test_a_service_that_is_down_leaves_the_last_replies_and_says_so_loudly(
    wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    wire.put("networking", [reply(1)])
    site = make_site(environ)
    build(site)
    monkeypatch.setenv("REJOINDER_SERVICE_URL", "http://127.0.0.1:9")
    page = (build(site) / "networking" / "index.html").read_text()
    assert "<p>Reply number 1.</p>" in page
    said = capsys.readouterr().err
    assert "WARNING: Building with the replies as they were 0 minutes ago" in said
    assert "http://127.0.0.1:9" in said


@pytest.mark.parametrize("missing", ["service", "token"])
def test_without_service_and_snapshot_the_build_stops(
    environ: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "service":
        monkeypatch.setenv("REJOINDER_SERVICE_URL", "http://127.0.0.1:9")
    else:
        monkeypatch.delenv("REJOINDER_API_TOKEN")
    with pytest.raises(BuildError, match=r"no discussions to build with.*DISCUSSION_REQUIRED"):
        build(make_site(environ))
    assert not (environ / "output").exists()
    assert list((environ / "var" / "builds").iterdir()) == []


def test_a_site_may_choose_to_build_without_replies(
    environ: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("REJOINDER_SERVICE_URL", "http://127.0.0.1:9")
    site = make_site(environ, settings="DISCUSSION_REQUIRED = False")
    assert (
        "<!--region discussion networking 0-->"
        in (build(site) / "networking/index.html").read_text()
    )
    assert "WITHOUT any replies" in capsys.readouterr().err


def test_a_disturbed_registration_is_left_to_the_publisher(
    wire: Wire, environ: Path, capsys: Any
) -> None:
    site = make_site(environ)
    wire.failures = []
    original = wire.changes

    def then_fail(*args: Any) -> Any:
        answer = original(*args)
        wire.failures = [500]
        return answer

    wire.changes = then_fail  # type: ignore[method-assign,assignment]
    build(site)
    assert "could not be registered; the publisher will do it" in capsys.readouterr().err


def test_plain_pelican_works_too_and_fails_with_an_exit_code(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    command = [sys.executable, "-m", "pelican", "-s", "pelicanconf.py"]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = manifest.load(site / "output")
    assert [one.key for one in built.pages] == ["feedback", "meetings", "networking"]
    built.close()
    (site / "content" / "bad.md").write_text(article("Bad", "comments"))
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "reserved" in done.stdout + done.stderr


def test_both_settings_files_work_from_any_folder(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    code = (
        "from pelican.settings import read_settings; import sys;"
        "s = read_settings(sys.argv[1]); print(s['SITEURL'], s['PATH'], s['FEED_ALL_ATOM'])"
    )

    def read(name: str, **more: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **more}
        command = [sys.executable, "-c", code, str(root / name)]
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

    assert read("pelicanconf.py").stdout == f" {root}/content None\n"
    public = read("publishconf.py", REJOINDER_SITE_URL="https://r.example/")
    assert public.stdout == f"https://r.example {root}/content feeds/all.atom.xml\n"
    missing = read("publishconf.py", REJOINDER_SITE_URL="")
    assert missing.returncode == 1
    assert "REJOINDER_SITE_URL is missing" in missing.stderr


@pytest.mark.parametrize("gone", ["deleted", "made a draft"])
def test_plain_pelican_goes_on_when_an_article_is_gone(
    wire: Wire, environ: Path, gone: str
) -> None:
    settings = """
SITEURL = "https://r.example"
TAG_URL = "tag/{slug}/"
TAG_SAVE_AS = "tag/{slug}/index.html"
DRAFT_URL = "drafts/{slug}/"
DRAFT_SAVE_AS = "drafts/{slug}/index.html"
FEED_ALL_ATOM = "feeds/all.atom.xml"
TAG_FEED_ATOM = "feeds/tag/{slug}.atom.xml"
THEME_TEMPLATES_OVERRIDES = ["t"]
DISCUSSION_PAGE_SIZE = 2
DISCUSSION_PRECOMPRESS = ["gz"]
"""
    site = make_site(environ, None, settings)
    (site / "t").mkdir()
    (site / "t/tag.html").write_text(
        "{% for one in articles %}{{ one.discussion_count }}{% endfor %}"
    )
    texts = site / "content"
    (texts / "meetings.md").write_text(article("Meetings", "meetings", Tags="one"))
    wire.put("meetings", [reply(number) for number in range(1, 6)])
    pelican = [sys.executable, "-m", "pelican", "content", "-s", "pelicanconf.py"]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(pelican, cwd=site, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    shown = sorted((site / "output/meetings").rglob("*"))
    assert site / "output/meetings/replies.atom" in shown
    assert site / "output/meetings/replies/2/index.html" in shown
    if gone == "deleted":
        (texts / "meetings.md").unlink()
    else:
        (texts / "meetings.md").write_text(
            article("Meetings", "meetings", Tags="one", Status="draft", Category="Misc")
        )
    for _ in range(3):
        done = run()
        assert done.returncode == 0, done.stdout + done.stderr
    assert not [one for one in (site / "output/meetings").rglob("*") if one.is_file()]
    assert (site / "output/networking/index.html").is_file()
