"""Validates and renders replies, in a second process under load.

Rendering markup is most of the work of accepting a reply. When four or more readers are waiting, a
second process (`services/render_worker.py`) takes over, so that this one can serve other requests.
If that process dies, this process does its work again.
"""

import asyncio
import logging
import pickle
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from comments_service.domain.comment_form import Refused
from comments_service.error_log import described
from comments_service.services.render_worker import HEAD, Asked, prepare_all
from comments_service.services.submission import Submission
from comments_service.web.support.coalesce import Batches

logger = logging.getLogger("rejoinder.service")

MANY: Final = 4
# Longer texts, in characters, are rendered in a thread, not on the event loop.
SHORT: Final = 2_000
START_SECONDS: Final = 20
# A batch of texts of the maximum length takes about three seconds.
ANSWER_SECONDS: Final = 15
# Delay between a failure and the next start.
REST_SECONDS: Final = 60


class RenderPool:
    """Turns forms into submissions; `close` ends the second process, if there is one.

    `waiting` returns the number of replies that wait to be stored; from `many` on, the second
    process is started.
    """

    def __init__(
        self,
        secret: bytes,
        now: Callable[[], datetime],
        waiting: Callable[[], int],
        *,
        many: int = MANY,
    ) -> None:
        self._secret, self._now, self._waiting, self._many = secret, now, waiting, many
        self._helper: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._batches = Batches(self._beside)

    async def prepare(self, key: str, form: Mapping[str, str]) -> Submission:
        """Return the submission to store; raises `Refused` if the form is invalid."""
        asked = Asked(key, dict(form), self._now())
        if self._helper is not None:
            return await self._batches.add(asked)
        if self._waiting() >= self._many:
            self._start_soon()
        if len(form.get("comment", "")) <= SHORT:
            return _one(prepare_all(self._secret, [asked]))
        return _one(await run_in_threadpool(prepare_all, self._secret, [asked]))

    @property
    def beside(self) -> int | None:
        """The process id of the second process, or None."""
        return self._helper.pid if self._helper else None

    async def close(self) -> None:
        """End the second process."""
        if self._starting is not None:
            self._starting.cancel()
        if (helper := self._helper) is not None:
            self._helper = None
            await _end(helper)

    def _start_soon(self) -> None:
        if self._starting is None and time.monotonic() >= self._not_before:
            self._starting = asyncio.get_running_loop().create_task(self._start())

    async def _start(self) -> None:
        helper = None
        try:
            helper = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "comments_service.services.render_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            # The first answer means that it has finished its imports.
            await asyncio.wait_for(_ask(helper, (self._secret, [])), START_SECONDS)
            self._helper, helper = helper, None
        except Exception as error:
            self._give_up(error)
        finally:
            self._starting = None
            if helper is not None:
                await _end(helper)

    async def _beside(self, batch: list[Asked]) -> Sequence[Submission | Exception]:
        helper = self._helper
        if helper is not None:
            try:
                asking = _ask(helper, (self._secret, batch))
                answers = await asyncio.wait_for(asking, ANSWER_SECONDS)
            except Exception as error:
                self._give_up(error)
                self._helper = None
                await _end(helper)
            else:
                return [_raised(answer) for answer in answers]
        answers = await run_in_threadpool(prepare_all, self._secret, batch)
        return [_raised(answer) for answer in answers]

    def _give_up(self, error: Exception) -> None:
        self._not_before = time.monotonic() + REST_SECONDS
        logger.warning("event=helper-failed %s", described(error))


async def _ask(helper: asyncio.subprocess.Process, question: object) -> Any:
    if helper.stdin is None or helper.stdout is None:
        raise BrokenPipeError
    body = pickle.dumps(question)
    helper.stdin.write(HEAD.pack(len(body)) + body)
    await helper.stdin.drain()
    (size,) = HEAD.unpack(await helper.stdout.readexactly(HEAD.size))
    # Safe: the pipe belongs to a process that this one has started.
    return pickle.loads(await helper.stdout.readexactly(size))  # noqa: S301


async def _end(helper: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        helper.kill()
    await helper.wait()


def _raised(answer: Any) -> Submission | Exception:
    # Unpickling an exception passes one argument, but `Refused` takes two: it comes as a tuple.
    return answer if isinstance(answer, Submission) else Refused(*answer)


def _one(answers: Sequence[Any]) -> Submission:
    answer = _raised(answers[0])
    if isinstance(answer, Exception):
        raise answer
    return answer
