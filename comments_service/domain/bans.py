"""Bans by email address, network or word: form validation, and matching of replies."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from comments_service.domain.comment_form import email_problem
from comments_service.domain.email_address import fold, folded_forms, mailbox
from comments_service.domain.errors import Invalid
from comments_service.domain.models import Ban
from comments_service.domain.phrase_matcher import WordList, tokens
from comments_service.domain.rules import told

KINDS = ("address", "network", "word")
VALUE_LENGTH = {"address": 254, "network": 50, "word": 100}
NOTE_LENGTH = 300
# By IP version. Shorter prefixes would ban too many readers.
SHORTEST_PREFIX = {4: 8, 6: 16}
_DOMAIN = re.compile(r"@[^\s@]{1,253}")


class NewBan(NamedTuple):
    """A validated ban, not stored yet. `expires_at` is None for a ban without an end."""

    kind: str
    value: str
    note: str
    expires_at: datetime | None


def parse(form: Mapping[str, str], *, now: datetime) -> NewBan:
    """Validate the form of a new ban; raises `Invalid` with one sentence for each bad field."""
    problems: dict[str, str] = {}
    kind = form.get("ban-kind", "")
    value = " ".join(form.get("ban-value", "").split())
    note = " ".join(form.get("ban-note", "").split())
    if kind not in KINDS:
        problems["ban-kind"] = "Choose what is banned: an address, a network or a word"
    else:
        try:
            value = _CLEAN[kind](value)
        except ValueError as error:
            problems["ban-value"] = str(error)
    if len(note) > NOTE_LENGTH or not note.isprintable():
        problems["ban-note"] = f"Shorten the note to {NOTE_LENGTH} characters; it has {len(note)}"
    expires_at = None
    if typed := form.get("ban-expires", "").strip():
        try:
            expires_at = datetime.combine(date.fromisoformat(typed), time(), UTC)
        except ValueError:
            problems["ban-expires"] = "Enter the day like 2027-01-31, or leave it empty"
        else:
            if expires_at <= now:
                problems["ban-expires"] = "Enter a day after today, or leave it empty"
    if problems:
        raise Invalid(problems)
    return NewBan(kind, value, note, expires_at)


def _address(typed: str) -> str:
    if _DOMAIN.fullmatch(typed) and email_problem("a" + typed) is None:
        return fold(typed)
    if email_problem(typed):
        raise ValueError(
            "Enter an email address like name@example.com, or all of a domain like @example.com"
        )
    return fold(typed)


def _network(typed: str) -> str:
    try:
        network = ipaddress.ip_network(typed, strict=False)
    except ValueError:
        raise ValueError(
            "Enter an IP address or a network, like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48"
        ) from None
    shortest = SHORTEST_PREFIX[network.version]
    if network.prefixlen < shortest:
        raise ValueError(f"That bans too many readers: enter a prefix of /{shortest} or longer")
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)


def _word(typed: str) -> str:
    if not tokens(typed) or not typed.isprintable():
        raise ValueError("Enter a word or a phrase")
    if len(typed) > VALUE_LENGTH["word"]:
        raise ValueError(f"Shorten the phrase to {VALUE_LENGTH['word']} characters")
    return typed


_CLEAN: dict[str, Callable[[str], str]] = {"address": _address, "network": _network, "word": _word}


class Bans:
    """The bans of a site, indexed for matching many replies."""

    def __init__(self, bans: Iterable[Ban]) -> None:
        self._addresses: dict[str, Ban] = {}
        # By version and prefix length: a match costs one look-up for each length in use.
        self._networks: dict[tuple[int, int], dict[int, Ban]] = {}
        self._words: dict[str, Ban] = {}
        for ban in bans:
            if ban.kind == "address":
                _keep(self._addresses, ban.value, ban)
            elif ban.kind == "network":
                network = ipaddress.ip_network(ban.value)
                same = self._networks.setdefault((network.version, network.prefixlen), {})
                _keep(same, _prefix(network, network.prefixlen), ban)
            else:
                _keep(self._words, " ".join(tokens(ban.value)), ban)
        self._list = WordList(self._words)

    @property
    def has_words(self) -> bool:
        """Whether any word is banned, so that `reasons` needs the texts."""
        return bool(self._list)

    def reasons(
        self,
        *,
        email: str,
        network: str | None,
        texts: Iterable[Sequence[str]],
        now: datetime,
    ) -> list[str]:
        """Return a hold reason for each ban in force at `now` that matches a reply.

        `network` is an IP address or the stored prefix of one; `texts` are rows of tokens. Reasons
        of address and network bans contain the ban's id instead of its value, because addresses
        must not be stored with the reply.
        """
        # Also the other spelling of an international domain.
        addresses = sorted({fold(email), *folded_forms(mailbox(email))})
        domains = ["@" + address.rpartition("@")[2] for address in addresses]
        candidates = [
            *(("banned-address", self._addresses.get(value)) for value in addresses + domains),
            ("banned-network", self._of_network(network, now) if network else None),
        ]
        # Each ban once.
        by_id = list(
            dict.fromkeys(
                f"{code}:ban {ban.id}" for code, ban in candidates if ban and ban.holds(now)
            )
        )
        words = [self._words[word] for word in self._list.found(texts)]
        return by_id + [told("banned-word", ban.value) for ban in words if ban.holds(now)]

    def _of_network(self, text: str, now: datetime) -> Ban | None:
        network = ipaddress.ip_network(text, strict=False)
        for (version, length), bans in self._networks.items():
            if version == network.version and length <= network.prefixlen:
                ban = bans.get(_prefix(network, length))
                if ban is not None and ban.holds(now):
                    return ban
        return None


def _prefix(network: ipaddress.IPv4Network | ipaddress.IPv6Network, length: int) -> int:
    return int(network.network_address) >> (network.max_prefixlen - length)


def _keep(known: dict[str, Ban] | dict[int, Ban], key: str | int, ban: Ban) -> None:
    """Add `ban`, unless `known` has a ban of the same value that lasts longer."""
    other = known.get(key)  # type: ignore[arg-type]
    if other is None or (
        other.expires_at is not None
        and (ban.expires_at is None or ban.expires_at > other.expires_at)
    ):
        known[key] = ban  # type: ignore[index]
