"""The application as the server sees it: its errors are logged here and stay here.

Starlette raises an error again after it was answered, and the server or asyncio would print the
error's text and traceback, which may hold what a reader wrote.
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
    """A Starlette application whose failed requests end with their answer and one line of log."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection. The handlers of errors have logged those that were answered."""
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
                # Not even the page that says so could be made.
                logger.error("event=failed %s", described(error))  # noqa: TRY400 - not its text
                answer = PlainTextResponse("Something went wrong. Try again in a minute.", 500)
                await answer(scope, receive, send)


def log_forgotten(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that nobody waited for, in place of asyncio, which prints its text."""
    error = context.get("exception")
    if error is not None:
        logger.error("event=background-failed %s", described(error))
    else:
        logger.error("event=background-failed detail=%r", context.get("message"))
