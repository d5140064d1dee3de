"""Comments are taken from the site's own pages; what another site's page sends comes back."""

import logging
from pathlib import Path
from typing import Any

import pytest
import requests

from comments_service.settings import Settings
from tests.running import Service, reply, running_service
from tests.service.pages import Page, rows
from tests.service.test_settings import GOOD

FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    # What a reader's browser says of the host is no proof of anything.
    {"Origin": "http://evil.example", "Host": "evil.example"},
]


def post(
    service: Service, headers: dict[str, str], path: str = "", **fields: str
) -> requests.Response:
    return requests.post(
        f"{service.url}/comments/networking{path}",
        data=reply(**fields),
        headers=headers,
        allow_redirects=False,
        timeout=30,
    )


@pytest.mark.parametrize("path", ["", "/preview"])
@pytest.mark.parametrize("headers", FOREIGN, ids=repr)
def test_a_comment_from_another_site_is_refused_and_kept(
    service: Service, headers: dict[str, str], path: str
) -> None:
    before = rows(service.db)
    answer = post(service, headers, path, comment="Keep <b>this</b>.")
    assert answer.status_code == 403
    assert rows(service.db) == before
    page = Page(answer.text)
    assert page.by_id("kept").text.strip() == "Keep <b>this</b>."
    assert "was not sent from a page of this site" in answer.text
    # Back to the article, where it can be posted.
    links = [one.attributes["href"] for one in page.all("a")]
    assert f"{service.url}/networking/#respond" in links
    told = post(service, {**headers, "Accept": "application/json"}, path)
    assert told.status_code == 403
    assert "was not sent from a page of this site" in told.json()["detail"]


def test_what_says_nothing_of_its_origin_is_taken(service: Service) -> None:
    assert post(service, {}, comment="From an old browser.").status_code == 303
    for site in ("same-origin", "none"):
        assert post(service, {"Sec-Fetch-Site": site}, comment=site).status_code == 303


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_every_name_of_this_machine_is_ours_when_the_site_is_here(
    service: Service, name: str
) -> None:
    port = service.url.rpartition(":")[2]
    assert post(service, {"Origin": f"http://{name}:{port}"}).status_code == 303
    assert post(service, {"Origin": f"http://{name}:1"}, comment="Two.").status_code == 403
    assert post(service, {"Origin": f"https://{name}:{port}"}, comment="3.").status_code == 403


def test_the_sites_origin_and_those_of_the_settings_are_ours(tmp_path: Path) -> None:
    known: dict[str, Any] = {
        "site_url": "https://Bücher.example:443",
        "form_origins": "https://www.blog.example, https://comments.blog.example:8443, "
        "https://straße.example",
    }
    with running_service(tmp_path, **known) as service:
        service.register("networking")
        for number, (origin, status) in enumerate(
            [
                ("https://xn--bcher-kva.example", 303),
                ("https://www.blog.example", 303),
                ("https://comments.blog.example:8443", 303),
                ("https://comments.blog.example", 403),
                ("http://www.blog.example", 403),
                ("https://blog.example", 403),
                ("https://xn--strae-oqa.example", 303),
                ("https://strasse.example", 403),
                (service.url, 403),
            ]
        ):
            answer = post(service, {"Origin": origin}, comment=f"Number {number}.")
            assert answer.status_code == status, origin


def test_an_origin_that_cannot_be_one_is_named() -> None:
    from comments_service.domain.errors import SettingsError

    for value in ("blog.example", "https://blog.example/path", "https://a.example,null", "*"):
        with pytest.raises(SettingsError, match="REJOINDER_FORM_ORIGINS cannot be used"):
            Settings.from_environ({**GOOD, "REJOINDER_FORM_ORIGINS": value})


def test_the_log_names_the_foreign_origin_and_cannot_be_forged(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rejoinder.service"):
        post(service, {"Origin": "https://evil.example"})
        post(service, {"Origin": "https://evil.example event=sign-in"})
    lines = [one.getMessage() for one in caplog.records]
    assert lines == [
        "event=refused reason=origin route=/comments/{key} origin=https://evil.example",
        "event=refused reason=origin route=/comments/{key} origin=-",
    ]
