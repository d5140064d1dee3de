"""Readers' text becomes a little HTML, and nothing else gets through the gate."""

import itertools
from functools import cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.rules_inline.linkify import linkify

from comments_service.domain import markup
from comments_service.domain.markup import ATTRIBUTES, REL, SCHEMES, TAGS, render, seen
from tests import cpu

LINK = 'rel="ugc nofollow noopener"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>\n"),
        ("One\ntwo", "<p>One<br>\ntwo</p>\n"),
        ("*a* _b_", "<p><em>a</em> <em>b</em></p>\n"),
        ("**a** __b__", "<p><strong>a</strong> <strong>b</strong></p>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        ("```\na < b\n```", "<pre><code>a &lt; b\n</code></pre>\n"),
        ("```python\nx = 1\n```", "<pre><code>x = 1\n</code></pre>\n"),
        ("    x = 1", "<pre><code>x = 1\n</code></pre>\n"),
        ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("1. a\n   - b", "<ol>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ol>\n"),
        ("[a](https://a.example/)", f'<p><a href="https://a.example/" {LINK}>a</a></p>\n'),
        ('[a](http://a.example "t")', f'<p><a href="http://a.example" {LINK}>a</a></p>\n'),
        ("<https://a.example>", f'<p><a href="https://a.example" {LINK}>https://a.example</a></p>\n'),
        (
            "See https://a.example/b?c=1&d=2.",
            f'<p>See <a href="https://a.example/b?c=1&amp;d=2" {LINK}>'
            "https://a.example/b?c=1&amp;d=2</a>.</p>\n",
        ),
        ("Node.js, a.example, www.a.example", "<p>Node.js, a.example, www.a.example</p>\n"),
        ("ann@a.example <ann@a.example>", "<p>ann@a.example &lt;ann@a.example&gt;</p>\n"),
        ("mailto:ann@a.example", "<p>mailto:ann@a.example</p>\n"),
        ("[a](mailto:ann@a.example)", "<p>[a](mailto:ann@a.example)</p>\n"),
        ("//a.example ftp://a.example", "<p>//a.example ftp://a.example</p>\n"),
        ("[a](/moderate/)", "<p>[a](/moderate/)</p>\n"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>\n"),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("<!-- x -->", "<p>&lt;!-- x --&gt;</p>\n"),
        ("# Not a heading", "<p># Not a heading</p>\n"),
        ("Not a heading\n===", "<p>Not a heading<br>\n===</p>\n"),
        ("***", "<p>***</p>\n"),
        ("[a]: https://a.example\n\n[a]", None),
        ("a&#12;b&#13;c&#0;d", "<p>abc\ufffdd</p>\n"),
    ],
    ids=ascii,
)  # fmt: skip
def test_the_small_markdown(text: str, html: str | None) -> None:
    rendered = render(text)
    if html is None:
        assert "<a href" in rendered.html
        assert "[a]" in rendered.html
    else:
        assert rendered.html == html
    assert not rendered.disputed


def test_no_picture_is_ever_loaded() -> None:
    html = render("![a](https://a.example/x.png) <img src=https://a.example/x.png>").html
    assert "<img" not in html


@pytest.mark.parametrize(
    "syntax",
    ["{{7*7}}", "{% raw %}", "{filename}x.md", "|filename|x.md", "{static}/x", "{#x#}", "Title: x"],
)
def test_the_syntax_of_templates_and_builds_is_only_text(syntax: str) -> None:
    assert render(syntax).html == f"<p>{syntax}</p>\n"
    assert "<a" not in render(f"[a]({syntax})").html


def test_rendering_again_gives_the_same() -> None:
    text = "*a* https://a.example\n\n> b\n\n1. c"
    assert len({render(text) for _ in range(5)}) == 1


