import json

import polars as pl
import pytest

from nko_assets.corpus.report import build_report, report_json
from nko_assets.corpus.report_data import ReaderScore, SplitFacts, Targets
from nko_assets_tests.report_tables import (
    WORDS,
    conversations,
    facts,
    inputs,
    nothing,
    pairs,
    reviewed,
    videos,
    vocabulary,
)


def criterion(report, name):
    return next(found for found in report.criteria if found.name == name)


def test_every_stage_of_the_funnel_counts_what_its_name_says():
    splits = SplitFacts(train={"nko_english": 3}, validation={"nko_english": 1})
    report = build_report(
        inputs(
            splits=splits,
            dropped={"nko_english": {"duplicate": 2, "near_duplicate": 1, "no_translation": 5}},
        )
    )
    assert {stage.key: stage.count for stage in report.funnel} == {
        "frames": 9,
        "kept": 6,
        "read": 5,
        "lines": 10,
        "entries": 5,
        "accepted": 3,
        "pair_candidates": 7,
        "pairs": 4,
        "train": 3,
        "validation": 1,
    }


def test_decisions_add_up_to_entries_and_frames_to_their_statuses():
    summary = build_report(inputs(lessons=[facts("a"), facts("b")])).summary
    assert summary["accepted"] + summary["needs_review"] + summary["rejected"] == summary["entries"]
    assert (
        summary["kept"] + summary["repeats"] + summary["superseded"] + summary["blank"]
        == summary["frames"]
    )


def test_the_histogram_holds_every_scored_entry_and_the_last_bin_the_certain_ones():
    report = build_report(inputs())
    assert sum(sum(bins) for bins in report.confidence.values()) == report.summary["entries"]
    assert report.confidence["accepted"][-1] == 2
    assert report.confidence["needs_review"][12] == 1
    assert report.confidence["rejected"][8] == 1


def test_videos_keep_the_order_of_the_channel_and_have_one_status_each():
    rows = build_report(inputs()).videos
    assert [(row.video_id, row.status) for row in rows] == [
        ("a", "done"),
        ("b", "waiting"),
        ("c", "failed"),
    ]
    assert rows[2].reason == "the file is not a video"
    assert rows[0].pairs == 4


def test_a_video_that_is_no_longer_listed_is_still_shown():
    rows = build_report(inputs(videos=videos("b"), failures={})).videos
    assert [(row.video_id, row.status, row.reason) for row in rows] == [
        ("b", "waiting", ""),
        ("a", "done", "not listed any more"),
    ]


def test_a_failed_video_is_not_done_even_when_it_was_reviewed_before():
    report = build_report(inputs(failures={"a": "download refused"}))
    assert report.summary["videos_done"] == 0
    assert report.summary["videos_failed"] == 1


def test_phrases_and_words_are_distinct_and_extracted_ones_only():
    again = pl.concat([pairs("a"), pairs("b")])
    words = pl.concat([vocabulary("a"), vocabulary("b")])
    report = build_report(inputs(pairs=again, vocabulary=words))
    assert criterion(report, "Unique phrases").value == 3
    assert criterion(report, "Words").value == 2
    assert report.summary["synthetic"] == 2


def test_examples_are_the_rows_of_all_four_files():
    report = build_report(inputs(conversations=pl.concat([conversations("a"), conversations("b")])))
    assert criterion(report, "Training examples").value == 5 + 2 + 1 + 2


@pytest.mark.parametrize(("target", "status"), [(1, "met"), (2, "not met")])
def test_a_count_meets_its_target_from_the_target_on(target, status):
    report = build_report(inputs(targets=Targets(videos=target)))
    assert criterion(report, "Videos done").status == status


def test_cost_and_errors_are_met_below_their_target():
    report = build_report(
        inputs(sample_score=ReaderScore(0.009, 1200, 80, 0.97), targets=Targets(cost_usd=0.05))
    )
    assert criterion(report, "Reader’s character errors").status == "met"
    assert criterion(report, "Cost of reading").status == "not met"
    assert criterion(report, "Cost of reading").value == pytest.approx(0.06)


def test_what_was_not_measured_is_unknown_and_says_so():
    report = build_report(nothing())
    unknown = [found for found in report.criteria if found.status == "unknown"]
    assert [found.name for found in unknown] == [
        "Accuracy on validation",
        "Reader’s character errors",
        "Cost of reading",
    ]
    assert all(found.note.startswith("unknown") for found in unknown)


def test_an_accuracy_of_85_percent_is_met_exactly_there():
    assert criterion(build_report(inputs(accuracy=0.85)), "Accuracy on validation").status == "met"
    report = build_report(inputs(accuracy=0.849))
    assert criterion(report, "Accuracy on validation").status == "not met"


