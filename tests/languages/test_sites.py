"""A site in each language: built, published, asked and looked at in a browser."""

import re
import shutil
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from babel import Locale
from pelican.settings import read_settings
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from comments_service.domain import i18n as words
from comments_service.services import email_confirmation
from comments_service.settings import Settings
from comments_service.store.tables import outbox
from plugins.cli.build import build_site
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish.publisher import Publisher
from plugins.shared.errors import SettingsError
from tests.discussion.api_server import TOKEN, Wire, serve
from tests.discussion.samples import article, client_of, make_site, removed, reply, tree
from tests.languages.catalogs import LANGUAGES, ROOT, SERVICE, THEME, messages, read
from tests.running import SECRET, Service, running_service

ARTICLES = {
    "one.md": article("One", "one", Question="And you?", Authors="A; B; C"),
    "two.md": article("Two", "two", Comments="closed", Modified="2026-11-02"),
}
MORE = """
SITEURL = "{url}"
DISCUSSION_PAGE_SIZE = 2
FEED_ALL_ATOM = "feeds/all.atom.xml"
DIRECT_TEMPLATES = ["index", "archives", "categories", "tags", "authors", "404"]
AUTHOR_SAVE_AS = "author/{{slug}}/index.html"
YEAR_ARCHIVE_SAVE_AS = "{{date:%Y}}/index.html"
MONTH_ARCHIVE_SAVE_AS = "{{date:%Y}}/{{date:%m}}/index.html"
"""
PATHS = ("/", "/one/", "/two/", "/archives.html", "/2026/11/", "/author/a/", "/404.html")


@dataclass
class Site:
    """A built site with the service that serves it."""

    language: str
    root: Path
    service: Service

    def text_of(self, message: str) -> str:
        """A text of the service in the site's language."""
        return words.words_of(self.language).gettext(message)


@pytest.fixture(autouse=True, scope="module")
def english_afterwards() -> Iterator[None]:
    yield
    words.use("en")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with serve() as running:
        monkeypatch.setenv("REJOINDER_SERVICE_URL", running.url)
        monkeypatch.setenv("REJOINDER_API_TOKEN", TOKEN)
        monkeypatch.setenv("REJOINDER_VAR", "var")
        yield running


def project(root: Path, language: str, url: str = "") -> Path:
    made = make_site(root, ARTICLES, MORE.format(url=url), theme=ROOT)
    conf = made / "pelicanconf.py"
    conf.write_text(conf.read_text().replace('DEFAULT_LANG = "en"', f"DEFAULT_LANG = {language!r}"))
    return made


def build(root: Path) -> Path:
    return build_site(root, Path("pelicanconf.py"), Path("output")).root


@pytest.fixture(params=LANGUAGES)
def site(request: pytest.FixtureRequest, wire: Wire, tmp_path: Path) -> Iterator[Site]:
    replies = [reply(1), reply(2, 1, editor=True, pinned=True), removed(3), reply(4)]
    replies[3]["edited"] = "2026-11-02T10:00:00Z"
    wire.put("one", replies)
    root = project(tmp_path, request.param)
    output = build(root)
    mail: dict[str, Any] = {
        "smtp_url": "smtp://127.0.0.1:9",
        "mail_from": "Test <noreply@test.example>",
    }
    with running_service(root, language=request.param, site_dir=output, **mail) as service:
        service.register("one", "two")
        yield Site(request.param, root, service)


def test_a_site_speaks_one_language_everywhere(site: Site, browser: Browser) -> None:
    """Pages, the form's refusal, the status page, a missing page and mail; axe finds nothing."""
    service, tag = site.service, site.language
    page = browser.new_page()
    # The service's own pages are looked at here, which readers meet without scripts.
    page.route("**/*.js", lambda route: route.abort())
    found: list[str] = []

    def look(where: str, says: str = "") -> None:
        html = page.locator("html")
        assert html.get_attribute("lang") == tag, where
        direction = page.evaluate("getComputedStyle(document.documentElement).direction")
        assert direction == Locale.parse(tag).text_direction, where
        assert says in page.content(), where
        found.extend(f"{where}: {one['id']}" for one in Axe().run(page).response["violations"])
        seen = page.locator("body").inner_text()
        found.extend(f"{where}: {text!r} is English" for text in english_in(seen, tag))

    theme = {one.id: one.string for one in messages(read(THEME, tag))}
    for path in PATHS:
        page.goto(service.url + path)
        look(path, str(theme["Skip to the content"]))
    page.goto(f"{service.url}/one/")
    expect(page.get_by_role("heading", name=str(theme["Leave a Reply"]))).to_be_visible()
    page.evaluate("document.querySelector('#respond form').noValidate = true")
    page.get_by_role("button", name=str(theme["Post Comment"]), exact=True).click()
    expect(page.locator("#author-error")).to_contain_text(site.text_of("Enter your name"))
    error = site.text_of("Error: %(title)s").split("%")[0]
    expect(page).to_have_title(re.compile("^" + re.escape(error)))
    look("refused")
    # What is too long says so with the language's numbers.
    long = service.post("one", comment="x" * 10_001).text
    assert words.words_of(tag).number(10_001) in long
    refused = requests.get(f"{service.url}/comments/nowhere", timeout=10)
    assert f'lang="{tag}"' in refused.text
    assert site.text_of("There is no article here that takes replies.") in refused.text
    accepted = service.post("one")
    page.goto(service.url + accepted.headers["Location"])
    look("status", site.text_of("Your reply is awaiting moderation"))
    page.close()
    copy_context().run(_ask_for_confirmation, site, accepted.headers["Location"].split("/")[3])
    with service.db.read() as connection:
        subject, body = connection.execute(select(outbox.c.subject, outbox.c.body)).one()
    assert subject == site.text_of("Confirm your email address for %(site)s") % {
        "site": "Rejoinder"
    }
    assert not english_in(body, tag)
    assert "About one" in body
    # Editors' pages stay English, and say so.
    entrance = requests.get(f"{service.url}/moderate/sign-in", timeout=10).text
    assert '<html lang="en"' in entrance
    unknown = requests.get(f"{service.url}/moderate/mail/nothing", timeout=10).text
    assert '<html lang="en"' in unknown
    assert "This link is not known here." in unknown
    assert site.text_of("To the front page") not in unknown
    assert found == []


