"""The exported files: what each is called, what a row of it is, and which column is its text."""

from __future__ import annotations

from typing import Final

from nko_assets.schemas.base import TableModel
from nko_assets.schemas.corpus import RejectedRows, SplitAssignments, ToneVariants
from nko_assets.schemas.training import Conversations, OcrSamples, TranslationPairs, Vocabulary

NKO_ENGLISH: Final = "nko_english"
CONVERSATIONS: Final = "conversations"
OCR_SAMPLES: Final = "ocr_samples"
VOCABULARY: Final = "vocabulary"
SYNTHETIC: Final = "synthetic"

EXPORTS: Final[dict[str, type[TableModel]]] = {
    NKO_ENGLISH: TranslationPairs,
    CONVERSATIONS: Conversations,
    OCR_SAMPLES: OcrSamples,
    VOCABULARY: Vocabulary,
    SYNTHETIC: Conversations,
}
"""The training files, without `.jsonl`."""

ACCOUNTS: Final[dict[str, type[TableModel]]] = {
    "rejected": RejectedRows,
    "tone_variants": ToneVariants,
    "excluded": SplitAssignments,
}
"""The files that say what is not in the training files; `rejected` holds for all in its folder."""

TEXT_COLUMNS: Final = {
    NKO_ENGLISH: "nko",
    CONVERSATIONS: "nko",
    OCR_SAMPLES: "text",
    VOCABULARY: "word",
    SYNTHETIC: "nko",
}
"""The column of each training file that holds the N'Ko of a row."""

SEVERAL_TEXTS: Final = (CONVERSATIONS, SYNTHETIC)
"""Files whose rows may hold several texts, one a line."""
