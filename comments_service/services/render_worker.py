"""The process beside the service that checks and renders replies; see `web/preparing.py`.

It reads questions from standard input and answers on standard output, each a length and a pickle,
and ends when the service does, however that ended: its standard input ends then.
"""

import pickle
import signal
import struct
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from comments_service.domain import comment_form
from comments_service.services import submission
from comments_service.services.submission import Submission

HEAD = struct.Struct("<I")

# What is wrong with each field, and the form as it should be shown again.
Refusal = tuple[dict[str, str], dict[str, str]]


class Asked(NamedTuple):
    """A form for one page, with the time at which it came."""

    key: str
    form: dict[str, str]
    now: datetime


def prepare_all(secret: bytes, batch: Sequence[Asked]) -> list[Submission | Refusal]:
    """Return for each what can be stored, or why it cannot."""
    return [_prepare(secret, one) for one in batch]


def _prepare(secret: bytes, one: Asked) -> Submission | Refusal:
    try:
        return submission.prepare(secret, one.key, comment_form.check(one.form), now=one.now)
    except comment_form.Refused as error:
        return dict(error.fields), dict(error.kept)


def main() -> None:
    """Answer until nobody asks any more."""
    # Ctrl-C reaches the whole group; the service decides when its work is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := questions.read(HEAD.size)) == HEAD.size:
        # From the service that started this process, through a pipe that nobody else has.
        secret, batch = pickle.loads(questions.read(*HEAD.unpack(head)))  # noqa: S301
        body = pickle.dumps(prepare_all(secret, batch))
        answers.write(HEAD.pack(len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    main()
