"""Re-rendering of stored replies after a change of the markup, run by `rejoinder migrate`.

Each batch is rendered outside of a transaction and written in one of its own. So the run can be
killed at any time, continues where it stopped, and hardly delays other writers. Changed public
replies get a new revision, so that the publisher writes their pages.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from sqlalchemy import Connection

from comments_service.domain import markup
from comments_service.domain.actor import COMMAND_LINE
from comments_service.domain.comment_form import visible
from comments_service.domain.models import Status
from comments_service.services import privacy
from comments_service.services.pages import the_site
from comments_service.store import events, pages, renderings, sites
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.renderings import Rendering
from comments_service.store.sites import Site

AT_ONCE: Final = 200
DISPUTED: Final = "the two sanitizers disagree about its new HTML"
EMPTY: Final = "nothing would be seen of it"
PRIVATE: Final = "it would show a reader's address or network"


class Kept(NamedTuple):
    """A reply that keeps the HTML of an older version, and why."""

    public_id: str
    reason: str


class Done(NamedTuple):
    """Result of a batch: number of rendered replies, of changed ones, and those not updated."""

    rendered: int
    changed: int
    kept: list[Kept]


class Rendered(NamedTuple):
    """A reply with its new HTML, or with its old HTML and the reason for keeping it."""

    reply: Rendering
    html: str
    reason: str | None = None


def run(db: Database, *, now: Callable[[], datetime]) -> Iterator[Done]:
    """Render every reply of an older markup version again; yield the result of each batch.

    A reply whose new HTML cannot be shown keeps its old HTML, and is tried again by the next run.
    """
    last: Rendering | None = None
    while batch := read(db, after=last):
        done = store(db, [render(reply) for reply in batch], now=now())
        last = batch[-1]
        yield done


def read(db: Database, *, after: Rendering | None = None) -> list[Rendering]:
    """Return the next batch of replies of an older markup version."""
    with db.read() as connection:
        return renderings.outdated(connection, markup.VERSION, after=after, limit=AT_ONCE)


def render(reply: Rendering) -> Rendered:
    """Render one reply with the current markup version."""
    new = markup.render(reply.text)
    if new.html == reply.html:
        return Rendered(reply, reply.html)
    if new.disputed:
        return Rendered(reply, reply.html, DISPUTED)
    if not visible(markup.seen(new.html).text):
        return Rendered(reply, reply.html, EMPTY)
    return Rendered(reply, new.html)


def store(db: Database, batch: Sequence[Rendered], *, now: datetime) -> Done:
    """Write a batch in one transaction; skips replies that were edited or erased since `read`."""
    with db.write() as connection:
        # Locked, so that the states that are read next cannot change.
        site = sites.lock(connection) or the_site(connection)
        done, public = _store(connection, site, batch, now)
    if public:
        db.announce()
    return done


def _store(
    connection: Connection, site: Site, batch: Sequence[Rendered], now: datetime
) -> tuple[Done, bool]:
    states = renderings.states(connection, [one.reply.id for one in batch])
    present = [one for one in batch if _is_as_read(states.get(one.reply.id), one.reply)]
    public = {one.reply.id for one in present if states[one.reply.id].status == Status.APPROVED}
    checked = [
        one._replace(html=one.reply.html, reason=PRIVATE)
        if one.reply.id in public and _leaks(connection, one)
        else one
        for one in present
    ]
    kept = [Kept(one.reply.public_id, one.reason) for one in checked if one.reason]
    changed = [one for one in checked if one.html != one.reply.html]
    same = [one.reply.id for one in checked if not one.reason and one.html == one.reply.html]
    if same:
        renderings.set_version(connection, same, markup.VERSION)
    if changed:
        html = {one.reply.id: one.html for one in changed}
        renderings.write(connection, html, markup.VERSION)
        _log(connection, site, [one.reply for one in changed], public, now)
    done = Done(len(checked) - len(kept), len(changed), kept)
    return done, any(one.reply.id in public for one in changed)


def _is_as_read(state: renderings.State | None, reply: Rendering) -> bool:
    return state is not None and state[1:] == (reply.version, reply.markup_version)


def _leaks(connection: Connection, one: Rendered) -> bool:
    if one.html == one.reply.html:
        return False
    asked = privacy.candidates(one.html)
    return bool(asked and privacy.private(connection, asked))


def _log(
    connection: Connection,
    site: Site,
    changed: Sequence[Rendering],
    public: set[int],
    now: datetime,
) -> None:
    """Write one event for each page, and a new revision if the change is public."""
    by_page = attrgetter("page_id", "page_key")
    for (page_id, key), group in groupby(sorted(changed, key=by_page), by_page):
        replies = [one.id for one in group]
        number = sites.next_number(connection, site.id)
        if shown := public.intersection(replies):
            renderings.set_revision(connection, shown, number)
            pages.set_revision(connection, page_id, number)
        # Without `after`, because there is nothing to undo: the text is the same.
        before = {"replies": len(replies)}
        entry = Event(number, now, COMMAND_LINE.name, "render", None, key, before, None, None)
        events.add(connection, site.id, entry)
