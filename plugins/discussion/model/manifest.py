"""The manifest, which a build leaves for the publisher in `output/.discussion/`.

With it the publisher renders exactly as the build did, and needs neither Pelican nor its settings.
It is one SQLite file, written once and then only read: a site of ten thousand articles shows its
counts in a hundred thousand places, and only a few of them matter to a change.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...shared import files as pages
from ...shared.errors import DiscussionError, ManifestError
from .discussions import Facts, Page, page_json, read_page
from .options import RenderSettings
from .paths import SHARD

FOLDER = ".discussion"
NAME = "pages.sqlite3"
VERSION = 2
DEFAULTS = Path(__file__).parents[1] / "defaults"
# The key of regions of the whole site.
_SITE = ""
_FACTS = tuple(one.name for one in fields(Facts))

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE page (key TEXT PRIMARY KEY, file TEXT NOT NULL, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE file (number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE place (
    key TEXT NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (key, file)
) WITHOUT ROWID;
CREATE TABLE address (number INTEGER PRIMARY KEY, url TEXT NOT NULL, date TEXT NOT NULL, key TEXT);
CREATE INDEX address_key ON address (key);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page and the file that shows it, as a POSIX path below the output."""

    page: Page
    file: str


@dataclass(frozen=True, slots=True)
class Address:
    """A line of the sitemap: URL, date of the last change or "", and the page's key or None."""

    url: str
    date: str = ""
    key: str | None = None


