"""Digests of template variables: two values with the same digest render the same.

`plain` digests data only. `Digests` also digests Pelican's objects, by those attributes that the
templates in question can use. A value whose digest cannot be determined raises Undigestible.

A digest is a byte string: short texts are their own digests, longer ones are hashed.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from hashlib import blake2b
from itertools import chain
from pathlib import PurePath
from types import FunctionType
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from pelican.contents import Content, Static
from pelican.paginator import Page as ListPage
from pelican.paginator import Paginator
from pelican.urlwrappers import URLWrapper
from pelican.utils import SafeDatetime

from . import declared
from .contents import LINKS
from .errors import Undigestible

SIZE = 16
# Computed attributes that templates may use; they depend only on digested ones.
CONTENT = frozenset({"content", "summary", "url", "save_as", "status", "relative_dir"})
WRAPPER = frozenset({"name", "slug", "url", "save_as", "page_name"})
# as_dict, which Pelican calls for the URL, adds `name` and `slug`.
WRAPPER_OWN = frozenset({"settings", "_name", "_slug", "_slug_from_name", "name", "slug"})
# Longer digests are hashed. Bytes.
SHORT = 48
# Digests values of one type.
Way = Callable[[Any], bytes]
# Attribute names, each as text and as bytes.
Named = list[tuple[str, bytes]]


def plain(value: object) -> bytes:
    """Digest data: text, numbers, dates, paths, and lists, sets and dictionaries of them."""
    return Digests(frozenset()).of(value)


class Digests:
    """The digests of one run, for templates that can use these attributes.

    Objects are digested once, so they must not change during the run. `universe` are all attribute
    names that any listed object has. With it, templates that differ only in other names share one
    instance: `attributes` then are names of the universe, and other objects have no digest.
    """

    def __init__(self, attributes: frozenset[str], universe: frozenset[str] | None = None) -> None:
        self._attributes, self._universe = attributes, universe
        self._known: dict[int, tuple[object, bytes]] = {}
        self._ways: dict[type, tuple[Way, bool]] = {}
        self._names: dict[tuple[type, tuple[str, ...]], tuple[Named, Named]] = {}
        self._plain_wrappers: set[tuple[type, tuple[str, ...]]] = set()
        self._wrappers: dict[tuple[type, object, object], bytes] = {}

    def of(self, value: Any) -> bytes:
        """Return the value's digest; raises Undigestible."""
        kind = type(value)
        if kind is str:
            # Each type has a letter of its own, so that 1, True and "1" differ.
            text = b"s" + value.encode("utf-8", "surrogatepass")
            return text if len(text) <= SHORT else _hash(text)
        simple = SIMPLE.get(kind)
        if simple is not None:
            return simple + repr(value).encode()
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = self._way(kind)
        make, keep = way
        if not keep:
            return make(value)
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        made = make(value)
        # The reference keeps the id from being reused.
        self._known[id(value)] = (value, made)
        return made

    def _way(self, kind: type) -> tuple[Way, bool]:
        """Return the function for values of a type, and whether to cache its results."""
        if kind in (list, tuple) or (issubclass(kind, list) and _adds_no_state(kind)):
            return self._row, True
        if issubclass(kind, dict) and kind.__module__ in TRUSTED:
            return self._mapping, True
        if kind in (set, frozenset):
            return self._set, True
        if issubclass(kind, Content):
            return self._content, True
        if issubclass(kind, URLWrapper):
            return self._wrapper, False
        if kind is ListPage:
            return self._list_page, True
        if kind is Paginator:
            return self._facts, True
        if kind is FunctionType:
            return lambda value: _hash(b"k", self.of(declared.facts(value, self.of))), True
        if kind is Markup:
            return lambda value: _hash(b"h", str(value).encode("utf-8", "surrogatepass")), False
        if callable(getattr(kind, "quick_digest", None)):
            name = kind.__qualname__.encode()
            return lambda value: _hash(b"o", name, value.quick_digest()), True
        if issubclass(kind, PurePath):
            return lambda value: _hash(b"p", str(value).encode()), False
        if kind in (datetime, SafeDatetime, date, time, timedelta):
            return self._moment, False
        if issubclass(kind, tzinfo):
            return self._zone, False
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return lambda value: _hash(b"n", *map(self.of, value)), True
        raise Undigestible(f"a {kind.__module__}.{kind.__qualname__}")

    def _row(self, value: Any) -> bytes:
        return _hash(b"l" if isinstance(value, list) else b"t", *map(self.of, value))

    def _mapping(self, value: Any) -> bytes:
        return _hash(b"d", *(self.of(one) for pair in value.items() for one in pair))

    def _set(self, value: Any) -> bytes:
        # The order of a set of texts differs between processes, and pages may show it.
        if len(value) > 1:
            raise Undigestible("a set, whose order is not fixed")
        return _hash(b"e", *map(self.of, value))

    def _moment(self, value: Any) -> bytes:
        zone = self._zone(getattr(value, "tzinfo", None))
        return _hash(b"m", type(value).__name__.encode(), repr(value).encode(), zone)

    def _zone(self, zone: object) -> bytes:
        if zone is None:
            return b"-"
        if isinstance(zone, ZoneInfo) and zone.key:
            return zone.key.encode()
        if type(zone).__module__ in ("datetime", "dateutil.tz.tz"):
            return repr(zone).encode()
        raise Undigestible(f"a time zone {zone!r}")

    def _content(self, one: Any, *, nested: bool = False) -> bytes:
        kind = type(one)
        own = vars(one)
        data, computed = self._names_of(kind, own)
        parts = [b"c", kind.__name__.encode(), str(one.source_path).encode()]
        for name, encoded in data:
            value = own[name]
            if name == "translations":
                if not nested:
                    parts += [encoded, *(self._content(x, nested=True) for x in value)]
                continue
            if nested and _holds_content(value):
                raise Undigestible(f"{name} leads from article to article")
            parts += [encoded, self.of(value)]
        for name, encoded in computed:
            if isinstance(one, Static) and name in ("url", "save_as"):
                # Reading the URL of an unused file fixes its place: a side effect.
                raise Undigestible("the address of a static file")
            parts += [encoded, self._computed_of(one, name)]
        return _hash(*parts)

    def _names_of(self, kind: type, own: Mapping[str, Any]) -> tuple[Named, Named]:
        """Return the attributes of a content that templates can use: data, and computed ones."""
        key = (kind, tuple(own))
        known = self._names.get(key)
        if known is None:
            has = _computed(kind)
            if self._universe is not None and not (own.keys() <= self._universe >= has):
                raise Undigestible(f"a {kind.__name__} that Pelican does not list")
            wanted = self._attributes & has - own.keys() | self._attributes & has & CONTENT
            if strange := wanted - CONTENT:
                raise Undigestible(f"{', '.join(sorted(strange))} of {kind.__name__}")
            known = self._names[key] = _named(self._attributes & own.keys()), _named(wanted)
        return known

    def _computed_of(self, one: Any, name: str) -> bytes:
        if name == "content":
            if "_get_content" in vars(one) or "_get_content" in _computed(type(one)):
                raise Undigestible("content made by a plugin")
            text = one._content
            # Only text with these characters can contain unresolved links.
            if text and ("{" in text or "|" in text or not _usual_links(one)):
                text = one.content
            return self.of(text)
        return self.of(getattr(one, name))

    def _wrapper(self, one: Any) -> bytes:
        kind, own = type(one), vars(one)
        shape = (kind, tuple(own))
        if shape not in self._plain_wrappers:
            if self._universe is not None and not (own.keys() <= self._universe >= _computed(kind)):
                raise Undigestible(f"a {kind.__name__} that Pelican does not list")
            if (_computed(kind) & self._attributes) - WRAPPER:
                raise Undigestible(f"attributes of {kind.__name__}")
            if not own.keys() <= WRAPPER_OWN:
                extra = sorted((own.keys() - WRAPPER_OWN) & self._attributes)
                return self._facts_of_wrapper(one, extra)
            self._plain_wrappers.add(shape)
        # Everything it shows follows from its name and slug.
        key = (kind, one.name, one.slug)
        made = self._wrappers.get(key)
        if made is None:
            made = self._wrappers[key] = self._facts_of_wrapper(one, [])
        return made

    def _facts_of_wrapper(self, one: Any, extra: list[str]) -> bytes:
        parts = [b"u", type(one).__name__.encode(), str(one.name).encode(), str(one.slug).encode()]
        for name in extra:
            parts += [name.encode(), self.of(vars(one)[name])]
        for name in sorted({"url", "save_as", "page_name"} & self._attributes):
            parts += [name.encode(), str(getattr(one, name)).encode()]
        return _hash(*parts)

    def _list_page(self, one: Any) -> bytes:
        facts = [one.number, one.full_name, one.base_url, one.url, one.save_as]
        return _hash(
            b"a", *map(self.of, facts), self._facts(one.paginator), self.of(one.object_list)
        )

    def _facts(self, one: Any) -> bytes:
        # Counts only: templates that use a paginator's contents have no closure (templates.py).
        return _hash(b"f", *map(self.of, [one.name, one.url, one.per_page, one.orphans, one.count]))


