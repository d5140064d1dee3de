"""Decides whether a service's answer may replace the snapshot, the last public copy of all replies.

A missing volume, a deleted file or a wrong setting makes a service answer from an empty or a
different database. Pages must not follow it before the operator has confirmed that.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.errors import DataLossError

# Fewer than half, and at least this many fewer: more than a restored backup usually lacks.
FEWER_BY = 3


@dataclass(frozen=True, slots=True)
class Holding:
    """The public replies of one side: database, last number, and count.

    `complete` is False if only some of them were counted.
    """

    epoch: str
    cursor: int
    replies: int
    complete: bool = True


def check(before: Holding, after: Holding, service_url: str) -> None:
    """Raise DataLossError if pages made from `before` must not be replaced by `after` unconfirmed.

    Editors' removals continue the sequence of the same database and never come here.
    """
    if not before.replies:
        return
    if after.epoch != before.epoch:
        what = "a different database from the one that the pages were made from"
    elif far_fewer(before.replies, after.replies):
        what = "a database that lost most of its replies"
    else:
        return
    many = f"{after.replies}" if after.complete else f"at least {after.replies}"
    raise DataLossError(
        f"The comments service at {service_url} answers from {what}: it holds {many} public "
        f"{_replies(after.replies)}, the pages show {before.replies}. Nothing was changed. If a "
        "volume is not mounted, a file was deleted or REJOINDER_DATABASE is wrong, correct that "
        "and restart the service. To publish what it holds now, add --accept-empty to "
        "rejoinder build (or publish, or serve) once.",
        after.epoch,
    )


def far_fewer(before: int, after: int) -> bool:
    """Whether more replies are missing than a restored backup explains."""
    return after * 2 < before and before - after >= FEWER_BY


def _replies(count: int) -> str:
    return "reply" if count == 1 else "replies"