def _ask_for_confirmation(site: Site, public_id: str) -> None:
    """As a request of the application does, which sets its language for itself only."""
    service = site.service
    words.use(site.language)
    email_confirmation.ask(
        service.db, service.settings, public_id, client=None, now=service.clock()
    )


def english_in(text: str, tag: str) -> list[str]:
    """English sentences of the catalogs that stand in a text of another language."""
    found = []
    for domain in (THEME, SERVICE):
        for message in messages(read(domain, tag)):
            ids = message.id if isinstance(message.id, tuple | list) else [message.id]
            told = message.string or ""
            strings = told if isinstance(told, tuple | list) else [told]
            for one in ids:
                parts = re.split(r"%\(\w+\)s|<[^>]*>", one)
                for part in (part.strip() for part in parts):
                    if len(part) > 12 and part in text and not any(part in s for s in strings):
                        found.append(part)
    return found


@pytest.mark.parametrize("language", ["ar", "ja"])
def test_the_publisher_writes_what_a_full_build_writes(
    language: str, wire: Wire, tmp_path: Path
) -> None:
    root = project(tmp_path, language, url="https://r.example")
    store = root / "var" / "discussions.sqlite3"
    build(root)
    for count in (1, 2, 3, 11):
        wire.put("one", [reply(number) for number in range(1, count + 1)])
    wire.put("two", [reply(1, editor=True), removed(2)])
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        Publisher(root / "output", snapshot, client).once()
    incremental = tree(root / "output")
    (root / "output").unlink()
    shutil.rmtree(root / "var")
    full = tree(build(root))
    assert incremental.keys() == full.keys()
    for name in full:
        assert incremental[name] == full[name], name
    said = {"ar": "11 تعليقاً", "ja": "11件のコメント"}[language]
    assert said in full["one/index.html"].decode()
    assert said in full["index.html"].decode()
    feed = full["one/replies.atom"].decode() if "one/replies.atom" in full else ""
    feeds = feed or "".join(
        data.decode() for name, data in full.items() if name.endswith(".atom") and b"<feed" in data
    )
    assert {"ar": "التعليقات على «One»", "ja": "「One」へのコメント"}[language] in feeds


def test_other_words_make_a_page_anew(wire: Wire, tmp_path: Path) -> None:
    """Also where nothing but a catalog changed, and pages are taken over from the build before."""
    wire.put("one", [reply(1)])
    root = project(tmp_path, "de")
    shutil.copytree(ROOT / "theme", root / "theme")
    conf = root / "pelicanconf.py"
    conf.write_text(
        conf.read_text().replace(str(ROOT / "theme"), str(root / "theme"))
        + 'PLUGINS += ["plugins.quick"]\nQUICK_CACHE = "var/cache"\n'
    )
    build(root)
    catalog = root / "theme" / "translations" / "de" / "LC_MESSAGES" / "theme.po"
    catalog.write_text(
        catalog.read_text("utf-8")
        .replace("Kommentar abschicken", "Ab damit")
        .replace("Zum Inhalt springen", "Zum Text springen")
    )
    again = build(root)
    html = (again / "one" / "index.html").read_text("utf-8")
    assert "Ab damit" in html
    assert "Zum Text springen" in html


def test_a_site_in_a_language_without_words_is_not_built(wire: Wire, tmp_path: Path) -> None:
    root = project(tmp_path, "pl")
    with pytest.raises(SettingsError, match=r"'pl'.*there are ar, de, en, .*docs/languages\.md"):
        build(root)


def test_one_setting_is_the_language_of_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"REJOINDER_SECRET": SECRET, "REJOINDER_API_TOKEN": SECRET}
    for given, expected in (("fr", "fr"), ("", "en"), ("pt-BR", "pt-br")):
        monkeypatch.setenv("REJOINDER_LANGUAGE", given)
        site = read_settings(str(ROOT / "pelicanconf.py"))
        service = Settings.from_environ(environ | {"REJOINDER_LANGUAGE": given})
        assert (site["DEFAULT_LANG"], service.language.lower()) == (expected, expected)
