"""Reads Markdown files ahead: from the cache, or converted by several processes.

The cache contains Markdown's result, before Pelican parses dates and tags in the metadata. Pelican
does that itself in each build, so its result may depend on anything.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from markdown import Markdown
from pelican import readers, utils
from pelican.log import LimitFilter
from pelican.urlwrappers import Author, Category, Tag
from pelican.utils import SafeDatetime

from . import digest
from .declared import is_pure
from .errors import Undigestible
from .inline import quicken
from .page_keys import code
from .value_cache import Store

# What the conversion of a text depends on besides the text and the settings.
PACKAGES = ("markdown", "pelican", "pygments")
DATE = re.compile(r"([12]\d{3})-(\d\d)-(\d\d)(?: (\d\d):(\d\d)(?::(\d\d))?)?")
STOCK_PROCESSORS = {name: readers.METADATA_PROCESSORS[name] for name in ("date", "modified")}

# The HTML, and the metadata as text or lists of texts.
Converted = tuple[str, dict[str, Any]]


class MarkdownReader(readers.MarkdownReader):
    """Pelican's reader with conversions prepared in `ready`; its class name is in the metadata."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)  # type: ignore[no-untyped-call]
        self.ready: dict[str, Converted] = {}
        self._slugs: dict[tuple[type, str], str] = {}

    def read(self, source_path: str) -> tuple[str, dict[str, Any]]:
        """Return a prepared conversion with parsed metadata, or read the file as Pelican does."""
        converted = self.ready.pop(source_path, None)
        if converted is None:
            return super().read(source_path)  # type: ignore[no-any-return, no-untyped-call]
        content, metadata = converted
        return content, {name: self.process_metadata(name, one) for name, one in metadata.items()}

    def process_metadata(self, name: str, value: Any) -> Any:
        """Do what Pelican does, with a fast path for plain dates, and making each slug once."""
        if name in STOCK_PROCESSORS:
            moment = self._moment(name, value)
            if moment is not None:
                return moment
        made = super().process_metadata(name, value)  # type: ignore[no-untyped-call]
        for one in made if isinstance(made, list) else (made,):
            if type(one) in (Tag, Category, Author):
                self._give_slug(one)
        return made

    def _moment(self, name: str, value: object) -> SafeDatetime | None:
        if readers.METADATA_PROCESSORS.get(name) is not STOCK_PROCESSORS[name]:
            return None
        found = DATE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        try:
            moment: Any = SafeDatetime
            return moment(*(int(part or 0) for part in found.groups()))  # type: ignore[no-any-return]
        except ValueError:
            return None  # such as a 13th month: Pelican may still read it another way

    def _give_slug(self, one: Any) -> None:
        key = (type(one), one.name)
        if one._slug is None:
            slug = self._slugs.get(key)
            if slug is not None:
                one._slug = slug
            elif one.slug:  # an empty one is warned of each time
                self._slugs[key] = one.slug


class Converter(readers.MarkdownReader):
    """Converts without parsing metadata, with one Markdown instance for all files."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)  # type: ignore[no-untyped-call]
        self._kept: _Kept | None = None

    def process_metadata(self, name: str, value: Any) -> Any:
        """Return the value unchanged."""
        return value

    def convert(self, path: str) -> Converted:
        """Return what Pelican's reader returns, with unparsed metadata."""
        self._source_path = path
        if self._kept is None:
            self._kept = _Kept(Markdown(**self.settings["MARKDOWN"]))
        kept, self._kept = self._kept, None
        self._md = kept.renewed()
        with utils.pelican_open(path) as text:
            content = self._md.convert(text)
        parse: Any = self._parse_metadata
        metadata = parse(self._md.Meta) if hasattr(self._md, "Meta") else {}
        # Not earlier: an instance that raised an error may be in any state.
        self._kept = kept
        return content, metadata


class Texts:
    """Prepares files: takes them from the cache by their content, or converts them."""

    def __init__(self, settings: Mapping[str, Any], base: bytes | None, kept: Store | None) -> None:
        self._converter, self._base, self._kept = Converter(settings), base, kept

    def prepare(self, path: str) -> tuple[bytes | None, bytes | Converted | None]:
        """Return a file's key and conversion (bytes from the cache); None: Pelican reads it."""
        key = key_of(path, self._base) if self._base is not None else None
        if key is not None and self._kept is not None:
            found = self._kept.get([key]).get(key)
            if found is not None:
                return key, found
        converted = heard(lambda: self._converter.convert(path))
        # If the file was saved meanwhile, its new text must not get the old one's key.
        if self._base is not None and key_of(path, self._base) != key:
            return key, None
        return key, converted


