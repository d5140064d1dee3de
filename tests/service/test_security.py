"""Forms from elsewhere, cookies, headers: of every door, found in the route table."""

from pathlib import Path

import pytest
import requests

from comments_service.web.public import comments
from tests.running import Service, running_service
from tests.service.pages import PASSWORD, Editor, Page, add_editor, dump, raw, rows, signed_in
from tests.service.routes import MOUNTS, OPEN, ROUTES, SAMPLES, doors


def test_every_door_of_the_queue_is_behind_the_editors_check() -> None:
    assert [one.path for one in MOUNTS] == ["/moderate/assets"]
    assert len(ROUTES) > 20
    for route in ROUTES:
        guarded = getattr(route.endpoint, "editor_only", False)
        assert guarded != (route.path in OPEN), route.path


@pytest.mark.parametrize(("method", "path"), doors())
def test_a_stranger_is_sent_to_sign_in(shared: Service, method: str, path: str) -> None:
    before = dump(shared.db)
    for cookies in ({}, {"rejoinder_session": "x"}, {"rejoinder_session": "\u00e9"}):
        answer = requests.request(
            method,
            shared.url + path.format(**SAMPLES),
            cookies=cookies,
            data={"action": "approve", "was": "pending", "event": "1"}
            if method == "POST"
            else None,
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/moderate/sign-in"
        assert answer.headers["Cache-Control"] == "no-store"
    assert dump(shared.db) == before


@pytest.fixture(name="editor", scope="module")
def _editor(shared: Service) -> Editor:
    return signed_in(shared, "guard@example.org")


FORGED = [
    ({}, {}),
    ({"token": ""}, {}),
    ({"token": "foreign"}, {}),
    ({"token": "\u00e9"}, {}),
    ({"token": "OWN"}, {"Origin": "https://evil.example"}),
    ({"token": "OWN"}, {"Origin": "null"}),
    ({"token": "OWN"}, {"Origin": ""}),
    ({"token": "OWN"}, {"Origin": "http://[x"}),
    ({"token": "OWN"}, {"Origin": "HOST.evil.example"}),
    ({"token": "OWN"}, {"Sec-Fetch-Site": "cross-site"}),
    ({"token": "OWN"}, {"Sec-Fetch-Site": "same-site"}),
]


@pytest.mark.parametrize("path", [path for method, path in doors() if method == "POST"])
def test_a_forged_form_is_refused(shared: Service, editor: Editor, path: str) -> None:
    public_id = shared.submit(comment="A reply to forge a decision about.")
    own = editor.token
    before = dump(shared.db)
    for fields, headers in FORGED:
        form = {name: own if value == "OWN" else value for name, value in fields.items()}
        answer = editor.http.post(
            editor.url + path.format(**{**SAMPLES, "id": public_id}),
            data={**form, "action": "approve", "was": "pending", "event": "1"},
            headers={k: v.replace("HOST", shared.url) for k, v in headers.items()},
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 403, (fields, headers)
    assert dump(shared.db) == before
    assert editor.get(allow_redirects=False).status_code == 200


@pytest.mark.parametrize(("fields", "headers"), FORGED, ids=repr)
def test_a_forged_sign_in_is_refused(
    shared: Service, editor: Editor, fields: dict[str, str], headers: dict[str, str]
) -> None:
    browser = Editor(shared)
    own = Page(browser.get("/moderate/sign-in").text).fields["token"]
    form = {name: own if value == "OWN" else value for name, value in fields.items()}
    for path in ("/moderate/sign-in", "/moderate/sign-in/code", "/moderate/link/" + "x" * 43):
        answer = browser.http.post(
            shared.url + path,
            data={**form, "email": "guard@example.org", "password": PASSWORD},
            headers={k: v.replace("HOST", shared.url) for k, v in headers.items()},
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 403
    assert "rejoinder_session" not in browser.http.cookies


def test_the_token_of_another_visit_or_editor_is_foreign(shared: Service, editor: Editor) -> None:
    other = signed_in(shared, "other@example.org")
    assert other.post("/moderate/sign-out", token=editor.token).status_code == 403
    visits = [Editor(shared), Editor(shared)]
    tokens = [Page(one.get("/moderate/sign-in").text).fields["token"] for one in visits]
    answer = visits[0].post(
        "/moderate/sign-in", token=tokens[1], email="guard@example.org", password=PASSWORD
    )
    assert answer.status_code == 403


def test_a_form_from_our_own_page_is_taken(shared: Service, editor: Editor) -> None:
    public_id = shared.submit(comment="A reply to decide about.")
    answer = editor.http.post(
        f"{editor.url}/moderate/replies/{public_id}",
        data={"token": editor.token, "action": "spam", "was": "pending"},
        headers={"Origin": shared.url, "Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 303


def test_a_planted_visit_cookie_is_replaced(shared: Service) -> None:
    for planted in (b"known", b'"a\\015\\012Set-Cookie: x=y"', b"x" * 500, b"\xff"):
        answer = raw(
            shared,
            b"GET /moderate/sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Cookie: rejoinder_visit=" + planted + b"\r\n\r\n",
        )
        head = answer.partition(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 200")
        assert planted not in head
        assert b"x=y" not in head


def cookie_lines(answer: requests.Response) -> list[str]:
    return [line for name, line in answer.raw.headers.items() if name.lower() == "set-cookie"]


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(service: Service) -> None:
    add_editor(service)
    browser = Editor(service)
    lines = cookie_lines(browser.get("/moderate/sign-in")) + cookie_lines(browser.sign_in())
    assert [line.split("=")[0] for line in lines] == [
        "rejoinder_visit",
        "rejoinder_session",
        "rejoinder_browser",
    ]
    for line in lines:
        flags = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)


def test_over_https_cookies_demand_it(tmp_path: Path) -> None:
    with running_service(tmp_path, site_url="https://blog.example") as service:
        service.register("networking")
        add_editor(service)
        url = f"{service.url}/moderate/sign-in"
        page = requests.get(url, timeout=30)
        [visit] = cookie_lines(page)
        answer = requests.post(
            url,
            data={
                "token": Page(page.text).fields["token"],
                "email": "editor@example.org",
                "password": PASSWORD,
            },
            headers={"Cookie": visit.split(";")[0], "Origin": "https://blog.example"},
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 303
        opened, known = cookie_lines(answer)
        for line in (visit, opened, known):
            assert line.startswith("__Host-rejoinder_")
            assert {"secure", "httponly"} <= {one.strip().lower() for one in line.split(";")}
        pages = [
            requests.get(f"{service.url}/moderate/", headers={"Cookie": opened}, timeout=30),
            page,
            service.post(comment=""),
        ]
        for one in pages:
            assert one.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_every_page_carries_the_headers(shared: Service, editor: Editor) -> None:
    status = shared.post(comment="For the headers.").headers["Location"]
    pages = [
        editor.get(path)
        for path in (
            "/moderate/", "/moderate/?status=approved", "/moderate/history", "/moderate/?status=x",
            "/moderate/settings", "/moderate/articles",
            "/moderate/editors", "/moderate/account", "/moderate/account/second-factor",
            "/moderate/link/x", "/moderate/nowhere", "/nowhere", status, "/comments/api/",
            "/comments/nowhere", "/comments/status/x/y",
        )
    ]  # fmt: skip
    pages += [
        Editor(shared).get("/moderate/sign-in"),
        Editor(shared).sign_in("x", "y"),
        shared.post(comment=""),
        shared.post("nowhere"),
        editor.post("/moderate/undo"),
        requests.put(f"{shared.url}/comments/networking", timeout=30),
        requests.post(f"{shared.url}/comments/networking", json={}, timeout=30),
    ]
    for page in pages:
        headers = page.headers
        assert headers["Content-Type"] == "text/html; charset=utf-8", page.url
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "form-action 'self'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Traceback" not in page.text
        # The policy allows no script and no style in the page; nothing is there to be blocked.
        told = Page(page.text)
        for script in told.all("script"):
            assert script.attributes["src"].startswith("/moderate/assets/")
            assert not script.text
            assert "script-src 'self';" in policy
        assert not told.all("style")
        assert not [one for one in told.elements for name in one.attributes if name == "style"]
    assets = editor.get("/moderate/assets/queue.css")
    assert assets.headers["X-Content-Type-Options"] == "nosniff"


ESCAPES = ["../templates/queue.html", "%2e%2e/app.py", "..%2f..%2fapp.py", "%00", "/etc/passwd"]


@pytest.mark.parametrize("escape", [f"/moderate/assets/{one}" for one in ESCAPES])
def test_assets_do_not_lead_out_of_their_folder(shared: Service, escape: str) -> None:
    answer = raw(shared, f"GET {escape} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert b"HTTP/1.1 404" in answer or b"HTTP/1.1 303" in answer


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DELETE"])
def test_methods_that_nothing_needs_are_refused(shared: Service, method: str) -> None:
    for path in ("/moderate/", "/comments/networking", "/comments/api/"):
        answer = requests.request(method, shared.url + path, timeout=30, allow_redirects=False)
        assert answer.status_code in {400, 404, 405}


def test_no_get_changes_anything(shared: Service, editor: Editor) -> None:
    status = shared.post(comment="For the look around.").headers["Location"]
    public_id = status.split("/")[3]
    editor.decide(public_id, "approve")
    before = dump(shared.db)
    found = 0
    for path in every_get(shared):
        address = path.format(**{**SAMPLES, "id": public_id})
        for query in ("", f"?action=trash&was=approved&event=1&done=1&token={editor.token}"):
            for method in ("GET", "HEAD"):
                editor.http.request(method, shared.url + address + query, timeout=30)
                shared.api(method, "/pages" + query)
                found += 1
    editor.get(status)
    assert found >= 40
    assert dump(shared.db) == before


def every_get(service: Service) -> list[str]:
    paths = [one.path for one in (*comments.ROUTES, *ROUTES) if "GET" in (one.methods or ())]
    document = requests.get(f"{service.url}/comments/api/openapi.json", timeout=30).json()
    paths += ["/comments/api" + path for path in document["paths"]]
    return [*paths, "/comments/api/", "/moderate/assets/{path}"]


def test_nothing_leads_to_another_site(shared: Service, editor: Editor) -> None:
    evil = "https://evil.example"
    for path in (
        f"/moderate/sign-in?next={evil}",
        f"/moderate?next={evil}",
        f"/comments/networking?url={evil}",
        "//evil.example/%2e%2e",
        "/moderate//evil.example",
    ):
        answer = editor.http.get(shared.url + path, allow_redirects=False, timeout=30)
        place = answer.headers.get("Location", "/")
        assert place.startswith(("/", shared.url + "/")), path
        assert not place.startswith("//"), path
    public_id = shared.submit(comment="To be led back from.")
    answer = editor.post(
        f"/moderate/replies/{public_id}",
        token=editor.token,
        action="spam",
        was="pending",
        list=f"{evil}\r\nSet-Cookie: x=y",
    )
    assert answer.headers["Location"].startswith("/moderate/?status=pending&done=")
    assert rows(shared.db)["comment"] > 0


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/comments/networking", "GET, HEAD, POST"),
        ("/moderate/sign-in", "GET, HEAD, POST"),
        ("/moderate/undo", "POST"),
    ],
)
def test_another_method_is_told_which_ones_the_address_takes(
    service: Service, path: str, allowed: str
) -> None:
    answer = requests.request("DELETE", service.url + path, timeout=10)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
