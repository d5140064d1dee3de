"""Links and ids of HTML, as a browser would find them."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.authoring.html_links import Link, ids_of, links_of
from tests import cpu


class Parser(HTMLParser):
    """The same question, asked of a real parser."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src"):
                kind = "link" if name == "href" else "file"
                kind = "image" if tag == "img" else kind
                self.links.append(Link(kind, (value or "").strip()))
            if name == "id":
                self.ids.add((value or "").strip())


def test_a_comma_within_an_address_of_a_srcset_ends_nothing() -> None:
    html = '<img srcset="data:image/png;base64,AAA 1x, /b.png 2x" alt="">'
    assert [one.url for one in links_of(html)] == ["data:image/png;base64,AAA", "/b.png"]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<a href=/x>y</a>", [("link", "/x")]),
        ("<A HREF='/x?a=1&amp;b=2' title=\"a > b\">", [("link", "/x?a=1&b=2")]),
        ("<!-- <a href='/x'> --><img\n src=\"a b.png\"/>", [("image", "a b.png")]),
        ("<script src='/s.js'>'<a href=\"/x\">'</script>", []),
        ('<a data-href="/x" title="href=\'/y\'">', []),
        ("1 < 2 and <a href='/x'>", [("link", "/x")]),
        ('<source srcset="/a.webp 1x, /b.webp 2x">', [("image", "/a.webp"), ("image", "/b.webp")]),
    ],
)
def test_links_are_found(html: str, found: list[tuple[str, str]]) -> None:
    assert links_of(html) == [Link(*one) for one in found]


words = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters="-/#.?=& "))
tags = st.builds(
    "{4}<{0} {1}={2}{3}{2} alt=''>".format,
    st.sampled_from(["a", "img", "p", "h2"]),
    st.sampled_from(["href", "src", "id", "title"]),
    st.sampled_from(['"', "'"]),
    words.map(lambda text: text.replace("&", "&amp;")),
    words,
)


@given(st.lists(tags))
def test_a_parser_finds_the_same(parts: list[str]) -> None:
    html = "".join(parts)
    parser = Parser()
    parser.feed(html)
    parser.close()
    assert links_of(html) == parser.links
    assert ids_of(html) == parser.ids


@pytest.mark.parametrize("piece", ["<a ", "<a href='", "<!--", "<script>", '<a x="', "<a x=y'"])
def test_tags_that_never_end_cost_no_more_than_the_square_of_their_number(piece: str) -> None:
    assert cpu.growth(lambda size: links_of(piece * size), 800) < 6
