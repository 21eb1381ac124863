"""Ranges of partitions."""

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.partitions import contiguous_ranges, range_of, range_tags


def test_a_range_never_steps_over_a_video_that_is_not_wanted():
    assert list(contiguous_ranges("abcdef", "abdef", 20)) == [["a", "b"], ["d", "e", "f"]]


def test_a_range_holds_at_most_the_videos_of_one_run():
    assert list(contiguous_ranges("abcde", "abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]


def test_range_tags_name_the_first_and_the_last_video():
    assert range_tags(["b", "c", "d"]) == {
        "dagster/asset_partition_range_start": "b",
        "dagster/asset_partition_range_end": "d",
    }


def test_the_range_of_a_run_is_read_from_its_tags():
    assert range_of(range_tags(["b", "c", "d"])) == ("b", "d")
    assert range_of(range_tags(["b"])) == ("b",)
    assert range_of({"dagster/partition": "b"}) == ("b",)
    assert range_of({"other": "x"}) == ()


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 7))
def test_ranges_cover_exactly_what_is_wanted_in_order(chosen, at_most):
    partitions = [f"v{number}" for number in range(len(chosen))]
    wanted = [key for key, take in zip(partitions, chosen, strict=True) if take]
    ranges = list(contiguous_ranges(partitions, wanted, at_most))
    assert [key for keys in ranges for key in keys] == wanted
    for keys in ranges:
        start = partitions.index(keys[0])
        assert partitions[start : start + len(keys)] == keys
        assert 1 <= len(keys) <= at_most
