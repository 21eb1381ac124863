"""The pilot's decision page, as HTML that needs no other file, and the same as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict

from nko_assets.corpus.report_page import page_environment
from nko_assets.reading.pilot import ModelResult, Pilot
from nko_assets.typeset import TYPEFACES


def render_pilot(pilot: Pilot) -> str:
    """`pilot` as a page; everything that came from elsewhere is escaped."""
    statuses = sorted({status for result in pilot.results for status in result.statuses})
    return (
        page_environment()
        .get_template("pilot.html.j2")
        .render(
            pilot=pilot,
            statuses=statuses,
            font=base64.b64encode(TYPEFACES["noto"].path.read_bytes()).decode(),
            percent=lambda share: "–" if share is None else f"{share:.1%}",
        )
    )


def pilot_json(pilot: Pilot) -> str:
    """`pilot` for programs, UTF-8 text without escapes."""
    document = asdict(pilot)
    document["results"] = [_result(result) for result in pilot.results]
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _result(result: ModelResult) -> dict[str, object]:
    return asdict(result) | {
        "failed_share": result.failed_share,
        "usd_per_frame": result.usd_per_frame,
        "accepted_per_dollar": result.accepted_per_dollar,
    }
