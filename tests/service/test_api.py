"""The wire: what the site side reads and registers, as docs/api.md tells it."""

from typing import Any
from urllib.parse import quote

import pytest
import requests
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.running import TOKEN, Service
from tests.service.pages import Editor, Page, raw, signed_in

PATHS = [
    ("GET", "/changes"),
    ("GET", "/discussions/networking"),
    ("PUT", "/pages"),
    ("PUT", "/published"),
    ("POST", "/texts/wanted"),
    ("PUT", "/texts"),
]
PAGE = {"key": "networking", "url": "/networking/", "title": "About networking"}


@pytest.fixture
def editor(service: Service) -> Editor:
    return signed_in(service)


def approved(service: Service, editor: Editor, key: str = "networking", **fields: str) -> str:
    public_id = service.submit(key, **fields)
    assert editor.decide(public_id, "approve").status_code == 303
    return public_id


def is_problem(answer: requests.Response, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == status
        and answer.headers["Content-Type"] == "application/problem+json"
        and body["status"] == status
        and {"type", "title", "detail"} <= set(body)
    )


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"],
    ids=ascii,
)
def test_without_the_token_nothing_is_said(
    shared: Service, method: str, path: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for body in (b"", b"{", b'{"pages": []}'):
        answer = requests.request(
            method,
            f"{shared.url}/comments/api{path}",
            headers={"Content-Type": "application/json", **headers},
            data=body,
            timeout=30,
        )
        assert is_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "REJOINDER_API_TOKEN" in answer.json()["detail"]


def test_a_body_without_the_token_is_not_even_read(shared: Service) -> None:
    head = (
        b"PUT /comments/api/pages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n["
    )
    assert raw(shared, head).startswith(b"HTTP/1.1 401")


def test_a_registration_over_the_limit_is_refused(shared: Service) -> None:
    answer = shared.api(
        "PUT", "/pages", data=b" " * 33_554_433, headers={"Content-Type": "application/json"}
    )
    assert is_problem(answer, 413)


def test_a_public_reply_is_told_as_the_wire_says(service: Service, editor: Editor) -> None:
    above = approved(service, editor, comment="*Above*.", url="ann.example")
    below = approved(service, editor, comment="Below.", parent=above)
    told = service.api("GET", "/discussions/networking").json()
    assert set(told) == {"key", "revision", "open", "comments"}
    assert told["comments"][0] == {
        "id": above,
        "parent": None,
        "author": {"name": "Ann Okoye", "url": "https://ann.example/"},
        "html": "<p><em>Above</em>.</p>\n",
        "submitted": "2026-11-23T12:00:00Z",
        "edited": None,
        "editor": False,
        "removed": False,
        "position": 1,
        "pinned": False,
        "locked": False,
        "avatar": told["comments"][0]["avatar"],
    }
    assert told["comments"][0]["avatar"] in range(256)
    assert (told["comments"][1]["id"], told["comments"][1]["parent"]) == (below, above)


def test_changes_come_in_pages_without_a_gap(service: Service, editor: Editor) -> None:
    service.register("a", "b", "c", "d", "e")
    for key in "abcde":
        approved(service, editor, key)
    seen, since, mores = [], 0, []
    while True:
        told = service.api("GET", f"/changes?since={since}&limit=2").json()
        seen += [one["key"] for one in told["discussions"]]
        mores.append(told["more"])
        assert told["next"] == told["discussions"][-1]["revision"]
        since = told["next"]
        if not told["more"]:
            break
    assert seen == list("abcde")
    assert mores == [True, True, False]
    assert since == told["latest"]
    rest = service.api("GET", f"/changes?since={since}").json()
    assert rest["discussions"] == []
    assert (rest["next"], rest["latest"], rest["more"]) == (since, since, False)


def test_a_discussion_that_changed_twice_is_told_once_as_it_is_now(
    service: Service, editor: Editor
) -> None:
    approved(service, editor)
    approved(service, editor, comment="Another.")
    [told] = service.api("GET", "/changes").json()["discussions"]
    assert len(told["comments"]) == 2


def test_a_cursor_of_the_future_is_sent_back(service: Service, editor: Editor) -> None:
    approved(service, editor)
    told = service.api("GET", "/changes?since=900000&wait=20").json()
    assert told["latest"] < 900_000
    assert told["next"] == told["latest"]


@pytest.mark.parametrize(
    "query",
    ["since=-1", "since=x", "since=1e3", "limit=0", "limit=501", "wait=31", "wait=-1", "wait=nan",
     f"since={10**40}"],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_told(shared: Service, query: str) -> None:
    assert is_problem(shared.api("GET", f"/changes?{query}"), 422)


def test_nothing_new_is_not_modified(service: Service, editor: Editor) -> None:
    approved(service, editor)
    for path in ("/changes", "/discussions/networking"):
        first = service.api("GET", path)
        tag = first.headers["ETag"]
        since = f"?since={first.json()['next']}" if path == "/changes" else ""
        again = service.api("GET", path + since, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    approved(service, editor, comment="Another.")
    for path in ("/changes" + since, "/discussions/networking"):
        assert service.api("GET", path, headers={"If-None-Match": tag}).status_code == 200


def test_the_tags_are_those_of_the_wire(service: Service, editor: Editor) -> None:
    approved(service, editor)
    told = service.api("GET", "/changes")
    assert told.headers["ETag"] == f'"{told.json()["epoch"]}:{told.json()["next"]}"'
    one = service.api("GET", "/discussions/networking")
    assert one.headers["ETag"] == f'"{told.json()["epoch"]}:{one.json()["revision"]}"'


def test_a_page_that_nobody_answered_has_revision_zero(shared: Service) -> None:
    told = shared.api("GET", "/discussions/saying-no").json()
    assert told == {"key": "saying-no", "revision": 0, "open": None, "comments": []}


@pytest.mark.parametrize("key", ["nowhere", "%00", "%FF", "a%2Fb", "x" * 3000])
def test_an_unknown_page_is_a_problem(shared: Service, key: str) -> None:
    assert is_problem(shared.api("GET", f"/discussions/{key}"), 404)


def test_an_unknown_path_is_a_problem(shared: Service) -> None:
    for path in ("/nope", "/pages/x", "/discussions", "/status/x/y"):
        assert is_problem(shared.api("GET", path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/changes", "GET"),
        ("GET", "/pages", "PUT"),
        ("DELETE", "/pages", "PUT"),
        ("PUT", "/discussions/networking", "GET"),
        ("TRACE", "/changes", "GET"),
    ],
)
def test_another_method_is_told_what_is_allowed(
    shared: Service, method: str, path: str, allowed: str
) -> None:
    answer = shared.api(method, path)
    assert is_problem(answer, 405)
    assert answer.headers["Allow"] == allowed


def test_registering_again_changes_nothing(service: Service) -> None:
    body = {"pages": [PAGE, {**PAGE, "key": "meetings", "open": False}]}
    first = service.api("PUT", "/pages", json=body).json()
    assert first == {"registered": 2, "withdrawn": 1}
    assert service.api("PUT", "/pages", json=body).json() == {"registered": 2, "withdrawn": 0}
    assert service.api("PUT", "/pages", json={"pages": []}).json() == {
        "registered": 0,
        "withdrawn": 2,
    }


def test_a_withdrawn_page_comes_back_with_its_replies(service: Service, editor: Editor) -> None:
    approved(service, editor)
    before = service.api("GET", "/discussions/networking").json()
    service.register("meetings")
    assert is_problem(service.api("GET", "/discussions/networking"), 404)
    service.register("networking", title="Another title")
    assert service.api("GET", "/discussions/networking").json() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "a/b"},
        {"key": ""},
        {"key": "a b"},
        {"key": "a\u2003b"},
        {"key": "a\nb"},
        {"key": "a\0b"},
        {"key": "a\u202eb"},
        {"key": "\ud800"},
        {"key": "."},
        {"key": ".."},
        {"key": "x" * 201},
        {"key": "api"},
        {"key": "status"},
        {"key": "assets"},
        {"key": 7},
        {"key": None},
        {"url": "//evil.example"},
        {"url": "/\\evil.example"},
        {"url": "\\\\evil.example"},
        {"url": "///evil.example"},
        {"url": "/\t/evil.example"},
        {"url": "javascript:alert(1)"},
        {"url": "data:text/html,x"},
        {"url": "https:evil.example"},
        {"url": "https:///evil.example"},
        {"url": "http://[x/"},
        {"url": "networking/"},
        {"url": ""},
        {"url": "/" + "x" * 2000},
        {"title": ""},
        {"title": "x" * 1001},
        {"title": 3},
        {"question": "x" * 1001},
        {"question": None},
        {"open": "yes"},
        {"open": 1},
        {"extra": "field"},
        {"id": 1},
        {"\ud800": 1},
    ],
    ids=ascii,
)
def test_a_page_that_cannot_be_is_refused_and_the_old_list_stays(
    shared: Service, wrong: dict[str, Any]
) -> None:
    assert is_problem(shared.api("PUT", "/pages", json={"pages": [PAGE | wrong]}), 422)
    assert shared.api("GET", "/discussions/meetings").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"pages": [PAGE, PAGE]},
        {"pages": {}},
        {"pages": None},
        {"pages": [None]},
        {},
        [],
        None,
        7,
        {"pages": [PAGE], "more": 1},
    ],
)
def test_another_shape_is_refused(shared: Service, body: Any) -> None:
    assert is_problem(shared.api("PUT", "/pages", json=body), 422)


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b'{"pages": [}', b"[" * 200_000, b'{"pages": ' + b"9" * 6_000 + b"}"],
)
def test_what_is_no_json_is_told(shared: Service, body: bytes) -> None:
    answer = shared.api("PUT", "/pages", data=body, headers={"Content-Type": "application/json"})
    assert is_problem(answer, 400)


