"""From what yt-dlp extracts of a page to entries: walking lists within lists, ids, dates."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import yt_dlp
from yt_dlp.utils import PlaylistEntries, UnsupportedError, unsmuggle_url

from nko_assets.channel import VideoEntry, file_safe_id, is_file_safe
from nko_assets.resources.urls import identity

Info = dict[str, Any]
"""What yt-dlp calls an info dictionary: a video, a list of videos, or a link to either."""

_LINKS = ("url", "url_transparent")
_LISTS = ("playlist", "multi_video")
# What a video in a list inherits from the list.
_CONTEXT = ("extractor", "extractor_key", "webpage_url")
# Extractors whose links in a list are lists themselves; others say so by their return type.
_LIST_EXTRACTORS = ("YoutubeTab", "YoutubePlaylist")
_DEEPEST = 4
# These number what they find on a page, so an id changes when a video is put before it.
_WITHOUT_IDS = ("generic", "html5mediaembed")


def resolve(ydl: yt_dlp.YoutubeDL, url: str) -> Info:
    """Ask for a page, following links until there is a video or a list; downloads nothing."""
    info = ydl.extract_info(url, download=False, process=False)
    for _ in range(_DEEPEST):
        if info is None or info.get("_type") not in _LINKS:
            break
        outer = info
        info = ydl.extract_info(
            outer["url"], download=False, process=False, ie_key=outer.get("ie_key")
        )
        if info is not None and outer["_type"] == "url_transparent":
            info.update({key: outer[key] for key in ("title", "duration") if outer.get(key)})
    if info is None:
        raise UnsupportedError(url)
    return info


def videos(ydl: yt_dlp.YoutubeDL, info: Info, depth: int = 0) -> Iterator[Info]:
    """Yield the videos of what `resolve` returned, and of the lists in it; pages as needed."""
    if info.get("_type", "video") not in _LISTS:
        yield info
        return
    context: Info = {key: info[key] for key in _CONTEXT if key in info}
    for _, entry in PlaylistEntries(ydl, info).get_requested_items():
        if not entry:
            continue
        if depth < _DEEPEST and _is_list(ydl, entry):
            listed = entry if entry.get("_type") in _LISTS else resolve(ydl, entry["url"])
            yield from videos(ydl, listed, depth + 1)
        else:
            yield {**context, **entry}


def entry_of(info: Info, licence: str) -> VideoEntry:
    """Return the entry of a video or of the link to one."""
    extractor = _extractor(info)
    linked = info.get("_type") in _LINKS
    url = unsmuggle_url(info["url"])[0] if linked else info.get("webpage_url") or info["url"]
    title = info.get("title") or info.get("fulltitle") or _basename(url)
    return VideoEntry(
        video_id=video_id_of(info),
        title=str(title),
        url=url,
        duration_s=float(info["duration"]) if info.get("duration") else None,
        uploaded=_uploaded(info),
        source=extractor,
        licence=str(info.get("license") or licence),
    )


def video_id_of(info: Info) -> str:
    """Return an id that is the same whenever the same video is listed.

    A YouTube id stays as it is; an id of another site gets the site's name in front. Pages and
    feeds without ids of their own are identified by the feed's guid, or by the address of the
    media file without its signature.
    """
    extractor = _extractor(info)
    given = str(info.get("id") or "")
    if extractor not in _WITHOUT_IDS and given:
        name = given if extractor == "youtube" else f"{extractor}-{given}"
        return name if is_file_safe(name) else file_safe_id(given, f"{extractor}:{given}")
    address = _media_url(info)
    url, smuggled = unsmuggle_url(address, {})
    key = (smuggled or {}).get("force_videoid") or identity(url)
    return file_safe_id(_basename(url) or given, str(key))


def _is_list(ydl: yt_dlp.YoutubeDL, entry: Info) -> bool:
    if entry.get("_type") in _LISTS:
        return True
    if entry.get("_type") not in _LINKS or not entry.get("ie_key"):
        return False
    if entry["ie_key"] in _LIST_EXTRACTORS:
        return True
    return ydl.get_info_extractor(entry["ie_key"]).is_single_video(entry["url"]) is False


def _extractor(info: Info) -> str:
    if info.get("_type") in _LINKS:
        # The extractor that will handle the link, not the one that listed it.
        return str(info.get("ie_key") or "generic").lower()
    return str(info.get("extractor_key") or "generic").lower()


def _media_url(info: Info) -> str:
    formats = info.get("formats") or []
    return str(info.get("url") or (formats[0].get("url") if formats else info["webpage_url"]))


def _basename(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).stem


def _uploaded(info: Info) -> str | None:
    date = str(info.get("upload_date") or info.get("release_date") or "")
    if re.fullmatch(r"\d{8}", date):
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    if info.get("timestamp"):
        return dt.datetime.fromtimestamp(info["timestamp"], tz=dt.UTC).date().isoformat()
    return None
