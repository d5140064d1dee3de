"""Log format of the service: one line per record, with UTC times."""

import logging
import sys
import time


class OneLine(logging.Formatter):
    """Formats a record as one line; control characters are escaped."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; lines of a traceback are indented, so that none looks like a record."""
        head, *more = super().format(record).split("\n")
        if record.exc_info or record.stack_info:
            return "\n".join([_escape(head), *(f"  {_escape(line)}" for line in more)])
        return "\\n".join([_escape(head), *map(_escape, more)])


def _escape(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def log_to_stderr(level: int | str) -> None:
    """Write log records of this process to standard error, from `level` (such as "INFO") on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("time=%(asctime)s level=%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
