"""The picture of a training: every measurement is in it, and it is well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.tuning.curves import curves, page, summary
from nko_assets.tuning.jobs import MetricPoint
from nko_assets_tests.tuners import POINTS

SVG = "{http://www.w3.org/2000/svg}"

points = st.lists(
    st.builds(
        MetricPoint,
        step=st.integers(0, 10**6),
        split=st.sampled_from(["train", "validation"]),
        loss=st.floats(0, 1e4),
        token_accuracy=st.none() | st.floats(0, 1),
    ),
    max_size=20,
)


def places(svg: str) -> list[tuple[float, float]]:
    """Every point of every line."""
    return [
        tuple(map(float, place.split(",")))
        for line in ET.fromstring(svg).iter(f"{SVG}polyline")
        for place in line.get("points").split()
    ]


def test_loss_and_accuracy_of_both_sides_are_four_lines():
    svg = ET.fromstring(curves(POINTS))
    assert len(list(svg.iter(f"{SVG}polyline"))) == 4
    assert svg.find(f"{SVG}title").text == summary(POINTS)


@given(points)
def test_every_measurement_is_inside_the_picture(measured):
    svg = curves(measured)
    root = ET.fromstring(svg)
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places(svg))


def test_a_loss_that_is_no_number_is_left_out():
    broken = [*POINTS, MetricPoint(3, "train", float("nan"))]
    assert places(curves(broken)) == places(
        curves([*POINTS, MetricPoint(3, "train", float("inf"))])
    )


def test_nothing_measured_is_said_in_words():
    assert summary(()) == "After 0 steps: nothing was measured."
    assert ET.fromstring(curves(())) is not None


@pytest.mark.parametrize("hostile", ["<script>", "a & b", '"'])
def test_the_page_escapes_what_it_is_given(hostile):
    text = page(POINTS, hostile, [("Model", hostile)])
    assert f"<h1>{hostile}</h1>" not in text or hostile == '"'
    assert "<script>" not in text
