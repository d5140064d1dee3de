"""A reply that is sent again is stored once, and its private link goes to its author only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comments_service.domain import actor
from comments_service.domain.rules import Rules
from comments_service.services import email_confirmation, site_rules
from comments_service.services.pages import the_site
from comments_service.store import contacts
from tests.running import Service, reply, running_service
from tests.service.pages import Page, stored

TEXT = "I bring one question, and I write down the answer."
COOKIES = ("__Host-rejoinder_author", "rejoinder_author")


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Service]:
    """A service behind a proxy that trusts known authors and holds everybody else's replies."""
    with running_service(tmp_path, trusted_proxies="127.0.0.1") as service:
        service.register("networking")
        with service.db.write() as connection:
            rules = Rules(hold_all=True, trust_verified=True)
            site_rules.save(
                connection, the_site(connection), rules,
                version=0, by=actor.COMMAND_LINE, now=service.clock(),
            )  # fmt: skip
        yield service


def browser(client: str) -> requests.Session:
    session = requests.Session()
    session.headers["X-Forwarded-For"] = client
    return session


def author(blog: Service, client: str) -> requests.Session:
    """A browser of an author with a confirmed address and a reply that an editor approved."""
    first = blog.submit(comment="My first reply.")
    with blog.db.write() as connection:
        contacts.verify(connection, first, blog.clock())
    blog.approve(first)
    blog.clock.forward(hours=1)
    session = browser(client)
    email = reply()["email"]
    secret = blog.settings.secret.get_secret_value().encode()
    for name in COOKIES:
        session.cookies.set(name, email_confirmation.keep(secret, email, blog.clock()))
    return session


def post(blog: Service, session: requests.Session, text: str = TEXT) -> str:
    """Post a reply; return its private link."""
    answer = session.post(
        f"{blog.url}/comments/networking", data=reply(comment=text), allow_redirects=False
    )
    assert answer.status_code == 303
    return answer.headers["Location"].partition("?")[0]


def id_of(link: str) -> str:
    return link.split("/")[3]


def edit(blog: Service, session: requests.Session, link: str, text: str) -> None:
    form = Page(session.get(f"{blog.url}{link}/edit").text).fields
    data = {"comment": text, "was": form["was"], "version": form["version"]}
    answer = session.post(f"{blog.url}{link}/edit", data=data, allow_redirects=False)
    assert answer.status_code == 303


def test_a_double_click_leads_to_the_same_reply(blog: Service) -> None:
    session = browser("203.0.113.5")
    assert post(blog, session) == post(blog, session)


@pytest.mark.parametrize("seconds", [0, 9, 3_600])
def test_an_equal_reply_from_another_network_is_another_reply(blog: Service, seconds: int) -> None:
    link = post(blog, browser("203.0.113.5"))
    blog.clock.forward(seconds=seconds)
    assert post(blog, browser("198.51.100.7")) != link


@pytest.mark.parametrize("client", ["203.0.113.5", "198.51.100.7"])
def test_a_known_authors_link_goes_to_no_browser_without_the_proof(
    blog: Service, client: str
) -> None:
    ann = author(blog, "203.0.113.5")
    link = post(blog, ann)
    assert stored(blog.db, id_of(link)).status == "approved"
    assert post(blog, ann) == link
    blog.clock.forward(seconds=5)
    other = post(blog, browser(client))
    assert other != link
    assert stored(blog.db, id_of(other)).status == "pending"


def test_the_private_link_alone_gives_nobody_the_authors_trust(blog: Service) -> None:
    ann = author(blog, "203.0.113.5")
    link = post(blog, ann)
    edit(blog, ann, link, "Ann corrects a word.")
    assert stored(blog.db, id_of(link)).status == "approved"
    edit(blog, browser("203.0.113.5"), link, "Somebody with the link writes something else.")
    assert stored(blog.db, id_of(link)).status == "pending"
