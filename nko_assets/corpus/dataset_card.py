"""The Hugging Face dataset card beside the splits: what they hold, and how `datasets` loads them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from nko_assets.corpus.exports import EXPORTS, SYNTHETIC
from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.corpus.splits import TRAIN, VALIDATION
from nko_assets.failures import PermanentFailure
from nko_assets.schemas.base import TableModel

SIDES: Final = (TRAIN, VALIDATION)

_DTYPES: Final[dict[type[pl.DataType], str]] = {
    pl.String: "string",
    pl.Boolean: "bool",
    pl.Float64: "float64",
    pl.Int32: "int32",
    pl.Int64: "int64",
}

_BODY: Final = """
# {title}

N'Ko text of recorded lessons with its Latin transcription and its meaning, read from the frames of
{videos} videos by {readers}.

## Files

{files}

N'Ko is in NFC and logical order (right to left is the renderer's task: `dir="rtl" lang="nqo"`).
Each row has a stable `id`, the video, frame and time of its text, the reader and model that read
it, a confidence, and a note on its licence. Times are milliseconds from the start of the video.

```python
from datasets import load_dataset

pairs = load_dataset("PATH", "{first}")
```

## Columns

{columns}

## How it was made

Frames were sampled from each video, frames that repeat a slide were dropped, and the rest were
read by {models}. Every entry was normalized and validated as N'Ko, romanized by rule (ALA-LC), and
accepted by confidence or by a person; only accepted entries are here. Texts with the same
translation that are the same, or nearly so, are kept once. Texts that differ by tone marks alone
are kept apart, because a tone is meaning. `english_by` says whether English was shown on the
`frame`, is the `reader`'s own translation, or was corrected by a `person`. Conversations are accepted texts set into fixed
templates. Rows of `synthetic` are derived by rule from accepted rows and say so (`origin`).

Validation holds whole videos. No text of it, nor one nearly the same (edit similarity of letters
0.9 from 12 letters on), is in train, in any file; rows that would have broken this are left out of
both. It has no synthetic rows. Words (`vocabulary`) are counted on each side alone.

## Licences

The rows do not share one licence; each carries its own in `licence`, and all of them apply to a
row that names several.

{licences}

## Before you use it

- Text was read from pictures by a model: a letter or a tone mark may be wrong where no person has
  looked. `confidence` orders rows by how likely that is; it is not a probability of being right.
- `latin` follows from `nko` by rule. It is not what a lesson or a speaker says it to be.
- Translations are those shown beside the text; a text may have others.
- The language code of N'Ko is `nqo` (`nko` is another language).
"""


@dataclass(slots=True)
class _Counts:
    """What is counted over all rows of the files."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    videos: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    licences: Counter[str] = field(default_factory=Counter)


def dataset_card(folder: Path, title: str) -> str:
    """The text of `README.md` for the splits that `write_splits` wrote to `folder`.

    Every number is counted from the files. An empty file is listed, but not offered for loading.
    Raises `PermanentFailure` when there is no row in any file.
    """
    counts = _count(folder)
    if not any(counts.rows.values()):
        raise PermanentFailure(
            f"There are no rows in {folder} to describe.", "Materialize the training files first."
        )
    configs = [
        {
            "config_name": file,
            "data_files": [
                {"split": side, "path": _path(side, file)}
                for side in SIDES
                if counts.rows[side, file]
            ],
        }
        for file in EXPORTS
        if any(counts.rows[side, file] for side in SIDES)
    ]
    front = {
        "pretty_name": title,
        "language": ["nqo", "en", "fr"],
        "license": "other",
        "license_name": "per-row",
        "task_categories": ["translation", "image-to-text", "text-generation"],
        "tags": ["nko", "ocr", "low-resource"],
        "size_categories": [_size(sum(counts.rows.values()))],
        "configs": configs,
        "dataset_info": [
            {"config_name": name, "features": features(EXPORTS[name])}
            for name in (str(config["config_name"]) for config in configs)
        ],
    }
    body = _BODY.format(
        title=title,
        videos=len(counts.videos),
        readers=_listed(counts.readers),
        models=_listed(counts.models),
        files=_file_table(counts),
        first=configs[0]["config_name"],
        columns=_column_tables([str(config["config_name"]) for config in configs]),
        licences="\n".join(
            f"- {licence}: {rows} rows" for licence, rows in sorted(counts.licences.items())
        ),
    )
    return f"---\n{yaml.safe_dump(front, allow_unicode=True, sort_keys=False)}---\n{body}"


def features(model: type[TableModel]) -> list[dict[str, Any]]:
    """The columns of `model` as the `dataset_info` of a card describes them."""
    return [_feature(name, column.dtype.type) for name, column in model.to_schema().columns.items()]


def _feature(name: str, dtype: Any) -> dict[str, Any]:
    if isinstance(dtype, pl.List):
        inner = dtype.inner
        if isinstance(inner, pl.Struct):
            fields = [_feature(one.name, one.dtype) for one in inner.fields]
            return {"name": name, "list": fields}
        return {"name": name, "list": _DTYPES[_class(inner)]}
    return {"name": name, "dtype": _DTYPES[_class(dtype)]}


def _class(dtype: Any) -> type[pl.DataType]:
    return dtype if isinstance(dtype, type) else type(dtype)


def _count(folder: Path) -> _Counts:
    counts = _Counts()
    for side in SIDES:
        for file in EXPORTS:
            path = folder / _path(side, file)
            if not path.is_file():
                continue
            for _, row in iter_jsonl(path):
                counts.rows[side, file] += 1
                counts.videos.add(row["video_id"])
                counts.readers.update(row["reader"].split("; "))
                counts.models.update(row["model"].split("; "))
                counts.licences[row["licence"]] += 1
    return counts


def _path(side: str, file: str) -> str:
    return f"{side}/{file}.jsonl"


def _file_table(counts: _Counts) -> str:
    lines = [
        f"| file | a row is | {' | '.join(SIDES)} |",
        f"|---|---|{'--:|' * len(SIDES)}",
    ]
    for file, model in EXPORTS.items():
        rows = " | ".join(str(counts.rows[side, file]) for side in SIDES)
        what = "derived by rule from accepted pairs." if file == SYNTHETIC else model.__doc__
        lines.append(f"| `{file}` | {what} | {rows} |")
    return "\n".join(lines)


def _column_tables(files: list[str]) -> str:
    """Each described column once, with the files that have it."""
    described: dict[tuple[str, str], list[str]] = {}
    for file in files:
        for name, column in EXPORTS[file].to_schema().columns.items():
            if column.description:
                described.setdefault((name, column.description), []).append(file)
    return "\n".join(
        f"- `{name}` ({'all files' if len(where) == len(files) else ', '.join(where)}): {says}"
        for (name, says), where in described.items()
    )


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _size(rows: int) -> str:
    for below, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if rows < below:
            return name
    return "100K<n<1M" if rows < 1_000_000 else "1M<n<10M"
