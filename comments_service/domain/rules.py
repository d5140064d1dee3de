"""The rules that every new reply passes: what they are, and what follows from them.

Nothing here asks the database; `rulebook.py` brings what is known there.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field

from comments_service.domain.errors import Invalid
from comments_service.domain.models import Status
from comments_service.domain.phrase_matcher import tokens, word_list

# What no rule can switch off, found while the reply was rendered.
CHECKS = ("disputed", "bidi", "own-address")
WORDS_MOST = 2_000
WORD_LENGTH = 100
LISTS_LENGTH = 20_000
LINKS = (1, 1_000)
DAYS = (1, 36_500)
# A reply that fires more words than this is not held any better by telling all of them.
_TOLD_WORDS = 5

KeepNetwork = Literal["none", "prefix", "full"]


class Rules(BaseModel):
    """What editors decided about new replies. The defaults hold everything."""

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
    """What a reply is judged by. `seen` and `links` are what its `html` shows."""

    text: str
    name: str
    url: str | None
    html: str
    seen: str
    links: Sequence[str]
    # Which of `CHECKS` fired.
    checks: Sequence[str]
    # Its address was shown to be its author's, and had a reply approved before.
    trusted: bool = False
    # The reasons of the bans that it falls under.
    banned: Sequence[str] = ()


class Verdict(NamedTuple):
    """Where a new reply goes: spam, pending or approved; and why."""

    status: Status
    reasons: list[str]


def judge(rules: Rules, facts: Facts) -> Verdict:
    """Return what follows from the rules.

    What is banned or has a rejecting word goes to the spam, where it stands with its reason; it is
    approved only if nothing at all speaks against it.
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
    """Return all that words are looked for in, as rows of tokens."""
    texts = {facts.text, facts.seen, facts.name, facts.url or "", *facts.links}
    # "cas%69no.example" leads to the same place.
    texts |= {unquote(one) for one in (facts.url or "", *facts.links)}
    # In one order, so that the same reply has the same reasons every time.
    return [tokens(one) for one in sorted(texts)]


def _words(code: str, entries: tuple[str, ...], texts: list[list[str]]) -> list[str]:
    return [told(code, entry) for entry in word_list(entries).found(texts)[:_TOLD_WORDS]]


def told(code: str, detail: str) -> str:
    """Return the reason as it is stored; an address never is, even if somebody made it a word."""
    return code if "@" in detail else f"{code}:{detail}"


# ---- as a form ----

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
    """Return the fields of the form that shows the rules."""
    known = rules.model_dump()
    form = {name: "yes" for name in FLAGS if known[name]}
    form |= {name: "" if known[name] is None else str(known[name]) for name in NUMBERS}
    form |= {name: "\n".join(known[name]) for name in LISTS}
    return form | {"keep_network": rules.keep_network}


def parse(form: Mapping[str, str]) -> Rules:
    """Return the rules that a form says; raises `Invalid` with one sentence for each bad field."""
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
    """Return the lines that have something on them, each once however it is written."""
    found: dict[tuple[str, ...], str] = {}
    for line in typed.splitlines():
        entry = " ".join(line.split())
        if token_row := tuple(tokens(entry)):
            found.setdefault(token_row, entry)
    return tuple(found.values())


def _list_problem(entries: tuple[str, ...]) -> str | None:
    long = next((one for one in entries if len(one) > WORD_LENGTH), None)
    if long is not None:
        return f"Shorten “{long[:30]}…” to {WORD_LENGTH} characters or fewer: one word a line"
    if len(entries) > WORDS_MOST:
        return f"Enter {WORDS_MOST:,} words or fewer; there are {len(entries):,}"
    if (length := sum(map(len, entries))) > LISTS_LENGTH:
        return f"Shorten the list to {LISTS_LENGTH:,} characters; it has {length:,}"
    if any(not one.isprintable() for one in entries):
        return "Take out the hidden control characters: they cannot be looked for"
    return None
