"""Answers for the script of the article's page: the pages' words as JSON, from the same origin."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from comments_service.domain.errors import ServiceError
from comments_service.web.support.pages import speaks
from comments_service.web.support.problem_details import problem


def wants_json(request: Request) -> bool:
    """Whether JSON is asked for; browsers that go from page to page never do."""
    return request.headers.get("accept", "").startswith("application/json")


def json_answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return JSON that no cache keeps."""
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
    """Return the error as problem details, with the words that its page would have."""
    words = speaks(request)
    told = {name: words.say(text) for name, text in (errors or {}).items()}
    more: dict[str, Any] = {} if errors is None else {"errors": told}
    title, detail = words.gettext(error.title), words.say(error.detail)
    return problem(status or error.status, title, detail, **more)
