"""The privacy gate: no page with a stored email address, a common hash of one, or the network of
a reader is written.

This side holds none of them to compare with. What looks like one, or like a hash of one, is shown
to the service, which says whose it is; most discussions have nothing that does, and cost a scan.
"""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ...shared.errors import PrivacyError, ServiceError
from .discussions import Comment, Discussion

Ask = Callable[[Sequence[str]], Mapping[str, str]]

_ADDRESS = re.compile(r"[^\s<>\"'(),:;@\[\]\\]{1,64}@[^\s<>\"'(),:;@\[\]\\/?&=]{1,253}")
# "to=ann@example.org" may be a parameter and an address, or one unusual address.
_LAST_PART = re.compile(r"[^=/?&]*@.*")
# MD5, SHA-1, SHA-256 and SHA-512 in hexadecimal.
_DIGEST = re.compile(
    r"(?<![0-9a-zA-Z])"
    r"(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})"
    r"(?![0-9a-zA-Z])"
)
_TAG = re.compile(r"<[^>]*>")
# Each alternative begins with a certain character, for a fast search.
_DOTS = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
_COLONS = re.compile(r":(?:[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4})?:")
_QUAD = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:/[0-9]{1,2})?(?![0-9]|\.[0-9])")
# Candidates for IPv6 of limited length; ipaddress decides.
_GROUPS = re.compile(r"(?<![0-9a-fA-F:.])[0-9a-fA-F:.]{2,45}(?:/[0-9]{1,3})?(?![0-9a-zA-Z:])")


def candidates(text: str) -> set[str]:
    """Return what looks like an email or IP address, a network, or a hash in a text.

    It is found plain, as entities or percent-encoded, and with tags in between.
    """
    forms = {text}
    # The service's HTML escapes `&amp;`, `&lt;` and the like only; other sources may escape more.
    if "%" in text or "&#" in text or "&commat;" in text:
        forms.add(unquote(html.unescape(text)))
    if "<" in text and any("@" in form or _like_ip(form) for form in forms):
        forms |= {_TAG.sub("", form) for form in forms}
    found: set[str] = set()
    for form in forms:
        if "@" in form:
            for one in _ADDRESS.findall(form):
                found |= {one.strip("."), _LAST_PART.findall(one)[0].strip(".")}
        found.update(_DIGEST.findall(form))
        if _like_ip(form):
            found.update(_networks(form))
    return found


def is_network(text: str) -> bool:
    """Whether this is an IP address, or a network such as 192.0.2.0/24."""
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _like_ip(text: str) -> bool:
    return bool(_DOTS.search(text) or _COLONS.search(text))


def _networks(text: str) -> Iterator[str]:
    yield from filter(is_network, _QUAD.findall(text))
    for run in _GROUPS.findall(text) if ":" in text else ():
        # The text as it is, and without surrounding punctuation.
        for one in dict.fromkeys((run, run.rstrip("."), run.strip(".:"), run.lstrip(":"))):
            if one.count(":") > 1 and any(char.isalnum() for char in one) and is_network(one):
                yield one
                break


# Hexadecimal digits as x, all else as a space: a fast way to find a long run of them.
_ROWS = bytes.maketrans(
    bytes(range(256)),
    bytes(120 if chr(one) in "0123456789abcdefABCDEF" else 32 for one in range(256)),
)


def suspect(text: str) -> bool:
    """Whether `candidates` could find anything in a text or in parts of it; fast."""
    if "@" in text or "%" in text or "&#" in text or "&commat;" in text or "\\u" in text:
        return True
    if _like_ip(text):
        return True
    return b"x" * 32 in text.encode("utf-8", "replace").translate(_ROWS)


@dataclass(frozen=True, slots=True)
class Gate:
    """Asks the service; nothing is cached, since an address may become somebody's later.

    `allowed` are addresses (also of networks) that the site itself publishes, in small letters
    (DISCUSSION_PUBLIC_ADDRESSES).
    """

    ask: Ask
    allowed: frozenset[str] = frozenset()

    def check(self, discussion: Discussion) -> None:
        """Raise PrivacyError, naming reply and field, for a discussion that must not be shown."""
        places = [
            (candidate, comment.id, name)
            for comment in discussion.comments
            for name, text in _fields(comment)
            for candidate in candidates(text)
        ]
        private = self._private({candidate for candidate, _, _ in places})
        for candidate, reply, name in places:
            if candidate in private:
                raise PrivacyError(
                    f"Reply {reply} of {discussion.key!r}: its {name} contains "
                    f"{private[candidate]}; the page stays as it was. "
                    "Take the reply back in the moderation queue."
                )

    def check_text(self, text: str, where: str) -> None:
        """Raise PrivacyError if a text of the site itself shows a reader's address."""
        private = self._private(candidates(text))
        for candidate in sorted(private):
            raise PrivacyError(
                f"{where}: the text contains {private[candidate]}. Take it out; an address of the "
                "site's own may be listed in DISCUSSION_PUBLIC_ADDRESSES."
            )

    def _private(self, found: set[str]) -> Mapping[str, str]:
        asked = sorted(one for one in found if one.casefold() not in self.allowed)
        if not asked:
            return {}
        try:
            return self.ask(asked)
        except ServiceError as error:
            raise PrivacyError(f"{len(asked)} strings look like addresses. {error}") from error


def _fields(comment: Comment) -> Iterator[tuple[str, str]]:
    if comment.author is not None:
        yield "name", comment.author.name
        if comment.author.url:
            yield "website", comment.author.url
    yield "text", comment.html
