"""When two texts are nearly the same."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.corpus.similar import LONG_ENOUGH, SIMILARITY, NearDuplicates, fold, similarity
from nko_assets_tests.builders import made_up_word

LETTERS = "ߊߋߌߍߎߏߐߓߕߖߗߘߙߛߝߞߟߡߣߥߦߒ߲"
folds = st.text(LETTERS, min_size=LONG_ENOUGH, max_size=60)


def test_spaces_punctuation_and_tones_do_not_count() -> None:
    assert fold("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬؟") == fold("ߌߣߌ ߛߐߡߊ")


def test_a_nasal_mark_counts() -> None:
    assert fold("ߛߊ߲") != fold("ߛߊ")


def test_short_texts_are_alike_only_when_their_letters_are_the_same() -> None:
    index = NearDuplicates(["ߛߏ", "ߛߐ"])
    assert index.like("ߛߏ") == [(1.0, "ߛߏ")]
    assert index.like("ߛߎ") == []


@given(folds, st.data())
def test_a_text_with_one_wrong_letter_in_twelve_is_found(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    misread = text[:place] + data.draw(st.sampled_from(LETTERS)) + text[place + 1 :]
    assert text in [other for _, other in NearDuplicates([text]).like(misread)]


def test_the_index_finds_what_comparing_all_finds() -> None:
    dice = random.Random(5)
    texts = ["".join(fold(made_up_word(dice)) for _ in range(6)) for _ in range(150)]
    for text in texts[:75]:
        changed = list(text)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.choice(LETTERS)
        texts.append("".join(changed))
    index = NearDuplicates(texts)
    for text in texts:
        every = {other for other in texts if similarity(text, other) >= SIMILARITY}
        assert {other for _, other in index.like(text)} == every


def test_the_order_of_adding_does_not_matter() -> None:
    texts = ["ߌߣߌߛߐߡߊߓߘߊߞߍ", "ߌߣߌߛߐߡߊߓߘߊߞߎ", "ߌߣߌߛߐߡߊߓߘߊߞߌ"]
    assert NearDuplicates(texts).like(texts[0]) == NearDuplicates(texts[::-1]).like(texts[0])
