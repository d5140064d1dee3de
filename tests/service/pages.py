"""Helpers of the service tests: parse pages, submit forms, sign in, query tables."""

import re
import socket
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import requests
from sqlalchemy import select

from comments_service.domain.content_token import number_in
from comments_service.services import auth
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import request_token, token
from comments_service.store import comments, editors, events
from comments_service.store.database import Database
from comments_service.store.tables import comment, contact, event, metadata
from tests.running import Service

PASSWORD = "a password of the tests"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Element:
    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes, self.text = tag, attributes, ""


class Page(HTMLParser):
    """A response's HTML: its elements in order, each with its text content."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            one
            for one in self.elements
            if one.tag == tag and attributes.items() <= one.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} <{tag}> with {attributes}"
        return found[0]

    def by_id(self, name: str) -> Element:
        found = [one for one in self.elements if one.attributes.get("id") == name]
        assert len(found) == 1, f"{len(found)} elements with the id {name}"
        return found[0]

    @property
    def fields(self) -> dict[str, str]:
        """Return the fields that a browser would post from this page's form."""
        values = {
            one.attributes["name"]: one.attributes.get("value", "")
            for one in self.all("input")
            if "name" in one.attributes
        }
        for one in self.all("textarea"):
            # HTML parsers drop a line break directly after the tag.
            values[one.attributes.get("name", "kept")] = one.text.removeprefix("\n")
        return values

    @property
    def problems(self) -> list[str]:
        """Return the ids of the fields that the error summary links to."""
        at = [one.attributes.get("class") for one in self.elements]
        if "error-summary" not in at:
            return []
        after = self.elements[at.index("error-summary") :]
        links = [one.attributes["href"] for one in after if one.tag == "a"]
        return [one for one in links if one.startswith("#") and one != "#main"]

    @property
    def summary(self) -> list[tuple[str, str]]:
        """Return (target, text) of each link in the error summary."""
        return [
            (one.attributes["href"], one.text)
            for one in self.all("a")
            if one.attributes["href"] in {"#comment", "#author", "#email", "#url", "#password"}
        ]


def rows(db: Database) -> dict[str, int]:
    """Return the numbers of replies, contacts and submission records."""
    with db.read() as connection:
        submitted = select(event).where(event.c.action == "submit")
        return {
            "comment": len(connection.execute(select(comment.c.id)).all()),
            "contact": len(connection.execute(select(contact.c.comment_id)).all()),
            "event": len(connection.execute(submitted).all()),
        }


def stored(db: Database, public_id: str) -> Any:
    """Return a reply's row with its email address."""
    query = (
        select(comment, contact.c.email)
        .join(contact, contact.c.comment_id == comment.c.id)
        .where(comment.c.public_id == public_id)
    )
    with db.read() as connection:
        return connection.execute(query).one()


def dump(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with db.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def raw(service: Service, request: bytes, timeout: float = 10) -> bytes:
    """Send raw bytes; return everything that is received."""
    port = int(service.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as client:
        client.sendall(request)
        return b"".join(_received(client))


def _received(client: socket.socket) -> Iterator[bytes]:
    while chunk := client.recv(65_536):
        yield chunk


def post_bytes(service: Service, body: bytes, key: str = "networking") -> requests.Response:
    """Post a raw form body."""
    return requests.post(
        f"{service.url}/comments/{key}",
        data=body,
        headers=FORM,
        allow_redirects=False,
        timeout=30,
    )


def event_token(service: Service, number: int | str) -> str:
    """Return the token of an event, or what is no number as it is."""
    if number_in(str(number)) is None:
        return str(number)
    with service.db.read() as connection:
        entry = events.find(connection, the_site(connection).id, int(number))
    return str(number) if entry is None else entry.token


class Editor:
    """An editor's browser."""

    def __init__(self, service: Service) -> None:
        self.url, self.service = service.url, service
        self.http = requests.Session()

    def get(self, path: str = "/moderate/", **options: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=30, **options)

    def post(self, path: str, **fields: str) -> requests.Response:
        return self.http.post(self.url + path, data=fields, timeout=30, allow_redirects=False)

    def sign_in(
        self, email: str = "editor@example.org", password: str = PASSWORD
    ) -> requests.Response:
        token = Page(self.get("/moderate/sign-in").text).fields["token"]
        return self.post("/moderate/sign-in", token=token, email=email, password=password)

    @property
    def token(self) -> str:
        return Page(self.get().text).all("input", name="token")[0].attributes["value"]

    def decide(self, public_id: str, action: str, was: str = "pending") -> requests.Response:
        """Decide about the current version of the reply."""
        return self.post(
            f"/moderate/replies/{public_id}",
            token=self.token,
            action=action,
            was=was,
            list=was,
            **self._read(public_id),
        )

    def _read(self, public_id: str) -> dict[str, str]:
        """Return the hidden form fields for the current state of the reply."""
        with self.service.db.read() as connection:
            found = comments.find(connection, the_site(connection).id, public_id)
        if found is None:
            return {}
        asked = {"asked": request_token(found.author_request)} if found.author_request else {}
        return {"version": token(found), **asked}

    def undo(self, number: int | str) -> requests.Response:
        """Undo the event with that number, as a page that shows it does."""
        shown = event_token(self.service, number)
        return self.post("/moderate/undo", token=self.token, event=shown)


def add_editor(
    service: Service,
    email: str = "editor@example.org",
    name: str = "Edith",
    role: str | None = None,
) -> editors.Editor:
    """Add an editor; by default, the first one is an admin."""
    return auth.add_editor(
        service.db, email=email, name=name, password=PASSWORD, now=service.clock(), role=role
    )


def signed_in(
    service: Service,
    email: str = "editor@example.org",
    name: str = "Edith",
    role: str | None = None,
) -> Editor:
    """Return a browser signed in as a new editor."""
    add_editor(service, email, name, role)
    browser = Editor(service)
    answer = browser.sign_in(email)
    assert answer.status_code == 303, answer.text
    return browser


def browser_of(service: Service, known: editors.Editor) -> Editor:
    """Return another browser with a session of that editor, without using the sign-in pages."""
    browser = Editor(service)
    opened = auth.open_session(service.db, known, now=service.clock())
    browser.http.cookies.set("rejoinder_session", opened.token)
    return browser


def number_of(answer: requests.Response) -> int:
    """Return the event number in the redirect after an editor's action."""
    match = re.search(r"done=([0-9]+)", answer.headers["Location"])
    assert match is not None, answer.headers["Location"]
    return int(match[1])
