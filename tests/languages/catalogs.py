"""Translation catalogs: extracts texts from the sources and updates the files (`make words`).

`python -m tests.languages.catalogs` extracts all texts and rewrites every catalog: new texts are
added untranslated, removed texts are dropped, and there is no fuzzy matching.
`python -m tests.languages.catalogs fr_CA` adds a language.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2.ext
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
LANGUAGES = ("ar", "de", "es", "fr", "ja", "pt")

# Babel orders Arabic's plural forms differently from translators' tools.
PLURALS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : "
    "n%100>=11 ? 4 : 5);"
}

# Functions that mark texts for translation in Python (comments_service/domain/i18n.py).
KEYWORDS: dict[str, Any] = DEFAULT_KEYWORDS | {"sentence": None, "counted": (1, 2), "marked": None}
TEMPLATE_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}


@dataclass(frozen=True)
class Domain:
    """One of the two sides: its catalogs and its source files."""

    name: str
    folder: Path
    patterns: tuple[str, ...]

    def file(self, language: str) -> Path:
        """Return the path of a language's catalog."""
        return self.folder / language / "LC_MESSAGES" / f"{self.name}.po"

    def sources(self) -> list[Path]:
        """Return the source files that may have texts, sorted."""
        return sorted({path for pattern in self.patterns for path in ROOT.glob(pattern)})


THEME = Domain(
    "theme",
    ROOT / "theme" / "translations",
    (
        "theme/templates/**/*.html",
        "theme/templates/**/*.xml",
        "plugins/*/defaults/*.xml",
        "plugins/authoring/redirects.py",
    ),
)
SERVICE = Domain(
    "service",
    ROOT / "comments_service" / "locales",
    (
        "comments_service/**/*.py",
        "comments_service/templates/**/*.html",
        "comments_service/services/mail_templates/*",
    ),
)
DOMAINS = (THEME, SERVICE)


def extracted(domain: Domain) -> Catalog:
    """Extract all texts from the sources."""
    catalog = Catalog(fuzzy=False)
    for path in domain.sources():
        name = path.relative_to(ROOT).as_posix()
        for message, comments, context in _texts(path):
            # Without line numbers, which would change with every edit above them.
            catalog.add(message, locations=[(name, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    return catalog


def read(domain: Domain, language: str) -> Catalog:
    """Read a language's catalog."""
    with domain.file(language).open("rb") as file:
        return read_po(file, abort_invalid=True)


def messages(catalog: Catalog) -> list[Message]:
    """Return the messages of a catalog, without its header."""
    return [message for message in catalog if message.id]


def updated(domain: Domain, language: str) -> bytes:
    """Return an updated catalog file: current texts from the sources, existing translations."""
    catalog = extracted(domain)
    catalog.locale = Locale.parse(language)
    if language in PLURALS:
        catalog.mime_headers = [("Plural-Forms", PLURALS[language])]
    catalog.project, catalog.version = "Rejoinder", domain.name
    catalog.header_comment = f"# Rejoinder's words ({domain.name}) in {_name(language)}."
    if domain.file(language).exists():
        for old in messages(read(domain, language)):
            known = catalog.get(old.id, old.context)
            if known is not None and not old.fuzzy:
                known.string = old.string
                known.user_comments = old.user_comments
    out = BytesIO()
    write_po(out, catalog, width=100, include_lineno=False, sort_by_file=True)
    # Dates and tool versions would change with every run.
    noise = re.compile(
        rb'^"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By|'
        rb"Report-Msgid-Bugs-To):.*\n",
        re.MULTILINE,
    )
    return noise.sub(b"", out.getvalue())


def main() -> None:
    """Update all catalogs and print the number of missing translations of each."""
    for domain in DOMAINS:
        for language in sorted({*_present(domain), *sys.argv[1:]}):
            path = domain.file(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(updated(domain, language))
            found = messages(read(domain, language))
            missing = sum(1 for one in found if not complete(one))
            print(f"{path.relative_to(ROOT)}: {len(found)} texts, {missing} untranslated")


def complete(message: Message) -> bool:
    """Return whether every plural form of the text is translated."""
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(forms) and all(forms)


def _present(domain: Domain) -> Iterator[str]:
    return (path.parents[1].name for path in domain.folder.glob("*/LC_MESSAGES/*.po"))


def _name(language: str) -> str:
    return Locale.parse(language).get_display_name("en") or language


def _texts(path: Path) -> Iterator[tuple[Any, list[str], str | None]]:
    method: Any = "python" if path.suffix == ".py" else jinja2.ext.babel_extract
    options = {} if path.suffix == ".py" else TEMPLATE_OPTIONS
    with path.open("rb") as file:
        for _line, message, comments, context in extract(
            method, file, keywords=KEYWORDS, comment_tags=("Translators:",), options=options
        ):
            yield message, list(comments), context


if __name__ == "__main__":
    main()
