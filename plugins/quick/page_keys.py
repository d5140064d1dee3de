"""Cache keys of pages: two pages with the same key have the same bytes."""

from __future__ import annotations

import locale
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, Template

from . import digest
from .digest import Digests
from .errors import Undigestible
from .templates import Closure, Closures, Question, truth

SIZE = 20


class Begun(NamedTuple):
    """An unfinished key, to which the page's own variables (`names`) must be added."""

    digests: Digests
    start: bytes
    names: list[str]


class Keys:
    """The keys of one run's pages. The pages' variables must not change during the run."""

    def __init__(self, universe: frozenset[str] | None = None) -> None:
        digest.begin()
        self._universe = universe
        self._closures: dict[int, tuple[Environment, Closures | None]] = {}
        self._digests: dict[frozenset[str], Digests] = {}
        self._shared: dict[tuple[int, int, frozenset[str]], tuple[Any, bytes, list[str]]] = {}
        self._asked: dict[tuple[int, str, int, frozenset[str]], _Asked] = {}
        packages = [version(one) for one in ("jinja2", "markupsafe", "pelican")]
        self._base = digest.plain([code(), packages, sys.version, locale.setlocale(locale.LC_ALL)])

    def of(
        self,
        template: Template,
        shared: Mapping[str, Any],
        own: Mapping[str, Any],
    ) -> bytes | None:
        """Return the key of a page of this template; None if it must be rendered.

        `shared` is the context of many pages. `own` are this page's variables, which take
        precedence.
        """
        begun = self.begin(template, shared, own)
        return None if begun is None else self.end(begun, own)

    def begin(
        self,
        template: Template,
        shared: Mapping[str, Any],
        own: Mapping[str, Any],
    ) -> Begun | None:
        """Return the part of a key that many pages share; None if the page must be rendered."""
        try:
            closures = self._closures_of(template.environment)
            if template.name is None:
                return None
            closure = self._closure(closures, template.name, shared, own)
            digests = self._digests_of(closure)
            return Begun(digests, *self._start(closures, closure, digests, shared, own))
        except (Undigestible, RecursionError):
            return None

    def end(self, begun: Begun, own: Mapping[str, Any]) -> bytes | None:
        """Return the finished key; can be called in a forked worker."""
        state = blake2b(begun.start, digest_size=SIZE)
        try:
            for name in begun.names:
                value = begun.digests.of(own[name])
                state.update(b"%d:" % len(value))
                state.update(value)
        except (Undigestible, RecursionError):
            return None
        return state.digest()

    def still(self, templates: Iterable[Template]) -> bool:
        """Whether no template has changed since the keys were made."""
        known = [closures for _, closures in self._closures.values() if closures is not None]
        return all(one.is_up_to_date for one in set(templates)) and all(
            closures.still() for closures in known
        )

    def why(self, template: Template, shared: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        """Return why a page has no key, for debugging; "" if it has one."""
        try:
            closures = self._closures_of(template.environment)
            closure = self._closure(closures, template.name or "", shared, own)
            digests = self._digests_of(closure)
            _, names = self._start(closures, closure, digests, shared, own)
            for name in names:
                digests.of(own[name])
        except (Undigestible, RecursionError) as problem:
            return str(problem) or type(problem).__name__
        return ""

    def _closures_of(self, env: Environment) -> Closures:
        known = self._closures.get(id(env))
        if known is None:
            try:
                known = (env, Closures(env))
            except Undigestible:
                known = (env, None)
            self._closures[id(env)] = known
        if known[1] is None:
            raise Undigestible("the environment of the templates")
        return known[1]

    def _closure(
        self, closures: Closures, name: str, shared: Mapping[str, Any], own: Mapping[str, Any]
    ) -> Closure:
        """Return the closure of a template, recomputed only if this page's own variables decide."""
        at = (id(closures), name, id(shared), frozenset(own))
        asked = self._asked.get(at)
        if asked is None:
            questions = tuple(one for one in closures.questions(name) if one[1] in own)
            asked = self._asked[at] = _Asked(shared, questions, {})
        answers = tuple(truth(*question, own) for question in asked.questions)
        if answers not in asked.answered:
            asked.answered[answers] = closures.of(name, _Both(shared, own))
        return asked.answered[answers]

    def _digests_of(self, closure: Closure) -> Digests:
        names = closure.attributes
        if self._universe is not None:
            names &= self._universe
        if names not in self._digests:
            self._digests[names] = Digests(names, self._universe)
        return self._digests[names]

    def _start(
        self,
        closures: Closures,
        closure: Closure,
        digests: Digests,
        shared: Mapping[str, Any],
        own: Mapping[str, Any],
    ) -> tuple[bytes, list[str]]:
        """Return the common start of keys with this shared context, and the names still to add."""
        at = (id(closure), id(shared), frozenset(own))
        if at not in self._shared:
            state = blake2b(self._base + closure.sources, digest_size=SIZE)
            names = []
            for name in sorted(closure.names):
                state.update(f"\0{name}=".encode())
                if name in own:
                    names.append(name)
                elif name in shared:
                    state.update(digests.of(shared[name]))
                elif closures.has_global(name):
                    state.update(b"global " + digests.of(closures.global_(name)))
            self._shared[at] = ((closure, shared), state.digest(), names)
        return self._shared[at][1:]


class _Asked(NamedTuple):
    """The closures of a template for one shared context, by the answers to its questions."""

    shared: Mapping[str, Any]
    questions: tuple[Question, ...]
    answered: dict[tuple[bool | None, ...], Closure]


@lru_cache(maxsize=1)
def code() -> bytes:
    """Return a digest of this package's code, so that another version makes other keys."""
    state = blake2b(digest_size=SIZE)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        state.update(path.read_bytes())
    return state.digest()


class _Both(dict[str, Any]):
    """The union of the shared and the own context, without copying the shared one."""

    def __init__(self, shared: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        super().__init__(own)
        self._shared = shared

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._shared

    def get(self, name: str, default: Any = None) -> Any:
        if super().__contains__(name):
            return super().__getitem__(name)
        return self._shared.get(name, default)
