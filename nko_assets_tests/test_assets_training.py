"""The training group: what is written, what its checks say, and when they fail."""

from __future__ import annotations

import json

import pytest

from nko_assets.assets import training
from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.failures import PermanentFailure
from nko_assets.lineage import STEPS
from nko_assets_tests.builders import channel, reading, reviewed
from nko_assets_tests.workbench import Workbench, check, entry_of

FILES = ("translation_pairs", "conversations", "ocr_samples", "vocabulary", "synthetic_examples")
VIDEOS = ("lesson-0", "lesson-1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    bench = Workbench(tmp_path_factory.mktemp("corpus"), *map(entry_of, VIDEOS))
    bench.put_lesson(channel(2, 12))
    return bench, {name: bench.work(name, "", *VIDEOS) for name in FILES}


def of(tmp_path, *rows) -> Workbench:
    bench = Workbench(tmp_path, entry_of("lesson-1"))
    bench.put_lesson(reviewed(*rows))
    return bench


def test_every_file_is_written_and_conforms_to_its_schema(corpus):
    bench, outcomes = corpus
    for name, outcome in outcomes.items():
        assert outcome.facts["rows"] > 0
        assert check(outcome, "json_schema").passed, name
        assert check(outcome, "not_empty").passed, name
    written = {path.name for path in bench.lake.training.glob("*.jsonl")}
    assert {"nko_english.jsonl", "conversations.jsonl", "ocr_samples.jsonl"} <= written


def test_what_is_left_out_lies_beside_with_a_reason(corpus):
    bench, outcomes = corpus
    rows = [row for _, row in iter_jsonl(bench.lake.training / "rejected" / "nko_english.jsonl")]
    assert len(rows) == sum(outcomes["translation_pairs"].facts["left out"].values()) > 0
    assert all(row["reason"] for row in rows)


def test_a_small_channel_is_told_how_far_it_is_from_its_targets(corpus):
    _, outcomes = corpus
    phrases = check(outcomes["translation_pairs"], "5000_phrases")
    assert not phrases.passed
    assert phrases.severity == "WARN"
    assert phrases.message.endswith("unique phrases of 5,000.")
    words = check(outcomes["vocabulary"], "2000_words")
    assert not words.passed
    assert words.message.endswith("words of 2,000.")


def test_a_line_that_breaks_the_schema_is_an_error_with_its_place(corpus, tmp_path):
    bench, _ = corpus
    lines = training.training_file(bench.context(), "nko_english").read_text().splitlines()
    broken = json.loads(lines[1]) | {"nko": "", "confidence": 7}
    path = tmp_path / "nko_english.jsonl"
    path.write_text("\n".join([lines[0], json.dumps(broken), *lines[2:]]) + "\n")
    result = training._json_schema_check("nko_english", path)
    assert not result.passed
    assert result.severity == "ERROR"
    assert any(found.startswith("line 2, ") for found in result.facts["violations"])
    assert "first on line 2, " in result.message


def test_readings_of_which_none_is_accepted_stop_with_the_counts_and_a_way_out(tmp_path):
    bench = of(
        tmp_path,
        reading("ߒߞߏ", decision="needs_review"),
        reading("ߡߊߟߌ", decision="rejected", timestamp_ms=0),
    )
    with pytest.raises(PermanentFailure, match=r"1 need review, 1 are rejected.*NKO_ACCEPT"):
        bench.work("translation_pairs", "", "lesson-1")


def test_accepted_text_without_translations_gives_no_pairs_and_says_so(tmp_path):
    bench = of(tmp_path, reading("ߒߞߏ", english=None))
    pairs = bench.work("translation_pairs", "", "lesson-1")
    assert check(pairs, "json_schema").passed
    assert not check(pairs, "not_empty").passed
    for name in ("conversations", "synthetic_examples"):
        assert not check(bench.work(name, "", "lesson-1"), "not_empty").passed
    assert check(bench.work("vocabulary", "", "lesson-1"), "not_empty").passed


def test_lines_that_cannot_be_cut_out_give_no_samples_and_say_so(tmp_path):
    bench = of(tmp_path, reading("ߒߞߏ", box=[]))
    outcome = bench.work("ocr_samples", "", "lesson-1")
    assert not check(outcome, "not_empty").passed
    assert outcome.facts["left out"]


def test_readings_without_words_give_no_vocabulary_and_say_so(tmp_path):
    outcome = of(tmp_path, reading("߸ ߷")).work("vocabulary", "", "lesson-1")
    assert not check(outcome, "not_empty").passed


def test_only_the_videos_asked_for_are_used(corpus):
    bench, outcomes = corpus
    one = bench.work("vocabulary", "", "lesson-1")
    assert 0 < one.table.height < outcomes["vocabulary"].table.height
    assert set(one.table["video_id"]) == {"lesson-1"}
    bench.work("vocabulary", "", *VIDEOS)


def test_a_new_title_makes_the_pairs_again(tmp_path):
    identity = STEPS["translation_pairs"].identity
    one = Workbench(tmp_path / "a", entry_of("v1")).context("", "v1")
    other = Workbench(tmp_path / "b", entry_of("v1", title="Other")).context("", "v1")
    assert identity(one) != identity(other)


def test_pictures_are_shown_in_the_preview_beside_their_text(corpus):
    _, outcomes = corpus
    preview = outcomes["ocr_samples"].facts["preview"]["markdown"].splitlines()
    assert preview[2].startswith("| ![line](data:image/jpeg;base64,")
    assert all(line.replace("\\|", "").count("|") == 5 for line in preview)
