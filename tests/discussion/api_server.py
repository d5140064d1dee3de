"""Fake comments service: the API (docs/api.md) over real HTTP, with its state in memory."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "the-token-of-the-tests"


@dataclass
class Wire:
    """The state of the fake service; `put` publishes a new state of a discussion."""

    epoch: str = "epoch-1"
    latest: int = 0
    discussions: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The permanent positions of top-level replies, by page and reply.
    slots: dict[str, dict[str, int]] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)
    registrations: int = 0
    # Candidates that the privacy check reports as private.
    private: set[str] = field(default_factory=set)
    # The reports of the publisher, and the pages that the service asks it to check.
    reports: list[dict[str, Any]] = field(default_factory=list)
    report_failures: list[int] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    # The articles' texts by key; None: an older service without this feature.
    texts: dict[str, dict[str, str]] | None = field(default_factory=dict)
    text_failures: list[int] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    limit: int = 100
    # Statuses for the next responses, before normal ones; 0 drops the connection.
    failures: list[int] = field(default_factory=list)
    body: bytes | None = None
    delay: float = 0.0
    asked: list[str] = field(default_factory=list)
    # (epoch, cursor) of every long poll that is waiting.
    waiting: list[tuple[str, int]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def put(self, key: str, comments: list[dict[str, Any]], opened: bool | None = None) -> int:
        with self.changed:
            self.latest += 1
            given = self.slots.setdefault(key, {})
            shown = copy.deepcopy(comments)
            for one in shown:
                top = one["parent"] is None
                one["position"] = given.setdefault(one["id"], len(given) + 1) if top else None
            self.discussions[key] = {
                "key": key,
                "revision": self.latest,
                "open": opened,
                "comments": shown,
            }
            self.changed.notify_all()
            return self.latest

    def replace(self, epoch: str, discussions: dict[str, list[dict[str, Any]]]) -> None:
        """Replace all data, as when the service is restored from a backup or replaced."""
        with self.changed:
            self.epoch, self.latest, self.discussions, self.slots = epoch, 0, {}, {}
            for key, comments in discussions.items():
                self.put(key, comments)
            self.changed.notify_all()

    def wait_until_followed(self, seconds: float = 60) -> None:
        """Wait until a client polls for what follows the newest change, so it has everything."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: (self.epoch, self.latest) in self.waiting, seconds
            ), f"nobody follows {self.latest}; waiting: {self.waiting}"

    def changes(self, since: int, wait: float, limit: int, etag: str | None) -> Any:
        with self.changed:
            if etag is None or etag == f'"{self.epoch}:{since}"':
                epoch = self.epoch
                if wait:
                    self.waiting.append((epoch, since))
                    self.changed.notify_all()
                self.changed.wait_for(
                    lambda: self.latest != since or self.epoch != epoch or self.stopped, wait
                )
                if wait:
                    self.waiting.remove((epoch, since))
            if etag == f'"{self.epoch}:{since}"' and self.latest == since:
                return None
            found = sorted(
                (one for one in self.discussions.values() if one["revision"] > since),
                key=lambda one: one["revision"],
            )
            limit = min(limit, self.limit)
            more = len(found) > limit
            return {
                "epoch": self.epoch,
                "latest": self.latest,
                "next": found[limit - 1]["revision"] if more else self.latest,
                "more": more,
                "discussions": found[:limit],
            }

    stopped: bool = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Send headers and body together: otherwise each response waits 40 ms for a delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    wire: Wire

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self.handle_one()

    def do_PUT(self) -> None:
        self.handle_one()

    def do_POST(self) -> None:
        self.handle_one()

    def handle_one(self) -> None:
        wire, target = self.wire, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if target.path == "/comments/api/published":
            # Handled separately: reports come at any time and must not use up `failures`.
            self.report(body)
            return
        if target.path.startswith("/comments/api/texts"):
            self.take_texts(body)
            return
        wire.asked.append(f"{self.command} {self.path}")
        if wire.delay:
            time.sleep(wire.delay)
        if wire.failures:
            status = wire.failures.pop(0)
            if status == 0:
                self.close_connection = True
                return
            if 300 <= status < 400:
                self.answer(status, b"", {"Location": "http://elsewhere.example/"})
            else:
                self.answer(status, b'{"detail": "as asked"}')
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer(401, b'{"detail": "no token"}')
            return
        if wire.body is not None:
            self.answer(200, wire.body)
            return
        etag = self.headers.get("If-None-Match")
        if self.command == "PUT" and target.path == "/comments/api/pages":
            wire.pages = json.loads(body)["pages"]
            wire.registrations += 1
            self.json({"registered": len(wire.pages), "withdrawn": 0})
        elif self.command == "POST" and target.path == "/comments/api/private":
            asked = json.loads(body)["candidates"]
            self.json(
                {
                    "private": [
                        {"position": position, "reply": "X", "kind": "email"}
                        for position, one in enumerate(asked)
                        if one in wire.private
                    ]
                }
            )
        elif target.path == "/comments/api/changes":
            query = {name: values[0] for name, values in parse_qs(target.query).items()}
            since = int(query.get("since", 0))
            answer = wire.changes(
                since, float(query.get("wait", 0)), int(query.get("limit", 100)), etag
            )
            if answer is None:
                self.answer(304, b"")
            else:
                self.json(answer, f'"{answer["epoch"]}:{answer["next"]}"')
        elif target.path.startswith("/comments/api/discussions/"):
            self.discussion(unquote(target.path.rsplit("/", 1)[1]), etag)
        else:
            self.answer(404, b"{}")

    def report(self, body: bytes) -> None:
        if self.wire.report_failures:
            self.answer(self.wire.report_failures.pop(0), b'{"detail": "as asked"}')
            return
        report = json.loads(body)
        if report["epoch"] != self.wire.epoch:
            self.answer(409, b'{"detail": "another database"}')
            return
        self.wire.reports.append(report)
        self.json({"news": 0, "unseen": self.wire.unseen if report["complete"] else []})

    def take_texts(self, body: bytes) -> None:
        """Handle article texts, separately like reports."""
        held = self.wire.texts
        if held is None:
            self.answer(404, b"{}")
            return
        if self.wire.text_failures:
            self.answer(self.wire.text_failures.pop(0), b'{"detail": "as asked"}')
            return
        given = json.loads(body)["texts"]
        known = {page["key"] for page in self.wire.pages}
        if self.command == "POST":
            here = {key: one["digest"] for key, one in held.items()}
            wanted = [key for key in known & given.keys() if here.get(key, "") != given[key]]
            self.json({"wanted": sorted(wanted), "unknown": sorted(given.keys() - known)})
            return
        for one in given:
            if one["key"] in known:
                self.wire.sent.append(one["key"])
                held.pop(one["key"], None)
                if one["text"]:
                    held[one["key"]] = one
        self.json({"unknown": sorted({one["key"] for one in given} - known)})

    def discussion(self, key: str, etag: str | None) -> None:
        found = self.wire.discussions.get(key)
        if found is None:
            self.answer(404, b"{}")
            return
        tag = f'"{self.wire.epoch}:{found["revision"]}"'
        if etag == tag:
            self.answer(304, b"", {"ETag": tag})
        else:
            self.json(found, tag)

    def json(self, data: Any, etag: str = "") -> None:
        self.answer(200, json.dumps(data).encode(), {"ETag": etag} if etag else {})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@contextmanager
def serve(wire: Wire | None = None, port: int = 0) -> Iterator[Wire]:
    """Run the service on loopback until the block ends; `wire.url` is its root."""
    wire = wire or Wire()
    wire.stopped = False
    handler = type("BoundHandler", (Handler,), {"wire": wire})
    server = Server(("127.0.0.1", port), handler)
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        with wire.changed:
            wire.stopped = True
            wire.changed.notify_all()
        thread.join()
