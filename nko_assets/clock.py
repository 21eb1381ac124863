"""Times within a video as people read them."""

from __future__ import annotations


def clock(milliseconds: int) -> str:
    """Milliseconds as h:mm:ss, or m:ss below an hour; a second that has begun does not count."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
