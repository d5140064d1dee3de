"""The project's own site with discussions of several lengths, served as the public one is."""

import os
import secrets
import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.prose import Prose
from benchmarks.servers import free_port, kill_all_in, running
from comments_service.domain import actor, comment_form
from comments_service.services import moderation, submission
from comments_service.store.database import Database

ROOT = Path(__file__).parents[1]
PARTS = ("content", "theme", "pelicanconf.py", "publishconf.py")


class ReadingSite:
    """A copy of the project in `root`, with as many approved replies as `lengths` says by key."""

    def __init__(self, root: Path, lengths: dict[str, int]) -> None:
        self.root, self._lengths = root, lengths
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.output = root / "output"
        self._running = ExitStack()
        self._secret = secrets.token_urlsafe(48)
        kept = {name: value for name, value in os.environ.items() if "REJOINDER" not in name}
        self._environ = kept | {
            "REJOINDER_SECRET": self._secret,
            "REJOINDER_API_TOKEN": secrets.token_urlsafe(48),
            "REJOINDER_DATABASE": f"sqlite:///{root / 'comments.sqlite3'}",
            "REJOINDER_SITE_URL": self.url,
            "REJOINDER_SERVICE_URL": self.url,
            "REJOINDER_SITE_DIR": str(self.output),
            # Nothing is sent, but the form offers mail, as most public sites do: it is weighed too.
            "REJOINDER_SMTP_URL": "smtp://127.0.0.1:1",
            "REJOINDER_MAIL_FROM": "noreply@blog.example",
        }
        # An article that was once approved has a private page to look at.
        self.status_path = ""

    def prepare(self) -> None:
        """Build, reply, build again, and serve until `stop`."""
        for part in PARTS:
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.root / part)
        self.run("migrate")
        self._serve()
        self.run("build", "--settings", "publishconf.py")
        self._reply()
        self.run("build", "--settings", "publishconf.py")

    def run(self, *words: str) -> None:
        """Run a verb to its end; its words are shown when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "rejoinder", *words],
            cwd=self.root,
            env=self._environ,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"rejoinder {' '.join(words)} failed:\n{done.stdout}{done.stderr}")

    def stop(self) -> None:
        """Stop the service, and the search index that the builds began."""
        self._running.close()
        kill_all_in(self.root)

    def _serve(self) -> None:
        command = [sys.executable, "-m", "rejoinder", "service", "--quiet"]
        self._running.enter_context(
            running(
                [*command, "--port", str(self._port)],
                self._port,
                log=self.root / "service.log",
                environ=self._environ,
            )
        )

    def _reply(self) -> None:
        prose = Prose(self.root / "content", seed=5)
        db = Database(self._environ["REJOINDER_DATABASE"])
        now = datetime.now(UTC) - timedelta(days=20)
        for key, length in self._lengths.items():
            ids: list[str] = []
            for number in range(length):
                at = now + timedelta(minutes=7 * number)
                ids.append(self._one(db, prose, key, ids, at))
                moderation.decide(
                    db,
                    ids[-1],
                    "approve",
                    by=actor.COMMAND_LINE,
                    expected="pending",
                    version=0,
                    now=at,
                )
        db.close()

    def _one(self, db: Database, prose: Prose, key: str, ids: list[str], at: datetime) -> str:
        # As in real discussions: four of ten answer somebody, a quarter have a site of their own.
        name = prose.name()
        site = f"https://{name.split()[0].lower()}.example/"
        form = {
            "comment": prose.reply(),
            "author": name,
            "email": f"reader-{key}-{len(ids)}@example.org",
            "url": site if prose.chance(0.25) else "",
            "parent": prose.choice(ids[-8:]) if ids and prose.chance(0.4) else "",
        }
        return submission.submit(
            db,
            self._secret.encode(),
            key,
            comment_form.check(form),
            now=at,
            resend_window=timedelta(0),
        ).public_id
