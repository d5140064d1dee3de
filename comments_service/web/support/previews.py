"""Renders previews of replies, with a concurrency limit and a rate limit."""

import asyncio
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from comments_service.domain import comment_form, markup
from comments_service.domain.comment_form import ENTER_COMMENT, Refused, visible
from comments_service.web.support.rate_limit import MinuteLimit

# Maximum worker threads for previews, so that posting always has some.
AT_ONCE = 2
# Previews per network and minute.
A_MINUTE = 60


class Previews:
    """Renders texts to HTML exactly as posted replies are rendered."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._minute = MinuteLimit(A_MINUTE)

    async def of(self, text: str, *, network: str | None, now: datetime) -> str:
        """Return the text's HTML.

        Raises `Refused` if the text is invalid and `TooMany` over the rate limit.
        """
        self._minute.count(network or "", now)
        async with self._turns:
            return await run_in_threadpool(rendered, text)


def rendered(text: str) -> str:
    """Return the HTML of a text; raises `Refused` if it is invalid."""
    clean = comment_form.check_text(text)
    html = markup.render(clean).html
    if not visible(markup.seen(html).text):
        raise Refused({"comment": ENTER_COMMENT}, {"comment": clean})
    return html
