"""What went wrong when yt-dlp failed: permanent or transient, in one sentence, with advice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import ContentTooShortError, GeoRestrictedError, UnsupportedError

from nko_assets.failures import (
    ConfigurationError,
    NkoError,
    PermanentFailure,
    TransientFailure,
)
from nko_assets.files import disk_failure
from nko_assets.resources.urls import redact

_LONGEST_REASON = 240
# A server that asks for a longer break than this is left alone for now.
_LONGEST_WAIT_S = 300.0

_COOKIES = "set NKO_COOKIES to the cookies of a browser that is signed in"
_LATER = "Run again later; what is already downloaded is kept."
_SLOWER = (
    f"Wait an hour, run again with longer pauses (NKO_SLEEP_MIN_S, NKO_SLEEP_MAX_S), or {_COOKIES}."
)
_UPDATE = (
    "Update yt-dlp (`pip install -U yt-dlp yt-dlp-ejs deno`), look at `nko doctor` for the "
    "JavaScript runtime, and run again."
)
_PERMITTED = f"If an account may see it, {_COOKIES}."
_GONE = "Nothing can be done here; the other videos do not need it."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What to raise, and whether asking again at once is worth it."""

    failure: NkoError
    again: bool = False
    wait_s: float = 0.0
    """Seconds that the server asked to wait before the next attempt."""
    refused: bool = False
    """The site turned us away, not this video: others will fail in the same way."""


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: str
    failure: type[NkoError]
    sentence: str
    next_step: str
    again: bool = False
    refused: bool = False


# The first rule that matches decides, so what only seems final stands before what is: YouTube
# says "Video unavailable" for rate limits as well as for videos that were removed.
_RULES = (
    _Rule(
        r"rate.?limit|content isn.t available, try again later|too many requests"
        r"|HTTP Error 429|captcha",
        TransientFailure,
        "The site limits how fast it is asked",
        _SLOWER,
        refused=True,
    ),
    _Rule(
        r"confirm you.re not a (ro)?bot|anti-bot",
        TransientFailure,
        "The site takes this machine for a bot",
        f"Wait an hour, or {_COOKIES}.",
        refused=True,
    ),
    _Rule(
        r"premieres? (in|will)|will begin (in|shortly)|live event (will|has not)|is not yet live"
        r"|not currently live|processing this video|check back later|is live now"
        r"|is being processed",
        TransientFailure,
        "The video is not there yet",
        "Run again when it has been broadcast.",
    ),
    _Rule(
        r"page needs to be reloaded|not available on this app|content isn.t available"
        r"|failed to extract any player"
        r"|incomplete data received|unable to recognize tab page|\[youtube[^\]]*\] \S+ Requested "
        r"format is not available|only images are available|challenge solving failed",
        TransientFailure,
        "YouTube did not hand out the video to yt-dlp",
        _UPDATE,
    ),
    _Rule(
        r"private (video|playlist)|(video|playlist) is private|granted access",
        PermanentFailure,
        "The video is private",
        _PERMITTED,
    ),
    _Rule(
        r"members[- ]only|channel.s members|join this channel|requires payment|to rent|to buy"
        r"|purchase|subscribers? only|only available to (music )?premium",
        PermanentFailure,
        "The video is for members or buyers only",
        _PERMITTED,
    ),
    _Rule(
        r"confirm your age|age.restricted|inappropriate for some users",
        PermanentFailure,
        "The video is restricted by age",
        _PERMITTED,
    ),
    _Rule(
        r"copyright|terms of service|community guidelines|trademark|court order|legal complaint",
        PermanentFailure,
        "The video was taken down",
        _GONE,
    ),
    _Rule(
        r"in your (country|location|region)|from your location|geo.?restrict|not available in "
        r"(the )?(country|region)",
        PermanentFailure,
        "The video is not available in this country",
        "Download it in a country where it is, and use the folder as a source.",
    ),
    _Rule(
        r"account .*(terminated|closed)|removed by the (uploader|user)|has been (removed|deleted)"
        r"|no longer (available|exists)|video (is )?(unavailable|not available|does not exist)"
        r"|recording is not available|video not found",
        PermanentFailure,
        "The video is no longer there",
        _GONE,
    ),
    _Rule(
        r"(channel|playlist)\S* (does not|doesn.t) (exist|have)|playlist.* does not exist"
        r"|does the playlist exist|playlist type is unviewable",
        PermanentFailure,
        "The channel or playlist is not there, or lists nothing",
        "Open it in a browser and check NKO_SOURCE, capital letters included.",
    ),
    _Rule(
        r"DRM.protected|known to use DRM",
        PermanentFailure,
        "The video is protected against copying",
        _GONE,
    ),
    _Rule(
        r"sign in|log ?in|registered users|authentication|cookies",
        PermanentFailure,
        "The site shows the video only to people who are signed in",
        f"{_COOKIES[0].upper()}{_COOKIES[1:]}.",
    ),
    _Rule(
        r"live HLS|ffmpeg (could not be found|is not installed)|requires? ffmpeg",
        PermanentFailure,
        "The stream can only be recorded with ffmpeg",
        "Download it with ffmpeg, and use the folder as a source.",
    ),
    _Rule(
        r"requested format is not available|no video formats found|no formats found",
        PermanentFailure,
        "The page offers no video that can be downloaded",
        "Check in a browser that it has one; if so, update yt-dlp.",
    ),
    _Rule(
        r"unsupported URL|is not a valid URL|no suitable (extractor|InfoExtractor)",
        PermanentFailure,
        "There is no video that yt-dlp recognizes at this address",
        "Check the address in a browser, or download the videos and use the folder as a source.",
    ),
    _Rule(
        r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|hostname mismatch",
        ConfigurationError,
        "The site's certificate cannot be verified",
        "Check this machine's clock, proxy and certificates.",
    ),
    _Rule(r"HTTP Error (404|410)", PermanentFailure, "The file is no longer there", _GONE),
    _Rule(
        r"unable to download video data: HTTP Error 403|fragment.*HTTP Error 403",
        TransientFailure,
        "The site refused the download",
        f"Update yt-dlp, wait an hour, or {_COOKIES}.",
        again=True,
        refused=True,
    ),
    _Rule(
        r"HTTP Error (401|403|407|451)",
        PermanentFailure,
        "The site refuses access",
        _PERMITTED,
    ),
    _Rule(
        r"HTTP Error (408|425|5\d\d)|unknown error",
        TransientFailure,
        "The server failed",
        _LATER,
        again=True,
    ),
    _Rule(r"HTTP Error 4\d\d", PermanentFailure, "The server refuses the request", _UPDATE),
    _Rule(
        r"more expected|content too short|Downloaded \d+ bytes, expected|unable to continue"
        r"|did not get any data|downloaded file is empty|IncompleteRead",
        TransientFailure,
        "The download broke off before the end",
        "Run again: it continues where it broke off.",
        again=True,
    ),
    _Rule(
        r"timed out|timeout|failed to resolve|name resolution|name or service not known"
        r"|getaddrinfo|nodename nor servname|connection (reset|refused|aborted|broken)"
        r"|remote end closed|network is unreachable|no route to host|EOF occurred"
        r"|unexpected.eof|broken pipe|proxy|Errno 11001|permission denied|not permitted",
        TransientFailure,
        "The network or the site did not answer",
        f"Check the connection. {_LATER}",
        again=True,
    ),
    _Rule(
        r"please report this issue|unable to extract|unable to parse|failed to parse",
        TransientFailure,
        "yt-dlp could not read the page, which sites change now and then",
        _UPDATE,
    ),
)


