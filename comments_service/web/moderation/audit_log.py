"""The history page: the audit log with filters, export and undo."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from comments_service.services import audit_log
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.events import Wanted
from comments_service.web.moderation.date_range import span
from comments_service.web.moderation.login import editor_only
from comments_service.web.moderation.text_diff import changed
from comments_service.web.support import security
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import iso, page

PAGE_SIZE = 50
COLUMNS = ("number", "at", "actor", "action", "reply", "article", "before", "after", "undoes")
_FIELDS = ("actor", "action", "comment", "page", "since", "until")


@editor_only
async def history(request: Request, session: Session) -> Response:
    """List the events, newest first, each with its undo button."""
    before = number_of(request.query_params.get("before"))
    typed = {name: value[:200] for name in _FIELDS if (value := request.query_params.get(name, ""))}
    wanted, problems = _wanted(typed)
    entries, actors = await run_in_threadpool(
        lambda: audit_log.entries(
            context_of(request).db, wanted, before=before, limit=PAGE_SIZE + 1
        )
    )
    return page(
        request,
        "history.html",
        session=session,
        told=entries[:PAGE_SIZE],
        next_before=entries[PAGE_SIZE - 1].event.seq if len(entries) > PAGE_SIZE else None,
        typed=typed,
        problems=problems,
        query=urlencode(typed),
        actors=actors,
        changed=changed,
    )


def _wanted(typed: Mapping[str, str]) -> tuple[Wanted, dict[str, str]]:
    days, problems = span(typed)
    wanted = Wanted(
        actor=typed.get("actor", ""),
        action=typed.get("action", ""),
        comment=typed.get("comment", ""),
        page=typed.get("page", ""),
        since=days.get("since"),
        until=days.get("until"),
    )
    return wanted, problems


@editor_only
async def export(request: Request, _session: Session) -> Response:
    """Stream all events that match the filter, newest first, as CSV or JSON Lines."""
    context = context_of(request)
    form = request.scope["path"].rpartition(".")[2]
    typed = {name: value[:200] for name in _FIELDS if (value := request.query_params.get(name, ""))}
    wanted = _wanted(typed)[0]._replace(everything=True)
    lines = _csv if form == "csv" else _json_lines
    headers = security.headers(context.settings)
    headers["Content-Disposition"] = f'attachment; filename="history.{form}"'
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/jsonl; charset=utf-8"
    rows = lines(_rows(context.db, wanted))
    return StreamingResponse(rows, media_type=kind, headers=headers)


def _rows(db: Database, wanted: Wanted) -> Iterator[dict[str, object]]:
    for logged in audit_log.every_entry(db, wanted):
        entry = logged.event
        yield {
            "number": entry.seq,
            "at": iso(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "reply": entry.comment,
            "article": entry.page,
            "before": entry.before,
            "after": entry.after,
            "undoes": entry.undoes,
        }


def _json_lines(rows: Iterator[dict[str, object]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _csv(rows: Iterator[dict[str, object]]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    # Prevents CSV injection: a name like "=HYPERLINK(...)" is a formula to a spreadsheet.
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


ROUTES = [
    Route("/moderate/history", history, methods=["GET"]),
    Route("/moderate/history.csv", export, methods=["GET"]),
    Route("/moderate/history.jsonl", export, methods=["GET"]),
]
