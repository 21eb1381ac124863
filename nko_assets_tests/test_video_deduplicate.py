from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.video.deduplicate import FrameDecision, deduplicate
from nko_assets.video.ink import frame_ink
from nko_assets_tests.benchmarks.lesson_videos import Speaker
from nko_assets_tests.slides import LINES, slide

SPEAKER = Speaker(240, 180)
A, B, BLANK = slide(LINES), slide(LINES[::-1], size=34), slide([])


def decide(frames: Iterable[np.ndarray], **options) -> list[FrameDecision]:
    return deduplicate(
        (frame_ink(frame, index * 5000) for index, frame in enumerate(frames)), **options
    )


def statuses(frames: Iterable[np.ndarray]) -> list[tuple[str, int | None]]:
    return [(decision.status, decision.represented_by) for decision in decide(frames)]


def test_no_frames_give_no_decisions():
    assert decide([]) == []


def test_a_slide_that_stands_still_is_kept_once():
    decisions = decide([A] * 5)
    assert [(d.status, d.represented_by) for d in decisions] == [("kept", 0)] + [("repeat", 0)] * 4
    assert (decisions[0].first_seen_ms, decisions[0].last_seen_ms) == (0, 20_000)
    assert all(decision.reason for decision in decisions)


def test_every_other_slide_is_kept():
    assert statuses([A, A, B, B]) == [("kept", 0), ("repeat", 0), ("kept", 2), ("repeat", 2)]


def test_a_slide_that_grows_is_kept_when_it_is_full():
    frames = [slide(LINES[:count]) for count in (1, 1, 2, 3, 3, 4)]
    decisions = decide(frames)
    assert [d.status for d in decisions] == [
        "superseded", "repeat", "superseded", "superseded", "repeat", "kept",
    ]  # fmt: skip
    assert {d.represented_by for d in decisions} == {5}
    # When each stage was first seen survives.
    assert [decisions[k].first_seen_ms for k in (0, 2, 3)] == [0, 10_000, 15_000]
    assert decisions[0].last_seen_ms == 5000
    assert (decisions[5].first_seen_ms, decisions[5].last_seen_ms) == (0, 25_000)


def test_a_slide_that_is_wiped_line_by_line_keeps_its_full_state():
    frames = [slide(LINES), slide(LINES[:4]), slide(LINES[:2])]
    assert statuses(frames) == [("kept", 0), ("repeat", 0), ("repeat", 0)]


def test_blank_frames_are_marked_and_interrupt_nothing():
    assert statuses([BLANK, A, BLANK, A]) == [
        ("blank", None), ("kept", 1), ("blank", None), ("repeat", 1),
    ]  # fmt: skip


def test_a_slide_that_returns_is_a_repeat():
    assert statuses([A, A, B, B, A, A])[4:] == [("repeat", 0), ("repeat", 0)]


def test_a_frame_in_the_middle_of_a_fade_is_not_kept():
    middle = cv2.addWeighted(A, 0.5, B, 0.5, 0)
    decisions = decide([A, A, middle, B, B])
    assert [d.status for d in decisions] == ["kept", "repeat", "repeat", "kept", "repeat"]
    assert decisions[2].similarity < 0.85
    assert "transition" in decisions[2].reason


def test_a_slide_shown_for_one_sample_only_is_kept():
    c = slide(LINES[2:], size=40, top=100)
    assert [status for status, _ in statuses([A, A, c, B, B])] == [
        "kept", "repeat", "kept", "kept", "repeat",
    ]  # fmt: skip


def test_a_blurred_frame_gives_way_to_a_sharp_one():
    for sigma in (1.0, 3.0):
        blurred = cv2.GaussianBlur(A, (0, 0), sigma)
        assert statuses([blurred, A, A]) == [("superseded", 1), ("kept", 1), ("repeat", 1)]


def test_a_frame_that_is_out_of_focus_for_a_moment_is_a_repeat():
    for sigma in (1.0, 3.0):
        blurred = cv2.GaussianBlur(A, (0, 0), sigma)
        assert statuses([A, blurred, A]) == [("kept", 0), ("repeat", 0), ("repeat", 0)]


