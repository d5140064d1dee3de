"""Neighbours, cards and pictures: quick builds write what Pelican with the same plugins writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pelican import signals
from PIL import Image

from plugins.cards import hooks as cards
from plugins.pictures import hooks as pictures
from plugins.pictures.errors import PictureError
from plugins.quick import writer
from plugins.reading import hooks as reading
from tests.quick.projects import SETTINGS, THEME, Project, article, differences

PLUGINS = ["plugins.pictures", "plugins.reading", "plugins.cards"]
SHOWS = (
    "{% extends 'base.html' %}{% block content %}{{ article.title }} {{ article.reading_minutes }}"
    " {{ article.word_count }} [{{ article.card }}]"
    "{% for one in article.contents %}<a href='#{{ one.id }}'>{{ one.title }}</a>{% endfor %}"
    "{% if article.newer %}newer {{ article.newer.title }} {{ article.newer.url }}{% endif %}"
    "{% if article.older %}older {{ article.older.title }} {{ article.older.subtitle }}{% endif %}"
    "{% for one in article.related %}<i>{{ one.title }}</i>{% endfor %}"
    "{{ article.content }}{% endblock %}"
)
MARKDOWN = {
    "extension_configs": {
        **SETTINGS["MARKDOWN"]["extension_configs"],
        "plugins.reading.extension": {},
    },
    "output_format": "html5",
}
MANY = {f"many-{number}.md": article(number) for number in range(12)}


@pytest.fixture(autouse=True)
def disconnected() -> Iterator[None]:
    """What a project's plugins connect must not reach the next test's builds."""
    yield
    for receiver in (reading.lead_on, cards.deal, pictures.hang):
        signals.all_generators_finalized.disconnect(receiver)


def project(root: Path, **settings: object) -> Project:
    made = Project(
        root,
        PLUGINS=PLUGINS,
        MARKDOWN=MARKDOWN,
        QUICK_PURE_EXTENSIONS=["plugins.reading.extension"],
        **settings,
    )
    made.write("theme/templates/article.html", SHOWS)
    # The footer counts all articles: there each page would show something of every one.
    made.write(
        "theme/templates/base.html", THEME["base.html"].replace("{{ macros.count(articles) }}", "")
    )
    return made


def picture(kind: str, width: int, height: int) -> bytes:
    data = BytesIO()
    Image.effect_mandelbrot((width, height), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(data, kind)
    return data.getvalue()


def put(made: Project, name: str, data: bytes) -> None:
    path = made.root / "content" / "extra" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def page_of(tree: dict[str, bytes], name: str) -> str:
    return next(data for path, data in tree.items() if path.endswith(name)).decode()


@pytest.mark.parametrize("processes", [1, 2])
def test_quick_builds_are_as_pelicans(
    tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Also the archive and the like get keys.
    monkeypatch.setattr(writer, "SINGLE", 0)
    long = "".join(f"\n## {n}. Step\n\n{'Words and more. ' * 60}\n" for n in range(5))
    made = project(tmp_path).articles(
        MANY
        | {
            "long.md": article(3, Title="Long & “good”", Subtitle="A line") + long,
            "de.md": article(4, Title="Zwei", Slug="article-4", Lang="de"),
            "draft.md": article(5, Title="Draft", Status="draft"),
            "pic.md": article(6, Title="Pic") + "\n![a]({static}extra/p.jpg)\n",
        }
    )
    put(made, "p.jpg", picture("JPEG", 1200, 800))
    expected = made.stock()
    assert b"1. Step</a>" in expected["2025/long-good/index.html"]
    assert differences(expected, made.quick(processes=processes)) == []
    assert differences(expected, made.quick(processes=processes)) == []
    assert made.tally.rendered == 0


def test_a_changed_title_shows_beside_its_neighbours_and_nowhere_else(tmp_path: Path) -> None:
    made = project(tmp_path, SITEURL="").articles(MANY)
    made.quick()
    made.write("content/many-3.md", article(3, Title="Renamed", Slug="article-3"))
    after = made.quick()
    assert differences(made.stock(), after) == []
    shown = [name for name, data in after.items() if b"Renamed" in data and "article-" in name]
    assert 1 < len(shown) < 8
    pages = sum("article-" in name and name.endswith(".html") for name in after)
    assert made.tally.reused >= pages - len(shown)


def test_neighbours_speak_the_same_language(tmp_path: Path) -> None:
    tree = (
        project(tmp_path, SITEURL="")
        .articles(MANY | {"de.md": article(2, Title="Allein", Slug="allein", Lang="de")})
        .stock()
    )
    alone = next(data for name, data in tree.items() if "allein" in name).decode()
    assert "newer" not in alone
    assert "older" not in alone
    assert "<i>" not in alone


def test_cards_are_named_by_what_they_show_and_kept(tmp_path: Path) -> None:
    made = project(tmp_path).articles(MANY)
    first = made.quick()
    names = {name for name in first if name.startswith("cards/")}
    assert len(names) == len(MANY) + 1
    for name in names:
        with Image.open(BytesIO(first[name])) as card:
            assert (card.size, card.format) == ((1200, 630), "PNG")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "cards").iterdir()}
    made.write("content/many-3.md", article(3, Title="Renamed"))
    second = made.quick()
    assert len(names - {name for name in second if name.startswith("cards/")}) == 1
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_cards_need_an_absolute_address(tmp_path: Path) -> None:
    tree = project(tmp_path, SITEURL="").articles(MANY).stock()
    assert not [name for name in tree if name.startswith("cards/")]
    assert "[]" in page_of(tree, "article-3/index.html")


def test_images_get_measures_copies_and_patience(tmp_path: Path) -> None:
    made = project(tmp_path).articles(
        {
            "a.md": article(1, Slug="a")
            + "\n![one]({static}extra/p.jpg)\n![two]({static}/extra/p.png)\n"
            + "![three]({static}extra/d.svg) ![four](https://elsewhere.example/x.png)\n"
        }
    )
    put(made, "p.jpg", picture("JPEG", 1200, 800))
    put(made, "p.png", picture("PNG", 700, 300))
    put(made, "d.svg", b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400"/>')
    tree = made.stock()
    one, two, three, four = re.findall("<img[^>]*>", page_of(tree, "/a/index.html"))
    assert 'width="1200" height="800"' in one
    assert "loading" not in one
    assert 'https://example.org/extra/p.jpg 1200w"' in one
    copies = re.findall(r"https://example.org/(pictures/\S+) (\d+)w", one)
    assert [width for _, width in copies] == ["480", "960"]
    for name, width in copies:
        with Image.open(BytesIO(tree[name])) as copy:
            assert (copy.width, copy.format) == (int(width), "JPEG")
        assert len(tree[name]) < len(tree["extra/p.jpg"])
    assert 'width="700" height="300"' in two
    assert 'loading="lazy"' in two
    assert 'width="720" height="400"' in three
    assert "srcset" not in three
    assert "width" not in four
    assert 'loading="lazy"' in four


def test_what_authors_say_of_an_image_stays(tmp_path: Path) -> None:
    made = project(tmp_path).articles(
        {
            "a.md": article(1, Slug="a")
            + "\n![x]({static}extra/p.jpg){ width=300 }\n"
            + "\n![x]({static}extra/p.jpg){ width=10 height=20 loading=eager }\n"
        }
    )
    put(made, "p.jpg", picture("JPEG", 1200, 800))
    one, two = re.findall("<img[^>]*>", page_of(made.stock(), "/a/index.html"))
    assert 'width="300"' in one
    assert 'height="200"' in one
    assert 'width="10"' in two
    assert 'height="20"' in two
    assert 'loading="eager"' in two


def test_copies_carry_nothing_of_where_a_photograph_was_taken(tmp_path: Path) -> None:
    made = project(tmp_path).articles(
        {"a.md": article(1, Slug="a") + "\n![x]({static}extra/side.jpg)\n"}
    )
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera of somebody"
    data = BytesIO()
    Image.effect_mandelbrot((1600, 900), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(
        data, "JPEG", exif=exif
    )
    put(made, "side.jpg", data.getvalue())
    tree = made.stock()
    # It lies on its side: shown upright it is 900 wide.
    assert 'width="900" height="1600"' in page_of(tree, "/a/index.html")
    copy = next(data for name, data in tree.items() if name.startswith("pictures/"))
    assert b"Camera of somebody" not in copy
    with Image.open(BytesIO(copy)) as small:
        assert small.height > small.width


def test_a_file_that_is_no_picture_fails_the_build_by_name(tmp_path: Path) -> None:
    made = project(tmp_path).articles(
        {"a.md": article(1, Slug="a") + "\n![x]({static}extra/p.jpg)\n"}
    )
    put(made, "p.jpg", b"not at all")
    with pytest.raises(PictureError, match=r"a\.md:\d+: the image .*p\.jpg"):
        made.stock()
