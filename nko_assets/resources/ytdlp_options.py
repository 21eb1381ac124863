"""How yt-dlp is set up: formats legible at the least bytes, the JavaScript runtime, cookies."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yt_dlp  # noqa: F401  registers the runtimes
from yt_dlp.globals import supported_js_runtimes

from nko_assets.failures import ConfigurationError
from nko_assets.resources.source import SourceOptions

# PyAV decodes both fast on any machine; AV1 is smaller but costs more to decode.
_EASY_CODECS = "[vcodec~='^(avc|h264|vp0?9)']"
# Plain files before segmented streams (fewer requests), then the fewest bytes.
_SORT = ["proto", "+size", "+br", "+res"]
_LADDER = (360, 240, 144)
_NETSCAPE = re.compile("#( Netscape)? HTTP Cookie File")
# Domain, subdomains, path, secure, expiry, name, value; or a comment, or nothing.
_COOKIE_LINE = re.compile(r"(#HttpOnly_)?[^#\t\n][^\t\n]*(\t[^\t\n]*){6}$|#(?!HttpOnly_)|\s*$")
# yt-dlp's own advice is three quarters of a second between requests at 5 s between videos.
_REQUEST_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class JavaScriptRuntime:
    """The program that solves YouTube's JavaScript challenges."""

    name: str
    version: str
    path: str

    def __str__(self) -> str:
        """For `nko doctor`: name, version and where it is."""
        return f"{self.name} {self.version} ({self.path})"


def javascript_runtime() -> JavaScriptRuntime | None:
    """Return the runtime that yt-dlp will use: Deno, else Node in a version it supports."""
    for name, settings in _runtimes().items():
        info = supported_js_runtimes.value[name](**settings).info
        if info is not None and info.supported:
            return JavaScriptRuntime(info.name, info.version, info.path)
    return None


def format_selector(min_height: int, max_height: int) -> str:
    """Return yt-dlp's format expression; it never names two formats, which would need ffmpeg.

    First a stream of the picture alone within the heights, in a codec that is cheap to decode;
    then any such stream, then one with sound; then the smallest above; then the highest below;
    at last whatever there is, for sites that say nothing of heights and codecs.
    """
    within = f"[height>={min_height}][height<={max_height}]"
    choices = [
        f"bv{within}{_EASY_CODECS}",
        f"bv{within}",
        f"bv*{within}",
        f"bv*[height>{max_height}]{_EASY_CODECS}",
        f"bv*[height>{max_height}]",
        *(f"bv*[height>={step}][height<{min_height}]" for step in _LADDER if step < min_height),
        "bv*",
    ]
    return "/".join(choices)


def ydl_params(options: SourceOptions) -> dict[str, Any]:
    """Return the parameters of `YoutubeDL` for listing and downloading; raises on bad cookies.

    Every retry of yt-dlp is off: `YtDlpSource` is the one place that tries again.
    """
    params: dict[str, Any] = {
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "format": format_selector(options.min_height, options.max_height),
        "format_sort": _SORT,
        "fixup": "never",
        "updatetime": False,
        "overwrites": False,
        "continuedl": True,
        "retries": 0,
        "fragment_retries": 0,
        "extractor_retries": 0,
        "file_access_retries": 0,
        # A segment left out would be a hole in the lesson that nobody sees.
        "skip_unavailable_fragments": False,
        "external_downloader": {"m3u8": "native", "dash": "native"},
        "socket_timeout": 30,
        "sleep_interval_requests": options.sleep_s[0] * _REQUEST_SHARE,
        "js_runtimes": _runtimes(),
        # Otherwise a page of a channel that comes back incomplete only shortens the listing.
        "extractor_args": {"youtube": {"raise_incomplete_data": ["true"]}},
    }
    if options.rate_limit is not None:
        params["ratelimit"] = options.rate_limit
    if options.cookies_file is not None:
        params["cookiefile"] = _cookies(options.cookies_file)
    return params


def _runtimes() -> dict[str, dict[str, str]]:
    runtimes: dict[str, dict[str, str]] = {"deno": {}, "node": {}}
    try:
        from deno import find_deno_bin

        runtimes["deno"]["path"] = find_deno_bin()
    except (ImportError, FileNotFoundError):
        pass  # yt-dlp looks for it on the PATH
    return runtimes


def _cookies(path: Path) -> str | io.StringIO:
    """Check a file of cookies before any site is asked; its content is never shown.

    yt-dlp writes renewed cookies back to a file, so a read-only one is handed over as text.
    """
    advice = (
        "Export it again with a browser extension that writes cookies.txt, or with "
        "`yt-dlp --cookies-from-browser firefox --cookies cookies.txt`."
    )
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no cookies file {path}.", "Set NKO_COOKIES to an existing file, or unset it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The cookies file {path} cannot be read ({type(error).__name__}).", advice
        ) from None
    if not lines or not _NETSCAPE.match(lines[0]):
        raise ConfigurationError(f"{path} does not hold cookies in Netscape format.", advice)
    for number, line in enumerate(lines, 1):
        # yt-dlp would print the whole line, secret and all.
        if not _COOKIE_LINE.match(line):
            raise ConfigurationError(f"Line {number} of {path} is not a cookie.", advice)
    return str(path) if os.access(path, os.W_OK) else io.StringIO("".join(lines))
