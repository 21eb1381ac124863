"""The step of the student: whom it learns from, what it refuses, and when it is put in use."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import shutil
from typing import Any

import polars as pl
import pytest

from nko_assets.assets.student import LEAST_TAUGHT, make_student
from nko_assets.corpus.ocr_samples import sample_id
from nko_assets.failures import NotReady, PermanentFailure
from nko_assets.files import sha256_of, write_atomically
from nko_assets.lineage import CORPUS_STEPS, REQUESTED_STEPS, STEPS
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.reading.training.plan import TrainingPlan
from nko_assets.schemas.readings import Readings
from nko_assets.tuning.student.accepted import (
    WEIGHTS_FILE,
    accepted,
    accepted_file,
    accepted_weights,
    student_folder,
    students,
)
from nko_assets.tuning.student.frozen import LEAST_REAL, frozen_set
from nko_assets_tests.builders import reading, reviewed
from nko_assets_tests.student_lines import crop
from nko_assets_tests.workbench import Workbench, check, entry_of

PLAN = TrainingPlan(steps=1, columns=400, learning_rate=1e-5, warmup=1)


def quickly(*given: Any, **over: Any) -> Any:
    """Teach a student that hardly learns anything."""
    from nko_assets.tuning.student.teaching import teach

    return teach(*given, **over, plan=PLAN, settling=8)


needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the extra train"
)


def bench_of(root, taught: int, tested: int, by: str = "Fanta") -> Workbench:
    """Two videos of lines that `by` accepted: `taught` in train and `tested` in validation."""
    bench = Workbench(root, entry_of("train-1"), entry_of("held-1"))
    start = 0
    for video_id, side, count in (("train-1", "train", taught), ("held-1", "validation", tested)):
        crops = [crop(number, video_id) for number in range(start, start + count)]
        start += count
        rows, samples = [], []
        for number, one in enumerate(crops):
            row = reading(one.text, video_id=video_id, timestamp_ms=5000 * number, decided_by=by)
            rows.append(row)
            samples.append(sample(row, one))
        table = reviewed(*rows)
        bench.put_lesson(table)
        bench.put("second_readings", video_id, pl.DataFrame(schema=Readings.polars_schema()))
        path = root / "splits" / side / "ocr_samples.jsonl"
        write_atomically(path, "".join(samples).encode())
    bench.lake.save_record("splits", "", "f" * 64, [], {"validation videos": ["held-1"]}, [])
    return bench


def sample(row, one) -> str:
    """A row of an exported file, as much of it as matters here."""
    facts = {
        "id": sample_id(row["frame_id"], row["nko"]),
        "video_id": row["video_id"],
        "text": row["nko"],
        "image": base64.b64encode(one.jpeg).decode(),
        "licence": row["licence"],
    }
    return json.dumps(facts, ensure_ascii=False) + "\n"


VIDEOS = ("train-1", "held-1")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return bench_of(tmp_path_factory.mktemp("student"), LEAST_TAUGHT + 5, LEAST_REAL)


def test_it_is_made_on_request_only():
    assert STEPS["student"] in REQUESTED_STEPS
    assert STEPS["student"] not in CORPUS_STEPS


def test_what_the_gate_alone_accepted_is_no_lesson_and_the_way_out_is_told(tmp_path):
    bench = bench_of(tmp_path, 150, LEAST_REAL, by="gate")
    with pytest.raises(PermanentFailure, match="there are 0") as failure:
        make_student(bench.context("", *VIDEOS), quickly)
    assert f"at least {LEAST_REAL} more" in failure.value.next_step
    assert "held-1" in failure.value.next_step


def test_too_few_lines_to_teach_are_told_with_how_many_are_missing(tmp_path):
    bench = bench_of(tmp_path, LEAST_TAUGHT - 7, LEAST_REAL)
    with pytest.raises(PermanentFailure, match=f"there are {LEAST_TAUGHT - 7} in train") as failure:
        make_student(bench.context("", *VIDEOS), quickly)
    assert "at least 7 more" in failure.value.next_step


def test_lines_like_those_of_the_frozen_set_do_not_teach(tmp_path):
    bench = bench_of(tmp_path, LEAST_TAUGHT, LEAST_REAL)
    held = [crop(number, "held-1") for number in range(LEAST_REAL)]  # texts of train's own lines
    frozen_set(students(tmp_path) / "frozen", held, [])
    with pytest.raises(PermanentFailure, match=f"there are {LEAST_TAUGHT - LEAST_REAL} in train"):
        make_student(bench.context("", *VIDEOS), quickly)


def identity(bench):
    return STEPS["student"].identity(bench.context("", *VIDEOS))


def test_it_is_current_until_what_decides_it_changes(tmp_path):
    bench, folder = bench_of(tmp_path, 3, LEAST_REAL), students(tmp_path)
    first = identity(bench)
    with pytest.raises(PermanentFailure, match="there are 3 in train"):
        make_student(bench.context("", *VIDEOS), quickly)
    assert (folder / "frozen").is_dir(), "by then it has chosen the frozen set"
    assert identity(bench) == first

    digest = hashlib.sha256(b"weights").hexdigest()
    write_atomically(student_folder(folder, digest) / WEIGHTS_FILE, b"weights")
    write_atomically(accepted_file(folder), accepted(digest))
    assert identity(bench) != first, "others have to be beaten"
    facts = {"weights": digest[:12], "weights before": sha256_of(WEIGHTS)[:12]}
    bench.lake.save_record("student", "", "f" * 64, [], facts, [])
    assert identity(bench) == first, "it was put in use itself"

    shutil.rmtree(folder / "frozen")
    assert identity(bench) == first
    bench_of(tmp_path, 3, LEAST_REAL + 1)
    assert identity(bench) != first


@needs_torch
def test_a_student_that_is_not_better_is_refused_and_the_old_weights_stay(bench):
    outcome = make_student(bench.context("", *VIDEOS), quickly)
    result = check(outcome, "student_accepted")
    assert not result.passed
    assert result.severity == "WARN"
    assert outcome.facts["status"] == "refused"
    assert outcome.facts["weights in use"] == sha256_of(WEIGHTS)[:12]
    assert outcome.facts["lines taught"] == {"person": LEAST_TAUGHT + 5}
    assert outcome.files == {}
    assert accepted_weights(students(bench.lake.root)) is None
    assert all(path.is_file() for path in outcome.in_place)


@needs_torch
def test_a_student_that_beats_the_one_in_use_takes_its_place(bench):
    import torch

    from nko_assets.reading.training.export import write_onnx
    from nko_assets.reading.training.restore import restore

    folder = students(bench.lake.root)
    network = restore(WEIGHTS)
    with torch.no_grad():
        network.classes.bias[1] += 12  # everything becomes a space
    written = folder / "dull.onnx"
    write_onnx(network, written, {})
    digest = sha256_of(written)
    write_atomically(student_folder(folder, digest) / WEIGHTS_FILE, written.read_bytes())
    write_atomically(accepted_file(folder), accepted(digest))
    outcome = make_student(bench.context("", *VIDEOS), quickly)
    assert outcome.facts["status"] == "accepted"
    assert check(outcome, "student_accepted").passed
    for path, data in outcome.files.items():
        write_atomically(path, data)
    weights = accepted_weights(folder)
    assert weights in outcome.in_place
    assert outcome.facts["real lines, error after"] < outcome.facts["real lines, error before"]


@needs_torch
def test_an_interrupted_run_ends_before_anything_is_written(tmp_path):
    bench = bench_of(tmp_path, LEAST_TAUGHT, LEAST_REAL)
    context = bench.context("", *VIDEOS)
    context.stopped.set()
    with pytest.raises(NotReady):
        make_student(context, quickly)
    assert {path.name for path in students(tmp_path).iterdir()} == {"frozen"}
