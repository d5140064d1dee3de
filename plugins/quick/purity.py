"""Checks that rendering a page cannot change what another page shows.

Only then are pages rendered by several processes and reused from earlier builds: each process has
its own copy of the objects, and a reused page has no side effects.

So a template may only call what is known to be pure: Jinja2's and Pelican's own functions, macros,
methods of plain values that change nothing, and what QUICK_PURE declares. It may only use plain
values and Pelican's objects: an object of any other class can run code when an attribute is read
or when it is printed.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from jinja2 import Environment, Template, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.filters import FILTERS
from jinja2.runtime import Undefined
from jinja2.tests import TESTS
from markupsafe import Markup
from pelican.contents import Content
from pelican.paginator import Page as ListPage
from pelican.paginator import Paginator
from pelican.plugins._utils import plugin_enabled
from pelican.settings import Settings
from pelican.urlwrappers import URLWrapper
from pelican.utils import DateFormatter, SafeDatetime

from .declared import has_declared, is_declared, is_pure
from .indexed_list import Members
from .templates import names_in

PURE_EXTENSIONS = {"jinja2.ext.do", "jinja2.ext.loopcontrols", "jinja2.ext.ExprStmtExtension"}
I18N = "jinja2.ext.InternationalizationExtension"
GETTEXT = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
OF_JINJA = {"super", "caller", "loop"}
# Functions that make objects which templates change, each page its own.
MAKERS = {"namespace": "namespace", "cycler": "cycler", "joiner": "joiner"}
# Methods of texts, numbers, dates, lists, dictionaries and lists' pages that change nothing.
_METHODS = """
capitalize casefold center count encode endswith expandtabs find format format_map index
isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace
istitle isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex
rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title translate upper
zfill striptags unescape
get items keys values copy union intersection difference symmetric_difference isdisjoint
issubset issuperset
isoformat strftime date time timetz timestamp weekday isoweekday isocalendar timetuple
utctimetuple utcoffset tzname dst ctime toordinal astimezone total_seconds
bit_length is_integer as_integer_ratio conjugate
has_next has_previous has_other_pages next_page_number previous_page_number start_index
end_index page
with_suffix with_name joinpath as_posix relative_to
"""
PURE_METHODS = frozenset(_METHODS.split())
ASKS_FILTER, ASKS_TEST = {"map": 0}, {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
PLAIN = (
    *(str, bytes, int, float, complex, bool, type(None), Markup, decimal.Decimal, range, slice),
    *(datetime.datetime, SafeDatetime, datetime.date, datetime.time, datetime.timedelta),
    *(PurePath, datetime.tzinfo, uuid.UUID, Undefined),
)
# A dictionary of another class may change when it is read.
MAPPINGS = (dict, OrderedDict, Counter, Settings)
ROWS = (list, tuple, set, frozenset, Members)
# Functions do nothing until a template calls them, which is checked separately.
CALLED = (FunctionType, BuiltinFunctionType, MethodType)
TRUSTED_CODE = ("pelican.", f"{__name__.rpartition('.')[0]}.", "functools", "builtins")


class Impure(Exception):
    """Something that can change between pages; the message names it."""


class Wanted(NamedTuple):
    """A page to render: its template, the shared context, and its own variables."""

    template: Template
    shared: Mapping[str, Any]
    own: Mapping[str, Any]


def problem(pages: Iterable[Wanted]) -> str:
    """Return why these pages must be made in order by one process; "" if they need not."""
    known: dict[tuple[int, str], _Reached] = {}
    walks: dict[frozenset[str] | None, _Walk] = {}
    try:
        for page in pages:
            env, name = page.template.environment, page.template.name or ""
            if (id(env), name) not in known:
                known[id(env), name] = _reach(env, name)
            reached = known[id(env), name]
            walk = walks.setdefault(reached.attributes, _Walk(reached.attributes))
            walk.names(reached, env, page)
    except Impure as reason:
        return str(reason)
    return ""


@dataclass
class _Reached:
    """What a template can use, with all templates that it extends, includes and imports.

    `attributes` is None if an attribute's name is computed.
    """

    names: set[str] = field(default_factory=set)
    macros: set[str] = field(default_factory=set)
    attributes: frozenset[str] | None = frozenset()


def _reach(env: Environment, name: str) -> _Reached:
    strange = [one for one in env.extensions if one not in PURE_EXTENSIONS | {I18N}]
    if strange or env.finalize is not None:
        raise Impure(f"Jinja2 is used with {strange[0] if strange else 'finalize'}")
    if not env.undefined.__module__.startswith("jinja2."):
        raise Impure(f"Jinja2 is used with {env.undefined.__qualname__}")
    trees, once = _trees(env, name)
    reached = _Reached()
    known = _Known(env, trees.values(), once)
    attributes: set[str] | None = set()
    for one, tree in trees.items():
        known.check(one, tree)
        reached.names |= names_in(tree, env)
        attributes = None if attributes is None else _attributes(tree, attributes)
    reached.macros = known.macros
    reached.attributes = None if attributes is None else frozenset(attributes)
    return reached


def _trees(env: Environment, name: str) -> tuple[dict[str, nodes.Template], set[str]]:
    """Return all templates that this one reaches, and those whose module all pages share.

    If a name is computed, it reaches every template.
    """
    waiting, trees, once = [(name, False)], dict[str, nodes.Template](), set[str]()
    every: list[str] | None = None
    while waiting:
        one, shared = waiting.pop()
        if one in trees and (not shared or one in once):
            continue
        if shared:
            once.add(one)
        try:
            source = env.loader.get_source(env, one)[0]  # type: ignore[union-attr]
            tree = trees[one] = env.parse(source)
        except (TemplateNotFound, TemplateSyntaxError, AttributeError):
            continue  # reported when it is rendered
        for node, found in _named(tree):
            # Jinja2 caches the module of a template that is imported without the context.
            kept = shared or not getattr(node, "with_context", True)
            if found is None and every is None:
                every = _every(env)
            waiting += [(each, kept) for each in ([found] if found is not None else every or ())]
    return trees, once


def _every(env: Environment) -> list[str]:
    try:
        return env.list_templates()
    except TypeError:
        raise Impure("a template is named by a computed name") from None


def _named(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str | None]]:
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        template = node.template  # type: ignore[attr-defined]
        parts = template.items if isinstance(template, nodes.List | nodes.Tuple) else [template]
        for part in parts:
            value = part.value if isinstance(part, nodes.Const) else None
            for one in value if isinstance(value, list | tuple) else [value]:
                yield node, one if isinstance(one, str) else None


def _attributes(tree: nodes.Template, found: set[str]) -> set[str] | None:
    for get in tree.find_all(nodes.Getattr):
        found.add(get.attr)
    for text in tree.find_all(nodes.Const):
        if isinstance(text.value, str) and len(text.value) < 200:
            found.update(part for part in text.value.split(".") if part.isidentifier())
    for item in tree.find_all(nodes.Getitem):
        if not isinstance(item.arg, nodes.Const | nodes.Slice | nodes.Neg):
            return None
    for one in tree.find_all(nodes.Filter):
        given = [key.value for key in one.kwargs if key.key == "attribute"]
        if not all(isinstance(value, nodes.Const) for value in given):
            return None
        if one.name == "attr" and not all(isinstance(part, nodes.Const) for part in one.args):
            return None
    return found


class _Known:
    """The names of macros and of Jinja2's objects in the templates of one page."""

    def __init__(self, env: Environment, trees: Iterable[nodes.Template], once: set[str]) -> None:
        self._env, self._once = env, once
        self.macros: set[str] = set()
        self._modules: set[str] = set()
        self._stored: set[str] = set()
        self._made: dict[str, set[str]] = {}
        others: set[str] = set()
        for tree in trees:
            self.macros |= {one.name for one in tree.find_all(nodes.Macro)}
            self._modules |= {one.target for one in tree.find_all(nodes.Import)}
            for these in tree.find_all(nodes.FromImport):
                self.macros |= {one if isinstance(one, str) else one[1] for one in these.names}
            makers = {}
            for one in tree.find_all(nodes.Assign):
                if (maker := _maker(one)) is not None:
                    makers[id(one.target)] = maker
            for name in tree.find_all(nodes.Name):
                if name.ctx != "load":
                    self._stored.add(name.name)
                    maker = makers.get(id(name))
                    if maker is None:
                        others.add(name.name)
                    else:
                        self._made.setdefault(name.name, set()).add(maker)
        self._made = {
            name: kinds
            for name, kinds in self._made.items()
            if name not in others and len(kinds) == 1
        }

    def check(self, template: str, tree: nodes.Template) -> None:
        """Raise Impure for a call, filter or test that may change shared objects."""
        for reference in tree.find_all(nodes.NSRef):
            self._own(template, reference.name, "namespace")
        for call in tree.find_all(nodes.Call):
            self._call(template, call.node)
        for one in tree.find_all(nodes.Filter):
            self._filter(template, one.name)
            self._by_name(template, one)
        for test in tree.find_all(nodes.Test):
            self._test(template, test.name)

    def _own(self, template: str, name: str, kind: str) -> None:
        if self._made.get(name) != {kind} or template in self._once:
            raise Impure(f"{template} changes {name}, which pages share")

    def _call(self, template: str, what: nodes.Node) -> None:
        path = _path(what)
        if path and is_declared(None, path):
            return
        if isinstance(what, nodes.Name) and self._calls_name(template, what.name):
            return
        if isinstance(what, nodes.Getattr) and self._calls_method(template, what):
            return
        raise Impure(f"{template} calls {path or 'a function'}, which is not declared pure")

    def _calls_name(self, template: str, name: str) -> bool:
        if self._made.get(name) == {"joiner"}:
            self._own(template, name, "joiner")
            return True
        if name in self._stored or name in self._modules:
            return False
        value = self._env.globals.get(name)
        if name in self.macros:
            # Where the macro is not imported, the name refers to the global function.
            return value is None or is_pure(value, name)
        if name in OF_JINJA or (name in GETTEXT and I18N in self._env.extensions):
            return True
        return is_pure(value, name) or (
            value is not None and value is DEFAULT_NAMESPACE.get(name) and name != "lipsum"
        )

    def _calls_method(self, template: str, what: nodes.Getattr) -> bool:
        base = what.node.name if isinstance(what.node, nodes.Name) else ""
        if base == "self" or (base == "loop" and what.attr in ("cycle", "changed")):
            return True
        if base in self._modules and base not in self._stored:
            return True
        if what.attr in ("next", "reset") and base in self._made:
            self._own(template, base, "cycler")
            return True
        return what.attr in PURE_METHODS

    def _filter(self, template: str, name: str) -> None:
        known = self._env.filters.get(name)
        if isinstance(known, DateFormatter) or is_pure(known, name):
            return
        if known is not FILTERS.get(name) or name == "random":
            raise Impure(f"{template} uses the filter {name}, which is not declared pure")

    def _test(self, template: str, name: str) -> None:
        known = self._env.tests.get(name)
        plugins = isinstance(known, partial) and known.func is plugin_enabled
        if not plugins and known is not TESTS.get(name) and not is_pure(known, name):
            raise Impure(f"{template} uses the test {name}, which is not declared pure")

    def _by_name(self, template: str, one: nodes.Filter) -> None:
        """Check filters such as `map`, which take the name of a filter or test."""
        for asks, check in ((ASKS_FILTER, self._filter), (ASKS_TEST, self._test)):
            place = asks.get(one.name)
            if place is None:
                continue
            if one.dyn_args is not None or one.dyn_kwargs is not None:
                raise Impure(f"{template} uses {one.name} with computed names")
            for name in one.args[place : place + 1]:
                if not isinstance(name, nodes.Const):
                    raise Impure(f"{template} uses {one.name} with a computed name")
                check(template, str(name.value))


