"""The queue's settings: the rules of new replies, tried on past ones before saving; bans."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import bans, rules
from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict, Invalid, NotFound
from comments_service.domain.models import Ban
from comments_service.domain.rules import Rules
from comments_service.services import rule_preview, site_rules
from comments_service.services.pages import the_site
from comments_service.services.rule_preview import Replay
from comments_service.store import events
from comments_service.store import rules as store
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.events import Event
from comments_service.web.moderation.permissions import EditorHandler, actor_of, admin_only
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import page

SETTINGS = "/moderate/settings"
BANS_SHOWN = 100
# Two lists of words, each character of which may take twelve bytes of a form.
FORM_LIMIT = 1_048_576
_NOTHING: Mapping[str, str] = MappingProxyType({})


class _View(NamedTuple):
    """What the page shows beside the form."""

    rules: Rules
    version: int
    bans: list[Ban]
    next_ban: int | None
    done: Event | None


def _look(
    db: Database, now: datetime, *, before: int | None = None, done: int | None = None
) -> _View:
    with db.read() as connection:
        site = the_site(connection)
        book = site_rules.in_force(connection, site)
        found = store.bans_in_force(connection, site.id, now, before=before, limit=BANS_SHOWN + 1)
        entry = events.find(connection, site.id, done) if done is not None else None
    shown = found[:BANS_SHOWN]
    return _View(
        book.rules,
        book.version,
        shown,
        shown[-1].id if len(found) > BANS_SHOWN else None,
        entry if entry is not None and site_rules.knows(entry) else None,
    )


@admin_only
async def settings(request: Request, session: Session) -> Response:
    """Show the rules that are in force, and the bans."""
    return await _page(
        request,
        session,
        before=number_of(request.query_params.get("before")),
        done=number_of(request.query_params.get("done")),
        same="same" in request.query_params,
    )


def _wide(handler: EditorHandler) -> EditorHandler:
    handler.form_limit = FORM_LIMIT  # type: ignore[attr-defined]
    return handler


@admin_only
@_wide
async def save(request: Request, session: Session) -> Response:
    """Save the rules, or try them on past replies; what was typed stays in the form."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    try:
        proposed = rules.parse(form)
    except Invalid as error:
        return await _page(request, session, error.status, form=form, problems=error.fields)
    if form.get("do") != "save":
        most = rule_preview.SIZES[form.get("replay") == str(rule_preview.SIZES[1])]
        tried = await run_in_threadpool(_try, context.db, proposed, most, context.now())
        return await _page(request, session, form=form, tried=tried)
    version = number_of(form.get("version"))
    try:
        done = await run_in_threadpool(
            _save, context.db, proposed, version, actor_of(session), context.now()
        )
    except Conflict as error:
        return await _page(request, session, error.status, form=form, overtaken=error.detail)
    where = f"done={done.seq}" if done else "same"
    return RedirectResponse(f"{SETTINGS}?{where}", 303)


def _save(
    db: Database, proposed: Rules, version: int | None, by: Actor, now: datetime
) -> Event | None:
    with db.write() as connection:
        site = the_site(connection)
        # A form without a version knows nothing of what stands there.
        seen = -1 if version is None else version
        return site_rules.save(connection, site, proposed, version=seen, by=by, now=now)


def _try(db: Database, proposed: Rules, most: int, now: datetime) -> Replay:
    with db.read() as connection:
        return rule_preview.replay(connection, the_site(connection), proposed, most=most, now=now)


@admin_only
async def add_ban(request: Request, session: Session) -> Response:
    """Ban an address, a network or a word."""
    context = context_of(request)
    form: dict[str, str] = request.state.form

    def act() -> Event:
        now = context.now()
        new = bans.parse(form, now=now)
        with context.db.write() as connection:
            site = the_site(connection)
            return site_rules.ban(connection, site, new, by=actor_of(session), now=now)

    try:
        done = await run_in_threadpool(act)
    except Invalid as error:
        return await _page(request, session, error.status, ban=form, problems=error.fields)
    except Conflict as error:
        problems = {"ban-value": error.detail}
        return await _page(request, session, error.status, ban=form, problems=problems)
    return RedirectResponse(f"{SETTINGS}?done={done.seq}#bans", 303)


@admin_only
async def lift_ban(request: Request, session: Session) -> Response:
    """Lift one ban."""
    context = context_of(request)
    number = number_of(request.state.form.get("ban"))
    if number is None:
        raise NotFound("There is no such ban.")

    def act() -> Event:
        with context.db.write() as connection:
            site = the_site(connection)
            return site_rules.lift(
                connection, site, number, by=actor_of(session), now=context.now()
            )

    done = await run_in_threadpool(act)
    return RedirectResponse(f"{SETTINGS}?done={done.seq}#bans", 303)


async def _page(
    request: Request,
    session: Session,
    status: int = 200,
    *,
    form: Mapping[str, str] | None = None,
    ban: Mapping[str, str] = _NOTHING,
    problems: Mapping[str, str] = _NOTHING,
    tried: Replay | None = None,
    overtaken: str = "",
    before: int | None = None,
    done: int | None = None,
    same: bool = False,
) -> Response:
    """Render the page: the form as it was sent (None: as the rules are), everything typed kept."""
    context = context_of(request)
    view = await run_in_threadpool(_look, context.db, context.now(), before=before, done=done)
    current = rules.as_form(view.rules)
    kept = dict.fromkeys((*rules.FLAGS, *current), "") | dict(current if form is None else form)
    if form is not None:
        # A box that is not ticked is not sent.
        kept |= {name: form.get(name, "") for name in (*rules.FLAGS, *current)}
    # The version that this editor saw, unless they have just been told of a newer one.
    seen = view.version if form is None or overtaken else form.get("version", "")
    fields = ("ban-kind", "ban-value", "ban-note", "ban-expires")
    return page(
        request,
        "settings.html",
        status,
        session=session,
        view=view,
        version=seen,
        form=kept,
        ban={name: ban.get(name, "") for name in fields},
        problems=problems,
        tried=tried,
        overtaken=overtaken,
        others=_different(kept, current) if overtaken else {},
        same=same,
        sizes=rule_preview.SIZES,
        replay=kept.get("replay", ""),
    )


def _different(kept: Mapping[str, str], current: Mapping[str, str]) -> dict[str, str]:
    """Return the saved values that are not what stands in the form."""
    names = (*rules.FLAGS, *(name for name in current if name not in rules.FLAGS))
    return {
        name: current.get(name, "")
        for name in names
        if kept.get(name, "").split() != current.get(name, "").split()
    }


ROUTES = [
    Route(SETTINGS, settings, methods=["GET"]),
    Route(SETTINGS, save, methods=["POST"]),
    Route("/moderate/settings/bans", add_ban, methods=["POST"]),
    Route("/moderate/settings/bans/lift", lift_ban, methods=["POST"]),
]
