"""The training report as one HTML page that needs no other file."""

from __future__ import annotations

import base64
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nko_assets.clock import clock
from nko_assets.corpus import charts
from nko_assets.corpus.display import cut, has_nko, one_line
from nko_assets.corpus.report_data import Criterion, Report, VideoRow
from nko_assets.corpus.report_lessons import RowSample
from nko_assets.typeset import TYPEFACES, base_direction

_CELL = 160  # characters of a text in a table or a sample


def render_page(report: Report) -> str:
    """`report` as a page; everything that came from a video is escaped."""
    busiest = max((video.entries for video in report.videos), default=0)
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            font=base64.b64encode(TYPEFACES["noto"].path.read_bytes()).decode(),
            funnel=charts.funnel(report.funnel),
            histogram=charts.histogram(report.confidence, report.gate),
            calibration=charts.calibration(
                report.calibration.held_out.bins if report.calibration.held_out else (),
                report.calibration.bins,
                report.gate,
            ),
            met=sum(criterion.status == "met" for criterion in report.criteria),
            unscored=sum(report.summary[name] for name in ("accepted", "needs_review", "rejected"))
            - sum(sum(bins) for bins in report.confidence.values()),
            failed=[video for video in report.videos if video.status == "failed"],
            video_bar=lambda video: _video_bar(video, busiest),
        )
    )


@lru_cache(maxsize=1)
def page_environment() -> Environment:
    """The templates of this package, with the filters that its pages need."""
    environment = Environment(
        loader=PackageLoader("nko_assets.corpus"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "text": isolate,
        "grouped": lambda count: f"{count:,}",
        "clock": clock,
        "target": lambda criterion: _amount(criterion, criterion.target),
        "value": lambda criterion: _amount(criterion, criterion.value),
        "progress": _progress,
        "jpeg": lambda sample: (
            f"data:image/jpeg;base64,{base64.b64encode(sample.picture).decode()}"
        ),
        "shown": _shown,
        "share": lambda part, whole: f"{part / whole:.0%}" if whole else "–",
    }
    return environment


def isolate(text: str, longest: int = _CELL) -> Markup:
    """`text` escaped, cut, and isolated from the direction of what surrounds it.

    N'Ko gets its language, its font and its direction from the first strong character.
    """
    text = cut(one_line(text), longest)
    if has_nko(text):
        return Markup('<bdi dir="{}" lang="nqo">{}</bdi>').format(base_direction(text), text)
    return Markup("<bdi>{}</bdi>").format(text)


def _amount(criterion: Criterion, value: float | None) -> str:
    if value is None:
        return "unknown"
    if criterion.unit == "usd":
        return f"${value:,.2f}".removesuffix(".00")
    if criterion.unit == "share":
        return f"{100 * value:.2f}".rstrip("0").rstrip(".") + "%"
    return f"{value:,.0f}"


def _progress(criterion: Criterion) -> int:
    """How full the bar of a criterion is, 0 to 100; where less is better, the share used up."""
    if criterion.value is None or not criterion.target:
        return 0
    return round(min(criterion.value / criterion.target, 1) * 100)


def _shown(sample: RowSample) -> str:
    """What a sample's picture shows, for those who cannot see it."""
    return f"Line of text from video {sample.video_id} at {clock(sample.timestamp_ms)}"


def _video_bar(video: VideoRow, busiest: int) -> Markup:
    counts = {name: getattr(video, name) for name in ("accepted", "needs_review", "rejected")}
    return charts.stacked_bar(counts, busiest)
