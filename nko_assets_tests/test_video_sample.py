from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.video.sample import SampledFrame, probe, sample_frames
from nko_assets_tests.videos import (
    HEIGHT,
    WIDTH,
    number_of,
    numbered,
    shown_at,
    write_sound,
    write_video,
)

CONTAINERS = [
    ("lesson.mp4", "libx264"),
    ("lesson.mkv", "libx264"),
    ("lesson.mov", "libx264"),
    ("lesson.ts", "libx264"),
    ("lesson.flv", "libx264"),
    ("lesson.avi", "mpeg4"),
    ("lesson.webm", "libvpx-vp9"),
]


def sampled_numbers(frames: list[SampledFrame]) -> list[tuple[int, int]]:
    return [(frame.timestamp_ms, number_of(frame.image)) for frame in frames]


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_every_container_gives_the_frame_shown_at_each_time(tmp_path, name, codec):
    path = write_video(tmp_path / name, 60, codec=codec, gop=25)
    for interval_s in (1.0, 0.37, 0.1):
        frames = list(sample_frames(path, interval_s))
        times = [round(k * interval_s * 1000) for k in range(len(frames))]
        assert [frame.timestamp_ms for frame in frames] == times
        assert [number_of(frame.image) for frame in frames] == [at // 100 for at in times]
        assert times[-1] + interval_s * 1000 >= 6000


@pytest.mark.parametrize("gop", [1, 10, 50, 1000])
def test_samples_equal_those_of_decoding_everything(tmp_path, gop):
    path = write_video(tmp_path / "lesson.mp4", 120, gop=gop)
    for interval_s in (2.0, 0.55):
        frames = list(sample_frames(path, interval_s))
        expected = shown_at(path, [frame.timestamp_ms for frame in frames])
        assert [number_of(frame.image) for frame in frames] == expected


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.integers(1, 3000), min_size=5, max_size=25),
    gop=st.integers(2, 30),
    interval_ms=st.integers(150, 4000),
)
def test_a_variable_frame_rate_is_followed_exactly(tmp_path, suffix, steps, gop, interval_ms):
    times_ms = [sum(steps[:index]) for index in range(len(steps))]
    path = write_video(tmp_path / f"lesson.{suffix}", len(times_ms), times_ms=times_ms, gop=gop)
    frames = list(sample_frames(path, interval_ms / 1000))
    assert [number_of(frame.image) for frame in frames] == shown_at(
        path, [frame.timestamp_ms for frame in frames]
    )


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    "x264",
    [
        "open-gop=1:keyint=23:bframes=3:b-pyramid=normal:ref=4",
        "open-gop=1:keyint=23:bframes=8:b-pyramid=strict:ref=8",
        "intra-refresh=1:keyint=20:bframes=0",
    ],
)
def test_key_frames_that_decoding_cannot_simply_begin_at_are_managed(tmp_path, x264, suffix):
    path = write_video(tmp_path / f"lesson.{suffix}", 120, x264=x264)
    for interval_s in (1.0, 0.3):
        frames = sampled_numbers(list(sample_frames(path, interval_s)))
        assert frames == [(at, at // 100) for at, _ in frames]
        assert len(frames) == round(12 / interval_s)


def test_a_picture_that_stands_still_for_a_minute_is_sampled_throughout(tmp_path):
    path = write_video(tmp_path / "lesson.mkv", 3, times_ms=[0, 60_000, 61_000], fps=1)
    assert sampled_numbers(list(sample_frames(path, 20.0))) == [
        (0, 0), (20_000, 0), (40_000, 0), (60_000, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "webm"])
def test_a_clock_that_starts_late_changes_no_timestamp(tmp_path, suffix):
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    path = write_video(tmp_path / f"lesson.{suffix}", 50, codec=codec, start_ms=7_300, gop=20)
    assert sampled_numbers(list(sample_frames(path, 1.0))) == [(k * 1000, k * 10) for k in range(5)]


def test_a_clock_that_starts_again_goes_on(tmp_path):
    first = write_video(tmp_path / "first.ts", 50, gop=10)
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() * 2)
    numbers = [number_of(frame.image) for frame in sample_frames(path, 1.0)]
    assert numbers[:5] == [0, 10, 20, 30, 40]
    assert len(numbers) in (10, 11)
    assert all(abs(later - k * 10) <= 5 for k, later in enumerate(numbers[5:10]))


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_rotation_is_applied(tmp_path, rotation):
    path = write_video(tmp_path / "lesson.mp4", 20, rotation=rotation)
    info = probe(path)
    turned = rotation % 180 != 0
    assert (info.width, info.height) == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))
    image = next(sample_frames(path, 1.0)).image
    assert image.shape == (info.height, info.width, 3)
    # A positive angle turns the picture counterclockwise; turned back, it is as stored.
    stored = np.rot90(image, k=-rotation // 90)
    assert np.abs(stored.astype(int) - numbered(0)).mean() < 8


def test_ninety_minutes_are_sampled_to_the_end(tmp_path):
    # A picture each 4 s: every sample falls on one or between two of them.
    path = write_video(tmp_path / "lesson.mp4", 1350, fps=1, times_ms=range(0, 5_400_000, 4000))
    sampler = sample_frames(path, 5.0)
    count = 0
    for frame in sampler:
        assert number_of(frame.image) == frame.timestamp_ms // 4000
        count += 1
    assert count == 1080
    assert sampler.duration_s == pytest.approx(5400, abs=4)
    assert sampler.missing == []


def test_probing_says_what_a_file_is(tmp_path):
    info = probe(write_video(tmp_path / "lesson.mp4", 60))
    assert (info.width, info.height, info.codec) == (WIDTH, HEIGHT, "h264")
    assert info.duration_s == pytest.approx(6.0)
    assert info.fps == pytest.approx(10.0)
    assert info.size_bytes == (tmp_path / "lesson.mp4").stat().st_size


def test_sound_that_goes_on_after_the_last_picture_does_not_make_a_file_short(tmp_path):
    path = write_video(tmp_path / "lesson.mkv", 50, with_sound_s=12.0)
    frames = list(sample_frames(path, 2.0))
    assert [frame.timestamp_ms for frame in frames] == [0, 2000, 4000, 6000, 8000, 10_000, 12_000]
    assert [number_of(frame.image) for frame in frames[-3:]] == [49, 49, 49]


# ------------------------------------------------------------------------------------- failures


def fails(path, saying: str, **options) -> PermanentFailure:
    with pytest.raises(PermanentFailure, match=saying) as caught:
        list(sample_frames(path, 1.0, **options))
    assert caught.value.next_step
    return caught.value


def test_a_missing_file_is_named(tmp_path):
    fails(tmp_path / "nothing.mp4", "nothing.mp4 cannot be read: No such file")
    with pytest.raises(PermanentFailure, match="No such file"):
        probe(tmp_path / "nothing.mp4")


def test_a_folder_is_no_video(tmp_path):
    fails(tmp_path, "cannot be read: Is a directory")


def test_an_empty_file_is_no_video(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    fails(path, "empty.mp4 is empty")


@pytest.mark.parametrize("name", ["page.mp4", "page.html", "page.txt", "page.ts", "page.mkv"])
def test_a_web_page_is_no_video(tmp_path, name):
    path = tmp_path / name
    path.write_text("<!doctype html><title>Sign in</title>" * 200)
    fails(path, f"{name} is not a video|No frame of {name}")


def test_a_picture_is_no_video(tmp_path):
    from PIL import Image

    for suffix in ("png", "jpg"):
        path = tmp_path / f"slide.{suffix}"
        Image.fromarray(numbered(5)).save(path)
        fails(path, "is not a video")


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.binary(min_size=1, max_size=3000))
def test_no_bytes_crash_the_reader(tmp_path, data):
    path = tmp_path / "noise.mp4"
    path.write_bytes(data)
    with pytest.raises(PermanentFailure):
        list(sample_frames(path, 1.0))


def test_sound_alone_is_no_video(tmp_path):
    fails(write_sound(tmp_path / "talk.m4a"), "talk.m4a holds only sound")


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_half_a_download_fails_and_says_where_it_ends(tmp_path, suffix):
    whole = write_video(tmp_path / f"whole.{suffix}", 600, gop=20, faststart=suffix == "mp4")
    half = tmp_path / f"half.{suffix}"
    data = whole.read_bytes()
    half.write_bytes(data[: len(data) // 2])
    assert "of 1:00" in str(fails(half, "half.* is cut short: its picture ends after 0:"))


def test_a_last_second_that_is_missing_is_no_failure(tmp_path):
    whole = write_video(tmp_path / "whole.mkv", 600, gop=20)
    data = whole.read_bytes()
    path = tmp_path / "nearly.mkv"
    path.write_bytes(data[: len(data) * 98 // 100])
    assert 57 <= len(list(sample_frames(path, 1.0))) <= 60


def test_a_file_that_ends_before_its_index_fails(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", 100)
    path = tmp_path / "half.mp4"
    path.write_bytes(whole.read_bytes()[:5000])
    fails(path, "half.mp4 is not a video file, or only part of one")


def test_half_a_transport_stream_fails_against_the_length_in_the_listing(tmp_path):
    whole = write_video(tmp_path / "whole.ts", 300, gop=20)
    data = whole.read_bytes()
    path = tmp_path / "half.ts"
    path.write_bytes(data[: len(data) // 2 // 188 * 188])
    assert len(list(sample_frames(path, 1.0))) in (15, 16)
    fails(path, "half.ts is cut short", expected_duration_s=30.0)
    assert len(list(sample_frames(whole, 1.0, expected_duration_s=30.0))) == 30


def test_a_listing_that_is_wrong_does_not_fail_a_whole_file(tmp_path):
    path = write_video(tmp_path / "whole.mp4", 100, gop=20)
    assert len(list(sample_frames(path, 1.0, expected_duration_s=3360.0))) == 10


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_damaged_bytes_give_right_frames_or_a_failure(tmp_path, suffix, seed):
    path = write_video(tmp_path / f"lesson.{suffix}", 300, gop=20, faststart=suffix == "mp4")
    source = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(2 + 2 * seed):
        at = source.randrange(len(data) // 3, len(data) - 8)
        data[at : at + 4] = source.randbytes(4)
    path.write_bytes(data)
    sampler = sample_frames(path, 1.0)
    try:
        frames = list(sampler)
    except PermanentFailure:
        return
    assert len(frames) + len(sampler.missing) >= 29
    assert all(missing.reason for missing in sampler.missing)
    wrong = [at for at, number in sampled_numbers(frames) if abs(number - at // 100) > 5]
    # What is syntactically valid cannot be told from what was meant: one group at most.
    assert len(wrong) <= 3


@pytest.mark.parametrize("interval_s", [0.0, -1.0, float("nan"), float("inf")])
def test_an_interval_that_is_no_length_of_time_is_refused(tmp_path, interval_s):
    with pytest.raises(ConfigurationError, match="sampling interval"):
        sample_frames(tmp_path / "lesson.mp4", interval_s)
