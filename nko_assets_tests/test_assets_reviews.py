"""Reviews by comparison: the dictionary that is named or imported takes part in the judgement."""

from __future__ import annotations

from pathlib import Path

import pytest

from nko_assets.lineage import STEPS
from nko_assets.reading.trust.dictionary import LEAST_WORDS
from nko_assets_tests.channels import GREETINGS, ScriptedReader
from nko_assets_tests.test_assets_readings import collected, frames_of, submitted
from nko_assets_tests.workbench import Workbench, entry_of

LETTERS = "ߓߔߕߖߗߘߙߛߝߞߟߡߢߣߥ"
OTHERS = [f"{a}ߊ{b}ߎ{c}ߏ{d}ߌ" for a in LETTERS for b in LETTERS for c in LETTERS for d in "ߓߔߕ"]
KNOWN = [text for text, _ in GREETINGS]


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A video that two readers have read, who agree."""
    bench = Workbench(tmp_path, entry_of("v1"), second_reader=ScriptedReader())
    bench.put("unique_frames", "v1", frames_of(True, True, True))
    collected(submitted(bench))
    bench.put("second_readings", "v1", bench.work("second_readings", "v1").table)
    return bench


def imported(bench: Workbench, words: list[str]) -> None:
    path = bench.lake.root / "imports" / "words.tsv.headwords.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


def confidences(bench: Workbench) -> list[float]:
    table = bench.work("reviewed_readings", "v1").table
    assert table is not None
    return table["confidence"].to_list()


def test_imported_words_judge_what_was_read(bench: Workbench) -> None:
    without = confidences(bench)
    imported(bench, OTHERS)
    unknown = confidences(bench)
    imported(bench, OTHERS + KNOWN)
    known = confidences(bench)
    assert unknown != without
    assert all(better > worse for better, worse in zip(known, unknown, strict=True))


def test_a_short_list_of_words_judges_nothing(bench: Workbench) -> None:
    without = confidences(bench)
    imported(bench, OTHERS[: LEAST_WORDS - 1])
    assert confidences(bench) == without


def test_an_import_makes_reviews_again(bench: Workbench) -> None:
    identity = STEPS["reviewed_readings"].identity
    before = identity(bench.context("v1"))
    imported(bench, OTHERS)
    assert identity(bench.context("v1")) != before


def test_a_dictionary_that_is_named_stands_in_place_of_what_was_imported(
    bench: Workbench, tmp_path: Path
) -> None:
    path = tmp_path / "named.txt"
    path.write_text("ߒߞߏ\n", encoding="utf-8")
    named = Workbench(tmp_path, entry_of("v1"), second_reader=ScriptedReader(), dictionary=path)
    before = confidences(named)
    imported(bench, OTHERS + KNOWN)
    assert confidences(named) == before
