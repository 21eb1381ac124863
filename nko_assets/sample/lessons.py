"""The lessons of the sample channel: what each says, how it looks, how long each slide stays.

A lesson is one TOML file in `lessons/`, written to be edited by hand; every row of text names
its source and its licence.
"""

from __future__ import annotations

import tomllib
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nko_assets.nko import romanize
from nko_assets.typeset import TYPEFACES

LESSON_FOLDER = Path(__file__).parent / "lessons"

FRAME_MS = 100
"""Slides change on whole frames: 10 a second."""
SHORTEST_STATE_MS = 5_000
"""What is on screen this long is seen by any sampling at one frame each 5 s."""

Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Layout = Literal["columns", "stacked", "three-lines", "table", "dialogue", "prose", "blank"]
Seconds = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    """Anything in a lesson file: unknown keys are mistakes, and text is NFC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _text_is_composed(self) -> _Part:
        for name, value in self:
            if isinstance(value, str) and value != unicodedata.normalize("NFC", value):
                raise ValueError(f"{name} is not in NFC: {value!r}")
        return self


class Row(_Part):
    """One entry of a slide: N'Ko text, what stands beside it, and where it comes from."""

    nko: str | None = None
    english: str | None = None
    french: str | None = None
    latin_shown: bool | str = False
    """A romanization on the slide: by rule when true, or the text itself."""
    digits: str | None = None
    """A number in N'Ko digits in its own cell beside the word."""
    speaker: str | None = None
    """Who says it, in N'Ko, in a dialogue."""
    source: Annotated[str, Field(min_length=3)]
    licence: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _has_text(self) -> Row:
        if not (self.nko or self.english or self.french):
            raise ValueError("a row needs nko, english or french")
        return self

    @property
    def latin(self) -> str | None:
        """The romanization that the slide shows, or None."""
        if self.latin_shown is True:
            return romanize(self.nko or "")
        return self.latin_shown or None


class Header(_Part):
    """Labels above the columns of a table; they name languages and translate nothing."""

    english: str | None = None
    french: str | None = None


class Slide(_Part):
    """One slide: rows in a layout, shown at once (`seconds`) or one by one (`step_seconds`)."""

    layout: Layout
    seconds: Seconds | None = None
    step_seconds: Seconds | None = None
    """A build-up: a row is added each time, and each state stays this long."""
    heading: Row | None = None
    header: Header | None = None
    rows: tuple[Row, ...] = ()

    @model_validator(mode="after")
    def _is_timed(self) -> Slide:
        if (self.seconds is None) == (self.step_seconds is None):
            raise ValueError("a slide has either seconds or step_seconds")
        if bool(self.rows) == (self.layout == "blank"):
            raise ValueError("every slide but a blank one has rows")
        if self.state_ms < SHORTEST_STATE_MS or self.state_ms % FRAME_MS:
            raise ValueError(
                f"each state of a slide stays at least {SHORTEST_STATE_MS} ms, in steps of "
                f"{FRAME_MS} ms; got {self.state_ms}"
            )
        return self

    @property
    def state_ms(self) -> int:
        """How long each state of the slide is on screen."""
        return round(1000 * (self.seconds or self.step_seconds or 0))

    @property
    def states(self) -> tuple[int, ...]:
        """The number of rows visible in each successive state."""
        return tuple(range(1, len(self.rows) + 1)) if self.step_seconds else (len(self.rows),)


class Style(_Part):
    """How a lesson looks; sizes in pixels of a 1280 × 720 frame."""

    page: Literal["plain", "pdf", "board"]
    typeface: str
    size: Annotated[int, Field(ge=28, le=72)]
    """Of the N'Ko text; Latin text is set smaller in proportion."""
    background: Colour
    ink: Colour
    accent: Colour
    translation: Colour
    bar: str | None = None
    """Text in the window's title bar, as a shared screen shows it; no bar when absent."""
    page_numbers: bool = False
    camera: Literal["bottom-left", "top-left", "bottom-right"] | None = None
    """The corner with the moving speaker."""
    pointer: bool = False

    @model_validator(mode="after")
    def _typeface_exists(self) -> Style:
        if self.typeface not in TYPEFACES:
            raise ValueError(f"no typeface {self.typeface!r}; there are {', '.join(TYPEFACES)}")
        return self


class Lesson(_Part):
    """One video of the sample channel."""

    video_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{11}$")]
    title: Annotated[str, Field(min_length=5)]
    uploaded: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    style: Style
    slides: Annotated[tuple[Slide, ...], Field(min_length=1)]

    @property
    def duration_ms(self) -> int:
        """The length of the video in milliseconds."""
        return sum(slide.state_ms * len(slide.states) for slide in self.slides)

    def rows(self) -> list[Row]:
        """Every row of the lesson, headings included, in the order of the slides."""
        return [
            row
            for slide in self.slides
            for row in ((slide.heading,) if slide.heading else ()) + slide.rows
        ]


def read_lesson(path: Path) -> Lesson:
    """Read one lesson file; raises `ValueError` that names the file and the mistake."""
    try:
        return Lesson.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ValueError(f"{path.name}: {error}") from error


@lru_cache(maxsize=1)
def lessons() -> dict[str, Lesson]:
    """The lessons of the channel by video id, in the order of their files."""
    found = [read_lesson(path) for path in sorted(LESSON_FOLDER.glob("*.toml"))]
    channel = {lesson.video_id: lesson for lesson in found}
    if len(channel) != len(found):
        raise ValueError("two lessons of the sample channel share a video id")
    return channel


def lesson(video_id: str) -> Lesson:
    """The lesson of a video; raises `KeyError` for an id that the channel does not have."""
    return lessons()[video_id]
