"""A pool of forked worker processes; each takes the next piece of work when it is free.

A worker sends its results through a pipe and exits without running clean-up handlers, which belong
to the parent. Its log records are logged by the parent, in the order of the items.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import selectors
import signal
import struct
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from ..shared import progress
from .errors import WorkerError

HEAD = struct.Struct("<BII")
TOKEN = struct.Struct("<I")
DONE, FAILED = range(2)
# A pipe holds 64 KiB on Linux before its writer waits; all tokens are written before anybody reads.
MOST_TOKENS = 8192
# With fewer items, forking costs more than it saves.
FEW = 8

Record = tuple[str, int, str, tuple[Any, ...], str | None, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Done:
    """One item's result, and the log records of its computation."""

    value: Any
    logged: tuple[Record, ...]


def can_fork() -> bool:
    """Whether forking is safe: on Linux, in the main thread, and without threads that hold locks.

    The threads of Pelican's spinner and of progress bars are allowed: a worker uses neither them
    nor the terminal.
    """
    strangers = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and type(thread).__module__ != "rich.live"
    ]
    here = threading.current_thread() is threading.main_thread()
    return sys.platform == "linux" and here and not strangers


def each(
    what: str, work: Callable[[int], Any], names: Sequence[str], processes: int, *, piece: int = 8
) -> list[Done]:
    """Call `work(index)` for every name in several processes; return results in the names' order.

    `what` is the title of the progress bar.

    An exception becomes a WorkerError with the item's name, chained to it. With one process, or if
    forking is not safe, everything runs in this process, and exceptions are raised unchanged.
    """
    if processes < 2 or len(names) < FEW or not can_fork():
        indices = progress.each(what, range(len(names)), len(names))
        return [Done(work(index), ()) for index in indices]
    piece = max(piece, -(-len(names) // MOST_TOKENS))
    with progress.step(what, len(names)) as advance, _Team(work, names, piece, advance) as team:
        team.start(min(processes, -(-len(names) // piece)))
        return team.results()


def replay(records: Sequence[Record]) -> None:
    """Log a worker's records in this process."""
    for name, level, message, arguments, limit, limit_arguments in records:
        extra = {} if limit is None else {"limit_msg": limit, "limit_args": limit_arguments}
        logging.getLogger(name).log(level, message, *arguments, extra=extra)


class _Team:
    def __init__(
        self,
        work: Callable[[int], Any],
        names: Sequence[str],
        piece: int,
        advance: progress.Advance,
    ) -> None:
        self._work, self._names, self._piece, self._advance = work, names, piece, advance
        self._tokens, give = os.pipe()
        for begin in range(0, len(names), piece):
            os.write(give, TOKEN.pack(begin))
        os.close(give)
        self._workers: dict[int, int] = {}
        self._parts: dict[int, bytearray] = {}
        # Shared memory of each worker with its current item, in case the worker dies.
        self._at: dict[int, mmap] = {}
        self._results: dict[int, Done] = {}
        self._failed: dict[int, tuple[str, Exception | None]] = {}

    def __enter__(self) -> _Team:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._tokens)
        for pipe, process in self._workers.items():
            os.close(pipe)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)

    def start(self, processes: int) -> None:
        # Without freezing, garbage collection in workers would copy every page of memory.
        gc.freeze()
        try:
            for _ in range(processes):
                read, write = os.pipe()
                self._at[read] = mmap(-1, TOKEN.size)
                with warnings.catch_warnings():
                    # Newer Pythons warn of the spinner's thread; see can_fork.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process = os.fork()
                if process == 0:
                    self._be_worker(write, self._at[read])
                os.close(write)
                self._workers[read] = process
                self._parts[read] = bytearray()
        finally:
            gc.unfreeze()

    def _be_worker(self, answers: int, at: mmap) -> None:
        """Run the worker and exit; never return, as the stack below has the parent's clean-up."""
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            gc.disable()
            heard = _listen()
            while token := os.read(self._tokens, TOKEN.size):
                begin = TOKEN.unpack(token)[0]
                end = min(begin + self._piece, len(self._names))
                if not self._answer(range(begin, end), answers, at, heard):
                    break
            code = 0
        finally:
            os._exit(code)

    def _answer(
        self, indices: range, answers: int, at: mmap, heard: list[logging.LogRecord]
    ) -> bool:
        done = []
        for index in indices:
            heard.clear()
            at[:] = TOKEN.pack(index)
            try:
                value = self._work(index)
                done.append((value, tuple(_plain(record) for record in heard)))
            except Exception as error:
                body = _failure(error)
                _send(answers, HEAD.pack(FAILED, index, len(body)) + body)
                return False
        body = pickle.dumps(done)
        _send(answers, HEAD.pack(DONE, indices.start, len(body)) + body)
        return True

    def results(self) -> list[Done]:
        with selectors.DefaultSelector() as selector:
            for pipe in self._workers:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, 1 << 20)
                    if data:
                        self._parts[key.fd] += data
                        self._take(key.fd)
                    else:
                        selector.unregister(key.fd)
                        self._ended(key.fd)
                if self._failed:
                    told, cause = self._failed[min(self._failed)]
                    raise WorkerError(told) from cause
        return [self._results[index] for index in range(len(self._names))]

    def _take(self, pipe: int) -> None:
        part = self._parts[pipe]
        begin = 0
        while len(part) - begin >= HEAD.size:
            kind, index, length = HEAD.unpack_from(part, begin)
            if len(part) - begin - HEAD.size < length:
                break
            begin += HEAD.size
            body = bytes(part[begin : begin + length])
            begin += length
            if kind == DONE:
                # From a process that this one started, through a pipe that nobody else has.
                results = pickle.loads(body)  # noqa: S301
                for number, one in enumerate(results, index):
                    self._results[number] = Done(*one)
                self._advance(len(results))
            else:
                text, error = pickle.loads(body)  # noqa: S301 - likewise
                self._failed[index] = (f"{self._names[index]}: {text}", error)
        del part[:begin]

    def _ended(self, pipe: int) -> None:
        process = self._workers.pop(pipe)
        os.close(pipe)
        _, status = os.waitpid(process, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != 0 and not self._failed:
            index = TOKEN.unpack(self._at[pipe][:])[0]
            how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
            self._failed[index] = (
                f"{self._names[index]}: the process that worked on it {how}; "
                "set QUICK_PROCESSES = 1 to see where",
                None,
            )


def _failure(error: Exception) -> bytes:
    text = f"{type(error).__name__}: {error}"
    with suppress(Exception):
        body = pickle.dumps((text, error))
        pickle.loads(body)  # noqa: S301 - just made; some exceptions cannot be made again
        return body
    return pickle.dumps((text, None))


def _send(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)


def _listen() -> list[logging.LogRecord]:
    """In a worker: collect log records unfiltered; the parent's filters count repetitions."""
    ear = _Ear()
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.filters.clear()
    logging.root.handlers[:] = [ear]
    logging.root.filters.clear()
    return ear.heard


def _plain(record: logging.LogRecord) -> Record:
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    limit = getattr(record, "limit_msg", None)
    return (
        record.name,
        record.levelno,
        str(record.msg),
        tuple(one if isinstance(one, int | float) else str(one) for one in arguments or ()),
        None if limit is None else str(limit),
        tuple(str(one) for one in getattr(record, "limit_args", ())),
    )
