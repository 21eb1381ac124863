"""What a shape is: how an example is written for a tuner, which ones it takes, and how many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nko_assets.tuning.examples import Example

MINIMUM: Final = 100
"""Examples of train below which nobody should tune; Google recommends to begin with as many."""

_NO_LIMIT: Final = 10**12


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write examples as JSON Lines.

    `row` writes an example, given the URI of its picture or "". `refuses` says why an example
    cannot be written, "" when it can. `schema` is the JSON Schema (2020-12) of a row. Of train at
    most `train_rows` rows and `train_bytes` bytes are taken, of them `picture_rows` when any has a
    picture; `validation_rows` gives the most of validation beside so many rows of train.
    """

    name: str
    row: Callable[[Example, str], dict[str, Any]]
    refuses: Callable[[Example], str]
    schema: Mapping[str, Any]
    pictures: bool
    train_rows: int = _NO_LIMIT
    picture_rows: int = _NO_LIMIT
    train_bytes: int = _NO_LIMIT
    validation_rows: Callable[[int], int] = lambda _train_rows: _NO_LIMIT