class Strict(HTMLParser):
    """Fails on everything that a reply's HTML may not contain."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in [*ATTRIBUTES.get(tag, []), "rel"], (tag, name)
            if name == "href":
                # `[a]()` leads to where it stands.
                assert value == "" or urlsplit(value or "").scheme in SCHEMES, value
        if tag == "a":
            assert dict(attrs).get("rel") == REL
            assert "a" not in self.open
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("a processing instruction")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("an unknown declaration")


def check(html: str) -> None:
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert "\r" not in html
    assert "\x0c" not in html


SCRIPTS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "&#106;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "&Tab;javascript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.example/x",
    "https://a.example/\"onmouseover=alert(1) x=\"",
    "https://a.example/'><img src=x onerror=alert(1)>",
    "javascript://a.example/%0aalert(1)",
    "feed:javascript:alert(1)",
]  # fmt: skip
AROUND_SCRIPT = [
    "[a]({})",
    "[a](<{}>)",
    "![a]({})",
    "<{}>",
    "[a]: {}\n\n[a]",
    '<a href="{}">a</a>',
    "<a href={}>a</a>",
    "<iframe src='{}'></iframe>",
    "<form action='{}'><button>a",
    "<svg><a xlink:href='{}'><text>a",
    "<math href='{}'>a",
    "<object data='{}'>",
    "<base href='{}'>",
    "<meta http-equiv=refresh content='0;url={}'>",
    "> [a]({})",
    "`[a]({})`",
]
HTML = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<body onload=alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script></textarea>",
    "<plaintext>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php echo 1 ?>",
    "<!DOCTYPE html>",
    "<x onclick=alert(1)>",
    "<style>@import'//evil.example'</style>",
    "<p style='background:url(//evil.example)' class=x id=y>",
]
AROUND_HTML = [
    "{}",
    "> {}",
    "- {}",
    "*{}*",
    "`{}`",
    "```\n{}\n```",
    "```{}\nx\n```",
    "[{}](https://a.example)",
    "[a](https://a.example '{}')",
    "https://a.example/{}",
    "    {}",
    "\\{}",
    "a\n{}\nb",
]
VECTORS = [
    around.format(inner)
    for arounds, inners in ((AROUND_SCRIPT, SCRIPTS), (AROUND_HTML, HTML))
    for around, inner in itertools.product(arounds, inners)
]


def test_hundreds_of_attacks_leave_only_allowed_html() -> None:
    assert len(VECTORS) > 450
    for vector in VECTORS:
        check(render(vector).html)
    for first, second in itertools.pairwise(VECTORS):
        check(render(f"{first}\n{second}").html)


_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("[", "](", ")", "<", ">", "*", "_", "`", "\n", "    ", "> ", "- ", "1. "),
                *("&", "&#", ";", "https://a.example", "javascript:", '"', "'", "\\"),
                *("<a href=", "<!--", "-->", "]]>"),
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(_pieces)
def test_whatever_is_typed_leaves_only_allowed_html(text: str) -> None:
    check(render(text).html)


def filled(unit: str, size: int = 10_000) -> str:
    return (unit * size)[:size]


PATHOLOGICAL = [
    *("[", "]", "*", "_", "`", ">", "<", "&", "\\", "\n", "😀", "a", ":", "-", "!", "(", "@", "/"),
    *("* ", "> ", "_ ", "*a_", "*a **a ", "a**b", "[a](", "[a](<b", "![", "[](", "](", "[a]["),
    *("https://a.example ", "http://", "https://a.b/(", "www.a.b ", "a@a.a ", "a@", "//a ", "://"),
    *(
        "http://日本.jp/、",
        'http://x.example/"',
        "<http://",
        "<http:x> ",
        "<a ",
        "<!--",
        "<![CDATA[",
    ),
    *("&a;", "&#1;", "1. ", "- - - ", "\t- \t", "~~~\n", "```\n", "a\n", "> a\n", "mailto:a@"),
    *("[a]: b\n", "*[x](http://x.example)* ", "**x** ", "a.", "a-", "``` ", "<b>", "http:", "\\*"),
    *(">" * 50 + " a\n", "[[x](http://x.example) "),
]
NESTED = [
    "[" * 4_000 + "a" + "](https://a.example)" * 299,
    "".join("  " * depth + "- a\n" for depth in range(95)),
    "".join(">" * depth + " a\n" for depth in range(138)),
    "".join("`" * length + " " for length in range(140)),
    "http://a.example/" + "(" * 9_900,
    "http://a.example/" + "-." * 4_950,
    "http://" + "a." * 4_950,
    "[x](" + "(" * 9_900,
    "*" * 100 + "x" + "*" * 100,
]


@pytest.mark.parametrize("text", [filled(unit) for unit in PATHOLOGICAL] + NESTED)
def test_no_text_takes_a_hundred_times_as_long_as_a_plain_one(text: str) -> None:
    assert len(text) <= 10_000
    assert cpu.seconds(lambda: render(text), runs=2) < 100 * plain_seconds()
    check(render(text).html)


@pytest.mark.parametrize(
    "unit", ["://", "a://", "://a ", "x://y.", "https://a", "http:// ", "(https://a.b/) "]
)
def test_twice_as_many_addresses_take_twice_as_long(unit: str) -> None:
    assert cpu.growth(lambda size: render(filled(unit, size)), 10_000) < 3


_parts_of_addresses = st.lists(
    st.sampled_from(
        [
            *("http", "https", "HTTP", "ftp", "://", ":", "/", "//", "a.b", "a.example", "/x", "*"),
            *(" ", ".", "-", "x", "[", "](", ")", "(", "&#104;ttp", "\\", "`", "\n", "_", "@"),
        ]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(_parts_of_addresses)
def test_addresses_become_the_links_that_the_rule_of_the_library_makes(text: str) -> None:
    library = markup._parser(linkify=True)
    library.inline.ruler.at("linkify", linkify)
    assert markup._markdown.render(text) == library.render(text)


@cache
def plain_seconds() -> float:
    """CPU time of 10,000 characters of usual prose: about 0.02 s."""
    return cpu.seconds(lambda: render(filled("Plain words, and a *few* that matter. ")))


def test_what_is_seen_is_the_text_and_the_addresses() -> None:
    told = seen(render("a&#64;b *c* [d](https://e.example/?f&g)\n\n`<i>`").html)
    assert told.text.split() == ["a@b", "c", "d", "<i>"]
    assert told.links == ["https://e.example/?f&g"]


class _Reading(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href"]


@given(_pieces)
def test_what_is_seen_is_what_a_parser_reads(text: str) -> None:
    html = render(text).html
    reading = _Reading(html)
    assert seen(html) == (reading.text, reading.links)


@given(_pieces)
def test_without_slashes_there_is_no_address_to_look_for(text: str) -> None:
    text = text.replace("//", "")
    assert markup._markdown.render(text) == markup._markdown_without_addresses.render(text)
