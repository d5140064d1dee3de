"""Rules and bans of a site: loading, judging replies, and changes with their events.

All functions work in a transaction of the caller. Changes also write an event to the audit log.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from comments_service.domain import ip_prefix, rules
from comments_service.domain.actor import Actor
from comments_service.domain.bans import Bans, NewBan
from comments_service.domain.email_address import fold, mailbox
from comments_service.domain.errors import Conflict, Forbidden, NotFound
from comments_service.domain.models import Role, Status
from comments_service.domain.rules import Facts, Rules, Verdict
from comments_service.services import privacy
from comments_service.store import contacts, editors, events, sites
from comments_service.store import rules as store
from comments_service.store.database import memo
from comments_service.store.events import Event
from comments_service.store.rules import Setting
from comments_service.store.sites import Site

ACTIONS = frozenset({"settings", "ban", "lift-ban"})


class Book(NamedTuple):
    """The rules and bans in force. `version` is that of the rules."""

    rules: Rules
    bans: Bans
    version: int


class Case(NamedTuple):
    """A reply to judge; `network` is the author's IP address, or the stored prefix of it."""

    facts: Facts
    email: str
    network: str | None
    now: datetime


def in_force(connection: Connection, site: Site) -> Book:
    """Return the rules and bans of the site; usually at the cost of one small query."""
    # Cached by the stamps, so that long lists are not read and parsed for every reply.
    cache = memo(connection)
    key = (site.id, store.stamps(connection, site.id))
    # A single read, because another thread may replace the value.
    last: tuple[tuple[int, store.Stamps], Book] | None = cache.get("rulebook")
    if last is not None and last[0] == key:
        return last[1]
    stamps = key[1]
    saved = store.find(connection, site.id, store.RULES) if stamps.rules else Setting({}, 0)
    bans = store.bans(connection, site.id) if stamps.bans else []
    book = Book(Rules.model_validate(saved.value), Bans(bans), saved.version)
    cache["rulebook"] = (key, book)
    return book


def weigh(connection: Connection, book: Book, cases: Sequence[Case]) -> list[Verdict]:
    """Return the verdict for each of the cases.

    A reply that the rules would approve is held if it shows a stored email or IP address of a
    reader, or what may be a hash of one.
    """
    verdicts = []
    for case in cases:
        texts = rules.rows_of(case.facts) if book.bans.has_words else []
        banned = book.bans.reasons(
            email=case.email, network=case.network, texts=texts, now=case.now
        )
        verdicts.append(rules.judge(book.rules, case.facts._replace(banned=banned)))
    shown = {
        number: privacy.candidates(case.facts.name, case.facts.url, case.facts.html)
        for number, (case, verdict) in enumerate(zip(cases, verdicts, strict=True))
        if verdict.status is Status.APPROVED
    }
    forms = {one: _as_stored(one) for found in shown.values() for one in found}
    asked = set[str]().union(*forms.values())
    private = {fold(one.email) for one in contacts.with_addresses(connection, asked)}
    private |= {one.network for one in contacts.with_networks(connection, asked)}
    # The cases themselves are not stored yet.
    private |= {fold(case.email) for case in cases}
    keep = book.rules.keep_network
    private |= {kept for case in cases if (kept := ip_prefix.kept(case.network, keep))}
    for number, found in shown.items():
        reasons = []
        if any(forms[one] & private for one in found):
            reasons.append("private")
        # Checking a hash would cost a pass over all stored addresses, so an editor has to decide.
        if any(not forms[one] for one in found):
            reasons.append("digest")
        if reasons:
            verdicts[number] = Verdict(Status.PENDING, reasons)
    return verdicts


def _as_stored(candidate: str) -> set[str]:
    """Return the forms in which a candidate address would be stored; empty for a hash."""
    return {fold(candidate)} if "@" in candidate else privacy.spellings(candidate)


def trusted(
    connection: Connection,
    site: Site,
    in_force: Rules,
    asked: Sequence[tuple[str, bool, datetime]],
) -> list[bool]:
    """Return for each reply, given as (address, confirmed, submission time), if it is trusted.

    `confirmed` means that the author proved to own the address for this reply, by a mailed link or
    by a browser that used one. A trusted author must also have an earlier approved reply with a
    confirmed address.
    """
    addresses = {mailbox(email) for email, confirmed, _ in asked if confirmed}
    if not in_force.trust_verified or not addresses:
        return [False] * len(asked)
    approved = store.approved_before(connection, site.id, addresses)
    firsts = [approved.get(mailbox(email)) if confirmed else None for email, confirmed, _ in asked]
    return [
        first is not None and first < came
        for first, (_, _, came) in zip(firsts, asked, strict=True)
    ]


# ---- changes, each with an event ----


def save(
    connection: Connection, site: Site, new: Rules, *, version: int, by: Actor, now: datetime
) -> Event | None:
    """Save rules; return the event, or None if nothing is different.

    `version` is that of the rules that the editor saw. Raises `Conflict` if somebody has saved
    other rules since; the message says who.
    """
    number = sites.next_number(connection, site.id)
    found = store.find(connection, site.id, store.RULES)
    if found.version != version:
        raise Conflict(_who_saved(connection, site))
    current = Rules.model_validate(found.value).model_dump(mode="json")
    values = new.model_dump(mode="json")
    after = {name: value for name, value in values.items() if value != current[name]}
    if not after:
        return None
    before = {name: current[name] for name in after}
    store.put(connection, site.id, store.RULES, Setting(values, version + 1))
    return _log(connection, site, number, "settings", before, after, by=by, now=now)


