"""English from a model for readings that show none: a help for search, and never for training."""

from __future__ import annotations

from typing import Any

import polars as pl

from nko_assets.failures import TransientFailure
from nko_assets.schemas.translations import TRANSLATOR, Translations
from nko_assets.tuning.chat_model import Answer, ChatModel, Conversation
from nko_assets.tuning.evaluation.degenerate import FAULTS, fault
from nko_assets.tuning.prompts import ask


def untranslated(reviewed: pl.DataFrame) -> pl.DataFrame:
    """The accepted readings of a `ReviewedReadings` table that have neither English nor French."""
    return reviewed.filter(
        (pl.col("entry") >= 0)
        & (pl.col("decision") == "accepted")
        & pl.col("english").is_null()
        & pl.col("french").is_null()
    )


def translations(model: ChatModel | None, reviewed: pl.DataFrame) -> pl.DataFrame:
    """The `Translations` of what is untranslated in `reviewed`; without a model there are none.

    Each distinct text is asked about once. What is no English at all (a loop, N'Ko, the question
    again) is kept out, with the reason. Raises what fails every question alike, and `TransientFailure`
    when any failed that may be answered later: a table without it would pass for whole.
    """
    rows: list[dict[str, Any]] = []
    if model is not None:
        wanted = untranslated(reviewed)
        texts = wanted["nko"].unique(maintain_order=True).to_list()
        questions = [Conversation(ask("nko_to_english", text)) for text in texts]
        answers = dict(zip(texts, model.answer(questions) if texts else [], strict=True))
        lost = [one for one in answers.values() if one.passing]
        if lost:
            raise TransientFailure(
                f"{model.name} did not answer {len(lost)} of {len(texts)} texts: {lost[0].failure}",
                "Run it again later: what a service has answered is kept.",
            )
        rows = [
            {
                **{name: row[name] for name in ("reading_id", "frame_id", "video_id", "nko")},
                **_outcome(row["nko"], answers[row["nko"]]),
                "translator": model.name,
            }
            for row in wanted.iter_rows(named=True)
        ]
    return pl.DataFrame(rows, schema=Translations.polars_schema(), orient="row")


def _outcome(text: str, answer: Answer) -> dict[str, str | None]:
    if answer.text is None:
        return _without("failed", str(answer.failure))
    if broken := fault(answer.text, text, None, "latin", cut=answer.cut):
        return _without("broken", f"the answer {FAULTS[broken]}: {answer.text[:80]!r}")
    return {
        "english": " ".join(answer.text.split()),
        "english_by": TRANSLATOR,
        "status": "translated",
        "reason": "",
    }


def _without(status: str, reason: str) -> dict[str, str | None]:
    return {"english": None, "english_by": None, "status": status, "reason": reason}
