"""Training text is drawable, legal, varied, and the same for the same seed."""

import re
import unicodedata

import numpy as np
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.charset import CLASSES, LATIN_WORD, fold, visual_classes
from nko_assets.reading.training.text import LineWriter, invented_lines, invented_word, read_lines
from nko_assets.typeset import TYPEFACES

NOTO = TYPEFACES["noto"]


def lines(count: int, writer: LineWriter | None = None, face=NOTO) -> list[str]:
    rng = np.random.default_rng(5)
    return [(writer or LineWriter()).line(rng, 30, face) for _ in range(count)]


def test_the_same_seed_writes_the_same_lines():
    assert lines(20) == lines(20)


def test_lines_are_nfc_and_never_empty():
    for line in lines(300):
        assert unicodedata.normalize("NFC", line) == line
        assert fold(line)


def test_random_lines_alone_cover_every_class():
    seen = {index for line in lines(4000) for index in visual_classes(line)}
    missing = [CLASSES[index] for index in range(1, len(CLASSES)) if index not in seen]
    assert not missing


def test_invented_words_have_marks_only_after_letters():
    rng = np.random.default_rng(1)
    for _ in range(500):
        word = invented_word(rng)
        assert re.fullmatch("([\u07ca-\u07ea][\u07eb-\u07f3]{0,3})+[ߴߵ]?", word)


def test_invented_lines_are_many_different_ones_and_the_same_every_time():
    assert invented_lines(50, seed=0) == invented_lines(50, seed=0)
    assert len(set(invented_lines(50, seed=0))) == 50


def test_a_typeface_is_never_asked_for_what_it_cannot_draw():
    dejavu = TYPEFACES["dejavu"]
    assert all(c == " " or dejavu.covers(c) for line in lines(500, face=dejavu) for c in line)


def test_real_lines_are_used_when_they_are_given():
    text = " ".join(lines(300, LineWriter(["ߝߊߙߊ߲ߛߌ ߞߊ߲"], ["Ouagadougou"])))
    assert "ߝߊߙߊ߲ߛߌ" in text
    assert "Ouagadougou" in text
    assert LATIN_WORD in fold(text)


def test_a_table_gives_its_column_and_a_plain_file_its_lines(tmp_path):
    table, plain = tmp_path / "a.tsv", tmp_path / "b.txt"
    table.write_text('id\tnko\tenglish\n1\tߊ "ߊ\tone\n2\tߋ\ttwo\n3\t\tnothing\n', encoding="utf-8")
    plain.write_text("ߌ  ߌ\n\nߍ\n", encoding="utf-8")
    assert read_lines([table, plain]) == ['ߊ "ߊ', "ߋ", "ߌ ߌ", "ߍ"]
    assert read_lines([table, plain], "english") == ["one", "two", "nothing"]


def test_a_missing_text_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.tsv"):
        read_lines([tmp_path / "nowhere.tsv"])
