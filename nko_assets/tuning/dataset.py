"""The data set to tune with: every example of the splits in each shape, under a name of its content.

What cannot be used stands in `examples.jsonl` with the reason; nothing is cut to fit. Files of the
same content have the same digest, so a data set is written, published and tuned with once.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
from jsonschema import Draft202012Validator

from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.corpus.splits import TRAIN, VALIDATION
from nko_assets.failures import PermanentFailure
from nko_assets.files import make_folder, sha256_of, write_atomically
from nko_assets.schemas.tuning import TuningExamples
from nko_assets.tuning.examples import Example, iter_examples
from nko_assets.tuning.shapes import SHAPES, Shape
from nko_assets.tuning.shapes.gemini import gemini_tokens
from nko_assets.tuning.shapes.shape import MINIMUM

SIDES: Final = (TRAIN, VALIDATION)
ACCOUNT: Final = "examples.jsonl"
FILES: Final = (*(f"{shape.name}/{side}.jsonl" for shape in SHAPES for side in SIDES), ACCOUNT)
"""The files of a data set, relative to its folder."""


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of a file, and about how many tokens Gemini counts in them."""

    rows: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Written:
    """A data set on disk: its digest, its folder, what each file holds, and every example."""

    digest: str
    folder: Path
    counts: Mapping[str, Count]  # by `<shape>/<side>`
    examples: pl.DataFrame  # TuningExamples


@dataclass(frozen=True, slots=True)
class TuningDataset:
    """What tuners have to know of a data set.

    Gemini's files are named by their URI, empty for a validation without rows. `train_rows` to
    `validation_tokens` are those of Gemini's shape, the larger one.
    """

    digest: str
    chat_train: Path
    chat_validation: Path
    gemini_train: str
    gemini_validation: str
    train_rows: int
    validation_rows: int
    train_tokens: int
    validation_tokens: int
    chat_train_rows: int
    chat_validation_rows: int

    def require(self, shape: str) -> None:
        """Raise `PermanentFailure` when the files of `shape` are too few to tune with."""
        rows = self.train_rows if shape == "gemini" else self.chat_train_rows
        if rows < MINIMUM:
            raise PermanentFailure(
                f"The data set has {rows} examples to train on in the shape {shape}, and tuning "
                f"takes {MINIMUM} or more.",
                "Accept more readings (nko ui, reviewed_readings), or add lessons, and materialize "
                "tuning_dataset again.",
            )


def write_dataset(
    splits: Path,
    home: Path,
    *,
    picture: Callable[[bytes], str],
    keep_out: Callable[[Example], str],
    tested: Callable[[Example], str],
    shapes: Sequence[Shape] = SHAPES,
) -> Written:
    """Write the examples of `splits` in every shape to a new folder of `home`.

    `picture` takes a JPEG and gives its URI; `keep_out` says why an example may not train, "" when
    it may. `tested` says why one of validation should not choose the checkpoint either, "" when it
    may; a shape leaves those out when `MINIMUM` others remain, or as many as its tuner takes. One
    picture is held at a time. Raises `PermanentFailure` when there is nothing to train on.
    """
    make_folder(home)
    with tempfile.TemporaryDirectory(dir=home, prefix=".writing-") as scratch:
        folder = Path(scratch) / "dataset"
        rows: list[dict[str, Any]] = []
        counts: dict[str, Count] = {}
        for side in SIDES:
            lines = _Lines(side, shapes)
            for example in iter_examples(splits / side):
                reason = keep_out(example) if side == TRAIN else ""
                spare = tested(example) if side == VALIDATION else ""
                rows.append(lines.add(example, picture, reason, spare))
            for shape in shapes:
                others = counts.get(f"{shape.name}/{TRAIN}", Count(0, 0)).rows
                counts[f"{shape.name}/{side}"] = lines.write(shape, folder, others)
            if side == TRAIN and not any(count.rows for count in counts.values()):
                raise PermanentFailure(
                    "There is no example to train on.",
                    "Accept some readings that have a translation, see reviewed_readings.",
                )
        rows.sort(key=lambda row: (SIDES.index(row["side"]), row["id"]))
        write_atomically(folder / ACCOUNT, b"".join(map(_line, rows)))
        digest = _digest(folder)
        target = home / digest
        if not target.exists():
            folder.rename(target)
    table = pl.DataFrame(rows, schema=TuningExamples.polars_schema(), orient="row")
    return Written(digest, target, counts, table)


def validated_with(folder: Path, shape: str) -> set[str]:
    """Ids of the examples in the validation of `shape`, in the folder of a data set.

    Raises `PermanentFailure` when the account of the examples cannot be read.
    """
    path = folder / ACCOUNT
    if not path.is_file():
        raise PermanentFailure(
            f"{path}, the account of what a model was tuned on, is not there.",
            "Put it back from a copy, or run `nko tune` to tune another model.",
        )
    rows = (row for _, row in iter_jsonl(path))
    return {row["id"] for row in rows if row["side"] == VALIDATION and row[shape] is None}


