"""Optimistic locking of replies: a decision can publish only the version that was read.

A reply's `version` grows with every change of its text, name or website. A decision that publishes
has the version that was read: for an editor the one on the screen, for a rule the one it judged.
`moderation.change` checks it, and no other function makes a stored reply public.

In forms the version is a token of the number and a hash of the content, because after a restore the
same number may have another content.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from comments_service.domain.actor import AUTHOR
from comments_service.domain.errors import Conflict
from comments_service.domain.models import Status
from comments_service.store import events
from comments_service.store.comments import CONTENT, Stored
from comments_service.store.queue import Queued

# A version that was read: a token from a form, or a number read from this database.
Version = int | str
# A reply with all fields that its version depends on.
Readable = Stored | Queued
_TOKEN = re.compile(r"(\d{1,18})-[0-9a-f]{16}", re.ASCII)
# A number that no version has.
_NONE = -1

NEVER_PUBLIC = (
    "The text from before was never public, so nobody has approved it. Nothing was changed. "
    "Unapprove the reply first, then undo."
)


class Stale(Conflict):
    """The reply has another version than was read; `reason` is for where no text is shown."""

    title = "The reply was changed"

    def __init__(self, reason: str) -> None:
        self.reason = f"{reason} Nothing was published."
        super().__init__(f"{self.reason} Here is the new text.")


def token(reply: Readable) -> str:
    """Return the token of the reply's version for a form: its number, and a hash of the content."""
    content = json.dumps([reply.text, reply.author_name, reply.author_url])
    return f"{reply.version}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def is_current(reply: Readable, version: Version | None) -> bool:
    """Return whether `version` is the reply's current version."""
    return version == (token(reply) if isinstance(version, str) else reply.version)


def number(reply: Readable, version: Version | None) -> int | None:
    """Return the number of the version, or `_NONE` if that number has another content here.

    None if there is no version or an invalid token.
    """
    if not isinstance(version, str):
        return version
    if is_current(reply, version):
        return reply.version
    match = _TOKEN.fullmatch(version)
    if match is None:
        return None
    return int(match[1]) if int(match[1]) < reply.version else _NONE


def becomes_public(reply: Stored, after: Mapping[str, Any]) -> bool:
    """Return whether the new values in `after` make something public that was not."""
    status = after.get("status", reply.status)
    return status == Status.APPROVED and not after.keys().isdisjoint({"status", *CONTENT})


def check(
    connection: Connection, reply: Stored, after: Mapping[str, Any], version: Version | None
) -> None:
    """Raise `Stale` if the new values publish something and `version` is not the current one.

    Call it in the transaction that writes them, with the reply as `moderation.take` returned it.
    """
    if becomes_public(reply, after) and not is_current(reply, version):
        raise stale(connection, reply, version)


def check_undo(
    connection: Connection, reply: Stored, number: int, before: Mapping[str, Any]
) -> None:
    """Raise `Conflict` if an undo of event `number` would publish what was not public before."""
    if not becomes_public(reply, before):
        return
    older = events.values_before(connection, reply.public_id, number)

    def then(name: str) -> Any:
        return older.get(name, getattr(reply, name))

    if then("status") != Status.APPROVED:
        raise Conflict(NEVER_PUBLIC)
    if any(before.get(name, getattr(reply, name)) != then(name) for name in CONTENT):
        raise Stale(f"{_who(connection, reply.public_id)} changed this reply since it was public.")


def stale(connection: Connection, reply: Readable, version: Version | None) -> Stale:
    """Return the error that says who changed the reply after `version` was shown."""
    read = number(reply, version)
    if read is None:
        return Stale("The form does not say which text you have read.")
    if read == _NONE:
        return Stale("The reply has another text than the page that you opened.")
    who = _who(connection, reply.public_id)
    return Stale(f"{who} changed this reply after you opened the page.")


def request_token(request: Mapping[str, str]) -> str:
    """Return a token for a form that identifies an author request."""
    text = json.dumps(dict(request), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _who(connection: Connection, public_id: str) -> str:
    last = events.last_change(connection, public_id, CONTENT)
    if last is None or last.actor == AUTHOR.name:
        return "The author"
    return last.actor
