"""A missing, stale or broken translation fails here."""

import pickle
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from babel.messages.catalog import Message

from comments_service.domain import i18n as service_language
from plugins.language import catalog as theme_language
from plugins.language import formats
from tests.languages.catalogs import (
    DOMAINS,
    LANGUAGES,
    SERVICE,
    THEME,
    Domain,
    complete,
    extracted,
    messages,
    read,
)

# Python's, and those that a script of the page fills in.
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
IN_SCRIPTS = re.compile(r"\{\w+\}")
TAG = re.compile(r"<[^>]*>")
# Forms of Arabic for exactly 0, 1 and 2, which say the number by a word.
ONE_NUMBER = {"ar": {0, 1, 2}}
NUMBERS = {"num", "count", "number"}
STALE = "run: make words, and translate what is new (docs/languages.md)"

every = pytest.mark.parametrize("language", LANGUAGES)
both = pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)


def forms(message: Message) -> Iterator[tuple[str, str, int]]:
    """Each form of a translation, with the English text that it stands for, and its number."""
    if isinstance(message.id, tuple | list):
        strings = list(message.string or ())
        for number, form in enumerate(strings):
            yield message.id[0 if number == 0 and len(strings) > 1 else 1], form, number
    else:
        assert isinstance(message.string, str)
        yield message.id, message.string, 0


def test_both_sides_speak_the_same_languages() -> None:
    names = sorted({"en", *LANGUAGES})
    assert service_language.languages() == names
    assert theme_language.languages(THEME.folder) == names


@both
@every
def test_every_text_is_translated(domain: Domain, language: str) -> None:
    catalog = read(domain, language)
    missing = [one.id for one in messages(catalog) if not complete(one) or one.fuzzy]
    assert not missing, f"{domain.file(language)}: translate these"


@both
@every
def test_catalogs_have_exactly_the_texts_of_the_sources(domain: Domain, language: str) -> None:
    catalog = read(domain, language)
    known = {(one.id, one.context) for one in messages(catalog)}
    needed = {(one.id, one.context) for one in messages(extracted(domain))}
    assert not catalog.obsolete, STALE
    assert known == needed, STALE


@both
@every
def test_every_plural_has_as_many_forms_as_the_language(domain: Domain, language: str) -> None:
    catalog = read(domain, language)
    expected = {"ar": 6, "ja": 1}.get(language, 2)
    assert catalog.num_plurals == expected
    for one in messages(catalog):
        if one.pluralizable:
            assert len(one.string or ()) == expected, one.id


@both
@every
def test_no_form_loses_a_placeholder(domain: Domain, language: str) -> None:
    for message in messages(read(domain, language)):
        for english, form, number in forms(message):
            missing = Counter(PLACEHOLDER.findall(english)) - Counter(PLACEHOLDER.findall(form))
            if message.pluralizable and number in ONE_NUMBER.get(language, ()):
                missing = Counter({name: 1 for name in missing if name not in NUMBERS})
            assert not missing, form
            assert set(PLACEHOLDER.findall(form)) <= set(PLACEHOLDER.findall(english)), form
            # What Jinja2 and `Sentence` do with it.
            assert Counter(IN_SCRIPTS.findall(form)) == Counter(IN_SCRIPTS.findall(english)), form
            assert form % dict.fromkeys(PLACEHOLDER.findall(form), "x"), form


@both
@every
def test_no_form_changes_the_markup(domain: Domain, language: str) -> None:
    for message in messages(read(domain, language)):
        for english, form, _ in forms(message):
            assert Counter(TAG.findall(form)) == Counter(TAG.findall(english)), form
            # Texts stand in attributes too.
            bare = TAG.sub("", form)
            assert '"' not in bare, f"{form}: use the quotation marks of the language"
            assert "<" not in bare, form
            assert "&" not in bare.replace("&gt;", ""), form


