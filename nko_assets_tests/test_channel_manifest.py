"""The manifest: merging listings, refusing those cut short, and stable bytes on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.channel import Manifest, VideoEntry, manifest_bytes, merge, read_manifest
from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure

TITLE = "ߒߞߏ ߦߌ߬ߘߊ߬ߞߏ߬ ߞߍ߲ߘߍ ߥߟߊ߬ߘߊ ߁߀߲  ߄ ߂߄ ߂߀߂߅"


def video(video_id: str, **changes: object) -> VideoEntry:
    entry = VideoEntry(
        video_id=video_id,
        title=TITLE,
        url=f"https://www.youtube.com/watch?v={video_id}",
        duration_s=3360.0,
        uploaded=None,
        source="youtube",
        licence="used with permission",
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def ids(manifest: Manifest) -> list[str]:
    return [entry.video_id for entry in manifest.videos]


def channel(size: int) -> list[VideoEntry]:
    return [video(f"video-{n:03}") for n in range(size)]


def test_the_first_listing_is_the_manifest() -> None:
    manifest = merge(None, [video("-b"), video("_a"), video("A_a")])
    assert ids(manifest) == ["-b", "_a", "A_a"]
    assert manifest.added == ("-b", "_a", "A_a")


def test_new_videos_are_added_in_the_order_of_the_source() -> None:
    manifest = merge([video("b"), video("a")], [video("c"), video("b"), video("a")])
    assert ids(manifest) == ["c", "b", "a"]
    assert manifest.added == ("c",)


def test_a_video_that_vanished_is_kept_and_marked() -> None:
    manifest = merge(channel(20), channel(20)[1:])
    assert manifest.vanished == ("video-000",)
    assert ids(manifest)[-1] == "video-000"
    assert not manifest.videos[-1].listed
    assert len(manifest.listed) == 19


def test_a_video_that_returns_is_listed_again_and_is_not_new() -> None:
    gone = merge(channel(20), channel(20)[1:])
    back = merge(gone.videos, channel(20))
    assert back.added == ()
    assert len(back.listed) == 20


def test_videos_that_vanished_earlier_do_not_count_as_lost_again() -> None:
    manifest = merge(channel(20), channel(15), allow_shrink=True)
    assert len(merge(manifest.videos, channel(15)).listed) == 15


def test_an_empty_listing_is_refused_even_when_shrinking_is_allowed() -> None:
    with pytest.raises(TransientFailure, match="never taken as 'all gone'"):
        merge(channel(20), [], allow_shrink=True)
    with pytest.raises(TransientFailure):
        merge(None, [])


@pytest.mark.parametrize(("before", "after"), [(532, 478), (30, 26), (20, 17)])
def test_a_shrunken_listing_is_refused(before: int, after: int) -> None:
    with pytest.raises(TransientFailure):
        merge(channel(before), channel(after))


@pytest.mark.parametrize(("before", "after"), [(532, 479), (30, 27), (4, 2), (3, 1)])
def test_a_few_videos_may_vanish(before: int, after: int) -> None:
    assert len(merge(channel(before), channel(after)).videos) == before


def test_the_refusal_says_what_is_missing_and_how_to_accept_it() -> None:
    with pytest.raises(TransientFailure) as refusal:
        merge(channel(532), channel(100))
    text = str(refusal.value)
    assert "100 videos" in text
    assert "432 of the 532" in text
    assert "video-100" in text
    assert "NKO_ALLOW_SHRINK=1" in text
    assert "--allow-shrink" in text
    assert len(merge(channel(532), channel(100), allow_shrink=True).listed) == 100


def test_replaced_content_behind_one_id_is_noticed() -> None:
    manifest = merge([video("a", fingerprint="1")], [video("a", fingerprint="2")])
    assert manifest.changed == ("a",)


def test_an_entry_listed_twice_counts_once() -> None:
    assert ids(merge(None, [video("a"), video("b"), video("a")])) == ["a", "b"]


def test_an_entry_listed_by_two_addresses_counts_once() -> None:
    again = video("a", url="https://www.youtube.com/watch?v=a&list=PLabc")
    assert ids(merge(None, [video("a"), again])) == ["a"]


def test_two_videos_with_one_id_are_an_error() -> None:
    other = video("a", url="https://example.org/other", title="another lesson")
    with pytest.raises(PermanentFailure, match="share the id 'a'"):
        merge(None, [video("a"), other])


def test_ids_that_differ_by_case_alone_are_two_videos() -> None:
    assert ids(merge(None, [video("aB"), video("Ab")])) == ["aB", "Ab"]


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "videos.json"
    manifest = merge(channel(20), [video("-x", uploaded="2025-04-24"), *channel(19)])
    path.write_bytes(manifest_bytes(manifest))
    assert read_manifest(path) == list(manifest.videos)


def test_the_same_videos_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "videos.json"
    path.write_bytes(manifest_bytes(merge(None, channel(5))))
    assert manifest_bytes(merge(read_manifest(path), channel(5))) == path.read_bytes()


def test_titles_are_readable_and_the_raw_title_is_kept() -> None:
    text = manifest_bytes(merge(None, [video("a")])).decode()
    record = json.loads(text)["videos"][0]
    assert record["raw_title"] == TITLE
    assert record["title"] == TITLE.replace("  ", " ")
    assert "ߒߞߏ" in text


def test_there_is_no_manifest_before_the_first_listing(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "videos.json") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"videos": [{"video_id": "a"}]}'])
def test_a_damaged_manifest_is_never_taken_for_an_empty_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "videos.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="Move it away"):
        read_manifest(path)


names = st.lists(st.text("abAB-_0", min_size=1, max_size=4), unique=True, max_size=30)


@given(before=names, after=names)
def test_merging_never_loses_a_video(before: list[str], after: list[str]) -> None:
    previous, listed = [video(name) for name in before], [video(name) for name in after]
    if not listed:
        return
    manifest = merge(previous, listed, allow_shrink=True)
    assert set(ids(manifest)) == {*before, *after}
    assert len(ids(manifest)) == len({*before, *after})
    assert [entry.video_id for entry in manifest.listed] == after
    assert merge(manifest.videos, listed).videos == manifest.videos
