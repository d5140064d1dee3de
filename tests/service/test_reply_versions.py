"""Every route and every call that can publish, found by looking: none of them skips the rule.

A new one fails here until it stands in a table below, and keeps the rule that only a version that
was read becomes public.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import requests
from fastapi import FastAPI
from sqlalchemy import Connection, select
from starlette.routing import Mount, Route

from comments_service.app import create_app
from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict
from comments_service.domain.rules import Rules
from comments_service.services import (
    auth,
    author_actions,
    auto_approval,
    bulk_actions,
    bulk_drafts,
    email_confirmation,
    link_tokens,
    mail_decisions,
    moderation,
    reply_versions,
    site_rules,
)
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Stale
from comments_service.store import contacts, events, mail_links, renderings, rules
from comments_service.store.comments import Stored
from comments_service.store.database import Database
from comments_service.store.queue import Filter
from comments_service.store.sites import Site
from comments_service.store.tables import editor, event
from tests.running import SECRET, TOKEN, Service, settings_for, token_of, version_of
from tests.service.call_graph import callers, holding, reaching
from tests.service.pages import add_editor, browser_of, signed_in, stored

EDITH, OLAF = Actor("Edith"), Actor("Olaf")
READ, UNREAD = "I bring one question.", "Buy pills at my shop."
KEY = SECRET.encode()
# As a page that shows READ carries it.
READ_VERSION = reply_versions.token(
    SimpleNamespace(version=0, text=READ, author_name="Ann Okoye", author_url=None)  # type: ignore[arg-type]
)

# ---- what the tests do to a reply ----


class Scene(NamedTuple):
    """A reply that was public as READ and was unapproved, and all that leads to it."""

    id: str
    # The entry of the log that unapproved it, the bulk action that did, and a link in a mail.
    event: int
    batch: int
    mail: str
    # A bulk action that an editor was shown the number of.
    draft: str


def scene(service: Service, *, changed: bool) -> Scene:
    """A reply that waits; `changed` by its author since everybody read it."""
    _default_rules(service)
    public_id = submit(service)
    service.approve(public_id)
    chosen = {public_id: bulk_actions.Seen("approved", 0)}
    batch = bulk_actions.choose(service.db, "pending", chosen, by=EDITH, now=service.clock())
    bulk_actions.go_on(service.db, batch, by=EDITH, now=service.clock())
    with service.db.write() as connection:
        unapproved = select(event.c.seq).where(event.c.batch_id == batch)
        number = connection.execute(unapproved).scalar_one()
        whose = connection.execute(select(editor.c.id).limit(1)).scalar_one()
        link, token = link_tokens.new(
            KEY, link_tokens.DECIDE, public_id, service.clock(), editor_id=whose
        )
        mail_links.add(connection, [link])
    what = Filter(author=public_id)
    asked: dict[str, Any] = {"in_words": "a test", "by": Actor("Edith", whose)}
    counted = bulk_drafts.count(service.db, "approve", what, **asked, now=service.clock())
    assert counted.matching == 1
    if changed:
        edit_as_author(service, public_id)
    return Scene(public_id, number, batch, link_tokens.sign(KEY, token), counted.token)


_numbers = count(1)


def submit(service: Service) -> str:
    """Post another reader's reply; the same one again would be a resend."""
    return service.submit(comment=READ, email=f"reader{next(_numbers)}@example.org")


def _default_rules(service: Service, **more: bool) -> None:
    with service.db.write() as connection:
        site = the_site(connection)
        version = rules.find(connection, site.id, rules.RULES).version
        site_rules.save(
            connection, site, Rules(**more), version=version, by=EDITH, now=service.clock()
        )


def edit_as_author(service: Service, public_id: str, version: int | None = None) -> None:
    found = stored(service.db, public_id)
    author_actions.edit(
        service.db, KEY, public_id, UNREAD,
        was=found.status, version=found.version if version is None else version,
        client=None, author_cookie="", window=timedelta(minutes=15), now=service.clock(),
    )  # fmt: skip


def is_public(service: Service, public_id: str) -> bool:
    """Whether the site side gets the reply; what nobody has read it never gets."""
    told = service.api("GET", "/discussions/networking").json()["comments"]
    assert UNREAD not in str(told)
    assert UNREAD not in service.api("GET", "/changes?since=0").text
    return any(one["id"] == public_id and not one["removed"] for one in told)