def _maker(one: nodes.Assign) -> str | None:
    """Return which kind of Jinja2's objects an assignment makes, if any."""
    call = one.node
    if isinstance(call, nodes.Call) and isinstance(call.node, nodes.Name):
        return MAKERS.get(call.node.name)
    return None


def _path(what: nodes.Node) -> str:
    """Return `a.b` for a call of a dotted name; "" for anything else."""
    if isinstance(what, nodes.Name):
        return what.name
    if isinstance(what, nodes.Getattr):
        base = _path(what.node)
        return f"{base}.{what.attr}" if base else ""
    return ""


class _Walk:
    """Checks every value that templates with these attributes can reach, each once."""

    def __init__(self, attributes: frozenset[str] | None) -> None:
        self._attributes = attributes
        # The reference to the value keeps its id from being reused.
        self._seen: dict[int, object] = {}
        self._classes: dict[type, tuple[str, ...]] = {}
        self._done: set[tuple[int, frozenset[str]]] = set()

    def names(self, reached: _Reached, env: Environment, page: Wanted) -> None:
        """Check the values of all names that a page's templates use; raises Impure."""
        names = frozenset(reached.names)
        for name in names & page.own.keys():
            self._value(page.own[name], name)
        at = (id(page.shared), names.union(page.own))
        if at in self._done:
            return
        self._done.add(at)
        for name in names - page.own.keys():
            if name in page.shared:
                self._value(page.shared[name], name)
            elif name in env.globals and env.globals[name] is not DEFAULT_NAMESPACE.get(name):
                catalog = I18N in env.extensions and name in GETTEXT
                if not catalog:
                    self._value(env.globals[name], name)
        for name in reached.macros:
            value = page.own.get(name, page.shared.get(name))
            if callable(value) and not is_pure(value, name):
                raise Impure(f"a function has the name of the macro {name}")

    def _value(self, value: Any, name: str) -> None:
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, PLAIN) or id(one) in self._seen:
                continue
            self._seen[id(one)] = one
            waiting += self._inside(one, name)

    def _inside(self, one: Any, name: str) -> Iterable[Any]:
        kind = type(one)
        if isinstance(one, ROWS) or (isinstance(one, tuple) and hasattr(one, "_fields")):
            return one
        if kind in MAPPINGS:
            return [*one.keys(), *one.values()]
        if kind is ListPage:
            return [one.object_list, one.paginator]
        if kind is Paginator:
            return [one.object_list] if self._names("object_list") else ()
        if isinstance(one, Content | URLWrapper):
            return self._of_pelican(one)
        if callable(getattr(one, "quick_digest", None)) or isinstance(one, CALLED):
            return ()
        if is_declared(one, name):
            return ()
        # A module matters only if a function of it is called, which must be declared by name.
        if kind is ModuleType and has_declared(name):
            return ()
        raise Impure(f"{name} leads to a {kind.__module__}.{kind.__qualname__}, which could change")

    def _of_pelican(self, one: Any) -> Iterable[Any]:
        kind, own = type(one), vars(one)
        if kind not in self._classes:
            self._classes[kind] = tuple(_added(kind))
        added = [each for each in self._classes[kind] if self._names(each)]
        made = {"_get_content", "get_content", "get_summary", "_update_content"} & own.keys()
        if added or made:
            what = [*added, *sorted(made)][0]
            raise Impure(f"a plugin gave {what} to {kind.__qualname__}, which could change")
        if self._attributes is None:
            skipped = {"settings", "_context"}
            return [value for each, value in own.items() if each not in skipped]
        named = self._attributes | {"translations"}
        return [own[each] for each in named & own.keys()]

    def _names(self, attribute: str) -> bool:
        return self._attributes is None or attribute in self._attributes


def _added(kind: type) -> Iterator[str]:
    """Yield the attributes that other code added to a class of Pelican."""
    for base in kind.__mro__[:-1]:
        if not f"{base.__module__}.".startswith(TRUSTED_CODE):
            yield from vars(base)
            continue
        for name, value in vars(base).items():
            code = value.fget if isinstance(value, property) else value
            code = code.func if isinstance(code, partial) else code
            module = getattr(code, "__module__", None)
            if callable(code) and module and not f"{module}.".startswith(TRUSTED_CODE):
                yield name


def wanted(jobs: Sequence[Any]) -> Iterator[Wanted]:
    """Return the pages of a writer's jobs."""
    return (Wanted(job.template, job.shared, job.own) for job in jobs)
