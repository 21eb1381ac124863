"""The command line: exit codes, JSON on stdout alone, one sentence instead of a stack trace."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nko_assets import cli
from nko_assets.resources.lake import Failure, Lake
from nko_assets.settings import KEY_VARIABLES
from nko_assets_tests.channels import write_channel
from nko_assets_tests.servers.media import MediaServer, Slow, feed

SECRET = "S3CR3T"


class Said(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What a person was told, on one line."""
        assert "Traceback" not in self.err + self.out
        return " ".join(self.err.split())


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("NKO_") or name in KEY_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("NKO_SLEEP_MIN_S", "0")
    monkeypatch.setenv("NKO_SLEEP_MAX_S", "0")
    monkeypatch.setenv("NKO_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nko(monkeypatch, capsys):
    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["nko", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return Said(end.value.code or 0, out, err)

    return run


@pytest.fixture(scope="module")
def lessons(tmp_path_factory) -> Path:
    folder = write_channel(tmp_path_factory.mktemp("channel") / "lessons", 2)
    (folder / "broken [x].mp4").write_bytes(b"this is no video")
    return folder


@pytest.fixture(scope="module")
def framed(tmp_path_factory, lessons) -> Path:
    """A data root that `nko run` took as far as the frames, with one video of three failed."""
    data = tmp_path_factory.mktemp("framed") / "data"
    done = started("run", "--source", lessons, "--data", data, "--only", "channel,frames")
    done.communicate()
    assert done.returncode == 1
    return data


def started(*arguments: object, **over) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", "from nko_assets.cli import main; main()"]
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | over
    return subprocess.Popen([*command, *map(str, arguments)], **given)


# --- usage and configuration --------------------------------------------------------------------


def test_without_a_command_there_is_help(nko):
    said = nko()
    assert said.code in (0, 2)
    for command in ("run", "ui", "status", "retry", "pilot", "doctor", "bench"):
        assert command in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--nope"], "No such option"),
        (["paint"], "No such command"),
        (["ui", "--port", "many"], "not a valid int"),
        (["run", "--only", "paint"], "no group paint. The groups are channel, frames"),
        (["run", "--videos", " , "], "--videos names nothing. Leave it out"),
        (["run", "--only", ""], "--only names nothing"),
        (["run", "--source", ""], "No source of videos is given. Set NKO_SOURCE"),
        (["run", "--source", "nowhere"], "There is no folder"),
        (["run", "--source", "."], "holds no video files. Put some there"),
        (["status"], "holds no channel yet. Start with `nko run`"),
        (["status", "--json"], "holds no channel yet"),
        (["bench", "paint"], "no benchmark paint. There are"),
    ],
)
def test_bad_usage_is_one_sentence_with_a_next_step(nko, arguments, told):
    said = nko(*arguments)
    assert said.code == 2
    assert told in said.sentence
    assert said.out == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("NKO_INTERVAL_S", "five"), ("NKO_SIMILARITY", "7"), ("NKO_READER", "oracle")],
)
def test_a_wrong_variable_is_named_without_its_value(nko, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    for command in ("run", "status", "doctor"):
        said = nko(command)
        assert said.code == 2
        assert name in said.sentence
        assert "README" in said.sentence


def test_an_empty_variable_is_an_unset_one(nko, monkeypatch):
    for name in ("NKO_SOURCE", "NKO_COOKIES", "NKO_EXPECTED_VIDEOS"):
        monkeypatch.setenv(name, "")
    assert nko("doctor").code == 0


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nko", "/dev/null"])
def test_a_data_root_that_cannot_be_made_is_one_sentence(nko, lessons, tmp_path, place):
    (tmp_path / "file").write_text("")
    said = nko("run", "--source", lessons, "--data", place)
    assert said.code == 2
    assert said.sentence.startswith("nko: ")
    assert "--data" in said.sentence or "that file or folder" in said.sentence
    assert nko("doctor", "--data", place).code == 2


# --- money --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, SECRET])
def test_a_dry_run_tells_what_gemini_would_cost_and_makes_nothing(
    nko, monkeypatch, lessons, tmp_path, key
):
    if key:
        monkeypatch.setenv("GEMINI_API_KEY", key)
    said = nko("run", "--dry-run", "--source", lessons)
    assert said.code == 0
    assert "gemini-2.5-flash-lite" in said.out
    assert "Nothing was sent and nothing was changed." in said.out
    assert ("The offline reader is in use" in said.out) is (key is None)
    assert SECRET not in said.out + said.err
    document = json.loads(nko("run", "--dry-run", "--source", lessons, "--json").out)
    assert document["reader"] == ("gemini" if key else "offline")
    assert document["frames"] > 0
    assert len(document["models"]) > 3
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_a_video_that_is_not_there_is_one_sentence(nko, lessons):
    said = nko("run", "--dry-run", "--source", lessons, "--videos", "nope")
    assert said.code == 2
    assert "no video nope" in said.sentence


def test_the_status_has_no_batch_jobs_where_nothing_was_handed_over(nko, framed):
    assert json.loads(nko("status", "--data", framed, "--json").out)["batches"] == []


def test_gemini_without_its_key_is_refused(nko, monkeypatch):
    monkeypatch.setenv("NKO_READER", "gemini")
    said = nko("run")
    assert said.code == 2
    assert "GEMINI_API_KEY is not set" in said.sentence


# --- runs ---------------------------------------------------------------------------------------


def test_a_failed_video_is_named_and_the_others_are_made(nko, framed, lessons):
    said = nko("run", "--data", framed, "--only", "channel,frames")
    assert said.code == 1
    assert "failed broken-x-" in said.out
    assert ".mp4 is not a video" in said.out
    assert "0/3" in said.out, "the frames are not all of it"
    status = nko("status", "--data", framed)
    assert status.code == 1
    assert status.out.count("unique_frames") == 2
    assert ".mp4 is not a video" in status.out


def test_a_training_file_that_failed_is_told_by_the_status(nko, framed):
    Lake(framed).save_failure("vocabulary", "", Failure("CheckFailed", "No word is [left]."))
    said = nko("status", "--data", framed)
    Lake(framed).clear_failure("vocabulary", "")
    assert said.code == 1
    assert "failed vocabulary: No word is [left]." in said.out


def test_json_is_all_there_is_on_stdout_also_when_videos_fail(nko, framed):
    said = nko("run", "--data", framed, "--only", "channel,frames", "--json")
    document = json.loads(said.out)
    assert said.code == 1
    assert (document["videos"], document["frames"]) == (3, 6)
    assert [item["failed"] for item in document["failed"]] == ["video_files"]
    assert "video_files" in said.err, "progress goes to stderr"
    status = json.loads(nko("status", "--data", framed, "--json").out)
    assert [item["done"] for item in status["status"]].count("unique_frames") == 2
    findings = json.loads(nko("doctor", "--data", framed, "--json").out)["findings"]
    assert {"what", "well", "message", "next_step"} == set(findings[0])


def test_one_video_may_be_named_with_spaces_around_it(nko, framed):
    status = json.loads(nko("status", "--data", framed, "--json").out)["status"]
    first = next(item["video_id"] for item in status if item["done"])
    said = nko("run", "--data", framed, "--only", "frames", "--videos", f" {first} , {first}")
    assert said.code == 0
    assert "Everything was current already." in said.out
    said = nko("run", "--data", framed, "--only", "frames", "--videos", "lesson-9")
    assert said.code == 2
    assert "The channel has no video lesson-9. `nko status` lists its 3 videos." in said.sentence


def test_a_group_whose_inputs_are_missing_names_them(nko, lessons, tmp_path):
    data = tmp_path / "listed"
    assert nko("run", "--source", lessons, "--data", data, "--only", "channel").code == 1
    said = nko("run", "--data", data, "--only", "readings")
    assert said.code == 1
    assert "needs unique_frames of video" in said.out
    assert "Materialize unique_frames first" in said.out
    said = nko("run", "--data", data, "--only", "training")
    assert said.code == 1
    assert "No video has been read yet" in said.sentence
    assert "--only channel,frames,readings" in said.sentence


def test_a_source_that_nobody_names_is_the_one_of_the_data_root(nko, framed, lessons, monkeypatch):
    monkeypatch.chdir(lessons.parent)
    said = nko("run", "--data", framed, "--source", "lessons", "--only", "channel")
    assert said.code == 1
    monkeypatch.chdir("/")
    said = nko("doctor", "--data", framed)
    assert f"the video files in {lessons}" in said.out


# --- what happens to processes -------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


def test_ctrl_c_ends_with_130_and_leaves_no_run_at_work(server, tmp_path):
    server.add("/feed.xml", feed("Lessons", []), "application/rss+xml")
    server.trouble("/feed.xml", *[Slow(60)] * 9)
    data = tmp_path / "data"
    process = started("run", "--source", server.at("/feed.xml"), "--data", data)
    while not server.requests:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    said = Said(process.returncode, out, err)
    assert said.code == 130
    assert "interrupted; run it again" in said.sentence
    assert out == ""


def test_a_reader_that_has_seen_enough_ends_it_quietly(framed):
    process = started("status", "--data", framed, "--json")
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() in (0, 1)
    assert "Traceback" not in err


def test_a_full_disk_behind_stdout_is_one_sentence(framed):
    with Path("/dev/full").open("w") as full:
        process = started("status", "--data", framed, "--json", stdout=full)
        _, err = process.communicate()
    said = Said(process.returncode, "", err)
    assert said.code == 2
    assert "No space left on device" in said.sentence


@pytest.mark.parametrize("bytes_at_most", [0, 120_000])
def test_a_disk_that_takes_no_more_is_one_sentence(lessons, tmp_path, bytes_at_most):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))

    process = started(
        *("run", "--source", lessons, "--data", tmp_path / "data", "--only", "channel,frames"),
        preexec_fn=limit,
    )
    out, err = process.communicate()
    said = Said(process.returncode, out, err)
    assert said.code == 2
    assert "nko:" in said.sentence
    assert "disk" in said.sentence


