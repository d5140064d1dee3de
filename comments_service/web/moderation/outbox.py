"""The mail page of the queue: what waits, left or failed."""

import re
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.errors import BadRequest, NotFound
from comments_service.mail import self_test
from comments_service.services import editor_notices, mail_limits
from comments_service.services.pages import the_site
from comments_service.store import outbox
from comments_service.store.editors import Session
from comments_service.store.outbox import Listed, State
from comments_service.web.moderation.login import editor_only
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.pages import page

MAIL = "/moderate/mail"
_MOST = 100

KINDS = {
    editor_notices.PENDING: "A new reply waits",
    editor_notices.MANY: "Many replies wait",
    editor_notices.DIGEST: "Digest of what waits",
    mail_limits.VERIFY: "Confirm an address",
    self_test.TEST: "Test mail",
}


class _Outgoing(NamedTuple):
    counts: dict[str, int]
    lists: dict[str, list[Listed]]
    trouble: str | None


@editor_only
async def outgoing(request: Request, session: Session) -> Response:
    """Show the delivery state of mail."""
    context = context_of(request)
    return page(
        request,
        "outgoing.html",
        session=session,
        mail=await run_in_threadpool(_look, context),
        sends=context.settings.sends_mail,
        mail_from=context.settings.mail_from,
        kinds=KINDS,
        most=_MOST,
    )


def _look(context: Context) -> _Outgoing:
    with context.db.read() as connection:
        site = the_site(connection)
        order = (State.FAILED, State.WAITING, State.SENT)
        return _Outgoing(
            outbox.counts(connection, site.id),
            {one.value: outbox.listed(connection, site.id, one, limit=_MOST) for one in order},
            outbox.trouble(connection, now=context.now()),
        )


@editor_only
async def act(request: Request, session: Session) -> Response:
    """Try mail again now, or forget one that failed."""
    form: dict[str, str] = request.state.form
    what, number = form.get("action", ""), form.get("mail", "")
    every = what == "retry" and number == "all"
    if what not in {"retry", "forget"} or not (every or re.fullmatch(r"[0-9]{1,15}", number)):
        raise BadRequest("The form does not say what to do with which mail.")
    await run_in_threadpool(_act, context_of(request), what, None if every else int(number))
    return RedirectResponse(MAIL, 303)


def _act(context: Context, what: str, mail_id: int | None) -> None:
    with context.db.write() as connection:
        site = the_site(connection)
        if what == "retry":
            changed = outbox.retry(connection, site.id, mail_id, now=context.now())
        else:
            changed = outbox.forget(connection, site.id, mail_id) if mail_id is not None else 0
    if not changed and mail_id is not None:
        raise NotFound("This mail left meanwhile, is leaving just now, or was forgotten.")


ROUTES = [
    Route(MAIL, outgoing, methods=["GET"]),
    Route("/moderate/mail-action", act, methods=["POST"]),
]
