"""The format of the site side's log: one line for each record, with UTC times."""

from __future__ import annotations

import logging
import sys
import time


class OneLine(logging.Formatter):
    """A record as one line, with control characters escaped."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; those of a traceback are indented, so that none looks new."""
        head, *more = super().format(record).split("\n")
        if record.exc_info or record.stack_info:
            return "\n".join([_escape(head), *(f"  {_escape(line)}" for line in more)])
        return "\\n".join([_escape(head), *map(_escape, more)])


def _escape(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


def log_to_stderr() -> None:
    """Write the log of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("time=%(asctime)s level=%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
