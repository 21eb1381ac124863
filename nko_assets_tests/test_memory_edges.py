"""Edges lead from each turn to the next, and to later ones about the same words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.memory.edges import LEAST_IN_COMMON, MOST_TIES, edges
from nko_assets_tests.memory_rows import turn

WORDS = ("ߒߞߏ", "ߛߓߍ", "ߞߊߙߊ߲", "ߓߊ߬ߓߊ", "ߘߋ߲", "ߡߎߛߏ", "ߗߍ߭")


def said(*texts: str):
    return [turn("v1", number, text=text) for number, text in enumerate(texts)]


def ties(turns):
    place = {one.id: number for number, one in enumerate(turns)}
    return {
        (place[edge.from_turn], place[edge.to_turn]): edge.weight
        for edge in edges(turns)
        if edge.edge_type == "same_topic"
    }


def test_every_turn_but_the_last_has_a_next() -> None:
    turns = said("ߒߞߏ", "", "ߛߓߍ")

    found = [edge for edge in edges(turns) if edge.edge_type == "next"]

    assert [(edge.from_turn, edge.to_turn, edge.weight) for edge in found] == [
        (turns[0].id, turns[1].id, 1.0),
        (turns[1].id, turns[2].id, 1.0),
    ]


def test_turns_about_the_same_words_are_tied_whatever_their_tones() -> None:
    turns = said("ߓߊ߬ߓߊ ߘߋ߲", "ߛߓߍ ߞߊߙߊ߲", "ߘߋ߲ ߓߊߓߊ")

    assert ties(turns) == {(0, 2): 1.0}


def test_a_word_on_every_turn_ties_none() -> None:
    assert ties(said("ߒߞߏ ߛߓߍ", "ߒߞߏ ߘߋ߲", "ߒߞߏ ߡߎߛߏ")) == {}


def test_a_drill_is_tied_to_the_nearest_only() -> None:
    turns = said(*["ߒߞߏ ߛߓߍ"] * 8, "ߘߋ߲")

    assert {one for one, other in ties(turns) if other == 7} == {4, 5, 6}


def test_no_turns_and_one_turn_have_no_edges() -> None:
    assert edges([]) == ()
    assert edges(said("ߒߞߏ")) == ()


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=4), max_size=12))
def test_ties_lead_forward_are_few_and_say_how_much_is_shared(texts: list[list[str]]) -> None:
    found = ties(said(*map(" ".join, texts)))

    assert all(one < other for one, other in found)
    assert all(LEAST_IN_COMMON <= weight <= 1 for weight in found.values())
    for number in range(len(texts)):
        assert sum(other == number for _, other in found) <= MOST_TIES
