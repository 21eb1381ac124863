"""The running accuracy with its confidence band, as SVG; colours come from the style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from nko_assets.web.i18n import Language
from nko_assets.web.standing import Point

_HEIGHT: Final = 220  # pixels
_TOP: Final = 14
_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.25)
_LINES: Final = 5  # at most
_SETTLED: Final = 0.1  # of the turns


def accuracy_chart(points: Sequence[Point], t: Language) -> Markup:
    """`points` as a line within its band, from the first turn to the last; at least one is needed."""
    last = points[-1]
    # The first points are wide open; they may leave the picture at its lower edge.
    settled = [point.low for point in points if point.turns >= _SETTLED * last.turns]
    bottom, step = _axis(min(settled))
    words = t(
        "live.accuracy_words",
        mean=t.percent(last.mean, 1),
        low=t.percent(last.low, 1),
        high=t.percent(last.high, 1),
        n=last.turns,
    )

    def y(value: float) -> str:
        return f"{_TOP + _HEIGHT * (1 - (max(value, bottom) - bottom) / (1 - bottom)):.2f}"

    def x(turns: int) -> str:
        return f"{100 * turns / last.turns:.3f}"

    upper = [f"{x(point.turns)},{y(point.high)}" for point in points]
    lower = [f"{x(point.turns)},{y(point.low)}" for point in points]
    # Before the first point nothing is known: the curve begins where its first part ends.
    line = [f"{x(point.turns)},{y(point.mean)}" for point in points]
    return Markup(
        '<svg class="chart accuracy" width="100%" height="{0}" role="img" '
        'aria-labelledby="accuracy-title accuracy-words"><title id="accuracy-title">{1}</title>'
        '<desc id="accuracy-words">{2}</desc>{3}'
        '<svg width="100%" height="{0}" viewBox="0 0 100 {0}" preserveAspectRatio="none">'
        '<polygon class="band" points="{4}"/><polyline class="line" points="{5}"/></svg>'
        '<circle class="now" cx="100%" cy="{6}" r="4"/>'
        '<text class="tick" x="0" y="{7}">{8}</text>'
        '<text class="tick" x="100%" y="{7}" text-anchor="end">{9}</text></svg>'
    ).format(
        *(_TOP + _HEIGHT + 24, t("live.accuracy"), words),
        Markup().join(_gridlines(bottom, step, t)),
        *(" ".join([*upper, *reversed(lower)]), " ".join(line)),
        *(y(last.mean), _TOP + _HEIGHT + 18),
        *(t("live.first_turn"), t("live.turns", n=last.turns)),
    )


def _axis(lowest: float) -> tuple[float, float]:
    """Where the axis begins, a round number below what is drawn, and how far lines are apart."""
    for step in _STEPS:
        bottom = max(0.0, math.floor(lowest / step - 0.5) * step)
        if (1 - bottom) / step <= _LINES:
            return bottom, step
    return 0.0, _STEPS[-1]


def _gridlines(bottom: float, step: float, t: Language) -> list[Markup]:
    lines = []
    for number in range(round((1 - bottom) / step) + 1):
        value = bottom + number * step
        y = _TOP + _HEIGHT * (1 - (value - bottom) / (1 - bottom))
        lines.append(
            Markup(
                '<line class="{0}" x1="0" x2="100%" y1="{1:.2f}" y2="{1:.2f}"/>'
                '<text class="tick" x="0" y="{2:.2f}">{3}</text>'
            ).format("grid" if number else "axis", y, y - 4, t.percent(value))
        )
    return lines
