"""ASGI application class that logs unhandled errors without their text, and swallows them.

Starlette raises an error again after responding to it. The server or asyncio would then print its
text and traceback, which may contain what a reader wrote.
"""

import asyncio
import logging
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from comments_service.error_log import described

logger = logging.getLogger("rejoinder.service")


class Application(Starlette):
    """A Starlette application that raises no errors to the server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection. Errors with a response were logged by their handler."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await super().__call__(scope, receive, note)
        except Exception as error:
            if not started:
                # Rendering the error page failed too.
                logger.error("event=failed %s", described(error))  # noqa: TRY400 - without its text
                answer = PlainTextResponse("Something went wrong. Try again in a minute.", 500)
                await answer(scope, receive, send)


def log_forgotten(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Event loop exception handler: asyncio's own would print the text of the error."""
    error = context.get("exception")
    if error is not None:
        logger.error("event=background-failed %s", described(error))
    else:
        logger.error("event=background-failed detail=%r", context.get("message"))
