"""Result lines as the Batch API gives them, whole or broken: each is judged as its row says."""

import json
from pathlib import Path

import pytest

from nko_assets.reading.answers import Reading, readings_table
from nko_assets.reading.gemini.answers import judge, parse_result, read_stored
from nko_assets.schemas.readings import READING_STATUSES, Readings

PATH = Path(__file__).parent / "gnarly" / "gemini_answers.jsonl"
CASES = [json.loads(line) for line in PATH.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_gnarly_answer_is_judged_as_its_row_says(case):
    result = parse_result(case["line"])
    judged = judge(result, case["frame_id"])
    assert judged.status == case["expect"], (case["why"], judged.reason)
    assert judged.can_heal is case.get("heals", True)
    if "lines" in case:
        assert (len(judged.lines), len(judged.entries)) == (case["lines"], case["entries"])
    if "key" in case:
        assert result.key == case["key"]
    if "tokens" in case:
        counted = [judged.input_tokens, judged.output_tokens, judged.thinking_tokens]
        assert counted == case["tokens"]
    assert read_stored(case["line"], case["frame_id"]) == judged


def test_the_corpus_is_wide():
    assert len(CASES) >= 100
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert {case["expect"] for case in CASES} == set(READING_STATUSES)
    assert all(case["why"] for case in CASES)


def test_every_answer_makes_a_row_of_the_readings_table():
    readings = []
    for number, case in enumerate(CASES):
        judged = judge(parse_result(case["line"]), case["frame_id"])
        readings.append(
            Reading(
                frame_id=f"lesson:{number}",
                video_id="lesson",
                timestamp_ms=number,
                status=judged.status,
                reason=judged.reason,
                lines=judged.lines,
                entries=judged.entries,
                confidence=judged.model_confidence,
                reader="gemini",
                model="gemini-3.8-flash",
                request_hash="0" * 64,
                raw_answer=case["line"],
            )
        )
    assert Readings.validate(readings_table(readings)).height == len(CASES)
