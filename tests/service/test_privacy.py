"""An address is for the editors alone: nothing public holds it, nor anything computed from it."""

import base64
import hashlib
import itertools
import logging
from pathlib import Path

import pytest
import requests

from tests.running import Service, running_service
from tests.service.pages import signed_in

STATES = {"approved": "approve", "pending": "", "spam": "spam", "trash": "trash"}


def traces(address: str) -> set[str]:
    """The address and the hashes of it that somebody might publish."""
    spellings = {address, address.lower(), address.strip().lower(), address.upper()}
    found = set(spellings) | {one.replace("@", "%40") for one in spellings}
    for one, name in itertools.product(spellings, ("md5", "sha1", "sha256", "sha512")):
        digest = hashlib.new(name, one.encode())
        found.add(digest.hexdigest())
        found.add(base64.b64encode(digest.digest()).decode().rstrip("="))
        found.add(base64.urlsafe_b64encode(digest.digest()).decode().rstrip("="))
    for one in spellings:
        found.add(base64.b64encode(one.encode()).decode().rstrip("="))
    return {one.lower() for one in found}


def said(answer: requests.Response) -> str:
    parts = [answer.url, repr(dict(answer.headers)), answer.text]
    return "\n".join(parts + [said(one) for one in answer.history])


def test_no_public_answer_and_no_log_holds_an_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running_service(tmp_path) as service:
        service.register("networking", "meetings")
        editor = signed_in(service, "Canary.Editor@example.org")
        addresses = ["canary.editor@example.org"]
        answers: list[requests.Response] = []
        above: dict[str, str] = {}
        for number, (state, action) in enumerate(list(STATES.items()) * 2):
            address = f"Canary{number}.{state}@Mail.example.org"
            addresses.append(address)
            posted = service.post(
                comment=f"Reply number {number}.",
                author=f"Reader {number}",
                email=address,
                parent=above.get("approved", ""),
            )
            answers.append(posted)
            public_id = posted.headers["Location"].split("/")[3]
            if action:
                assert editor.decide(public_id, action).status_code == 303
            above.setdefault(state, public_id)
            answers += [
                requests.get(service.url + posted.headers["Location"], timeout=30),
                get(service, f"/comments/networking/reply/{public_id}"),
                get(service, f"/comments/status/{public_id}/x"),
            ]
        addresses.append("canary.wrong@example.org")
        answers.append(service.post("nowhere", email=addresses[-1]))
        answers += [
            service.api("GET", "/changes"),
            service.api("GET", "/discussions/networking"),
            service.api("GET", "/discussions/nowhere"),
            service.api("GET", "/changes?since=x"),
            get(service, "/comments/api/openapi.json"),
            get(service, "/comments/api/"),
            get(service, "/comments/networking"),
            get(service, "/moderate/"),
            get(service, "/nowhere"),
        ]
        # What an editor looks at is logged no more than the rest.
        assert "canary1.pending@mail.example.org" in editor.get().text.lower()
        editor.get("/moderate/history")
        public = "\n".join(map(said, answers)).lower()
    log = "\n".join(record.getMessage() + repr(record.args) for record in caplog.records).lower()
    assert "event=request" in log
    for address in addresses:
        for trace in traces(address):
            assert trace not in public, (address, trace)
            assert trace not in log, (address, trace)


def get(service: Service, path: str) -> requests.Response:
    return requests.get(service.url + path, timeout=30)


def test_no_log_holds_a_private_link_a_token_or_a_text(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    location = service.post(comment="A remark nobody logs.").headers["Location"]
    requests.get(service.url + location, timeout=30)
    editor = signed_in(service)
    token = editor.token
    requests.get(f"{service.url}/x%0d%0aevent=forged%1b[31m", timeout=30)
    log = "\n".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith("urllib3")  # the client of the tests
    )
    session = editor.http.cookies["rejoinder_session"]
    for secret in (location.split("/")[4], session, token, "remark", "a password of the tests"):
        assert secret not in log
    assert "event=forged" not in log


def test_the_form_is_shown_again_only_to_whoever_typed_it(service: Service) -> None:
    mine = service.post(comment="", email="canary@example.org")
    assert "canary@example.org" in mine.text
    assert mine.headers["Cache-Control"] == "no-store"
    assert "canary" not in service.post(comment="", email="other@example.org").text
