"""Lists with constant-time membership tests.

Pelican evaluates `article in articles` for every article and every tag, category and author, which
is quadratic. These lists also keep a set.
"""

from __future__ import annotations

from functools import wraps
from typing import Any


class Members(list[Any]):
    """A list with a fast `in`, for elements that are equal only to themselves."""

    _known: set[int] | None = None

    def __contains__(self, item: object) -> bool:
        if _own_equality(item):
            return super().__contains__(item)
        if self._known is None:
            if any(map(_own_equality, self)):
                return super().__contains__(item)
            self._known = {id(one) for one in self}
        return id(item) in self._known


def asked_only_of(items: list[Any], these: list[Any]) -> Members:
    """Return a list of `items` whose `in` is called only with elements of `these`; see `unbind`.

    Its `in` is a set's, without a method written in Python.
    """
    if any(map(_own_equality, {type(one): one for one in (*items, *these)}.values())):
        return Members(items)
    kind: type[Members] = type("Bound", (Members,), {"__contains__": frozenset(items).__contains__})
    return kind(items)


def unbind(them: Members) -> None:
    """Make the `in` of a list work for any object again."""
    them.__class__ = Members


def _own_equality(item: object) -> bool:
    equality: Any = type(item).__eq__
    return equality is not object.__eq__


def _forgetting(name: str) -> Any:
    """Return the list method of this name, extended to discard the set."""
    method = getattr(list, name)

    @wraps(method)
    def changed(self: Members, *arguments: Any, **named: Any) -> Any:
        self._known = None
        unbind(self)
        return method(self, *arguments, **named)

    return changed


for _name in (
    *("append", "extend", "insert", "remove", "pop", "clear"),
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
):
    setattr(Members, _name, _forgetting(_name))
