"""Jobs and request hashes: the same frames are the same job, anything else is another."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import PermanentFailure
from nko_assets.reading.answers import FrameRequest
from nko_assets.reading.reader import Job, JobState, job_name, request_hash

REQUEST = FrameRequest("clip:0", "clip", 0, b"\xff\xd8picture")
OPTIONS = {"reader": "offline", "model": "weights-1", "settings": {"side": 640}}


def test_the_hash_is_that_of_the_picture_the_reader_and_its_settings():
    same = request_hash(REQUEST, **OPTIONS)
    assert len(same) == 64
    assert request_hash(replace(REQUEST, frame_id="other:5", video_id="other"), **OPTIONS) == same
    others = [
        request_hash(replace(REQUEST, jpeg=b"\xff\xd8another"), **OPTIONS),
        request_hash(REQUEST, **{**OPTIONS, "reader": "another"}),
        request_hash(REQUEST, **{**OPTIONS, "model": "weights-2"}),
        request_hash(REQUEST, **{**OPTIONS, "settings": {"side": 960}}),
    ]
    assert len({same, *others}) == 5


def test_the_order_of_settings_does_not_matter():
    one = request_hash(REQUEST, reader="r", model="m", settings={"a": 1, "b": 2})
    assert one == request_hash(REQUEST, reader="r", model="m", settings={"b": 2, "a": 1})


def test_a_job_keeps_its_name_and_frames_through_its_receipt():
    job = Job.of("offline", "weights-1", ["a" * 64, "b" * 64], 0.25)
    assert job.frames == 2
    assert job.name == job_name("weights-1", ["a" * 64, "b" * 64])
    assert Job.from_json(job.to_json()) == job
    again = Job.of("offline", "weights-1", ["a" * 64], 0.25, reading=2)
    assert Job.from_json(again.to_json()).reading == 2


def test_a_job_is_over_when_it_is_done_or_failed():
    assert [state for state in JobState if state.final] == [JobState.DONE, JobState.FAILED]


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=4))
def test_job_names_are_short_and_repeatable(hashes):
    name = job_name("model", hashes)
    assert name == job_name("model", hashes)
    assert name != job_name("model-2", hashes)
    assert len(name) == len("nko-") + 24


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "x"}'])
def test_what_is_no_receipt_is_refused(text):
    with pytest.raises(PermanentFailure, match="receipt"):
        Job.from_json(text)
