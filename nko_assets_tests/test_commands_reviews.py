"""`nko reviews`: decisions go out and come in, and none is lost or made up on the way."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from psycopg.conninfo import conninfo_to_dict

from nko_assets import cli
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets.schemas.frames import UniqueFrames
from nko_assets.settings import KEY_VARIABLES
from nko_assets_tests.builders import frame_jpeg
from nko_assets_tests.memory_places import address_of, forget_reviews
from nko_assets_tests.tables import made
from nko_assets_tests.test_reading_reviews import decision, new_item
from nko_assets_tests.test_reading_reviews_label_studio import annotated
from nko_assets_tests.workbench import Workbench, entry_of


class Said(NamedTuple):
    """How the command ended and what it printed, on one line each."""

    code: int
    out: str
    err: str


@pytest.fixture
def nko(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    database: Store,
) -> Callable[..., Said]:
    """The command over a data root of two videos and the session's database."""
    for name in list(os.environ):
        if name.startswith("NKO_") or name in KEY_VARIABLES:
            monkeypatch.delenv(name)
    given = conninfo_to_dict(address_of(database))
    monkeypatch.setenv(
        "NKO_STORE_URL",
        f"postgresql://{given['user']}@/{given['dbname']}?host={given['host']}&port={given['port']}",
    )
    bench = Workbench(tmp_path / "data", entry_of("v1"), entry_of("v2"))
    for video_id in ("v1", "v2"):
        rows = [
            {
                "frame_id": f"{video_id}:{5000 * number}",
                "video_id": video_id,
                "timestamp_ms": 5000 * number,
                "jpeg": frame_jpeg(),
            }
            for number in range(3)
        ]
        bench.put("unique_frames", video_id, made(UniqueFrames, *rows))

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        command = ["nko", "reviews", *map(str, arguments), "--data", str(tmp_path / "data")]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return Said(
            int(end.value.code or 0), " ".join(said.out.split()), " ".join(said.err.split())
        )

    return run


def test_decisions_go_out_and_come_into_another_store_as_they_were(
    nko: Callable[..., Said], desk: ReviewDesk, database: Store, tmp_path: Path
) -> None:
    desk.put_items("v1", [new_item(0), new_item(1)])
    first = desk.decide(decision(new_item(0), "correct", nko="ߓߟߏ", note="tone"), None)
    desk.undo(desk.decide(decision(new_item(0), "reject"), first), "Awa")
    desk.decide(decision(new_item(1), "accept", "Fanta"), None)
    before = desk.decisions()
    file = tmp_path / "decisions.jsonl"
    assert nko("export", file).out == f"2 decisions are in {file}."
    forget_reviews(database)
    said = nko("import", file)
    assert said.code == 0
    assert said.out.startswith("2 decisions are new, 0 were known already.")
    assert desk.decisions() == before
    assert json.loads(nko("import", file, "--json").out) == {"new": 0, "known": 2, "left_out": []}


def test_what_waits_goes_to_label_studio_and_comes_back_decided(
    nko: Callable[..., Said], desk: ReviewDesk, tmp_path: Path
) -> None:
    desk.put_items("v1", [new_item(0), new_item(1), new_item(2, gate="accepted")])
    desk.put_items("v2", [new_item(0, "v2", nko="ߓߟߏ")])
    desk.decide(decision(new_item(1)), None)
    file = tmp_path / "tasks.json"
    assert "2 frames wait as tasks" in nko("export", file, "--format", "label-studio").out
    assert (tmp_path / "tasks.labeling.xml").read_text().startswith("<View>")
    tasks = json.loads(file.read_text())
    assert [one["data"]["frame_id"] for one in tasks] == ["v1:0", "v2:0"]
    file.write_text(json.dumps([annotated(one) for one in tasks]))
    said = nko("import", file, "--format", "label-studio")
    assert said.out.startswith("2 decisions are new")
    assert (desk.progress().decided, desk.progress().waiting) == (3, 0)
    (entry,) = desk.history(new_item(0, "v2").reading_id)
    assert (entry.by, entry.origin, entry.seen) == ("awa@example.org", "label studio", "ߓߟߏ")
    empty = nko("export", file, "--format", "label-studio", "--videos", "v1", "--json")
    assert json.loads(empty.out)["written"] == 0
    assert json.loads(file.read_text()) == []


def test_what_gives_no_decision_is_told(
    nko: Callable[..., Said], desk: ReviewDesk, tmp_path: Path
) -> None:
    desk.put_items("v1", [new_item(0)])
    file = tmp_path / "tasks.json"
    nko("export", file, "--format", "label-studio")
    (one,) = json.loads(file.read_text())
    one["data"]["readings"] = {}
    file.write_text(json.dumps([annotated(one)]))
    said = nko("import", file, "--format", "label-studio")
    assert said.code == 0
    assert "0 decisions are new" in said.out
    assert "left out: v1:0: awa@example.org drew a region" in said.out


def test_one_bad_line_keeps_the_whole_file_out(
    nko: Callable[..., Said], desk: ReviewDesk, tmp_path: Path
) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_text(decision(new_item()).to_json_line() + '{"reading_id": 7}\n', encoding="utf-8")
    said = nko("import", file)
    assert said.code == 2
    assert f"Line 2 of {file} is no review decision" in said.err
    assert desk.decisions() == []
    file.write_bytes(b"\xff\xfe")
    assert "no text in UTF-8" in nko("import", file).err
    assert nko("import", tmp_path / "missing").code == 2


def test_videos_that_are_not_there_are_named(
    nko: Callable[..., Said], desk: ReviewDesk, tmp_path: Path
) -> None:
    desk.put_items("v1", [])
    said = nko("export", tmp_path / "x.json", "--format", "label-studio", "--videos", "v9")
    assert (said.code, "no video v9" in said.err) == (2, True)
    assert "--videos is for tasks" in nko("export", tmp_path / "x", "--videos", "v1").err
