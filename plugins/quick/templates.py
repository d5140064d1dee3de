"""Static analysis of templates: which variables and attributes a template can depend on.

It covers all templates that one extends, includes or imports, and may return too many names, never
too few. A template whose dependencies cannot be determined, such as one that includes by a
computed name, raises Undigestible, and its pages are rendered each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from jinja2 import Environment, TemplateNotFound, meta, nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.filters import FILTERS
from jinja2.tests import TESTS
from pelican.plugins._utils import plugin_enabled
from pelican.utils import DateFormatter

from . import digest
from .declared import facts, is_pure
from .errors import Undigestible

# Filters whose result changes from call to call, or shows an address in memory.
IMPURE_FILTERS = {"random", "pprint"}
IMPURE_GLOBALS = {"lipsum"}
# Extensions of Jinja2 that only add to its grammar.
PURE_EXTENSIONS = {"jinja2.ext.do", "jinja2.ext.loopcontrols", "jinja2.ext.ExprStmtExtension"}
I18N = "jinja2.ext.InternationalizationExtension"
# The functions that it adds; the global `catalog` has their translations.
WORDS = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
# Attributes through which everything, or the clock, can be reached.
FAR = {
    *("settings", "now", "today", "utcnow", "fromtimestamp", "url_format", "get_url_setting"),
    *("get_siteurl", "get_content", "get_summary", "attach_to", "is_valid", "context"),
    *("refresh_metadata_intersite_links", "get_static_links", "get_relative_source_path"),
}
BY_ATTRIBUTE = {"map", "sort", "groupby", "sum", "unique", "min", "max", "attr"}
BY_ATTRIBUTE |= {"selectattr", "rejectattr"}
FIRST_IS_ATTRIBUTE = {"groupby", "sum", "attr", "selectattr", "rejectattr"}
# Attributes of a paginator that are numbers or names, not contents.
COUNTS = {"num_pages", "count", "per_page", "orphans", "page_range", "name", "url"}

# "defined" or "true", and the name that is tested.
Question = tuple[str, str]
Truths = frozenset[tuple[Question, bool]]


@dataclass(frozen=True, slots=True)
class Closure:
    """A template with all that it reaches: the sources' digest, and the names that it can use."""

    sources: bytes
    names: frozenset[str]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Outline:
    """One template's source: templates that it names, names that it sets, and tested names."""

    named: tuple[str, ...]
    stored: frozenset[str]
    asked: frozenset[Question]


@dataclass(frozen=True, slots=True)
class _Part:
    """The names and attributes that one template can use."""

    names: frozenset[str]
    attributes: frozenset[str]


