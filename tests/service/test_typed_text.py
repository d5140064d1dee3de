"""What readers type is what is read: numbers, indentation, and where a link ends."""

import html as entities
import re

import pytest
import requests
from sqlalchemy import select

from comments_service.domain import comment_form, markup
from comments_service.store.tables import comment
from tests.running import Service, reply, token_of
from tests.service.pages import Page, number_of, signed_in, stored

CODE = "    def f(x):\n        return x\n\nThat is my function."
LIST = "  - a\n  - b"
NUMBERS = "   1. a\n   2. b"


def lines(html: str) -> list[str]:
    """The lines that a browser shows, with the numbers that it draws itself."""
    shown: list[str] = []
    counters: list[int | None] = []
    marker = ""
    for tag, start, text in re.findall(r'<(/?\w+)(?: start="(\d+)")?[^>]*>|([^<\n]+)', html):
        if tag in {"ol", "ul"}:
            counters.append(int(start or 1) if tag == "ol" else None)
        elif tag in {"/ol", "/ul"}:
            counters.pop()
        elif tag == "li" and (number := counters[-1]) is not None:
            marker = f"{number}. "
            counters[-1] = number + 1
        elif text:
            shown.append(marker + entities.unescape(text))
            marker = ""
    return shown


@pytest.mark.parametrize(
    "typed",
    [
        "14. August: we tried it.\n3. September: we stopped.",
        "3. agreed\n5. not agreed",
        "1. a\n2. b\n3. c",
        "3. a\n4. b",
        "1. a\n1. b\n1. c",
        "2. b\n1. a",
        "05. November: rain.\n06. November: sun.",
        "0. a\n1. b",
        "3) agreed\n5) not agreed",
        "1) a\n2) b",
        "1. a\n2. b\n14. August",
        "14. August: we tried it.",
        "999999999. a\n999999998. b",
    ],
)
def test_every_number_is_read_as_it_was_typed(typed: str) -> None:
    assert lines(markup.render(typed).html) == typed.split("\n")


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        (
            "14. August: *we* tried it.\n3. September: we stopped.",
            "<p>14. August: <em>we</em> tried it.<br>\n3. September: we stopped.</p>\n",
        ),
        ("3. a\n\n5. b", "<p>3. a</p>\n<p>5. b</p>\n"),
        (
            "3. a\n   - x\n   - y\n5. b",
            "<p>3. a</p>\n<ul>\n<li>x</li>\n<li>y</li>\n</ul>\n<p>5. b</p>\n",
        ),
        ("3. a\n\n   more\n5. b", "<p>3. a</p>\n<p>more</p>\n<p>5. b</p>\n"),
        (
            "1. a\n   3. x\n   5. y\n2. b",
            "<ol>\n<li>a<br>\n3. x<br>\n5. y</li>\n<li>b</li>\n</ol>\n",
        ),
        (
            "- a\n  1. x\n  3. y\n- b",
            "<ul>\n<li>a\n<p>1. x<br>\n3. y</p>\n</li>\n<li>b</li>\n</ul>\n",
        ),
        (
            "> 3. a\n> 5. b",
            "<blockquote>\n<p>3. a<br>\n5. b</p>\n</blockquote>\n",
        ),
        ("3. ```\n   x\n   ```\n5. b", "<p>3.</p>\n<pre><code>x\n</code></pre>\n<p>5. b</p>\n"),
        ("3.\n5. b", "<p>3.</p>\n<p>5. b</p>\n"),
        ("3. 7. a\n5. b", "<p>3. 7. a<br>\n5. b</p>\n"),
        ("1) a\n2) b", "<p>1) a<br>\n2) b</p>\n"),
        ("1. a\n   1) x\n2. b", "<ol>\n<li>a\n<p>1) x</p>\n</li>\n<li>b</li>\n</ol>\n"),
        (
            "1. 2.\n\n14. August",
            "<ol>\n<li>\n<p>2.</p>\n</li>\n</ol>\n<p>14. August</p>\n",
        ),
    ],
)
def test_numbers_that_do_not_count_up_are_text(typed: str, html: str) -> None:
    assert markup.render(typed).html == html


AB = "<ol>\n<li>\n<p>a</p>\n</li>\n<li>\n<p>b</p>\n</li>\n</ol>\n"


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("1. a\n2. b\n\n14. August", f"{AB}<p>14. August</p>\n"),
        ("14. August\n\n1. a\n2. b", f"<p>14. August</p>\n{AB}"),
        ("1. a\n2. b\n\n1. a\n2. b", AB + AB),
        ("1. a\n2. b\n\n7. a\n8. b", AB + AB.replace("<ol>", '<ol start="7">')),
        ("7. a\n8. b\n\n1. a\n2. b", AB.replace("<ol>", '<ol start="7">') + AB),
        ("1. a\n\n2. b\n\n4. c", f"{AB}<p>4. c</p>\n"),
        ("1. a\n2. b\n\n3. c\n5. d", None),
        (
            "> 1. a\n> 2. b\n>\n> 14. August",
            f"<blockquote>\n{AB}<p>14. August</p>\n</blockquote>\n",
        ),
        ("- 1. a\n  2. b\n\n  14. August", f"<ul>\n<li>\n{AB}<p>14. August</p>\n</li>\n</ul>\n"),
        ("1. a\n2. b\n\n14.", f"{AB}<p>14.</p>\n"),
    ],
)
def test_a_blank_line_ends_a_list_where_the_next_number_is_another(
    typed: str, html: str | None
) -> None:
    expected = html or "<p>1. a<br>\n2. b</p>\n<p>3. c<br>\n5. d</p>\n"
    assert markup.render(typed).html == expected


