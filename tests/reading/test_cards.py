"""Cards: what stands on them, and that the same words give the same bytes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from plugins.cards.content import FONT, Card
from plugins.cards.drawing import HEIGHT, MARGIN, WIDTH, draw
from plugins.cards.text_fitting import Lettering

CARD = Card("Rejoinder", "How to network", "Home has better chairs.", "en")
LONG = CARD._replace(title="A title that does not end " * 30)
WORD = CARD._replace(title="Wort" * 60)


@pytest.mark.parametrize("card", [CARD, LONG, WORD, CARD._replace(subtitle="")])
def test_a_card_is_a_small_picture_of_the_usual_size(card: Card) -> None:
    data = draw(card, FONT)
    with Image.open(BytesIO(data)) as picture:
        assert (picture.size, picture.format) == ((1200, 630), "PNG")
    assert len(data) < 40_000


@pytest.mark.parametrize("card", [CARD, LONG, WORD])
def test_nothing_is_cut_off_at_the_edge(card: Card) -> None:
    with Image.open(BytesIO(draw(card, FONT))) as picture:
        plain = picture.convert("RGB")
    edge = plain.crop((WIDTH - MARGIN + 12, 30, WIDTH, HEIGHT))
    assert edge.getextrema() == tuple((value, value) for value in (252, 252, 248))


def test_the_same_words_give_the_same_bytes() -> None:
    assert draw(CARD, FONT) == draw(Card(*CARD), FONT)


def test_a_card_is_named_by_its_words() -> None:
    others = [
        CARD._replace(title="Another"),
        CARD._replace(subtitle=""),
        CARD._replace(site="Other"),
        CARD._replace(language="ar"),
    ]
    assert len({one.name(FONT) for one in [CARD, *others]}) == 5
    assert CARD._replace(language="de").name(FONT) == CARD.name(FONT)


@pytest.mark.parametrize("title", ["会議が早く終わった日", "كيف تبني شبكة علاقات"])
def test_what_the_font_cannot_write_is_left_out_for_the_sites_mark(title: str) -> None:
    assert not Lettering(FONT, leftward=False).can(title)
    card = draw(CARD._replace(title=title, subtitle="x"), FONT)
    assert card == draw(CARD._replace(title="別", subtitle=""), FONT)
    assert card != draw(CARD, FONT)


@pytest.mark.parametrize(
    "title", ["Größe, œuvre, ação, señor", "Ångström – “quoted”", "Что нового"]
)
def test_the_font_writes_european_titles(title: str) -> None:
    assert Lettering(FONT, leftward=False).can(title)


def test_no_word_stands_alone_in_the_last_line() -> None:
    letters = Lettering(FONT, leftward=False)
    words = letters.fit("How to network when you would rather be at home", (88,), 1024, 4)
    lengths = [words.font.getlength(line) for line in words.lines]
    assert min(lengths) > max(lengths) * 0.6


def test_the_font_stands_with_its_licence() -> None:
    assert "SIL Open Font License" in (Path(FONT).parent / "OFL.txt").read_text()
