"""The one partition set, a key a video: its members, and how many of them go into one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

VIDEOS = dg.DynamicPartitionsDefinition(name="videos")


def register(instance: dg.DagsterInstance, video_ids: Sequence[str]) -> None:
    """Make every one of `video_ids` a partition; none is ever taken away, for its data stays."""
    present = set(instance.get_dynamic_partitions(VIDEOS.name or ""))
    instance.add_dynamic_partitions(
        VIDEOS.name or "", [key for key in video_ids if key not in present]
    )


def contiguous_ranges(
    partitions: Sequence[str], wanted: Sequence[str], at_most: int
) -> Iterator[list[str]]:
    """Cut `wanted` into ranges that are contiguous in `partitions`, of `at_most` keys each.

    A Dagster run takes a range of partitions by its first and last key, so a range must not
    step over a key that is not wanted.
    """
    chosen = set(wanted)
    current: list[str] = []
    for key in partitions:
        if key in chosen:
            current.append(key)
        if current and (key not in chosen or len(current) == at_most):
            yield current
            current = []
    if current:
        yield current


_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_SINGLE = "dagster/partition"


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """The run tags that select the contiguous range `keys`."""
    return dict(zip(_RANGE, (keys[0], keys[-1]), strict=True))


def range_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The first and the last key that the tags of a run select, once when it is one; none without."""
    selected = [tags[name] for name in (*_RANGE, _SINGLE) if name in tags]
    return tuple(dict.fromkeys(selected))
