"""Validation of the reply form: returns a `Draft`, or raises one sentence for each bad field.

The sentences are English here. They are translated where they are shown (`i18n.py`).
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

import email_validator
from pydantic import HttpUrl, TypeAdapter, ValidationError

from comments_service.domain import invisible_characters
from comments_service.domain.errors import Invalid
from comments_service.domain.i18n import counted, sentence
from comments_service.domain.invisible_characters import BLANK_LETTERS

# Maximum lengths in characters; the same in the API (docs/api.md) and in the theme's form.
LIMITS = {"comment": 10_000, "author": 100, "email": 254, "url": 500}
FIELDS = ("comment", "author", "email", "url", "follow", "parent")
# Which mail the author wants: none, about answers to this reply, about all replies.
FOLLOW = ("", "replies", "all")

LABELS = {
    "comment": sentence("Comment"),
    "author": sentence("Name"),
    "email": sentence("Email"),
    "url": sentence("Website"),
}
# Normalization of the short fields; a comment is not changed.
_READ = {
    "author": invisible_characters.in_name,
    "email": invisible_characters.in_email,
    "url": invisible_characters.in_website,
}

# Characters that reorder the text around them: in a name they can imitate another name.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = {ord("\n"): " ", ord("\t"): " "}
_LINE_BREAKS = re.compile(r"\r\n?")
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:.]+\]")
_PUBLIC_ID = re.compile(r"[0-9a-z]{26}")
_url = TypeAdapter(HttpUrl)

# Only the syntax is checked: ann@corp.local is valid in an intranet, and mail to other reserved
# domains fails when it is sent.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class Draft(NamedTuple):
    """A validated reply, not stored yet. `parent` is a public id, not looked up yet."""

    text: str
    name: str
    email: str
    url: str | None
    parent: str | None
    follow: str = ""
    # Names of the fields from which invisible characters were removed.
    cleaned: tuple[str, ...] = ()


class Refused(Invalid):
    """The form is invalid; `kept` holds the value of each field for showing the form again."""

    def __init__(self, fields: Mapping[str, str], kept: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.kept = dict(kept)


def check(form: Mapping[str, str]) -> Draft:
    """Validate the form and return its values, normalised.

    Normalised means NFC, `\\n` as line break, trimmed; a comment keeps its indentation. Raises
    `Refused` with one sentence for each bad field.
    """
    kept = {name: _normal(form.get(name, ""), name == "comment") for name in FIELDS}
    if kept["follow"] not in FOLLOW:
        kept["follow"] = ""
    problems: dict[str, str] = {}
    read = {name: _READ[name](value) if name in _READ else value for name, value in kept.items()}
    for name, label in LABELS.items():
        clean = _printable(kept[name], multiline=name == "comment")
        if clean != kept[name]:
            kept[name] = clean
            problems[name] = sentence(
                "%(field)s had hidden control characters, which cannot be published. "
                "They have been taken out: check it, then post it again",
                field=label,
            )
        elif len(read[name]) > LIMITS[name]:
            problems[name] = _too_long(label, LIMITS[name], len(read[name]))
    for name, check_field in (
        ("comment", _comment_problem),
        ("author", _name_problem),
        ("email", email_problem),
        ("url", _url_problem),
    ):
        if name not in problems and (problem := check_field(read[name])):
            problems[name] = problem
    if not problems and (field := _published_address(read)):
        problems[field] = sentence(
            "Take your email address out of this field: what stands here is published"
        )
    if kept["parent"] and not _PUBLIC_ID.fullmatch(kept["parent"]):
        kept["parent"] = ""
        problems.setdefault("parent", PARENT_GONE)
    if problems:
        # In the order of the form, because the summary lists them in this order.
        raise Refused({name: problems[name] for name in FIELDS if name in problems}, kept)
    return Draft(
        text=read["comment"],
        name=read["author"],
        email=read["email"],
        url=_web_address(read["url"]),
        parent=kept["parent"] or None,
        follow=kept["follow"],
        cleaned=tuple(
            name for name in _READ if invisible_characters.differ(kept[name], read[name])
        ),
    )


def check_text(text: str) -> str:
    """Return an editor's text, normalised; raises `Refused` if it is empty or too long."""
    clean = _printable(_normal(text, multiline=True), multiline=True)
    if not visible(clean):
        raise Refused({"comment": ENTER_COMMENT}, {"comment": clean})
    if len(clean) > LIMITS["comment"]:
        problem = _too_long(sentence("Comment"), LIMITS["comment"], len(clean))
        raise Refused({"comment": problem}, {"comment": clean})
    return clean


