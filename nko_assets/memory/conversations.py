"""A video as a conversation."""

from __future__ import annotations

from nko_assets.channel import VideoEntry
from nko_assets.memory.rows import Conversation, conversation_id


def conversation(video: VideoEntry) -> Conversation:
    """The conversation of a video as its source lists it."""
    return Conversation(
        id=conversation_id(video.video_id),
        video_id=video.video_id,
        title=video.display_title,
        url=video.url,
        duration_ms=None if video.duration_s is None else round(video.duration_s * 1000),
        licence=video.licence,
    )
