"""The tuning group: a leak stops the splits, and a lopsided share is told."""

from __future__ import annotations

import json

import pytest

from nko_assets_tests.builders import channel
from nko_assets_tests.corpus_files import corpus_of, write_corpus
from nko_assets_tests.workbench import Workbench, check, entry_of

VIDEOS = tuple(f"lesson-{number}" for number in range(8))


def bench_of(root, videos) -> Workbench:
    bench = Workbench(root, *map(entry_of, videos))
    table = channel(len(videos), 12)
    bench.put_lesson(table)
    write_corpus(corpus_of(table), root)
    return bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return bench_of(tmp_path_factory.mktemp("splits"), VIDEOS)


def test_nothing_leaks_and_about_a_tenth_is_held_out(bench):
    outcome = bench.work("splits", "", *VIDEOS)
    assert check(outcome, "no_leak").passed
    assert check(outcome, "a_tenth_is_validation").passed
    assert (bench.lake.root / "splits" / "README.md").is_file()
    assert set(outcome.facts["leaks"].values()) == {0}


def test_a_single_video_leaves_validation_empty_and_that_is_told(tmp_path):
    result = check(
        bench_of(tmp_path, VIDEOS[:1]).work("splits", "", VIDEOS[0]), "a_tenth_is_validation"
    )
    assert not result.passed
    assert "validation is empty" in result.message
    assert "(0%)" in result.message


def test_a_text_that_a_conversation_quotes_from_the_other_side_stops_the_splits(tmp_path):
    bench = bench_of(tmp_path, VIDEOS)
    held_out = bench.work("splits", "", *VIDEOS).facts["validation videos"]
    pairs = [json.loads(line) for line in (tmp_path / "training/nko_english.jsonl").open()]
    quoted = max((row["nko"] for row in pairs if row["video_id"] in held_out), key=len)
    path = tmp_path / "training" / "conversations.jsonl"
    rows = [json.loads(line) for line in path.open()]
    for row in rows:
        if row["video_id"] not in held_out:
            row["messages"][-1]["content"] += f" {quoted}"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    outcome = bench.work("splits", "", *VIDEOS)
    result = check(outcome, "no_leak")
    assert not result.passed
    assert result.severity == "ERROR"
    assert outcome.facts["leaks"]["text"] > 0
    assert any(quoted[:5] in leak for leak in result.facts["leaks"])
