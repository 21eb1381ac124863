from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from nko_assets.failures import HeldBack, TransientFailure
from nko_assets.reading.ledger import BudgetExceeded, RequestState
from nko_assets.reading.reader import JobState
from nko_assets.resources.gemini_status import Look, status_of

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BROKE = BudgetExceeded(daily=False, budget_usd=1.0, committed_usd=1.0, needed_usd=0.1, queued=2)


def look(**states: int) -> Look:
    return Look((), 3, Counter({RequestState(name): many for name, many in states.items()}), ())


@pytest.mark.parametrize(
    ("states", "waits", "unsent"),
    [
        ({"answered": 2, "failed": 1}, False, False),
        ({"answered": 2, "submitted": 1}, True, False),
        ({"answered": 2, "claimed": 1}, True, True),
        ({"queued": 3}, True, True),
    ],
)
def test_a_receipt_waits_until_each_frame_has_its_last_answer(states, waits, unsent):
    assert (look(**states).waits, look(**states).unsent) == (waits, unsent)


def test_a_receipt_whose_frames_are_unknown_is_worth_nothing():
    status = status_of(look(answered=2), None, "", NOON)
    assert status.state is JobState.FAILED
    assert status.note == "2 of 3 frames answered; the ledger does not know 1 of them"


def test_only_money_that_all_the_rest_waits_for_holds_it_back():
    with pytest.raises(HeldBack, match="NKO_BUDGET_USD"):
        status_of(look(answered=1, queued=2), BROKE, "", NOON)
    status = status_of(look(submitted=1, queued=2), BROKE, "", NOON)
    assert status.state is JobState.RUNNING
    assert "budget of $1.00" in status.note


def test_the_note_says_what_the_frames_wait_for():
    queued = look(queued=3)
    assert status_of(queued, None, "they wait", NOON).note.endswith("3 are queued: they wait")
    trouble = TransientFailure("No answer.")
    assert status_of(queued, trouble, "they wait", NOON + timedelta(1)).note.endswith(
        ". No answer."
    )