def files_with_the_secret(root: Path) -> list[str]:
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    )


def test_a_secret_in_the_url_of_a_source_is_shown_nowhere(nko, server, lessons, tmp_path):
    lesson = server.add("/one.mp4", (lessons / "lesson 0.mp4").read_bytes())
    items = [
        ("One", f"{lesson}?token={SECRET}", "one"),
        ("Two", f"{lesson}x?token={SECRET}", "two"),
    ]
    server.add("/feed.xml", feed("Lessons", items), "application/rss+xml")
    url = server.at(f"/feed.xml?token={SECRET}").replace("://", f"://user:{SECRET}@")
    said = nko("run", "--source", url, "--only", "channel,frames")
    assert said.code == 1, "the second video is not there"
    assert SECRET not in said.out + said.err
    data = tmp_path / "data"
    assert files_with_the_secret(data) == [
        "manifest/source.txt",
        "manifest/videos.json",
        "manifest/videos.parquet",
    ], "only where it is needed to fetch the videos"
    for command in (["status"], ["status", "--json"], ["doctor"], ["doctor", "--json"]):
        said = nko(*command)
        assert SECRET not in said.out + said.err


def test_a_source_that_cannot_be_listed_shows_no_secret_either(nko, server, tmp_path):
    url = server.at(f"/nothing?token={SECRET}").replace("://", f"://user:{SECRET}@")
    said = nko("run", "--source", url)
    assert said.code == 1
    assert "/nothing" in said.sentence
    assert SECRET not in said.out + said.err
    assert files_with_the_secret(tmp_path / "data") == []
