"""The pilot's arithmetic: who is sampled, what each model is worth, and which one to take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.reading.answers import Entry, Line, Reading
from nko_assets.reading.pilot import (
    ModelResult,
    agreements,
    model_result,
    recommend,
    sample_frames,
    sample_videos,
)

GREETING, OTHER = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߞߊ߬ߙߊ߲߬ߡߐ߮ ߟߎ߬"
names = st.lists(st.text("abcdef", min_size=1), unique=True, max_size=12)


def reading(number: int, nko: str, *, status: str = "ok", english: str | None = None) -> Reading:
    line = Line(0, (0, 0, 9, 9), "nko", "nqo", nko, nko, 0.999)
    by = "reader" if english else None
    entry = Entry(0, "phrase", nko, nko, None, english, None, None, (), 0.5, by)
    ok = status == "ok"
    return Reading(
        frame_id=f"v:{number}",
        video_id="v",
        timestamp_ms=number,
        status=status,
        reason="" if ok else "it stopped",
        lines=(line,) if ok else (),
        entries=(entry,) if ok else (),
        confidence=0.95,
        reader="gemini",
        model="m",
        request_hash="0" * 64,
        input_tokens=100,
        output_tokens=10,
        cost_usd=0.001,
    )


OFFLINE = [reading(number, GREETING) for number in range(10)]


def result_of(readings: list[Reading], model: str = "m") -> ModelResult:
    return model_result(
        model, "high", readings, OFFLINE, gate=0.9, dictionary=None, channel_frames=1000
    )


# --- the sample -----------------------------------------------------------------------------


@given(names, st.integers(1, 12))
def test_a_sample_of_videos_does_not_depend_on_their_order(videos, count):
    assert sample_videos(videos, count) == sample_videos(list(reversed(videos)), count)
    assert len(sample_videos(videos, count)) == min(count, len(videos))


@given(st.dictionaries(st.text("abc", min_size=1), names, max_size=5), st.integers(1, 30))
def test_a_sample_of_frames_is_spread_over_the_videos(videos, count):
    frames = {video: [f"{video}:{one}" for one in ids] for video, ids in videos.items()}
    taken = sample_frames(frames, count)
    assert sum(map(len, taken.values())) == min(count, sum(map(len, frames.values())))
    for video, ids in taken.items():
        assert set(ids) <= set(frames[video])
        rest = [other for other in frames if len(taken.get(other, ())) < len(frames[other])]
        assert all(len(ids) <= len(taken.get(other, ())) + 1 for other in rest)


def test_a_larger_sample_holds_every_smaller_one():
    frames = {"a": [f"a:{n}" for n in range(9)], "b": ["b:1", "b:2"]}
    small, large = sample_frames(frames, 4), sample_frames(frames, 8)
    assert all(set(ids) <= set(large[video]) for video, ids in small.items())


# --- what a model is worth ------------------------------------------------------------------


def test_a_model_that_agrees_with_the_offline_reader_is_confirmed():
    found = result_of([reading(n, GREETING, english="good morning") for n in range(10)])
    assert (found.entries, found.accepted, found.translated) == (10, 10, 10)
    assert (found.confirmed, found.offline_cer, found.failed_share) == (1, 0, 0)
    assert found.usd == pytest.approx(0.01)
    assert found.channel_usd == pytest.approx(1)
    assert (found.input_tokens, found.output_tokens) == (1000, 100)


def test_a_model_that_reads_something_else_is_not():
    found = result_of([reading(n, OTHER) for n in range(10)])
    assert (found.accepted, found.confirmed, found.missed) == (0, 0, 10)
    assert found.offline_cer > 0.5


def test_failures_are_counted_by_name_and_paid():
    readings = [reading(n, GREETING, status="loop" if n < 3 else "ok") for n in range(10)]
    found = result_of(readings)
    assert found.statuses == {"loop": 3, "ok": 7}
    assert found.failed_share == pytest.approx(0.3)
    assert found.usd == pytest.approx(0.01)


def test_a_model_without_entries_has_no_shares():
    found = result_of([reading(n, "", status="no_text") for n in range(10)])
    assert (found.confirmed, found.signalled, found.accepted) == (None, None, 0)


def test_each_two_models_are_compared():
    same = [reading(n, GREETING) for n in range(4)]
    other = [*same[:3], reading(3, OTHER)]
    found = agreements({"a": same, "b": same, "c": other})
    assert [(one.one, one.other, one.exact_share) for one in found] == [
        ("a", "b", 1),
        ("a", "c", 0.75),
        ("b", "c", 0.75),
    ]


# --- the recommendation ---------------------------------------------------------------------

CHEAP = ModelResult(
    model="cheap",
    resolution="high",
    frames=100,
    statuses={"ok": 100},
    entries=400,
    accepted=300,
    translated=200,
    confirmed=0.7,
    signalled=0.1,
    missed=5,
    offline_cer=0.1,
    input_tokens=1,
    output_tokens=1,
    usd=0.1,
    channel_usd=43.0,
)
DEAR = replace(CHEAP, model="dear", usd=0.4, channel_usd=172.0, accepted=310)


def test_the_cheapest_of_those_that_are_nearly_as_good_is_taken():
    found = recommend([DEAR, CHEAP])
    assert found.model == "cheap"
    assert found.settings == {
        "NKO_MODEL": "cheap",
        "NKO_RESOLUTION": "high",
        "NKO_BUDGET_USD": "54",
    }
    assert "97% of the most, which dear gives for 4.0 times the money" in " ".join(found.reasons)


def test_a_model_that_is_much_better_is_worth_its_money():
    found = recommend([replace(CHEAP, accepted=200), DEAR])
    assert found.model == "dear"
    assert "cheap is cheaper but gives only 65% of the most" in " ".join(found.reasons)


def test_a_model_that_fails_often_is_left_out():
    found = recommend([replace(CHEAP, statuses={"ok": 90, "loop": 10}), DEAR])
    assert found.model == "dear"
    assert "cheap is left out: 10% of its answers failed" in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"accepted": 0}, "No entry"), ({"statuses": {"loop": 100}}, "Every model failed")],
)
def test_nothing_is_recommended_that_nothing_speaks_for(change, said):
    found = recommend([replace(CHEAP, **change), replace(DEAR, **change)])
    assert found.model is None
    assert found.settings == {}
    assert said in " ".join(found.reasons)
