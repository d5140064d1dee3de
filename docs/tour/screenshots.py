"""Makes every picture of the documents from the running product; `make tour` runs it.

It serves a copy of the project with the sample replies, walks it as a reader, an editor and an
operator would, and writes one PNG for each name below into this folder. It takes about three
minutes, because followers are told two minutes after a reply is public.
"""

import re

import requests
from playwright.sync_api import Locator, Page, expect

from docs.tour.camera import keep, part, shot
from docs.tour.stage import ARTICLE, PHONE, SMALL, Stage, served, stage

# Every picture there is; a test compares the names with the files and with what documents show.
PICTURES = (
    "article",
    "search",
    "discussion",
    "answer",
    "waiting",
    "status",
    "without-javascript",
    "follow",
    "queue",
    "keys",
    "simulator",
    "reasons",
    "bulk",
    "asks",
    "history",
    "alarm",
    "arabic",
)

EDITOR = ("Mara Lindqvist", "mara@example.org", "a sentence that is long enough")
READER = "noor@example.org"
ANSWER = (
    "I tried step 1b last night, with **one** question in the letter instead of four.\n\n"
    "> a letter counts\n\nIt does. She answered before breakfast."
)


# Replies that came through the form before: only those are tried on, not the samples.
PAST = (
    ("We end ours when the tea is cold.", "Agnes", "agnes@example.org"),
    ("Standing up halves it. So does a room without heating.", "Per", "per@example.net"),
    ("Typical office talk, and yet: it worked on Monday.", "Dilan", "dilan@example.com"),
    ("Best backlinks for your blog, write to us.", "Link Lodge", "lodge@example.com"),
    ("[One](https://one.example/) and [two](https://two.example/).", "Ivo", "ivo@example.org"),
)


def write(page: Page, text: str, author: str, email: str) -> None:
    """Fill in the form under an article."""
    page.locator("#comment").fill(text)
    page.locator("#author").fill(author)
    page.locator("#email").fill(email)


def press(page: Page, name: str) -> None:
    """Press the button of that name."""
    page.get_by_role("button", name=name, exact=True).first.click()


