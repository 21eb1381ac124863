"""The charts of the report as inline SVG, sized in percent so that text keeps its size on a phone.

Colours come from the page's style sheet by class; each chart says in words what it shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from nko_assets.corpus.report_data import Stage
from nko_assets.reading.trust.reliability import ReliabilityBin

_ROW = 50  # pixels a stage of the funnel
_GROUP_GAP = 18
_BAR = 18
_PLOT = 200  # pixels of the histogram's plot
_SQUARE = 280  # of the calibration plot's, which is wider than high
_TOP = 26
_DECISIONS = (("accepted", "accepted"), ("needs_review", "needs review"), ("rejected", "rejected"))


def funnel(stages: Sequence[Stage]) -> Markup:
    """Stages as bars from top to bottom; bars of one unit share a scale.

    Beside each count stands its share of the stage before, within the unit. Train and validation
    part what came before, so both are compared with the pairs kept.
    """
    largest = {stage.unit: 0 for stage in stages}
    for stage in stages:
        largest[stage.unit] = max(largest[stage.unit], stage.count)
    parts: list[Markup] = []
    y = 0
    previous: Stage | None = None
    for stage in stages:
        if previous is not None and previous.unit != stage.unit:
            y += _GROUP_GAP
            previous = None
        share = _share(stage.count, previous.count) if previous else Markup()
        width = 100 * stage.count / largest[stage.unit] if largest[stage.unit] else 0
        parts.append(
            Markup(
                '<text x="0" y="{}" class="label">{}<tspan class="note" dx="8">{}</tspan></text>'
                '<text x="100%" y="{}" text-anchor="end" class="count">{}{}</text>'
                '<rect x="0" y="{}" width="100%" height="{}" rx="4" class="track"/>'
                '<rect x="0" y="{}" width="{}%" height="{}" rx="4" class="bar {}"/>'
            ).format(
                *(y + 16, stage.label, stage.note),
                *(y + 16, share, _grouped(stage.count)),
                *(y + 24, _BAR),
                *(y + 24, _number(width), _BAR, stage.unit),
            )
        )
        y += _ROW
        if stage.key != "train":
            previous = stage
    words = "; ".join(f"{stage.label}: {stage.count:,}" for stage in stages)
    return _figure("funnel", y, "From frames to training rows", words, parts)


def histogram(bins: Mapping[str, Sequence[int]], gate: float) -> Markup:
    """Confidence from 0 to 1 as stacked bars by decision, with the gate as a line."""
    columns = list(zip(*(bins[name] for name, _ in _DECISIONS), strict=True))
    tallest = max((sum(column) for column in columns), default=0)
    top = _ceiling(tallest)
    step = 100 / max(len(columns), 1)
    base = _TOP + _PLOT
    parts = [_gridline(base - _PLOT * share, _grouped(round(top * share))) for share in (0.5, 1.0)]
    for number, column in enumerate(columns):
        y = float(base)
        label = f"{number / len(columns):.2f} to {(number + 1) / len(columns):.2f}: " + ", ".join(
            f"{count:,} {word}" for count, (_, word) in zip(column, _DECISIONS, strict=True)
        )
        bars = Markup()
        for count, (name, _) in zip(column, _DECISIONS, strict=True):
            height = _PLOT * count / top
            y -= height
            if count:
                bars += Markup(
                    '<rect x="{}%" y="{}" width="{}%" height="{}" class="bar {}"/>'
                ).format(
                    *(_number(number * step + step * 0.08), _number(y)),
                    *(_number(step * 0.84), _number(height), name),
                )
        if bars:
            parts.append(Markup("<g><title>{}</title>{}</g>").format(label, bars))
    parts.append(
        Markup('<line x1="0" x2="100%" y1="{0}" y2="{0}" class="axis"/>').format(base)
        + _gate(gate, base)
    )
    parts += _ticks(base)
    totals = ", ".join(f"{sum(bins[name]):,} {word}" for name, word in _DECISIONS)
    words = f"{totals}; the gate is at {gate:.2f}; the highest bar has {tallest:,} rows"
    return _figure("histogram", base + 26, "Confidence of the entries", words, parts)


def calibration(
    held_out: Sequence[ReliabilityBin], own: Sequence[ReliabilityBin], gate: float
) -> Markup:
    """Share of right entries by confidence: a point a bin, its 95 % interval, the diagonal.

    `held_out` was measured on rendered frames, `own` on this corpus; either may be empty.
    """
    base = _TOP + _SQUARE
    parts = [_gridline(base - _SQUARE * share, f"{share:.0%}") for share in (0.25, 0.5, 0.75, 1.0)]
    parts.append(
        Markup('<line x1="0" x2="100%" y1="{0}" y2="{0}" class="axis"/>').format(base)
        + Markup('<line x1="0" y1="{}" x2="100%" y2="{}" class="diagonal"/>').format(base, _TOP)
        + _gate(gate, base)
    )
    for name, bins in (("held-out", held_out), ("own", own)):
        parts += [_point(name, one, base) for one in bins if one.count]
    parts += _ticks(base)
    words = "; ".join(
        f"{name}: "
        + ", ".join(f"at {one.confidence:.2f} {one.share_right:.0%}" for one in bins if one.count)
        for name, bins in (("on rendered frames", held_out), ("on this corpus", own))
        if any(one.count for one in bins)
    )
    return _figure("calibration", base + 26, "Share of right entries by confidence", words, parts)


def _point(name: str, one: ReliabilityBin, base: float) -> Markup:
    x = _number(100 * one.confidence)
    low, high = (_number(base - _SQUARE * share) for share in one.interval)
    label = f"confidence {one.confidence:.2f}: {one.right:,} of {one.count:,} are right"
    return Markup(
        '<g class="{0}"><title>{1}</title><line x1="{2}%" x2="{2}%" y1="{3}" y2="{4}"/>'
        '<circle cx="{2}%" cy="{5}" r="{6}"/></g>'
    ).format(
        *(name, label, x, low, high, _number(base - _SQUARE * one.share_right)),
        _number(3 + min(math.log10(one.count), 4)),
    )


def stacked_bar(counts: Mapping[str, int], largest: int) -> Markup:
    """A small bar of several classes, `largest` wide at most; the numbers stand beside it."""
    x = 0.0
    parts = Markup()
    for name, count in counts.items():
        if count and largest:
            width = 100 * count / largest
            parts += Markup('<rect x="{}%" width="{}%" height="10" class="bar {}"/>').format(
                _number(x), _number(width), name
            )
            x += width
    return Markup('<svg class="mini" aria-hidden="true">{}</svg>').format(parts)


def _gate(gate: float, base: float) -> Markup:
    return Markup(
        '<line x1="{0}%" x2="{0}%" y1="{1}" y2="{2}" class="gate"/>'
        '<text x="{0}%" y="14" text-anchor="{3}" class="gate-label">gate {4}</text>'
    ).format(
        *(_number(100 * gate), _TOP - 8, base),
        *("end" if gate > 0.85 else "start" if gate < 0.15 else "middle", f"{gate:.2f}"),
    )


def _ticks(base: float) -> list[Markup]:
    """The values of confidence below the axis."""
    anchors = {0: "start", 0.25: "middle", 0.5: "middle", 0.75: "middle", 1: "end"}
    return [
        Markup('<text x="{}%" y="{}" text-anchor="{}" class="tick">{}</text>').format(
            _number(100 * value), base + 18, anchor, f"{value:g}"
        )
        for value, anchor in anchors.items()
    ]


def _gridline(y: float, value: str) -> Markup:
    return Markup(
        '<line x1="0" x2="100%" y1="{0}" y2="{0}" class="grid"/>'
        '<text x="0" y="{1}" class="tick">{2}</text>'
    ).format(_number(y), _number(y - 4), value)


def _figure(name: str, height: float, title: str, words: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart {0}" width="100%" height="{1}" role="img" '
        'aria-labelledby="{0}-title {0}-words"><title id="{0}-title">{2}</title>'
        '<desc id="{0}-words">{3}</desc>{4}</svg>'
    ).format(name, _number(height), title, words, Markup().join(parts))


def _share(part: int, whole: int) -> Markup:
    if not whole:
        return Markup()
    return Markup('<tspan class="note">{}</tspan>').format(f"{part / whole:.0%}  ")


def _grouped(count: int) -> str:
    return f"{count:,}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _ceiling(value: int) -> int:
    """The next even round number, at least 2, so that half of it is a whole number."""
    if value <= 2:
        return 2
    magnitude = 10 ** (len(str(value)) - 1)
    for factor in (1, 2, 4, 5, 6, 8, 10):
        ceiling = factor * magnitude
        if ceiling >= value and ceiling % 2 == 0:
            return ceiling
    return 20 * magnitude
