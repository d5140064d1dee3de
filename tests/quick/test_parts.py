"""The mechanisms, each against what it stands in for."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment
from markdown import Markdown
from pelican import readers as untyped_readers
from pelican import urlwrappers, utils
from pelican.settings import read_settings

from plugins.quick import contents, declared, digest, reader
from plugins.quick.digest import Digests, plain
from plugins.quick.errors import Undigestible
from plugins.quick.indexed_list import Members, asked_only_of, unbind
from plugins.quick.inline import needed_by, quicken
from plugins.quick.link_digest import Links
from plugins.quick.page_keys import Begun
from plugins.quick.templates import Closures
from plugins.quick.translations import process_translations
from tests.quick.projects import SETTINGS

stock_readers: Any = untyped_readers
made_of: Any = urlwrappers

EXTENSIONS = list(SETTINGS["MARKDOWN"]["extension_configs"])
PIECES = [
    *(
        "word ",
        "*em*",
        "**b**",
        "`code`",
        "[l](u)",
        "![i](u)",
        "<b>x</b>",
        "&amp;",
        "--",
        "...",
        "'q'",
    ),
    *(
        '"d"',
        "\\*",
        "\n",
        "\n\n",
        "# h\n",
        "> q\n",
        "1. a\n",
        "- b\n",
        "    c\n",
        "[^1]",
        "\n[^1]: n\n",
    ),
    *(
        "<http://a.b>",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "!!! note\n    t\n",
        "*[HTML]: H\n",
        "HTML ",
    ),
    *(
        "[TOC]\n",
        "```\nf\n```\n",
        "term\n:   d\n",
        "  \n",
        "_x_",
        "***",
        "[r][1]\n\n[1]: u\n",
        "ö",
        "<div>",
    ),
    *(
        "</div>",
        "<div markdown='1'>*x*</div>\n",
        "{: #id }",
        "<!-- c -->",
        "&copy;",
        "<",
        ">",
        "&",
        "][",
    ),
]
documents = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@settings(max_examples=80, deadline=None)
@given(documents)
def test_quick_inline_patterns_convert_alike(text: str) -> None:
    stock, quick = (Markdown(extensions=EXTENSIONS, output_format="html") for _ in range(2))
    quicken(quick)
    assert quick.convert(text) == stock.convert(text)


@settings(max_examples=25, deadline=None)
@given(st.lists(documents, min_size=2, max_size=6))
def test_one_instance_converts_a_file_as_a_new_one_does(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    configured = read_settings(override=SETTINGS | {"PATH": str(folder), "THEME": str(folder)})
    converter = reader.Converter(configured)
    for number, text in enumerate(texts):
        path = folder / f"{number}.md"
        path.write_text(f"Title: T{number}\nSummary: *S* {text[:9]}\n\n{text}", "utf-8")
        quick = reader.MarkdownReader(configured)
        quick.ready[str(path)] = converter.convert(str(path))
        expected = stock_readers.MarkdownReader(configured).read(str(path))
        assert repr(quick.read(str(path))) == repr(expected)


@settings(max_examples=200, deadline=None)
@given(st.text("`*[]()!<>&\"'-.\\ab \n", max_size=30))
def test_a_text_without_the_needed_characters_does_not_match(text: str) -> None:
    md = Markdown(extensions=EXTENSIONS)
    for pattern in md.inlinePatterns:
        compiled = pattern.getCompiledRegExp()
        needed = needed_by(compiled)
        if needed is not None and needed.isdisjoint(text):
            assert compiled.search(text) is None


def test_the_needed_characters_are_found() -> None:
    assert needed_by(re.compile(r"a+b")) == frozenset("a")
    assert needed_by(re.compile(r"[xy]z?")) == frozenset("xy")
    assert needed_by(re.compile(r"(a|bc)")) == frozenset("ab")
    assert needed_by(re.compile(r"(a|b*)")) is None
    assert needed_by(re.compile(r"a", re.IGNORECASE)) is None
    assert needed_by(re.compile(r"(?i:a)b?")) is None
    assert needed_by(re.compile(r"(?!a)")) is None
    assert needed_by(re.compile(r"(?<=q)\w")) == frozenset("q")


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.datetimes().map(lambda one: f"{one:%Y-%m-%d %H:%M}"),
        st.from_regex(reader.DATE, fullmatch=True),
        st.text("0123456789-: ", max_size=19),
    )
)
def test_dates_are_read_as_by_pelican(text: str) -> None:
    configured = read_settings(override=SETTINGS | {"PATH": ".", "THEME": "."})

    def read(one: Any) -> Any:
        try:
            return one.process_metadata("date", text)
        except (ValueError, OverflowError) as error:
            return type(error)

    quick, stock = (
        one(configured) for one in (reader.MarkdownReader, stock_readers.MarkdownReader)
    )
    assert repr(read(quick)) == repr(read(stock))


class Thing:
    """Equal to itself only, like an article."""


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20)), st.lists(st.integers(0, 20)), st.integers(0, 6))
def test_members_answer_as_lists(before: list[int], after: list[int], change: int) -> None:
    things = [Thing() for _ in range(21)]
    stock, quick = [things[n] for n in before], Members(things[n] for n in before)
    changes: list[Callable[[list[Any]], Any]] = [
        lambda one: one.extend(things[n] for n in after),
        lambda one: one.__iadd__(things[n] for n in after),
        lambda one: one.clear(),
        lambda one: one.__setitem__(slice(0, 2), [things[n] for n in after]),
        lambda one: one.reverse(),
        lambda one: one.pop() if one else None,
        lambda one: one.insert(0, things[0]),
    ]
    for _ in range(2):
        assert [one in quick for one in things] == [one in stock for one in things]
        assert quick == stock
        changes[change](quick)
        changes[change](stock)


def test_members_of_things_that_are_equal_to_others() -> None:
    assert 1.0 in Members([1, 2])
    assert Thing() not in Members([1, Thing()])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20)), st.lists(st.integers(0, 20)))
def test_a_list_that_asks_a_set_answers_as_a_list(held: list[int], asked: list[int]) -> None:
    things = [Thing() for _ in range(21)]
    stock, others = [things[n] for n in held], [things[n] for n in asked]
    quick = asked_only_of(stock, others)
    assert quick == stock
    assert [one in quick for one in others] == [one in stock for one in others]
    quick.append(things[0])
    assert things[0] in quick
    unbind(quick)
    # What cannot be in a set can be asked for in a list.
    assert {} not in quick


def test_a_list_of_things_that_are_equal_to_others_asks_no_set() -> None:
    assert 1.0 in asked_only_of([1, 2], [1.0])
    assert [] in asked_only_of([[]], [])


@given(
    st.text("a./ü", max_size=12), st.sampled_from(["/base", "/base/", "/", "base", "/b/../base"])
)
def test_paths_are_told_as_by_pelican(path: str, base: str) -> None:
    for source in (path, f"/base/{path}", f"{base}/{path}"):
        if source:
            absolute = os.path.abspath(os.path.join(base, source))  # noqa: PTH100, PTH118
            told = os.path.relpath(absolute, os.path.abspath(base))  # noqa: PTH100
            assert contents.relative(source, base, str(Path.cwd())) == told


@pytest.mark.parametrize("text", ["", "plain", "a { b", "a | b", None])
def test_texts_that_could_have_links_are_told(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "content").mkdir()
    configured = read_settings(override={"PATH": str(tmp_path / "content"), "THEME": str(tmp_path)})
    one = _article(configured, tmp_path, contents.Article)
    one._content = text
    begun = Begun(Digests(frozenset()), b"", ["value"])
    innocent = text in ("", "plain")
    for value in (one, [one], (None, [one])):
        assert Links().none_in(begun, {"value": value}) is innocent
    assert Links().none_in(begun, {"value": "text", "other": one})
    assert not Links().none_in(begun, {"value": object()})


def _article(configured: Any, folder: Path, kind: Any, **metadata: Any) -> Any:
    facts = {"title": "T", "slug": "t", "date": utils.SafeDatetime(2026, 3, 4, 5, 6), **metadata}
    return kind("", facts, configured, str(folder / "a.md"))


@pytest.mark.parametrize(
    "form",
    [
        *("{slug}.html", "{date:%Y}/{date:%b}/{slug}/", "{category}/{slug}", "{author}/{lang}/"),
        *(
            "{title}",
            "{path}",
            "{slug!r}",
            "{date.year}",
            "{nothing}",
            "{slug",
            "{slug:{lang}}",
            "",
        ),
    ],
)
@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"lang": "de"},
        {"status": "draft"},
        {"save_as": "mine", "url": "mine"},
        {"status": "draft", "lang": "de", "slug": "ü"},
    ],
)
def test_addresses_are_pelicans(tmp_path: Path, form: str, metadata: dict[str, Any]) -> None:
    names = [
        f"{kind}_{lang}{what}"
        for kind in ("ARTICLE", "DRAFT", "PAGE", "DRAFT_PAGE")
        for lang in ("", "LANG_")
        for what in ("URL", "SAVE_AS")
    ]
    (tmp_path / "content").mkdir()
    configured = read_settings(
        override={"PATH": str(tmp_path / "content"), "THEME": str(tmp_path)}
        | dict.fromkeys(names, form)
    )
    for kind, quick in contents.QUICK.items():
        pair = [
            _article(configured, tmp_path / "content", one, **metadata) for one in (kind, quick)
        ]
        for one in pair:
            one.category = made_of.Category("Ä b", configured)
            one.author = made_of.Author("A B", configured)
        for attribute in ("url", "save_as", "relative_source_path"):
            stock, mine = (_or_error(one, attribute) for one in pair)
            assert mine == stock


def _or_error(one: Any, attribute: str) -> Any:
    try:
        return getattr(one, attribute)
    except Exception as error:
        return type(error)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["en", "de"]), st.booleans()), max_size=8
    ),
    st.sampled_from(["slug", ["slug", "status"], None, 7, "nothing"]),
    st.randoms(),
)
def test_translations_are_grouped_as_by_pelican(
    facts: list[tuple[str, str, bool]], by: Any, chance: random.Random
) -> None:
    def made() -> list[Any]:
        configured = {"DEFAULT_LANG": "en", "PATH": "."}
        things = []
        for number, (slug, lang, translation) in enumerate(facts):
            one: Any = Thing()
            one.slug, one.lang, one.status, one.translations = slug, lang, "x", []
            one.in_default_lang, one.source_path = lang == "en", str(number)
            one.metadata = {"translation": "true"} if translation else {}
            one.settings = configured
            things.append(one)
        return things

    def seen(result: Any) -> Any:
        if isinstance(result, type):
            return result
        return [
            [(one.source_path, [x.source_path for x in one.translations]) for one in part]
            for part in result
        ]

    def run(function: Any) -> Any:
        try:
            return function(made(), by)
        except Exception as error:
            return type(error)

    assert seen(run(process_translations)) == seen(run(utils.process_translations))


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.text("a1", max_size=2), st.floats(0, 3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("a1", max_size=2), inner, max_size=2),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(values, values)
def test_digests_tell_data_apart(one: Any, other: Any) -> None:
    assert (plain(one) == plain(other)) == (repr(one) == repr(other))


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, open, iter([]), lambda: random.random(), print, Thing(), [Thing()]]
)
def test_what_cannot_be_told_has_no_digest(value: Any) -> None:
    with pytest.raises(Undigestible):
        plain(value)


def test_functions_have_a_digest_only_when_they_are_declared() -> None:
    def make(word: str) -> Callable[[str], str]:
        return lambda text: re.sub("a", word, text).lower()

    with pytest.raises(Undigestible):
        plain(make("b"))
    declared.declare(["<lambda>"])
    try:
        assert plain(make("b")) == plain(make("b"))
        assert plain(make("b")) != plain(make("c"))
        assert plain(lambda text: text.lower()) != plain(make("b"))
    finally:
        declared.declare([])


def test_articles_are_told_apart_by_what_templates_name(tmp_path: Path) -> None:
    configured = read_settings(override={"PATH": str(tmp_path), "THEME": str(tmp_path)})

    def digests(**metadata: Any) -> list[bytes]:
        one = _article(configured, tmp_path, contents.Article, **metadata)
        return [Digests(frozenset(names)).of(one) for names in (["title"], ["mood"], ["content"])]

    plain_one, other_title, other_mood = digests(), digests(title="U"), digests(mood="good")
    assert plain_one[0] != other_title[0]
    assert plain_one[1:] == other_title[1:]
    assert plain_one[1] != other_mood[1]
    assert plain_one[0] == other_mood[0]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ article.settings.SITENAME }}", "settings"),
        ("{{ article._context }}", "_context"),
        ("{{ article['settings'] }}", "settings"),
        ("{{ article|attr('sett' ~ 'ings') }}", "computed name"),
        ("{{ article[which] }}", "computed"),
        ("{{ articles|map(attribute=which)|list }}", "computed name"),
        ("{% include which %}", "computed name"),
        ("{{ articles|random }}", "random"),
        ("{{ article|pprint }}", "pprint"),
        ("{{ article.date.now() }}", "now"),
        ("{{ articles_paginator.page(2).object_list }}", "paginator"),
        ("{% set p = articles_page.paginator %}{{ p.object_list }}", "paginator"),
        ("{{ article|mine }}", "mine"),
        ("{% if article is odd_one %}x{% endif %}", "odd_one"),
    ],
)
def test_templates_whose_needs_cannot_be_told(source: str, reason: str) -> None:
    env: Any = Environment(loader=DictLoader({"t": source}))
    env.filters["mine"] = str
    env.tests["odd_one"] = bool
    with pytest.raises(Undigestible, match=reason):
        Closures(env).of("t", {})


def closure(templates: dict[str, str], context: dict[str, Any]) -> Any:
    return Closures(Environment(loader=DictLoader(templates))).of("t", context)


def test_a_closure_reaches_what_is_extended_included_and_imported() -> None:
    templates = {
        "t": "{% extends 'base' %}{% block b %}{{ a.one }}"
        "{% include ['gone', 'part'] %}{% endblock %}",
        "base": "{% from 'm' import f with context %}{{ f() }}{% block b %}{% endblock %}",
        "part": "{{ b['two'] }}",
        "m": "{% macro f() %}{{ c|sort(attribute='three.four') }}{% endmacro %}",
    }
    found = closure(templates, {})
    assert {"a", "b", "c"} <= found.names
    assert {"one", "two", "three", "four"} <= found.attributes
    for name in templates:
        assert closure(templates | {name: templates[name] + " "}, {}).sources != found.sources
    assert closure(templates | {"gone": ""}, {}).sources != found.sources


def test_a_branch_that_is_not_taken_does_not_count() -> None:
    source = {
        "t": "{% for x in (page.list if page is defined and page else all) %}{{ x }}{% endfor %}"
    }
    assert closure(source, {"page": [1]}).names == {"page"}
    assert closure(source, {}).names == {"all"}
    assert closure(source, {"page": []}).names == {"all"}
    own = {"t": "{% set page = 1 %}{% if page is defined %}{{ a }}{% else %}{{ b }}{% endif %}"}
    assert {"a", "b"} <= closure(own, {}).names
    chain = {
        "t": "{% if a %}{{ x }}{% elif b %}{{ y }}{% elif c %}{{ z }}{% else %}{{ w }}{% endif %}"
    }
    assert closure(chain, {"a": 1, "b": 0, "c": 0}).names == {"x"}
    assert closure(chain, {"a": 0, "b": 0, "c": 1}).names.isdisjoint({"x", "y"})
    assert closure(chain, {"a": 0, "b": 0, "c": 0}).names == {"w"}
    assert closure(chain, {"a": 0, "b": object(), "c": 0}).names >= {"b", "y"}


def test_no_version_of_an_answer_is_code(tmp_path: Path) -> None:
    assert reader.unpack(b"") is None
    assert reader.unpack(b'["text"]') is None
    assert reader.unpack(b'{"a": 1}') is None
    assert reader.unpack(b"\x80\x04") is None
    assert reader.unpack(reader.pack(("<p>", {"a": ["b"]}))) == ("<p>", {"a": ["b"]})
    assert digest.plain("x") != digest.plain(b"x")
