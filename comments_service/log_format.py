"""The lines of the service's log: UTC times with their zone, one line for each record."""

import logging
import sys
import time


class OneLine(logging.Formatter):
    """A record as one line; control characters of what somebody sent are shown, not obeyed."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback keeps its lines, each indented so that none looks new."""
        head, *more = super().format(record).split("\n")
        if record.exc_info or record.stack_info:
            return "\n".join([_escape(head), *(f"  {_escape(line)}" for line in more)])
        return "\\n".join([_escape(head), *map(_escape, more)])


def _escape(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


def log_to_stderr(level: int | str) -> None:
    """Write the log of this process to standard error, from a level such as "INFO" on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("time=%(asctime)s level=%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
