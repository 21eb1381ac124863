"""N'Ko in Latin letters, by rule."""

import csv
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.nko import characters as c
from nko_assets.nko import latin_agreement, normalize, romanize
from nko_assets_tests.shared import SHARED, needs_shared

NKO = "".join(map(chr, range(0x07C0, 0x0800)))


@pytest.mark.parametrize(
    ("nko", "plain", "marked", "full"),
    [
        ("ߒߞߏ", "nko", "nko", "ńkó’"),
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "i ni sɔɔma", "i ní sɔ̀ɔmà", "í’ ní sɔ̀ɔmà"),
        ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟", "i ka kɛndɛ?", "i ká kɛndɛ́?", "í’ ká kɛ́ndɛ́?"),
        ("ߛߋ߲߬ߓߊ", "senba", "sènba", "sènbá’"),
        ("ߓߊ߯ߙߊ", "baara", "báara", "báará’"),
        ("ߗߍ߭", "cɛ", "cɛ̌", "cɛ̌"),
        ("ߘߎ߱", "duu", "dǔu", "dǔu"),
        ("ߛߎ߮", "suu", "sûu", "súu’"),
        ("ߢߐ߲߮", "ɲɔɔn", "ɲɔ̂ɔn", "ɲɔ́ɔn’"),
        ("ߕߊ߲߰", "taan", "tàan", "tàan"),
    ],
)
def test_the_three_degrees_of_tone(nko, plain, marked, full):
    assert romanize(nko) == plain
    assert romanize(nko, marked=True) == unicodedata.normalize("NFC", marked)
    assert romanize(nko, implied=True) == unicodedata.normalize("NFC", full)


@pytest.mark.parametrize(
    ("nko", "latin"),
    [
        ("ߓߟߏ", "bolo"),
        ("ߛߓߍ", "sɛbɛ"),
        ("ߜߟߍ߬", "gbɛ̀lɛ̀"),
        ("ߓߑߟߏ", "blo"),
        ("ߓߟߋ߲", "blen"),
        ("ߓߟߏ߯", "blóo"),
        ("ߣߣߊ", "nna"),
        ("ߞߙߌߛߑߕߐߝ", "kiristɔf"),
        ("ߓߋߖ߭ߟߌ", "bezili"),
    ],
)
def test_dropped_vowels_come_back_with_their_tone(nko, latin):
    assert romanize(nko, marked=True) == unicodedata.normalize("NFC", latin)


@pytest.mark.parametrize(
    ("nko", "latin"),
    [
        ("ߞߵߊ߬", "k’a"),
        ("ߓߘߴߊ߬", "bad’a"),
        ("ߥߟߴߊ߬", "wal’a"),
        ("ߞߣߴߊ߬", "kɔn’a"),
        ("ߡߙߴߊ߬", "mr’a"),
    ],
)
def test_elisions_are_apostrophes_and_frequent_ones_keep_the_vowel_before(nko, latin):
    assert romanize(nko) == latin


@pytest.mark.parametrize(("nko", "latin"), c.FOREIGN_SOUNDS.items())
def test_foreign_sounds_are_letters_of_their_own_and_no_tones(nko, latin):
    assert romanize(nko) == romanize(nko, marked=True) == latin


@pytest.mark.parametrize(
    ("nko", "latin"),
    [
        ("߁߂߃", "123"),
        ("ߥߟߊ߬ߘߊ ߁߀߲", "walada 10nan"),
        ("߁߭", "1nan"),
        ("߂߄-߀߄-߂߀߂߅", "24-04-2025"),
        ("߾߅،߿߉߅", "đ5,ŧ95"),
    ],
)
def test_numbers_become_western_most_significant_digit_first(nko, latin):
    assert romanize(nko) == latin


@pytest.mark.parametrize(
    ("nko", "latin"),
    [
        ("ߓߊ ߸ ߓߊ، ߓߊ؛ ߓߊ ߹", "ba, ba, ba; ba!"),
        ("ߓߊ ﴿ ߓߊ ﴾", "ba (ba)"),
        ("«ߓߊ» (ߓߊ).", "«ba» (ba)."),
        ("ߛߎ ߺ ߎ ߺ ߛߎ", "su - u - su"),
        ("ߌ-ߣߌ-ߛߣߍ߫", "i-ni-sɛnɛ"),
        ("ߓߊ\nߛߏ", "ba\nso"),
        ("YouTube ߓߊ", "YouTube ba"),
        ("", ""),
    ],
)
def test_punctuation_takes_its_latin_shape_and_other_text_stays(nko, latin):
    assert romanize(nko) == latin


@settings(max_examples=200)
@given(st.text(alphabet=st.sampled_from(NKO + " .-abé\u200f\u0303"), max_size=25))
def test_no_nko_is_left_and_the_result_is_composed(text):
    for latin in (romanize(text), romanize(text, marked=True), romanize(text, implied=True)):
        assert not set(latin) & set(NKO)
        assert unicodedata.is_normalized("NFC", latin)


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from(NKO + " ."), max_size=25))
def test_the_spelling_of_the_input_does_not_matter(text):
    assert romanize(text) == romanize(normalize(text))
    assert romanize(unicodedata.normalize("NFD", text)) == romanize(text)


@pytest.mark.parametrize(
    ("nko", "latin"),
    [
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "I ní sɔ̀ɔmà!"),
        ("ߛߓߍ", "sèbè"),
        ("ߜߋ߬ߟߎ߲߬ߠߌ߲߬", "gbelounnin"),
        ("ߢߐ߭", "nyɔ"),
        ("ߌ", "i"),
    ],
)
def test_a_romanization_in_another_convention_agrees(nko, latin):
    assert latin_agreement(nko, latin) == 1


def test_a_romanization_of_something_else_does_not_agree():
    assert latin_agreement("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "baara kɛ") < 0.3


@needs_shared
@pytest.mark.parametrize(
    ("column", "marked", "implied"),
    [
        ("latin_plain", False, False),
        ("latin_marked", True, False),
        ("latin_alalc", True, True),
    ],
)
def test_two_independent_transliterators_agree_with_the_rules(column, marked, implied):
    path = SHARED / "data" / "translit_silver_flores.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == 1500
    agreed = sum(
        romanize(row["nko"], marked=marked, implied=implied)
        == unicodedata.normalize("NFC", row[column])
        for row in rows
    )
    assert agreed / len(rows) >= 0.99