class Manifest:
    """One build's pages, the files that show something of each, and the options of rendering.

    Safe for several threads. Raises ManifestError.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        settings: RenderSettings,
        entries: Mapping[str, Entry] | None = None,
    ) -> None:
        self.settings = settings
        self._db = db
        # The values it was made of, so that they need not be read back from the tables.
        self._entries = entries
        self._guard = threading.Lock()

    @classmethod
    def of(cls, settings: RenderSettings, entries: Iterable[Entry]) -> Manifest:
        """Return a manifest in memory, of a build in progress, without files."""
        db = sqlite3.connect(":memory:", check_same_thread=False)
        db.executescript(_TABLES)
        db.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("settings", _json(settings.as_json())), ("version", str(VERSION))],
        )
        found = {entry.page.key: entry for entry in entries}
        by_key = {key: found[key] for key in sorted(found)}
        for entry in by_key.values():
            _inside(entry.file)
        db.executemany(
            "INSERT INTO page VALUES (?, ?, ?)",
            [(key, entry.file, _page_text(entry.page)) for key, entry in by_key.items()],
        )
        db.commit()
        return cls(db, settings, by_key)

    def __len__(self) -> int:
        return int(self._rows("SELECT count(*) FROM page")[0][0])

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._db.close()

    @property
    def pages(self) -> list[Page]:
        """The pages that take replies, sorted by key."""
        if self._entries is not None:
            return [entry.page for entry in self._entries.values()]
        return [_page(text) for (text,) in self._rows("SELECT json FROM page ORDER BY key")]

    @property
    def files_by_key(self) -> dict[str, str]:
        """Yield each page's own file."""
        return dict(self._rows("SELECT key, file FROM page ORDER BY key"))

    def entry(self, key: str) -> Entry | None:
        """The page of this key and its file, or None."""
        if self._entries is not None:
            return self._entries.get(key)
        rows = self._rows("SELECT file, json FROM page WHERE key = ?", key)
        return Entry(_page(rows[0][1]), rows[0][0]) if rows else None

    def files(self) -> list[str]:
        """Return every file that has a region."""
        return [path for (path,) in self._rows("SELECT path FROM file ORDER BY number")]

    def found_by(self) -> str:
        """Return which code searched for regions; "" if unknown."""
        rows = self._rows("SELECT value FROM meta WHERE name = 'found_by'")
        return str(rows[0][0]) if rows else ""

    def places(self) -> dict[str, set[str | None]]:
        """Return the keys of each file, as they were passed to `write`."""
        found: dict[str, set[str | None]] = {}
        for path, key in self._rows("SELECT path, key FROM place JOIN file ON number = file"):
            found.setdefault(path, set()).add(key or None)
        return found

    def files_of(self, key: str) -> list[str]:
        """Return the files that show something of this page, or of the whole site."""
        query = (
            "SELECT DISTINCT path FROM place JOIN file ON file.number = place.file "
            "WHERE key IN (?, ?) ORDER BY path"
        )
        return [path for (path,) in self._rows(query, key, _SITE)]

    def shards(self) -> int:
        """Return the number of the sitemap's files."""
        return -(-int(self._rows("SELECT count(*) FROM address")[0][0]) // SHARD)

    def shard_of(self, key: str) -> int | None:
        """Return the number of the sitemap file with this page, from 1; None: not listed."""
        rows = self._rows("SELECT number FROM address WHERE key = ?", key)
        return rows[0][0] // SHARD + 1 if rows else None

    def shard(self, number: int) -> list[Address]:
        """Return the lines of one of the sitemap's files."""
        query = (
            "SELECT url, date, key FROM address WHERE number >= ? AND number < ? ORDER BY number"
        )
        return [Address(*row) for row in self._rows(query, (number - 1) * SHARD, number * SHARD)]

    def write(
        self,
        output: Path,
        places: Mapping[str, Iterable[str | None]],
        addresses: Sequence[Address] = (),
        found_by: str = "",
    ) -> None:
        """Add the files (file: keys, None for the site's regions) and write the manifest.

        `found_by` is the version of the search. Sorted, so that equal builds give equal bytes.
        """
        with self._guard:
            self._db.execute("INSERT INTO meta VALUES ('found_by', ?)", (found_by,))
            for number, (path, keys) in enumerate(sorted(places.items())):
                self._db.execute("INSERT INTO file VALUES (?, ?)", (number, _inside(path)))
                self._db.executemany(
                    "INSERT INTO place VALUES (?, ?)",
                    [(one, number) for one in sorted({key or _SITE for key in keys})],
                )
            self._db.executemany(
                "INSERT INTO address VALUES (?, ?, ?, ?)",
                [
                    (number, one.url, one.date, one.key)
                    for number, one in enumerate(sorted(addresses, key=lambda one: one.url))
                ],
            )
            self._db.commit()
            # Database pages are in the order of insertion; a copy is compact.
            self._db.execute("VACUUM")
            data = self._db.serialize()
        path_of(output).parent.mkdir(parents=True, exist_ok=True)
        pages.replace(path_of(output), data)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        try:
            with self._guard:
                return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise ManifestError(
                f"The manifest cannot be read ({error}); run: rejoinder build"
            ) from (error)


def path_of(output: Path) -> Path:
    """The manifest's file in this output."""
    return output / FOLDER / NAME


def templates_of(output: Path) -> Path:
    """The folder of the discussion templates that the build in this output used."""
    return output / FOLDER / "templates"


def shell_of(output: Path, language: str) -> Path:
    """Return the layout of later pages of replies to articles in this language."""
    return output / FOLDER / "shells" / f"{quote(language, safe='')}.html"


def load(output: Path) -> Manifest:
    """Load the manifest of a build; ManifestError says what is wrong with it."""
    path = path_of(output)
    if not path.is_file():
        raise ManifestError(
            f"{path} is missing: there is no build with discussions; run: rejoinder build"
        )
    db: sqlite3.Connection | None = None
    try:
        # Immutable: it is never written again, so reading needs no lock and no second file.
        db = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        meta = dict(db.execute("SELECT name, value FROM meta"))
        if meta["version"] != str(VERSION):
            raise ManifestError(f"{path} is of another version; run: rejoinder build")
        settings = RenderSettings.from_json(json.loads(meta["settings"]))
        for (file,) in db.execute("SELECT path FROM file UNION SELECT file FROM page"):
            _inside(str(file))
        for (text,) in db.execute("SELECT json FROM page LIMIT 1"):
            _page(text)
    except (
        sqlite3.Error,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        DiscussionError,
    ) as error:
        if db is not None:
            db.close()
        raise ManifestError(f"{path}: {error}; run: rejoinder build") from error
    return Manifest(db, settings)


def keep_templates(sources: Iterable[Path], output: Path, words: Path | None = None) -> Path:
    """Copy the discussion templates into the output; return the copy, which is used to render.

    If several folders have a template, the last one is used; the plugin has feeds
    and sitemap of its own. `words` is the catalog that they speak with, beside other languages'.
    """
    target = templates_of(output)
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns(".*", "*~", "__pycache__")
    for source in (DEFAULTS, *sources):
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    if not (target / "discussion.html").is_file():
        raise ManifestError(
            "discussion.html is missing: the theme has no discussion template (docs/theme.md)"
        )
    if words is not None:
        kept = target / "translations" / words.relative_to(words.parents[2])
        kept.parent.mkdir(parents=True)
        shutil.copyfile(words, kept)
    return target


def _page_text(page: Page) -> str:
    facts = {name: getattr(page.facts, name) for name in _FACTS}
    return _json({"page": page_json(page), "facts": facts})


def _page(text: str) -> Page:
    data = json.loads(text)
    facts = data["facts"]
    authors = tuple((str(name), str(url)) for name, url in facts.pop("authors"))
    return replace(read_page(data["page"]), facts=Facts(authors=authors, **facts))


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _inside(file: str) -> str:
    outside = file.startswith("/") or ".." in file.split("/")
    if not file or outside or "\\" in file or "\0" in file:
        raise ManifestError(f"the file {file!r} is not inside the output")
    return file
