import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime

import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.reading.gemini.answers import parse_result
from nko_assets.reading.gemini.bookkeeping import (
    first_again,
    hash_of,
    is_unchanged,
    new_answer,
    new_request,
    price_now,
    reading_of,
)
from nko_assets.reading.gemini.prices import cost_usd
from nko_assets.reading.gemini.request import AskSettings, first_settings, request_line
from nko_assets.reading.gemini.tokens import expected_tokens
from nko_assets.reading.ledger import PlannedRequest, StoredAnswer
from nko_assets_tests.gemini_reading import MODEL, ROWS, frames, picture
from nko_assets_tests.servers.gemini import response, truth

DAY = date(2026, 11, 24)
SETTINGS = first_settings(MODEL, "medium")
(FRAME,) = frames([1], each=1)


def planned(**over) -> PlannedRequest:
    row = asdict(new_request(FRAME, MODEL, SETTINGS, DAY))
    return PlannedRequest(
        **{**row, "attempt": 1, "first_settings": SETTINGS.as_dict(), **over},
    )


def result(answer: object, key: str = ""):
    return parse_result(json.dumps({"key": key or planned().key, "response": answer}))


def stored(raw: str, status: str = "ok", **over) -> StoredAnswer:
    values = {
        "hash": planned().hash,
        "attempt": 1,
        "video_id": FRAME.video_id,
        "frame_id": FRAME.frame_id,
        "model": MODEL,
        "settings": {},
        "raw": raw,
        "status": status,
        "reason": "" if status == "ok" else "it failed",
        "input_tokens": 1000,
        "output_tokens": 100,
        "thinking_tokens": 10,
        "cost_usd": 0.5,
        "job_name": "nko-1",
        "received_at": datetime(2026, 11, 24, tzinfo=UTC),
    }
    return StoredAnswer(**{**values, **over})


def test_a_request_knows_its_picture_and_what_asking_is_expected_to_cost():
    row = new_request(FRAME, MODEL, SETTINGS, DAY)
    assert (row.width, row.height) == (4, 2)
    assert row.estimated_usd > 0
    assert row.tokens > 256
    line = request_line("f" * 64 + "-1", FRAME.frame_id, FRAME.jpeg, SETTINGS)
    assert len(line) <= row.size < len(line) + 20


def test_what_is_no_picture_is_refused():
    with pytest.raises(PermanentFailure, match="video-1:0 is not a picture"):
        new_request(replace(FRAME, jpeg=b"\xff\xd8 no"), MODEL, SETTINGS, DAY)


def test_picture_model_and_settings_make_the_hash():
    other = replace(FRAME, jpeg=picture(FRAME.frame_id, version=1))
    hashes = {
        hash_of(FRAME, MODEL, SETTINGS),
        hash_of(other, MODEL, SETTINGS),
        hash_of(FRAME, "gemini-2.5-pro", SETTINGS),
        hash_of(FRAME, MODEL, first_settings(MODEL, "high")),
        hash_of(FRAME, MODEL, first_settings(MODEL, "medium", reading=2)),
    }
    assert len(hashes) == 5


def test_a_changed_picture_is_noticed_also_when_it_is_asked_again():
    again = planned(attempt=2, settings={**SETTINGS.as_dict(), "temperature": 0.4})
    assert is_unchanged(again, FRAME.jpeg)
    assert not is_unchanged(again, picture(FRAME.frame_id, version=1))


def test_real_usage_is_charged_at_the_price_of_the_day():
    answer = new_answer(result(response(truth(FRAME.frame_id, ROWS), thoughts=30)), planned(), DAY)
    assert (answer.status, answer.retry, answer.key) == ("ok", None, planned().key)
    assert answer.thinking_tokens == 30
    assert answer.cost_usd == cost_usd(MODEL, DAY, 1820, answer.output_tokens, 30)


def test_an_answer_that_does_not_count_its_tokens_is_charged_as_estimated():
    uncounted = response(truth(FRAME.frame_id, ROWS))
    del uncounted["usageMetadata"]
    assert new_answer(result(uncounted), planned(), DAY).cost_usd == planned().estimated_usd


