"""The packaged model: inspectable, of the right signs, and as good as it says."""

from __future__ import annotations

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.evidence import (
    FEATURES,
    WITH_DICTIONARY,
    Claim,
    Frame,
    SeenLine,
    evidence_of,
)
from nko_assets.reading.trust.model import load

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
WRONG = "ߌ ߣߎ߫ ߛߐ߰ߡߊ߬"


def confidence(nko: str, *seen: SeenLine, dictionary: Dictionary | None = None) -> float:
    """Of one entry among nine others on which both readers agree."""
    company = Frame([Claim(GREETING)], [SeenLine(GREETING, 0.95)])
    found = evidence_of([Frame([Claim(nko)], seen), *[company] * 9], dictionary)[0][0]
    fitted = load()
    model = fitted.with_dictionary if dictionary else fitted.without_dictionary
    return model.probability(found)


def test_no_coefficient_has_the_wrong_sign():
    fitted = load()
    assert fitted.without_dictionary.coefficients.keys() == FEATURES.keys()
    signs = {**FEATURES, **WITH_DICTIONARY}
    assert fitted.with_dictionary.coefficients.keys() == signs.keys()
    for model in (fitted.without_dictionary, fitted.with_dictionary):
        assert all(weight * signs[name] >= 0 for name, weight in model.coefficients.items())
        assert model.usual.keys() == model.coefficients.keys()


def test_it_says_how_it_was_made():
    made = load().made
    assert made["large model"] == "simulated"
    assert made["pages"] >= 600
    assert made["date"]


def test_on_held_out_frames_it_keeps_its_word():
    for model in (load().without_dictionary, load().with_dictionary):
        held_out = model.held_out
        assert held_out.entries > 1000
        assert held_out.error < 0.03
        assert held_out.auroc > 0.97
        assert held_out.wrong / held_out.sure < 0.03
        assert sum(one.count for one in held_out.bins) == held_out.entries


def test_what_both_readers_read_is_trusted():
    assert confidence(GREETING, SeenLine(GREETING, 0.98)) > 0.95


def test_what_a_sure_offline_reader_contradicts_is_not():
    assert confidence(WRONG, SeenLine(GREETING, 0.999)) < 0.5


def test_the_less_sure_the_offline_reader_is_the_less_its_contradiction_counts():
    found = [confidence(WRONG, SeenLine(GREETING, sure)) for sure in (0.3, 0.8, 0.99)]
    assert found == sorted(found, reverse=True)


def test_what_the_offline_reader_did_not_see_is_not_trusted_by_itself():
    assert confidence(GREETING) < 0.9


def test_words_that_the_dictionary_knows_speak_for_an_entry():
    seen = SeenLine(WRONG, 0.6)
    known = confidence(GREETING, seen, dictionary=Dictionary([GREETING]))
    unknown = confidence(GREETING, seen, dictionary=Dictionary(["ߒߞߏ"]))
    assert known > unknown


def test_the_file_is_written_as_it_is_read(tmp_path):
    copy = tmp_path / "trust.json"
    copy.write_text(load().to_json(), encoding="utf-8")
    assert load(copy) == load()


@pytest.mark.parametrize("text", ["", "{}", '{"made": {}, "without_dictionary": 1}'])
def test_a_damaged_file_is_a_clear_failure(tmp_path, text):
    path = tmp_path / "trust.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="Install the package again"):
        load(path)
