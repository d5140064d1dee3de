"""JSON responses for the script of the article pages, with the same texts as the HTML pages."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from comments_service.domain.errors import ServiceError
from comments_service.web.support.pages import speaks
from comments_service.web.support.problem_details import problem


def wants_json(request: Request) -> bool:
    """Return whether the client asks for JSON. Browsers never do when navigating."""
    return request.headers.get("accept", "").startswith("application/json")


def json_answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return an uncacheable JSON response."""
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "Referrer-Policy": "same-origin"},
    )


def json_problem(
    request: Request,
    error: ServiceError,
    *,
    status: int | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Return the error as problem details, in the language of the site."""
    words = speaks(request)
    translated = {name: words.say(text) for name, text in (errors or {}).items()}
    more: dict[str, Any] = {} if errors is None else {"errors": translated}
    title, detail = words.gettext(error.title), words.say(error.detail)
    return problem(status or error.status, title, detail, **more)
