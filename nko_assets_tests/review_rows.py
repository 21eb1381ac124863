"""A lesson with slides, and items of the review queue whose lines stand on them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from nko_assets.nko import romanize
from nko_assets.reading.review import reading_id
from nko_assets.reading.reviews import NewItem, Said
from nko_assets.resources.lake import Lake
from nko_assets.schemas.frames import UniqueFrames
from nko_assets.typeset import TYPEFACES, measure_line
from nko_assets_tests.slides import LINES, slide
from nko_assets_tests.tables import made

SIZE, PITCH, TOP, RIGHT = 28, 52, 60, 1200


def write_slides(lake: Lake, video_id: str, slides: Sequence[Sequence[str]]) -> None:
    """Give `lake` the kept frames of a video, five seconds apart, each with some lines."""
    rows = []
    for number, lines in enumerate(slides):
        jpeg = io.BytesIO()
        Image.fromarray(slide(lines)[:, :, ::-1]).save(jpeg, "JPEG", quality=85)
        rows.append(
            {
                "frame_id": f"{video_id}:{number * 5000}",
                "video_id": video_id,
                "timestamp_ms": number * 5000,
                "represented_by": f"{video_id}:{number * 5000}",
                "jpeg": jpeg.getvalue(),
            }
        )
    path = lake.path("unique_frames", video_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    made(UniqueFrames, *rows).write_parquet(path)


def item(
    video_id: str,
    frame: int,
    entry: int,
    nko: str,
    *,
    other: str | None = None,
    english: str | None = "a greeting",
    teaches: float = 1.0,
    reason: str = "confidence 0.41 is below 0.90",
) -> NewItem:
    """The item of line `entry` of a slide; `other` is what a second reader read there."""
    frame_id = f"{video_id}:{frame * 5000}"
    baseline = TOP + entry * PITCH
    drawn = LINES[entry % len(LINES)]
    width = round(measure_line(drawn, TYPEFACES["noto"], SIZE)[0])
    said = [Said("gemini-2.5-flash", nko)]
    if other is not None:
        said.append(Said("offline", other))
    return NewItem(
        reading_id=reading_id(frame_id, entry),
        video_id=video_id,
        frame_id=frame_id,
        entry=entry,
        timestamp_ms=frame * 5000,
        nko=nko,
        latin=romanize(nko),
        latin_shown=None,
        english=english,
        french=None,
        box=(RIGHT - width, baseline - 34, RIGHT, baseline + 12),
        confidence=0.41,
        signals=(),
        gate="needs_review",
        reason=reason,
        said=tuple(said),
        teaches=teaches,
    )


def lesson_items(video_id: str) -> list[NewItem]:
    """Six readings of one slide, of which the first teaches most; in some, readers differ."""
    others = [LINES[0].replace("߫", "߬"), LINES[1], LINES[2] + " ߌ", None, LINES[4][:-1], ""]
    return [
        item(video_id, 0, place, nko, other=other, teaches=10.0 - place)
        for place, (nko, other) in enumerate(zip(LINES, others, strict=True))
    ]
