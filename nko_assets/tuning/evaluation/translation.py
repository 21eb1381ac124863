"""Translations against references: chrF++ and BLEU of sacrebleu, with and without tone marks."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, Literal

from nko_assets.nko import normalize, strip_tones
from nko_assets.tuning.evaluation.intervals import RESAMPLES, Estimate

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

Script = Literal["nko", "latin"]
# A test on fewer says nothing that an interval could hold.
_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class TranslationScore:
    """Figures from 0 to 100 over the answers that came; those without tones are of N'Ko alone."""

    chrf: Estimate
    bleu: Estimate
    chrf_toneless: Estimate | None
    bleu_toneless: Estimate | None


def prepared(text: str, script: Script) -> str:
    """`text` as it is compared: N'Ko normalized, other text NFC with its spaces collapsed."""
    if script == "nko":
        return normalize(text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def score_translations(
    answers: Sequence[str], references: Sequence[Sequence[str]], script: Script
) -> TranslationScore | None:
    """The scores of `answers`, each against all its `references`; None when there are none.

    An empty answer counts as one that has nothing right. Raises `ValueError` when answers and
    references are not as many, or an answer has no reference.
    """
    if len(answers) != len(references) or not all(references):
        raise ValueError("each answer takes at least one reference")
    if not answers:
        return None
    said = [prepared(answer, script) for answer in answers]
    wanted = [[prepared(one, script) for one in each] for each in references]
    bare_said = [strip_tones(one) for one in said]
    bare_wanted = [[strip_tones(one) for one in each] for each in wanted]
    toneless = script == "nko"
    return TranslationScore(
        chrf=_scored(_chrf(), said, wanted),
        bleu=_scored(_bleu(), said, wanted),
        chrf_toneless=_scored(_chrf(), bare_said, bare_wanted) if toneless else None,
        bleu_toneless=_scored(_bleu(), bare_said, bare_wanted) if toneless else None,
    )


def sentence_chrf(answer: str, references: Sequence[str], script: Script) -> float:
    """The chrF++ of one answer, 0 to 100, against whichever reference it is nearest to."""
    wanted = [prepared(one, script) for one in references]
    return float(_chrf().sentence_score(prepared(answer, script), wanted).score)


def signatures() -> dict[str, str]:
    """What sacrebleu calls the way in which each metric is computed, for whoever compares."""
    one = ["a"], [["a"]]
    for metric in (_chrf(), _bleu()):
        # The number of references stands in the signature, and differs from example to example.
        metric.corpus_score(*one)
    return {"chrF++": str(_chrf().get_signature()), "BLEU": str(_bleu().get_signature())}


@cache
def _chrf() -> CHRF:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=2)


@cache
def _bleu() -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    # `force`: an answer that ends in " ." is what the model said, not a file tokenized by mistake.
    return BLEU(force=True)


def _scored(
    metric: CHRF | BLEU, answers: Sequence[str], references: Sequence[Sequence[str]]
) -> Estimate:
    from sacrebleu.significance import PairedTest, Result

    # sacrebleu takes the first references of all, then the second of all, None where one has fewer.
    streams = [list(stream) for stream in zip_longest(*references)]
    if len(answers) < _LEAST:
        score = metric.corpus_score(list(answers), streams).score
        return Estimate(score, score, score, len(answers))
    # A test of one system against nobody is its score and interval; the `n_bootstrap` of
    # `corpus_score` fails on answers that have nothing right.
    test = PairedTest([("ours", answers)], {"metric": metric}, streams, "bs", RESAMPLES)
    _, results = test()
    (found,) = (one for each in results.values() for one in each if isinstance(one, Result))
    half = float(found.ci or 0.0)
    return Estimate(
        float(found.score),
        max(float(found.score) - half, 0.0),
        min(float(found.score) + half, 100.0),
        len(answers),
    )
