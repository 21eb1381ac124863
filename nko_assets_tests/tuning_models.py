"""Rows, configurations and models so small that a training takes a second."""

import json

from nko_assets.sample.lessons import lessons
from nko_assets.tuning.prompts import ask
from nko_assets.tuning.trainer.configuration import Configuration

SMALL = {
    "base": {"new": {"layers": 1, "width": 32, "heads": 2, "feed_forward": 32, "pieces": 320}},
    "method": "full",
    "nko_pieces": 100,
    "max_tokens": 256,
    "epochs": 2,
    "batch": 4,
    "learning_rate": 5e-3,
    "log_every": 2,
    "evaluate_every": 4,
    "patience": 50,
}


def small(**changes):
    """The configuration of a small new model, with `changes`."""
    return Configuration.model_validate({**SMALL, **changes})


def translations():
    """Rows of chat messages from the sample lessons, always the same ones."""
    pairs = {
        (row.nko, row.english)
        for lesson in lessons().values()
        for slide in lesson.slides
        for row in slide.rows
        if row.nko and row.english
    }
    rows = []
    for nko, english in sorted(pairs):
        turns = [*ask("nko_to_english", nko)]
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        rows.append({"messages": [*messages, {"role": "assistant", "content": english}]})
    return rows


def write_rows(path, rows):
    """A file of `rows`."""
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
