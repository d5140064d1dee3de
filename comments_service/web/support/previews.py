"""Renders previews: nothing is stored, few at a time, and not too many for one reader."""

import asyncio
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from comments_service.domain import comment_form, markup
from comments_service.domain.comment_form import ENTER_COMMENT, Refused, visible
from comments_service.web.support.rate_limit import MinuteLimit

# Previews never take more threads than this from readers who post.
AT_ONCE = 2
# For one network address.
A_MINUTE = 60


class Previews:
    """Turns texts into HTML by the renderer of record."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._minute = MinuteLimit(A_MINUTE)

    async def of(self, text: str, *, network: str | None, now: datetime) -> str:
        """Return the HTML that the text would become.

        Raises `Refused` with what is wrong with it, and `TooMany`.
        """
        self._minute.count(network or "", now)
        async with self._turns:
            return await run_in_threadpool(rendered, text)


def rendered(text: str) -> str:
    """Return the HTML of a text that could be posted; raises `Refused`."""
    clean = comment_form.check_text(text)
    html = markup.render(clean).html
    if not visible(markup.seen(html).text):
        raise Refused({"comment": ENTER_COMMENT}, {"comment": clean})
    return html
