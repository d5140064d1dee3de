"""The mail page of the queue: what waits, left or failed, and which mail an editor gets."""

import re
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service import submission
from comments_service.errors import BadRequest, NotFound
from comments_service.mail import authors, editors, trial
from comments_service.store import notices, outbox
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.outbox import Listed, State
from comments_service.web.context import Context, context_of
from comments_service.web.entrance import editor_only
from comments_service.web.pages import page

MAIL = "/moderate/mail"
_MOST = 100

CHOICES = {
    notices.NONE: "No mail",
    notices.EACH: "A mail for each new reply, at once",
    notices.DIGEST: "One mail a day with what waits, and earlier when many wait",
}
KINDS = {
    editors.PENDING: "A new reply waits",
    editors.MANY: "Many replies wait",
    editors.DIGEST: "Digest of what waits",
    authors.VERIFY: "Confirm an address",
    trial.TEST: "Test mail",
}


class _Outgoing(NamedTuple):
    choice: str
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
        mail=await run_in_threadpool(_look, context, session.editor.id),
        sends=context.settings.sends_mail,
        mail_from=context.settings.mail_from,
        choices=CHOICES,
        kinds=KINDS,
        most=_MOST,
    )


def _look(context: Context, editor_id: int) -> _Outgoing:
    with context.db.read() as connection:
        site = submission.the_site(connection)
        order = (State.FAILED, State.WAITING, State.SENT)
        return _Outgoing(
            notices.choice(connection, editor_id),
            outbox.counts(connection, site.id),
            {one.value: outbox.listed(connection, site.id, one, limit=_MOST) for one in order},
            outbox.trouble(connection, now=context.now()),
        )


@editor_only
async def choose(request: Request, session: Session) -> Response:
    """Store which mail the editor wants."""
    how = request.state.form.get("mail", "")
    if how not in CHOICES:
        raise BadRequest("The form does not say which mail you want.")
    await run_in_threadpool(_choose, context_of(request).db, session.editor.id, how)
    return RedirectResponse(MAIL, 303)


def _choose(db: Database, editor_id: int, how: str) -> None:
    with db.write() as connection:
        notices.choose(connection, editor_id, how)


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
        site = submission.the_site(connection)
        if what == "retry":
            changed = outbox.retry(connection, site.id, mail_id, now=context.now())
        else:
            changed = outbox.forget(connection, site.id, mail_id) if mail_id is not None else 0
    if not changed and mail_id is not None:
        raise NotFound("This mail left meanwhile, is leaving just now, or was forgotten.")


ROUTES = [
    Route(MAIL, outgoing, methods=["GET"]),
    Route("/moderate/mail-choice", choose, methods=["POST"]),
    Route("/moderate/mail-action", act, methods=["POST"]),
]
