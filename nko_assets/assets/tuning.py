"""The tuning group: what is trained on and what is kept apart to measure with."""

from __future__ import annotations

from nko_assets.assets.training import reviewed_of, training_file
from nko_assets.checks import CheckSpec, judge
from nko_assets.corpus.dataset_card import dataset_card
from nko_assets.corpus.exports import EXPORTS
from nko_assets.corpus.jsonl import read_jsonl
from nko_assets.corpus.leakage import KINDS, leakage
from nko_assets.corpus.splits import EXCLUDED, TRAIN, VALIDATION, split_corpus, write_splits
from nko_assets.files import write_atomically
from nko_assets.schemas.corpus import SplitAssignments
from nko_assets.steps import Context, Outcome, Step

NO_LEAK = CheckSpec(
    "no_leak",
    "No video, text or near-duplicate is on both sides, found from the written files alone.",
    "ERROR",
)
TENTH = CheckSpec("a_tenth_is_validation", "Between 5 % and 20 % of the rows are validation.")
TITLE = "N'Ko lessons"


def _split(context: Context) -> Outcome:
    training, folder = context.lake.training, context.lake.root / "splits"
    files = {
        name: read_jsonl(training_file(context, name), model, without={"image"})
        for name, model in EXPORTS.items()
    }
    splits = split_corpus(files, reviewed_of(context))
    counts = write_splits(splits, training, folder)
    card = folder / "README.md"
    write_atomically(card, dataset_card(folder, TITLE).encode())
    train, validation = (sum(counts[side].values()) for side in (TRAIN, VALIDATION))
    share = validation / (train + validation)
    leaks = leakage(folder / TRAIN, folder / VALIDATION) if validation else []
    return Outcome(
        table=splits.assignments,
        in_place=[
            card,
            folder / "excluded.jsonl",
            *(
                folder / side / f"{file}.jsonl"
                for side, written in counts.items()
                for file in written
            ),
        ],
        checks=[
            judge(
                NO_LEAK,
                not leaks,
                f"{len(leaks)} leaks." if leaks else "Nothing is on both sides.",
                {
                    "leaks": [
                        f"{leak.kind}: {leak.value} in {leak.train} and {leak.validation}"
                        for leak in leaks[:5]
                    ]
                },
            ),
            judge(
                TENTH,
                0.05 <= share <= 0.2,
                f"{validation} of {train + validation} rows are validation ({share:.0%})."
                + (f" {splits.note}" if splits.note else ""),
                {"share": round(share, 4)},
            ),
        ],
        facts={
            "rows": splits.assignments.height,
            "train": counts[TRAIN],
            "validation": counts[VALIDATION],
            "excluded": splits.assignments.filter(side=EXCLUDED).height,
            "validation videos": list(splits.validation_videos),
            "leaks": {kind: sum(leak.kind == kind for leak in leaks) for kind in KINDS},
        },
    )


STEPS = (
    Step(
        name="splits",
        group="tuning",
        description="Train and validation, 90 to 10, with no video and no text on both sides.",
        work=_split,
        per_video=False,
        inputs=(
            "translation_pairs",
            "conversations",
            "ocr_samples",
            "vocabulary",
            "synthetic_examples",
            "reviewed_readings",
        ),
        model=SplitAssignments,
        checks=(NO_LEAK, TENTH),
        kinds=("json", "polars"),
    ),
)