def test_what_the_service_refused_costs_nothing():
    line = json.dumps({"key": planned().key, "error": {"code": 503, "message": "busy"}})
    answer = new_answer(parse_result(line), planned(), DAY)
    assert (answer.status, answer.cost_usd) == ("error", 0.0)
    assert answer.retry.settings == SETTINGS.as_dict()


def test_an_answer_that_was_cut_is_asked_again_with_more_room_and_its_price():
    cut = response(truth(FRAME.frame_id, ROWS)[:40], finish="MAX_TOKENS")
    answer = new_answer(result(cut), planned(), DAY)
    assert answer.status == "max_tokens"
    assert answer.retry.settings["max_output_tokens"] == 2 * SETTINGS.max_output_tokens
    assert answer.retry.tokens == planned().tokens
    # It is expected to use up at least what it had used up.
    used_up = cost_usd(MODEL, DAY, planned().tokens, SETTINGS.max_output_tokens, 0)
    assert answer.retry.estimated_usd == pytest.approx(used_up)


def test_a_request_costs_what_its_model_costs_on_the_day_on_which_it_is_sent():
    waiting = planned(
        model="gemini-3.8-flash", settings=first_settings("gemini-3.8-flash").as_dict()
    )
    first, later = date(2026, 11, 24), date(2027, 11, 24)
    assert price_now(planned(), DAY) == pytest.approx(planned().estimated_usd)
    tokens = expected_tokens(
        waiting.model, AskSettings.from_dict(waiting.settings), waiting.width, waiting.height
    )
    assert price_now(waiting, later) > price_now(waiting, first)
    for day in (first, later):
        assert price_now(waiting, day) == pytest.approx(cost_usd(waiting.model, day, *tokens))


def test_what_failed_is_asked_again_by_hand_as_it_was_asked_first():
    given_up = planned(
        attempt=3, settings={**SETTINGS.as_dict(), "hint": "loop"}, estimated_usd=7.0, tokens=9
    )
    again = first_again(given_up, DAY)
    assert again.settings == SETTINGS.as_dict()
    assert (again.tokens, again.estimated_usd) == (planned().tokens, planned().estimated_usd)


def test_what_cannot_heal_is_not_asked_again():
    line = json.dumps({"key": planned().key, "error": {"code": 400, "message": "bad picture"}})
    assert new_answer(parse_result(line), planned(), DAY).retry is None


def test_a_reading_is_what_the_stored_answer_says():
    raw = result(response(truth(FRAME.frame_id, ROWS))).raw
    reading = reading_of(stored(raw), FRAME)
    assert (reading.status, reading.reader, reading.model) == ("ok", "gemini", MODEL)
    assert [entry.nko for entry in reading.entries] == ["ߛߎ"]
    assert (reading.output_tokens, reading.cost_usd, reading.raw_answer) == (110, 0.5, raw)


def test_what_the_ledger_calls_a_failure_has_no_lines_whatever_its_text_is():
    raw = result(response(truth(FRAME.frame_id, ROWS))).raw
    reading = reading_of(stored(raw, "duplicate"), FRAME)
    assert (reading.status, reading.reason, reading.lines) == ("duplicate", "it failed", ())


def test_what_was_fine_once_is_judged_as_this_release_judges():
    raw = result(response(truth("video-9:0", ROWS))).raw
    assert reading_of(stored(raw), FRAME).status == "wrong_frame"


def test_frames_with_the_same_picture_share_the_answer_and_count_it_once():
    raw = result(response(truth(FRAME.frame_id, ROWS))).raw
    reading = reading_of(stored(raw), replace(FRAME, frame_id="video-2:0", video_id="video-2"))
    assert (reading.frame_id, reading.status) == ("video-2:0", "ok")
    assert (reading.input_tokens, reading.output_tokens, reading.cost_usd) == (0, 0, 0.0)