class _Kept:
    """A Markdown instance that can be reset to its initial state."""

    def __init__(self, md: Markdown) -> None:
        self._md = md
        quicken(md)
        self._meta = md.preprocessors["meta"]
        self._order = [item.name for item in _items(md)]
        self._priority = next(item.priority for item in _items(md) if item.name == "meta")
        # Footnotes count the documents of an instance.
        self._counting = [
            (one, one.unique_prefix)
            for one in md.registeredExtensions
            if hasattr(one, "unique_prefix")
        ]

    def renewed(self) -> Markdown:
        if "meta" not in self._md.preprocessors:
            self._md.preprocessors.register(self._meta, "meta", self._priority)
        if [item.name for item in _items(self._md)] != self._order:
            raise RuntimeError("a Markdown instance changed its preprocessors while converting")
        self._md.reset()
        self._md.htmlStash.tag_counter = 0
        self._md.htmlStash.tag_data = []
        for extension, prefix in self._counting:
            extension.unique_prefix = prefix
        return self._md


def _items(md: Markdown) -> list[Any]:
    registry: Any = md.preprocessors
    list(registry)  # sorts them
    return list(registry._priority)


def pure(settings: Mapping[str, Any], declared: frozenset[str]) -> bool:
    """Whether converting depends on the text alone: Python-Markdown's own extensions, or declared.

    An extension may include other files or ask the clock; a function in its settings may count.
    """
    if not _calls_nothing(settings["MARKDOWN"].get("extension_configs", {})):
        return False
    return all(
        isinstance(name, str) and (name.startswith("markdown.extensions.") or name in declared)
        for name in settings["MARKDOWN"]["extensions"]
    )


def _calls_nothing(value: object) -> bool:
    """Whether every function in these settings is pure, and everything else is data."""
    if isinstance(value, Mapping):
        return all(map(_calls_nothing, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_calls_nothing, value))
    plain = isinstance(value, str | int | float | bytes | None)
    return plain or is_pure(value)


def fingerprint(settings: Mapping[str, Any]) -> bytes | None:
    """Digest what a conversion depends on besides the text; None if that cannot be determined."""
    try:
        return digest.plain(
            [
                code(),
                settings["MARKDOWN"],
                list(settings["FORMATTED_FIELDS"]),
                [_version(package) for package in PACKAGES],
                [_source(name) for name in settings["MARKDOWN"]["extensions"]],
            ]
        )
    except Undigestible:
        return None


def _source(extension: str) -> bytes:
    """Return the code of an extension that is not Markdown's; of a package, all of its modules."""
    if extension.startswith("markdown.extensions."):
        return b""  # its version is in the fingerprint
    found = find_spec(extension)
    if found is None or found.origin is None:
        return b""
    return b"".join(path.read_bytes() for path in sorted(Path(found.origin).parent.glob("*.py")))


def key_of(path: str, base: bytes) -> bytes | None:
    """Return the key of a file's conversion; None if the file cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - thousands of times
            data = file.read()
    except OSError:
        return None  # Pelican reports it
    return blake2b(base + data, digest_size=20).digest()


def pack(converted: Converted) -> bytes:
    """Serialise for the cache: the metadata in one line of JSON, then the HTML."""
    content, metadata = converted
    return json.dumps(metadata).encode() + b"\n" + content.encode("utf-8", "surrogatepass")


def unpack(data: bytes) -> Converted | None:
    """Parse what `pack` made; None if it is invalid."""
    head, newline, content = data.partition(b"\n")
    try:
        metadata = json.loads(head) if newline else None
        text = content.decode("utf-8", "surrogatepass")
    except (ValueError, TypeError):
        return None
    return (text, metadata) if type(metadata) is dict else None


def heard(work: Callable[[], Converted]) -> Converted | None:
    """Return the conversion; None if it raised or logged anything, which Pelican must do itself."""
    ear = _Ear()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    # Pelican drops repeated messages; these must not count as logged.
    raised, counts = LimitFilter._raised_messages, LimitFilter._group_count
    LimitFilter._raised_messages, LimitFilter._group_count = set(), counts.copy()
    root.handlers[:] = [ear]
    root.setLevel(min(level, logging.WARNING))
    try:
        converted = work()
    except Exception:
        return None
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        LimitFilter._raised_messages, LimitFilter._group_count = raised, counts
    return None if ear.spoke else converted


class _Ear(logging.Handler):
    spoke = False

    def emit(self, record: logging.LogRecord) -> None:
        self.spoke = self.spoke or record.levelno >= logging.WARNING


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
