"""The command line that benchmarks share: how they print, and where they keep what they render."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2


def run(
    name: str, description: str | None, measure: Callable[[Path], Any], report: Callable[[Any], str]
) -> None:
    """Measure on one thread and print: the figures as JSON, or what `report` makes of them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"nko-{name}-benchmark",
        help="where the rendered lessons are kept between runs",
    )
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    figures = measure(arguments.folder)
    print(json.dumps(figures, ensure_ascii=False, indent=2) if arguments.json else report(figures))
