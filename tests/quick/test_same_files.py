"""A quick build writes what Pelican alone writes, byte for byte."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from plugins.quick import writer
from tests.quick.projects import ARTICLES, ROOT, THEME, Project, article, differences, tree

MANY = {f"many-{number}.md": article(number) for number in range(12)}


@pytest.fixture(autouse=True)
def every_page_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the archive and the like, which a build would rather render than compare."""
    monkeypatch.setattr(writer, "SINGLE", 0)


def same(project: Project, **how: Any) -> None:
    expected = project.stock()
    assert len(expected) > 10
    assert differences(expected, project.quick(**how)) == []
    assert differences(expected, project.quick(**how)) == []


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("cache", [None, "cache"])
def test_a_site_with_everything(tmp_path: Path, processes: int, cache: str | None) -> None:
    same(Project(tmp_path).articles(ARTICLES | MANY), processes=processes, cache=cache)


def test_a_warm_build_renders_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(ARTICLES | MANY)
    project.quick()
    made = project.tally.rendered
    assert made > 30
    project.quick()
    assert (project.tally.rendered, project.tally.reused) == (0, made)


def test_one_edited_text_renders_one_page(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    # The footer counts all articles: there, whatever an article's page shows of one counts of all.
    base = THEME["base.html"].replace("{{ macros.count(articles) }}", "")
    project.write("theme/templates/base.html", base)
    project.quick()
    project.write("content/many-3.md", article(3, Summary="Short.") + "More.\n")
    project.quick()
    project.write("content/many-3.md", article(3, Summary="Short.") + "Even more.\n")
    after = project.quick()
    assert project.tally.rendered == 1
    assert differences(project.stock(), after) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"RELATIVE_URLS": True},
        {"SITEURL": ""},
        {"SUMMARY_MAX_LENGTH": 3},
        {"SUMMARY_MAX_PARAGRAPHS": 1},
        {"DEFAULT_DATE": [2020, 1, 1]},
        {"ARTICLE_ORDER_BY": "title"},
        {"USE_FOLDER_AS_CATEGORY": True, "OUTPUT_SOURCES": True},
        {"STATIC_CREATE_LINKS": True},
        {"ARTICLE_TRANSLATION_ID": False},
        {"TEMPLATE_PAGES": {"extra/a.txt": "a.html"}},
        {"TYPOGRIFY": False, "FORMATTED_FIELDS": ["summary", "title"]},
        {"CACHE_CONTENT": True, "LOAD_CONTENT_CACHE": True},
        {"FEED_MAX_ITEMS": 3, "RSS_FEED_SUMMARY_ONLY": False},
        {"PAGINATED_TEMPLATES": {"index": 3, "tag": None}},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_with_other_settings(tmp_path: Path, settings: dict[str, Any]) -> None:
    same(Project(tmp_path, **settings).articles(ARTICLES | MANY))


def test_copies_are_as_good_as_links(tmp_path: Path) -> None:
    same(Project(tmp_path).articles(MANY), link=False)


def test_attached_files_move_as_with_pelican(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    project.write("content/attach.md", article(40) + "\n![a]({attach}extra/b.txt)\n")
    project.write("content/also.md", article(41) + "\n![a]({attach}extra/b.txt)\n")
    project.write("content/extra/b.txt", "attached\n")
    same(project)


def test_jinja_that_cannot_be_told_is_rendered_each_time(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    project.write(
        "theme/templates/article.html",
        "{% set t = 'base.html' %}{% extends t %}{% block content %}{{ article[article.slug] }}"
        "{{ article.content }}{% for a in articles %}{{ a.title }}{% endfor %}{% endblock %}",
    )
    expected = project.stock()
    for _ in range(2):
        assert differences(expected, project.quick()) == []
    # What a template may change cannot be told here: every page is rendered, in order.
    assert project.tally.rendered >= len(MANY)


def test_pelicans_own_simple_theme(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(ARTICLES | MANY)
    shutil.rmtree(tmp_path / "theme" / "templates")
    (tmp_path / "theme" / "templates").mkdir()
    same(project)


def test_the_projects_own_content_and_theme(tmp_path: Path) -> None:
    project = Project(tmp_path, PLUGINS=["plugins.language"])
    for name in ("content", "theme"):
        shutil.rmtree(tmp_path / name)
        shutil.copytree(ROOT / name, tmp_path / name)
    # As many as it takes to work in several processes.
    project.articles(MANY)
    same(project)


def test_another_title_leaves_the_other_articles_of_the_projects_own_theme_alone(
    tmp_path: Path,
) -> None:
    """A macro of the theme that has the name of one of Pelican's lists makes pages wait on it."""
    project = Project(tmp_path, PLUGINS=["plugins.language"])
    shutil.rmtree(tmp_path / "theme")
    shutil.copytree(ROOT / "theme", tmp_path / "theme")
    many = {f"one-{n}.md": article(n, Slug=f"one-{n}", Tags="") for n in range(40)}
    project.articles(many)
    project.quick()
    project.write("content/one-3.md", article(3, Slug="one-3", Tags="", Title="Another title"))
    project.quick()
    # Its own page, and the lists that show it.
    assert project.tally.rendered < 25
    assert project.tally.reused >= 39


def test_what_another_build_left_is_not_taken_for_this_sites(tmp_path: Path) -> None:
    """One cache, two settings."""
    one = Project(tmp_path / "one").articles(MANY)
    other = Project(tmp_path / "other", SITEURL="https://other.example").articles(MANY)
    for project in (one, other, one):
        cache = str(tmp_path / "cache")
        assert differences(project.stock(), project.quick(cache=cache)) == []
    assert one.tally.rendered == 0


def test_a_published_change_does_not_come_back(tmp_path: Path) -> None:
    """The publisher replaces a page by rename: the next build takes what a build rendered."""
    project = Project(tmp_path).articles(MANY)
    first = project.quick()
    output = tmp_path / "quick1"
    page = output / "index.html"
    page.with_name("new").write_text("other words")
    page.with_name("new").replace(page)
    assert project.quick() == first


def test_a_page_edited_in_place_is_not_taken_over(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    first = project.quick()
    (tmp_path / "quick1" / "index.html").write_text("edited by hand, through the link")
    assert project.quick() == first


def test_touching_changes_nothing_and_times_do_not_matter(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    project.quick()
    time.sleep(0.01)
    for path in (tmp_path / "content").glob("*.md"):
        path.touch()
    project.quick()
    assert project.tally.rendered == 0


def test_a_changed_template_renders_what_uses_it(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    project.quick()
    project.write("theme/templates/_list.html", THEME["_list.html"] + "<hr>")
    assert differences(project.stock(), project.quick()) == []
    assert project.tally.rendered > 0
    assert project.tally.reused >= len(MANY)


def test_the_output_is_not_written_through_links_when_built_again_in_place(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    first = project.quick()
    project._builds = 0
    project.write("content/many-1.md", article(1, Title="Another title"))
    second = project.quick()
    assert differences(first, second)
    shutil.rmtree(tmp_path / "quick1")
    project.write("content/many-1.md", article(1))
    project._builds = 0
    third = project.quick()
    assert differences(first, third) == []
    assert tree(tmp_path / "quick1") == third