@pytest.fixture(name="desk", scope="module")
def _desk(shared: Service) -> Service:
    add_editor(shared)
    return shared


# ---- routes ----

# These publish a stored reply.
PUBLISHING = {
    "POST /moderate/replies/{id}",
    "POST /moderate/replies/{id}/answer",
    "POST /moderate/undo",
    "POST /moderate/bulk",
    "POST /moderate/bulk/all",
    "POST /moderate/bulk/{id}/undo",
    "POST /moderate/mail/{token}",
}
# These publish only what the rules judge in the same transaction: a reply that arrives, its
# author's edit, and a reply whose address is confirmed (see `by_confirmation`).
BY_RULES = {
    "POST /comments/{key}",
    "POST /comments/status/{id}/{token}/edit",
    "POST /comments/confirm/{token}",
}
# This takes back what the editor who asks did last; here somebody else did it all. See
# `test_undoing_the_last_action_publishes_no_text_that_nobody_has_read`.
BY_OWN_HISTORY = {"POST /moderate/undo/last"}
# These publish nothing. They are asked as well: what is sent holds every field that there is.
OTHERS = {
    "POST /comments/{key}/preview",
    "POST /comments/{key}/follow",
    "POST /comments/status/{id}/{token}/remove",
    "POST /comments/status/{id}/{token}/ask",
    "POST /comments/status/{id}/{token}/confirm",
    "POST /comments/status/{id}/{token}/follow",
    "POST /comments/follow/{token}",
    "POST /comments/unsubscribe/{token}",
    "POST /comments/unsubscribe/{token}/all",
    "POST /comments/api/private",
    "PUT /comments/api/pages",
    "PUT /comments/api/published",
    "PUT /comments/api/texts",
    "POST /comments/api/texts/wanted",
    "POST /moderate/sign-in",
    "POST /moderate/sign-in/code",
    "POST /moderate/sign-out",
    "POST /moderate/link/{token}",
    "POST /moderate/account/password",
    "POST /moderate/account/preferences",
    "POST /moderate/account/sessions/end",
    "POST /moderate/account/sessions/end-all",
    "POST /moderate/account/second-factor/on",
    "POST /moderate/account/second-factor/codes",
    "POST /moderate/account/second-factor/off",
    "POST /moderate/editors/invite",
    "POST /moderate/editors/withdraw",
    "POST /moderate/editors/{id}/role",
    "POST /moderate/editors/{id}/disable",
    "POST /moderate/editors/{id}/enable",
    "POST /moderate/search",
    "POST /moderate/replies/{id}/ban",
    "POST /moderate/replies/{id}/edit",
    "POST /moderate/erase/{id}",
    "POST /moderate/discussions/{key}",
    "POST /moderate/settings",
    "POST /moderate/settings/bans",
    "POST /moderate/settings/bans/lift",
    "POST /moderate/articles",
    "POST /moderate/bulk/{id}/continue",
    "POST /moderate/mail-action",
}
ALL = sorted(PUBLISHING | BY_RULES | BY_OWN_HISTORY | OTHERS)


def routes() -> set[str]:
    """Every route of the application that may change something."""
    settings = settings_for(Path("/nowhere"))
    app = create_app(settings, Database(settings.database))
    found = set()
    for route in app.routes:
        if isinstance(route, Route):
            found |= {f"{method} {route.path}" for method in route.methods or ()}
        elif isinstance(route, Mount) and isinstance(route.app, FastAPI):
            paths = route.app.openapi()["paths"]
            found |= {f"{one.upper()} {route.path}{path}" for path in paths for one in paths[path]}
    return {one for one in found if one.split()[0] not in {"GET", "HEAD"}}


def test_every_route_that_may_change_something_has_its_place_in_a_table() -> None:
    assert routes() == set(ALL)


def _token(service: Service, number: int) -> str:
    with service.db.read() as connection:
        entry = events.find(connection, 1, number)
    assert entry is not None
    return entry.token


