from io import BytesIO

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nko_assets.corpus.report_lessons import LessonFacts, lesson_facts, line_picture, reason_group
from nko_assets_tests.report_tables import (
    BOX,
    WORDS,
    facts,
    frame_jpeg,
    readings,
    reviewed,
    unique_frames,
)


def test_empty_tables_have_only_zeros():
    found = lesson_facts(
        "a",
        frames=0,
        unique_frames=unique_frames("a").clear(),
        readings=readings("a").clear(),
        reviewed=reviewed("a").clear(),
    )
    assert found == LessonFacts("a")


def test_lines_are_counted_by_script():
    assert (facts("a").lines, facts("a").nko_lines) == (10, 5)


def test_a_frame_without_entries_counts_as_no_entry():
    assert facts("a").entries == 5


def test_the_order_of_rows_does_not_matter():
    def backwards(table):
        return table.reverse()

    assert facts("a") == facts(
        "a",
        unique_frames=backwards(unique_frames("a")),
        readings=backwards(readings("a")),
        reviewed=backwards(reviewed("a")),
    )


def test_an_entry_without_confidence_is_in_no_bin():
    unscored = reviewed("a").with_columns(pl.lit(None, dtype=pl.Float64).alias("confidence"))
    assert facts("a", reviewed=unscored).confidence == {}


def test_the_picture_is_the_line_and_no_more():
    picture = Image.open(BytesIO(line_picture(frame_jpeg(WORDS[0][0]), BOX)))
    height = BOX[3] - BOX[1]
    assert picture.width <= BOX[2] - BOX[0] + height
    assert picture.height <= 2 * height


def test_a_frame_that_is_no_picture_gives_none():
    assert line_picture(b"not a JPEG", (0, 0, 10, 10)) == b""
    assert line_picture(frame_jpeg(WORDS[0][0])[:200], BOX) == b""


def test_a_box_outside_the_frame_gives_the_whole_frame():
    frame = frame_jpeg(WORDS[0][0])
    assert line_picture(frame, (900, 900, 950, 950)) == line_picture(frame, ())


def test_a_picture_stays_small_even_of_noise():
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(noise).save(out, "JPEG", quality=95)
    assert 0 < len(line_picture(out.getvalue(), ())) <= 14_000


def test_a_kept_sample_without_its_frame_has_no_picture():
    found = facts("a", unique_frames=unique_frames("a").clear())
    assert {sample.picture for sample in found.samples} == {b""}


def test_reasons_lose_numbers_and_quotations_but_not_apostrophes():
    assert reason_group("confidence 0.62 is below 0.85") == "confidence … is below …"
    assert reason_group('«ߒߞߏ» is no "word"') == "… is no …"
    kept = "N'Ko lines were read, but no N'Ko entry came of them"
    assert reason_group(kept) == kept
    assert reason_group("see signals", ["b", "a", "b"]) == "see signals [a, b]"
    assert reason_group("error", whole_frame=True) == "whole frame: error"


@given(st.text(max_size=60))
def test_a_group_of_a_group_is_itself(reason):
    once = reason_group(reason)
    assert reason_group(reason_group(once)) == reason_group(once)