def ban(connection: Connection, site: Site, new: NewBan, *, by: Actor, now: datetime) -> Event:
    """Store a ban. Raises `Conflict` if the same one is in force already."""
    number = sites.next_number(connection, site.id)
    for known in store.bans(connection, site.id):
        if (known.kind, known.value) == new[:2] and known.holds(now):
            raise Conflict(f"That is banned already: it is ban {known.id} in the list.")
    ban_id = store.add_ban(
        connection,
        site.id,
        kind=new.kind,
        value=new.value,
        note=new.note,
        now=now,
        expires_at=new.expires_at,
    )
    # Without the banned value, which may be an address: events are kept forever.
    after = {"ban": ban_id, "kind": new.kind, "lifted": False} | _role(connection, by)
    before = {**after, "lifted": True}
    return _log(connection, site, number, "ban", before, after, by=by, now=now)


def lift(
    connection: Connection,
    site: Site,
    ban_id: int,
    *,
    by: Actor,
    now: datetime,
    lifted: bool = True,
    undoes: int | None = None,
) -> Event:
    """Lift a ban, or (`lifted` False) put it in force again.

    `undoes` is the number of the event that this undoes. Raises `NotFound`, and `Conflict` if
    nothing would change, the ban has expired, or that event is not the last one about the ban.
    """
    number = sites.next_number(connection, site.id)
    if undoes is not None:
        _check_last(connection, site, ban_id, undoes)
    found = store.find_ban(connection, site.id, ban_id)
    if found is None:
        raise NotFound("There is no such ban.")
    if (found.lifted_at is not None) == lifted:
        raise Conflict("The ban is already set to that.")
    if not lifted and not found._replace(lifted_at=None).holds(now):
        raise Conflict("The time of that ban is over; add a new one.")
    store.set_lifted(connection, site.id, ban_id, now if lifted else None)
    after = {"ban": ban_id, "kind": found.kind, "lifted": lifted} | _role(connection, by)
    before = {**after, "lifted": not lifted}
    action = "undo" if undoes else "lift-ban"
    return _log(connection, site, number, action, before, after, by=by, now=now, undoes=undoes)


def knows(entry: Event) -> bool:
    """Return whether an event is about rules or bans."""
    if entry.comment is not None or entry.page is not None or not entry.after:
        return False
    return "ban" in entry.after or entry.after.keys() <= Rules.model_fields.keys()


def undo_settings(
    connection: Connection, site: Site, entry: Event, *, by: Actor, now: datetime
) -> Event:
    """Undo an event about rules or bans; return the new event.

    Raises `Conflict` if somebody has made another change since, `NotFound` if the event is about
    something else, and `Forbidden` if the editor may not undo it.
    """
    if not knows(entry) or entry.after is None or entry.before is None:
        raise NotFound("There is nothing to undo there.")
    _check_may_undo(connection, site, entry, by)
    if "ban" in entry.after:
        lifted = not entry.after["lifted"]
        return lift(
            connection,
            site,
            entry.after["ban"],
            by=by,
            now=now,
            lifted=lifted,
            undoes=entry.seq,
        )
    number = sites.next_number(connection, site.id)
    found = store.find(connection, site.id, store.RULES)
    current = Rules.model_validate(found.value).model_dump(mode="json")
    if any(current[name] != value for name, value in entry.after.items()):
        raise Conflict(_who_saved(connection, site))
    values = Rules.model_validate(current | entry.before).model_dump(mode="json")
    store.put(connection, site.id, store.RULES, Setting(values, found.version + 1))
    return _log(
        connection, site, number, "undo", entry.after, entry.before, by=by, now=now,
        undoes=entry.seq,
    )  # fmt: skip


def _check_may_undo(connection: Connection, site: Site, entry: Event, by: Actor) -> None:
    """Raise `Forbidden` if an editor who is not an admin may not undo the event.

    Such an editor may undo only their own bans, made as an editor and not as an admin.
    """
    # The command line and the rules have no editor id.
    if by.editor_id is None:
        return
    editor = editors.get(connection, by.editor_id)
    if editor is not None and editor.is_admin:
        return
    own = events.editor_of(connection, site.id, entry.seq) == by.editor_id
    after = entry.after or {}
    if not (own and "ban" in after and after.get("role") == Role.EDITOR):
        raise Forbidden("Only an admin can undo a change of the rules, or another editor's ban.")


def _check_last(connection: Connection, site: Site, ban_id: int, number: int) -> None:
    """Raise `Conflict` if there is a later event about the ban."""
    later = events.last_of_ban(connection, site.id, ban_id, after=number)
    if later is not None:
        raise Conflict(
            f"{later.actor} decided about this ban later, at {later.at:%H:%M} UTC. "
            "Nothing was changed."
        )


def _role(connection: Connection, by: Actor) -> dict[str, str]:
    """Return the editor's current role for the event, which an undo of it checks."""
    editor = editors.get(connection, by.editor_id) if by.editor_id is not None else None
    return {"role": editor.role} if editor is not None else {}


def _log(
    connection: Connection,
    site: Site,
    number: int,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    undoes: int | None = None,
) -> Event:
    entry = Event(number, now, by.name, action, None, None, dict(before), dict(after), undoes)
    events.add(connection, site.id, entry, editor_id=by.editor_id)
    return entry


def _who_saved(connection: Connection, site: Site) -> str:
    last = events.last_of_queue(connection, site.id, "settings")
    if last is None:
        return "The rules are different by now. Nothing was changed by you."
    return f"{last.actor} saved other rules at {last.at:%H:%M:%S} UTC. Nothing was changed by you."
