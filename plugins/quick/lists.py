"""Lists that know what they hold.

Pelican asks `article in articles` for every article and every tag, category and author: with n
articles that is n times n. A list that also keeps a set answers at once.
"""

from __future__ import annotations

from functools import wraps
from typing import Any


class Members(list[Any]):
    """A list whose `in` is quick, for elements that are equal only to themselves."""

    _known: set[int] | None = None

    def __contains__(self, item: object) -> bool:
        if _own_equality(item):
            return super().__contains__(item)
        if self._known is None:
            if any(map(_own_equality, self)):
                return super().__contains__(item)
            self._known = {id(one) for one in self}
        return id(item) in self._known


def _own_equality(item: object) -> bool:
    equality: Any = type(item).__eq__
    return equality is not object.__eq__


def _forgetting(name: str) -> Any:
    """The list's method of this name, after which a list no longer knows what it holds."""
    method = getattr(list, name)

    @wraps(method)
    def changed(self: Members, *arguments: Any, **named: Any) -> Any:
        self._known = None
        return method(self, *arguments, **named)

    return changed


for _name in (
    *("append", "extend", "insert", "remove", "pop", "clear"),
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
):
    setattr(Members, _name, _forgetting(_name))