def diagnose(error: BaseException, what: str, folder: Path | None = None) -> Diagnosis:
    """Say what an error of yt-dlp means for `what` (a title or a source, without secrets)."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, NkoError):
            return Diagnosis(cause)
        if isinstance(cause, OSError) and folder is not None:
            disk = disk_failure(cause, folder)
            if disk is not None:
                return Diagnosis(disk)
    reason = _reason(str(error))
    rule = _rule(str(error), causes)
    wait_s = max((_retry_after(cause) for cause in causes), default=0.0)
    return Diagnosis(
        failure=rule.failure(f"{what}: {rule.sentence} ({reason}).", rule.next_step),
        # A server that names a short break wants to be asked again; otherwise a limit lasts.
        again=(rule.again or wait_s > 0) and wait_s <= _LONGEST_WAIT_S,
        wait_s=wait_s,
        refused=rule.refused,
    )


def _rule(text: str, causes: list[BaseException]) -> _Rule:
    for rule in _RULES:
        if re.search(rule.pattern, text, re.IGNORECASE):
            return rule
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (GeoRestrictedError, "from your location"),
        (UnsupportedError, "unsupported URL"),
        (ContentTooShortError, "content too short"),
        (TransportError, "timed out"),
        (TimeoutError, "timed out"),
        (ConnectionError, "connection reset"),
    )
    for cause in causes:
        for kind, stands_for in kinds:
            if isinstance(cause, kind):
                return _rule(stands_for, [])
    # Not known: never declared dead, and not asked again at once either.
    return _Rule("", TransientFailure, "The site did not hand out the video", _UPDATE)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and every error behind it, however yt-dlp linked them."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = [
            current.__cause__,
            current.__context__,
            getattr(current, "cause", None),
            (getattr(current, "exc_info", None) or (None, None))[1],
        ]
        waiting += [link for link in linked if isinstance(link, BaseException)]


def _reason(text: str) -> str:
    """The site's own words, without yt-dlp's frame around them and without secrets."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).strip()
    text = re.sub(r"^(ERROR:\s*)?(\[[^\]]+\]\s+(\S+:\s+)?)?", "", text)
    text = re.split(
        r"\s*(\(caused by|; please report|\. Use --|\. See\s+http|\. Also see|It is recommended)",
        text,
        maxsplit=1,
    )[0]
    text = " ".join(redact(text).split()).rstrip(".")
    if len(text) > _LONGEST_REASON:
        text = f"{text[:_LONGEST_REASON]}…"
    return text or "no reason given"


def _retry_after(cause: BaseException) -> float:
    if not isinstance(cause, HTTPError) or cause.status not in (429, 503):
        return 0.0
    value = cause.response.headers.get("Retry-After") or ""
    return float(value) if re.fullmatch(r"\d{1,6}", value) else 0.0
