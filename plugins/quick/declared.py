"""Functions that the settings declare pure (QUICK_PURE), and their part in cache keys.

A pure function returns the same value for the same arguments and changes nothing. That cannot be
detected, so it is declared. The source file is part of the key, so that changing it is noticed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

from .errors import Undigestible

# Markdown's own, whose version is part of every key.
_MARKDOWN = "markdown."
_names: set[str] = set()


def declare(names: Iterable[str]) -> None:
    """Set the names of pure functions for this run: names in templates, or the functions' own."""
    _names.clear()
    _names.update(names)


def is_declared(value: object, name: str = "") -> bool:
    """Whether a function is declared pure, by `name`, which templates use, or by its own name."""
    return (name or "-") in _names or getattr(value, "__name__", "-") in _names


def has_declared(module: str) -> bool:
    """Whether a function of the module of this name is declared, such as `math.floor`."""
    return any(one.startswith(f"{module}.") for one in _names)


def is_pure(value: object, name: str = "") -> bool:
    """Whether a function is declared pure, has `quick_digest`, or belongs to Markdown."""
    if callable(getattr(value, "quick_digest", None)) or is_declared(value, name):
        return True
    return str(getattr(value, "__module__", "")).startswith(_MARKDOWN)


def facts(value: Any, of: Callable[[object], bytes], name: str = "") -> list[Any]:
    """Return a pure function's part of a key; `of` digests its defaults and closure.

    Raises Undigestible.
    """
    if not is_pure(value, name):
        raise Undigestible(f"the function {name or getattr(value, '__name__', value)}")
    if callable(digest := getattr(value, "quick_digest", None)):
        return [digest()]
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        held = [value.__defaults__, value.__kwdefaults__, cells]
        source = _source(value.__code__.co_filename)
        return [source, value.__qualname__, value.__code__.co_firstlineno, of(held)]
    if isinstance(value, partial):
        return [facts(value.func, of, name), of([list(value.args), value.keywords])]
    if (
        isinstance(value, BuiltinFunctionType | type)
        and value.__module__ in sys.stdlib_module_names
    ):
        return [value.__module__, value.__qualname__, sys.version]
    raise Undigestible(f"the function {name}, which is a {type(value).__qualname__}")


@lru_cache(maxsize=256)
def _read(path: str, _stamp: tuple[int, int]) -> bytes:
    return Path(path).read_bytes()


def _source(path: str) -> bytes:
    try:
        stat = Path(path).stat()
        return _read(path, (stat.st_mtime_ns, stat.st_size))
    except OSError:
        raise Undigestible(f"a function whose source {path} cannot be read") from None
