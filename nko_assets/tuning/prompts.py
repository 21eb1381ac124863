"""What models are told and asked, task by task: the one place that training and asking share.

A tuned model answers well only what it was trained on, to the letter; so the data sets, the
evaluation, the translator and `nko ask` all take their turns from here. Changing a word here makes
new data sets, and models tuned before are asked in words that they have not seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from nko_assets.corpus.conversation_templates import SYSTEM as TUTOR
from nko_assets.schemas.tuning import TASKS, Task

__all__ = ["INTO_NKO", "TASKS", "Message", "Role", "Task", "ask", "prompts_digest"]

Role = Literal["system", "user", "assistant"]

INTO_NKO: Final[tuple[Task, ...]] = ("english_to_nko", "french_to_nko", "read_line")
"""Tasks whose answer is N'Ko and nothing else."""

# Short, because every example carries it: on a text of five words the system turn is most of what
# is trained and paid for.
_SYSTEM: Final[dict[Task, str]] = {
    "nko_to_english": "Translate the N'Ko text into English. Answer with the translation alone.",
    "english_to_nko": "Translate the English text into N'Ko, in N'Ko script with its tone marks. "
    "Answer with the translation alone.",
    "nko_to_french": "Translate the N'Ko text into French. Answer with the translation alone.",
    "french_to_nko": "Translate the French text into N'Ko, in N'Ko script with its tone marks. "
    "Answer with the translation alone.",
    "read_line": "Write down the line of N'Ko in the picture, letter by letter with its tone "
    "marks. Answer with the line alone.",
    "define_word": "Give the meaning of the N'Ko word in English. Answer with the meaning alone; "
    "separate several meanings by '; '.",
    "conversation": TUTOR["en"],
}
# A picture needs a turn to stand in, and services refuse one without words.
_READ_LINE: Final = "What does this line say?"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


def ask(task: Task, text: str = "") -> tuple[Message, ...]:
    """The system turn and the user's turn that put `task` to a model.

    `text` is what to translate, define or answer, in NFC; `read_line` takes none, for its picture
    travels beside the turns. Raises `ValueError` for a task without its text, or the reverse.
    """
    if task == "read_line" and text:
        raise ValueError("read_line takes a picture and no text")
    if task != "read_line" and not text.strip():
        raise ValueError(f"{task} takes a text")
    return (
        Message("system", _SYSTEM[task]),
        Message("user", text or _READ_LINE),
    )


def prompts_digest() -> str:
    """SHA-256 in hex of everything said above; part of the identity of what is made with it."""
    said = [*(f"{task}\0{_SYSTEM[task]}" for task in TASKS), _READ_LINE]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()
