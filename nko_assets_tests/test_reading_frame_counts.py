"""How many frames there will be: counted where they are, expected where they are not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.reading.frame_counts import USUAL_SIZE, KnownVideo, count_frames

COUNTED = KnownVideo("v1", duration_s=600, sampled=120, kept=39, size=(1280, 720))


def test_frames_that_are_there_are_counted():
    count = count_frames([COUNTED], 5.0)
    assert count.sizes == {(1280, 720): 39}
    assert count.basis == "39 frames of 1 videos counted."


def test_a_video_that_is_only_listed_is_expected_to_be_like_those_counted():
    count = count_frames([COUNTED, KnownVideo("v2", duration_s=1200)], 5.0)
    assert count.frames == 39 + 78
    assert (count.counted, count.by_duration, count.assumed) == (1, 1, 0)
    assert "of 1 videos counted, 1 videos by how long they last; 32%" in count.basis
    assert count.basis.endswith("as of those counted.")


def test_sampled_frames_count_more_than_the_length_of_a_video():
    count = count_frames([COUNTED, KnownVideo("v2", duration_s=9999, sampled=40)], 5.0)
    assert count.frames == 39 + 13


def test_of_a_channel_that_is_only_listed_the_size_of_the_real_one_is_expected():
    count = count_frames([KnownVideo(str(number)) for number in range(532)], 5.0)
    assert 42_500 < count.frames < 43_500
    assert list(count.sizes) == [USUAL_SIZE]
    assert "as if they lasted 56 minutes" in count.basis
    assert "as assumed for slides" in count.basis


def test_frames_taken_more_often_are_not_more_new_frames():
    videos = [KnownVideo("v", duration_s=3360)]
    assert count_frames(videos, 5.0).frames == count_frames(videos, 1.0).frames


def test_a_video_in_which_nothing_is_shown_is_counted_as_that():
    count = count_frames([KnownVideo("v1", sampled=10, kept=0), COUNTED], 5.0)
    assert count.counted == 2
    assert count.sizes == {(1280, 720): 39}


def test_of_no_video_there_are_no_frames():
    assert count_frames([], 5.0).frames == 0


@given(
    st.lists(
        st.builds(
            KnownVideo,
            st.just("v"),
            duration_s=st.none() | st.floats(0, 1e5),
            sampled=st.none() | st.integers(0, 10_000),
            kept=st.none() | st.integers(0, 10_000),
        )
    ),
    st.floats(0.1, 60),
)
def test_every_video_is_in_one_of_the_three_counts(videos, interval_s):
    count = count_frames(videos, interval_s)
    assert count.counted + count.by_duration + count.assumed == len(videos)
    assert count.frames >= sum(video.kept or 0 for video in videos)
