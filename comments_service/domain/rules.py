"""Moderation rules: the settings, and the status and hold reasons of a new reply.

No database access here; `services/site_rules.py` loads what the rules need.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field

from comments_service.domain.errors import Invalid
from comments_service.domain.models import Status
from comments_service.domain.phrase_matcher import tokens, word_list

# Checks that no rule can switch off; their results come from rendering the reply.
CHECKS = ("disputed", "bidi", "own-address")
WORDS_MOST = 2_000
WORD_LENGTH = 100
LISTS_LENGTH = 20_000
LINKS = (1, 1_000)
DAYS = (1, 36_500)
# At most this many matching words are stored as reasons.
_TOLD_WORDS = 5

KeepNetwork = Literal["none", "prefix", "full"]


class Rules(BaseModel):
    """The rules of a site. By default every reply is held."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hold_all: bool = True
    trust_verified: bool = False
    hold_links: Annotated[int, Field(ge=LINKS[0], le=LINKS[1])] | None = None
    hold_words: tuple[str, ...] = ()
    reject_words: tuple[str, ...] = ()
    close_after_days: Annotated[int, Field(ge=DAYS[0], le=DAYS[1])] | None = None
    keep_network: KeepNetwork = "prefix"
    network_days: Annotated[int, Field(ge=DAYS[0], le=DAYS[1])] = 90


class Facts(NamedTuple):
    """The input of `judge`. `seen` is the visible text of `html`, `links` its link targets."""

    text: str
    name: str
    url: str | None
    html: str
    seen: str
    links: Sequence[str]
    # Which of `CHECKS` fired.
    checks: Sequence[str]
    # The author's address is confirmed and had a reply approved before.
    trusted: bool = False
    # Hold reasons of the bans that match, see `Bans.reasons`.
    banned: Sequence[str] = ()


class Verdict(NamedTuple):
    """The status of a new reply (spam, pending or approved) and the hold reasons."""

    status: Status
    reasons: list[str]


def judge(rules: Rules, facts: Facts) -> Verdict:
    """Return the status and hold reasons of a new reply.

    A banned reply or one with a rejecting word is marked as spam, with its reasons. A reply is
    approved only if there is no reason against it.
    """
    texts = rows_of(facts) if rules.hold_words or rules.reject_words else []
    rejecting = [*facts.banned, *_words("reject-word", rules.reject_words, texts)]
    holding = list(facts.checks)
    if rules.hold_links is not None and len(facts.links) >= rules.hold_links:
        holding.append(f"links:{len(facts.links)}")
    holding += _words("word", rules.hold_words, texts)
    if rejecting:
        return Verdict(Status.SPAM, rejecting + holding)
    if rules.hold_all and not facts.trusted:
        return Verdict(Status.PENDING, ["all", *holding])
    return Verdict(Status.PENDING if holding else Status.APPROVED, holding)


def rows_of(facts: Facts) -> list[list[str]]:
    """Return all texts of a reply in which words are searched, as rows of tokens."""
    texts = {facts.text, facts.seen, facts.name, facts.url or "", *facts.links}
    # "cas%69no.example" and "casino.example" are the same host.
    texts |= {unquote(url) for url in (facts.url or "", *facts.links)}
    # Sorted, so that the same reply always gets the same reasons in the same order.
    return [tokens(text) for text in sorted(texts)]


def _words(code: str, entries: tuple[str, ...], texts: list[list[str]]) -> list[str]:
    return [told(code, entry) for entry in word_list(entries).found(texts)[:_TOLD_WORDS]]


def told(code: str, detail: str) -> str:
    """Return a hold reason as it is stored: `code:detail`.

    A detail with an "@" is left out: email addresses must not be stored with a reply, even if an
    editor entered one as a word.
    """
    return code if "@" in detail else f"{code}:{detail}"


# ---- form ----

FLAGS = ("hold_all", "trust_verified")
NUMBERS = {
    "hold_links": (LINKS, "links"),
    "close_after_days": (DAYS, "days"),
    "network_days": (DAYS, "days"),
}
LISTS = ("hold_words", "reject_words")
KEEPS = ("none", "prefix", "full")
_REQUIRED = frozenset({"network_days"})


def as_form(rules: Rules) -> dict[str, str]:
    """Return the values of the fields of the settings form."""
    values = rules.model_dump()
    form = {name: "yes" for name in FLAGS if values[name]}
    form |= {name: "" if values[name] is None else str(values[name]) for name in NUMBERS}
    form |= {name: "\n".join(values[name]) for name in LISTS}
    return form | {"keep_network": rules.keep_network}


def parse(form: Mapping[str, str]) -> Rules:
    """Return the rules of a form; raises `Invalid` with one sentence for each bad field."""
    problems: dict[str, str] = {}
    values: dict[str, object] = {name: form.get(name) == "yes" for name in FLAGS}
    for name, ((least, most), unit) in NUMBERS.items():
        typed = form.get(name, "").strip()
        if not typed and name not in _REQUIRED:
            values[name] = None
        elif re.fullmatch("[0-9]{1,9}", typed) and least <= int(typed) <= most:
            values[name] = int(typed)
        else:
            empty = "" if name in _REQUIRED else ", or leave it empty"
            problems[name] = f"Enter a number of {unit} from {least:,} to {most:,}{empty}"
    for name in LISTS:
        entries = _entries(form.get(name, ""))
        values[name] = entries
        if problem := _list_problem(entries):
            problems[name] = problem
    values["keep_network"] = form.get("keep_network", "")
    if values["keep_network"] not in KEEPS:
        problems["keep_network"] = "Choose what is kept of the network that a reply came from"
    if problems:
        raise Invalid(problems)
    return Rules.model_validate(values)


def _entries(typed: str) -> tuple[str, ...]:
    """Return the lines that have tokens; of lines with the same tokens only the first."""
    entries: dict[tuple[str, ...], str] = {}
    for line in typed.splitlines():
        entry = " ".join(line.split())
        if token_row := tuple(tokens(entry)):
            entries.setdefault(token_row, entry)
    return tuple(entries.values())


def _list_problem(entries: tuple[str, ...]) -> str | None:
    long = next((entry for entry in entries if len(entry) > WORD_LENGTH), None)
    if long is not None:
        return f"Shorten “{long[:30]}…” to {WORD_LENGTH} characters or fewer: one word a line"
    if len(entries) > WORDS_MOST:
        return f"Enter {WORDS_MOST:,} words or fewer; there are {len(entries):,}"
    if (length := sum(map(len, entries))) > LISTS_LENGTH:
        return f"Shorten the list to {LISTS_LENGTH:,} characters; it has {length:,}"
    if any(not entry.isprintable() for entry in entries):
        return "Take out the hidden control characters: they cannot be looked for"
    return None
