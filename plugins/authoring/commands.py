"""The commands `rejoinder new` and `rejoinder drafts`. Heavy imports stay inside the functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from ..shared.errors import DiscussionError
from ..shared.settings import SiteSettings
from . import draft_secret, new_article
from . import drafts as kept
from .new_article import Manuscript, Metadata

SETTINGS = Path("pelicanconf.py")
OUTPUT = Path("output")

_settings = click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SETTINGS,
    show_default=True,
    help="The Pelican settings of the site.",
)


@click.command()
@click.argument("title", required=False)
@click.option("--question", help="The closing question, above the replies.")
@click.option("--subtitle", help="The line under the title.")
@click.option("--summary", help="What lists and search engines show.")
@click.option("--topic", "--category", "category", help="The article's topic (Category).")
@click.option("--tags", help="Tags, with commas between.")
@click.option("--author", help="Who writes it; the site's AUTHOR if unset.")
@click.option("--slug", help="The address, where it is not to be made of the title.")
@click.option("--edit", is_flag=True, help="Open the file in your editor ($VISUAL or $EDITOR).")
@_settings
def new(
    title: str | None, slug: str | None, edit: bool, settings: Path, **given: str | None
) -> None:
    """Begin an article: a draft with its metadata, asked for on a terminal."""
    with _readable_errors():
        site = _read_settings(settings)
        content = Path(site["PATH"])
        files = list(new_article.existing(content))
        title, texts = _asked(title, given, files, site)
        page = Manuscript(
            title=title,
            slug=slug or _slug(title, site),
            date=datetime.now(ZoneInfo(str(site["TIMEZONE"]))),
            **texts,
        )
        path = new_article.write(page, content, files, site)
        link = _preview(page.slug, site)
    click.echo(f"{os.path.relpath(path)}\nPreview after the next build: {link}")
    if edit:
        click.edit(filename=str(path))


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=OUTPUT,
    show_default=True,
    help="The link to the newest build.",
)
@_settings
def drafts(output: Path, settings: Path) -> None:
    """List the drafts of the last build, with the links that show them, and name newer ones."""
    with _readable_errors():
        path = kept.path_of(SiteSettings.from_environ(os.environ).var, output.absolute())
        found = kept.recall(path)
        when = f"{kept.remembered_at(path):%Y-%m-%d at %H:%M} UTC"
    which = "These drafts are" if found else "There are no drafts"
    click.echo(f"{which} in the last build, of {when}.")
    for one in sorted(found, key=lambda draft: (draft.due or "~", draft.source)):
        link = f"{_site_url()}{one.url}" if one.url.startswith("/") else one.url
        click.echo(f"{one.title} ({one.source})\n  {link}")
        if one.due is not None:
            due = datetime.fromisoformat(one.due)
            click.echo(f"  public on {due:%Y-%m-%d} at {due:%H:%M} UTC")
    for source in _newer(settings, {one.source for one in found}):
        click.echo(f"{source} is a draft that is not in that build yet.")


def _newer(settings: Path, built: set[str]) -> list[str]:
    """Return the drafts among the sources that the last build did not have."""
    if not settings.is_file():
        return []
    files = new_article.existing(Path(_read_settings(settings)["PATH"]))
    drafts = [one.path for one in files if one.values.get("status", "").lower() == "draft"]
    return [name for name in map(os.path.relpath, drafts) if name not in built]


def _asked(
    title: str | None,
    given: Mapping[str, str | None],
    files: list[Metadata],
    site: Mapping[str, Any],
) -> tuple[str, dict[str, str]]:
    """Return the title and other texts; on a terminal, ask for missing ones."""
    topics, authors = new_article.categories(files), new_article.authors(files, site)
    default = str(site["DEFAULT_CATEGORY"])
    asks = _somebody_answers()
    if title is None and asks:
        title = click.prompt("Title")
    if title is None or not new_article.one_line(title):
        raise click.UsageError('Name the article: rejoinder new "How to ..."')
    texts = {name: text or "" for name, text in given.items()}
    texts["author"] = texts["author"] or str(site.get("AUTHOR") or "")
    if asks:
        for name, words in (
            ("question", "The closing question"),
            ("subtitle", "Subtitle"),
            ("summary", "Summary"),
        ):
            if given[name] is None:
                texts[name] = click.prompt(words, default="", show_default=False)
        if given["category"] is None:
            texts["category"] = _chosen("Topic", topics, topics[0] if topics else default)
        if given["tags"] is None:
            texts["tags"] = click.prompt("Tags", default="", show_default=False)
        if given["author"] is None and set(authors) - {texts["author"]}:
            texts["author"] = _chosen("Author", authors, texts["author"])
    if not texts["category"] and (default in topics or not topics):
        texts["category"] = default
    elif not texts["category"]:
        known = ", ".join(topics)
        click.echo(f"It has no topic yet; add a line Category: with one of: {known}", err=True)
    texts["category"] = new_article.as_known(texts["category"], topics)
    texts["author"] = new_article.as_known(texts["author"], authors)
    return new_article.one_line(title), {
        name: new_article.one_line(text) for name, text in texts.items()
    }


def _slug(title: str, site: Mapping[str, Any]) -> str:
    """Return the slug of a title; if it is a guess, ask on a terminal or print it."""
    slug = new_article.slug_of(title, site)
    if not slug.isascii() or not new_article.is_transliterated(title):
        return slug
    if _somebody_answers():
        return str(click.prompt("Slug (the address)", default=slug)).strip()
    click.echo(f"The address is made of the title: {slug}; --slug sets another.", err=True)
    return slug


def _chosen(word: str, known: list[str], default: str) -> str:
    """Ask for a value, offering those that the site uses."""
    if known:
        click.echo(f"{word}s so far: {', '.join(known)}")
    return str(click.prompt(word, default=default, show_default=bool(default)))


def _read_settings(path: Path) -> dict[str, Any]:
    from pelican.settings import read_settings

    if not path.is_file():
        raise click.ClickException(f"{path} is missing; run this in the site's folder.")
    return dict(read_settings(str(path)))


def _preview(slug: str, site: Mapping[str, Any]) -> str:
    """Return the link that will show the draft."""
    template = str(site["DRAFT_URL"])
    token = ""
    if "{preview}" in template:
        var = SiteSettings.from_environ(os.environ).var
        token = draft_secret.preview(draft_secret.key_of(os.environ, var), "article", slug)
    try:
        path = template.format(slug=slug, preview=token, lang=site["DEFAULT_LANG"])
    except (KeyError, AttributeError):
        return "see: rejoinder drafts"
    return f"{site['SITEURL'] or _site_url()}/{path}"


def _somebody_answers() -> bool:
    return sys.stdin.isatty()


def _site_url() -> str:
    return os.environ.get("REJOINDER_SITE_URL", "").strip().rstrip("/")


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except DiscussionError as error:
        raise click.ClickException(str(error)) from error