def test_reasons_are_grouped_without_their_numbers_and_keep_rows_to_look_at():
    report = build_report(inputs(lessons=[facts("a"), facts("b")]))
    assert [(row.reason, row.decision, row.count) for row in report.reasons] == [
        ("confidence … is below …", "needs_review", 2),
        ("not N'Ko text as people write it: see signals [too_short]", "rejected", 2),
        ("whole frame: max_tokens: the answer stopped after … tokens", "rejected", 2),
    ]
    assert {row.video_id for row in report.reasons[0].rows} == {"a", "b"}


def test_readings_are_counted_by_status_with_an_example_of_the_reason():
    statuses = build_report(inputs()).reading_statuses
    assert [(row.status, row.count, row.reason) for row in statuses] == [
        ("ok", 5, ""),
        ("max_tokens", 1, "the answer stopped after 8192 tokens"),
    ]


def test_samples_come_from_many_videos_before_two_come_from_one():
    lessons = [facts(f"video-{number}") for number in range(7)]
    samples = build_report(inputs(lessons=lessons)).samples
    accepted = [row for row in samples if row.decision == "accepted"]
    assert len(accepted) == 9
    assert len({row.video_id for row in accepted[:7]}) == 7
    assert all(row.picture.startswith(b"\xff\xd8") for row in samples)


def test_tone_variants_carry_the_meaning_that_a_pair_gives():
    variants = {"ߌ ߣߌ ߗߋ": ["ߌ ߣߌ߫ ߗߋ߫", WORDS[1][0]], "ߒߞߏ": ["ߒߞߏ", "ߒߞߏ߫", "ߒߞߏ߬"]}
    report = build_report(inputs(tone_variants=variants))
    assert report.tone_variants_total == 2
    assert report.tone_variants[0].base == "ߒߞߏ"
    assert dict(report.tone_variants[0].forms) == {"ߒߞߏ": "N’Ko", "ߒߞߏ߫": "", "ߒߞߏ߬": ""}
    assert dict(report.tone_variants[1].forms)[WORDS[1][0]] == "good afternoon"


def test_licences_are_counted_by_source():
    report = build_report(inputs(pairs=pl.concat([pairs("a"), pairs("z")])))
    found = {(row.source, row.licence): row for row in report.licences}
    assert found["a channel", "CC-BY-SA-4.0"].rows["nko_english"] == 5
    assert found["not listed", "CC-BY-SA-4.0"].videos == 1


def test_the_same_data_give_the_same_report_in_any_order():
    lessons = [facts(name) for name in "abc"]
    first = report_json(build_report(inputs(lessons=lessons, failures={})))
    second = report_json(
        build_report(inputs(lessons=lessons[::-1], failures={}, pairs=pairs("a").reverse()))
    )
    assert first == second


def test_the_json_holds_the_numbers_and_no_pictures():
    report = build_report(inputs())
    read = json.loads(report_json(report))
    assert read["summary"] == dict(report.summary)
    assert read["samples"][0]["nko"] == report.samples[0].nko
    assert "picture" not in read["samples"][0]
    assert "ߌ ߣߌ߫" in report_json(report)


def test_nothing_at_all_is_a_report_that_says_so():
    report = build_report(nothing())
    assert report.is_empty
    assert set(report.summary.values()) == {0}
    assert build_report(nothing(videos=videos("a"))).is_empty
    assert not build_report(nothing(videos=videos("a"), failures={"a": "gone"})).is_empty


def test_rows_on_neither_side_of_the_split_are_counted():
    splits = SplitFacts(
        train={"nko_english": 2, "conversations": 1, "synthetic": 1},
        validation={"nko_english": 1, "conversations": 0},
    )
    rows = build_report(inputs(splits=splits)).splits
    assert [(row.file, row.train, row.validation, row.excluded) for row in rows] == [
        ("nko_english", 2, 1, 1),
        ("conversations", 1, 0, 0),
        ("synthetic", 1, 0, 0),
    ]


def test_entries_of_known_text_measure_the_confidence():
    reviewed_rows = reviewed("a")
    known = dict.fromkeys(reviewed_rows["reading_id"], True)
    known[reviewed_rows["reading_id"][0]] = False
    found = build_report(inputs(lessons=[facts("a", known=known)])).calibration
    assert (found.known, found.sure, found.wrong) == (5, 3, 1)
    assert sum(one.count for one in found.bins) == 5
    assert found.held_out is None


def test_without_known_text_nothing_is_claimed():
    found = build_report(inputs()).calibration
    assert (found.known, found.sure, found.wrong, found.error) == (0, 0, 0, 0)
