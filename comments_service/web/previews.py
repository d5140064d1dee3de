"""Renders previews: nothing is stored, few at a time, and not too many for one reader."""

import asyncio
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool

from comments_service import draft, markup
from comments_service.draft import ENTER_COMMENT, Refused, visible
from comments_service.errors import TooMany

# Previews never take more threads than this from readers who post.
AT_ONCE = 2
# For one network address.
A_MINUTE = 60
_MINUTE = timedelta(minutes=1)
# So many addresses are counted in one minute.
_REMEMBERED = 10_000


class Previews:
    """Turns texts into HTML by the renderer of record."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._counts: dict[str, int] = {}
        self._until: datetime | None = None

    async def of(self, text: str, *, network: str | None, now: datetime) -> str:
        """Return the HTML that the text would become.

        Raises `Refused` with what is wrong with it, and `TooMany`.
        """
        self._count(network or "", now)
        async with self._turns:
            return await run_in_threadpool(rendered, text)

    def _count(self, network: str, now: datetime) -> None:
        if self._until is None or now >= self._until or len(self._counts) >= _REMEMBERED:
            self._until, self._counts = now + _MINUTE, {}
        number = self._counts[network] = self._counts.get(network, 0) + 1
        if number > A_MINUTE:
            raise TooMany(self._until, now)


def rendered(text: str) -> str:
    """Return the HTML of a text that could be posted; raises `Refused`."""
    clean = draft.check_text(text)
    html = markup.render(clean).html
    if not visible(markup.seen(html).text):
        raise Refused({"comment": ENTER_COMMENT}, {"comment": clean})
    return html
