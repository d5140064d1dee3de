"""Decisions of editors by links in mail: each link shows one reply and works once."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain.actor import Actor
from comments_service.domain.errors import NotFound
from comments_service.domain.models import Status
from comments_service.services import link_tokens, moderation
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Version
from comments_service.store import comments, editors, events, mail_links
from comments_service.store.comments import Stored
from comments_service.store.database import Database
from comments_service.store.editors import Editor
from comments_service.store.events import Event
from comments_service.store.mail_links import Link

# Actions that are possible by mail, most likely first, with the labels of their buttons.
VERBS = {"approve": "Approve", "spam": "Spam", "trash": "Trash"}


class Looked(NamedTuple):
    """A link with its editor, its reply, and the last event that set the reply's status."""

    link: Link
    editor: Editor
    reply: Stored
    last: Event | None

    def works(self, now: datetime) -> bool:
        """Return whether the link can still be used."""
        return self.link.used_at is None and self.link.expires_at > now


def look(db: Database, token: str) -> Looked:
    """Return what a link is about, without using it.

    Raises `NotFound` for an unknown link, a disabled editor or an erased reply.
    """
    with db.read() as connection:
        return _look(connection, token)


def _look(connection: Connection, token: str) -> Looked:
    link = link_tokens.find(connection, link_tokens.DECIDE, token)
    editor = None if link.editor_id is None else editors.get(connection, link.editor_id)
    if editor is None:
        raise NotFound(link_tokens.UNKNOWN)
    site = the_site(connection)
    reply = comments.find(connection, site.id, link.comment)
    if reply is None:
        raise NotFound("The reply does not exist any more.")
    last = events.last_with(connection, reply.public_id, {"status"})
    return Looked(link, editor, reply, last)


def decide(
    db: Database, token: str, action: str, *, version: Version | None, now: datetime
) -> Looked | None:
    """Apply an action as the link's editor and use the link, in one transaction.

    `version` is the version that the link's page showed. Returns None for a used or expired link,
    and changes nothing then. Raises `NotFound` as `look` does and for an unknown action, `Conflict`
    if the reply is not pending any more, and `Stale` if another version would be published. After
    an error the link can be used again.
    """
    if action not in VERBS:
        raise NotFound(f"There is no action called “{action}”.")
    with db.write() as connection:
        found = _look(connection, token)
        if not mail_links.use(connection, found.link.token_hash, now):
            return None
        entry = moderation.move(
            connection,
            the_site(connection),
            found.reply.public_id,
            action,
            by=Actor(found.editor.name, found.editor.id),
            expected=Status.PENDING,
            version=version,
            now=now,
        )
    moderation.announce(db, entry)
    return found
