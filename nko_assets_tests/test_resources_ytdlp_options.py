"""How yt-dlp is set up: the formats it picks, its JavaScript runtime, its cookies."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yt_dlp

from nko_assets.failures import ConfigurationError
from nko_assets.resources.ytdlp_options import format_selector, javascript_runtime, ydl_params
from nko_assets_tests.source_options import source_options

COOKIES = "# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t1999999999\tSID\ts3cret\n"


def video(number: str, height: int, codec: str, size: int | None, **more: Any) -> dict[str, Any]:
    return {
        "format_id": number,
        "url": f"https://example.org/{number}",
        "ext": "webm" if codec.startswith("vp") else "mp4",
        "protocol": "https",
        "height": height,
        "width": height * 16 // 9,
        "vcodec": codec,
        "acodec": "none",
        "filesize": size,
        **more,
    }


def audio(number: str) -> dict[str, Any]:
    return {
        "format_id": number,
        "url": f"https://example.org/{number}",
        "ext": "m4a",
        "protocol": "https",
        "vcodec": "none",
        "acodec": "mp4a.40.2",
        "filesize": 2_000_000,
    }


# The shape of what YouTube offers for an hour of slides: storyboards, sound, picture in three
# codecs at each height, segmented streams without sizes, one file with picture and sound.
YOUTUBE = [
    {
        "format_id": "sb0",
        "url": "https://example.org/sb0",
        "ext": "mhtml",
        "protocol": "mhtml",
        "vcodec": "none",
        "acodec": "none",
    },
    audio("140"),
    video("160", 144, "avc1.4d400c", 6_000_000),
    video("134", 360, "avc1.4d401e", 20_000_000),
    video("18", 360, "avc1.42001E", 60_000_000, acodec="mp4a.40.2"),
    video("135", 480, "avc1.4d401f", 33_000_000),
    video("244", 480, "vp09.00.30.08", 28_000_000),
    video("397", 480, "av01.0.04M.08", 17_000_000),
    video("136", 720, "avc1.64001f", 61_000_000),
    video("247", 720, "vp09.00.31.08", 47_000_000),
    video("137", 1080, "avc1.640028", 150_000_000),
    video("231", 480, "avc1.4D401F", None, protocol="m3u8_native", tbr=300),
    video("232", 720, "avc1.4D401F", None, protocol="m3u8_native", tbr=600),
]


def chosen(formats: list[dict[str, Any]], **options: Any) -> str:
    """Let the real yt-dlp choose; the format's id, or what makes it refuse."""
    params = ydl_params(source_options(**options)) | {"simulate": True}
    info = {
        "id": "lesson",
        "title": "lesson",
        "extractor": "youtube",
        "extractor_key": "Youtube",
        "webpage_url": "https://example.org/watch",
        "duration": 3600,
        "formats": [dict(one) for one in formats],
    }
    with yt_dlp.YoutubeDL(params) as ydl:
        return str(ydl.process_video_result(info, download=False)["format_id"])


def without(*numbers: str) -> list[dict[str, Any]]:
    return [one for one in YOUTUBE if one["format_id"] not in numbers]


def test_the_fewest_bytes_that_are_legible_and_cheap_to_decode() -> None:
    assert chosen(YOUTUBE) == "244"
    assert chosen(without("244")) == "135"
    assert chosen(without("244", "135")) == "247"


def test_heights_can_be_asked_for() -> None:
    assert chosen(YOUTUBE, min_height=720, max_height=1080) == "247"


def test_a_codec_that_costs_more_is_better_than_another_height() -> None:
    assert chosen([*without("244", "135", "136", "247", "231", "232")]) == "397"


def test_segmented_streams_come_after_files() -> None:
    assert chosen(without("244", "135", "136", "247", "397")) == "231"


def test_above_the_heights_the_smallest_and_below_them_the_highest() -> None:
    high = [video("1080", 1080, "avc1", 9), video("2160", 2160, "avc1", 5), audio("140")]
    assert chosen([*high, video("360", 360, "avc1", 1)]) == "2160"
    low = [video("144", 144, "avc1", 1), video("360", 360, "avc1", 3), audio("140")]
    assert chosen(low) == "360"


def test_a_file_with_sound_will_do_where_there_is_nothing_else() -> None:
    assert chosen([video("18", 480, "avc1", 9, acodec="mp4a"), audio("140")]) == "18"


def test_a_site_that_says_nothing_of_codecs_or_heights_is_taken_as_it_is() -> None:
    plain = {"format_id": "0", "url": "https://example.org/a.mp4", "ext": "mp4"}
    assert chosen([plain]) == "0"
    sized = [
        {**plain, "format_id": "low", "height": 240},
        {**plain, "format_id": "high", "height": 720},
    ]
    assert chosen(sized) == "high"


def test_sound_alone_is_refused() -> None:
    with pytest.raises(yt_dlp.utils.YoutubeDLError, match="Requested format is not available"):
        chosen([audio("140")])


def test_no_choice_ever_needs_merging() -> None:
    assert "+" not in format_selector(480, 720)
    assert "," not in format_selector(480, 720)


def test_yt_dlp_retries_nothing_itself_and_leaves_no_holes() -> None:
    params = ydl_params(source_options())
    retries = [value for name, value in params.items() if name.endswith("retries")]
    assert retries == [0, 0, 0, 0]
    assert params["skip_unavailable_fragments"] is False


def test_a_javascript_runtime_comes_with_the_package() -> None:
    runtime = javascript_runtime()
    assert runtime is not None
    assert runtime.name == "deno"
    assert Path(runtime.path).is_file()
    assert str(runtime).startswith("deno 2.")
    assert ydl_params(source_options())["js_runtimes"]["deno"]["path"] == runtime.path


def test_a_cookies_file_is_given_to_yt_dlp(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text(COOKIES)
    with yt_dlp.YoutubeDL(ydl_params(source_options(cookies_file=path))) as ydl:
        assert [cookie.value for cookie in ydl.cookiejar] == ["s3cret"]


@pytest.mark.parametrize(
    "text",
    [None, "", '[{"name": "SID", "value": "s3cret"}]', COOKIES + "SID=s3cret\n"],
    ids=["missing", "empty", "json", "a broken line"],
)
def test_bad_cookies_are_an_error_that_repeats_none_of_them(
    tmp_path: Path, text: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cookies.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        ydl_params(source_options(cookies_file=path))
    assert "s3cret" not in str(error.value)
    assert error.value.next_step
    assert "s3cret" not in "".join(capfd.readouterr())


def test_limits_are_passed_on() -> None:
    params = ydl_params(source_options(rate_limit=500_000, sleep_s=(5, 10)))
    assert params["ratelimit"] == 500_000
    assert params["sleep_interval_requests"] == 0.75
    assert not isinstance(params.get("cookiefile"), io.StringIO)