def test_many_problems_are_told_with_where_they_are(shared: Service) -> None:
    pages = [{**PAGE, "key": f"{n}", "url": "x"} for n in range(50)]
    errors = shared.api("PUT", "/pages", json={"pages": pages}).json()["errors"]
    assert errors[0]["pointer"] == "/body/pages/0/url"
    assert len(errors) == 20


def test_keys_and_titles_of_every_script_are_registered(service: Service) -> None:
    pages = [
        {
            "key": key,
            "url": f"/{quote(key)}/",
            "title": "{{7*7}} <b> 😀",
            "question": "'); drop table page",
        }
        for key in ("größe", "日本", "a%2Fb", "x?y#z", "status2", "a\\b", "x" * 200)
    ]
    service.api("PUT", "/pages", json={"pages": pages}).raise_for_status()
    for page in pages:
        key = quote(page["key"], safe="")
        assert service.api("GET", f"/discussions/{key}").json()["key"] == page["key"]
        assert service.post(key).status_code == 303


def test_the_description_is_valid_and_complete(shared: Service) -> None:
    document = requests.get(f"{shared.url}/comments/api/openapi.json", timeout=30).json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert {(m.upper(), p) for p, ms in document["paths"].items() for m in ms} == {
        ("GET", "/changes"),
        ("GET", "/discussions/{key}"),
        ("PUT", "/pages"),
        ("PUT", "/published"),
        ("POST", "/private"),
        ("POST", "/texts/wanted"),
        ("PUT", "/texts"),
    }
    assert document["servers"] == [{"url": "/comments/api"}]
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["description"]
            assert operation["security"]
            assert "200" in operation["responses"]


