"""The API's error responses, as listed in its OpenAPI document."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
_DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "The token is missing or wrong.",
    404: "No page with that key is registered.",
    409: "The report is about another database.",
    413: "The body is too long.",
    422: "Parameters or body are invalid; `errors` lists where.",
    503: "The database cannot be used now; try again.",
}
# Schemas that FastAPI adds, but no response here uses.
_FOREIGN = ("HTTPValidationError", "ValidationError")


class FieldProblem(BaseModel):
    """A problem at one place of the request, without the value that was sent."""

    pointer: str = Field(description="A JSON pointer that begins with body, query or path.")
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for an operation: `statuses` and those common to all."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": content}
        for status in sorted({401, 413, 503, *statuses})
    }


def describe(app: FastAPI) -> None:
    """Correct the error responses in the application's OpenAPI document."""
    document = app.openapi()
    schemas = document["components"]["schemas"]
    for model in (FieldProblem, Problem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    for name in _FOREIGN:
        schemas.pop(name, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            responses = operation["responses"]
            # FastAPI adds 422 to every operation with parameters, even if any value is valid.
            if MEDIA_TYPE not in responses.get("422", {}).get("content", {MEDIA_TYPE: None}):
                del responses["422"]
