"""Links that lead nowhere fail the build, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.pictures.errors import PictureError
from tests.authoring.site import DESK, LOCAL, QUICK, built, desk, one, refused
from tests.discussion.api_server import Wire
from tests.discussion.samples import article

pytestmark = pytest.mark.usefixtures("wire")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("[x](/nowhere/)", 'the link to "/nowhere/" leads nowhere'),
        ("[x](../nowhere/)", 'the link to "../nowhere/" leads nowhere'),
        ("[x][r]\n\n[r]: /nowhere/ 't'", 'the link to "/nowhere/" leads nowhere'),
        ('<a href="/nowhere/?a=1&amp;b=2">x</a>', 'the link to "/nowhere/?a=1&b=2" leads nowhere'),
        ("[x]({filename}gone.md)", 'the link to "{filename}gone.md" leads nowhere'),
        ("[x]({static}gone.txt)", 'the link to "{static}gone.txt" leads nowhere'),
        ("[x]({tag}gone)", 'the link to "{tag}gone" leads nowhere'),
        ("[x]({file}b.md)", 'the link to "{file}b.md" begins with a word that Pelican does not'),
        ("![x](gone.png)", 'the image "gone.png" is not there'),
        ("![x]({static}images/gone.png)", 'the image "{static}images/gone.png" is not there'),
        ('<img src="/b/" srcset="/b/ 1x, /gone.png 2x">', 'the image "/gone.png" is not there'),
        ('<video src="/b/" poster="/gone.png"></video>', 'the image "/gone.png" is not there'),
        ("[x](#gone)", 'the link to "#gone" leads to a page that has no "gone"'),
        ("[x](/b/#gone)", 'the link to "/b/#gone" leads to a page that has no "gone"'),
        ("[x]({filename}b.md#gone)", 'leads to a page that has no "gone"'),
        ("[x](https://r.example/nowhere/)", 'the link to "https://r.example/nowhere/" leads'),
        ("[x](//[)", "is no address"),
    ],
)
def test_a_broken_link_fails_the_build_naming_file_and_line(
    environ: Path, body: str, problem: str
) -> None:
    articles = {"b.md": article("B", "b"), **one(f"Before.\n\n{body}")}
    said = refused(desk(environ, articles, 'SITEURL = "https://r.example"\n'))
    line = 9 if "[r]" in body else 7
    assert len(said) == 1
    assert said[0].startswith(f"content/a.md:{line}: ")
    assert problem in said[0]
    assert not (environ / "output").exists()


@pytest.mark.parametrize(
    "body",
    [
        "[x](/b/)", "[x](/b)", "[x](../b/)", "[x](/b/index.html)", "[x](/)", "[x](.)", "[x](#top)",
        "[x]({filename}b.md)", "[x]({filename}/b.md#head)", "[x]({index})", "[x](#head)\n\n## Head",
        "[x](/b/#head)", "[x](/b/#respond)", "[x](/a/#comment-0123)",
        "[x](#r%C3%A4t)\n\n<b id='rät'>", "[x](mailto:a@example.org)",
        "[x](https://elsewhere.example/x)", "[x](//elsewhere.example/x)",
        "[x](/comments/b)", "[x](/moderate/)", "[x](/shop/things)", "![x]({static}pic%20ture.svg)",
        "`[x](/nowhere/)`", "<!-- [x](/nowhere/) <a href='/nowhere/'> -->", "    [x](/nowhere/)",
        "[x](/b/replies.atom)", "[x](/sitemap.xml)", "[x](/feeds/replies.atom)",
        "[x](https://r.example/b/)", "A note[^1].\n\n[^1]: Here.", "[x]({static}b.md)",
    ],
)  # fmt: skip
def test_links_that_lead_somewhere_do_not(environ: Path, body: str) -> None:
    articles = {"b.md": article("B", "b", "## Head"), **one(body)}
    root = desk(
        environ,
        articles,
        'SITEURL = "https://r.example"\nAUTHORING_IGNORE_LINKS = ["/shop/*"]\n'
        'STATIC_PATHS = ["."]\n'
        'STATIC_EXCLUDE_SOURCES = False\nMARKDOWN = {"extension_configs": {"extra": {}, "toc": {}, '
        '"meta": {}}}\n',
    )
    (root / "content" / "pic ture.svg").write_text("<svg/>")
    built(root)


def test_every_problem_is_listed_at_once_in_the_order_of_the_files(environ: Path) -> None:
    articles = {
        "z.md": article("Z", "z", "[x](/one/)\n\n[y](/two/) `[y](/two/)`\n\n[x](/one/)"),
        "a.md": article("A", "a", "Words.", Summary="A [sum](/three/)"),
    }
    (environ / "content" / "pages").mkdir(parents=True)
    (environ / "content" / "pages" / "p.md").write_text("Title: P\n\n[x](/four/)\n")
    assert refused(desk(environ, articles)) == [
        'content/a.md:4: the link to "/three/" leads nowhere',
        'content/pages/p.md:3: the link to "/four/" leads nowhere',
        'content/z.md:5: the link to "/one/" leads nowhere',
        'content/z.md:7: the link to "/two/" leads nowhere',
        'content/z.md:9: the link to "/one/" leads nowhere',
    ]


def test_a_warm_build_fails_as_long_as_the_link_is_broken(environ: Path) -> None:
    articles = {"b.md": article("B", "b"), **one("[x](/b/)")}
    root = desk(environ, articles, plugins=QUICK)
    first = built(root)
    # The article with the link did not change: its text and its page come from the cache.
    (root / "content" / "b.md").unlink()
    for _ in range(3):
        assert refused(root) == ['content/a.md:5: the link to "/b/" leads nowhere']
    assert (root / "output").resolve() == first
    (root / "content" / "c.md").write_text(article("C", "b"))
    built(root)


def test_what_is_public_may_not_lead_to_a_draft(environ: Path) -> None:
    articles = {"d.md": article("D", "d", "[x](/a/)", Status="draft"), **one("[x]({filename}d.md)")}
    root = desk(environ, articles, LOCAL)
    assert refused(root) == ['content/a.md:5: the link to "{filename}d.md" leads to a draft']
    (root / "content" / "a.md").write_text(one("[x](/d/)")["a.md"])
    assert refused(root) == ['content/a.md:5: the link to "/d/" leads to a draft']


def test_a_broken_link_in_a_draft_is_said_and_fails_nothing(
    environ: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built(desk(environ, {**one("[x](/nowhere/)", Status="draft"), "b.md": article("B", "b")}))
    said = capsys.readouterr().err
    assert 'WARNING: content/a.md:6: the link to "/nowhere/" leads nowhere (a draft)' in said


def test_what_is_scheduled_is_held_to_the_day_it_becomes_public(environ: Path) -> None:
    now = 'AUTHORING_NOW = "2026-11-01"\n' + LOCAL
    later = {"Date": "2026-12-01"}
    articles = {
        "a.md": article("A", "a", "[x]({filename}b.md) [y](/b/#head)", **later),
        "b.md": article("B", "b", "## Head\n\n[x](/b/)", Date="2026-12-01"),
    }
    markdown = 'MARKDOWN = {"extension_configs": {"toc": {}, "meta": {}}}\n'
    built(desk(environ, articles, now + markdown))
    articles["b.md"] = article("B", "b", Date="2026-12-02")
    assert refused(desk(environ, articles, now)) == [
        'content/a.md:5: the link to "/b/#head" leads to what is still a draft on that day',
        'content/a.md:5: the link to "{filename}b.md" leads to what is still a draft on that day',
    ]


def test_a_wrong_setting_is_named(environ: Path) -> None:
    from plugins.authoring.errors import AuthoringError

    for setting in ('AUTHORING_IGNORE_LINKS = "/shop/*"', 'AUTHORING_NOW = "tomorrow"'):
        with pytest.raises(AuthoringError, match=setting.split(" ")[0]):
            built(desk(environ, one(), setting))


def test_the_site_may_stand_below_a_path(environ: Path, wire: Wire) -> None:
    below = 'SITEURL = "https://r.example/blog"\n'
    good = "[x](/blog/b/) [y](../b/) [z](/elsewhere/) [w](https://r.example/blog/b/)"
    built(desk(environ, {"b.md": article("B", "b"), **one(good)}, below))
    bad = desk(environ, one("[x](/blog/c/)"), below, DESK)
    assert refused(bad) == ['content/a.md:5: the link to "/blog/c/" leads nowhere']


PICTURES = 'PLUGINS = ["plugins.pictures", "plugins.discussion", "plugins.authoring"]\n'


def test_a_missing_image_is_told_with_all_other_problems_where_images_are_dressed(
    environ: Path,
) -> None:
    body = "![a]({static}/images/gone.svg)\n\n![b]({attach}gone.jpg)\n\n[x](/nowhere/)"
    assert refused(desk(environ, one(body), plugins=PICTURES)) == [
        'content/a.md:5: the image "{static}/images/gone.svg" is not there',
        'content/a.md:7: the image "{attach}gone.jpg" is not there',
        'content/a.md:9: the link to "/nowhere/" leads nowhere',
    ]


@pytest.mark.parametrize("kind", ["text", "folder"])
def test_an_image_that_cannot_be_read_is_told_by_line_and_never_by_the_machines_path(
    environ: Path, kind: str
) -> None:
    root = desk(environ, one("Before.\n\n![a]({static}/x.jpg)"), plugins=PICTURES)
    file = root / "content" / "x.jpg"
    if kind == "folder":
        file.mkdir()
    else:
        file.write_text("not at all")
    with pytest.raises(PictureError) as caught:
        built(root)
    said = str(caught.value)
    assert said.startswith('content/a.md:7: the image "{static}/x.jpg" cannot be read (')
    assert str(root) not in said
    assert ("content/x.jpg: Is a directory" in said) == (kind == "folder")
