"""Pages that change something are made in order by one process, as Pelican makes them."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2.utils import Namespace
from pelican import signals

from plugins.quick import writer
from tests.quick.projects import Project, article, differences

MANY = {f"many-{number}.md": article(number) for number in range(40)}
PAGE = "<html>{{ article.title }} %s</html>"


class Counter:
    """State that a template reaches; a fresh one for each build."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def count(self, slug: object = "") -> int:
        self.seen[str(slug)] = len(self.seen) + 1
        return self.seen[str(slug)]

    @property
    def visits(self) -> int:
        return self.count(len(self.seen))

    def __str__(self) -> str:
        return str(self.count(len(self.seen)))


def odd_one() -> Callable[[object], bool]:
    state = Counter()
    return lambda value: state.count(value) % 2 == 1


def numbered() -> Callable[[object], str]:
    state = Counter()
    return lambda value: f"{state.count()}{value}"


def numbers() -> Iterator[int]:
    return iter(range(1000))


DO = {"extensions": ["jinja2.ext.do"], "trim_blocks": True, "lstrip_blocks": True}
# What a template says, and settings that give it something to change, made anew for each build.
STATEFUL: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "a function in the settings": (
        "{{ COUNT(article.slug) }}", lambda: {"COUNT": Counter().count},
    ),
    "a global": (
        "{{ count(article.slug) }}", lambda: {"JINJA_GLOBALS": {"count": Counter().count}},
    ),
    "a filter": (
        "{{ article.slug|count_it }}", lambda: {"JINJA_FILTERS": {"count_it": Counter().count}},
    ),
    "a filter that is named": (
        "{{ [article.slug]|map('count_it')|join }}",
        lambda: {"JINJA_FILTERS": {"count_it": Counter().count}},
    ),
    "a test": (
        "{% if article.slug is odd_one %}x{% endif %}",
        lambda: {"JINJA_TESTS": {"odd_one": odd_one()}},
    ),
    "a test that is named": (
        "{{ [article.slug]|select('odd_one')|list }}",
        lambda: {"JINJA_TESTS": {"odd_one": odd_one()}},
    ),
    "do append": (
        "{% do SEEN.append(article.slug) %}{{ SEEN|length }}",
        lambda: {"SEEN": [], "JINJA_ENVIRONMENT": DO},
    ),
    "an expression that changes": (
        "{{ SEEN.setdefault(article.slug, SEEN|length) }}", lambda: {"SEEN": {}},
    ),
    "a method by its name": (
        "{{ (SEEN|attr('append'))(article.slug) }}{{ SEEN|length }}", lambda: {"SEEN": []},
    ),
    "a method in an item": (
        "{{ FACTS['count'](article.slug) }}", lambda: {"FACTS": {"count": Counter().count}},
    ),
    "a namespace": (
        "{% set ns.n = ns.n + 1 %}{{ ns.n }}", lambda: {"JINJA_GLOBALS": {"ns": Namespace(n=0)}},
    ),
    "a dictionary that fills itself": (
        "{{ SEEN[article.slug] }}{{ SEEN|length }}",
        lambda: {"SEEN": collections.defaultdict(int)},
    ),
    "an iterator": ("{{ numbers|first }}", lambda: {"JINJA_GLOBALS": {"numbers": numbers()}}),
    "a cycle": ("{{ turns|first }}", lambda: {"JINJA_GLOBALS": {"turns": itertools.cycle("abc")}}),
    "a property": ("{{ counter.visits }}", lambda: {"JINJA_GLOBALS": {"counter": Counter()}}),
    "a text": ("{{ counter }}", lambda: {"JINJA_GLOBALS": {"counter": Counter()}}),
    "an alias": (
        "{% set f = COUNT %}{{ f(article.slug) }}", lambda: {"COUNT": Counter().count},
    ),
    "what another page shows": ("{{ SEEN|length }}", lambda: {"SEEN": []}),
    "an imported counter": (
        "{% from '_state.html' import turn %}{{ turn() }}", dict,
    ),
    "finalize": (
        "{{ article.slug }}",
        lambda: {
            "JINJA_ENVIRONMENT": {
                **DO, "finalize": numbered()
            },
        },
    ),
}  # fmt: skip