def broken_rows(written: Written, limit: int = 5) -> list[str]:
    """The first `limit` things wrong with the files, found by reading them again; empty when good.

    Every line has to conform to the JSON Schema of its shape and to end with the model's turn, and
    validation has to be within the shape's limit.
    """
    wrong: list[str] = []
    for shape in SHAPES:
        validator = Draft202012Validator(shape.schema)
        found = dict.fromkeys(SIDES, 0)
        for side in SIDES:
            path = written.folder / shape.name / f"{side}.jsonl"
            for number, row in iter_jsonl(path):
                found[side] += 1
                error = next(validator.iter_errors(row), None)
                turns = row.get("messages") or row.get("contents") or []
                if error is not None:
                    wrong.append(f"{shape.name}/{side} line {number}: {error.message[:200]}")
                elif turns[-1]["role"] not in ("assistant", "model"):
                    wrong.append(f"{shape.name}/{side} line {number}: the user has the last word")
        if found[VALIDATION] > shape.validation_rows(found[TRAIN]):
            wrong.append(f"{shape.name}: {found[VALIDATION]:,} rows of validation are too many")
    return wrong[:limit]


def save_dataset(written: Written, path: Path, uri: Callable[[str], str]) -> None:
    """Write what `read_dataset` reads; `uri` gives the address of a file of the data set."""
    gemini = {
        side: uri(f"gemini/{side}.jsonl") if written.counts[f"gemini/{side}"].rows else ""
        for side in SIDES
    }
    facts = {
        "digest": written.digest,
        "folder": written.folder.relative_to(path.parent).as_posix(),
        "chat": {side: f"chat/{side}.jsonl" for side in SIDES},
        "gemini": gemini,
        "counts": {
            name: {"rows": count.rows, "tokens": count.tokens}
            for name, count in written.counts.items()
        },
    }
    write_atomically(path, (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())


def read_dataset(path: Path) -> TuningDataset:
    """The data set that `path` (`tuning/dataset.json`) names; raises `PermanentFailure`."""
    try:
        facts = json.loads(path.read_bytes())
        folder = path.parent / facts["folder"]
        gemini = {side: facts["counts"][f"gemini/{side}"] for side in SIDES}
        chat = {side: facts["counts"][f"chat/{side}"]["rows"] for side in SIDES}
        dataset = TuningDataset(
            digest=facts["digest"],
            chat_train=folder / facts["chat"][TRAIN],
            chat_validation=folder / facts["chat"][VALIDATION],
            gemini_train=facts["gemini"][TRAIN],
            gemini_validation=facts["gemini"][VALIDATION],
            train_rows=gemini[TRAIN]["rows"],
            validation_rows=gemini[VALIDATION]["rows"],
            train_tokens=gemini[TRAIN]["tokens"],
            validation_tokens=gemini[VALIDATION]["tokens"],
            chat_train_rows=chat[TRAIN],
            chat_validation_rows=chat[VALIDATION],
        )
    except FileNotFoundError:
        raise PermanentFailure(
            "There is no data set to tune with.", "Materialize tuning_dataset first."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentFailure(
            f"{path} cannot be read ({error}).", "Materialize tuning_dataset again."
        ) from error
    return dataset


class _Lines:
    """The lines of one side in each shape, in memory without their pictures, until all are known."""

    def __init__(self, side: str, shapes: Sequence[Shape]) -> None:
        self._side = side
        self._shapes = shapes
        self._lines: dict[str, list[tuple[str, bytes]]] = {shape.name: [] for shape in shapes}
        self._rows: dict[str, dict[str, Any]] = {}
        self._spare: dict[str, str] = {}

    def add(
        self, example: Example, picture: Callable[[bytes], str], reason: str, spare: str
    ) -> dict[str, Any]:
        """Take the example into every shape that has room for its kind, unless a reason is given.

        `spare` is the reason to leave it out where enough others are. Returns its row of
        `TuningExamples`, which `write` completes.
        """
        self._spare[example.id] = spare
        row: dict[str, Any] = {
            "id": example.id,
            "side": self._side,
            "task": example.task,
            "row_id": example.row_id,
            "video_id": example.video_id,
            "origin": example.origin,
            "licence": example.licence,
            "tokens": gemini_tokens(example),
        }
        for shape in self._shapes:
            row[shape.name] = reason or shape.refuses(example) or None
            if row[shape.name] is None:
                shown = "" if example.image is None else picture(example.image)
                self._lines[shape.name].append((example.id, _line(shape.row(example, shown))))
        self._rows[example.id] = row
        return row

    def write(self, shape: Shape, folder: Path, train_rows: int) -> Count:
        """Write the file of `shape`; what is beyond its limits gets the reason instead."""
        # Ids are hashes: the first of them are a sample that is drawn the same way everywhere.
        lines = sorted(self._lines[shape.name])
        limit = self._limit(shape, train_rows)
        others = sum(not self._spare[identity] for identity, _ in lines)
        enough = others >= min(MINIMUM, limit)
        size = tokens = 0
        taken: list[bytes] = []
        for identity, line in lines:
            row = self._rows[identity]
            if enough and self._spare[identity]:
                row[shape.name] = self._spare[identity]
                continue
            size += len(line)
            if len(taken) == limit:
                row[shape.name] = f"beyond the {limit:,} rows of {self._side} that are taken"
            elif self._side == TRAIN and size > shape.train_bytes:
                row[shape.name] = f"beyond the {shape.train_bytes:,} bytes of train that are taken"
            else:
                taken.append(line)
                tokens += row["tokens"]
        write_atomically(folder / shape.name / f"{self._side}.jsonl", b"".join(taken))
        return Count(len(taken), tokens)

    def _limit(self, shape: Shape, train_rows: int) -> int:
        if self._side == VALIDATION:
            return shape.validation_rows(train_rows)
        tasks = {self._rows[identity]["task"] for identity, _ in self._lines[shape.name]}
        return shape.picture_rows if "read_line" in tasks else shape.train_rows


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _digest(folder: Path) -> str:
    content = "".join(f"{name}\0{sha256_of(folder / name)}\n" for name in FILES)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
