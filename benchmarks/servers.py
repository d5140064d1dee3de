"""Servers as processes: started, waited for, and stopped whatever happens."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

START_SECONDS = 30
STOP_SECONDS = 5


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], port: int, *, log: Path, environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that listens on `port` until the block ends, with all of its processes."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # A group of its own, so that its workers can be stopped with it.
            start_new_session=True,
        )
    try:
        _wait_for(process, port, log)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    """Stop a server and its workers; those that do not listen are killed."""
    if process.poll() is None:
        _signal(process, number)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def kill_all_in(folder: Path) -> None:
    """Kill every process whose working directory is in `folder`, and wait until all have ended.

    A build and the publisher start the search index in processes that outlive them, and that write
    into the folder while it is removed.
    """
    # Again until there is none: a process may have started another one meanwhile.
    while found := [one for one in psutil.process_iter() if _works_in(one, folder.resolve())]:
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=STOP_SECONDS)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(
            folder
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The server did not start: {process.args!r}\n{tail}")