def sent(there: Stage, key: str, text: str, author: str, email: str) -> str:
    """Post a reply without a browser; return the address of its author's page."""
    form = {"comment": text, "author": author, "email": email, "url": "", "parent": ""}
    answer = requests.post(
        there.url(f"comments/{key}"), data=form, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 303, answer.text
    return there.url(answer.headers["Location"])


# ---- readers ----


def reading(there: Stage) -> None:
    """The article, its discussion, and how both are found."""
    desk = there.page(fine=True, path=ARTICLE)
    phone = there.page(PHONE, scheme="dark", path=ARTICLE)
    keep("article", shot(desk), shot(phone, top=phone.locator("#discussion")))

    page = there.page(path=ARTICLE)
    keep("discussion", shot(page, top=page.locator("#discussion")))

    page = there.page(path="search/?q=chair")
    there.until(page, page.locator("#search-results li"))
    keep("search", shot(page))


def replying(there: Stage) -> str:
    """An answer in place; return the address of its author's page."""
    page = there.page(path=ARTICLE)
    page.get_by_role("link", name="Reply to Dr. K. Brandt").click()
    write(page, ANSWER, "Noor Haddad", READER)
    press(page, "Preview")
    expect(page.get_by_text("She answered before breakfast")).to_be_visible()
    keep("answer", part(page, page.locator("#respond")))
    press(page, "Post Comment")
    own = page.locator(".reply.own")
    expect(own).to_contain_text("awaiting moderation")
    keep("waiting", part(page, page.locator("li", has_text="Dr. K. Brandt").first, around=8))
    link = own.get_by_role("link", name="Your reply’s own page").get_attribute("href")
    assert link
    return there.url(link)


def without_javascript(there: Stage) -> None:
    """What the form says, and what the search finds, where no script runs."""
    page = there.page(PHONE, scripts=False, path=ARTICLE)
    # As far as a browser itself goes, this is all filled in.
    write(page, "I always bring a book.", " ", "noor@example")
    press(page, "Post Comment")
    expect(page.get_by_text("There is a problem")).to_be_visible()
    found = there.page(PHONE, scripts=False, path="comments/search?q=train")
    keep("without-javascript", shot(page), shot(found))


def fates(there: Stage, published: str, declined: str) -> None:
    """The authors' pages of a reply that waits, of one that is live, and of one that is not."""
    text = "I count to ten, and then the steps to the door."
    waits = sent(there, ARTICLE, text, "Ines Prado", "ines@example.org")
    live = there.page(PHONE, path=published)
    there.until(live, live.get_by_text("where everybody can read it"))
    pages = there.page(PHONE, path=waits), live, there.page(PHONE, scheme="dark", path=declined)
    keep("status", *(shot(page) for page in pages))


def following(there: Stage) -> tuple[bytes, bytes]:
    """Ask for mail about new replies and confirm it; return what is seen on the way."""
    page = there.page(SMALL, path=f"comments/{ARTICLE}/follow")
    asked = shot(page)
    page.get_by_label("Email *").fill("farid@example.org")
    press(page, "Follow all replies")
    page.goto(there.mailed(0))
    confirmed = shot(page)
    press(page, "Yes, mail me new replies")
    return asked, confirmed


def unfollowing(there: Stage, *before: bytes) -> None:
    """Open the link that every such mail has, once one has come."""
    page = there.page(SMALL, scheme="dark", path=there.mailed(1, seconds=240))
    keep("follow", *before, shot(page))


# ---- editors ----


def signed_in(there: Stage) -> Page:
    """The queue, opened by the first editor through the printed link."""
    page = there.page(path=there.project.first_link)
    name, email, password = EDITOR
    page.get_by_label("Email").fill(email)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    press(page, "Become editor and sign in")
    expect(page.get_by_role("heading", name="Moderation queue")).to_be_visible()
    return page


def key(page: Page, pressed: str) -> None:
    """Press a key of the queue and wait for what it does."""
    expect(page.locator(".keys-hint")).to_be_visible()
    page.keyboard.press(pressed)
    expect(page.locator(".htmx-request")).to_have_count(0)


def card(page: Page, text: str) -> Locator:
    """The reply of the queue that has these words."""
    return page.locator("#queue > li", has_text=text)


def deciding(there: Stage, page: Page) -> str:
    """Decide by keys and with a reason; return the page of the author who was declined."""
    other = sent(there, ARTICLE, "First!", "Sam Pike", "sam@example.net")
    page.goto(there.url("moderate/?order=newest"))
    wordless = card(page, "First!")
    wordless.get_by_text("More", exact=False).first.click()
    wordless.get_by_label("Reason for the author").fill(
        "It says nothing about the article yet. Tell us what you tried, and we print that."
    )
    wordless.get_by_role("button", name="Trash, and tell the author why").click()
    expect(page.locator("#queue > .gone")).to_have_count(1)
    page.reload()
    # The newest is Noor's.
    key(page, "a")
    key(page, "j")
    keep("queue", shot(page, top=page.locator("h1")))
    key(page, "?")
    keep("keys", part(page, page.get_by_role("dialog"), around=0))
    page.keyboard.press("Escape")
    return other


def ruling(there: Stage, page: Page) -> None:
    """Try rules on past replies, save them, and see what they say of a new reply."""
    for text, author, email in PAST:
        sent(there, "meetings", text, author, email)
    page.goto(there.url("moderate/settings"))
    page.get_by_label("Hold every reply").uncheck()
    page.get_by_label("Hold replies with many links").fill("2")
    page.get_by_label("Words that hold a reply").fill("typical\nadvice for introverts")
    page.get_by_label("Words that reject a reply").fill("backlinks\ncasino")
    press(page, "Try on past replies")
    keep("simulator", shot(page, top=page.get_by_role("heading", name="Tried on")))
    page.get_by_label("Hold every reply").check()
    press(page, "Save")
    spam = (
        "Typical. See [this](https://one.example/) and [that](https://two.example/), "
        "and then my casino."
    )
    sent(there, "meetings", spam, "Lucky Larry", "larry@example.com")
    page.goto(there.url("moderate/?status=spam&order=newest"))
    keep("reasons", part(page, card(page, "Lucky Larry"), around=8))


def clearing(there: Stage, page: Page) -> None:
    """Select by keys, act on all of them, and have the undo at hand."""
    page.goto(there.url("moderate/?status=spam"))
    for _ in range(3):
        key(page, "x")
        key(page, "j")
    page.get_by_label("Bulk actions").select_option("trash")
    press(page, "Apply")
    expect(page.locator(".flash")).to_contain_text("3 replies")
    keep("bulk", shot(page))
    press(page, "Undo all")


def asked(there: Stage, page: Page, mine: str) -> None:
    """What an author asks the editors for, and how it comes to them."""
    author = there.page(path=f"{mine}/ask")
    author.get_by_label("Change my reply").check()
    author.get_by_label("What the editors should know *").fill(
        "Please make it “a postcard” instead of “the letter”."
    )
    press(author, "Ask the editors")
    page.goto(there.url("moderate/?status=any&reason=author_request"))
    keep("asks", part(page, card(page, "Noor Haddad"), around=8))
    key(page, "q")
    box = page.locator("#queue textarea")
    box.fill(box.input_value().replace("the letter", "a postcard"))
    press(page, "Save")
    expect(card(page, "Noor Haddad")).to_contain_text("a postcard")
    card(page, "Noor Haddad").get_by_role("button", name=re.compile("^Mark as done")).click()
    expect(page.locator(".author_request")).to_have_count(0)
    page.goto(there.url("moderate/history"))
    keep("history", shot(page, top=page.locator("ol.history")))


# ---- operators ----


def trouble(there: Stage, page: Page) -> None:
    """What the queue says when approved replies do not come to the pages."""
    page.goto(there.url("moderate/?order=newest"))
    there.until(page, page.locator(".alarm"), seconds=180)
    keep("alarm", part(page, page.locator("h1"), page.locator("#queue > li").first, around=8))


def another_language(there: Stage) -> None:
    """The same articles on a site whose language is Arabic."""
    with served("ar", there.post) as project:
        page = there.page(fine=True, path=f"{project.url}/{ARTICLE}/")
        discussion = shot(page, top=page.locator("#discussion"))
        phone = there.page(PHONE, scheme="dark", path=f"{project.url}/{ARTICLE}/")
        keep("arabic", discussion, shot(phone, top=phone.locator("#respond")))


def walk(there: Stage) -> None:
    """All of it, in the order in which it happens."""
    asks = following(there)
    reading(there)
    mine = replying(there)
    editor = signed_in(there)
    declined = deciding(there, editor)
    fates(there, mine, declined)
    without_javascript(there)
    ruling(there, editor)
    clearing(there, editor)
    asked(there, editor, mine)
    # What takes two minutes happens in the meantime: the alarm, and the mail to followers.
    with there.without_publisher():
        another_language(there)
        trouble(there, editor)
    unfollowing(there, *asks)


if __name__ == "__main__":
    with stage() as set_up:
        walk(set_up)
