"""`rejoinder serve`, as an operator meets it."""

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.e2e.project import Project, copy
from tests.running import copy_migrated_database, free_port, reply

pytestmark = pytest.mark.xdist_group("serve")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Project]:
    """A served project that a test may stop and kill."""
    project = Project(copy(tmp_path), free_port())
    project.start()
    yield project
    if project.supervisor.poll() is None:
        project.stop()


def tree(project: Project) -> list[psutil.Process]:
    parent = psutil.Process(project.supervisor.pid)
    return [parent, *parent.children(recursive=True)]


def send(project: Project, text: str) -> str:
    answer = requests.post(
        f"{project.url}/comments/networking",
        data=reply(comment=text),
        allow_redirects=False,
        timeout=10,
    )
    assert answer.status_code == 303
    return project.url + answer.headers["Location"]


def replies(project: Project) -> set[str]:
    """The ids of the replies on a page."""
    return set(re.findall(r'id="(comment-[0-9a-z]{26})"', project.page("networking")))


def test_ctrl_c_stops_every_process_and_restarting_keeps_all_data(own: Project) -> None:
    link = send(own, "Still here after a restart.")
    running = tree(own)
    assert len(running) >= 3
    assert own.stop(signal.SIGINT) == 0
    _gone, alive = psutil.wait_procs(running, timeout=60)
    assert alive == []
    own.start()
    assert "Still here after a restart." in requests.get(link, timeout=10).text


def test_nothing_is_left_running_when_the_supervisor_is_killed(own: Project) -> None:
    running = tree(own)
    own.supervisor.kill()
    _gone, alive = psutil.wait_procs(running, timeout=60)
    assert alive == []


def test_a_service_that_falls_over_is_started_again(own: Project) -> None:
    service = next(one for one in tree(own)[1:] if "service" in one.cmdline())
    service.kill()
    own.wait(lambda: any("starting it again" in line for line in own.lines))

    def answers() -> bool:
        try:
            return requests.get(f"{own.url}/moderate/sign-in", timeout=60).ok
        except requests.ConnectionError:
            return False

    own.wait(answers)
    send(own, "Taken by the second one.")


def test_saving_an_article_and_the_theme_rebuilds_the_page(own: Project) -> None:
    article = own.root / "content" / "networking.md"
    article.write_text(article.read_text("utf-8") + "\n\nA line added later.\n", "utf-8")
    own.wait(lambda: "A line added later." in own.page("networking"), 30)
    template = own.root / "theme" / "templates" / "discussion" / "_form.html"
    template.write_text(
        template.read_text("utf-8").replace("Leave a Reply", "Leave a Reply, do"), "utf-8"
    )
    own.wait(lambda: "Leave a Reply, do" in own.page("networking"), 30)


def test_a_taken_port_is_refused_with_the_mend(
    own: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Project(copy(tmp_path_factory.mktemp("other")), own.port)
    second = other.run("serve", "--port", str(own.port))
    assert second.returncode == 1
    assert f"make serve PORT={own.port + 1}" in second.stderr


def test_a_second_serve_names_the_first_and_a_killed_one_blocks_nothing(own: Project) -> None:
    second = own.run("serve", "--port", str(free_port()))
    assert second.returncode == 1
    message = f"is already running in this folder: process {own.supervisor.pid}, {own.url}/"
    assert message in second.stderr
    running = tree(own)
    own.supervisor.kill()
    psutil.wait_procs(running, timeout=20)
    own.start()
    assert requests.get(f"{own.url}/networking/", timeout=10).ok


def test_a_lost_database_takes_no_reply_from_the_pages(own: Project) -> None:
    assert own.run("demo").returncode == 0
    own.wait(lambda: "Siobhán" in own.page("networking"), 60)
    before = replies(own)
    # While everything runs, then at a start, then at a build with the wrong database.
    for file in (own.root / "var").glob("comments.sqlite3*"):
        file.unlink()
    assert (
        requests.post(f"{own.url}/comments/networking", data=reply(), timeout=30).status_code == 503
    )
    own.stop()
    refused = own.run("serve", "--port", str(own.port))
    assert refused.returncode == 1
    assert "is missing or empty, but it was in use before" in refused.stderr
    assert "--accept-empty" in refused.stderr
    assert not (own.root / "var" / "comments.sqlite3").exists()
    assert own.run("build").returncode == 0
    # More than before, if the publisher was still at work on the samples.
    assert replies(own) >= before
    # An empty database of another installation is started, and the pages stay as they are.
    copy_migrated_database(own.root / "var" / "comments.sqlite3")
    own.start()
    assert any("Building with the replies as they were" in line for line in own.lines)
    own.wait(lambda: any("event=data-loss" in line for line in own.lines), 60)
    assert replies(own) >= before
    own.stop()
    own.start("--accept-empty")
    assert replies(own) == set()
    send(own, "The first of the new database.")


def test_the_site_reads_as_before_while_the_service_is_away(own: Project) -> None:
    before = own.page("networking")
    own.stop()
    built = own.run("build")
    assert built.returncode == 0, built.stderr
    assert "WARNING" in built.stderr
    assert own.page("networking") == before


def test_a_first_build_without_the_service_says_what_to_do(tmp_path: Path) -> None:
    project = Project(copy(tmp_path), free_port())
    built = project.run("build")
    assert built.returncode != 0
    assert "There are no discussions to build with" in built.stderr
    assert not (tmp_path / "output").exists()


def test_the_secrets_are_made_once_and_readable_by_their_owner_only(own: Project) -> None:
    path = own.root / "var" / "rejoinder.env"
    first = path.read_text("utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    own.stop()
    own.start()
    assert path.read_text("utf-8") == first


def test_samples_come_and_go_by_one_command_each(own: Project) -> None:
    send(own, "A real reply.")
    assert own.run("demo").returncode == 0
    own.wait(lambda: "Siobhán" in own.page("networking"))
    assert own.run("demo", "--remove").returncode == 0
    own.wait(lambda: "Siobhán" not in own.page("networking"))
    time.sleep(0.5)
    assert "Yours can be the first." in own.page("networking")
