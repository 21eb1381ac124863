"""The tables of the readings group: what a reader saw on each frame, and what was decided on it."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import FRAME_ID, UUID, VIDEO_ID, TableModel

# ok: text was read. no_text: the frame has none. Everything else is a failure with its name.
READING_STATUSES = (
    "ok",
    "no_text",
    "error",
    "max_tokens",
    "recitation",
    "safety",
    "loop",
    "leaked_thought",
    "malformed",
    "missing",
    "duplicate",
    "wrong_frame",
    "wrong_script",
    "expired",
)
# The statuses of a reading that came to a result.
FINE = ("ok", "no_text")
SCRIPTS = ("nko", "latin", "mixed", "other")
# nqo-Latn is N'Ko romanized; und is Latin script of a language that could not be told.
LANGUAGES = ("nqo", "en", "fr", "nqo-Latn", "und")
ENTRY_KINDS = ("word", "phrase", "sentence")
# Who says what the English is: the frame that shows it, the reader's own translation, a reviewer.
ENGLISH_BY = ("frame", "reader", "person")
DECISIONS = ("accepted", "needs_review", "rejected", "no_text")

BOX = pl.List(pl.Int32)  # x0, y0, x1, y1 in pixels of the frame; empty when the reader gives none

LINE = pl.Struct(
    {
        "line": pl.Int32,
        "box": BOX,
        "script": pl.String,
        "language": pl.String,
        "text": pl.String,
        "raw": pl.String,
        "confidence": pl.Float64,
    }
)

ENTRY = pl.Struct(
    {
        "line": pl.Int32,  # the line that carries the N'Ko text
        "kind": pl.String,
        "nko": pl.String,
        "nko_raw": pl.String,
        "latin_shown": pl.String,  # a romanization shown on the frame, null when none
        "english": pl.String,
        "french": pl.String,
        "pos": pl.String,
        "box": BOX,
        "confidence": pl.Float64,
        "english_by": pl.String,  # one of ENGLISH_BY, null when there is no English
    }
)


def _all_in(column: str, field: str, names: tuple[str, ...]) -> pl.Expr:
    """Whether `field` of every struct in the list `column` is one of `names`."""
    known = pl.element().struct.field(field).is_in(names).fill_null(value=False)
    return pl.col(column).list.eval(known).list.all()


class Readings(TableModel):
    """One row a frame that was sent to a reader, whatever came of it."""

    frame_id: str = pa.Field(str_matches=FRAME_ID, unique=True)
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    timestamp_ms: pl.Int64 = pa.Field(ge=0)
    status: str = pa.Field(isin=READING_STATUSES)
    reason: str = pa.Field(description="what happened, empty when status is ok")
    lines: pl.List = pa.Field(dtype_kwargs={"inner": LINE}, description="lines in reading order")
    entries: pl.List = pa.Field(
        dtype_kwargs={"inner": ENTRY}, description="N'Ko with what translates or romanizes it"
    )
    confidence: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    reader: str = pa.Field(str_length={"min_value": 1})
    model: str = pa.Field(str_length={"min_value": 1})
    request_hash: str = pa.Field(str_matches=r"^[0-9a-f]{64}$")
    attempt: pl.Int32 = pa.Field(ge=1)
    input_tokens: pl.Int64 = pa.Field(ge=0)
    output_tokens: pl.Int64 = pa.Field(ge=0)
    cost_usd: pl.Float64 = pa.Field(ge=0)
    raw_answer: str = pa.Field(description="the reader's answer as it came")

    @pa.dataframe_check
    @classmethod
    def failures_say_why(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Any status but ok carries a reason."""
        return data.lazyframe.select(
            (pl.col("status") == "ok") | (pl.col("reason").str.len_chars() > 0)
        )

    @pa.dataframe_check
    @classmethod
    def ok_means_lines(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """A reading without lines is not ok."""
        return data.lazyframe.select((pl.col("status") != "ok") | (pl.col("lines").list.len() > 0))

    @pa.dataframe_check
    @classmethod
    def lines_and_entries_use_known_names(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Scripts, languages and kinds are those of this module."""
        return data.lazyframe.select(
            _all_in("lines", "script", SCRIPTS)
            & _all_in("lines", "language", LANGUAGES)
            & _all_in("entries", "kind", ENTRY_KINDS)
        )


class SecondReadings(Readings):
    """One row a frame as the offline reader saw it; empty where it is the first reader."""


class ReviewedReadings(TableModel):
    """One row an entry, decided; a frame that gave no entry keeps one row with entry -1."""

    reading_id: str = pa.Field(str_matches=UUID, unique=True)
    frame_id: str = pa.Field(str_matches=FRAME_ID)
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    timestamp_ms: pl.Int64 = pa.Field(ge=0)
    first_seen_ms: pl.Int64 = pa.Field(ge=0, description="when the text first appeared")
    entry: pl.Int32 = pa.Field(
        ge=-1, description="place in the frame's entries; -1 for a frame without any"
    )
    kind: str = pa.Field(isin=(*ENTRY_KINDS, "frame"))
    nko: str = pa.Field(description="normalized N'Ko, logical order, NFC; empty for a frame row")
    nko_raw: str
    latin: str = pa.Field(description="romanized by rule from nko")
    latin_shown: str = pa.Field(nullable=True)
    english: str = pa.Field(nullable=True)
    english_by: str = pa.Field(isin=ENGLISH_BY, nullable=True)
    french: str = pa.Field(nullable=True)
    pos: str = pa.Field(nullable=True)
    box: pl.List = pa.Field(dtype_kwargs={"inner": pl.Int32()})
    confidence: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    signals: pl.List = pa.Field(
        dtype_kwargs={"inner": pl.String()}, description="validator signals raised"
    )
    decision: str = pa.Field(isin=DECISIONS)
    reason: str = pa.Field(str_length={"min_value": 1})
    decided_by: str = pa.Field(
        str_length={"min_value": 1}, description="gate, or the reviewer's name"
    )
    reader: str = pa.Field(str_length={"min_value": 1})
    model: str = pa.Field(str_length={"min_value": 1})
    licence: str = pa.Field(str_length={"min_value": 1})

    @pa.dataframe_check
    @classmethod
    def english_has_a_source(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """English comes from somewhere, and nothing does not."""
        return data.lazyframe.select(pl.col("english").is_null() == pl.col("english_by").is_null())

    @pa.dataframe_check
    @classmethod
    def accepted_rows_have_nko(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Nothing is accepted without N'Ko text and its romanization."""
        return data.lazyframe.select(
            (pl.col("decision") != "accepted")
            | ((pl.col("nko").str.len_chars() > 0) & (pl.col("latin").str.len_chars() > 0))
        )
