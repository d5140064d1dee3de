"""Parses form bodies: limited in size, strictly UTF-8, each field at most once."""

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from comments_service.domain.errors import BadRequest, TooLarge, UnsupportedMediaType
from comments_service.domain.i18n import counted, sentence

FORM_TYPE = "application/x-www-form-urlencoded"
# A bulk action has a field for each reply on the page.
_MAX_FIELDS = 100


class Unreadable(BadRequest):
    """A form that is not UTF-8. In `fields`, invalid bytes are replaced by U+FFFD."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(
            sentence(
                "Some characters did not arrive as UTF-8 and are shown as %(mark)s. "
                "Correct them, then post it again.",
                mark="\N{REPLACEMENT CHARACTER}",
            )
        )
        self.fields = fields


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; raises `TooLarge` once it exceeds `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(_too_long(limit))
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(_too_long(limit))
        chunks.append(chunk)
    return b"".join(chunks)


async def read_form(request: Request, limit: int) -> dict[str, str]:
    """Return the fields of an urlencoded form.

    Raises `UnsupportedMediaType`, `TooLarge`, `BadRequest` (repeated or too many fields) or
    `Unreadable`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise UnsupportedMediaType(
            sentence("Send the form as %(type)s, as a browser does.", type=FORM_TYPE)
        )
    body = await read_body(request, limit)
    try:
        return _fields(body, errors="strict")
    except UnicodeDecodeError:
        raise Unreadable(_fields(body, errors="replace")) from None


def _fields(body: bytes, errors: str) -> dict[str, str]:
    text = body.decode("utf-8", errors=errors)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors=errors, max_num_fields=_MAX_FIELDS)
    except UnicodeDecodeError:
        raise
    except ValueError:
        raise BadRequest(
            counted(
                "A form here has at most %(num)s field.",
                "A form here has at most %(num)s fields.",
                _MAX_FIELDS,
            )
        ) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRequest(sentence("A field came twice; send each field once."))
    return fields


def _too_long(limit: int) -> str:
    return counted(
        "What was sent is longer than %(num)s byte. Go back: your browser still has the text. "
        "Shorten it, then post it again.",
        "What was sent is longer than %(num)s bytes. Go back: your browser still has the text. "
        "Shorten it, then post it again.",
        limit,
    )


def number_of(value: str | None) -> int | None:
    """Parse a non-negative integer of at most 15 digits; None if it is not one."""
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,15}", value) else None
