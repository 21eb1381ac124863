"""Where the shared reference data lies, when there is any, and the mark that skips without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDER = Path(os.environ.get("NKO_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SHARED: Path | None = _FOLDER if (_FOLDER / "data").is_dir() else None
needs_shared = pytest.mark.skipif(
    SHARED is None, reason="needs the reference data: set NKO_SHARED to the folder that holds data/"
)
