"""Every page has an address of its own, and none of them is the service's."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.cli import verify
from plugins.cli.build import build_site
from plugins.shared.errors import DiscussionError
from tests.authoring.site import DESK, LOCAL, PUBLIC, QUICK, built, desk
from tests.authoring.test_article_reader import GOOD, LISTS, head, refusals
from tests.discussion.api_server import Wire
from tests.discussion.samples import article, following, make_site, reply

pytestmark = pytest.mark.usefixtures("wire")
PLAIN = 'PLUGINS = ["plugins.discussion"]\n'


@pytest.mark.parametrize("plugins", [PLAIN, DESK, QUICK], ids=["plain", "desk", "quick"])
def test_an_article_may_be_titled_replies(environ: Path, wire: Wire, plugins: str) -> None:
    texts = {**GOOD, "replies.md": "Title: Replies\nDate: 2026-11-20\n\nOne paragraph.\n"}
    wire.put("good", [reply(1)])
    root = desk(environ, texts, PUBLIC, plugins)
    output = built(root)
    assert "One paragraph." in (output / "replies/index.html").read_text()
    wire.put("good", [reply(1), reply(2)])
    wire.put("replies", [reply(3)])
    with following(root / "output", root / "var" / "discussions.sqlite3", wire.url) as publisher:
        publisher.once()
    assert "Reply number 2." in (output / "good/index.html").read_text()
    assert "Reply number 3." in (output / "replies/index.html").read_text()
    assert verify.verify(root, Path("pelicanconf.py"), Path("output")) == []


@pytest.mark.parametrize(
    "slug",
    [
        *("comments", "Comments", "MODERATE", "search", "Search", "theme", ".discussion", ".live"),
        *("comments/deep", "Moderate/in/here", "api", "status", "Assets", "feeds"),
    ],
)
def test_an_address_of_the_service_is_refused_by_name_and_alone(
    environ: Path, capfd: pytest.CaptureFixture[str], slug: str
) -> None:
    text = head("Title: Plan", "Date: 2026-11-20", f"Slug: {slug}")
    root = desk(environ, {**GOOD, "plan.md": text}, LOCAL)
    output = built(root)
    assert (output / "good/index.html").is_file()
    assert not (output / slug / "index.html").exists()
    (said,) = [one for one in capfd.readouterr().err.splitlines() if "plan.md" in one]
    assert "content/plan.md:3: " in said
    desk(environ, {}, PUBLIC)
    (refusal,) = refusals(root)
    assert refusal.startswith("content/plan.md:3: ")


@pytest.mark.parametrize("title", ["Tag", "Category", "Author", "Page", "Replies", "Index"])
def test_titles_that_only_look_like_ours_are_built(environ: Path, wire: Wire, title: str) -> None:
    text = head(f"Title: {title}", "Date: 2026-11-20", "Tags: one", "Category: Two", body="Words.")
    wire.put("good", [reply(number) for number in range(1, 8)])
    root = desk(environ, {**GOOD, "plan.md": text}, PUBLIC + LISTS + "DISCUSSION_PAGE_SIZE = 2\n")
    output = built(root)
    assert "Words." in (output / title.lower() / "index.html").read_text()
    assert (output / "good/replies/2/index.html").is_file()


@pytest.mark.parametrize("plugins", [PLAIN, DESK], ids=["plain", "desk"])
@pytest.mark.parametrize(
    ("slug", "other"),
    [
        ("good/replies.atom", "content/good.md"),
        ("good/replies/2", "content/good.md"),
        ("tag/one", "the tag “one”"),
        ("category/misc", "the category “misc”"),
        ("author/ann", "the author “Ann”"),
        ("files/notes.txt", "content/files/notes.txt"),
    ],
)
def test_two_things_at_one_address_are_both_named(
    environ: Path, slug: str, other: str, plugins: str
) -> None:
    texts = {
        "good.md": article("Good", "good", Tags="one", Author="Ann"),
        "plan.md": head("Title: Plan", "Date: 2026-11-20", f"Slug: {slug}", "Discussion: plan"),
    }
    settings = f'{PUBLIC}{LISTS}STATIC_PATHS = ["files"]\nDISCUSSION_PAGE_SIZE = 2\n'
    root = desk(environ, texts, settings, plugins)
    (root / "content/files").mkdir()
    (root / "content/files/notes.txt").write_text("notes")
    said = "\n".join(refusals(root))
    assert "content/plan.md" in said
    assert other in said
    assert "var/builds" not in said


@pytest.mark.parametrize("plugins", [PLAIN, DESK, QUICK], ids=["plain", "desk", "quick"])
def test_two_articles_with_one_slug_are_both_named(environ: Path, plugins: str) -> None:
    texts = {"a.md": article("A", "same"), "b.md": article("B", "same", Discussion="b")}
    said = "\n".join(refusals(desk(environ, texts, PUBLIC, plugins)))
    assert "content/a.md" in said
    assert "content/b.md" in said
    assert "var/builds" not in said


@pytest.mark.parametrize("plugins", [PLAIN, DESK, QUICK], ids=["plain", "desk", "quick"])
def test_an_article_and_a_page_with_one_slug_are_both_named(environ: Path, plugins: str) -> None:
    root = desk(
        environ, {"a.md": article("A", "same")},
        f'{PUBLIC}PAGE_URL = "{{slug}}/"\nPAGE_SAVE_AS = "{{slug}}/index.html"\n', plugins,
    )  # fmt: skip
    (root / "content/pages").mkdir()
    (root / "content/pages/b.md").write_text("Title: B\nSlug: same\n\nWords.\n")
    said = "\n".join(refusals(root))
    assert "content/a.md" in said
    assert "content/pages/b.md" in said
    assert "var/builds" not in said


def test_of_two_articles_with_one_slug_one_is_built_in_development(
    environ: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {"a.md": article("A", "same", "First."), "b.md": article("B", "same", "Second.")}
    output = built(desk(environ, {**texts, **GOOD}, LOCAL))
    assert "First." in (output / "same/index.html").read_text()
    assert (output / "good/index.html").is_file()
    assert "content/b.md:2: " in capfd.readouterr().err


THREE = {"a.md": head("Title: Three", "Date: 2026-11-20", "Tags: C#, C++, C")}
RECIPE = """
from pelican.settings import DEFAULT_CONFIG
TAG_REGEX_SUBSTITUTIONS = [
    (r"C\\+\\+", "c-plus-plus"),
    (r"C#", "c-sharp"),
    *DEFAULT_CONFIG["SLUG_REGEX_SUBSTITUTIONS"],
]
"""


@pytest.mark.parametrize("plugins", [DESK, QUICK], ids=["stock", "quick"])
def test_tags_that_share_a_slug_are_refused_with_a_recipe_that_works(
    environ: Path, plugins: str
) -> None:
    root = desk(environ, THREE, PUBLIC + LISTS, plugins)
    said = refusals(root)
    assert [one.partition(": ")[0] for one in said] == ["content/a.md:3"] * 2
    assert "“C++”" in said[0]
    assert "“C#”" in said[0]
    assert "TAG_REGEX_SUBSTITUTIONS" in said[0]
    desk(environ, {}, PUBLIC + LISTS + RECIPE, plugins)
    output = built(root)
    for slug in ("c", "c-sharp", "c-plus-plus"):
        assert (output / f"tag/{slug}/index.html").is_file()


@pytest.mark.parametrize("kind", ["Category", "Author"])
def test_categories_and_authors_that_share_a_slug_are_refused(environ: Path, kind: str) -> None:
    texts = {
        "a.md": head("Title: A", "Date: 2026-11-20", f"{kind}: C++"),
        "b.md": head("Title: B", "Date: 2026-11-20", f"{kind}: C#"),
    }
    (said,) = refusals(desk(environ, texts, PUBLIC + LISTS))
    assert said.startswith("content/b.md:3: ")
    assert "content/a.md" in said
    assert f"{kind.upper()}_REGEX_SUBSTITUTIONS" in said


def test_one_tag_in_two_spellings_is_one_tag(environ: Path) -> None:
    texts = {
        "a.md": head("Title: A", "Date: 2026-11-20", "Tags: Time, time, TIME"),
        "b.md": head("Title: B", "Date: 2026-11-19", "Tags: time"),
    }
    settings = PUBLIC + LISTS + 'THEME_TEMPLATES_OVERRIDES = ["t"]\n'
    root = desk(environ, texts, settings)
    (root / "t").mkdir()
    (root / "t/tag.html").write_text("{% for one in articles %}<{{ one.title }}>{% endfor %}")
    assert (built(root) / "tag/time/index.html").read_text() == "<A><B>"


def test_a_title_of_the_site_may_be_overridden_on_purpose(environ: Path) -> None:
    text = head("Title: Home", "Date: 2026-11-20", "Save_as: index.html", "Url: ", body="Home.")
    output = built(desk(environ, {**GOOD, "home.md": text}, PUBLIC))
    assert "Home." in (output / "index.html").read_text()


def test_plain_discussions_refuse_a_reserved_slug(environ: Path) -> None:
    site = make_site(environ, {"plan.md": article("Plan", "Comments")})
    with pytest.raises(DiscussionError, match=r"content/plan\.md"):
        build_site(site, Path("pelicanconf.py"), Path("output"))
