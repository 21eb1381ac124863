"""The offline reader: one reading for each frame, in one protocol with readers that cost money."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.reading.answers import FrameRequest, readings_table
from nko_assets.reading.offline import OfflineReader
from nko_assets.reading.reader import JobState, Reader
from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import lessons
from nko_assets.sample.score import score_readings
from nko_assets.sample.slides import draw_slide
from nko_assets.sample.truth import truth_for
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.readings import Readings

ROOT = Path(__file__).resolve().parents[1]


def jpeg(image):
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def slide_request(video_id, number):
    """The full slide `number` of a lesson, as the frame at the end of its time."""
    lesson = lessons()[video_id]
    image = draw_slide(lay_out(lesson, number, len(lesson.slides[number].rows)))
    last = [slide for slide in truth_for(video_id).slides if slide.slide == number][-1]
    time = last.end_ms - 500
    return FrameRequest(f"{video_id}:{time}", video_id, time, jpeg(image[:, :, ::-1]))


@pytest.fixture(scope="module")
def reader():
    return OfflineReader()


def read(reader, requests, said=None):
    job = reader.submit(requests)
    assert reader.poll(job).state is JobState.DONE
    return list(reader.collect(job, requests, [].append if said is None else said.append))


def test_it_speaks_the_protocol_of_readers(reader):
    as_reader: Reader = reader
    assert as_reader.name == "offline"
    assert as_reader.model.startswith("nko-lines-")


def test_slides_are_read_and_paired(reader):
    requests = [slide_request("Kd3x9LwPaRA", 1), slide_request("tW5rOj1uXBk", 2)]
    said = []
    table = readings_table(read(reader, requests, said))
    assert schema_failures(Readings, table) == []
    assert table["status"].to_list() == ["ok", "ok"]
    score = score_readings(table)
    assert score.cer <= 0.015
    assert score.pairing >= 0.9
    assert said == ["Read 2 of 2 frames"]


def test_each_frame_has_one_reading_also_those_that_show_nothing_or_are_no_picture(reader):
    requests = [
        FrameRequest("clip:0", "clip", 0, jpeg(np.full((360, 640, 3), 230, np.uint8))),
        FrameRequest("clip:5000", "clip", 5000, b"not a picture"),
        FrameRequest("clip:10000", "clip", 10000, b""),
    ]
    readings = read(reader, requests)
    assert [r.frame_id for r in readings] == [r.frame_id for r in requests]
    assert [r.status for r in readings] == ["no_text", "error", "error"]
    assert all(r.reason for r in readings)
    assert schema_failures(Readings, readings_table(readings)) == []


def test_reading_the_same_frame_again_gives_the_same(reader):
    request = slide_request("-bQ7m_ZtK0s", 0)
    assert read(reader, [request]) == read(OfflineReader(), [request])


def test_submitting_is_free_and_the_same_frames_are_the_same_job(reader):
    requests = [FrameRequest("clip:0", "clip", 0, b"a"), FrameRequest("clip:5", "clip", 5, b"b")]
    job = reader.submit(requests)
    assert job == OfflineReader().submit(requests)
    assert (job.frames, job.estimated_cost_usd) == (2, 0.0)
    assert job.name != OfflineReader(longest_side=960).submit(requests).name


def test_a_frame_of_another_job_is_refused(reader):
    mine, other = (FrameRequest("clip:0", "clip", 0, data) for data in (b"a", b"b"))
    with pytest.raises(PermanentFailure, match="clip:0 is not part of job"):
        list(reader.collect(reader.submit([mine]), [other], print))


def test_part_of_a_job_can_be_collected(reader):
    requests = [FrameRequest("clip:0", "clip", 0, b"a"), FrameRequest("clip:5", "clip", 5, b"b")]
    job = reader.submit(requests)
    assert [r.frame_id for r in reader.collect(job, requests[1:], print)] == ["clip:5"]


def test_importing_the_reader_loads_no_weights():
    code = (
        "import sys; import nko_assets.reading.offline as o; o.OfflineReader().name;"
        "sys.exit('rapidocr' in sys.modules or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
