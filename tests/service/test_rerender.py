"""After the markup changed, stored replies are rendered again, once, and only what differs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from comments_service.domain import actor, markup
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.markup import Rendered
from comments_service.services import moderation, rerender
from comments_service.store.database import Database
from comments_service.store.tables import comment, event, page, site
from tests.running import Service
from tests.service.command_line import environment, rejoinder
from tests.service.pages import dump, signed_in, stored

OLD = "<p>What an older version made of it.</p>\n"


def make_old(service: Service, *public_ids: str, html: str | None = OLD, **values: object) -> None:
    """Let the replies be as an older version of the service left them."""
    more = {"markup_version": 1, **values} | ({"html": html} if html is not None else {})
    with service.db.write() as connection:
        rows = update(comment).where(comment.c.public_id.in_(public_ids))
        connection.execute(rows.values(**more))


def revision(service: Service) -> int:
    with service.db.read() as connection:
        query = select(page.c.revision).where(page.c.key == "networking")
        return int(connection.execute(query).scalar_one())


def run(service: Service) -> list[rerender.Done]:
    return list(rerender.run(service.db, now=service.clock))


def numbers(db: Database) -> tuple[list[int], int]:
    """The numbers of the log, and the last one that was given."""
    with db.read() as connection:
        given = connection.execute(select(event.c.seq).order_by(event.c.seq)).scalars().all()
        return list(given), connection.execute(select(site.c.seq)).scalar_one()


def test_migrating_renders_what_an_older_version_rendered(service: Service, tmp_path: Path) -> None:
    text = "14. August: we tried it.\n3. September: we stopped."
    public, waiting, same = (service.submit(comment=f"{text} {n}") for n in range(3))
    for one in (public, same):
        service.approve(one)
    old = '<ol start="14">\n<li>August: we tried it.</li>\n</ol>\n'
    make_old(service, public, waiting, html=old)
    make_old(service, same, html=None)
    before = revision(service)
    edited = stored(service.db, same).revision

    told = rejoinder(tmp_path, "migrate")

    assert "Re-rendered 3 replies; 2 changed." in told
    for one in (public, waiting, same):
        row = stored(service.db, one)
        assert row.html == markup.render(row.text).html
        assert row.markup_version == markup.VERSION
        assert row.edited_at is None
        assert row.version == 0
    assert stored(service.db, public).revision == revision(service) > before
    assert stored(service.db, same).revision == edited
    assert stored(service.db, waiting).revision == 0
    changes = service.api("GET", f"/changes?since={before}").json()
    [changed] = changes["discussions"]
    assert "3. September: we stopped. 0" in str(changed)
    given, last = numbers(service.db)
    assert given == list(range(1, last + 1))

    after = dump(service.db)
    assert "Re-rendered" not in rejoinder(tmp_path, "migrate")
    assert dump(service.db) == after


def test_the_history_says_so_and_offers_no_undo(service: Service) -> None:
    public_id = service.submit()
    service.approve(public_id)
    make_old(service, public_id)
    [done] = run(service)
    assert (done.rendered, done.changed, done.kept) == (1, 1, [])
    shown = signed_in(service).get("/moderate/history").text
    assert "Rendered again after an update" in shown
    _, last = numbers(service.db)
    assert f'name="event" value="{last}-' not in shown
    with pytest.raises(NotFound):
        moderation.undo(service.db, last, by=actor.COMMAND_LINE, now=service.clock())


def test_a_change_that_nobody_can_see_gives_no_page_a_new_revision(service: Service) -> None:
    public_id = service.submit()
    make_old(service, public_id)
    before = revision(service)
    run(service)
    assert revision(service) == before


def test_what_would_show_an_address_keeps_its_html_and_is_named(
    service: Service, tmp_path: Path
) -> None:
    service.submit(email="bob@example.org", comment="Another reply.")
    leaks = service.submit(comment="Write to bob at home.")
    service.approve(leaks)
    make_old(service, leaks, text="Write to bob@example.org.")
    before = revision(service)
    told = rejoinder(tmp_path, "migrate")
    assert f"/moderate/replies/{leaks}: {rerender.PRIVATE}" in told
    assert "bob@example.org" not in told
    assert stored(service.db, leaks).html == OLD
    assert revision(service) == before
    # A reply that waits is judged when it is approved.
    make_old(service, leaks, text="Write to bob@example.org.", status="pending")
    assert run(service)[0].kept == []
    with pytest.raises(Conflict):
        service.approve(leaks)


def test_what_nobody_could_see_any_more_keeps_its_html(service: Service) -> None:
    public_id = service.submit()
    make_old(service, public_id, text=">")
    [done] = run(service)
    assert done.kept == [rerender.Kept(public_id, rerender.EMPTY)]
    assert stored(service.db, public_id).html == OLD


def test_what_the_sanitizers_disagree_about_keeps_its_html(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_id = service.submit()
    make_old(service, public_id)
    # No text is known of which the sanitizers see different documents: raw HTML is text here.
    with monkeypatch.context() as patched:
        patched.setattr(markup, "render", lambda _text: Rendered("<p>Another.</p>", disputed=True))
        [done] = run(service)
    assert done.kept == [rerender.Kept(public_id, rerender.DISPUTED)]
    assert stored(service.db, public_id).html == OLD
    # The next time it is tried again.
    assert run(service)[0].changed == 1


def test_what_is_edited_or_erased_meanwhile_is_left_alone(service: Service) -> None:
    edited, approved, erased = (service.submit(comment=f"Number {n}.") for n in range(3))
    make_old(service, edited, approved, erased)
    batch = [rerender.render(one) for one in rerender.read(service.db)]
    by, now = actor.COMMAND_LINE, service.clock()
    moderation.edit(service.db, edited, "Another text.", by=by, version=0, now=now)
    service.approve(approved)
    moderation.decide(service.db, erased, "trash", by=by, expected="pending", version=0, now=now)
    moderation.erase(service.db, erased, by=by, now=now)
    done = rerender.store(service.db, batch, now=now)
    assert (done.rendered, done.changed) == (1, 1)
    assert stored(service.db, edited).html == "<p>Another text.</p>\n"
    # Approved after it was read: readers see the change, so its page must follow.
    assert stored(service.db, approved).html == "<p>Number 1.</p>\n"
    assert stored(service.db, approved).revision == revision(service)
    assert run(service) == []


def test_a_process_that_is_killed_goes_on_where_it_was(service: Service, tmp_path: Path) -> None:
    template = stored(service.db, service.submit())._asdict()
    names = [name for name in comment.c.keys() if name != "id"]  # noqa: SIM118
    count = 10_000
    with service.db.write() as connection:
        for start in range(0, count, 1_000):
            rows = [
                {name: template[name] for name in names}
                | {"public_id": f"{n:026}", "text": f"Reply {n}.", "html": OLD, "position": n}
                | {"markup_version": 1, "status": "approved"}
                for n in range(start, start + 1_000)
            ]
            connection.execute(insert(comment), rows)
    command = [sys.executable, "-m", "rejoinder", "migrate"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path))
    try:
        deadline = time.monotonic() + 60
        while not 0 < (left := outdated(service.db)) < count - 400:
            assert process.poll() is None, "it was done before it could be killed"
            assert time.monotonic() < deadline
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait(20)
    left = outdated(service.db)
    assert 0 < left < count
    told = rejoinder(tmp_path, "migrate")
    assert f"Re-rendered {left:,} replies; {left:,} changed." in told
    assert outdated(service.db) == 0
    with service.db.read() as connection:
        wrong = select(func.count()).where(comment.c.html == OLD)
        assert connection.execute(wrong).scalar_one() == 0
    given, last = numbers(service.db)
    assert given == list(range(1, last + 1))


def outdated(db: Database) -> int:
    query = select(func.count()).where(comment.c.markup_version < markup.VERSION)
    with db.read() as connection:
        return connection.execute(query).scalar_one()


def test_looking_for_outdated_replies_reads_the_index_only(service: Service) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT id FROM comment WHERE markup_version < 9 "
        "AND (markup_version, id) > (1, 5) ORDER BY markup_version, id LIMIT 200"
    )
    with service.db.read() as connection:
        plan = str(connection.exec_driver_sql(query).all())
    assert "ix_comment_markup_version_id" in plan
    assert "TEMP B-TREE" not in plan
