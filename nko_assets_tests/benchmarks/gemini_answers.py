"""How fast Gemini's answers are judged: `python -m nko_assets_tests.benchmarks.gemini_answers`.

Result lines as the service gives them, with one to six rows of N'Ko words, a third of them with
English beside them, are parsed and judged one after the other; then the gnarly ones, again and
again. Times are CPU seconds of this process.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

from nko_assets.nko.characters import CONSONANTS, SHORT_HIGH, SHORT_LOW, VOWELS
from nko_assets.reading.gemini.answers import judge, parse_result
from nko_assets_tests.benchmarks import command
from nko_assets_tests.gemini_lines import FRAME_ID, content, line, row
from nko_assets_tests.test_reading_gemini_gnarly import CASES

ANSWERS = 20_000
_ENGLISH = (
    "good",
    "morning",
    "the",
    "teacher",
    "of",
    "our",
    "school",
    "welcomes",
    "all",
    "of",
    "you",
)


def answers(count: int) -> list[str]:
    """Result lines, always the same ones."""
    chance = random.Random(1)

    def word() -> str:
        return "".join(
            chance.choice(list(CONSONANTS))
            + chance.choice(list(VOWELS))
            + chance.choice(["", SHORT_HIGH, SHORT_LOW])
            for _ in range(chance.randint(1, 3))
        )

    def one() -> dict[str, object]:
        nko = " ".join(word() for _ in range(chance.randint(1, 9)))
        english = " ".join(chance.sample(_ENGLISH, 4)) if chance.random() < 1 / 3 else ""
        return row(nko, english=english, gloss="" if english else "a translation of it")

    return [line(content(*(one() for _ in range(chance.randint(1, 6))))) for _ in range(count)]


def speed(lines: Sequence[tuple[str, str]]) -> tuple[float, int]:
    """Answers a CPU second, and how many of them were read."""
    start = time.process_time()
    read = sum(judge(parse_result(text), frame_id).status == "ok" for text, frame_id in lines)
    return len(lines) / (time.process_time() - start), read


def measure(_: Path) -> dict[str, float]:
    """Answers a second, typical and gnarly, and the size of a typical line in bytes."""
    typical = answers(ANSWERS)
    typical_speed, read = speed([(text, FRAME_ID) for text in typical])
    gnarly_speed, _ = speed([(case["line"], case["frame_id"]) for case in CASES] * 40)
    return {
        "answers": len(typical),
        "read": read,
        "bytes_a_line": round(sum(len(text.encode()) for text in typical) / len(typical)),
        "answers_a_second": round(typical_speed),
        "gnarly_answers_a_second": round(gnarly_speed),
    }


def report(figures: dict[str, float]) -> str:
    """The figures, one a line."""
    return json.dumps(figures, indent=1)


if __name__ == "__main__":
    command.run("gemini_answers", __doc__, measure, report)
