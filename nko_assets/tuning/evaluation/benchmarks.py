"""What models are measured on: validation, the frozen test, FLORES, and lines drawn with known text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from nko_assets.corpus.rows import row_id
from nko_assets.nko import rejected, validate
from nko_assets.tuning.examples import Example, first_by_task
from nko_assets.tuning.prompts import Message, Task, ask

BenchmarkName = Literal["validation", "frozen_test", "flores", "drawn_lines", "drawn_unseen"]

DRAWN_QUALITY: Final = 30
"""H.264 CRF at which drawn slides are filmed; lesson videos lie between 23 and 33."""
_SLIDES_A_FACE: Final = 3
_LINES: Final = 300
_SHORTEST: Final = 20
_SEED: Final = 20_261_125


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Examples under a name; `note` says what they are and what their answers come from.

    `whole` is how many examples there are of each task before any was left out. `foreign` ones
    come from outside of the corpus, so that their texts in every language must be unknown to it.
    """

    name: BenchmarkName
    title: str
    note: str
    examples: tuple[Example, ...]
    whole: dict[str, int]
    foreign: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 in hex of which examples are asked."""
        return hashlib.sha256("\n".join(one.id for one in self.examples).encode()).hexdigest()

    def texts(self, example: Example) -> tuple[str, ...]:
        """The texts of `example` that training must not have seen."""
        if not self.foreign or example.task == "read_line":
            return example.nko
        return (example.question[-1].content, *example.references)


def benchmark(
    name: BenchmarkName,
    title: str,
    note: str,
    given: Iterable[Example],
    *,
    limit: int,
    foreign: bool = False,
) -> Benchmark:
    """A benchmark of at most `limit` examples of each task, the same ones whoever is asked.

    A question that stands in several examples with the same references is asked once. Pictures of
    `given` that are not asked are not held.
    """
    chosen, whole = first_by_task(distinct(given), limit)
    # Stable: within a task the order of ids stays.
    chosen.sort(key=lambda example: example.task)
    return Benchmark(name, title, note, tuple(chosen), dict(sorted(whole.items())), foreign)


def distinct(examples: Iterable[Example]) -> Iterator[Example]:
    """The first example of each question; pictures are questions too."""
    asked = set()
    for example in examples:
        picture = hashlib.sha256(example.image).digest() if example.image is not None else None
        question = (example.task, example.question, picture)
        if question not in asked:
            asked.add(question)
            yield example


def parallel_examples(rows: Sequence[tuple[str, str, str]], source: str) -> Iterator[Example]:
    """Translations both ways from rows of (id, N'Ko, English)."""
    for identity, nko, english in rows:
        yield _pair("nko_to_english", identity, nko, english, source)
        yield _pair("english_to_nko", identity, english, nko, source)


def _pair(task: Task, identity: str, text: str, answer: str, source: str) -> Example:
    return Example(
        id=row_id("benchmark", source, task, identity),
        task=task,
        messages=(*ask(task, text), Message("assistant", answer)),
        image=None,
        video_id=source,
        licence="see the source",
        references=(answer,),
        row_id=identity,
        nko=(answer if task == "english_to_nko" else text,),
        origin="extracted",
    )


@lru_cache(maxsize=4)
def drawn_lines(faces: tuple[str, ...]) -> tuple[Example, ...]:
    """Lines of invented words drawn in each of `faces`, filmed and cut out.

    What they say is known, no model can have seen it, and none can guess it from the language.
    """
    from nko_assets.reading.training.evaluate import cut
    from nko_assets.reading.training.slides import draw_slides, through_h264
    from nko_assets.reading.training.text import invented_lines
    from nko_assets.typeset import TYPEFACES
    from nko_assets.video.encode import encode_jpeg

    # A short line may be a real word after all, and letters with any marks are no text.
    texts = [
        text
        for text in invented_lines(_LINES, _SEED)
        if len(text) >= _SHORTEST and not rejected(validate(text))
    ]
    found = []
    for face in faces:
        slides = draw_slides(texts, TYPEFACES[face], _SLIDES_A_FACE)
        filmed = through_h264(slides, DRAWN_QUALITY)
        for number, (slide, frame) in enumerate(zip(slides, filmed, strict=True)):
            for place, line in enumerate(slide.lines):
                identity = f"{face}/{number}/{place}"
                found.append(
                    Example(
                        id=row_id("benchmark", "drawn", identity),
                        task="read_line",
                        messages=(*ask("read_line"), Message("assistant", line.text)),
                        image=encode_jpeg(cut(frame, line.box)),
                        video_id=f"drawn/{face}",
                        licence=TYPEFACES[face].licence,
                        references=(line.text,),
                        row_id=identity,
                        nko=(line.text,),
                        origin="synthetic",
                    )
                )
    return tuple(found)
