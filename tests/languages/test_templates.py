"""No text that a reader sees stands outside gettext."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

from tests.languages.catalogs import ROOT, THEME

# Attributes that are read to somebody, or shown.
SPOKEN = {"alt", "title", "aria-label", "placeholder", "aria-description", "aria-roledescription"}
CALLS = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
WORD = re.compile(r"[^\W\d_]{2,}")
# What is the same in every language.
ALIKE = {"UTC", "Atom", "RSS"}

SERVICE = ROOT / "comments_service"
# Parts of pages for readers.
PARTS = ("layout.html", "fields.html", "follow_status.html", "form_parts.html", "standing.html")
# Pages for editors and programs are English.
FOR_READERS = [
    path
    for path in sorted((SERVICE / "templates").glob("*.html"))
    if '{% extends "layout.html" %}' in path.read_text("utf-8") or path.name in PARTS
    if path.name != "api.html"
]
PAGES = [*FOR_READERS, *(path for path in THEME.sources() if path.suffix in (".html", ".xml"))]
MAILS = sorted((SERVICE / "services" / "mail_templates").glob("*"))
assert MAILS, "the mail templates are somewhere else"
# Where what a reader is told comes from.
TELLING = [
    "domain/comment_form.py",
    "domain/errors.py",
    "services/author_actions.py",
    "services/email_confirmation.py",
    "services/link_tokens.py",
    "services/pages.py",
    "services/permalinks.py",
    "services/submission.py",
    "services/subscriptions.py",
    "web/error_responses.py",
    "web/public/author_page.py",
    "web/public/comments.py",
    "web/public/mail_links.py",
    "web/public/search.py",
    "web/public/subscribe.py",
    "web/support/forms.py",
    "web/support/json_responses.py",
    "web/support/problem_details.py",
    "web/support/security.py",
]


def parsed(path: Path) -> nodes.Template:
    env = Environment(
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True, trim_blocks=True
    )
    return env.parse(path.read_text("utf-8"))


def written(node: nodes.Node) -> Iterator[str]:
    """What a template prints by itself, in its order; an expression is a `·`."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Expr):
        yield "·"
    else:
        for child in node.iter_child_nodes(exclude=("test", "iter", "target", "args", "filter")):
            yield from written(child)


def literals(node: nodes.Node) -> Iterator[str]:
    """Texts in expressions that are printed, outside of calls of gettext."""
    if (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name in CALLS
    ):
        for given in node.kwargs:
            yield from literals(given)
        return
    if isinstance(node, nodes.Compare | nodes.Test | nodes.Getitem | nodes.Call):
        return
    if isinstance(node, nodes.Const):
        if isinstance(node.value, str):
            yield node.value
        return
    if isinstance(node, nodes.CondExpr):
        yield from literals(node.expr1)
        if node.expr2 is not None:
            yield from literals(node.expr2)
        return
    if isinstance(node, nodes.Filter) and node.name in ("replace", "join", "sort", "default"):
        assert node.node is not None
        yield from literals(node.node)
        return
    for child in node.iter_child_nodes(exclude=("test",)):
        yield from literals(child)


class Spoken(HTMLParser):
    """Collects text and spoken attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in ("script", "style") else ""
        self.found += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


def words_in(html: str) -> list[str]:
    # A macro may print attributes, which stand alone here.
    texts = [re.sub(r'[\w-]+="[^"]*"', "", text) for text in Spoken(html).found]
    return [text.strip() for text in texts if set(WORD.findall(text)) - ALIKE]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_template_has_words_outside_gettext(path: Path) -> None:
    tree = parsed(path)
    html = "".join(written(tree))
    assert not words_in(html), 'wrap it: {{ _("...") }}'
    printed = [
        text
        for output in tree.find_all(nodes.Output)
        for expression in output.nodes
        for text in literals(expression)
        # Names of classes, fields and files have no space and no capital.
        if "<" not in text and re.search(r"[A-Z][a-z]|[a-z] [a-z]", text)
    ]
    assert not printed, 'wrap it: _("...")'


def test_such_words_are_found() -> None:
    for html in ("<p>Hello there</p>", '<img alt="A cat">', '<nav aria-label="Site">·</nav>'):
        assert words_in(html)
    for html in ("<p>·</p>", '<p class="note">12 · UTC</p>', "<script>let it = be</script>"):
        assert not words_in(html)


@pytest.mark.parametrize("path", MAILS, ids=name)
def test_no_mail_has_words_outside_gettext(path: Path) -> None:
    text = re.sub(r"\S*/\S*", "", "".join(written(parsed(path))))
    assert not WORD.findall(text), 'wrap it: {{ _("...") }}'


@pytest.mark.parametrize("file", TELLING)
def test_what_readers_are_told_is_a_sentence(file: str) -> None:
    """Titles go through `marked`, what is raised through `sentence` or `counted`."""
    tree = ast.parse((SERVICE / file).read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            given: list[Any] = [*node.exc.args[:1]]
            if given and isinstance(given[0], ast.Dict):
                given = given[0].values
            for one in given:
                assert not isinstance(one, ast.Constant | ast.JoinedStr), ast.unparse(node)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "title":
            assert not isinstance(node.value, ast.Constant), ast.unparse(node)
