"""The decision document as HTML that needs no other file, and the same as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from nko_assets.corpus.report_page import page_environment
from nko_assets.tuning import vertex_prices
from nko_assets.tuning.options import costs
from nko_assets.tuning.options.candidates import KNOWN_ON
from nko_assets.tuning.options.decision import GOAL, Option, Options
from nko_assets.tuning.shapes.shape import MINIMUM
from nko_assets.tuning.tokens import MEASURED_ON, RATES
from nko_assets.tuning.vertex_prices import EPOCHS
from nko_assets.typeset import TYPEFACES

_NAMES = {
    "gemma3": "Gemma 3",
    "llama3": "Llama 3",
    "mistral_nemo": "Mistral NeMo",
    "qwen3": "Qwen 3",
    "smollm2": "SmolLM2",
}


def render_options(options: Options) -> str:
    """`options` as a page."""
    return (
        _environment()
        .get_template("options.html.j2")
        .render(
            document=options,
            measured=options.measured,
            font=base64.b64encode(TYPEFACES["noto"].path.read_bytes()).decode(),
            epochs=EPOCHS,
            goal=GOAL,
            minimum=MINIMUM,
            rates=RATES,
            names=_NAMES,
            longest=max(rates.nko_word for rates in RATES.values()),
            vertex=[one for one in options.options if one.candidate.where == "vertex"],
            open=[one for one in options.options if one.candidate.where == "open"],
            families={one.candidate.family: one.candidate for one in options.options},
            costs=costs,
            vertex_prices=vertex_prices,
            measured_on=MEASURED_ON,
            known_on=KNOWN_ON,
            unknowns=_unknowns(options.options),
        )
    )


def options_json(options: Options) -> str:
    """`options` for programs, UTF-8 text without escapes."""
    document = asdict(options) | {
        "epochs": EPOCHS,
        "goal": GOAL,
        "rates": {name: asdict(rates) for name, rates in RATES.items()},
        "measured_on": MEASURED_ON,
        "known_on": KNOWN_ON,
    }
    return json.dumps(document, ensure_ascii=False, indent=1, default=str, allow_nan=False) + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = page_environment().overlay(
        loader=ChoiceLoader(
            [PackageLoader("nko_assets.tuning.options"), PackageLoader("nko_assets.corpus")]
        )
    )
    filters: dict[str, Any] = {"usd": _usd, "tasks": lambda task: task.replace("_", " ")}
    environment.filters = environment.filters | filters
    return environment


def _usd(dollars: float | None) -> str:
    if dollars is None:
        return "unknown"
    if dollars == 0:
        return "nothing"
    return f"${dollars:,.2f}" if dollars >= 0.1 else f"${dollars:.3f}"


def _unknowns(options: Sequence[Option]) -> dict[str, list[str]]:
    """What is not known, each with the models it is not known of."""
    unknown: dict[str, list[str]] = {}
    for option in options:
        for sentence in option.candidate.unknown:
            unknown.setdefault(sentence, []).append(option.candidate.name)
    return unknown
