"""Worker process that validates and renders replies; started by `web/support/render_pool.py`.

It reads requests from standard input and writes responses to standard output, each as a length and
a pickle. When the service ends, even by a crash, standard input is closed and the worker exits.
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

# Error message by field, and the form's values to show again.
Refusal = tuple[dict[str, str], dict[str, str]]


class Asked(NamedTuple):
    """A submitted form: the page's key, the fields, and the time of the request."""

    key: str
    form: dict[str, str]
    now: datetime


def prepare_all(secret: bytes, batch: Sequence[Asked]) -> list[Submission | Refusal]:
    """Return a submission or a refusal for each form."""
    return [_prepare(secret, asked) for asked in batch]


def _prepare(secret: bytes, asked: Asked) -> Submission | Refusal:
    try:
        return submission.prepare(secret, asked.key, comment_form.check(asked.form), now=asked.now)
    except comment_form.Refused as error:
        return dict(error.fields), dict(error.kept)


def main() -> None:
    """Process requests until standard input ends."""
    # Ctrl-C is sent to the whole process group, but the service decides when the worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := questions.read(HEAD.size)) == HEAD.size:
        # Trusted: the pipe is shared with the parent process only.
        secret, batch = pickle.loads(questions.read(*HEAD.unpack(head)))  # noqa: S301
        body = pickle.dumps(prepare_all(secret, batch))
        answers.write(HEAD.pack(len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    main()
