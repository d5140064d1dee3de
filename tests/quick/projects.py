"""Small sites that use all features of Pelican, and in-process builds of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pelican import Pelican, signals
from pelican.settings import read_settings

from plugins import quick
from plugins.quick import hooks
from plugins.quick.writer import QuickWriter, Tally

ROOT = Path(__file__).parents[2]
PATTERNS = [
    (1, "{url}", "{save_as}"),
    (2, "{base_name}/page/{number}/", "{base_name}/page/{number}/index.html"),
]
SETTINGS: dict[str, Any] = {
    "SITENAME": "Test & co",
    "SITEURL": "https://example.org",
    "PATH": "content",
    "THEME": "theme",
    "TIMEZONE": "Europe/Berlin",
    "DEFAULT_LANG": "en",
    "ARTICLE_EXCLUDES": ["pages", "extra"],
    "STATIC_PATHS": ["extra"],
    "STATIC_CHECK_IF_MODIFIED": False,
    "DEFAULT_PAGINATION": 2,
    "PAGINATION_PATTERNS": PATTERNS,
    "SLUGIFY_USE_UNICODE": True,
    "ARTICLE_URL": "{date:%Y}/{slug}/",
    "ARTICLE_SAVE_AS": "{date:%Y}/{slug}/index.html",
    "TAG_URL": "tag/{slug}/",
    "TAG_SAVE_AS": "tag/{slug}/index.html",
    "YEAR_ARCHIVE_SAVE_AS": "{date:%Y}/index.html",
    "MONTH_ARCHIVE_SAVE_AS": "{date:%Y}/{date:%b}/index.html",
    "FEED_ALL_ATOM": "feeds/all.atom",
    "FEED_ALL_RSS": "feeds/all.rss",
    "CATEGORY_FEED_ATOM": "feeds/{slug}.atom",
    "AUTHOR_FEED_ATOM": None,
    "AUTHOR_FEED_RSS": None,
    "TRANSLATION_FEED_ATOM": "feeds/all-{lang}.atom",
    "TAG_FEED_ATOM": "feeds/tag-{slug}.atom",
    "WITH_FUTURE_DATES": True,
    "MARKDOWN": {
        "extension_configs": {
            "markdown.extensions.extra": {},
            "markdown.extensions.smarty": {},
            "markdown.extensions.toc": {},
            "markdown.extensions.admonition": {},
            "markdown.extensions.meta": {},
        },
        "output_format": "html5",
    },
}
THEME = {
    "base.html": (
        "{% import '_macros.html' as macros with context %}<html><title>{% block title %}"
        "{{ SITENAME|e }}{% endblock %}</title>\n<nav>{% for p in pages %}<a href="
        '"{{ SITEURL }}/{{ p.url }}"{% if page is defined and p == page %} class="here"{% endif %}>'
        "{{ p.title }}</a>{% endfor %}</nav>\n{% block content %}{% endblock %}\n"
        "<footer>{{ output_file }} {{ macros.count(articles) }}</footer></html>\n"
    ),
    "_macros.html": (
        "{% macro count(them) %}{{ them|length }} of {{ SITENAME }}{% endmacro %}\n"
        "{% macro link(one) %}<a href='{{ SITEURL }}/{{ one.url }}'>{{ one.title }}</a>"
        "{% endmacro %}\n"
    ),
    "_list.html": (
        "{% from '_macros.html' import link with context %}"
        "{% for article in (articles_page.object_list if articles_page is defined and "
        "articles_page else articles) %}<li>{{ link(article) }} "
        "{{ article.date|strftime('%d %b') }} {{ article.summary }} "
        "{% for t in article.tags|default([]) %}<b>{{ t }}</b>{% endfor %}"
        "</li>{% endfor %}\n{% if articles_page is defined and articles_paginator.num_pages > 1 %}"
        "{% if articles_page.has_previous() %}<a href='{{ articles_previous_page.url }}'>back</a>"
        "{% endif %}{{ articles_page.number }}/{{ articles_paginator.num_pages }}{% endif %}"
    ),
    "index.html": (
        "{% extends 'base.html' %}{% block content %}{% include '_list.html' %}{% endblock %}"
    ),
    "article.html": (
        "{% extends 'base.html' %}{% block title %}{{ article.title }}{% endblock %}"
        "{% block content %}<h1>{{ article.title }}</h1>{{ article.locale_date }} "
        "{{ article.lang }} {{ article.status }} "
        "{% for one in article.translations %}{{ one.lang }}:{{ one.url }} "
        "{% endfor %}{{ article.content }}{{ article.category }} {{ article.author }}"
        "{% if article.metadata.mood is defined %}{{ article.metadata['mood'] }}{% endif %}"
        "{% endblock %}"
    ),
    "page.html": "{% extends 'base.html' %}{% block content %}{{ page.content }}{% endblock %}",
    "tag.html": (
        "{% extends 'base.html' %}{% block content %}{{ tag }} {{ dates|length }} "
        "{{ dates|map(attribute='title')|join(';') }}{% include '_list.html' %}{% endblock %}"
    ),
    "category.html": (
        "{% extends 'base.html' %}{% block content %}{{ category }}{% include '_list.html' %}"
        "{% endblock %}"
    ),
    "author.html": (
        "{% extends 'base.html' %}{% block content %}{{ author }} {{ author.url }}"
        "{% include '_list.html' %}{% endblock %}"
    ),
    "tags.html": (
        "{% for tag, them in tags|sort %}{{ tag.slug }}={{ them|length }} {% endfor %}"
        "{% for a in articles|sort(attribute='date', reverse=true) %}{{ a.slug }} {% endfor %}"
    ),
    "categories.html": "{% for one, them in categories %}{{ one }}{{ them|length }}{% endfor %}",
    "authors.html": "{% for one, them in authors %}{{ one }}{{ them|length }}{% endfor %}",
    "archives.html": (
        "{% for y, them in dates|groupby('date.year') %}{{ y }}{% for a in them %}{{ a.title }}"
        "{% endfor %}{% endfor %}"
    ),
    "period_archives.html": "{{ period }}{% for a in dates %}{{ a.title }}{% endfor %}",
}
ARTICLES = {
    "python.md": (
        "Title: “Python” & friends\nDate: 2026-03-01\nTags: python, python3\nCategory: Code\n"
        "Author: Ann\nMood: fine\n\nA *word* -- 'quoted' \"twice\"...\n\n[TOC]\n\n## Head\n\n"
        "[other]({filename}köln.md) ![pic]({static}extra/a.txt)[^1]\n\n[^1]: A note.\n"
    ),
    "python-de.md": (
        "Title: Auf Deutsch\nSlug: python-friends\nLang: de\nDate: 2026-03-02\n\nÜber alles.\n"
    ),
    "köln.md": (
        "Title: Köln und ß\nDate: 2026-03-03 10:15\nTags: python3, stadt, c++\nCategory: Städte\n"
        "Authors: Ann, Bob\nSummary: A *summary* with [link]({filename}python.md)\n\nText.\n\n"
        "!!! note\n    A box.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    ),
    "draft.md": "Title: Draft\nDate: 2026-03-04\nStatus: draft\nCategory: Code\n\nNot yet.\n",
    "hidden.md": "Title: Hidden\nDate: 2026-03-05\nStatus: hidden\nCategory: Code\n\nUnlisted.\n",
    "skip.md": "Title: Skip\nDate: 2026-03-05\nStatus: skip\n\nNever.\n",
    "rest.rst": (
        "reStructured\n############\n\n:date: 2026-02-01\n:tags: python, rst\n:summary: *Sum*\n\n"
        "A `link <https://example.org>`_.\n"
    ),
    "plain.html": (
        "<html><head><title>HTML</title><meta name='date' content='2026-01-09'></head>"
        "<body><p>As it is.</p></body></html>"
    ),
    "nodate-tag.md": (
        "Title: Same day\nDate: 2026-03-03 10:15\nTags: python\n\nFoo\n<b>bar</b> &amp; *x*\n"
    ),
    "own.md": (
        "Title: Own\nDate: 2025-12-31\nSave_as: own/place.html\nUrl: own/place.html\n\nHere.\n"
    ),
}


def article(number: int, **metadata: str) -> str:
    """Return the source of a plain article; higher numbers are older."""
    lines = {
        "Title": f"Article {number}",
        "Date": f"2025-{1 + number % 12:02}-{1 + number % 28:02}",
        "Tags": f"tag{number % 3}, tag",
        "Category": f"Topic {number % 2}",
        "Author": f"Author {number % 2}",
        **metadata,
    }
    head = "".join(f"{name}: {value}\n" for name, value in lines.items())
    return f"{head}\nWords of *number* {number}, “quoted” -- and so on.\n"


class Project:
    """A Pelican project in a folder, with methods to build it."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.settings = SETTINGS | settings
        self._builds = 0
        for name, text in THEME.items():
            self.write(f"theme/templates/{name}", text)
        self.write("theme/static/site.css", "body { color: black }\n")
        self.write("content/pages/about.md", "Title: About\n\nWho we are.\n")
        self.write("content/pages/imprint.md", "Title: Imprint\nStatus: hidden\n\nLaw.\n")
        self.write("content/extra/a.txt", "a file\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def articles(self, articles: Mapping[str, str]) -> Project:
        for name, text in articles.items():
            self.write(f"content/{name}", text)
        return self

    def stock(self) -> dict[str, bytes]:
        """Return the files that Pelican alone writes in a clean build."""
        return self._build("stock", {})

    def quick(self, *, processes: int = 2, cache: str | None = "cache", link: bool = True) -> Any:
        """Return the files that a quick build writes into a new folder."""
        return self._build(
            "quick",
            {
                "QUICK_PROCESSES": processes,
                "QUICK_CACHE": None if cache is None else str(self.root / cache),
                "QUICK_LINK": link,
            },
        )

    @property
    def tally(self) -> Tally:
        """Return how the pages of the last quick build were made."""
        return QuickWriter.tally

    def _build(self, kind: str, more: Mapping[str, Any]) -> dict[str, bytes]:
        self._builds += 1
        output = self.root / f"{kind}{self._builds}"
        plugins = [*self.settings.get("PLUGINS", []), *(["plugins.quick"] if more else [])]
        settings = {
            **{name: _fresh(value) for name, value in self.settings.items()},
            **more,
            "PLUGINS": plugins,
            "OUTPUT_PATH": str(output),
        }
        for name in ("PATH", "THEME"):
            settings[name] = str(self.root / settings[name])
        without_quick()
        here = Path.cwd()
        os.chdir(self.root)
        try:
            run: Any = Pelican
            run(read_settings(override=settings)).run()
        finally:
            os.chdir(here)
            without_quick()
        return tree(output)


def _fresh(value: Any) -> Any:
    """Copy plain data, because Pelican changes its settings; return other objects as they are."""
    if type(value) not in (dict, list, tuple):
        return value
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return value


def without_quick() -> None:
    """Unregister the plugin."""
    hooks.close()
    hooks.unpatch()
    for signal, receiver in quick.connections():
        signal.disconnect(receiver)
    assert hooks.writer_class not in signals.get_writer.receivers.values()


def tree(root: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory, by relative path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """Return the names of the files that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
