"""Texts of mail: bodies from plain-text templates, and subjects of one line."""

import unicodedata
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from comments_service.domain import i18n
from comments_service.settings import Settings

# In characters; shorter than the column.
SUBJECT_LIMIT = 150

# Without autoescape, because mails are text/plain.
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "mail_templates"),
    autoescape=False,  # noqa: S701
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

_templates.filters["number"] = lambda value: i18n.site().number(value)

_templates.add_extension("jinja2.ext.i18n")
_templates.install_gettext_callables(  # type: ignore[attr-defined]
    i18n.gettext,
    i18n.ngettext,
    newstyle=True,
    pgettext=i18n.pgettext,
    npgettext=i18n.npgettext,
)


def body(settings: Settings, template: str, **values: Any) -> str:
    """Render a template of `mail_templates`; `values` from readers must be cleaned before."""
    text = _templates.get_template(f"{template}.txt").render(
        site_name=one_line(settings.site_name),
        site_url=settings.site_url,
        **values,
    )
    return text.strip() + "\n"


def subject(text: str) -> str:
    """Return a subject in the site's language, made safe by `one_line`."""
    return one_line(i18n.site().say(text))


def one_line(text: str, limit: int = SUBJECT_LIMIT) -> str:
    """Return a reader's text or a title as one line without control characters, shortened."""
    shown = "".join(char if _harmless(char) else " " for char in text)
    # "=?utf-8?q?...?=" would be decoded, and could contain the characters that were just removed.
    return shortened(" ".join(shown.replace("=?", "= ?").split()), limit)


def quoted(text: str, limit: int) -> str:
    """Return the beginning of a reply, each line quoted with "> "."""
    lines = shortened(text, limit).splitlines()
    clean = ("".join(char if _harmless(char) else " " for char in line) for line in lines)
    return "\n".join(f"> {line}".rstrip() for line in clean)


def shortened(text: str, limit: int) -> str:
    """Return the text, cut with an ellipsis if it is longer."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _harmless(char: str) -> bool:
    return char == " " or unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
