"""Bans by address, network or word: what can be banned, and what falls under it."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from comments_service.domain.comment_form import email_problem
from comments_service.domain.email_address import fold
from comments_service.domain.errors import Invalid
from comments_service.domain.models import Ban
from comments_service.domain.phrase_matcher import WordList, tokens
from comments_service.domain.rules import told

KINDS = ("address", "network", "word")
VALUE_LENGTH = {"address": 254, "network": 50, "word": 100}
NOTE_LENGTH = 300
# A shorter prefix would be a continent or a large provider.
SHORTEST_PREFIX = {4: 8, 6: 16}
_DOMAIN = re.compile(r"@[^\s@]{1,253}")


class NewBan(NamedTuple):
    """A ban that may be stored; `expires_at` None: it stays until somebody lifts it."""

    kind: str
    value: str
    note: str
    expires_at: datetime | None


def parse(form: Mapping[str, str], *, now: datetime) -> NewBan:
    """Return what a form wants banned; raises `Invalid` with one sentence for each bad field."""
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
        found = ipaddress.ip_network(typed, strict=False)
    except ValueError:
        raise ValueError(
            "Enter an IP address or a network, like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48"
        ) from None
    shortest = SHORTEST_PREFIX[found.version]
    if found.prefixlen < shortest:
        raise ValueError(f"That bans too many readers: enter a prefix of /{shortest} or longer")
    return str(found.network_address if found.prefixlen == found.max_prefixlen else found)


def _word(typed: str) -> str:
    if not tokens(typed) or not typed.isprintable():
        raise ValueError("Enter a word or a phrase")
    if len(typed) > VALUE_LENGTH["word"]:
        raise ValueError(f"Shorten the phrase to {VALUE_LENGTH['word']} characters")
    return typed


_CLEAN: dict[str, Callable[[str], str]] = {"address": _address, "network": _network, "word": _word}


class Bans:
    """The bans of a site, ready to be asked about many replies."""

    def __init__(self, bans: Iterable[Ban]) -> None:
        self._addresses: dict[str, Ban] = {}
        # By version and prefix length: asking costs one look-up for each length that is in use.
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
        """Whether texts need to be looked at."""
        return bool(self._list)

    def reasons(
        self,
        *,
        email: str,
        network: str | None,
        texts: Iterable[Sequence[str]],
        now: datetime,
    ) -> list[str]:
        """Return the reasons of the bans in force at `now` under which a reply falls.

        `network` is an address, or as much of it as was kept; `texts` are rows of tokens. An
        address or network is told by the number of its ban: neither is for a reply's own record.
        """
        address = fold(email)
        found = [
            ("banned-address", self._addresses.get(address)),
            ("banned-address", self._addresses.get("@" + address.rpartition("@")[2])),
            ("banned-network", self._of_network(network, now) if network else None),
        ]
        found_bans = [f"{code}:ban {ban.id}" for code, ban in found if ban and ban.holds(now)]
        words = [self._words[one] for one in self._list.found(texts)]
        return found_bans + [told("banned-word", ban.value) for ban in words if ban.holds(now)]

    def _of_network(self, text: str, now: datetime) -> Ban | None:
        asked = ipaddress.ip_network(text, strict=False)
        for (version, length), known in self._networks.items():
            if version == asked.version and length <= asked.prefixlen:
                ban = known.get(_prefix(asked, length))
                if ban is not None and ban.holds(now):
                    return ban
        return None


def _prefix(network: ipaddress.IPv4Network | ipaddress.IPv6Network, length: int) -> int:
    return int(network.network_address) >> (network.max_prefixlen - length)


def _keep(known: dict[str, Ban] | dict[int, Ban], key: str | int, ban: Ban) -> None:
    """Of two bans of the same, the one that lasts longer."""
    other = known.get(key)  # type: ignore[arg-type]
    if other is None or (
        other.expires_at is not None
        and (ban.expires_at is None or ban.expires_at > other.expires_at)
    ):
        known[key] = ban  # type: ignore[index]