ERRORS = {
    ("GET", "/changes"): {401, 413, 422, 503},
    ("GET", "/discussions/{key}"): {401, 404, 413, 503},
    ("PUT", "/pages"): {400, 401, 413, 422, 503},
    ("PUT", "/published"): {400, 401, 409, 413, 422, 503},
    ("POST", "/private"): {400, 401, 413, 422, 503},
    ("POST", "/texts/wanted"): {400, 401, 413, 422, 503},
    ("PUT", "/texts"): {400, 401, 413, 422, 503},
}
GOOD: dict[str, Any] = {
    "/pages": {"pages": []},
    "/published": {"epoch": "another", "pages": []},
    "/private": {"candidates": ["ann@example.org"]},
    "/texts/wanted": {"texts": {}},
    "/texts": {"texts": []},
}


def announced(service: Service, method: str, place: str, *, size: int) -> requests.Response:
    """The answer to a call whose headers promise a body of that size; nearly none of it is sent."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = requests.Request(method, f"{service.url}/comments/api{place}", headers, data=b"x")
    prepared = asked.prepare()
    prepared.headers["Content-Length"] = str(size)
    with requests.Session() as http:
        return http.send(prepared, timeout=30)


def provoked(service: Service, method: str, path: str, status: int) -> requests.Response:
    """The answer to a call that should have that status; 503 only once the database is broken."""
    place = path.format(key="nowhere" if status == 404 else "networking")
    wrong: dict[str, Any] = {}
    if status == 400:
        wrong = {"data": b"{", "headers": {"Content-Type": "application/json"}}
    elif status == 413:
        return announced(service, method, place, size=99_999_999)
    elif status == 422:
        wrong = {"json": {"unknown": 1}} if path in GOOD else {"params": {"since": "x"}}
    elif path in GOOD:
        wrong = {"json": GOOD[path]}
    if status == 401:
        wrong["headers"] = {"Authorization": "Bearer wrong"}
    return service.api(method, place, **wrong)


def test_the_description_lists_exactly_the_errors_that_the_api_gives(service: Service) -> None:
    document = requests.get(f"{service.url}/comments/api/openapi.json", timeout=30).json()
    problem = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    listed = {
        (method.upper(), path): {
            int(status): response
            for status, response in operation["responses"].items()
            if int(status) >= 400
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {operation: set(told) for operation, told in listed.items()} == ERRORS
    # Those of a broken database come last.
    for status in sorted({400, 401, 404, 409, 413, 422, 503}):
        if status == 503:
            with service.db.write() as connection:
                connection.exec_driver_sql("ALTER TABLE site RENAME TO broken")
                connection.exec_driver_sql("ALTER TABLE contact RENAME TO broken_too")
        for (method, path), told in listed.items():
            if status not in told:
                continue
            answer = provoked(service, method, path, status)
            assert answer.status_code == status, (method, path, answer.text)
            [(media, described)] = told[status]["content"].items()
            assert answer.headers["Content-Type"] == media == "application/problem+json"
            assert described["schema"] == {"$ref": problem["$ref"]}
            OAS31Validator(problem).validate(answer.json())
            assert answer.json()["status"] == status


def test_the_description_names_no_answer_that_nobody_gets(shared: Service) -> None:
    text = requests.get(f"{shared.url}/comments/api/openapi.json", timeout=30).text
    assert "HTTPValidationError" not in text


def test_the_guide_tells_every_path_and_loads_nothing_from_elsewhere(shared: Service) -> None:
    answer = requests.get(f"{shared.url}/comments/api/", timeout=30)
    assert answer.status_code == 200
    for method, path in (("GET", "/changes"), ("GET", "/discussions/{key}"), ("PUT", "/pages")):
        assert f"{method} /comments/api{path}" in answer.text
    page = Page(answer.text)
    assert not page.all("script")
    loaded = [one.attributes["href"] for one in page.all("link")]
    loaded += [one.attributes["src"] for one in page.elements if "src" in one.attributes]
    assert loaded
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)


def test_every_answer_is_what_its_content_type_says(shared: Service) -> None:
    for path in ("/changes", "/discussions/networking", "/nope", "/openapi.json", "/pages"):
        assert shared.api("GET", path).headers["X-Content-Type-Options"] == "nosniff"


def test_no_origin_is_let_in(shared: Service) -> None:
    for origin in ("null", "https://evil.example"):
        answer = shared.api("GET", "/changes", headers={"Origin": origin})
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
