"""Tells whether something that looks like a private address, or like a hash of one, is one of ours.

The site side must never hold addresses in order to look for them: it shows what it found in a page,
and is told which of it is private, and of which reply.
"""

import hashlib
import html
import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from sqlalchemy import Connection

from comments_service.domain.email_address import fold
from comments_service.store import contacts

# Of an address as typed or in small letters; what avatar services and trackers are known to use.
HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@\[\]\\]{1,64}@[^\s<>\"'(),:;@\[\]\\/?&=]{1,253}")
_LAST_PART = re.compile(r"[^=/?&]*@.*")
_DIGEST = re.compile(
    r"(?<![0-9a-zA-Z])(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9a-zA-Z])"
)
_TAG = re.compile(r"<[^>]*>")
_QUAD = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?(?![0-9]|\.[0-9])")
# What could be IPv6, of limited length: whether it is, ipaddress knows.
_GROUPS = re.compile(r"(?<![0-9a-fA-F:.])[0-9a-fA-F:.]{2,45}(?:/[0-9]{1,3})?(?![0-9a-zA-Z:])")


class Leak(NamedTuple):
    """What was found: the candidate's position in the question, the reply whose author it is of."""

    position: int
    reply: str
    kind: str


def candidates(*texts: str | None) -> list[str]:
    """Return what looks like an address (of mail or of a network) or a hash of one.

    It is found as text, entity or percent-encoded, also where tags stand in between.
    """
    found: dict[str, None] = {}
    for text in texts:
        plain = unquote(html.unescape(text or ""))
        # In this order, so that a reply is always told the same.
        for form in dict.fromkeys((text or "", plain, _TAG.sub("", plain))):
            if "@" in form:
                for one in _ADDRESS.findall(form):
                    # "to=ann@example.org" may be a parameter and an address, or one odd address.
                    found |= dict.fromkeys([one.strip("."), _LAST_PART.findall(one)[0].strip(".")])
            found |= dict.fromkeys(_DIGEST.findall(form))
            found |= dict.fromkeys(_networks(form))
    return list(found)


def spellings(asked: str) -> set[str]:
    """Return how an IP address or network may be stored; nothing for what is none."""
    try:
        if "/" in asked:
            return {str(ipaddress.ip_network(asked, strict=False))}
        address = ipaddress.ip_address(asked)
    except ValueError:
        return set()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    found = {one for one in (address, mapped) if one is not None}
    return {str(one) for one in found} | {str(ipaddress.ip_network(one)) for one in found}


def _networks(text: str) -> Iterator[str]:
    for one in _QUAD.findall(text):
        if spellings(one):
            yield one
    if text.count(":") < 2:
        return
    for run in _GROUPS.findall(text):
        # As it is, and without what a sentence put around it.
        for one in dict.fromkeys((run, run.rstrip("."), run.strip(".:"), run.lstrip(":"))):
            if one.count(":") > 1 and any(char.isalnum() for char in one) and spellings(one):
                yield one
                break


def private(connection: Connection, asked: Sequence[str]) -> list[Leak]:
    """Return which of the candidates belong to the author of a stored reply, whatever its state.

    Networks are compared as they are stored: a prefix with a prefix, an address with an address.
    An address costs one look-up. Hashes cost one pass over all stored addresses, however many are
    asked about: they are rare, and keeping hashes would be keeping what should not leak.
    """
    addresses = {fold(one): index for index, one in enumerate(asked) if "@" in one}
    networks: defaultdict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(asked):
        for spelling in spellings(one):
            networks[spelling].append(index)
    digests = {one.lower(): index for index, one in enumerate(asked) if "@" not in one}
    leaks = [
        Leak(addresses[fold(found.email)], found.reply, "email")
        for found in contacts.with_addresses(connection, addresses)
        if fold(found.email) in addresses
    ]
    leaks += [
        Leak(index, found.reply, "network")
        for found in contacts.with_networks(connection, networks)
        for index in networks[found.network]
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
