"""The log: times with their zone, and no line that a client wrote."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from comments_service import log_format as service_lines
from plugins.shared import log_format as site_lines
from tests.running import free_port
from tests.service.command_line import environment, rejoinder, service_process
from tests.service.pages import Page, raw

STAMP = r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=[A-Z]+ "
FORGED = "event=forged"
NASTY = f"a\r\n{FORGED}\x1b[2K\x1b[1A\u2028{FORGED}\x85{FORGED}"
EMAIL = "mara@private.example"


def lines_of(folder: Path) -> list[str]:
    [log] = folder.glob("service-*.log")
    return log.read_bytes().decode().split("\n")


def test_the_service_logs_utc_whatever_the_machine_says_and_clients_forge_no_line(
    tmp_path: Path,
) -> None:
    rejoinder(tmp_path, "migrate")
    rejoinder(tmp_path, "editor", "add", EMAIL, typed="a sentence that is long enough\n")
    with service_process(tmp_path, TZ="Asia/Tokyo") as (service, _):
        service.register("networking")
        service.post(comment=NASTY, author=NASTY, email=f"x@{NASTY}", url=NASTY)
        forged = FORGED.encode()
        for sent in (
            b"GET /%0d%0a" + forged + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET /\x1b[2K" + forged + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"G\x1bT / HTTP/1.1\r\nHost: " + forged + b"\x1b[2K\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[2K" + forged
            + b"\r\nX-Forwarded-For: " + forged + b"\r\nConnection: close\r\n\r\n",
            b"EVENT /moderate/ HTTP/1.1\r\nHost: x\r\n\r\n",
        ):  # fmt: skip
            raw(service, sent)
        for typed in (EMAIL, f"nobody@private.example\r\n{FORGED}"):
            with requests.Session() as http:
                page = Page(http.get(f"{service.url}/moderate/sign-in", timeout=10).text)
                answer = http.post(
                    f"{service.url}/moderate/sign-in",
                    data={"token": page.fields["token"], "email": typed, "password": NASTY},
                    timeout=10,
                )
                assert answer.status_code == 422
        *lines, last = lines_of(tmp_path)
    assert last == ""
    assert lines
    for line in lines:
        assert re.match(STAMP, line), line
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line), line
        assert FORGED not in line
        assert "private.example" not in line
    refused = [one for one in lines if "event=sign-in result=refused" in one]
    assert [one.partition("refused ")[2] for one in refused] == [
        "editor=1 browser=unknown network=127.0.0.0/24",
        "editor=- browser=unknown network=127.0.0.0/24",
    ]


def test_the_publisher_logs_utc_whatever_the_machine_says(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rejoinder", "publish"],
        cwd=tmp_path,
        env=environment(
            tmp_path,
            TZ="Asia/Tokyo",
            REJOINDER_API_TOKEN="a-token-without-spaces-that-is-long-enough",
            REJOINDER_SERVICE_URL=f"http://127.0.0.1:{free_port()}",
        ),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
    finally:
        process.kill()
        process.wait(20)
    assert re.match(STAMP, line), line
    assert "event=follow" in line


@pytest.mark.parametrize("formatter", [service_lines.OneLine, site_lines.OneLine])
def test_a_record_is_one_line_and_a_traceback_is_indented(
    formatter: type[logging.Formatter],
) -> None:
    made = formatter("time=%(asctime)s level=%(levelname)s %(message)s")
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "event=x key=%s", (NASTY,), None)
    record.created, record.msecs = 0.0, 7.0
    assert made.format(record) == (
        "time=1970-01-01T00:00:00.007Z level=ERROR event=x key=a\\r\\n"
        f"{FORGED}\\x1b[2K\\x1b[1A\\u2028{FORGED}\\x85{FORGED}"
    )
    error = ValueError(f"{NASTY}\n{STAMP}")
    record.exc_info = (ValueError, error, None)
    first, *more = made.format(record).split("\n")
    assert first.startswith("time=")
    assert more
    assert all(one.startswith("  ") and one.replace(" ", "x").isprintable() for one in more)
