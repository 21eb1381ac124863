"""JSON Lines as exported: UTF-8 without escapes, NFC, one `\\n` a row, in the order of the ids.

The same rows give the same bytes. Text may contain U+2028 and its like, so lines end at `\\n` and
nowhere else, for writers and readers alike.
"""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.failures import PermanentFailure
from nko_assets.files import atomic_path
from nko_assets.schemas.base import TableModel


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write `rows` to `path` in one step, sorted by id; returns their number.

    One row is held at a time: rows are spooled to disk, then copied in order. Raises
    `PermanentFailure` when two rows have the same id.
    """
    places: list[tuple[str, int, int]] = []
    with (
        atomic_path(path) as written,
        tempfile.TemporaryFile(dir=path.parent) as spool,
        written.open("wb") as out,
    ):
        for row in rows:
            line = _line(row)
            places.append((row["id"], spool.tell(), len(line)))
            spool.write(line)
        places.sort()
        for (one, *_), (other, *_) in pairwise(places):
            if one == other:
                raise PermanentFailure(
                    f"{path.name} would hold two rows with the id {one}.",
                    "Materialize the assets that it is made from again.",
                )
        for _, start, length in places:
            spool.seek(start)
            out.write(spool.read(length))
    return len(places)


def iter_jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    """Each row of the file with the number of its line, from 1, one at a time.

    Raises `PermanentFailure` naming the line that is no JSON.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise PermanentFailure(
                    f"Line {number} of {path} is not JSON ({error}).",
                    "Materialize the asset that writes this file again.",
                ) from error


def read_jsonl(
    path: Path, model: type[TableModel], *, without: Collection[str] = ()
) -> pl.DataFrame:
    """The rows of the file as a table of `model`, less the columns `without`.

    Leaving out the pictures of OCR samples keeps memory in bounds: they are dropped row by row.
    """
    schema = {name: dtype for name, dtype in model.polars_schema().items() if name not in without}
    rows = [{name: row[name] for name in schema} for _, row in iter_jsonl(path)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _line(row: Mapping[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    return unicodedata.normalize("NFC", text).encode() + b"\n"
