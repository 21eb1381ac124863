"""Format C: the picture shows the line, and rows without a picture say why."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from nko_assets.corpus.ocr_samples import LARGEST, ocr_samples
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.corpus import RejectedRows
from nko_assets.schemas.training import OcrSamples
from nko_assets_tests.builders import channel, frame_jpeg, reading, reviewed


def picture(image: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(image, validate=True)))


def test_the_crop_is_the_box_with_room_for_marks() -> None:
    outcome = ocr_samples(reviewed(reading("ߛߏ", "horse", box=[100, 100, 400, 140])), frame_jpeg)
    (row,) = outcome.rows.iter_rows(named=True)
    crop = picture(row["image"])
    assert crop.format == "JPEG"
    assert crop.size == (row["width"], row["height"]) == (300 + 16, 40 + 16)
    gray = crop.convert("L")
    assert gray.getpixel((158, 28)) < 50, "the line is in the middle"
    assert gray.getpixel((2, 2)) > 200, "its surroundings are at the edge"
    assert schema_failures(OcrSamples, outcome.rows) == []


def test_a_box_at_the_edge_is_not_padded_beyond_the_frame() -> None:
    outcome = ocr_samples(reviewed(reading("ߛߏ", "x", box=[0, 0, 640, 40])), frame_jpeg)
    assert outcome.rows.select("width", "height").row(0) == (640, 48)


def test_a_large_crop_is_scaled_down() -> None:
    big = Image.new("RGB", (3000, 1200), "white")
    buffer = io.BytesIO()
    big.save(buffer, "JPEG")
    table = reviewed(reading("ߛߏ", "x", box=[0, 0, 2900, 1100]))
    outcome = ocr_samples(table, lambda _frame: buffer.getvalue())
    width, height = outcome.rows.select("width", "height").row(0)
    assert width <= LARGEST[0]
    assert height <= LARGEST[1]
    assert width / height == pytest.approx(3000 / 1200, rel=0.02)


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ([], "no box"),
        ([10, 10, 15, 40], "smaller"),
        ([10, 10, 300, 12], "smaller"),
        ([10, 10, 9000, 60], "outside"),
        ([300, 60, 10, 10], "smaller"),
    ],
)
def test_an_unusable_box_is_left_out_with_the_reason(box: list[int], why: str) -> None:
    outcome = ocr_samples(reviewed(reading("ߛߏ", "x", box=box)), frame_jpeg)
    assert outcome.rows.is_empty()
    assert why in outcome.rejected["reason"][0]
    assert schema_failures(RejectedRows, outcome.rejected) == []


def test_a_box_that_two_texts_share_shows_more_than_either_says() -> None:
    table = reviewed(
        reading("ߛߏ", "horse"),
        reading("ߓߏ߲", "house", entry=1, decision="needs_review", reason="low"),
    )
    outcome = ocr_samples(table, frame_jpeg)
    assert outcome.rows.is_empty()
    assert "more text" in outcome.rejected["reason"][0]


def test_a_text_over_two_lines_is_no_picture_of_a_line() -> None:
    phrase = "ߡߐ߱ ߟߋ߬ ߓߍߓߊ߮ ߝߋ߲ ߓߍ߯ ߘߐ߫ ߝߌ߬ߛߊ߬ߡߊ߲ ߘߌ߫"
    flat, tall = [20, 100, 420, 140], [20, 200, 320, 290]
    table = reviewed(reading(phrase, box=flat), reading(phrase + " ߛߏ", entry=1, box=tall))
    outcome = ocr_samples(table, frame_jpeg)
    assert outcome.rows["text"].to_list() == [phrase]
    assert outcome.rejected["reason"].to_list() == ["its box shows several lines"]


def test_a_frame_that_is_gone_is_said() -> None:
    outcome = ocr_samples(reviewed(reading("ߛߏ", "horse")), {}.__getitem__)
    assert outcome.rejected["status"].to_list() == ["no_picture"]


def test_a_text_shown_again_in_a_video_gives_one_sample() -> None:
    table = reviewed(
        reading("ߛߏ", "horse", timestamp_ms=1, confidence=0.9),
        reading("ߛߏ", "horse", timestamp_ms=2, confidence=0.95),
        reading("ߛߏ", "horse", timestamp_ms=3, video_id="lesson-2"),
    )
    outcome = ocr_samples(table, frame_jpeg)
    assert sorted(outcome.rows["frame_id"]) == ["lesson-1:2", "lesson-2:3"]
    assert outcome.rejected["status"].to_list() == ["duplicate"]


def test_english_is_the_translation_before_french() -> None:
    table = reviewed(
        reading("ߛߏ", "horse", french="cheval"),
        reading("ߓߏ߲", None, french="maison", entry=1, box=[100, 200, 400, 240]),
        reading("ߓߊ", None, entry=2, box=[100, 250, 400, 290]),
    )
    outcome = ocr_samples(table, frame_jpeg)
    assert dict(outcome.rows.select("text", "translation").iter_rows()) == {
        "ߛߏ": "horse",
        "ߓߏ߲": "maison",
        "ߓߊ": None,
    }


def test_each_frame_is_opened_once() -> None:
    opened: list[str] = []

    def jpeg_of(frame_id: str) -> bytes:
        opened.append(frame_id)
        return frame_jpeg()

    rows = [
        reading(f"ߛߏ{'ߓߊ' * line}", "x", entry=line, box=[50, 20 * line, 600, 20 * line + 18])
        for line in range(5)
    ]
    ocr_samples(reviewed(*rows), jpeg_of)
    assert opened == ["lesson-1:5000"]


def test_the_same_readings_give_the_same_bytes_in_any_order() -> None:
    table = channel(1, 20)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=2)
    assert ocr_samples(table, frame_jpeg).rows.equals(ocr_samples(shuffled, frame_jpeg).rows)