class Closures:
    """The closures of one environment's templates."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._config = _environment(env)
        self._sources: dict[str, str | None] = {}
        self._fresh: list[Callable[[], bool]] = []
        self._outlines: dict[str, _Outline] = {}
        self._reached: dict[str, tuple[frozenset[str], frozenset[Question]]] = {}
        self._parts: dict[tuple[str, Truths], _Part | Undigestible] = {}
        self._made: dict[tuple[str, Truths], Closure] = {}

    def of(self, name: str, context: Mapping[str, Any]) -> Closure:
        """Return the closure of a template for a page with this context. Raises Undigestible.

        Tests such as `{% if articles_page is defined %}` are decided here, so that the branch that
        is not taken does not count.
        """
        reached, questions = self._reach(name)
        decided = frozenset(
            (question, answer)
            for question in questions
            if (answer := truth(*question, context)) is not None
        )
        if (name, decided) not in self._made:
            self._made[name, decided] = self._make(reached, decided)
        return self._made[name, decided]

    def questions(self, name: str) -> frozenset[Question]:
        """Return the tests that `of` decides by the context. Raises Undigestible."""
        return self._reach(name)[1]

    def _reach(self, name: str) -> tuple[frozenset[str], frozenset[Question]]:
        """Return all templates that one reaches, and the tests that the context can decide.

        Those are tests of names that no template sets.
        """
        if name not in self._reached:
            waiting, reached = [name], set()
            while waiting:
                one = waiting.pop()
                if one not in reached:
                    reached.add(one)
                    waiting += self._outline(one).named
            stored = {each for one in reached for each in self._outline(one).stored}
            questions = frozenset(
                question
                for one in reached
                for question in self._outline(one).asked
                if question[1] not in stored
            )
            self._reached[name] = frozenset(reached), questions
        return self._reached[name]

    def still(self) -> bool:
        """Whether no source has changed since it was read."""
        return all(fresh() for fresh in self._fresh)

    def _source(self, name: str) -> str | None:
        """Return the source of a template; None if it does not exist."""
        if name not in self._sources:
            try:
                found = self._env.loader.get_source(self._env, name)  # type: ignore[union-attr]
                self._sources[name] = found[0]
                if found[2] is not None:
                    self._fresh.append(found[2])
            except TemplateNotFound:
                self._sources[name] = None
        return self._sources[name]

    def _outline(self, name: str) -> _Outline:
        if name not in self._outlines:
            tree = self._env.parse(self._source(name) or "")
            self._outlines[name] = _Outline(
                named=tuple(_named(tree)),
                stored=frozenset(_stored(tree)),
                asked=frozenset(
                    question
                    for branch in tree.find_all((nodes.If, nodes.CondExpr))
                    for question in _asked(branch.test)  # type: ignore[attr-defined]
                ),
            )
        return self._outlines[name]

    def _make(self, reached: frozenset[str], decided: Truths) -> Closure:
        names: set[str] = set()
        attributes: set[str] = set()
        for one in reached:
            asked = self._outline(one).asked
            part = self._part(one, frozenset(each for each in decided if each[0] in asked))
            names |= part.names
            attributes |= part.attributes
        sources = [[one, self._source(one)] for one in sorted(reached)]
        state = [self._config, sources, sorted(decided)]
        return Closure(digest.plain(state), frozenset(names), frozenset(attributes))

    def _part(self, name: str, decided: Truths) -> _Part:
        key = (name, decided)
        if key not in self._parts:
            try:
                self._parts[key] = self._read(name, decided)
            except Undigestible as problem:
                self._parts[key] = problem
        part = self._parts[key]
        if isinstance(part, Undigestible):
            raise Undigestible(str(part))
        return part

    def _read(self, name: str, decided: Truths) -> _Part:
        tree = self._env.parse(self._source(name) or "")
        _prune(tree, dict(decided))
        self._check(tree)
        attributes = frozenset(_attributes(tree))
        if far := {one for one in attributes if one in FAR or one.startswith("_")}:
            raise Undigestible(f"{name} names {', '.join(sorted(far))}")
        return _Part(names_in(tree, self._env), attributes)

    def _check(self, tree: nodes.Template) -> None:
        for node in tree.find_all(nodes.Filter):
            known = self._env.filters.get(node.name)
            if isinstance(known, DateFormatter) or is_pure(known, node.name):
                continue
            if known is not FILTERS.get(node.name) or node.name in IMPURE_FILTERS:
                raise Undigestible(f"the filter {node.name}")
        for test in tree.find_all(nodes.Test):
            one = self._env.tests.get(test.name)
            if isinstance(one, partial) and one.func is plugin_enabled:
                continue
            if one is not TESTS.get(test.name) and not is_pure(one, test.name):
                raise Undigestible(f"the test {test.name}")

    def global_(self, name: str) -> object:
        """What the environment itself has under this name; raises Undigestible for functions."""
        value = self._env.globals["catalog" if self._speaks(name) else name]
        if value is DEFAULT_NAMESPACE.get(name) and name not in IMPURE_GLOBALS:
            return f"jinja2.{name}"
        if isinstance(value, ModuleType) and value.__name__ in sys.stdlib_module_names:
            return [value.__name__, sys.version]
        if callable(value) and is_pure(value, name):
            return facts(value, digest.plain, name)
        if callable(value) or name in IMPURE_GLOBALS:
            raise Undigestible(f"the function {name}")
        return value

    def _speaks(self, name: str) -> bool:
        """Whether this is gettext of a catalog with `quick_digest` (plugins/language)."""
        return name in WORDS and I18N in self._env.extensions and "catalog" in self._env.globals

    def has_global(self, name: str) -> bool:
        """Whether the environment has a global of this name."""
        return name in self._env.globals


def names_in(tree: nodes.Template, env: Environment) -> frozenset[str]:
    """Return the names that a template may look up in the context or the environment."""
    # What Jinja2 finds does not have the environment's own.
    asked = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
    return frozenset(meta.find_undeclared_variables(tree) | (asked & env.globals.keys()))


def _environment(env: Environment) -> list[Any]:
    """Digest the environment's settings; raises Undigestible."""
    strange = [name for name in env.extensions if name not in PURE_EXTENSIONS | {I18N}]
    if strange or env.finalize is not None:
        raise Undigestible(f"Jinja2 with {strange or 'finalize'}")
    formatter = env.filters.get("strftime")
    plugins = env.tests.get("plugin_enabled")
    options = (
        *("block_start_string", "block_end_string", "variable_start_string"),
        *("variable_end_string", "comment_start_string", "comment_end_string"),
        *("line_statement_prefix", "line_comment_prefix", "trim_blocks", "lstrip_blocks"),
        *("newline_sequence", "keep_trailing_newline", "autoescape"),
    )
    return [
        [getattr(env, option) for option in options],
        f"{env.undefined.__module__}.{env.undefined.__qualname__}",
        formatter.locale if isinstance(formatter, DateFormatter) else None,
        plugins.keywords.get("plugin_list") if isinstance(plugins, partial) else None,
        [
            [name, facts(value, digest.plain, name)]
            for known in (env.filters, env.tests)
            for name, value in sorted(known.items())
            if is_pure(value, name)
        ],
    ]


