"""A video becomes the conversation that its source describes."""

from __future__ import annotations

from nko_assets.memory.conversations import conversation
from nko_assets_tests.workbench import entry_of


def test_a_conversation_says_what_the_source_says() -> None:
    made = conversation(entry_of("v1", title="  ߞߊ߬ߙߊ߲  one ", duration_s=61.2345))

    assert made.title == "ߞߊ߬ߙߊ߲ one"
    assert (made.video_id, made.url, made.duration_ms) == ("v1", "v1.mp4", 61_234)
    assert made.licence == "CC-BY-SA-4.0"


def test_its_id_is_that_of_the_video_alone() -> None:
    one = conversation(entry_of("v1"))

    assert one.id == conversation(entry_of("v1", title="renamed", duration_s=5.0)).id
    assert one.id != conversation(entry_of("v2")).id


def test_an_unknown_length_stays_unknown() -> None:
    assert conversation(entry_of("v1", duration_s=None)).duration_ms is None
