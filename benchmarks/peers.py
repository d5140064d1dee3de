"""The programs that we compare with, each in a virtual environment of its own."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.report import note

HERE = Path(__file__).parent
KEPT = HERE.parent / "var" / "bench"


def isso() -> Path:
    """Return the folder with Isso's programs; makes it if the lock changed or it is not there."""
    return _environment("isso", HERE / "requirements-isso.lock")


def hugo() -> Path:
    """Return Hugo's program itself: the script in front of it would be measured too."""
    folder = _environment("hugo", HERE / "requirements-hugo.lock").parent
    return next(
        path for path in folder.glob("lib/python*/site-packages/hugo/binaries/*") if path.is_file()
    )


def _environment(name: str, lock: Path) -> Path:
    folder = KEPT / name
    stamp = folder / "made-from"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        note(f"Installing {name} from {lock.name} into {folder} (once) ...")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-qq", "--require-hashes", "-r", lock], check=True)
        stamp.write_text(wanted)
    return folder / "bin"
