"""Bodies that no form sends: wrong kind, too long, not UTF-8, fields twice."""

import pytest
import requests

from tests.running import Service, reply
from tests.service.pages import FORM, Page, post_bytes, raw, rows

LIMIT = 262_144


@pytest.mark.parametrize(
    "kind",
    ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "x", "text/html"],
)
def test_another_content_type_is_not_read(shared: Service, kind: str) -> None:
    before = rows(shared.db)
    answer = requests.post(
        f"{shared.url}/comments/networking",
        data=b"comment=x&author=a&email=a@b.example",
        headers={"Content-Type": kind},
        timeout=30,
    )
    assert answer.status_code == 415
    assert answer.headers["Content-Type"].startswith("text/html")
    assert rows(shared.db) == before


def test_a_content_type_with_a_charset_is_read(shared: Service) -> None:
    answer = requests.post(
        f"{shared.url}/comments/networking",
        data=b"comment=charset&author=a&email=a@b.example",
        headers={"Content-Type": "Application/X-WWW-Form-urlencoded; charset=UTF-8"},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 303


@pytest.mark.parametrize("size", [LIMIT + 1, 5_000_000, 20_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(shared: Service, size: int, chunked: bool) -> None:
    before = rows(shared.db)
    body = b"comment=" + b"a" * (size - 8)
    answer = requests.post(
        f"{shared.url}/comments/networking",
        data=iter(body[at : at + 65_536] for at in range(0, size, 65_536)) if chunked else body,
        headers=FORM,
        timeout=30,
    )
    assert answer.status_code == 413
    assert "262,144" in answer.text
    assert rows(shared.db) == before


def test_a_body_at_the_limit_is_read(shared: Service) -> None:
    answer = post_bytes(shared, b"x=" + b"a" * (LIMIT - 2))
    assert answer.status_code == 422


def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(
    shared: Service,
) -> None:
    head = (
        b"POST /comments/networking HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99999999999\r\n\r\n"
    )
    assert raw(shared, head + b"comment=").startswith(b"HTTP/1.1 413")


def test_the_largest_good_reply_is_under_the_limit(shared: Service) -> None:
    shared.submit(comment="😀" * 10_000, author="😀" * 100)


@pytest.mark.parametrize(
    "spoilt", [b"caf\xe9", b"caf%E9", b"%ED%A0%80", b"%C0%80", b"\xff\xfe", b"%80", b"%F8%88%80%80"]
)
def test_what_is_not_utf8_is_refused_and_the_text_kept(shared: Service, spoilt: bytes) -> None:
    before = rows(shared.db)
    answer = post_bytes(
        shared,
        b"comment=A+long+text+"
        + spoilt
        + b"+and+more&author=Ann&email=ann@example.org&url=a.example",
    )
    assert answer.status_code == 400
    page = Page(answer.text)
    assert page.fields["comment"].startswith("A long text ")
    assert page.fields["comment"].endswith(" and more")
    assert "\ufffd" in page.fields["comment"]
    assert (page.fields["author"], page.fields["url"]) == ("Ann", "a.example")
    assert [where for where, _ in page.summary] == ["#comment"]
    assert rows(shared.db) == before


def test_the_field_that_is_not_utf8_is_named(shared: Service) -> None:
    answer = post_bytes(shared, b"comment=Fine&author=Andr%E9&email=a@b.example")
    assert answer.status_code == 400
    assert [where for where, _ in Page(answer.text).summary] == ["#author"]


def test_a_field_that_comes_twice_is_refused(shared: Service) -> None:
    before = rows(shared.db)
    for body in (
        b"comment=a&comment=b&author=a&email=a@b.example",
        b"comment=a&author=a&email=a@b.example&email=c@d.example",
        b"comment=a&author=a&email=a@b.example&parent=&parent=",
    ):
        assert post_bytes(shared, body).status_code == 400
    assert rows(shared.db) == before


def test_a_query_does_not_stand_in_for_the_form(shared: Service) -> None:
    answer = requests.post(
        f"{shared.url}/comments/networking?comment=x&author=a&email=a@b.example",
        data=b"",
        headers=FORM,
        timeout=30,
    )
    assert answer.status_code == 422


def test_a_thousand_fields_are_refused(shared: Service) -> None:
    body = "&".join(f"x{n}=1" for n in range(1_000))
    assert post_bytes(shared, body.encode()).status_code == 400


def test_an_empty_body_asks_for_every_field(shared: Service) -> None:
    answer = post_bytes(shared, b"")
    assert answer.status_code == 422
    assert [where for where, _ in Page(answer.text).summary] == ["#comment", "#author", "#email"]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
    ],
)
def test_a_body_of_doubtful_length_is_never_stored(shared: Service, head: bytes) -> None:
    before = rows(shared.db)
    body = "&".join(f"{name}={value}" for name, value in reply(comment="smuggled").items())
    answer = raw(
        shared,
        b"POST /comments/networking HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n" + head + b"\r\n" + body.encode(),
    )
    assert b" 303 " not in answer
    assert b" 500 " not in answer
    assert rows(shared.db) == before
