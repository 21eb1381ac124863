"""Pages of known text: drawn as lessons are, degraded as videos are, read by the offline reader."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize
from nko_assets.reading.answers import FrameRequest
from nko_assets.reading.offline import OfflineReader
from nko_assets.reading.training.slides import Slide, through_h264
from nko_assets.reading.training.text import invented_word
from nko_assets.reading.trust.evidence import Claim, SeenLine
from nko_assets.sample.calibration.pages import KnownPage
from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import Lesson
from nko_assets.sample.slides import draw_slide
from nko_assets.sample.truth import truth_of
from nko_assets.typeset import TYPEFACES
from nko_assets.video.encode import encode_jpeg

log = logging.getLogger(__name__)

PAGES_A_VIDEO = 20
# Rows of the picture and quality of H.264: from a good recording to a bad one.
QUALITIES = (
    *((720, 28), (720, 36), (480, 30), (480, 36)),
    *((360, 30), (360, 36), (288, 30), (240, 28)),
)
_LOOKS = (
    ("plain", "#fdfbf5", "#1b1b1b", "#8a1c1c", "#1f3f77"),
    ("plain", "#ffffff", "#303030", "#0b6e4f", "#5a5a5a"),
    ("board", "#1f3b30", "#f2f0dc", "#ffd75e", "#bfe3c8"),
    ("pdf", "#ffffff", "#141414", "#7a1f5c", "#333333"),
    ("plain", "#10204f", "#ffec82", "#ff9d5c", "#e8e8ff"),
)
# Layout, rows on a slide, and the characters of N'Ko that fit in one of its rows.
_LAYOUTS = (("columns", 6, 26), ("stacked", 4, 52), ("three-lines", 3, 48), ("prose", 2, 120))
_MOST_WORDS = 12
_FILLER = ("the", "way", "of", "a", "word", "that", "stands", "here", "today", "says", "nothing")


@dataclass(frozen=True, slots=True)
class Text:
    """What a row of a slide says."""

    nko: str
    english: str | None


def invented_texts(count: int, seed: int) -> list[Text]:
    """`count` texts of one to eleven invented words, with English words in proportion."""
    rng = np.random.default_rng(seed)
    texts: list[Text] = []
    for _ in range(count):
        nko = " ".join(invented_word(rng) for _ in range(int(rng.integers(1, _MOST_WORDS))))
        english = " ".join(rng.choice(_FILLER, size=max(len(nko) // 6, 1)))
        texts.append(Text(normalize(nko), english))
    return texts


def real_texts(paths: Iterable[Path], seed: int) -> list[Text]:
    """The texts of TSV files with a column `nko`, perhaps `english`, cut into pieces as slides have.

    Raises ConfigurationError for a file that cannot be read or has no such column.
    """
    rng = np.random.default_rng(seed)
    texts: list[Text] = []
    for path in paths:
        try:
            table = pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False)
            nko = table["nko"]
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}", "Check --text.") from error
        english = table["english"] if "english" in table.columns else [None] * len(nko)
        for text, translation in zip(nko, english, strict=True):
            texts += _pieces(normalize(text or ""), translation, rng)
    return texts


def _pieces(nko: str, english: str | None, rng: np.random.Generator) -> Iterator[Text]:
    """Runs of a few words of a text, each with as large a share of the translation."""
    words, glosses = nko.split(), (english or "").split()
    start = 0
    while start < len(words):
        end = min(start + int(rng.integers(1, _MOST_WORDS)), len(words))
        first, last = (round(place / len(words) * len(glosses)) for place in (start, end))
        yield Text(" ".join(words[start:end]), " ".join(glosses[first:last]) or None)
        start = end


def known_pages(
    real: Sequence[Text],
    invented: Sequence[Text],
    *,
    videos: int,
    seed: int,
    faces: Sequence[str] = tuple(TYPEFACES),
    pages: int = PAGES_A_VIDEO,
) -> Iterator[KnownPage]:
    """The `pages` of each of `videos` made-up videos, really read; no text is shown twice.

    Two in three say `real` texts where there are any, the others `invented` ones. Raises
    ConfigurationError when there are too few texts.
    """
    rng = np.random.default_rng(seed)
    shuffled = [
        [texts[place] for place in rng.permutation(len(texts))] for texts in (real, invented)
    ]
    reader = OfflineReader()
    for video in range(videos):
        face = faces[video % len(faces)]
        rows, crf = QUALITIES[int(rng.integers(len(QUALITIES)))]
        is_real = bool(real) and video % 3 < 2
        lesson = _lesson(video, face, shuffled[0 if is_real else 1], pages, rng)
        slides = [
            _shrunk(draw_slide(lay_out(lesson, number, len(slide.rows))), rows)
            for number, slide in enumerate(lesson.slides)
        ]
        truth = truth_of(lesson).slides
        for number, frame in enumerate(through_h264(slides, crf)):
            request = FrameRequest(f"v:{number}", "v", number, encode_jpeg(frame))
            (reading,) = reader.collect(reader.submit([request]), [request], lambda _: None)
            yield KnownPage(
                video=video,
                real=is_real,
                typeface=face,
                rows=rows,
                crf=crf,
                truth=tuple(
                    Claim(entry.nko, entry.latin_shown, entry.english)
                    for entry in truth[number].entries
                ),
                seen=tuple(
                    SeenLine(normalize(line.text), line.confidence)
                    for line in reading.lines
                    if line.script in ("nko", "mixed")
                ),
            )
        log.info("video %d of %d: %s, %d rows, crf %d", video + 1, videos, face, rows, crf)


def _lesson(
    video: int, face: str, texts: list[Text], pages: int, rng: np.random.Generator
) -> Lesson:
    """A lesson of `pages` slides that takes the texts that it shows from the end of `texts`."""
    page, background, ink, accent, translation = _LOOKS[int(rng.integers(len(_LOOKS)))]
    style = {
        "page": page,
        "typeface": face,
        "size": int(rng.integers(30, 46)),
        "background": background,
        "ink": ink,
        "accent": accent,
        "translation": translation,
    }
    slides: list[dict[str, object]] = []
    while len(slides) < pages:
        layout, rows, longest = _LAYOUTS[int(rng.integers(len(_LAYOUTS)))]
        taken = [
            _take(texts, face, longest)
            for _ in range(int(rng.integers(max(rows - 2, 1), rows + 1)))
        ]
        slide = {
            "layout": layout,
            "seconds": 5,
            "rows": [
                {
                    "nko": text.nko,
                    "english": text.english[:48] if text.english and layout != "prose" else None,
                    "latin_shown": layout == "three-lines",
                    "source": "known text",
                    "licence": "not shipped",
                }
                for text in taken
            ],
        }
        try:
            lesson = Lesson.model_validate(_described(video, style, [slide]))
            lay_out(lesson, 0, len(taken))
        except ValueError:
            continue  # it does not fit on the page
        slides.append(slide)
    return Lesson.model_validate(_described(video, style, slides))


def _described(
    video: int, style: dict[str, object], slides: list[dict[str, object]]
) -> dict[str, object]:
    return {
        "video_id": f"known{video:06d}",
        "title": f"Video {video}",
        "uploaded": "2026-01-01",
        "style": style,
        "slides": slides,
    }


def _take(texts: list[Text], face: str, longest: int) -> Text:
    for place in range(len(texts) - 1, -1, -1):
        text = texts[place]
        if len(text.nko) <= longest and all(
            TYPEFACES[face].covers(sign) or TYPEFACES["dejavu"].covers(sign) for sign in text.nko
        ):
            return texts.pop(place)
    raise ConfigurationError(
        "There are too few texts to draw so many videos.", "Give more --text, or fewer --videos."
    )


def _shrunk(picture: np.ndarray, rows: int) -> Slide:
    """The slide with `rows` rows, as a recording that is smaller than the screen."""
    height, width, _ = picture.shape
    size = (round(width * rows / height / 2) * 2, rows)
    return Slide(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), ())
