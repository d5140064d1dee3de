"""The Host header leads nobody anywhere: no redirect or link has what a client wrote there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service, running_service
from tests.service.pages import raw

EVIL = "evil.example"


@pytest.fixture(params=[False, True], ids=["served", "reloading"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / "site"
    for name in ("networking", EVIL, "über uns"):
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text("<p>Words.</p>")
    with running_service(
        tmp_path, site_dir=folder, site_url="https://blog.example", live_reload=request.param
    ) as running:
        running.register("networking")
        yield running


def ask(service: Service, path: str, host: str = EVIL, method: str = "GET") -> tuple[str, str]:
    """The status line and the Location of an answer."""
    sent = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    head = raw(service, sent.encode()).partition(b"\r\n\r\n")[0].decode("latin-1")
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    return status, headers.get("location", "")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/networking", "/networking/"),
        ("/networking?a=b&c=d", "/networking/?a=b&c=d"),
        (f"//{EVIL}", f"/{EVIL}/"),
        (f"///{EVIL}", f"/{EVIL}/"),
        ("/%C3%BCber%20uns", "/%C3%BCber%20uns/"),
        (f"http://{EVIL}/networking", "/networking/"),
    ],
)
def test_a_folder_without_its_slash_leads_to_the_folder_on_whatever_host(
    site: Service, path: str, location: str
) -> None:
    status, where = ask(site, path)
    assert status.startswith("HTTP/1.1 307 ")
    assert where == location


PATHS = [
    "/comments/networking",
    "/comments/networking/",
    "/comments/networking/preview/",
    "/comments/search/",
    "/comments/status/x/y/",
    "/comments/api",
    "/comments/api/changes/",
    "/comments/api/pages/",
    "/moderate",
    "/moderate/",
    "/moderate/history/",
    "/moderate/sign-in/",
    "/moderate/assets",
    "/networking",
    "/nowhere/",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_no_redirect_has_the_host_of_the_request(site: Service, path: str, method: str) -> None:
    _, where = ask(site, path, method=method)
    assert EVIL not in where
    assert where.startswith(("/", "https://blog.example/")) or not where
    assert not where.startswith("//")


@pytest.mark.parametrize("path", PATHS)
def test_without_a_site_no_redirect_has_the_host_either(shared: Service, path: str) -> None:
    for method in ("GET", "POST"):
        _, where = ask(shared, path, method=method)
        assert EVIL not in where


def test_no_page_has_the_host_of_the_request(shared: Service) -> None:
    for path in ("/moderate/sign-in", "/comments/search", "/comments/nowhere", "/nowhere"):
        sent = f"GET {path} HTTP/1.1\r\nHost: {EVIL}\r\nConnection: close\r\n\r\n"
        assert EVIL.encode() not in raw(shared, sent.encode())
