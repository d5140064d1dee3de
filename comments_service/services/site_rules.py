"""The rules and bans of a site: what is in force, what follows for replies, and who changed it.

Everything here works inside a transaction of its caller; what changes something writes its entry of
the log too.
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
    """What is in force. `version` is that of the rules."""

    rules: Rules
    bans: Bans
    version: int


class Case(NamedTuple):
    """A reply to judge; `network` is its author's address, or as much of it as is known."""

    facts: Facts
    email: str
    network: str | None
    now: datetime


def in_force(connection: Connection, site: Site) -> Book:
    """Return the rules and bans of the site; usually for the price of one small statement."""
    # Kept with the database: a long list is read and taken apart once, not for every reply.
    kept = memo(connection)
    key = (site.id, store.stamps(connection, site.id))
    # Read once: another thread may replace it.
    last: tuple[tuple[int, store.Stamps], Book] | None = kept.get("rulebook")
    if last is not None and last[0] == key:
        return last[1]
    stamps = key[1]
    found = store.find(connection, site.id, store.RULES) if stamps.rules else Setting({}, 0)
    known = store.bans(connection, site.id) if stamps.bans else []
    book = Book(Rules.model_validate(found.value), Bans(known), found.version)
    kept["rulebook"] = (key, book)
    return book


def weigh(connection: Connection, book: Book, cases: Sequence[Case]) -> list[Verdict]:
    """Return what follows for each of the cases, which are judged together.

    What nobody would have to look at is held all the same when it shows an address (of mail or
    of a network) that is stored of a reader, or what may be a hash of one.
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
    # Those who come at the same time are not stored yet.
    private |= {fold(case.email) for case in cases}
    keep = book.rules.keep_network
    private |= {kept for case in cases if (kept := ip_prefix.kept(case.network, keep))}
    for number, found in shown.items():
        reasons = []
        if any(forms[one] & private for one in found):
            reasons.append("private")
        # Whether it is one would cost a look at every address there is; an editor takes a moment.
        if any(not forms[one] for one in found):
            reasons.append("digest")
        if reasons:
            verdicts[number] = Verdict(Status.PENDING, reasons)
    return verdicts


def _as_stored(candidate: str) -> set[str]:
    """Return how what looks like an address would be stored; nothing for a hash of one."""
    return {fold(candidate)} if "@" in candidate else privacy.spellings(candidate)


def trusted(
    connection: Connection,
    site: Site,
    in_force: Rules,
    asked: Sequence[tuple[str, bool, datetime]],
) -> list[bool]:
    """Return for each reply whether its author is trusted: (address, confirmed, when it came).

    Confirmed is an address that its author has shown to be theirs for this very reply, by the link
    sent there or by the browser that used one; what was only typed is anybody's. It must have an
    approved reply from before, with the address confirmed as well.
    """
    addresses = {mailbox(email) for email, confirmed, _ in asked if confirmed}
    if not in_force.trust_verified or not addresses:
        return [False] * len(asked)
    known = store.approved_before(connection, site.id, addresses)
    firsts = [known.get(mailbox(email)) if confirmed else None for email, confirmed, _ in asked]
    return [
        first is not None and first < came
        for first, (_, _, came) in zip(firsts, asked, strict=True)
    ]


# ---- changes, each with its entry of the log ----


def save(
    connection: Connection, site: Site, new: Rules, *, version: int, by: Actor, now: datetime
) -> Event | None:
    """Put `new` in force; return the entry of the log, or None if nothing is different.

    `version` is that of the rules that the editor saw. Raises `Conflict` when somebody has saved
    others since, saying who.
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
    """Put a ban in force. Raises `Conflict` when there is the same one already."""
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
    # Without what is banned: the log outlives what it tells of, and it may be an address.
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

    `undoes` is the number of the entry that this takes back. Raises `NotFound`, and `Conflict` when
    it is like that already, its time is over, or that entry is not the last one about the ban.
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
    """Return whether an entry of the log is about rules or bans."""
    if entry.comment is not None or entry.page is not None or not entry.after:
        return False
    return "ban" in entry.after or entry.after.keys() <= Rules.model_fields.keys()


def undo_settings(
    connection: Connection, site: Site, entry: Event, *, by: Actor, now: datetime
) -> Event:
    """Take back what that entry says about rules or bans; return the new entry.

    Raises `Conflict` when somebody has decided otherwise since, `NotFound` when the entry is about
    something else, and `Forbidden` for an editor who may not do what the undo does.
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
    """Raise `Forbidden` for an editor who is no admin, except for a ban that needed no admin.

    That is one's own, made as an editor. A ban made as an admin needs an admin to undo it.
    """
    # The command line and the rules themselves have no row.
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
    """Raise `Conflict` when somebody decided about the ban after that entry."""
    later = events.last_of_ban(connection, site.id, ban_id, after=number)
    if later is not None:
        raise Conflict(
            f"{later.actor} decided about this ban later, at {later.at:%H:%M} UTC. "
            "Nothing was changed."
        )


def _role(connection: Connection, by: Actor) -> dict[str, str]:
    """Return the role in which an editor acts, for the log; undoing the entry needs it again."""
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
