"""The form in the static page and the service's own form are one contract."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests
from pelican.settings import read_settings

from comments_service.settings import Settings
from plugins.discussion.model.discussions import Discussion, Page
from plugins.discussion.model.options import RenderSettings
from plugins.discussion.render.renderers import render
from tests.running import SECRET, TOKEN, free_port, running_service

ROOT = Path(__file__).parents[1]
# What the service adds when it shows the form again.
OWN = {"value", "aria-invalid", "aria-describedby", "autofocus", "selected"}


class Form(HTMLParser):
    """The fields of a form, in their order, with their attributes; and its labels."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"input", "textarea", "select", "button"}:
            field: dict[str, str | None] = {"tag": tag}
            field.update((name, value) for name, value in attrs if name not in OWN)
            self.fields.append(field)
        self._inside = (
            tag if tag in {"label", "option", "button"} or ("id", "form-note") in attrs else ""
        )

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.words.append(data.strip())
            self._inside = ""


def static_form(*, follow: bool = True) -> Form:
    page = Page(key="networking", url="/networking/", title="T", question="Q?", open=True)
    settings = RenderSettings(comments_url="/comments", language="en", follow=follow)
    templates = ROOT / "theme" / "templates" / "discussion"
    empty = Discussion(key="networking", revision=0, comments=())
    return Form(render(empty, page, settings, templates))


def test_both_forms_have_the_same_fields_words_and_limits(tmp_path: Path) -> None:
    mail: dict[str, Any] = {
        "smtp_url": f"smtp://127.0.0.1:{free_port()}",
        "mail_from": "noreply@blog.example",
    }
    with running_service(tmp_path, **mail) as service:
        service.register("networking")
        public_id = service.submit()
        service.approve(public_id)
        answer = requests.get(f"{service.url}/comments/networking/reply/{public_id}", timeout=10)
    ours, theirs = static_form(), Form(answer.text)
    assert ours.fields == theirs.fields
    assert ours.words == theirs.words


def test_the_form_is_the_one_that_was_promised() -> None:
    form = static_form()
    assert [field.get("name") for field in form.fields] == [
        "comment", "author", "email", "url", "follow", "parent", None, None,
    ]  # fmt: skip
    assert form.words == [
        "Your email address will not be published. Required fields are marked *",
        "Comment *",
        "Name *",
        "Email *",
        "Website (optional)",
        "Mail me new replies (optional)",
        "No mail",
        "Answers to my comment",
        "All replies to this article",
        "Post Comment",
        "Preview",
    ]
    required = {field["name"] for field in form.fields if "required" in field}
    assert required == {"comment", "author", "email"}
    *_, post, preview = form.fields
    # The first button is the one that Enter presses.
    assert "formaction" not in post
    assert preview["formaction"] == "/comments/networking/preview"
    assert [field.get("autocomplete") for field in form.fields[1:4]] == ["name", "email", "url"]


def test_where_no_mail_leaves_the_site_offers_none() -> None:
    assert "follow" not in [field.get("name") for field in static_form(follow=False).fields]


@pytest.mark.parametrize("url", ["", "smtp://mail.example:587"])
def test_the_project_offers_mail_where_the_service_has_a_mail_server(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REJOINDER_SMTP_URL", url)
    sender = {"REJOINDER_MAIL_FROM": "noreply@blog.example"} if url else {}
    secrets = {"REJOINDER_SECRET": SECRET, "REJOINDER_API_TOKEN": TOKEN}
    service = Settings.from_environ(secrets | sender | {"REJOINDER_SMTP_URL": url})
    site = read_settings(str(ROOT / "pelicanconf.py"))
    assert site["DISCUSSION_FOLLOW"] is service.sends_mail is bool(url)