def _named(tree: nodes.Template) -> Iterator[str]:
    kinds = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
    for node in tree.find_all(kinds):
        template = node.template  # type: ignore[attr-defined]
        several = isinstance(template, nodes.List | nodes.Tuple)
        parts = template.items if several else [template]
        for part in parts:
            if isinstance(part, nodes.Const) and isinstance(part.value, str):
                yield part.value
            elif isinstance(part, nodes.Const) and isinstance(part.value, list | tuple):
                yield from map(str, part.value)
            else:
                raise Undigestible("a template that is named by a computed name")


def _stored(tree: nodes.Template) -> Iterator[str]:
    for name in tree.find_all(nodes.Name):
        if name.ctx != "load":
            yield name.name
    for macro in tree.find_all(nodes.Macro):
        yield macro.name
    for one in tree.find_all(nodes.Import):
        yield one.target
    for these in tree.find_all(nodes.FromImport):
        for imported in these.names:
            yield imported if isinstance(imported, str) else imported[1]


def _attributes(tree: nodes.Template) -> Iterator[str]:
    """Yield every attribute that the template can use, and every text that could be one."""
    references = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
    paths = {
        id(text)
        for reference in tree.find_all(references)
        for text in [reference.template, *reference.template.find_all(nodes.Const)]  # type: ignore[attr-defined]
    }
    for node in tree.find_all(nodes.Const):
        if isinstance(node.value, str) and id(node) not in paths:
            yield from (part for part in node.value.split(".") if part.isidentifier())
            if "paginator" in node.value:
                raise Undigestible("a paginator that is named in a text")
    counted = set()
    for get in tree.find_all(nodes.Getattr):
        if _is_paginator(get.node) and get.attr in COUNTS:
            counted.add(id(get.node))
        elif not _is_paginator(get):
            yield get.attr
    for used in tree.find_all((nodes.Getattr, nodes.Name)):
        if _is_paginator(used) and id(used) not in counted:
            # Passed on, or its contents are used: then a page can show everything in it.
            raise Undigestible("a paginator that is used for more than its numbers")
    for item in tree.find_all(nodes.Getitem):
        if not isinstance(item.arg, nodes.Const | nodes.Slice | nodes.Neg):
            raise Undigestible("a subscript that is computed")
    for one in tree.find_all(nodes.Filter):
        if one.name in BY_ATTRIBUTE:
            given = [key.value for key in one.kwargs if key.key == "attribute"]
            given += one.args[:1] if one.name in FIRST_IS_ATTRIBUTE else []
            computed = any(not isinstance(value, nodes.Const) for value in given)
            if computed or one.dyn_args is not None or one.dyn_kwargs is not None:
                raise Undigestible("an attribute that is named by a computed name")


