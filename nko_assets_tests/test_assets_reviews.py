"""Reviews heed what people decided, and the dictionary that is named or was imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from nko_assets.assets.reviews import all_decisions
from nko_assets.failures import ConfigurationError
from nko_assets.lineage import STEPS
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.review import reading_id
from nko_assets.reading.trust.dictionary import LEAST_WORDS
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.channels import GREETINGS, ScriptedReader
from nko_assets_tests.memory_places import lazily
from nko_assets_tests.test_assets_readings import Changing, collected, frames_of, submitted
from nko_assets_tests.workbench import Workbench, check, entry_of

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


@pytest.fixture
def decided(tmp_path: Path, desk: ReviewDesk, database: Store) -> Workbench:
    """A video that was read, at the desk of the session's database."""
    reader = Changing(entry={"nko": MIXED})
    bench = Workbench(tmp_path, entry_of("v1"), reader=reader, store=lazily(database))
    bench.put("unique_frames", "v1", frames_of(True, True, True))
    return collected(submitted(bench))


MIXED = "ߒߞߏ lesson one"


def decision(frame_id: str, verdict: str) -> HumanDecision:
    return HumanDecision(reading_id(frame_id, 0), verdict, "Awa", "2026-11-24", MIXED)


def test_what_a_person_accepts_though_it_is_no_nko_is_told(
    decided: Workbench, desk: ReviewDesk
) -> None:
    for frame in range(3):
        last = desk.decide(decision(f"v1:{5000 * frame}", "accept"), None)
    outcome = decided.work("reviewed_readings", "v1")
    result = check(outcome, "script_purity")
    assert not result.passed
    assert result.message == "3 of 3 accepted texts are less than 78 % N'Ko."
    assert "lesson one" in result.facts["sample"]["markdown"]
    assert outcome.facts["last decision"] == last


def test_decisions_on_a_video_make_its_review_again_and_no_other(
    decided: Workbench, desk: ReviewDesk
) -> None:
    identity = STEPS["reviewed_readings"].identity
    before = identity(decided.context("v1"))
    desk.decide(decision("v2:0", "reject"), None)
    assert identity(decided.context("v1")) == before
    taken = desk.decide(decision("v1:0", "reject"), None)
    assert identity(decided.context("v1")) != before
    desk.undo(taken, "Awa")
    undone = identity(decided.context("v1"))
    assert undone != before, "also what was taken back has to be heeded"
    assert identity(decided.context("v1")) == undone


def test_decisions_in_a_file_are_never_passed_over(decided: Workbench, desk: ReviewDesk) -> None:
    file = decided.lake.root / "reviews" / "decisions.jsonl"
    file.parent.mkdir()
    file.write_text(decision("v1:0", "reject").to_json_line(), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"nko reviews import .*decisions\.jsonl"):
        decided.work("reviewed_readings", "v1")
    with pytest.raises(ConfigurationError, match=r"move the file away"):
        all_decisions(decided.context("v1"))
    file.unlink()
    decided.work("reviewed_readings", "v1")
    assert all_decisions(decided.context("v1")) == []


def test_without_a_store_nobody_has_decided_anything_and_none_is_made(bench: Workbench) -> None:
    bench.work("reviewed_readings", "v1")
    assert not (bench.lake.root / "store").exists()
