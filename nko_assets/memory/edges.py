"""Edges between turns of a video: what comes next, and what is about the same words."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from nko_assets.memory.rows import Edge, Turn, memory_id
from nko_assets.nko import tone_key, words

# Two turns share a topic from this share of their words on, rare words counting more. Below a
# quarter it is one common word among many.
LEAST_IN_COMMON = 0.25
# To how many earlier turns a turn is tied: a drill repeats its words on every slide.
MOST_TIES = 3


def edges(turns: Sequence[Turn]) -> tuple[Edge, ...]:
    """The edges between `turns` of one video, which are in order."""
    return (*_next(turns), *_same_topic(turns))


def _next(turns: Sequence[Turn]) -> Iterator[Edge]:
    for one, other in pairwise(turns):
        yield _edge("next", one, other, 1.0)


def _same_topic(turns: Sequence[Turn]) -> Iterator[Edge]:
    spoken = [{tone_key(word) for word in words(turn.content["nko_text"])} for turn in turns]
    frequency = Counter(word for said in spoken for word in said)
    # A word on every turn says nothing about the topic of any.
    weight = {word: math.log(len(turns) / count) for word, count in frequency.items()}
    total = [sum(weight[word] for word in said) for said in spoken]
    earlier: defaultdict[str, list[int]] = defaultdict(list)
    for number, said in enumerate(spoken):
        common: defaultdict[int, float] = defaultdict(float)
        for word in said:
            for other in earlier[word]:
                common[other] += weight[word]
            earlier[word].append(number)
        shares = {
            other: shared / (total[number] + total[other] - shared)
            for other, shared in common.items()
            if shared > 0
        }
        ranked = sorted(shares.items(), key=lambda item: (-round(item[1], 6), -item[0]))
        for other, share in ranked[:MOST_TIES]:
            if share >= LEAST_IN_COMMON:
                yield _edge("same_topic", turns[other], turns[number], round(min(share, 1.0), 6))


def _edge(edge_type: str, one: Turn, other: Turn, weight: float) -> Edge:
    return Edge(
        id=memory_id("edge", edge_type, str(one.id), str(other.id)),
        conversation_id=one.conversation_id,
        from_turn=one.id,
        to_turn=other.id,
        edge_type=edge_type,
        weight=weight,
    )