def clean_words(text: str) -> str:
    """Return a short unpublished text without invisible characters; "" if nothing is visible."""
    clean = _printable(_normal(text, multiline=True), multiline=True).strip()
    return clean if visible(clean) else ""


ENTER_COMMENT = sentence("Enter a comment")
PARENT_GONE = sentence(
    "The reply that you were answering is not there any more. "
    "Your comment is kept: post it again to add it to the discussion"
)


def _too_long(label: str, limit: int, length: int) -> str:
    return counted(
        "%(field)s must be %(num)s character or fewer; it has %(length)s",
        "%(field)s must be %(num)s characters or fewer; it has %(length)s",
        limit,
        field=label,
        length=length,
    )


def _normal(value: str, multiline: bool) -> str:
    return _trimmed(unicodedata.normalize("NFC", _LINE_BREAKS.sub("\n", value)), multiline)


def _trimmed(value: str, multiline: bool) -> str:
    # Leading spaces of the first line matter to Markdown, so only blank lines are removed.
    return _BLANK_LINES.sub("", value.rstrip()) if multiline else value.strip()


def _printable(value: str, *, multiline: bool) -> str:
    """Remove control characters and others that a page must not contain."""
    # Fast path for nearly every text: no forbidden character is printable in Python's sense.
    if not (value.translate(_BREAKS) if multiline else value).isprintable():
        value = "".join(char for char in value if not _forbidden(char, multiline))
    return _trimmed(value, multiline)


def _forbidden(char: str, multiline: bool) -> bool:
    category = unicodedata.category(char)
    if category == "Cc":
        return not (multiline and char in "\n\t")
    if category in {"Zl", "Zp"}:
        return not multiline
    # Surrogates and noncharacters are not allowed in XML, and feeds are XML.
    if category == "Cs" or ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef":
        return True
    return not multiline and char in BIDI_CONTROLS


def visible(value: str) -> bool:
    """Return whether the text has a visible character; combining marks alone do not count."""
    return any(
        unicodedata.category(char)[0] in "LNPS" and char not in BLANK_LETTERS for char in value
    )


def shows_address(text: str, email: str) -> bool:
    """Return whether `text` shows the address, also percent-encoded or in other letter forms."""
    return any(_folded(email) in _folded(form) for form in {text, unquote(text)})


def _folded(value: str) -> str:
    if value.isascii():
        return value.casefold()
    seen = (char for char in value if unicodedata.category(char) not in {"Cf", "Mn"})
    return unicodedata.normalize("NFKC", "".join(seen)).casefold()


def _comment_problem(value: str) -> str | None:
    return None if visible(value) else ENTER_COMMENT


def _name_problem(value: str) -> str | None:
    return None if visible(value) else sentence("Enter your name")


def email_problem(value: str) -> str | None:
    """Return a sentence about what is wrong with an email address, or None."""
    if not value:
        return sentence("Enter your email address")
    if len(value) > LIMITS["email"]:
        return _too_long(LABELS["email"], LIMITS["email"], len(value))
    try:
        email_validator.validate_email(value, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return sentence("Enter an email address in the correct format, like name@example.com")
    return None


def _url_problem(value: str) -> str | None:
    if not value:
        return None
    try:
        address = _web_address(value)
    except ValidationError:
        address = None
    if address is None or len(address) > LIMITS["url"] * 2:
        return sentence(
            "Enter a website in the correct format, like https://example.com, or leave it empty"
        )
    return None


def _web_address(value: str) -> str | None:
    if not value:
        return None
    bare = not _HAS_SCHEME.match(value) or re.match(r"[^/:]+:\d", value) is not None
    parsed = _url.validate_python("https://" + value if bare else value)
    host = parsed.host or ""
    # A URL with a user name or password is deceptive or leaks a password.
    if parsed.username or parsed.password or not _HOST.fullmatch(host):
        return None
    # Without a dot, such as "none" or "n/a", it is not a website.
    return None if bare and "." not in host else str(parsed)


def _published_address(kept: Mapping[str, str]) -> str | None:
    for name in ("author", "url"):
        if shows_address(kept[name], kept["email"]):
            return name
    return None
