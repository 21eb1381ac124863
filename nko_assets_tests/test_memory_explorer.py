"""What pages ask the memory: each function in both ways in, its order, its pages, its ends."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.memory.rows import Motif, Turn, memory_id
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import empty
from nko_assets_tests.memory_rows import content, motif, turn, vector, video


def test_lessons_come_with_what_their_turns_come_to(memory: MemoryStore) -> None:
    told = [turn("a", 0, outcomes=[1.0]), turn("a", 1, phase="validation", outcomes=[0.5, 0.0])]
    silent = replace(turn("a", 2, outcomes=[]), salience_score=0.0)
    memory.upsert_videos([video("a", [*told, silent]), video("b", []), video("c", 1)])
    one, two, three = memory.call("memory_lessons", {})
    assert (one["turns"], one["with_text"], one["validated"]) == (3, 2, 1)
    assert (one["cover"], one["outcome_count"]) == ("a:0", 3)
    assert one["outcome_mean"] == pytest.approx(0.5)
    assert (two["video_id"], two["turns"], two["cover"], two["outcome_mean"]) == (
        "b",
        0,
        None,
        None,
    )
    assert three["video_id"] == "c"


def test_lessons_are_named_or_come_in_pages(memory: MemoryStore) -> None:
    memory.upsert_videos([video(name, 1) for name in "abcde"])

    def ids(**asked: object) -> list[str]:
        return [row["video_id"] for row in memory.call("memory_lessons", asked)]

    assert ids(of_videos=["d", "b", "nope"]) == ["b", "d"]
    assert ids(max_lessons=2) == ["a", "b"]
    assert ids(after_video="b", max_lessons=2) == ["c", "d"]


def test_frames_of_a_lesson_come_in_order_and_in_pages(memory: MemoryStore) -> None:
    memory.upsert_videos([video("a", 5), video("b", 3)])
    times = memory.call("memory_lesson_times", {"video": "a"})
    assert [time["timestamp_ms"] for time in times] == [0, 5000, 10000, 15000, 20000]
    page = memory.call("memory_lesson_turns", {"video": "a", "first_turn": 2, "max_turns": 2})
    assert [row["frame_id"] for row in page] == ["a:10000", "a:15000"]
    assert page[0]["content"]["entries"] == []
    assert memory.call("memory_lesson_turns", {"video": "nope"}) == []
    until = [
        memory.call("memory_lesson_turns_until", {"video": "a", "moment_ms": moment})[0]["turns"]
        for moment in (0, 4999, 5000, 10**12)
    ]
    assert until == [1, 1, 2, 5]


def test_the_times_of_a_long_lesson_are_told_to_its_end_in_a_thousand_parts(
    memory: MemoryStore,
) -> None:
    frames = [
        replace(turn("a", number), salience_score=0.5 * (number == 2001)) for number in range(2002)
    ]
    memory.upsert_videos([video("a", frames)])
    times = memory.call("memory_lesson_times", {"video": "a"})
    assert len(times) == 1000
    assert [times[0]["timestamp_ms"], times[-1]["timestamp_ms"]] == [0, 5000 * 2000]
    assert [time["has_text"] for time in times] == [False] * 999 + [True]


def test_the_latest_turns_come_first_and_without_their_entries(memory: MemoryStore) -> None:
    memory.upsert_videos([video("a", 3)])
    memory.upsert_videos([video("b", 1)])
    rows = memory.call("memory_recent_turns", {"max_turns": 2})
    assert [row["frame_id"] for row in rows] == ["b:0", "a:10000"]
    assert "entries" not in rows[0]["content"]
    after = memory.call("memory_recent_turns", {"after_seq": rows[1]["seq"]})
    assert [row["frame_id"] for row in after] == ["b:0"]


@pytest.mark.parametrize("order", ["salience", "spelling"])
def test_every_motif_is_met_once_whatever_the_pages(memory: MemoryStore, order: str) -> None:
    words = [
        replace(motif(word, source=f"dictionary {number % 2}"), salience_score=(number % 3) / 2)
        for number, word in enumerate(["ߖߌ", "ߓߟߏ", "ߛߓߍ", "ߖߌ߬", "ߊ", "ߦߋ߫", "ߕߟߋ߬"])
    ]
    twins = [replace(word, id=memory_id("twin", str(word.id))) for word in words[:3]]
    _load(memory, [*words, *twins])
    found: list[dict] = []
    asked: dict[str, object] = {"of_type": "vocabulary", "max_motifs": 3}
    while page := memory.call(f"memory_motifs_by_{order}", asked):
        found += page
        last = page[-1]
        asked |= {"after_id": last["id"]} | (
            {"after_salience": last["salience_score"]}
            if order == "salience"
            else {"after_key": last["nko_key"]}
        )
    assert len(found) == len({row["id"] for row in found}) == 10
    if order == "salience":
        values = [row["salience_score"] for row in found]
        assert values == sorted(values, reverse=True)
    else:
        keys = [row["nko_key"] for row in found]
        assert keys == sorted(keys)


def test_places_of_a_word_are_those_in_any_tones_and_no_others(memory: MemoryStore) -> None:
    texts = ["ߖߌ߬ ߦߋ߫", "ߖߌ", "ߖߌߖߌ", "ߓߟߏ", "ߦߋ߫ ߖߌ"]
    memory.upsert_videos([video("a", [_said("a", n, text) for n, text in enumerate(texts)])])
    word, phrase = motif("ߖߌ"), _of_type("phrase", "ߖߌ ߦߋ߫")
    _load(memory, [word, phrase])

    def frames(of: Motif, **asked: object) -> list[str]:
        rows = memory.call("memory_motif_places", {"motif": str(of.id), **asked})
        return [row["frame_id"] for row in rows]

    assert frames(word) == ["a:0", "a:5000", "a:20000"]
    assert frames(phrase) == ["a:0"]
    first = memory.call("memory_motif_places", {"motif": str(word.id), "max_places": 1})
    assert frames(word, after_seq=first[0]["seq"], max_places=1) == ["a:5000"]


def test_places_of_a_pattern_hold_its_words(memory: MemoryStore) -> None:
    texts = ["ߌ ߣߌ߫ ߛߣߍ߫", "ߌ ߣߌ߫ ߗߋ߫", "ߌ ߦߋ߫"]
    memory.upsert_videos([video("a", [_said("a", n, text) for n, text in enumerate(texts)])])
    pattern = _of_type("pattern", "ߌ ߣߌ߫ …")
    _load(memory, [pattern])
    rows = memory.call("memory_motif_places", {"motif": str(pattern.id)})
    assert [row["frame_id"] for row in rows] == ["a:0", "a:5000"]


def test_a_motif_that_is_not_there_has_no_row_and_no_places(memory: MemoryStore) -> None:
    for function in ("memory_motif", "memory_motif_places", "memory_motif_neighbours"):
        assert memory.call(function, {"motif": str(uuid.uuid4())}) == []


def test_neighbours_are_near_in_meaning_and_never_the_same_word(memory: MemoryStore) -> None:
    near = vector(1) + 0.1 * vector(2)
    words = [
        replace(motif("ߖߌ", seed=1)),
        replace(motif("ߖߌ", source="a dictionary", english="the same"), embedding=vector(1)),
        replace(motif("ߓߟߏ"), embedding=near / (near @ near) ** 0.5),
        replace(motif("ߛߓߍ"), embedding=-vector(1)),
    ]
    _load(memory, words)
    found = memory.call("memory_motif_neighbours", {"motif": str(words[0].id)})
    assert [row["content"]["nko_text"] for row in found] == ["ߓߟߏ", "ߛߓߍ"]
    assert found[0]["similarity"] > 0.9
    assert found[1]["similarity"] < -0.9


def test_without_a_translation_neighbours_are_near_in_nko(memory: MemoryStore) -> None:
    words = [
        replace(motif("ߖߌ"), embedding=None, nko_embedding=vector(5)),
        replace(motif("ߓߟߏ"), nko_embedding=vector(5)),
        replace(motif("ߛߓߍ"), embedding=None, nko_embedding=None, embedding_model=None),
    ]
    _load(memory, words)
    (found, *_) = memory.call("memory_motif_neighbours", {"motif": str(words[0].id)})
    assert found["content"]["nko_text"] == "ߓߟߏ"
    assert memory.call("memory_motif_neighbours", {"motif": str(words[2].id)}) == []


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_no_text_of_a_motif_breaks_the_search_for_its_places(database: Store, text: str) -> None:
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    memory.upsert_videos([video("a", [_said("a", 0, text)])])
    for kind in ("vocabulary", "pattern"):
        named = _of_type(kind, text)
        _load(memory, [named])
        places = memory.call("memory_motif_places", {"motif": str(named.id)})
        assert len(places) <= 1


def _said(video_id: str, number: int, text: str) -> Turn:
    return turn(video_id, number, text=text)


def _of_type(kind: str, text: str) -> Motif:
    return replace(
        motif(text), id=memory_id("motif", kind, text), motif_type=kind, content=content(text)
    )


def _load(memory: MemoryStore, motifs: list[Motif]) -> None:
    for source in {one.source for one in motifs}:
        memory.upsert_motifs(source, [one for one in motifs if one.source == source])
