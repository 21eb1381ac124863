"""`/lessons` and `/lessons/{video_id}`: the videos, and each as a strip of its frames with their text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from nko_assets.channel import VideoEntry
from nko_assets.resources.lake import Failure, Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.video_files import find_whole
from nko_assets.schemas.base import VIDEO_ID
from nko_assets.web.pages import page
from nko_assets.web.rows import all_shown

LESSONS_A_PAGE: Final = 48
FRAMES_A_PAGE: Final = 24
# No video is longer, and no arithmetic overflows.
LAST_SECOND: Final = 1e9


@dataclass(frozen=True, slots=True)
class Lesson:
    """A video as the list shows it: as its source lists it, and as the memory has it, or one of both."""

    video_id: str
    title: str
    url: str
    duration_s: float | None
    uploaded: str | None
    licence: str
    told: Mapping[str, Any] | None
    """The row of `memory_lessons`; None while the memory has nothing of it."""
    failure: Failure | None


def lesson_pages(
    memory: MemoryStore, lake: Lake, listed: Callable[[], list[VideoEntry]]
) -> APIRouter:
    """The pages over what is `listed`, and over the memory's videos where nothing is."""
    router = APIRouter(include_in_schema=False)

    @router.get("/lessons")
    def lessons(
        request: Request,
        number: Annotated[int, Query(alias="page", ge=1)] = 1,
        after: Annotated[str, Query()] = "",
    ) -> Response:
        entries = listed()
        start = (number - 1) * LESSONS_A_PAGE
        following: dict[str, int | str] | None
        if entries:
            shown = entries[start : start + LESSONS_A_PAGE]
            rows = _rows(memory, [entry.video_id for entry in shown])
            found = [_lesson(lake, entry, rows.get(entry.video_id)) for entry in shown]
            following = {"page": number + 1} if start + LESSONS_A_PAGE < len(entries) else None
        else:
            told = memory.call(
                "memory_lessons", {"after_video": after, "max_lessons": LESSONS_A_PAGE + 1}
            )
            found = [_lesson(lake, None, row) for row in told[:LESSONS_A_PAGE]]
            following = {"after": found[-1].video_id} if len(told) > LESSONS_A_PAGE else None
        return page(
            request,
            "lessons.html",
            nav="lessons",
            lessons=found,
            first=start + 1 if entries else None,
            total=len(entries) or None,
            previous={"page": number - 1} if number > 1 and entries else None,
            following=following,
            command=run_command(lake),
        )

    @router.get("/lessons/{video_id}")
    def lesson(
        request: Request,
        video_id: Annotated[str, Path(pattern=VIDEO_ID)],
        at: Annotated[
            float | None, Query(ge=0, le=LAST_SECOND, allow_inf_nan=False, description="seconds")
        ] = None,
        number: Annotated[int, Query(alias="page", ge=1)] = 1,
    ) -> Response:
        entry = next((one for one in listed() if one.video_id == video_id), None)
        row = _rows(memory, [video_id]).get(video_id)
        if entry is None and row is None:
            raise HTTPException(404)
        frames = row["turns"] if row else 0
        if at is not None and frames:
            number = 1 + _frame_at(memory, video_id, at) // FRAMES_A_PAGE
        start = (number - 1) * FRAMES_A_PAGE
        if frames and start >= frames:
            raise HTTPException(404)
        asked = {"video": video_id, "first_turn": start, "max_turns": FRAMES_A_PAGE}
        times = memory.call("memory_lesson_times", {"video": video_id}) if frames else []
        turns = memory.call("memory_lesson_turns", asked) if frames else []
        shown = _lesson(lake, entry, row)
        return page(
            request,
            "lesson.html",
            nav="lessons",
            lesson=shown,
            times=times,
            span_ms=_span_ms(shown, times),
            turns=all_shown(turns),
            at=at,
            number=number,
            pages=-(-frames // FRAMES_A_PAGE),
            pictures=lake.path("unique_frames", video_id).is_file(),
            local=find_whole(lake.root / "video_files", video_id) is not None,
            command=run_command(lake, video_id),
        )

    return router


def run_command(lake: Lake, video_id: str | None = None) -> str:
    """The command that makes what is missing in `lake`."""
    command = f"nko run --data {lake.root}"
    return f"{command} --videos={video_id}" if video_id else command


def _rows(memory: MemoryStore, video_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    rows = memory.call(
        "memory_lessons", {"of_videos": list(video_ids), "max_lessons": len(video_ids)}
    )
    return {row["video_id"]: row for row in rows}


def _lesson(lake: Lake, entry: VideoEntry | None, row: Mapping[str, Any] | None) -> Lesson:
    if entry is not None:
        return Lesson(
            entry.video_id,
            entry.display_title,
            entry.url,
            entry.duration_s,
            entry.uploaded,
            entry.licence,
            row,
            None if row else lake.latest_failure(entry.video_id),
        )
    assert row is not None  # noqa: S101  one of both is there
    duration_ms = row["duration_ms"]
    return Lesson(
        row["video_id"],
        row["title"],
        row["url"],
        None if duration_ms is None else duration_ms / 1000,
        None,
        row["licence"],
        row,
        None,
    )


def _frame_at(memory: MemoryStore, video_id: str, second: float) -> int:
    """The number of the frame that is shown at `second`, counted from 0."""
    asked = {"video": video_id, "moment_ms": round(second * 1000)}
    (begun,) = memory.call("memory_lesson_turns_until", asked)
    return max(0, begun["turns"] - 1)


def _span_ms(lesson: Lesson, times: Sequence[Mapping[str, Any]]) -> int:
    """The length of the video, as far as is known."""
    last = max((time["timestamp_ms"] for time in times), default=0)
    return max(round((lesson.duration_s or 0) * 1000), last, 1)
