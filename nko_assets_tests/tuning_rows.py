"""Files of splits with the rows that a test gives, for tests of what is made from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nko_assets.corpus.exports import TEXT_COLUMNS
from nko_assets.schemas.training import Conversations, OcrSamples, TranslationPairs, Vocabulary
from nko_assets_tests.tables import GOOD

MODELS = {
    "nko_english": TranslationPairs,
    "conversations": Conversations,
    "ocr_samples": OcrSamples,
    "vocabulary": Vocabulary,
    "synthetic": Conversations,
}
TURNS = [
    {"role": "system", "content": "You teach."},
    {"role": "user", "content": "ߒߞߏ?"},
    {"role": "assistant", "content": "N'Ko"},
]
ID = "3d813cbb-47fb-5a91-a8a0-{:012d}"


def side(root: Path, **rows: list[dict[str, Any]]) -> Path:
    """A folder with a file of each kind; rows not given are the good ones of the models."""
    root.mkdir(exist_ok=True)
    for file in TEXT_COLUMNS:
        given = rows.get(file, [])
        good = GOOD[MODELS[file]]
        if MODELS[file] is Conversations:
            good = good | {"messages": TURNS}
        lines = [
            json.dumps(good | {"id": ID.format(number)} | row) for number, row in enumerate(given)
        ]
        (root / f"{file}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return root