def test_slow_change_does_not_drift_away():
    # Each frame differs from its neighbour by one letter's worth, from the first by everything.
    frames = [slide([*LINES[:3], LINES[3][:length]]) for length in range(1, len(LINES[3]) + 1)]
    decisions = decide(frames)
    assert decisions[-1].status == "kept" or decisions[-1].similarity >= 0.85
    assert {d.represented_by for d in decisions} == {decisions[-1].represented_by}


def with_speaker(picture: np.ndarray, index: int) -> np.ndarray:
    picture = picture.copy()
    picture[520:700, 1010:1250] = SPEAKER.at(index * 5.0)
    return picture


def test_a_speaker_in_the_corner_is_ignored():
    pictures = [slide(LINES[: 1 + index // 6]) for index in range(24)]
    decisions = decide(with_speaker(picture, index) for index, picture in enumerate(pictures))
    kept = [d.index for d in decisions if d.status == "kept"]
    assert len(kept) == 1
    assert kept[0] >= 18
    assert {d.represented_by for d in decisions} == set(kept)


def test_cards_that_change_with_every_sample_are_all_kept():
    words = sorted(set(" ".join(LINES).split()))
    pictures = [
        with_speaker(slide([words[k % len(words)]], size=60 + 9 * (k // len(words)), top=300), k)
        for k in range(20)
    ]
    assert all(d.status == "kept" for d in decide(pictures))


def test_a_passing_pointer_is_ignored():
    def pointed(index: int) -> np.ndarray:
        picture = A.copy()
        x, y = 100 + 90 * index, 600 - 30 * index
        arrow = np.array([[x, y], [x, y + 18], [x + 12, y + 12]], np.int32)
        cv2.fillPoly(picture, [arrow], (0, 0, 0))
        return picture

    decisions = decide(pointed(index) for index in range(8))
    assert sum(d.status == "kept" for d in decisions) <= 2
    assert all(d.status in ("kept", "repeat") for d in decisions)


def test_a_change_of_size_is_a_new_frame():
    small = cv2.resize(A, (854, 480), interpolation=cv2.INTER_AREA)
    assert [status for status, _ in statuses([A, small, small])] == ["kept", "kept", "repeat"]


def test_the_threshold_decides():
    almost = slide(["ߓߊ߬ߓߊ ߓߊ߬ߓߊ"]), slide(["ߓߊ߬ߓߊ ߓߊ߬ߕߊ"])
    assert [d.status for d in decide(almost, threshold=0.05)][1] == "repeat"
    assert [d.status for d in decide(almost, threshold=0.95)][1] == "kept"


# Small, so that hypothesis can look at many sequences.
PICTURES = {
    frozenset(range(low, high)): cv2.resize(
        slide([line if low <= number < high else "" for number, line in enumerate(LINES)]),
        (640, 360),
        interpolation=cv2.INTER_AREA,
    )
    for low in range(3)
    for high in range(low, len(LINES) + 1)
}


@settings(max_examples=25)
@given(st.lists(st.sampled_from(sorted(PICTURES, key=sorted)), max_size=14))
def test_no_line_is_ever_lost(shown):
    decisions = decide(PICTURES[lines] for lines in shown)
    assert [d.index for d in decisions] == list(range(len(shown)))
    for decision, lines in zip(decisions, shown, strict=True):
        if decision.status == "blank":
            assert not lines
            continue
        assert decision.represented_by is not None
        assert decisions[decision.represented_by].status == "kept"
        assert (decision.status == "kept") == (decision.represented_by == decision.index)
        if "transition" not in decision.reason:
            assert lines <= shown[decision.represented_by]
        assert decision.first_seen_ms <= decision.timestamp_ms <= decision.last_seen_ms
    kept = [shown[d.index] for d in decisions if d.status == "kept"]
    assert frozenset().union(*kept) == frozenset().union(*shown)


@pytest.mark.parametrize("paper", ["white", "black", "navy"])
def test_any_paper_will_do(paper):
    ink = "white" if paper != "white" else "black"
    frames = [slide(LINES[:count], paper=paper, colour=ink) for count in (1, 2, 2)]
    assert statuses(frames) == [("superseded", 1), ("kept", 1), ("repeat", 1)]
