"""The settings page: rules for new replies, with a trial on past replies, and bans."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import rules
from comments_service.domain.errors import Conflict, Invalid
from comments_service.services import rule_preview, rule_settings
from comments_service.services.rule_preview import Replay
from comments_service.store.editors import Session
from comments_service.web.moderation.permissions import EditorHandler, actor_of, admin_only
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import page

SETTINGS = "/moderate/settings"
BANS_SHOWN = 100
# Bytes. Two word lists, in which a character can take 12 bytes (4 bytes of UTF-8 as %XX).
FORM_LIMIT = 1_048_576
_NOTHING: Mapping[str, str] = MappingProxyType({})


@admin_only
async def settings(request: Request, session: Session) -> Response:
    """Show the current rules and the bans."""
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
    """Save the rules, or try them on past replies and show the form again as typed."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    try:
        proposed = rules.parse(form)
    except Invalid as error:
        return await _page(request, session, error.status, form=form, problems=error.fields)
    if form.get("do") != "save":
        most = rule_preview.SIZES[form.get("replay") == str(rule_preview.SIZES[1])]
        tried = await run_in_threadpool(
            lambda: rule_settings.try_on_past(context.db, proposed, most=most, now=context.now())
        )
        return await _page(request, session, form=form, tried=tried)
    try:
        done = await run_in_threadpool(
            lambda: rule_settings.save(
                context.db,
                proposed,
                shown=form.get("version", ""),
                by=actor_of(session),
                now=context.now(),
            )
        )
    except Conflict as error:
        return await _page(request, session, error.status, form=form, overtaken=error.detail)
    query = f"done={done.seq}" if done else "same"
    return RedirectResponse(f"{SETTINGS}?{query}", 303)


@admin_only
async def add_ban(request: Request, session: Session) -> Response:
    """Ban an address, a network or a word."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    try:
        done = await run_in_threadpool(
            lambda: rule_settings.add_ban(context.db, form, by=actor_of(session), now=context.now())
        )
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
    token = request.state.form.get("ban", "")
    done = await run_in_threadpool(
        lambda: rule_settings.lift_ban(context.db, token, by=actor_of(session), now=context.now())
    )
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
    """Render the page. `form` is what the editor typed; None shows the current rules."""
    context = context_of(request)
    view = await run_in_threadpool(
        lambda: rule_settings.in_force(
            context.db, now=context.now(), before=before, limit=BANS_SHOWN, done=done
        )
    )
    current = rules.as_form(view.rules)
    kept = dict.fromkeys((*rules.FLAGS, *current), "") | dict(current if form is None else form)
    if form is not None:
        # Browsers do not send unticked checkboxes.
        kept |= {name: form.get(name, "") for name in (*rules.FLAGS, *current)}
    # The version that the editor saw; the current one if this page shows the conflict.
    seen = view.token if form is None or overtaken else form.get("version", "")
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
    """Return the saved values that differ from the form."""
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
