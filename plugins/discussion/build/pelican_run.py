"""Runs Pelican in this process, as a part of a build that succeeds or fails as a whole."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ...shared.errors import BuildError, DiscussionError
from ...shared.progress import step

# By name, because importing it imports Pelican.
HOOKS = f"{__name__.rpartition('.')[0]}.hooks"


def run_pelican(
    settings_file: Path,
    fresh: Path,
    snapshot: Path,
    *,
    force: bool = False,
    cache: bool = True,
    before: Path | None = None,
    accept_empty: bool = False,
) -> Path:
    """Run Pelican into `fresh`; return the snapshot that it used. Any logged error is fatal.

    `snapshot` is the one to use where the settings name none, or in any case with `force`. Without
    `cache` nothing is taken over from an earlier build; `before` is the one that is shown, if any.
    `accept_empty` lets a service that lost its replies replace the snapshot.
    Raises DiscussionError.
    """
    if not settings_file.is_file():
        raise BuildError(f"{settings_file} is missing; name the settings with --settings")
    from pelican import Pelican
    from pelican.settings import read_settings

    override: dict[str, Any] = {
        "OUTPUT_PATH": str(fresh),
        "DELETE_OUTPUT_DIRECTORY": False,
        # A build for a scheduled article must use the same settings (plugins/authoring).
        "AUTHORING_SETTINGS_FILE": os.path.relpath(settings_file),
    }
    if not cache:
        override["QUICK_CACHE"] = None
    with _errors_are_fatal() as errors:
        try:
            settings = read_settings(str(settings_file), override=override)
            if force or not settings.get("DISCUSSION_SNAPSHOT"):
                settings["DISCUSSION_SNAPSHOT"] = str(snapshot)
            settings["DISCUSSION_BEFORE"] = before if cache else None
            settings["DISCUSSION_ACCEPT_EMPTY"] = accept_empty
            pelican: Any = Pelican  # untyped
            with _telling(settings):
                pelican(settings).run()
        except DiscussionError:
            raise
        except Exception as error:
            # An error in a worker of plugins/quick, wrapped with the page's name.
            if isinstance(error.__cause__, DiscussionError):
                raise error.__cause__ from error
            what = "; ".join(errors) or f"{type(error).__name__}: {error}"
            raise BuildError(f"The build failed, what is published stays: {what}") from error
        finally:
            _let_go()
    if errors:
        raise BuildError(f"The build failed, what is published stays: {'; '.join(errors)}")
    return Path(settings["DISCUSSION_SNAPSHOT"])


@contextmanager
def _telling(settings: Mapping[str, Any]) -> Iterator[None]:
    """Show progress: articles read, then pages written."""
    from pelican import signals

    with ExitStack() as stack:
        read = stack.enter_context(step("Reading articles"))

        def on_read(*_given: Any, **_more: Any) -> None:
            read(1)

        signals.article_generator_context.connect(on_read)
        stack.callback(signals.article_generator_context.disconnect, on_read)
        if "plugins.quick" not in settings["PLUGINS"]:
            # plugins/quick shows its own progress; a listener here would make it write page by
            # page.
            written = stack.enter_context(step("Writing pages"))

            def on_written(*_given: Any, **_more: Any) -> None:
                written(1)

            signals.content_written.connect(on_written)
            stack.callback(signals.content_written.disconnect, on_written)
        yield


@contextmanager
def _errors_are_fatal() -> Iterator[list[str]]:
    """Make logged errors fatal: Pelican logs a failing plugin or article and continues."""
    from pelican.log import FatalLogger

    errors = _Errors()
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setLevel(logging.WARNING)
    stderr.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    # Errors are in the one message at the end; the plugin prints its warnings itself.
    stderr.addFilter(lambda record: record.levelno < logging.ERROR and record.name != HOOKS)
    logger = logging.getLogger()
    before = FatalLogger.fatal_lvl
    FatalLogger.fatal_lvl = logging.ERROR
    logger.addHandler(errors)
    logger.addHandler(stderr)
    try:
        yield errors.messages
    finally:
        FatalLogger.fatal_lvl = before
        logger.removeHandler(errors)
        logger.removeHandler(stderr)


class _Errors(logging.Handler):
    """Collects errors for the one message at the end."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Store the record's message, and the reason if there is one."""
        message = record.getMessage()
        # Pelican omits the reason unless it debugs; the exception is being handled here.
        reason = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
        if reason is not None:
            message += f" ({type(reason).__name__}: {reason})"
        self.messages.append(message)


def _let_go() -> None:
    hooks: Any = sys.modules.get(HOOKS)
    if hooks is not None:
        hooks.close()
