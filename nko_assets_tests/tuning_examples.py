"""Examples made by hand, as the splits give them."""

from __future__ import annotations

import uuid
from typing import Any

from nko_assets.nko import words
from nko_assets.tuning.examples import Example
from nko_assets.tuning.prompts import Message, Task, ask


def example(task: Task, question: str, answer: str, **over: Any) -> Example:
    """An example of `task`; for `read_line` the question is what the picture shows to a test."""
    image = question.encode() if task == "read_line" else None
    nko = question if task in ("nko_to_english", "nko_to_french", "define_word") else answer
    given = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{task}/{question}/{answer}")),
        "task": task,
        "messages": (
            *ask(task, "" if task == "read_line" else question),
            Message("assistant", answer),
        ),
        "image": image,
        "video_id": "v1",
        "licence": "CC-BY-SA-4.0",
        "references": (answer,),
        "row_id": f"{task}/{question}",
        "nko": (nko,),
        "origin": "extracted",
    }
    return Example(**(given | over))


def sentences(count: int, video_id: str = "v1", task: Task = "nko_to_english") -> list[Example]:
    """That many different sentences, of at least twelve letters each."""
    letters = "ߓߔߕߖߗߘߙߛߝߞߟߡߢߣߤߥ"
    made = []
    for number in range(count):
        spelled = "".join(letters[int(digit, 16)] + "ߊ" for digit in f"{number * 7919:08x}")
        nko, english = f"{spelled[:8]} {spelled[8:]}", f"sentence number {number} of them"
        question, answer = (nko, english) if task == "nko_to_english" else (english, nko)
        made.append(example(task, question, answer, video_id=video_id, nko=(nko,)))
    assert all(words(one.nko[0]) for one in made)
    return made