@every
def test_both_catalogs_say_the_same_in_the_same_words(language: str) -> None:
    first, second = ({one.id: one.string for one in messages(read(d, language))} for d in DOMAINS)
    for text in first.keys() & second.keys():
        assert first[text] == second[text], text


def test_a_number_gets_its_form_in_arabic() -> None:
    words = theme_language.catalog_of(THEME.folder, "ar")
    said = [
        words.ngettext("%(num)s reply", "%(num)s replies", n) for n in (0, 1, 2, 3, 11, 100, 103)
    ]
    assert len(set(said)) == 6
    assert said[3] == said[6]


@pytest.mark.parametrize(
    ("language", "day", "moment", "number"),
    [
        ("en", "3 November 2026", "3 November 2026, 09:05 UTC", "12,345"),
        ("en-GB", "3 November 2026", "3 November 2026, 09:05 UTC", "12,345"),
        ("de", "3. November 2026", "3. November 2026, 09:05 UTC", "12.345"),
        ("fr", "3 novembre 2026", "3 novembre 2026, 09:05 UTC", "12\u202f345"),
        ("es", "3 de noviembre de 2026", "3 de noviembre de 2026, 09:05 UTC", "12.345"),
        ("pt-BR", "3 de novembro de 2026", "3 de novembro de 2026 09:05 UTC", "12.345"),
        ("ja", "2026年11月3日", "2026年11月3日 09:05 UTC", "12,345"),
        ("ar", "3 نوفمبر 2026", "3 نوفمبر 2026، 09:05 UTC", "12,345"),
    ],
)
def test_both_sides_write_days_and_numbers_alike(
    language: str, day: str, moment: str, number: str
) -> None:
    at = datetime(2026, 11, 3, 9, 5, tzinfo=UTC)
    words = service_language.words_of(language)
    assert (words.day(at), formats.day(language, at)) == (day, day)
    assert (words.when(at), formats.moment(language, at)) == (moment, moment)
    assert (words.number(12345), formats.number(language, 12345)) == (number, number)


def test_lists_of_names_are_joined_as_the_language_does() -> None:
    def joined(language: str) -> str:
        names = ["A", "B", "C"]
        return "".join(formats.joint(language, n, 3) + name for n, name in enumerate(names))

    assert joined("en") == "A, B and C"
    assert joined("de") == "A, B und C"
    assert joined("ja") == "A、B、C"
    assert joined("ar") == "A وB وC"


def test_the_direction_is_the_languages() -> None:
    said = {tag: formats.direction("en", tag) for tag in ("en", "ar", "he", "fa-IR", "ja", "tlh")}
    assert said == {
        "en": "ltr", "ar": "rtl", "he": "rtl", "fa-IR": "rtl", "ja": "ltr", "tlh": "ltr",
    }  # fmt: skip


def test_a_sentence_is_english_until_it_is_said() -> None:
    sentence = service_language.counted(
        "%(field)s must be %(num)s character or fewer; it has %(length)s",
        "%(field)s must be %(num)s characters or fewer; it has %(length)s",
        10_000,
        field=service_language.sentence("Comment"),
        length=12_345,
    )
    assert sentence == "Comment must be 10,000 characters or fewer; it has 12,345"
    german = service_language.words_of("de")
    # From the process that checks forms beside the service, it comes as it left.
    for one in (sentence, pickle.loads(pickle.dumps(sentence))):
        assert german.say(one) == (
            "Das Feld „Kommentar“ darf höchstens 10.000 Zeichen haben; es hat 12.345"
        )


def test_a_language_without_words_is_refused_with_the_mend() -> None:
    for tag in ("pl", "xx", "../de", "nonsense tag"):
        with pytest.raises(ValueError, match=r"available: ar, de, en, .*docs/languages\.md"):
            service_language.words_of(tag)


def test_a_region_gets_the_words_of_its_language() -> None:
    assert service_language.words_of("pt-BR").gettext("Comment *") == "Comentário *"
    assert service_language.words_of("de-AT").tag == "de-AT"
    assert SERVICE.file("pt").exists()