def project_of(root: Path, says: str) -> Project:
    project = Project(root).articles(MANY)
    project.write("theme/templates/article.html", PAGE % says)
    project.write(
        "theme/templates/_state.html",
        "{% set turns = cycler('a', 'b', 'c') %}{% macro turn() %}{{ turns.next() }}{% endmacro %}",
    )
    project.settings["READERS"] = {}
    return project


@pytest.mark.parametrize("name", STATEFUL)
@pytest.mark.parametrize("cache", [None, "cache"])
def test_what_a_template_changes_is_changed_as_by_pelican(
    tmp_path: Path, name: str, cache: str | None
) -> None:
    says, made = STATEFUL[name]
    project = project_of(tmp_path, says)
    if name == "what another page shows":
        # The article only reads; the list of a tag, in the same run, changes.
        project.write("theme/templates/tag.html", "{{ SEEN.append(tag.slug) }}{{ SEEN|length }}")
    base = dict(project.settings)
    project.settings = base | made()
    expected = project.stock()
    for _ in range(2):
        project.settings = base | made()
        assert differences(expected, project.quick(processes=3, cache=cache)) == []


def test_a_method_that_a_plugin_gave_to_articles(tmp_path: Path) -> None:
    project = project_of(tmp_path, "{{ article.visit(article.slug) }}")

    def give(generators: Any) -> None:
        state = Counter()
        for one in generators[0].articles:
            one.visit = state.count

    signals.all_generators_finalized.connect(give)
    try:
        expected = project.stock()
        for _ in range(2):
            assert differences(expected, project.quick(processes=3)) == []
    finally:
        signals.all_generators_finalized.disconnect(give)


def shout(text: object) -> str:
    return str(text).upper()


def test_what_is_declared_pure_is_reused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SINGLE", 0)
    says = "{{ article.title|shout }} {{ SHOUT(article.slug) }} {{ math.floor(2.5) }}"
    settings = {
        "JINJA_FILTERS": {"shout": shout},
        "JINJA_GLOBALS": {"math": __import__("math")},
        "SHOUT": shout,
    }
    project = project_of(tmp_path, says)
    project.settings |= settings
    project.quick()
    project.quick()
    assert project.tally.rendered > len(MANY)
    assert "QUICK_PURE" in caplog.text
    project.settings["QUICK_PURE"] = ["shout", "SHOUT", "math.floor"]
    caplog.clear()
    expected = project.stock()
    assert differences(expected, project.quick()) == []
    assert differences(expected, project.quick()) == []
    assert project.tally.rendered == 0
    assert "QUICK_PURE" not in caplog.text


def test_namespaces_cyclers_and_joiners_of_one_page_are_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    says = (
        "{% set ns = namespace(n=1) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}"
        "{% set turns = cycler('a', 'b') %}{{ turns.next() }}{{ turns.next() }}"
        "{% set comma = joiner() %}{{ comma() }}{{ comma() }}"
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(article.slug) }}{{ caller }}"
        "{% for x in [1, 2] %}{{ loop.cycle('a', 'b') }}{% endfor %}"
        "{{ 'a-b'.split('-')|join }}{{ article.date.isoformat() }}"
    )
    project = project_of(tmp_path, says)
    expected = project.stock()
    assert differences(expected, project.quick(processes=3)) == []
    assert differences(expected, project.quick(processes=3)) == []
    assert "QUICK_PURE" not in caplog.text


def test_a_counting_function_in_the_settings_of_markdown(tmp_path: Path) -> None:
    texts = {name: f"{text}\n\n## Head\n\n## Head\n" for name, text in MANY.items()}
    project = project_of(tmp_path, "{{ article.content }}").articles(texts)

    def settings() -> dict[str, Any]:
        state = Counter()
        configs = {"markdown.extensions.meta": {}, "markdown.extensions.toc": {
            "slugify": lambda text, separator: f"h{state.count(text)}x{len(state.seen)}",
        }}  # fmt: skip
        return {"MARKDOWN": {"extension_configs": configs, "output_format": "html5"}}

    base = dict(project.settings)
    project.settings = base | settings()
    expected = project.stock()
    project.settings = base | settings()
    assert differences(expected, project.quick(processes=3)) == []


def test_another_value_of_a_global_renders_what_shows_it(tmp_path: Path) -> None:
    project = project_of(tmp_path, "{{ edition }}")
    for edition in ("first", "second"):
        project.settings["JINJA_GLOBALS"] = {"edition": edition}
        assert differences(project.stock(), project.quick()) == []
