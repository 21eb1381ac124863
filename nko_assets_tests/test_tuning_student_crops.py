"""Only what somebody else vouches for teaches the reader, and nothing that it is measured with."""

from __future__ import annotations

import base64

import polars as pl

from nko_assets.corpus.jsonl import write_jsonl
from nko_assets.corpus.ocr_samples import ocr_samples, sample_id
from nko_assets.schemas.readings import Readings
from nko_assets.tuning.student.crops import apart, crops, vouchers
from nko_assets_tests.builders import frame_jpeg, reading, reviewed
from nko_assets_tests.student_lines import crop
from nko_assets_tests.tables import GOOD, made

TEXT = "ߒߞߏ ߛߓߍ"
OTHER = "ߞߊ߬ߙߊ߲߬ߡߐ߮"
FRAME = "lesson-1:5000"


def readings_of(*texts: str) -> pl.DataFrame:
    """One frame on which a reader gives these entries."""
    entries = [
        {
            "line": number,
            "kind": "phrase",
            "nko": text,
            "nko_raw": text,
            "box": [100, 100, 400, 140],
            "confidence": 0.99,
        }
        for number, text in enumerate(texts)
    ]
    frame = {"frame_id": FRAME, "video_id": "lesson-1", "timestamp_ms": 5000}
    return made(Readings, frame | {"entries": entries})


def seen(*texts: str) -> pl.DataFrame:
    """The same frame as the offline reader reads it."""
    line = GOOD[Readings]["lines"][0]
    lines = [line | {"line": number, "text": text} for number, text in enumerate(texts)]
    frame = {"frame_id": FRAME, "video_id": "lesson-1", "timestamp_ms": 5000}
    return made(Readings, frame | {"lines": lines})


NOBODY = made(Readings).clear()


def test_the_readers_own_confidence_vouches_for_nothing():
    sure = reviewed(reading(TEXT, confidence=1.0))
    assert vouchers(sure, readings_of(TEXT), NOBODY) == {}


def test_a_person_vouches_for_what_was_accepted_or_corrected():
    corrected = reviewed(reading(OTHER, decided_by="Fanta", reason="corrected by Fanta"))
    found = vouchers(corrected, readings_of(TEXT), NOBODY)
    assert found == {sample_id(FRAME, OTHER): "person"}


def test_a_person_who_rejects_a_line_or_leaves_it_open_vouches_for_nothing():
    for decision in ("rejected", "needs_review"):
        left = reviewed(reading(TEXT, decided_by="Fanta", decision=decision))
        assert vouchers(left, readings_of(TEXT), seen(TEXT)) == {}


def test_two_readers_vouch_for_a_line_when_they_say_the_very_same():
    table = reviewed(reading(TEXT))
    assert vouchers(table, readings_of(TEXT), seen(TEXT)) == {sample_id(FRAME, TEXT): "agreement"}
    toneless = "ߞߊߙߊ߲ߡߐ߮"
    assert vouchers(reviewed(reading(OTHER)), readings_of(OTHER), seen(toneless)) == {}


def test_a_person_counts_for_more_than_agreement():
    table = reviewed(reading(TEXT, decided_by="Fanta"))
    assert vouchers(table, readings_of(TEXT), seen(TEXT)) == {sample_id(FRAME, TEXT): "person"}


def test_the_crops_of_a_file_are_those_that_somebody_vouches_for(tmp_path):
    table = reviewed(reading(TEXT, box=[100, 100, 400, 140]), reading(OTHER, timestamp_ms=9000))
    rows = ocr_samples(table, frame_jpeg).rows
    path = tmp_path / "ocr_samples.jsonl"
    write_jsonl(path, rows.iter_rows(named=True))
    (found,) = crops(path, {sample_id(FRAME, TEXT): "person"})
    row = rows.filter(text=TEXT).row(0, named=True)
    assert (found.text, found.by, found.video_id) == (TEXT, "person", "lesson-1")
    assert found.jpeg == base64.b64decode(row["image"])
    assert crops(path, {}) == []


def test_a_crop_becomes_a_line_with_its_own_place_in_the_picture(tmp_path):
    table = reviewed(reading(TEXT, box=[100, 100, 400, 140]))
    path = tmp_path / "ocr_samples.jsonl"
    write_jsonl(path, ocr_samples(table, frame_jpeg).rows.iter_rows(named=True))
    (found,) = crops(path, {sample_id(FRAME, TEXT): "person"})
    line = found.line()
    assert line.image.shape == (56, 316)
    assert line.box == (8, 8, 308, 48)
    assert line.text == TEXT


def test_nothing_from_a_held_out_video_or_like_a_held_out_text_is_taught():
    taught = [crop(0), crop(1, "lesson-9"), crop(2), crop(3)]
    kept, left = apart(taught, ["lesson-9"], [taught[2].text])
    assert [one.text for one in kept] == [taught[0].text, taught[3].text]
    assert [one.text for one in left] == [taught[1].text, taught[2].text]
