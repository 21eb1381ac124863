"""A benchmark's text that was planted in training is found, however it is wrapped; others are not."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.evaluation.benchmarks import benchmark, parallel_examples
from nko_assets.tuning.evaluation.contamination import (
    Seen,
    contamination,
    held_out_shown,
    kept_out,
    training_texts,
)
from nko_assets.tuning.evaluation.frozen_test import choose
from nko_assets_tests.shared import SHARED, needs_shared
from nko_assets_tests.tuning_examples import example

NKO = "ߌ ߣߌ߫ ߗߋ߫ ߓߊ߯ߙߊ ߟߊ߫ ߞߊ߲߬ߞߎߡߊ ߢߌ߲߬ ߠߊ߫"
ENGLISH = "The museum will open its doors to the whole public on the second Monday of next year"
FLORES = benchmark(
    "flores",
    "FLORES",
    "",
    parallel_examples([("1", NKO, ENGLISH)], "flores"),
    limit=9,
    foreign=True,
)
OWN = benchmark("validation", "Validation", "", [example("nko_to_english", NKO, ENGLISH)], limit=9)


def kinds(test, *texts):
    found = contamination(Seen((f"train:{n}", text) for n, text in enumerate(texts)), [test])
    return {(one.kind, one.place) for one in found}


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (NKO, "same"),
        (NKO.replace("\u07eb", ""), "same"),
        (f"How do you read “{NKO}”?", "same"),
        (f"one line\n{NKO}\nanother", "same"),
        (NKO.replace("ߗ", "ߖ"), "nearly the same"),
        (ENGLISH, "same"),
        (ENGLISH.upper() + ".", "same"),
        (f"As the paper says: {ENGLISH}, and then it closes.", "overlaps"),
    ],
)
def test_a_planted_text_is_found(planted, kind):
    assert kinds(FLORES, "ߖߌ", "water", planted) == {(kind, "train:2")}


def test_half_of_a_long_sentence_is_enough_and_a_few_words_are_not():
    half = " ".join(ENGLISH.split()[:13])
    assert kinds(FLORES, half) == {("overlaps", "train:0")}
    assert kinds(FLORES, " ".join(ENGLISH.split()[:9])) == set()


def test_what_everybody_says_is_no_contamination():
    short = benchmark(
        "flores",
        "FLORES",
        "",
        parallel_examples([("1", NKO, "thank you")], "f"),
        limit=9,
        foreign=True,
    )
    assert kinds(short, "thank you") == set()
    assert kinds(short, "Thank you", NKO) == {("same", "train:1")}


def test_of_our_own_lessons_only_nko_counts():
    """Two lessons may well explain different texts with the same English."""
    assert kinds(OWN, ENGLISH) == set()
    assert kinds(OWN, NKO) == {("same", "train:0")}


@given(st.lists(st.text(alphabet="ߓߔߕߘߛߞߊߋߌ abcde", max_size=60), max_size=8), st.integers(0, 8))
def test_a_benchmark_is_found_wherever_it_is_planted(texts, place):
    assert kinds(OWN, *texts) == set()
    place = min(place, len(texts))
    assert kinds(OWN, *texts[:place], NKO, *texts[place:]) == {("same", f"train:{place}")}


HELD_OUT = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬ ߒ ߧߋ߫ ߕߊ߯ ߟߊ߫ ߟߐ߯ߝߍ߬ ߓߌ߬"


@pytest.mark.parametrize(
    "shown",
    [
        HELD_OUT,
        f"{HELD_OUT} ߞߊ߬ ߢߐ߬ ߛߊ߲߬ ߞߊ߬ ߣߊ߬ ߊ߬ ߘߌ߫ ߒ ߓߊ߬ ߡߊ߬",
        f"{HELD_OUT} means that I go to the market",
        f"ߞߎߡߊ\n{HELD_OUT}",
    ],
)
def test_what_would_be_contamination_is_told_before_it_trains(shown):
    taught = example("conversation", "What is this?", shown)
    assert "held out" in held_out_shown([HELD_OUT], [taught])[taught.id]


def test_what_shares_a_few_words_with_a_held_out_text_may_train():
    taught = example("nko_to_english", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬ ߓߊ߬", "good morning, mother")
    assert held_out_shown([HELD_OUT], [taught]) == {}


def test_a_text_that_several_rows_show_bit_by_bit_is_kept_out_with_all_of_them():
    held_out = "ߓߊ ߡߊ ߞߊ ߛߏ ߘߎ ߖߌ ߕߍ ߦߋ ߟߐ ߣߊ ߝߊ ߜߋ ߙߊ ߥߎ ߤߊ ߗߌ ߔߏ ߢߊ"
    words = held_out.split()
    first, last, other = (
        example("nko_to_english", " ".join(some), "x")
        for some in (words[:10], words[8:], words[:7])
    )
    assert held_out_shown([held_out], [first, other]) == {}
    reasons = held_out_shown([held_out], [first, last, other])
    assert reasons.keys() == {first.id, last.id}
    assert all("alone or with others" in reason for reason in reasons.values())
    assert Seen((one.id, one.nko[0]) for one in (first, last)).look_for(held_out) is not None


def test_runs_that_a_text_repeats_count_once_on_both_sides():
    refrain = "ߓߊ ߡߊ ߞߊ ߛߏ ߘߎ ߖߌ ߕߍ ߦߋ"
    held_out = f"{refrain} {refrain} {refrain} ߟߐ ߣߊ ߝߊ ߜߋ ߙߊ ߥߎ ߤߊ ߗߌ ߔߏ ߢߊ ߓߌ ߡߌ"
    taught = example("nko_to_english", refrain, "a refrain")
    assert held_out_shown([held_out], [taught]) == {}
    assert Seen([("train:1", refrain)]).look_for(held_out) is None


def test_what_is_of_the_frozen_test_or_shows_validation_is_kept_out():
    test = choose([example("nko_to_english", NKO, ENGLISH, video_id="v1")])
    validation = [example("nko_to_english", HELD_OUT, "good morning", video_id="v2")]
    video = example("nko_to_english", "ߖߌ", "water", video_id="v1")
    shown = example("conversation", "?", f"{HELD_OUT} means that I go", nko=(), video_id="v3")
    fine = example("define_word", "ߓߊ", "river", video_id="v3")
    reasons = kept_out([video, shown, fine], validation, test)
    assert reasons.keys() == {video.id, shown.id}
    assert "its video v1 is in the frozen test" in reasons[video.id]


WORDS = st.lists(st.text(alphabet="ߓߔߕߘߛߞߊߋߌ", min_size=1, max_size=5), min_size=1, max_size=20)


@given(
    st.lists(WORDS.map(" ".join), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 40), st.integers(8, 20)), max_size=5),
)
def test_what_is_left_to_train_on_is_never_contaminated(held_out, parts):
    long = " ".join(held_out)
    texts = [" ".join(long.split()[start : start + size]) for start, size in parts]
    texts = [long, held_out[0], "ߒߞߏ", "hello", *texts]
    taught = [example("conversation", str(place), text) for place, text in enumerate(texts)]
    reasons = held_out_shown(held_out, taught)
    left = [one for one in taught if one.id not in reasons]
    seen = Seen((one.id, one.answer) for one in left)
    assert [text for text in held_out if seen.look_for(text)] == []


def test_both_shapes_of_training_files_are_read_without_their_system_turns(tmp_path):
    chat = tmp_path / "chat.jsonl"
    row = {"messages": [{"role": "system", "content": NKO}, {"role": "user", "content": "water"}]}
    chat.write_text(json.dumps(row) + "\n", encoding="utf-8")
    gemini = tmp_path / "gemini.jsonl"
    turns = [
        {"role": "user", "parts": [{"fileData": {"fileUri": "gs://x"}}, {"text": "this line"}]},
        {"role": "model", "parts": [{"text": NKO}]},
    ]
    system = {"role": "system", "parts": [{"text": ENGLISH}]}
    gemini.write_text(
        json.dumps({"systemInstruction": system, "contents": turns}) + "\n", encoding="utf-8"
    )

    assert list(training_texts(chat)) == [("chat.jsonl:1", "water")]
    assert list(training_texts(gemini)) == [
        ("gemini.jsonl:1", "this line"),
        ("gemini.jsonl:1", NKO),
    ]


@pytest.mark.parametrize("content", [None, "no json\n", '{"other": 1}\n'])
def test_training_data_that_cannot_be_read_is_no_clean_bill(tmp_path, content):
    path = tmp_path / "train.jsonl"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(PermanentFailure, match="cannot be read"):
        list(training_texts(path))


@needs_shared
def test_real_corpora_that_have_nothing_in_common_are_not_called_contaminated():
    assert SHARED is not None

    def rows(name):
        path = SHARED / "data" / f"{name}.tsv"
        with path.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)

    pairs = [(row["id"], row["nko"], row["english"]) for row in rows("flores_nqo_dev")][:300]
    test = benchmark("flores", "", "", parallel_examples(pairs, "f"), limit=999, foreign=True)
    seed = [
        (row["id"], text) for row in rows("nllb_seed_nqo") for text in (row["nko"], row["english"])
    ]
    assert contamination(Seen(seed[:4000]), [test]) == []
    planted = contamination(Seen([*seed[:4000], ("planted", pairs[7][1])]), [test])
    assert {(one.kind, one.place) for one in planted} == {("same", "planted")}
