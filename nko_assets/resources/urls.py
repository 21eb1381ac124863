"""URLs: which page a person means, what identifies a page, and what of a URL may be shown."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]*://", re.IGNORECASE)
_URL_IN_TEXT = re.compile(r"""https?://[^\s'"<>|]+""")
_BARE_YOUTUBE = re.compile(r"(www\.|m\.)?youtube\.com/|youtu\.be/")
_CHANNEL_PAGE = re.compile(r"/(@[^/]+|(channel|c|user)/[^/]+)/?")
# What sites add to a link anew each time it is listed: signatures, deadlines, campaigns.
_PASSING = re.compile(
    r"(utm_.*|x-amz-.*|x-goog-.*|.*token.*|.*signature.*|sig|hmac|hash|policy|key-pair-id"
    r"|expires?|exp|e|st|se|sv|sr|sp|si|feature|pp|hdnts|hdnea|nimblesessionid|sessionid|auth)",
    re.IGNORECASE,
)
_PUBLIC_ON_YOUTUBE = ("v", "list")


def page_url(spec: str) -> str | None:
    """Return the URL that a spec stands for, or None when it is the path of a folder.

    A YouTube channel's own page stands for its tab of videos: the page itself also lists
    shorts and live streams, as lists within a list.
    """
    if spec.startswith("@"):
        spec = f"https://www.youtube.com/{spec}"
    elif _BARE_YOUTUBE.match(spec):
        spec = f"https://{spec}"
    if not _URL.match(spec):
        return None
    parts = urlsplit(spec)
    if _is_youtube(parts.hostname) and _CHANNEL_PAGE.fullmatch(parts.path):
        return f"https://www.youtube.com{parts.path.rstrip('/')}/videos"
    return spec


def identity(url: str) -> str:
    """Return what stays the same when a site lists the same link again.

    Scheme, user, fragment, passing parameters (signatures, deadlines) and the spelling of
    letters outside ASCII do not count.
    """
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if not _PASSING.fullmatch(pair[0])]
    host, path = _host(parts.netloc).lower(), unquote(parts.path)
    return urlunsplit(("", host, path, urlencode(sorted(query)), ""))


def redact(text: str) -> str:
    """Drop from every URL in a text what may be secret: user, query, fragment, signed paths."""
    return _URL_IN_TEXT.sub(lambda match: _public(match[0]), text)


def _public(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a URL)"
    host = _host(parts.netloc)
    if host.endswith("googlevideo.com"):
        # Manifests and segments of YouTube carry the signature in their path.
        return f"{parts.scheme}://{host}/…"
    query = ""
    if _is_youtube(parts.hostname):
        query = urlencode([p for p in parse_qsl(parts.query) if p[0] in _PUBLIC_ON_YOUTUBE])
    shown = urlunsplit((parts.scheme, host, parts.path, query, ""))
    return shown if query or not parts.query else f"{shown}?…"


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2]


def _is_youtube(host: str | None) -> bool:
    return host is not None and (host == "youtube.com" or host.endswith(".youtube.com"))
