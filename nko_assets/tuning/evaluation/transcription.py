"""Lines that were read against lines that are known: CER and WER of jiwer, letters and marks apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import jiwer

from nko_assets.nko import normalize
from nko_assets.nko.characters import MARKS
from nko_assets.tuning.evaluation.intervals import Estimate, ratio, share

_MARKS: Final = frozenset(MARKS)
_WITHOUT_MARKS: Final = str.maketrans("", "", MARKS)


@dataclass(frozen=True, slots=True)
class TranscriptionScore:
    """Error rates as shares, over all lines that were answered.

    `cer` and `wer` are of the whole text, `cer_without_marks` of letters, digits, punctuation and
    spaces alone. `marks` is edits that touch a mark ÷ marks there are, in the best alignment of
    the whole text; None where no line has a mark. `exact` is the share of lines without an error.
    """

    cer: Estimate
    wer: Estimate
    cer_without_marks: Estimate | None
    marks: Estimate | None
    exact: Estimate


@dataclass(frozen=True, slots=True)
class LineErrors:
    """What is wrong with one line: edits, and what they are counted against."""

    edits: int
    characters: int
    word_edits: int
    words: int
    bare_edits: int
    bare_characters: int
    mark_edits: int
    marks: int


def line_errors(read: str, true: str) -> LineErrors:
    """The errors of `read` against `true`, both normalized; raises `ValueError` for an empty line."""
    read, true = normalize(read), normalize(true)
    if not true:
        raise ValueError("a line that says nothing cannot be read wrongly or rightly")
    whole = jiwer.process_characters(true, read)
    words = jiwer.process_words(true, read)
    bare_true, bare_read = true.translate(_WITHOUT_MARKS), read.translate(_WITHOUT_MARKS)
    # A line of marks alone has no letters that could be wrong.
    bare = jiwer.process_characters(bare_true, bare_read) if bare_true.strip() else None
    return LineErrors(
        edits=_edits(whole),
        characters=_characters(whole),
        word_edits=words.substitutions + words.deletions + words.insertions,
        words=words.hits + words.substitutions + words.deletions,
        bare_edits=_edits(bare) if bare else 0,
        bare_characters=_characters(bare) if bare else 0,
        mark_edits=_mark_edits(whole),
        marks=sum(sign in _MARKS for sign in true),
    )


def added_line(read: str) -> LineErrors:
    """The errors of a line that was read where nothing is written: all of it is too much."""
    text = normalize(read)
    return LineErrors(
        edits=len(text),
        characters=0,
        word_edits=len(text.split()),
        words=0,
        bare_edits=len(text.translate(_WITHOUT_MARKS)),
        bare_characters=0,
        mark_edits=sum(sign in _MARKS for sign in text),
        marks=0,
    )


def score_lines(read: Sequence[str], true: Sequence[str]) -> TranscriptionScore | None:
    """The error rates of the lines `read`, each against its `true` text; None of nothing."""
    return score_errors([line_errors(*pair) for pair in zip(read, true, strict=True)])


def score_errors(lines: Sequence[LineErrors]) -> TranscriptionScore | None:
    """The error rates of all `lines` together; None where none says anything."""
    cer = ratio([line.edits for line in lines], [line.characters for line in lines])
    wer = ratio([line.word_edits for line in lines], [line.words for line in lines])
    exact = share([not line.edits for line in lines if line.characters])
    if cer is None or wer is None or exact is None:
        return None
    return TranscriptionScore(
        cer=cer,
        wer=wer,
        cer_without_marks=ratio(
            [line.bare_edits for line in lines], [line.bare_characters for line in lines]
        ),
        marks=ratio([line.mark_edits for line in lines], [line.marks for line in lines]),
        exact=exact,
    )


def _edits(found: jiwer.CharacterOutput) -> int:
    return found.substitutions + found.deletions + found.insertions


def _characters(found: jiwer.CharacterOutput) -> int:
    return found.hits + found.substitutions + found.deletions


def _mark_edits(found: jiwer.CharacterOutput) -> int:
    """Edits of the alignment in which a mark is lost, added, or taken for something else."""
    true, read = found.references[0], found.hypotheses[0]
    edits = 0
    for chunk in found.alignments[0]:
        if chunk.type == "equal":
            continue
        lost = true[chunk.ref_start_idx : chunk.ref_end_idx]
        added = read[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "substitute":
            edits += sum(
                one in _MARKS or other in _MARKS for one, other in zip(lost, added, strict=True)
            )
        else:
            edits += sum(sign in _MARKS for sign in (*lost, *added))
    return edits
