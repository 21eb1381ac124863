"""Checkpoints that a killed training goes on from: only those that were written to the end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from nko_assets.files import write_atomically

_MARK: Final = "complete.json"
_PREFIX: Final = "checkpoint-"


def step_of(checkpoint: Path) -> int:
    """The step after which `checkpoint` was written."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def checkpoint_at(folder: Path, step: int) -> Path:
    """Where in `folder` the checkpoint after `step` is."""
    return folder / f"{_PREFIX}{step}"


def mark_complete(checkpoint: Path) -> None:
    """Say that `checkpoint` is complete: the last thing that is written into it."""
    sizes = {path.name: path.stat().st_size for path in checkpoint.iterdir() if path.name != _MARK}
    write_atomically(checkpoint / _MARK, json.dumps(sizes, indent=1).encode())


def last_complete(folder: Path) -> Path | None:
    """The latest complete checkpoint in `folder`; what was broken off there is deleted.

    A checkpoint of which files are missing or short is not complete, mark or no mark: it was
    killed while it was written, or while it made room for a later one.
    """
    complete: list[Path] = []
    for checkpoint in folder.glob(f"{_PREFIX}*"):
        if _is_complete(checkpoint):
            complete.append(checkpoint)
        else:
            shutil.rmtree(checkpoint)
    return max(complete, key=step_of, default=None)


def _is_complete(checkpoint: Path) -> bool:
    try:
        sizes = json.loads((checkpoint / _MARK).read_text(encoding="utf-8"))
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False
