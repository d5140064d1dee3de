"""Handler of Pelican's signals: completes the images of every text and writes the copies."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pelican.generators import ArticlesGenerator, PagesGenerator

from ..quick import page_cache
from ..quick.settings import QuickSettings
from ..shared import source_lines
from .errors import PictureError
from .image_file import FOLDER, look
from .markup import Found, dress, several

SIZES = "(min-width: 45rem) 40rem, 92vw"
# Files that may move when their URL is read (Pelican's `{attach}`) get width and height only.
STAYS, MOVES = ("{static}", "|static|", "{filename}", "|filename|"), ("{attach}", "|attach|")
_LISTS = (
    *("articles", "translations", "hidden_articles", "hidden_translations"),
    *("drafts", "drafts_translations"),
    *("pages", "hidden_pages", "draft_pages", "draft_translations"),
)


def hang(generators: Iterable[Any]) -> None:
    """At `all_generators_finalized`, complete all images, and put the copies into the output.

    Raises PictureError for a file that is no picture.
    """
    ours = [one for one in generators if isinstance(one, ArticlesGenerator | PagesGenerator)]
    texts = [
        content
        for content in chain.from_iterable(map(_contents_of, ours))
        if content._content and "<img" in content._content
    ]
    if not texts:
        return
    settings, known = ours[0].settings, ours[0].context["static_content"]
    quick = QuickSettings.of(settings)
    with ExitStack() as stack:
        kept = (
            quick.cache / FOLDER
            if quick.cache is not None
            else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pictures-")))
        )
        wall = _Wall(settings, known, kept)
        for content in texts:
            content._content = dress(
                content._content,
                lambda src, content=content: wall.find(content, src),  # type: ignore[misc]
                settings.get("PICTURES_SIZES", SIZES),
            )
        _bring(kept, Path(ours[0].output_path) / FOLDER, wall.used, link=quick.link)


class _Wall:
    """The pictures of one run; `used` are the names of copies that texts refer to."""

    def __init__(self, settings: Any, known: Any, kept: Path) -> None:
        self._settings, self._known = settings, known
        self._look = lru_cache(maxsize=None)(lambda path: look(Path(path), kept))
        self.used: set[str] = set()

    def find(self, content: Any, src: str) -> Found | None:
        """Return what is known of an image; None for other sites' and for missing ones."""
        begin = next((mark for mark in (*STAYS, *MOVES) if src.startswith(mark)), "")
        if not begin and (not src.startswith("/") or src.startswith("//")):
            return None
        file = self._file(content, src.removeprefix(begin))
        if file is None:
            return None  # plugins.authoring says where
        try:
            picture = self._look(str(file.source_path))
        except FileNotFoundError:
            return None  # Pelican knows a file once a text names it; plugins.authoring says where
        except OSError as error:
            why = f"{source_lines.shown(str(file.source_path))}: {error.strerror or error}"
            _complain(content, src, why, "fix the file")
            return None
        except ValueError as error:
            _complain(content, src, str(error), "save it again as JPEG, PNG, WebP or SVG")
            return None
        if picture is None:
            return None
        if begin in MOVES or self._settings["RELATIVE_URLS"]:
            return Found(picture, "")
        self.used.update(one.name for one in picture.copies)
        site = self._settings["SITEURL"]
        own = f"{site}/{file.url}" if begin else src
        return Found(picture, several(picture, own, site))

    def _file(self, content: Any, path: str) -> Any:
        path = path.partition("#")[0].partition("?")[0]
        for one in (path, unquote(path)):
            if one.startswith("/"):
                found = self._known.get(one[1:])
            else:
                below = os.path.join(content.relative_dir or "", one)  # noqa: PTH118
                found = self._known.get(content.get_relative_source_path(below) or below)
            if found is not None:
                return found
        return None


def _complain(content: Any, src: str, why: str, fix: str) -> None:
    source = str(content.source_path)
    place = f"{source_lines.shown(source)}:{source_lines.lines_of(source, src)[0]}"
    what = f'{place}: the image "{src}" cannot be read ({why}); {fix}'
    if content.status != "draft":
        raise PictureError(what)
    print(f"WARNING: {what} (a draft)", file=sys.stderr, flush=True)


def _bring(kept: Path, target: Path, names: Iterable[str], *, link: bool) -> None:
    for name in sorted(names):
        target.mkdir(parents=True, exist_ok=True)
        if link:
            with suppress(OSError):
                os.link(kept / name, target / name)
                continue
        page_cache.write(str(target / name), (kept / name).read_bytes())


def _contents_of(generator: Any) -> Iterator[Any]:
    return chain.from_iterable(getattr(generator, name, ()) for name in _LISTS)