def ask(service: Service, route: str, one: Scene) -> requests.Response:
    """Send every field that any form carries, as pages showed them before the author's change."""
    method, path = route.split()
    opened = auth.open_session(
        service.db, auth.editor_of(service.db, "editor@example.org"), now=service.clock()
    )
    context = service.settings
    known = auth.find_session(
        service.db,
        opened.token,
        now=service.clock(),
        idle=context.session_idle,
        absolute=context.session_life,
    )
    assert known is not None
    browser = browser_of(service, opened.editor)
    browser.http.cookies.set("rejoinder_session", opened.token)
    path = path.replace("{id}", str(one.batch) if "/bulk/" in path else one.id)
    path = path.replace("{key}", "networking")
    of_author = auth.author_token(KEY, one.id)
    path = path.replace("{token}", of_author if "/status/" in path else one.mail)
    fields = {
        "token": known.csrf,
        "action": "approve",
        "was": "pending",
        "version": READ_VERSION,
        "comment": "An answer.",
        "event": _token(service, one.event),
        "reply": one.id,
        f"select-{one.id}": f"pending:{READ_VERSION}",
        "scope": "selected",
        # Nobody else has its author's address.
        "list": f"status=pending&author={one.id}",
        "draft": one.draft,
        "kind": "edit",
        "words": "Please.",
    }
    return browser.http.request(
        method, service.url + path, data=fields, timeout=30, allow_redirects=False,
        headers={"Authorization": f"Bearer {TOKEN}"},
    )  # fmt: skip


@pytest.mark.parametrize("route", ALL)
def test_no_route_publishes_a_text_that_nobody_has_read(desk: Service, route: str) -> None:
    one = scene(desk, changed=True)
    answer = ask(desk, route, one)
    assert answer.status_code < 500
    assert not is_public(desk, one.id)
    # The same request publishes what was read, so it would have published the other one.
    one = scene(desk, changed=False)
    ask(desk, route, one)
    assert is_public(desk, one.id) == (route in PUBLISHING)


@pytest.mark.parametrize("changed", [True, False])
def test_undoing_the_last_action_publishes_no_text_that_nobody_has_read(
    desk: Service, changed: bool
) -> None:
    public_id = submit(desk)
    editor = signed_in(desk, f"editor{next(_numbers)}@example.org")
    for action, was in (("approve", "pending"), ("pending", "approved")):
        editor.post(
            f"/moderate/replies/{public_id}",
            token=editor.token, action=action, was=was, version=token_of(desk.db, public_id),
        )  # fmt: skip
    if changed:
        edit_as_author(desk, public_id)
    answer = editor.post("/moderate/undo/last", token=editor.token)
    assert answer.status_code == (409 if changed else 303)
    assert is_public(desk, public_id) is not changed


# ---- calls of the service ----

Call = Callable[[Service, Scene], object]


def _inside(
    service: Service, work: Callable[[Connection, Site, int, Stored], object], public_id: str
) -> None:
    with service.db.write() as connection:
        site = the_site(connection)
        number, reply = moderation.take(connection, site, public_id)
        work(connection, site, number, reply)


def _change(service: Service, one: Scene) -> None:
    now, after = service.clock(), {"status": "approved"}
    _inside(
        service,
        lambda connection, site, number, reply: moderation.change(
            connection, site, number, reply, after, "approve", version=0, by=EDITH, now=now
        ),
        one.id,
    )


def _move(service: Service, one: Scene) -> None:
    known: dict[str, Any] = {"by": EDITH, "expected": "pending", "version": 0}
    _inside(
        service,
        lambda connection, site, _number, reply: moderation.move(
            connection, site, reply.public_id, "approve", **known, now=service.clock()
        ),
        one.id,
    )


def _take_back(service: Service, one: Scene) -> None:
    _inside(
        service,
        lambda connection, site, _number, _reply: moderation.take_back(
            connection, site, one.event, by=EDITH, now=service.clock()
        ),
        one.id,
    )


def _bulk(service: Service, one: Scene) -> None:
    chosen = {one.id: bulk_actions.Seen("pending", 0)}
    batch = bulk_actions.choose(service.db, "approve", chosen, by=EDITH, now=service.clock())
    bulk_actions.go_on(service.db, batch, by=EDITH, now=service.clock())


