"""What yt-dlp's failures mean, on messages that people really got."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from yt_dlp.utils import ContentTooShortError, DownloadError, ExtractorError, UnsupportedError

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure
from nko_assets.resources.ytdlp_errors import diagnose

SEEN = [
    json.loads(line)
    for line in (Path(__file__).parent / "gnarly" / "ytdlp_errors.jsonl")
    .read_text(encoding="utf-8")
    .split("\n")
    if line
]
CLASSES = {
    "permanent": PermanentFailure,
    "transient": TransientFailure,
    "configuration": ConfigurationError,
}


def failure_of(message: str) -> NkoError:
    return diagnose(DownloadError(message), "lesson").failure


@pytest.mark.parametrize("case", SEEN, ids=[case["message"][:60] for case in SEEN])
def test_a_real_message_is_told_apart(case: dict[str, str]) -> None:
    assert type(failure_of(case["message"])) is CLASSES[case["expected"]]


@pytest.mark.parametrize("case", SEEN, ids=[case["message"][:60] for case in SEEN])
def test_a_real_message_becomes_one_sentence_and_a_next_step(case: dict[str, str]) -> None:
    failure = failure_of(case["message"])
    assert failure.message.startswith("lesson: ")
    assert failure.message.endswith(").")
    assert "\n" not in failure.message
    assert "ERROR" not in failure.message
    assert "please report" not in failure.message
    assert "http" not in failure.message.replace("https://example.org/lessons/", "")
    assert len(failure.message) < 400
    assert failure.next_step.endswith((".", ")"))


def test_being_turned_away_is_not_the_videos_fault_and_brings_advice() -> None:
    for text in ("HTTP Error 429: Too Many Requests", "Sign in to confirm you’re not a bot."):
        diagnosis = diagnose(DownloadError(text), "lesson")
        assert diagnosis.refused
        assert not diagnosis.again
        assert "NKO_COOKIES" in diagnosis.failure.next_step
    assert not diagnose(DownloadError("Private video"), "lesson").refused


def test_only_what_may_heal_at_once_is_tried_again() -> None:
    def again(text: str) -> bool:
        return diagnose(DownloadError(text), "lesson").again

    assert again("HTTP Error 503: Service Unavailable")
    assert again("[Errno 104] Connection reset by peer")
    assert again("1024 bytes read, 2048 more expected")
    assert not again("HTTP Error 404: Not Found")
    assert not again("HTTP Error 500: x; Private video")
    assert not again("Premieres in 6 hours")


def test_causes_count_where_the_text_says_nothing() -> None:
    def caused(cause: BaseException) -> NkoError:
        return diagnose(ExtractorError("it failed", cause=cause), "lesson").failure

    assert isinstance(caused(ContentTooShortError(1, 2)), TransientFailure)
    assert isinstance(caused(TimeoutError()), TransientFailure)
    assert isinstance(caused(UnsupportedError("x")), PermanentFailure)


def test_what_is_not_known_is_not_declared_dead() -> None:
    diagnosis = diagnose(DownloadError("something new"), "lesson")
    assert isinstance(diagnosis.failure, TransientFailure)
    assert not diagnosis.again
    assert "something new" in diagnosis.failure.message


def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    error = DownloadError("unable to write data: [Errno 28] No space left on device")
    error.__context__ = OSError(errno.ENOSPC, "No space left on device")
    failure = diagnose(error, "lesson", tmp_path).failure
    assert isinstance(failure, ConfigurationError)
    assert "full" in failure.message
    assert "Free some space" in failure.next_step


def test_secrets_in_urls_are_not_repeated() -> None:
    failure = failure_of(
        "ERROR: [generic] cannot open https://me:hunter2@example.org/a.mp4?token=s3cret "
        "(caused by HTTPError('https://example.org/a.mp4?token=s3cret'))"
    )
    assert "example.org/a.mp4" in failure.message
    assert "s3cret" not in str(failure)
    assert "hunter2" not in str(failure)
