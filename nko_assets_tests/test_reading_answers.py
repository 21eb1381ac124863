"""Readings as a table: typed also when empty, and true to the schema."""

import polars as pl
import pytest

from nko_assets.reading.answers import (
    Entry,
    FrameRequest,
    Line,
    Reading,
    entry_kind,
    readings_table,
)
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.readings import Readings

REQUEST = FrameRequest("clip:5000", "clip", 5000, b"jpeg")
HASH = "0" * 64


def reading(**changes) -> Reading:
    values = {
        "frame_id": "clip:0",
        "video_id": "clip",
        "timestamp_ms": 0,
        "status": "ok",
        "reason": "",
        "lines": (Line(0, (1, 2, 3, 4), "nko", "nqo", "ߓߏ߲", "ߓߏ߲", 0.9),),
        "entries": (
            Entry(0, "word", "ߓߏ߲", "ߓߏ߲", None, "house", None, None, (1, 2, 3, 4), 0.9, "frame"),
        ),
        "confidence": 0.9,
        "reader": "offline",
        "model": "weights",
        "request_hash": HASH,
    }
    return Reading(**{**values, **changes})


def test_a_table_of_readings_conforms_to_its_schema():
    failed = Reading.without_text(
        REQUEST, status="error", reason="not a picture", reader="r", model="m", request_hash=HASH
    )
    table = readings_table([reading(), failed])
    assert schema_failures(Readings, table) == []
    assert table["lines"].list.len().to_list() == [1, 0]
    assert table["entries"][0][0]["english"] == "house"


def test_no_readings_give_a_typed_empty_table():
    table = readings_table([])
    assert table.height == 0
    assert table.schema == Readings.polars_schema()


def test_a_reader_without_boxes_leaves_them_empty():
    line = Line(0, (), "nko", "nqo", "ߓߏ߲", "ߓߏ߲", 0.9)
    table = readings_table([reading(lines=(line,), entries=())])
    assert schema_failures(Readings, table) == []
    assert table["lines"][0][0]["box"] == []


def test_ok_without_lines_is_found_out_by_the_schema():
    table = readings_table([reading(lines=(), entries=())])
    assert [failure.rule for failure in schema_failures(Readings, table)] == ["ok_means_lines"]


@pytest.mark.parametrize(
    ("nko", "kind"),
    [
        ("ߓߏ߲", "word"),
        ("߁߂", "word"),
        ("ߓߙߎߞߌߣߊ߫ ߝߊ߬ߛߏ߫", "phrase"),
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "phrase"),
        ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫ ؟", "sentence"),
        ("ߘߏ߲߬.", "sentence"),
        ("«ߘߏ߲߬.»", "sentence"),
    ],
)
def test_the_kind_of_an_entry_follows_words_and_punctuation(nko, kind):
    assert entry_kind(nko) == kind


def test_lines_survive_the_way_through_parquet(tmp_path):
    table = readings_table([reading()])
    table.write_parquet(tmp_path / "readings.parquet")
    assert pl.read_parquet(tmp_path / "readings.parquet").equals(table)
