"""The curves of a training as a picture: an SVG that needs no style sheet, and the page around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup

from nko_assets.tuning.jobs import MetricPoint

_WIDTH, _HEIGHT = 640, 240  # of one plot, pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 34, 34
_COLOURS: Final = {"train": "#6b7280", "validation": "#0f766e"}
_INK, _LINE = "#1f2937", "#e5e7eb"
_TICKS = 4


def curves(points: Sequence[MetricPoint]) -> Markup:
    """Loss over steps and, where it was measured, token accuracy below it; one SVG."""
    plots: list[tuple[str, Callable[[MetricPoint], float | None], bool]] = [
        ("Loss, nats a token", lambda point: point.loss, False),
        ("Next tokens predicted right", lambda point: point.token_accuracy, True),
    ]
    drawn = [
        plot
        for plot in plots
        if any(
            plot[1](point) is not None and math.isfinite(plot[1](point) or 0) for point in points
        )
    ]
    parts = [
        _plot(points, title, value, share, number * _HEIGHT)
        for number, (title, value, share) in enumerate(drawn)
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
        'role="img" font-family="sans-serif" font-size="12"><title>{words}</title>'
        '<rect width="{w}" height="{h}" fill="#ffffff"/>{parts}</svg>'
    ).format(
        w=_WIDTH,
        h=_HEIGHT * max(len(parts), 1),
        words=summary(points),
        parts=Markup().join(parts),
    )


def summary(points: Sequence[MetricPoint]) -> str:
    """The curves in a sentence: from where to where each side went."""
    told = []
    for split in _COLOURS:
        side = [point for point in points if point.split == split]
        if side:
            told.append(f"{split} loss {side[0].loss:.3f} to {side[-1].loss:.3f}")
    steps = max((point.step for point in points), default=0)
    return f"After {steps:,} steps: {', '.join(told) or 'nothing was measured'}."


def page(points: Sequence[MetricPoint], title: str, facts: Sequence[tuple[str, str]]) -> str:
    """An HTML page with the curves and what is known of the job."""
    rows = Markup().join(
        Markup("<tr><th>{}</th><td>{}</td></tr>").format(name, value) for name, value in facts
    )
    return Markup(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        "<style>body{{font:16px/1.5 sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;"
        "color:#1f2937}}svg{{max-width:100%;height:auto}}th{{text-align:left;padding-right:1rem;"
        "vertical-align:top}}td{{overflow-wrap:anywhere}}</style>"
        "<h1>{title}</h1><p>{words}</p>{svg}<table>{rows}</table></html>\n"
    ).format(title=title, words=summary(points), svg=curves(points), rows=rows)


def _plot(
    points: Sequence[MetricPoint],
    title: str,
    value: Callable[[MetricPoint], float | None],
    share: bool,
    base: int,
) -> Markup:
    series = {
        split: [
            (point.step, number)
            for point in points
            if point.split == split and (number := value(point)) is not None
            if math.isfinite(number)
        ]
        for split in _COLOURS
    }
    steps = max((step for line in series.values() for step, _ in line), default=0) or 1
    top = 1.0 if share else _ceiling(max(number for line in series.values() for _, number in line))

    def x(step: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / steps

    def y(number: float) -> float:
        return base + _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - number / top)

    parts = [
        Markup('<text x="{}" y="{}" font-weight="600" fill="{}">{}</text>').format(
            _LEFT, base + 18, _INK, title
        )
    ]
    for tick in range(_TICKS + 1):
        number = top * tick / _TICKS
        parts.append(
            Markup(
                '<line x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}" stroke="{}"/>'
                '<text x="{}" y="{below:.1f}" text-anchor="end" fill="{}">{}</text>'
            ).format(
                *(_LEFT, _WIDTH - _RIGHT, _LINE, _LEFT - 6, _INK),
                f"{number:.0%}" if share else f"{number:g}",
                y=y(number),
                below=y(number) + 4,
            )
        )
        step = steps * tick / _TICKS
        parts.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}" fill="{}">{:,.0f}</text>').format(
                x(step),
                base + _HEIGHT - 12,
                "end" if tick == _TICKS else "middle",
                _INK,
                step,
            )
        )
    for number, (split, line) in enumerate(series.items()):
        if line:
            parts.append(_line(split, [(x(step), y(one)) for step, one in line]))
            parts.append(_key(split, _WIDTH - _RIGHT - 170 + 70 * number, base + 18))
    return Markup().join(parts)


def _line(split: str, places: Sequence[tuple[float, float]]) -> Markup:
    colour = _COLOURS[split]
    dots = Markup()
    if split == "validation" or len(places) == 1:
        dots = Markup().join(
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.5" fill="{}"/>').format(*place, colour)
            for place in places
        )
    return (
        Markup('<polyline fill="none" stroke="{}" stroke-width="1.8" points="{}"/>').format(
            colour, " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        )
        + dots
    )


def _key(split: str, across: int, down: int) -> Markup:
    return Markup(
        '<rect x="{}" y="{}" width="10" height="10" rx="2" fill="{}"/>'
        '<text x="{}" y="{}" fill="{}">{}</text>'
    ).format(across, down - 9, _COLOURS[split], across + 15, down, _INK, split)


def _ceiling(value: float) -> float:
    """The next round number at or above `value`."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)
