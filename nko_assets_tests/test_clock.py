"""Times within a video as people read them."""

import pytest

from nko_assets.clock import clock


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "0:00"), (5000, "0:05"), (65_999, "1:05"), (3_600_000, "1:00:00")],
)
def test_times_read_like_a_clock(milliseconds, shown):
    assert clock(milliseconds) == shown
