"""The check of the split can fail: each kind of leak is planted in good files and found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nko_assets.corpus.leakage import Leak, leakage
from nko_assets.failures import PermanentFailure
from nko_assets_tests.builders import channel
from nko_assets_tests.corpus_files import Corpus, corpus_of, write_corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpus_of(channel(6, 24))


@pytest.fixture
def splits(corpus: Corpus, tmp_path: Path) -> Path:
    write_corpus(corpus, tmp_path)
    return tmp_path / "splits"


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def plant(splits: Path, file: str, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> str:
    """Change the longest row of a train file, given the longest pair of validation."""
    held_out = max(
        rows_of(splits / "validation" / "nko_english.jsonl"), key=lambda row: len(row["nko"])
    )
    path = splits / "train" / f"{file}.jsonl"
    rows = rows_of(path)
    change(rows[0], held_out)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"{file}:{rows[0]['id']}"


def found(splits: Path) -> list[Leak]:
    return leakage(splits / "train", splits / "validation")


def test_a_clean_split_has_no_leak(splits: Path) -> None:
    assert found(splits) == []


def test_a_video_on_both_sides_is_found(splits: Path) -> None:
    place = plant(splits, "nko_english", lambda row, held: row.update(video_id=held["video_id"]))
    assert [(leak.kind, leak.train) for leak in found(splits)] == [("video", place)]


def test_a_frame_of_a_video_on_both_sides_is_found(splits: Path) -> None:
    place = plant(splits, "ocr_samples", lambda row, held: row.update(frame_id=held["frame_id"]))
    assert [(leak.kind, leak.train) for leak in found(splits)] == [("video", place)]


def test_a_source_of_a_word_on_both_sides_is_found(splits: Path) -> None:
    def change(row: dict[str, Any], held: dict[str, Any]) -> None:
        row["sources"][0]["video_id"] = held["video_id"]

    place = plant(splits, "vocabulary", change)
    assert [(leak.kind, leak.train) for leak in found(splits)] == [("video", place)]


@pytest.mark.parametrize(
    ("file", "column"),
    [("nko_english", "nko"), ("ocr_samples", "text"), ("vocabulary", "word")],
)
def test_a_text_on_both_sides_is_found(splits: Path, file: str, column: str) -> None:
    place = plant(splits, file, lambda row, held: row.update({column: f" {held['nko']}. "}))
    assert ("text", place) in [(leak.kind, leak.train) for leak in found(splits)]


def test_a_text_said_in_a_message_that_its_row_does_not_declare_is_found(splits: Path) -> None:
    def change(row: dict[str, Any], held: dict[str, Any]) -> None:
        row["messages"][-1]["content"] += f"\nBy the way, {held['nko']} (hello)."

    place = plant(splits, "conversations", change)
    assert ("text", place) in [(leak.kind, leak.train) for leak in found(splits)]


def test_a_text_among_the_examples_of_a_word_is_found(splits: Path) -> None:
    def change(row: dict[str, Any], held: dict[str, Any]) -> None:
        row["examples"].append({"nko": held["nko"], "english": None, "french": None})

    place = plant(splits, "vocabulary", change)
    assert ("text", place) in [(leak.kind, leak.train) for leak in found(splits)]


def test_a_near_duplicate_is_found(splits: Path) -> None:
    def change(row: dict[str, Any], held: dict[str, Any]) -> None:
        row["nko"] = held["nko"].replace(" ", "") + "ߒ"

    place = plant(splits, "nko_english", change)
    assert ("near_duplicate", place) in [(leak.kind, leak.train) for leak in found(splits)]


def test_another_tone_on_a_long_text_is_found(splits: Path) -> None:
    def change(row: dict[str, Any], held: dict[str, Any]) -> None:
        row["nko"] = held["nko"] + "\u07ef"

    place = plant(splits, "nko_english", change)
    assert ("near_duplicate", place) in [(leak.kind, leak.train) for leak in found(splits)]


def test_a_short_word_one_letter_away_is_no_leak(splits: Path) -> None:
    def change(row: dict[str, Any], held: dict[str, Any]) -> None:
        row["nko"] = "ߊߺߊߺߋ"

    plant(splits, "nko_english", change)
    assert found(splits) == []


def test_a_synthetic_row_in_validation_is_found(splits: Path) -> None:
    path = splits / "validation" / "conversations.jsonl"
    rows = rows_of(path)
    rows[0]["origin"] = "synthetic"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [leak.kind for leak in found(splits)] == ["synthetic"]


@pytest.mark.parametrize("side", ["train", "validation"])
def test_an_empty_side_is_refused_not_passed(splits: Path, side: str) -> None:
    for path in (splits / side).glob("*.jsonl"):
        path.write_text("")
    with pytest.raises(PermanentFailure, match="no rows"):
        found(splits)
