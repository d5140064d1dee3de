"""The digest of a function in the settings, where what it does can be told from what it is.

Its code, its defaults, what it has closed over, the functions it calls, and the versions of the
packages it uses. A function that touches anything but text and numbers has no digest.
"""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from plugins.quick.errors import Undigestible

# Modules of Python's library that neither look outside nor remember; compared by Python's version.
PURE_MODULES = {
    *("collections", "functools", "html", "itertools", "json", "math", "operator", "re", "string"),
    *("textwrap", "typing", "unicodedata", "urllib"),
}
# Packages whose functions only work on what they are given.
PURE_PACKAGES = {"markdown", "markupsafe", "unidecode"}
PURE_BUILTINS = {
    *("abs", "all", "any", "bool", "chr", "dict", "divmod", "enumerate", "filter", "float"),
    *("frozenset", "int", "isinstance", "issubclass", "len", "list", "map", "max", "min", "ord"),
    *("range", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
    *("Exception", "ValueError", "TypeError", "KeyError", "IndexError", "AttributeError"),
}
# Opcodes that change something outside the function.
CHANGING = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR", "STORE_DEREF"}


def facts(function: Any, of: Callable[[object], bytes]) -> list[Any]:
    """What stands for the function; `of` digests the data that it holds. Raises Undigestible."""
    return _facts(function, of, frozenset())


def _facts(value: Any, of: Callable[[object], bytes], above: frozenset[int]) -> list[Any]:
    if isinstance(value, ModuleType):
        return [_module(value.__name__)]
    if isinstance(value, FunctionType):
        return _function(value, of, above)
    if isinstance(value, type | BuiltinFunctionType):
        if value.__module__ == "builtins" and value.__name__ not in PURE_BUILTINS:
            raise Undigestible(f"a function that calls {value.__name__}")
        return [_module(value.__module__ or ""), value.__qualname__]
    return [of(value)]


def _function(
    value: FunctionType, of: Callable[[object], bytes], above: frozenset[int]
) -> list[Any]:
    package = value.__module__.partition(".")[0]
    if package in PURE_PACKAGES or package in PURE_MODULES:
        return [_module(value.__module__), value.__qualname__]
    if id(value) in above:
        return ["itself", value.__qualname__]
    if vars(value):
        raise Undigestible(f"the function {value.__qualname__} with attributes of its own")
    inside = above | {id(value)}
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    return [
        value.__qualname__,
        [_facts(one, of, inside) for one in (value.__defaults__ or ())],
        [[name, _facts(one, of, inside)] for name, one in (value.__kwdefaults__ or {}).items()],
        [_facts(one, of, inside) for one in cells],
        _code(value.__code__, value.__globals__, of, inside),
    ]


def _code(
    code: CodeType, known: dict[str, Any], of: Callable[[object], bytes], above: frozenset[int]
) -> list[Any]:
    used: list[Any] = []
    for step in dis.get_instructions(code):
        if step.opname in CHANGING:
            raise Undigestible(f"the function {code.co_name}, which changes things")
        if step.opname == "IMPORT_NAME":
            used.append(["import", _module(str(step.argval))])
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            name = str(step.argval)
            if name in known:
                used.append([name, _facts(known[name], of, above)])
            elif hasattr(builtins, name) and name in PURE_BUILTINS:
                used.append([name])
            else:
                raise Undigestible(f"the function {code.co_name}, which uses {name}")
    constants = [
        _code(one, known, of, above) if isinstance(one, CodeType) else of(one)
        for one in code.co_consts
    ]
    names = [list(code.co_names), list(code.co_varnames), code.co_flags, code.co_argcount]
    return [code.co_code, names, constants, used]


@lru_cache(maxsize=64)
def _module(name: str) -> str:
    package = name.partition(".")[0]
    if package in PURE_MODULES or package == "builtins":
        return f"{name} {sys.version}"
    if package not in PURE_PACKAGES:
        raise Undigestible(f"a function that uses {name}")
    try:
        return f"{name} {_version_of(package)}"
    except (PackageNotFoundError, KeyError):
        raise Undigestible(f"{package}, whose version is not known") from None


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        # Installed under another name, which takes a look at all that is installed.
        return version(packages_distributions()[package][0])