def _named(names: Iterable[str]) -> Named:
    return [(name, name.encode()) for name in sorted(names)]


TRUSTED = frozenset({"builtins", "collections", "pelican.settings"})
SIMPLE: dict[type, bytes] = {int: b"i", bool: b"b", float: b"r", type(None): b"0", bytes: b"y"}


def _hash(*parts: bytes) -> bytes:
    # Version 2 of the format has no references, so that equal parts give equal bytes.
    return b"#" + blake2b(marshal.dumps(parts, 2), digest_size=SIZE).digest()


def _adds_no_state(kind: type) -> bool:
    return kind.__module__ == f"{__name__.rpartition('.')[0]}.indexed_list"


def _holds_content(value: object) -> bool:
    if isinstance(value, Content):
        return True
    if isinstance(value, Mapping):
        return any(map(_holds_content, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_content, value))
    return False


def universe(contents: Iterable[object], wrappers: Iterable[object]) -> frozenset[str]:
    """Return the attribute names that any of these objects has."""
    names: set[str] = {"translations", *WRAPPER, *CONTENT}
    # Most have the same ones in the same order.
    for kind, own in {(type(one), tuple(vars(one))) for one in chain(contents, wrappers)}:
        names.update(own)
        names.update(_computed(kind))
    return frozenset(names)


_classes: dict[type, frozenset[str]] = {}


def begin() -> None:
    """Forget what classes had: a plugin may have added to them since the last run."""
    _classes.clear()


def _computed(kind: type) -> frozenset[str]:
    """What a class has besides data: methods, properties, whatever a plugin put there."""
    if hasattr(kind, "__getattr__"):
        raise Undigestible(f"{kind.__name__} makes attributes up")
    if kind not in _classes:
        _classes[kind] = _names_in(kind)
    return _classes[kind]


def _names_in(kind: type) -> frozenset[str]:
    return frozenset(name for base in kind.__mro__[:-1] for name in vars(base))


def _usual_links(one: Any) -> bool:
    return bool(one.settings["INTRASITE_LINK_REGEX"] == LINKS)
