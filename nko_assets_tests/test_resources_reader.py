"""Which reader settings choose, and that choosing opens and asks nothing."""

from __future__ import annotations

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.files import sha256_of
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.resources.lake import Lake
from nko_assets.resources.reader import (
    kept_frames,
    limits_of,
    open_reader,
    open_second_reader,
    reader_weights,
)
from nko_assets.resources.store import LazyStore
from nko_assets.schemas.frames import UniqueFrames
from nko_assets.settings import KEY_VARIABLES, load_settings
from nko_assets.tuning.student.accepted import accepted, accepted_file, student_folder, students
from nko_assets_tests.tables import made
from nko_assets_tests.workbench import Workbench, entry_of


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def opened(tmp_path, **over: object):
    settings = load_settings(data=tmp_path, **over)
    store = LazyStore(settings.store_url, tmp_path / "store")
    reader = open_reader(settings, Lake(tmp_path), store)
    assert list(tmp_path.iterdir()) == []
    assert not store.exists
    return reader, open_second_reader(settings)


def test_without_a_key_the_offline_reader_reads_alone(tmp_path):
    reader, second = opened(tmp_path)
    assert (reader.name, reader.deferred, second) == ("offline", False, None)


def test_with_a_key_gemini_reads_and_the_offline_reader_is_asked_too(tmp_path):
    reader, second = opened(tmp_path, gemini_api_key="k", model="gemini-2.5-flash")
    assert (reader.name, reader.model, reader.deferred) == ("gemini", "gemini-2.5-flash", True)
    assert second is not None
    assert second.name == "offline"


def test_a_model_that_nobody_knows_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(ConfigurationError, match="NKO_MODEL"):
        opened(tmp_path, gemini_api_key="k", model="gemini-0")


def test_budgets_and_tiers_are_those_of_the_settings(tmp_path):
    limits = limits_of(
        load_settings(data=tmp_path, budget_usd=7, daily_budget_usd=2, max_open_jobs=3)
    )
    assert (limits.budget_usd, limits.daily_budget_usd, limits.max_open_jobs) == (7, 2, 3)
    assert limits.max_open_tokens == 3_000_000


def test_only_frames_that_are_kept_and_asked_for_are_handed_out(tmp_path):
    bench = Workbench(tmp_path, entry_of("v1"))
    rows = [
        {"frame_id": f"v1:{ms}", "video_id": "v1", "timestamp_ms": ms, "represented_by": "v1:0"}
        for ms in (0, 5000, 10000)
    ]
    rows[0] |= {"jpeg": b"first"}
    rows[1] |= {"status": "repeat", "reason": "shows the same", "jpeg": None}
    rows[2] |= {"represented_by": "v1:10000", "jpeg": b"last"}
    bench.put("unique_frames", "v1", made(UniqueFrames, *rows))
    wanted = ["v1:0", "v1:5000", "v1:99"]
    assert kept_frames(bench.lake, "v1", wanted) == {"v1:0": b"first"}
    assert kept_frames(bench.lake, "v2", wanted) == {}


def weights_in(folder, content: bytes = b"weights"):
    path = folder / "nko_lines.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_offline_reader_has_the_shipped_weights_unless_others_are_named(tmp_path):
    assert reader_weights(load_settings(data=tmp_path)) == WEIGHTS
    path = weights_in(tmp_path / "other")
    named = load_settings(data=tmp_path, reader_weights=str(path.parent))
    assert reader_weights(named) == path


def test_other_weights_make_another_reader_so_that_frames_are_read_again(tmp_path):
    path = weights_in(tmp_path / "other")
    data = tmp_path / "data"
    data.mkdir()
    shipped, _ = opened(data)
    other, _ = opened(data, reader_weights=str(path.parent))
    assert shipped.model != other.model
    assert sha256_of(path)[:12] in other.model
    _, second = opened(data, gemini_api_key="k", reader_weights=str(path.parent))
    assert second is not None
    assert second.model == other.model


def test_the_accepted_student_is_in_use_where_the_settings_say_so(tmp_path):
    digest = sha256_of(weights_in(tmp_path))
    folder = students(tmp_path)
    path = weights_in(student_folder(folder, digest))
    accepted_file(folder).write_bytes(accepted(digest))
    assert reader_weights(load_settings(data=tmp_path, reader_weights="student")) == path
    path.write_bytes(b"changed")
    with pytest.raises(ConfigurationError, match="accepted student"):
        reader_weights(load_settings(data=tmp_path, reader_weights="student"))


def test_a_student_that_nobody_accepted_yet_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="no student was accepted yet"):
        opened(tmp_path, reader_weights="student")


def test_a_folder_without_weights_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="holds no nko_lines"):
        opened(tmp_path, reader_weights=str(tmp_path))
