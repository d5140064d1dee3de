"""A benchmark leaves no process behind, so that its folder can be removed."""

import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from benchmarks.servers import kill_all_in
from tests.discussion.samples import eventually

# As the search index does: it starts a process in a session of its own, ends, and that one writes.
WRITER = """
import pathlib, os
number = 0
while True:
    number += 1
    os.makedirs("index", exist_ok=True)
    pathlib.Path("index", str(number % 500)).write_text("words")
"""
STARTER = """
import subprocess, sys
command = [sys.executable, "-c", sys.argv[1]]
print(subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True).pid)
"""


def test_what_a_stopped_program_left_running_is_killed(tmp_path: Path) -> None:
    folder, beside = tmp_path / "site", tmp_path / "site-2"
    folder.mkdir()
    beside.mkdir()
    started = [sys.executable, "-c", STARTER, WRITER]
    done = subprocess.run(started, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    writer = psutil.Process(int(done.stdout))
    eventually(lambda: (folder / "index").is_dir(), 60)
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=beside, stdin=-1) as other:
        kill_all_in(folder)
        assert not writer.is_running() or writer.status() == psutil.STATUS_ZOMBIE
        shutil.rmtree(folder)
        assert other.poll() is None
        other.kill()
