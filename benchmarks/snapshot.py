"""A snapshot of discussions as a build finds it, made without a service."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model.discussions import Batch, read_discussion

START = datetime(2026, 11, 2, tzinfo=UTC)
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


class _Answers:
    """Stands where the client stands, and answers once, with everything."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def changes(self, cursor: int, epoch: str | None, **_: Any) -> Batch:
        return self._batch


def fill(path: Path, keys: list[str], replies: int) -> None:
    """Give every key this many replies; every third answers an earlier one."""
    chance = random.Random(len(keys))
    made = tuple(
        read_discussion(_discussion(key, number, replies, chance))
        for number, key in enumerate(keys, 1)
    )
    batch = Batch("benchmark", len(keys), len(keys), False, made)
    client: Any = _Answers(batch)
    with Snapshot(path) as snapshot:
        snapshot.sync(client)


def _discussion(key: str, revision: int, replies: int, chance: random.Random) -> dict[str, Any]:
    ids = [_id(revision * 1000 + number) for number in range(replies)]
    return {
        "key": key,
        "revision": revision,
        "comments": [
            {
                "id": ids[number],
                "parent": ids[chance.randrange(number)] if number % 3 == 2 else None,
                "author": {"name": f"Reader {chance.randrange(1000)}", "url": None},
                "html": f"<p>Reply {chance.randrange(10**9)}: "
                + "some words that somebody typed. " * 8
                + "</p>\n",
                "submitted": f"{START + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",
                "edited": None,
                "editor": False,
                "removed": False,
            }
            for number in range(replies)
        ],
    }


def _id(number: int) -> str:
    text = ""
    for _ in range(24):
        number, digit = divmod(number, 32)
        text = DIGITS[digit] + text
    return f"01{text}"