def _is_paginator(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Getattr):
        return node.attr == "paginator"
    return isinstance(node, nodes.Name) and node.name.endswith("_paginator") and node.ctx == "load"


def _asked(test: nodes.Node) -> Iterator[tuple[str, str]]:
    """Yield the parts of a test that are about names only."""
    if isinstance(test, nodes.And | nodes.Or):
        yield from _asked(test.left)
        yield from _asked(test.right)
    elif isinstance(test, nodes.Not):
        yield from _asked(test.node)
    elif isinstance(test, nodes.Name):
        yield "true", test.name
    elif (
        isinstance(test, nodes.Test)
        and test.name in ("defined", "undefined")
        and isinstance(test.node, nodes.Name)
    ):
        yield "defined", test.node.name


def truth(test: str, name: str, context: Mapping[str, Any]) -> bool | None:
    """Return the answer to a question; None if it cannot be determined."""
    if test == "defined":
        return name in context
    value = context.get(name)
    # Types without __bool__ or __len__ of their own, and plain types.
    plain = isinstance(value, str | int | list | tuple | dict | type(None))
    return bool(value) if plain or type(value).__module__ == "pelican.paginator" else None


def _decide(test: nodes.Node, truths: Mapping[tuple[str, str], bool]) -> bool | None:
    if isinstance(test, nodes.And | nodes.Or):
        sides = [_decide(test.left, truths), _decide(test.right, truths)]
        settles = isinstance(test, nodes.Or)
        if settles in sides:
            return settles
        return None if None in sides else not settles
    if isinstance(test, nodes.Not):
        inner = _decide(test.node, truths)
        return None if inner is None else not inner
    for question in _asked(test):
        answer = truths.get(question)
        negated = isinstance(test, nodes.Test) and test.name == "undefined"
        return answer if answer is None or not negated else not answer
    return None


def _prune(node: nodes.Node, truths: Mapping[tuple[str, str], bool]) -> None:
    """Remove the branches that are not taken, except those with declarations."""
    for child in node.iter_child_nodes():
        _prune(child, truths)
    if isinstance(node, nodes.CondExpr):
        answer = _decide(node.test, truths)
        if answer is True:
            node.expr2 = None
        elif answer is False and node.expr2 is not None:
            node.expr1 = node.expr2
        if answer is not None:
            node.test = nodes.Const(True)
    elif isinstance(node, nodes.If) and not _declares(node):
        answer = _decide(node.test, truths)
        if answer is None:
            return
        node.test = nodes.Const(True)
        if answer:
            node.elif_, node.else_ = [], []
        else:
            node.body = [*node.elif_, *node.else_] if not node.elif_ else _rest(node)
            node.elif_, node.else_ = [], []


def _rest(node: nodes.If) -> list[nodes.Node]:
    first, *others = node.elif_
    first.elif_, first.else_ = others, node.else_
    return [first]


def _declares(node: nodes.Node) -> bool:
    kinds = (nodes.Block, nodes.Macro, nodes.Import, nodes.FromImport, nodes.Extends)
    return any(node.find_all(kinds))