@pytest.mark.parametrize("typed", [CODE, LIST, NUMBERS])
def test_the_first_line_keeps_its_indentation(typed: str) -> None:
    kept = comment_form.check_text(typed)
    assert kept == typed
    assert markup.render(kept).html == markup.render("\n" + typed).html
    assert comment_form.check_text("\n \t\n" + typed + "\n\n  ") == typed


def test_indented_code_is_code_and_b_is_no_child_of_a() -> None:
    assert markup.render(comment_form.check_text(CODE)).html.startswith("<pre><code>def f(x):\n")
    assert (
        markup.render(comment_form.check_text(LIST)).html == "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"
    )
    assert (
        markup.render(comment_form.check_text(NUMBERS)).html
        == "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n"
    )


def post(service: Service, path: str, fields: dict[str, str]) -> requests.Response:
    return requests.post(service.url + path, data=fields, timeout=10, allow_redirects=False)


def test_the_indentation_survives_every_form(shared: Service) -> None:
    answer = shared.post(comment=CODE)
    link = answer.headers["Location"]
    public_id = link.split("/")[3]
    assert stored(shared.db, public_id).text == CODE
    assert "<pre><code>def f(x):" in stored(shared.db, public_id).html
    # The same again is the same reply.
    assert shared.post(comment=CODE).headers["Location"] == link

    page = Page(requests.get(f"{shared.url}{link}/edit", timeout=10).text)
    assert page.fields["comment"] == CODE
    edited = CODE.replace("x", "y")
    fields = {**page.fields, "comment": edited}
    assert post(shared, f"{link}/edit", fields).status_code == 303
    assert stored(shared.db, public_id).text == edited
    preview = post(shared, f"{link}/edit", {**fields, "preview": "yes"}).text
    assert "<pre><code>def f(y):" in preview

    shown = post(shared, "/comments/networking/preview", reply(comment=CODE)).text
    assert "<pre><code>def f(x):" in shown
    assert Page(shown).fields["comment"] == CODE


def test_the_indentation_survives_what_editors_write(shared: Service) -> None:
    editor = signed_in(shared)
    public_id = shared.submit(comment="An editor gives this another text.")
    token = editor.token
    done = editor.post(
        f"/moderate/replies/{public_id}/edit",
        token=token,
        comment=CODE,
        version=token_of(shared.db, public_id),
    )
    assert number_of(done)
    assert stored(shared.db, public_id).text == CODE
    form = Page(editor.get(f"/moderate/replies/{public_id}/edit").text)
    assert form.fields["comment"] == CODE
    done = editor.post(
        f"/moderate/replies/{public_id}/answer",
        token=token,
        comment=LIST,
        was="pending",
        version=token_of(shared.db, public_id),
    )
    assert done.status_code == 303
    with shared.db.read() as connection:
        assert LIST in connection.execute(select(comment.c.text)).scalars().all()


JAPANESE = "詳しくは https://example.com/a。続きはこちら（https://example.com/b）、どうぞ。"


def hrefs(text: str) -> list[str]:
    return markup.seen(markup.render(text).html).links


def test_a_link_ends_before_full_width_punctuation() -> None:
    assert hrefs(JAPANESE) == ["https://example.com/a", "https://example.com/b"]


SIGNS = (
    "（）「」『』【】〔〕《》〈〉［］｛｝、。，．！？：；…‥〜～＂＇｢｣､｡”“„»«।؟،؛۔\u3000\u200b\ufeff"
)
ADDRESSES = ["example.com/a", "example.com", "example.com/?q=1", "example.com/a/"]


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
@pytest.mark.parametrize("rest", ADDRESSES)
def test_no_sign_of_any_script_is_swallowed(sign: str, rest: str) -> None:
    address = f"https://{rest}"
    for text in (f"見{address}{sign}続き", f"見 {address}{sign}", f"見{address}.{sign}"):
        assert [one.removesuffix("/") for one in hrefs(text)] == [address.removesuffix("/")]


@pytest.mark.parametrize(
    "address",
    [
        "https://ja.wikipedia.org/wiki/日本",
        "https://ja.wikipedia.org/wiki/佐々木小次郎",
        "https://ja.wikipedia.org/wiki/ジョン・レノン",
        "https://ja.wikipedia.org/wiki/ラーメン_(曖昧さ回避)",
        "https://zh.wikipedia.org/wiki/〇",
        "https://例え.jp/道/あ",
        "https://fr.wikipedia.org/wiki/L’Équipe",
        "https://ca.wikipedia.org/wiki/Col·legi",
        "https://en.wikipedia.org/wiki/Mann–Whitney_U_test",
        "https://he.wikipedia.org/wiki/צה״ל",
        "https://fa.wikipedia.org/wiki/می‌خواهم",
        "https://hi.wikipedia.org/wiki/हिन्दी",
        "https://example.com/a,b;c!d?e=(f)&g='h'",
    ],
)
def test_an_address_with_letters_of_any_script_is_whole(address: str) -> None:
    html = markup.render(f"See {address} there").html
    assert re.search(r'<a href="[^"]+" rel="[^"]+">([^<]+)</a> there', html)
    assert entities.unescape(re.findall(r">([^<]+)</a>", html)[0]) == address