DECIDING: dict[str, Call] = {
    "services.moderation.change": _change,
    "services.moderation.move": _move,
    "services.moderation.take_back": _take_back,
    "services.moderation.decide": lambda service, one: moderation.decide(
        service.db, one.id, "approve",
        by=EDITH, expected="pending", version=0, now=service.clock(),
    ),
    "services.moderation.answer": lambda service, one: moderation.answer(
        service.db, one.id, "An answer.", by=EDITH, email="edith@example.org",
        expected="pending", version=0, now=service.clock(),
    ),
    "services.moderation.undo": lambda service, one: moderation.undo(
        service.db, one.event, by=EDITH, now=service.clock()
    ),
    "services.bulk_actions.go_on": _bulk,
    "services.mail_decisions.decide": lambda service, one: mail_decisions.decide(
        service.db, one.mail, "approve", version=0, now=service.clock()
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", DECIDING)
def test_no_decision_publishes_a_text_that_nobody_has_read(desk: Service, call: str) -> None:
    one = scene(desk, changed=True)
    with suppress(Stale):
        DECIDING[call](desk, one)
    assert not is_public(desk, one.id)
    assert stored(desk.db, one.id).status == "pending"
    one = scene(desk, changed=False)
    DECIDING[call](desk, one)
    assert is_public(desk, one.id)


def _reconsider(service: Service, public_id: str) -> None:
    with service.db.write() as connection:
        contacts.verify(connection, public_id, service.clock())
        auto_approval.reconsider(connection, the_site(connection), public_id, now=service.clock())


def _verified(service: Service, public_id: str) -> None:
    with service.db.write() as connection:
        auto_approval.verified(connection, public_id, now=service.clock())


def _confirm(service: Service, public_id: str) -> None:
    link, token = link_tokens.new(KEY, link_tokens.VERIFY, public_id, service.clock())
    with service.db.write() as connection:
        mail_links.add(connection, [link])
    email_confirmation.confirm(service.db, KEY, link_tokens.sign(KEY, token), now=service.clock())


CONFIRMING: dict[str, Callable[[Service, str], object]] = {
    "services.auto_approval.reconsider": _reconsider,
    "services.auto_approval.verified": _verified,
    "services.email_confirmation.confirm": _confirm,
}


@pytest.mark.parametrize("call", CONFIRMING)
def test_a_confirmed_address_publishes_only_what_the_rules_have_judged(
    desk: Service, call: str
) -> None:
    _default_rules(desk, trust_verified=True)
    email = f"{call}@example.org"
    known = desk.submit(comment="From before.", email=email)
    _verified(desk, known)
    desk.approve(known)
    desk.clock.forward(hours=1)
    changed, same = desk.submit(comment=READ, email=email), desk.submit(comment="Two.", email=email)
    edit_as_author(desk, changed)
    for public_id in (changed, same):
        CONFIRMING[call](desk, public_id)
    assert not is_public(desk, changed)
    assert is_public(desk, same)


EDITING: dict[str, Callable[[Service, str], object]] = {
    "services.moderation.edit": lambda service, public_id: moderation.edit(
        service.db, public_id, UNREAD, by=EDITH, version=0, now=service.clock()
    ),
    "services.author_actions.edit": lambda service, public_id: edit_as_author(
        service, public_id, version=0
    ),
}


@pytest.mark.parametrize("call", EDITING)
def test_nobody_edits_a_public_text_that_they_have_not_read(desk: Service, call: str) -> None:
    _default_rules(desk, hold_all=False)
    public_id = submit(desk)
    assert is_public(desk, public_id)
    moderation.edit(desk.db, public_id, "Edited.", by=OLAF, version=0, now=desk.clock())
    with pytest.raises(Conflict):
        EDITING[call](desk, public_id)
    assert stored(desk.db, public_id).text == "Edited."


# These bring no stored reply to the public: they take new ones, take away, or say something.
NEVER = {
    "services.demo.fill",
    "services.moderation.mark",
    "services.moderation.settle",
    "services.moderation.tell",
    "services.author_actions.ask",
    "services.author_actions.remove",
    "services.submission._store",
    "services.submission._submit_all",
    "services.submission.submit",
    "services.submission.submit_all",
}
OUTSIDE = ("app.", "cli.", "store.", "web.")


def test_every_call_that_writes_a_reply_has_its_place_in_a_table() -> None:
    found = reaching("store.comments.write", "store.comments.add")
    service = {one for one in found if not one.startswith(OUTSIDE)}
    assert service == {*DECIDING, *CONFIRMING, *EDITING, *NEVER}


def test_one_function_alone_changes_a_stored_reply() -> None:
    assert callers("store.comments.write") == {"services.moderation.change"}
    assert callers("store.comments.add") == {
        "services.moderation.answer",
        "services.submission._store",
    }
    for statement in (
        "update(comment)",
        "insert(comment)",
        "UPDATE comment",
        "INSERT INTO comment ",
    ):
        # `renderings` writes the HTML of the text that is stored, and no other field.
        where = holding(statement, ".store") - {"store.renderings"}
        assert where <= {"store.comments"}, statement
    rerendering = Path(renderings.__file__).read_text("utf-8")
    assert set(re.findall(r"(?:values\(|, )(\w+)=bindparam", rerendering)) == {
        "html",
        "markup_version",
    }
    assert set(re.findall(r"values\((.*?)\)", rerendering)) == {
        'html=bindparam("new_html"',
        "**values",
        "revision=revision",
    }
    assert callers("services.reply_versions.check") == {"services.moderation.change"}


# ---- the rule itself ----


@pytest.mark.parametrize("version", [None, 0, 2, -1])
def test_nothing_becomes_public_without_its_very_version(
    desk: Service, version: int | None
) -> None:
    one = scene(desk, changed=True)
    now, after = desk.clock(), {"status": "approved"}
    before = stored(desk.db, one.id)
    with pytest.raises(Stale):
        _inside(
            desk,
            lambda connection, site, number, reply: moderation.change(
                connection,
                site,
                number,
                reply,
                after,
                "approve",
                version=version,
                by=EDITH,
                now=now,
            ),
            one.id,
        )
    assert stored(desk.db, one.id) == before


@pytest.mark.parametrize(
    "after", [{"text": UNREAD}, {"author_name": "Shop"}, {"author_url": "https://shop.example/"}]
)
def test_a_version_is_of_the_text_the_name_and_the_website(
    desk: Service, after: dict[str, str]
) -> None:
    one = scene(desk, changed=False)
    now = desk.clock()
    _inside(
        desk,
        lambda connection, site, number, reply: moderation.change(
            connection, site, number, reply, after, "edit", version=None, by=OLAF, now=now
        ),
        one.id,
    )
    assert version_of(desk.db, one.id) == 1
    for call in DECIDING.values():
        with suppress(Stale):
            call(desk, one)
    assert not is_public(desk, one.id)
    # And while it is public nobody changes one of them without naming what they read.
    public = submit(desk)
    desk.approve(public)
    with pytest.raises(Stale):
        _inside(
            desk,
            lambda connection, site, number, reply: moderation.change(
                connection, site, number, reply, after, "edit", version=None, by=OLAF, now=now
            ),
            public,
        )


def test_a_change_of_the_name_is_found_by_the_new_one(desk: Service) -> None:
    one = scene(desk, changed=False)
    after, now = {"author_name": "Zebedee"}, desk.clock()
    _inside(
        desk,
        lambda connection, site, number, reply: moderation.change(
            connection, site, number, reply, after, "edit", version=None, by=OLAF, now=now
        ),
        one.id,
    )
    moderation.decide(desk.db, one.id, "approve", by=EDITH, expected="pending", version=1, now=now)
    found = requests.get(f"{desk.url}/comments/search?q=Zebedee", timeout=30).text
    assert f"#comment-{one.id}" in found


def test_a_batch_leaves_out_what_changed_after_it_was_chosen(desk: Service) -> None:
    first, second = scene(desk, changed=False), scene(desk, changed=False)
    chosen = {one.id: bulk_actions.Seen("pending", 0) for one in (first, second)}
    batch = bulk_actions.choose(desk.db, "approve", chosen, by=EDITH, now=desk.clock())
    edit_as_author(desk, first.id)
    bulk_actions.go_on(desk.db, batch, by=EDITH, now=desk.clock())
    assert not is_public(desk, first.id)
    assert is_public(desk, second.id)


def test_a_batch_from_before_versions_were_stored_publishes_nothing(desk: Service) -> None:
    one = scene(desk, changed=False)
    chosen = {one.id: bulk_actions.Seen("pending", None)}
    batch = bulk_actions.choose(desk.db, "approve", chosen, by=EDITH, now=desk.clock())
    bulk_actions.go_on(desk.db, batch, by=EDITH, now=desk.clock())
    assert not is_public(desk, one.id)
    assert bulk_actions.state(desk.db, batch).progress.refused == 1
