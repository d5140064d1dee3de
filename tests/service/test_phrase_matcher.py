"""Words of a list are found in any script and spelling, as text, whole, and quickly."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comments_service.domain.phrase_matcher import WordList, folded, tokens
from tests import cpu


def finds(entry: str, text: str) -> bool:
    return bool(WordList([entry]).found([tokens(text)]))


FOUND = [
    ("casino", "Best CASINO!"),
    ("casino", "ｃａｓｉｎｏ in full width"),
    ("casino", "cas\u200bi\u00adno with what nobody sees"),
    ("casino", "_casino_ between signs"),
    ("casino", "https://x.example/casino?a=1"),
    ("buy now", "Please BUY\n  now, friend"),
    ("viagra.com", "at viagra.com."),
    ("$$$", "for $$$$ only"),
    ("c++", "I like C++ and more"),
    (".*", "a literal .* here"),
    ("don't", "you don’t say"),
    ("STRASSE", "die straße"),
    ("straße", "DIE STRASSE UND DIE STRA\u1e9eE"),
    ("istanbul", "İSTANBUL"),
    ("İstanbul", "istanbul"),
    ("ISITMA", "ısıtma"),
    ("café", unicodedata.normalize("NFD", "un CAFÉ noir")),
    (unicodedata.normalize("NFD", "café"), "un café"),
    ("Ἀθῆναι", unicodedata.normalize("NFD", "ἈΘΗ͂ΝΑΙ")),
    ("ΟΔΟΣ", "οδος στην οδός".replace("οδός", "οδος")),
    ("قمار", "موقع قمار جديد"),
    ("قمار", "قِمَار"),
    ("قمار", "قـــمار"),
    ("قمار", "ﻗﻤﺎﺭ"),
    ("שלום", "שָׁלוֹם"),
    ("赌博", "网络赌博游戏"),
    ("赌博", "网络赌 博游戏"),
    ("カジノ", "オンラインｶｼﾞﾉです"),
    ("การพนัน", "เว็บการพนันออนไลน์"),
    ("카지노", "최고의 카지노 사이트"),
    ("करना", "यह करना है"),
    ("казино", "Лучшее КАЗИНО"),
    ("👍🏽", "good 👍🏽"),
    ("❤", "a ❤️ with a variation selector"),
]
NOT_FOUND = [
    ("ass", "a class of glass"),
    ("casino", "casinos"),
    ("resume", "my résumé"),
    ("buy now", "buy it now"),
    ("buy now", "buynow"),
    (".*", "anything"),
    ("a|b", "a"),
    ("[a-z]+", "word"),
    ("赌博", "赌。博"),
    ("कर", "करें और करना"),
    ("قمار", "القمارات"),
    ("карта", "карта́ми"),
    ("viagra.com", "viagra com"),
]


@pytest.mark.parametrize(("entry", "text"), FOUND)
def test_an_entry_is_found(entry: str, text: str) -> None:
    assert finds(entry, text)


@pytest.mark.parametrize(("entry", "text"), NOT_FOUND)
def test_an_entry_is_not_found_in_something_else(entry: str, text: str) -> None:
    assert not finds(entry, text)


@given(st.text(max_size=40))
def test_every_text_is_found_in_itself_however_it_is_normalised(text: str) -> None:
    if not tokens(text):
        return
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        # What composition swallows, decomposition alone cannot always give back.
        assert finds(unicodedata.normalize("NFC", text), unicodedata.normalize(form, text)) or (
            folded(unicodedata.normalize("NFC", text)) != folded(unicodedata.normalize(form, text))
        )
    assert finds(text, f"before {text} behind")


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_finding_takes_no_longer_than_the_text_is_long() -> None:
    words = WordList([*(f"word{number} more" for number in range(10_000)), "a " * 49 + "b"])
    for text in ("a ", "赌", "é", "\u0301", "."):

        def find(size: int, text: str = text) -> None:
            assert not words.found([tokens(text * size)])

        assert cpu.growth(find, 5_000) < 3, text


def test_entries_are_told_as_they_were_written_and_once() -> None:
    words = WordList(["Casino", "CASINO", "buy now", ""])
    row = tokens("casino, casino, buy now")
    assert words.found([row, row]) == ["Casino", "buy now"]
    assert not WordList(["", "  ", "\u200b"])
