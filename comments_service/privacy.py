"""Tells whether something that looks like a private address, or like a hash of one, is one of ours.

The site side must never hold addresses in order to look for them: it shows what it found in a page,
and is told which of it is private, and of which reply.
"""

import hashlib
import html
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from sqlalchemy import Connection

from comments_service.store import contacts

# Of an address as typed or in small letters; what avatar services and trackers are known to use.
HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@\[\]\\]{1,64}@[^\s<>\"'(),:;@\[\]\\/?&=]{1,253}")
_LAST_PART = re.compile(r"[^=/?&]*@.*")
_DIGEST = re.compile(
    r"(?<![0-9a-zA-Z])(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9a-zA-Z])"
)


class Leak(NamedTuple):
    """What was found: the candidate's position in the question, the reply whose author it is of."""

    position: int
    reply: str
    kind: str


def candidates(*texts: str | None) -> list[str]:
    """Return what looks like an address or a hash of one, as text, entity or percent-encoded."""
    found: dict[str, None] = {}
    for text in texts:
        for form in {text or "", unquote(html.unescape(text or ""))}:
            if "@" in form:
                for one in _ADDRESS.findall(form):
                    # "to=ann@example.org" may be a parameter and an address, or one odd address.
                    found |= dict.fromkeys([one.strip("."), _LAST_PART.findall(one)[0].strip(".")])
            found |= dict.fromkeys(_DIGEST.findall(form))
    return list(found)


def private(connection: Connection, asked: Sequence[str]) -> list[Leak]:
    """Return which of the candidates belong to the author of a stored reply, whatever its state.

    An address costs one look-up. Hashes cost one pass over all stored addresses, however many are
    asked about: they are rare, and keeping hashes would be keeping what should not leak.
    """
    addresses = {one.casefold(): index for index, one in enumerate(asked) if "@" in one}
    digests = {one.lower(): index for index, one in enumerate(asked) if "@" not in one}
    leaks = [
        Leak(addresses[found.email.casefold()], found.reply, "email")
        for found in contacts.with_addresses(connection, addresses)
        if found.email.casefold() in addresses
    ]
    kinds = {HASHES[len(one)] for one in digests if len(one) in HASHES}
    if not kinds:
        return leaks
    for contact in contacts.everyone(connection):
        for form in {contact.email, contact.email.strip().lower()}:
            for kind in kinds:
                digest = hashlib.new(kind, form.encode(), usedforsecurity=False).hexdigest()
                if digest in digests:
                    leaks.append(Leak(digests[digest], contact.reply, f"{kind} of the email"))
    return leaks
