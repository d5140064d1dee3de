"""Privacy check: which candidate strings are stored email addresses, networks or hashes of them.

The site side must not have stored addresses. It sends the candidates that it finds in a page, and
gets back which of them are private, and of which reply.
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

# Hash algorithms by length in hexadecimal, as avatar services and trackers use them.
HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@\[\]\\]{1,64}@[^\s<>\"'(),:;@\[\]\\/?&=]{1,253}")
_LAST_PART = re.compile(r"[^=/?&]*@.*")
_DIGEST = re.compile(
    r"(?<![0-9a-zA-Z])(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9a-zA-Z])"
)
_TAG = re.compile(r"<[^>]*>")
_QUAD = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?(?![0-9]|\.[0-9])")
# Candidates for IPv6, of limited length; `ipaddress` decides.
_GROUPS = re.compile(r"(?<![0-9a-fA-F:.])[0-9a-fA-F:.]{2,45}(?:/[0-9]{1,3})?(?![0-9a-zA-Z:])")


class Leak(NamedTuple):
    """A private candidate: its position in the request, and the public id of the author's reply."""

    position: int
    reply: str
    kind: str


def candidates(*texts: str | None) -> list[str]:
    """Return what looks like an email address, an IP address, a network, or a hash.

    Finds them as text, as entities or percent-encoded, also with tags in between.
    """
    found: dict[str, None] = {}
    for text in texts:
        plain = unquote(html.unescape(text or ""))
        # In a fixed order, so that results are reproducible.
        for form in dict.fromkeys((text or "", plain, _TAG.sub("", plain))):
            if "@" in form:
                for match in _ADDRESS.findall(form):
                    # "to=ann@example.org" may be a parameter and an address, or one odd address.
                    last = _LAST_PART.findall(match)[0]
                    found |= dict.fromkeys([match.strip("."), last.strip(".")])
            found |= dict.fromkeys(_DIGEST.findall(form))
            found |= dict.fromkeys(_networks(form))
    return list(found)


def spellings(asked: str) -> set[str]:
    """Return the forms in which an IP address or network may be stored; empty for other texts."""
    try:
        if "/" in asked:
            return {str(ipaddress.ip_network(asked, strict=False))}
        address = ipaddress.ip_address(asked)
    except ValueError:
        return set()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    forms = {form for form in (address, mapped) if form is not None}
    return {str(form) for form in forms} | {str(ipaddress.ip_network(form)) for form in forms}


def _networks(text: str) -> Iterator[str]:
    for quad in _QUAD.findall(text):
        if spellings(quad):
            yield quad
    if text.count(":") < 2:
        return
    for run in _GROUPS.findall(text):
        # As it is, and without surrounding punctuation.
        for one in dict.fromkeys((run, run.rstrip("."), run.strip(".:"), run.lstrip(":"))):
            if one.count(":") > 1 and any(char.isalnum() for char in one) and spellings(one):
                yield one
                break


def private(connection: Connection, asked: Sequence[str]) -> list[Leak]:
    """Return which of the candidates belong to the author of a stored reply of any status.

    Networks are compared as stored: prefixes with prefixes, addresses with addresses. An email
    address costs one look-up. Hashes cost one pass over all stored addresses, for any number of
    hashes. They are rare, and storing hashes would mean storing what must not leak.
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
