"""The history: filtered, with what was before and after, and taken away as a file."""

import csv
import io
import json

from comments_service.domain.labels import FIELDS
from comments_service.domain.rules import Rules
from comments_service.services import author_actions
from tests.running import Service
from tests.service.pages import Page, signed_in

ADDRESS = "nobody.sees.this@private.example"


def test_the_history_is_narrowed_down_by_who_what_where_and_when(service: Service) -> None:
    edith, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    service.register("networking", "meetings")
    one, two = service.submit(), service.submit("meetings")
    edith.decide(one, "approve")
    service.clock.forward(days=2)
    edith.sign_in()
    olaf.sign_in("olaf@example.org")
    olaf.decide(two, "spam")

    def entries(query: str) -> int:
        return len(Page(edith.get(f"/moderate/history?{query}").text).all("b"))

    assert entries("") == 2
    assert entries("actor=Olaf") == 1
    assert entries("action=approve") == 1
    assert entries("page=meetings") == 1
    assert entries(f"comment={one}") == 1
    assert entries("since=2026-11-24") == 1
    assert entries("until=2026-11-24") == 1
    assert entries("actor=Nobody") == 0
    assert "Enter a date like" in edith.get("/moderate/history?since=x").text


def test_the_log_is_exported_whole_and_without_addresses(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(author='=HYPERLINK("https://evil.example")', email=ADDRESS)
    editor.decide(public_id, "approve")
    rows = list(csv.DictReader(io.StringIO(editor.get("/moderate/history.csv").text)))
    assert [row["action"] for row in rows] == ["approve", "submit"]
    assert rows[0]["before"] == '{"status": "pending"}'
    lines = [json.loads(line) for line in editor.get("/moderate/history.jsonl").text.splitlines()]
    assert [line["action"] for line in lines] == ["approve", "submit"]
    assert lines[0]["after"] == {"status": "approved"}
    for kind in ("csv", "jsonl"):
        answer = editor.get(f"/moderate/history.{kind}")
        assert ADDRESS not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert "attachment" in answer.headers["Content-Disposition"]


def test_what_its_author_asks_is_told_in_words(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    author_actions.ask(service.db, public_id, "edit", "It is Tuesday.", now=service.clock())
    told = " ".join(editor.get("/moderate/history").text.split())
    assert "Change request: nothing → change it: It is Tuesday." in told
    assert "wish:" not in told


def test_every_rule_has_a_label() -> None:
    assert Rules.model_fields.keys() <= FIELDS.keys()


def test_no_cell_of_the_export_is_a_formula(service: Service) -> None:
    editor = signed_in(service, name="=1+1")
    editor.decide(service.submit(), "spam")
    rows = list(csv.DictReader(io.StringIO(editor.get("/moderate/history.csv").text)))
    assert rows[0]["actor"] == "'=1+1"
