"""No video and no text on both sides, and both sides hold something."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.corpus.leakage import leakage
from nko_assets.corpus.splits import split_corpus
from nko_assets.failures import PermanentFailure
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.corpus import SplitAssignments
from nko_assets_tests.builders import channel, reading, reviewed
from nko_assets_tests.corpus_files import Corpus, corpus_of, write_corpus

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
WEIGHED = ("nko_english", "conversations", "ocr_samples")


def share(corpus: Corpus) -> float:
    sides = corpus.splits.assignments.filter(pl.col("file").is_in(WEIGHED))["side"]
    validation, train = (sides == "validation").sum(), (sides == "train").sum()
    return validation / (validation + train)


def leaks(corpus: Corpus, root: Path) -> list[object]:
    write_corpus(corpus, root)
    return list(leakage(root / "splits" / "train", root / "splits" / "validation"))


@pytest.fixture(scope="module")
def sample() -> Corpus:
    return corpus_of(channel(8, 30))


def test_nothing_is_on_both_sides(sample: Corpus, tmp_path: Path) -> None:
    assert leaks(sample, tmp_path) == []


def test_about_a_tenth_is_held_out_of_a_small_channel(sample: Corpus) -> None:
    assert 0.08 <= share(sample) <= 0.17


def test_about_a_tenth_is_held_out_of_a_large_channel(tmp_path: Path) -> None:
    corpus = corpus_of(channel(40, 8))
    assert 0.09 <= share(corpus) <= 0.12
    assert leaks(corpus, tmp_path) == []


def test_every_row_of_every_file_has_a_side_and_a_reason(sample: Corpus, tmp_path: Path) -> None:
    assignments = sample.splits.assignments
    assert schema_failures(SplitAssignments, assignments) == []
    assert not assignments.select("file", "id").is_duplicated().any()
    for file, table in sample.files.items():
        assert set(assignments.filter(pl.col("file") == file)["id"]) == set(table["id"])
    counts = write_corpus(sample, tmp_path)
    excluded = sum(1 for _ in iter_jsonl(tmp_path / "splits" / "excluded.jsonl"))
    written = sum(sum(files.values()) for files in counts.values())
    assert written + excluded == assignments.height


def test_what_is_written_is_what_was_decided(sample: Corpus, tmp_path: Path) -> None:
    write_corpus(sample, tmp_path)
    for side in ("train", "validation"):
        decided = sample.splits.assignments.filter(pl.col("side") == side)
        for path in (tmp_path / "splits" / side).glob("*.jsonl"):
            ids = {row["id"] for _, row in iter_jsonl(path)}
            assert ids == set(decided.filter(pl.col("file") == path.stem)["id"])


def test_a_greeting_of_every_lesson_does_not_join_them_all(sample: Corpus) -> None:
    rows = sample.splits.assignments.filter(
        (pl.col("file") == "ocr_samples") & (pl.col("nko") == GREETING)
    )
    assert rows.filter(pl.col("side") == "train").height == 8 - len(sample.splits.validation_videos)
    assert set(rows.filter(pl.col("side") != "train")["reason"]) == {
        "train has its text or one nearly the same"
    }


def test_synthetic_rows_are_never_in_validation(sample: Corpus, tmp_path: Path) -> None:
    write_corpus(sample, tmp_path)
    assert not (tmp_path / "splits" / "validation" / "synthetic.jsonl").exists()
    for path in (tmp_path / "splits" / "validation").glob("*.jsonl"):
        assert all(row["origin"] == "extracted" for _, row in iter_jsonl(path))


def test_words_of_a_side_are_counted_on_that_side(sample: Corpus) -> None:
    held_out = set(sample.splits.validation_videos)
    for side, table in sample.splits.vocabulary.items():
        assert table.height
        for sources in table["sources"]:
            videos = {source["video_id"] for source in sources}
            assert videos <= held_out if side == "validation" else not videos & held_out


@pytest.mark.parametrize("videos", [2, 3, 5])
def test_two_videos_or_more_give_two_sides(videos: int, tmp_path: Path) -> None:
    corpus = corpus_of(channel(videos, 12))
    assert corpus.splits.note == ""
    assert leaks(corpus, tmp_path) == []
    for side in ("train", "validation"):
        assert (tmp_path / "splits" / side / "nko_english.jsonl").stat().st_size


def test_videos_that_show_the_same_texts_still_give_two_sides(tmp_path: Path) -> None:
    one = channel(1, 30)
    rows = [
        reading(
            row["nko"],
            row["english"],
            video_id=f"lesson-{copy}",
            timestamp_ms=row["timestamp_ms"],
            box=row["box"],
        )
        for copy in range(4)
        for row in one.to_dicts()
    ]
    corpus = corpus_of(reviewed(*rows))
    assert corpus.splits.note == ""
    assert leaks(corpus, tmp_path) == []
    sides = corpus.splits.assignments["side"]
    assert {"train", "validation", "excluded"} <= set(sides)


def test_a_near_duplicate_goes_with_its_text(tmp_path: Path) -> None:
    table = channel(6, 20)
    rows = table.to_dicts()
    longest = max((row for row in rows), key=lambda row: len(row["nko"]))
    for video in range(6):
        misread = longest["nko"] + "ߒ"
        rows.append(reading(misread, f"said {video}", video_id=f"lesson-{video}", timestamp_ms=1))
    corpus = corpus_of(reviewed(*rows))
    assert leaks(corpus, tmp_path) == []
    alike = corpus.splits.assignments.filter(pl.col("nko").is_in([longest["nko"], misread]))
    assert len(set(alike["side"]) - {"excluded"}) == 1


def test_one_video_stays_in_train_and_the_note_says_why() -> None:
    corpus = corpus_of(channel(1, 12))
    assert set(corpus.splits.assignments["side"]) == {"train"}
    assert "one video" in corpus.splits.note


def test_no_rows_at_all_are_refused(sample: Corpus) -> None:
    empty = {file: table.clear() for file, table in sample.files.items()}
    with pytest.raises(PermanentFailure, match="no rows to split"):
        split_corpus(empty, sample.reviewed.clear())


def test_the_order_of_the_rows_does_not_matter(sample: Corpus) -> None:
    shuffled = {
        file: table.sample(fraction=1.0, shuffle=True, seed=4)
        for file, table in sample.files.items()
    }
    again = split_corpus(shuffled, sample.reviewed.reverse())
    assert again.assignments.equals(sample.splits.assignments)
    for side, table in again.vocabulary.items():
        assert table.equals(sample.splits.vocabulary[side])


def test_pictures_are_not_needed_to_decide(sample: Corpus) -> None:
    files = {**sample.files, "ocr_samples": sample.files["ocr_samples"].drop("image")}
    assert split_corpus(files, sample.reviewed).assignments.equals(sample.splits.assignments)


def test_running_again_gives_the_same_bytes(sample: Corpus, tmp_path: Path) -> None:
    write_corpus(sample, tmp_path / "one")
    write_corpus(corpus_of(channel(8, 30)), tmp_path / "two")
    ones = sorted((tmp_path / "one").rglob("*.jsonl"))
    assert len(ones) == 15
    for path in ones:
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == twin.read_bytes()


def test_a_file_newer_than_the_decision_is_refused(sample: Corpus, tmp_path: Path) -> None:
    write_corpus(sample, tmp_path)
    other = corpus_of(channel(2, 12, seed=9))
    with pytest.raises(PermanentFailure, match="no side was decided"):
        write_corpus(Corpus(other.reviewed, other.files, sample.splits), tmp_path)
