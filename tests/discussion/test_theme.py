"""The theme's own pages, given what articles may bring, and given nothing of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pelican.generators import Generator
from pelican.settings import read_settings

from plugins.language.catalog import catalog_of, install

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", name="env")
def _env() -> Any:
    settings = read_settings(str(ROOT / "pelicanconf.py"))
    generator: Any = Generator
    env = generator({}, settings, settings["PATH"], settings["THEME"], "").env
    install(env, catalog_of(Path(settings["THEME"]) / "translations", "en"))
    return env


class Named(SimpleNamespace):
    """A topic or an author, printed by its name as Pelican's are."""

    def __str__(self) -> str:
        return str(self.name)


def article(title: str = "Networking", **more: Any) -> Any:
    slug = title.lower()
    return SimpleNamespace(
        **{
            "title": title,
            "url": f"{slug}/",
            "slug": slug,
            "date": datetime(2026, 11, 19, 8, 30, tzinfo=UTC),
            "content": "<p>Words.</p>",
            "summary": "<p>Short.</p>",
            "status": "published",
            "category": Named(name="Careers", url="category/careers/"),
            "authors": [Named(name="Mara & Co", url="author/mara/")],
            "discussion": "",
            **more,
        }
    )


def shown(env: Any, name: str, **values: Any) -> str:
    text: str = env.get_template(name).render(
        {"SITENAME": "Rejoinder", "SITEURL": "", "DIRECT_TEMPLATES": ["index"], **values}
    )
    return text


def test_an_article_without_extras_has_no_empty_rows(env: Any) -> None:
    html = shown(env, "article.html", article=article())
    for absent in ("toc", "related", "About the author", "to read<", "Tagged"):
        assert absent not in html
    assert "More in Careers" in html
    assert "All articles" in html


def test_an_article_shows_what_it_brings(env: Any) -> None:
    html = shown(
        env,
        "article.html",
        article=article(
            reading_minutes=6,
            contents=[SimpleNamespace(id="section-a", title="1. You & me")],
            related=[article("Meetings", subtitle="Short ones")],
            newer=article("Newer"),
            older=article("Older"),
        ),
        AUTHOR_FACTS={"Mara & Co": {"bio": "Writes <little>.", "url": "https://mara.example/"}},
    )
    assert "6 minutes to read" in html
    assert '<li><a href="#section-a">1. You &amp; me</a></li>' in html
    assert '<a href="/meetings/">Meetings</a> <span class="subtitle">Short ones</span>' in html
    assert re.search(r'<a rel="prev" href="/older/">.*Older</a>', html)
    assert re.search(r'<a rel="next" href="/newer/">.*Newer</a>', html)
    assert "<p>Writes &lt;little&gt;.</p>" in html
    assert '<a rel="me" href="https://mara.example/">mara.example</a>' in html


def test_the_number_of_a_step_stands_apart(env: Any) -> None:
    content = '<h2 id="section-1">1. Go out</h2><p>x</p><h2 id="section-2">In short</h2>'
    html = shown(env, "article.html", article=article(content=content))
    assert (
        '<h2 id="section-1" class="step"><span class="n">1</span> <span>Go out</span></h2>' in html
    )
    assert '<h2 id="section-2">In short</h2>' in html


def test_a_table_scrolls_by_keyboard_too(env: Any) -> None:
    html = shown(env, "article.html", article=article(content="<table><tr></tr></table>"))
    assert (
        '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table>'
        "<tr></tr></table></div>" in html
    )


def test_a_page_that_is_not_there_offers_the_newest_and_a_search(env: Any) -> None:
    html = shown(env, "404.html", articles=[article()])
    assert '<a href="/networking/">Networking</a>' in html
    assert "search" not in html
    html = shown(env, "404.html", articles=[], DIRECT_TEMPLATES=["index", "search"])
    assert '<form role="search" action="/search/" method="get">' in html
    assert '<input id="q" type="search" name="q"' in html
    assert '<li><a href="/search/">Search</a></li>' in html


def test_every_sheet_that_a_page_names_is_there(env: Any) -> None:
    html = shown(env, "article.html", article=article()) + shown(env, "404.html", articles=[])
    sheets = set(re.findall(r'href="/theme/(css/[a-z]+\.css)"', html))
    assert sheets == {"css/site.css", "css/extra.css", "css/lists.css"}
    for sheet in sheets:
        assert (ROOT / "theme" / "static" / sheet).is_file()


def test_every_article_of_the_site_has_its_illustration() -> None:
    for path in (ROOT / "content").glob("*.md"):
        text = path.read_text("utf-8")
        found = re.findall(r"!\[(.+?)\]\(\{static\}/images/([a-z-]+\.svg)\)\{ width=720", text)
        assert found, f"{path.name} has no illustration"
        for alternative, name in found:
            assert len(alternative) > 40
            drawn = (ROOT / "content" / "images" / name).read_text("utf-8")
            assert "prefers-color-scheme:dark" in drawn
            assert len(drawn) < 4_000
