"""N'Ko pieces for the vocabulary of a model that spells N'Ko letter by letter, or byte by byte.

The byte-pair encoding of the base is trained on from where it ended, over the N'Ko words of the
corpus: its own merges come first and are not touched. Every new merge joins bytes of an N'Ko
character, so text without N'Ko is cut as before, into the same ids. (Appending the merges of an
encoding trained apart leaves some of them out of reach, where a merge of the base comes first.)

The splitting before the encoding has to change as well: the patterns of today's models cut words
at every tone mark, so that no piece could hold one.
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from nko_assets.failures import ConfigurationError
from nko_assets.nko import characters as c

# A word with its marks, and the space before it, as the other scripts have it.
_LETTERS: Final = c.LETTERS + c.MARKS + c.APOSTROPHES + c.LAJANYALAN
WORD: Final = f" ?[{_LETTERS}]+"
_WORD = re.compile(WORD)
# What a ByteLevel step splits by unless told otherwise (GPT-2).
_GPT2: Final = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_SEEN_TWICE: Final = 2  # a piece of one word alone says nothing of the language


@dataclass(frozen=True, slots=True)
class Extension:
    """A tokenizer with N'Ko pieces, and how the base spelled each of them.

    `spelled` maps the id of a new piece to the ids of the base that make it up, in order.
    """

    tokenizer: Tokenizer
    spelled: Mapping[int, tuple[int, ...]]


def byte_bpe(texts: Iterable[str], pieces: int, special: Sequence[str]) -> Tokenizer:
    """A byte-level BPE of at most `pieces` pieces (`special` ones and bytes among them) over `texts` without N'Ko."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        (_WORD.sub(" ", text) for text in texts),
        trainers.BpeTrainer(
            vocab_size=pieces,
            min_frequency=_SEEN_TWICE,
            special_tokens=list(special),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer


def extend(base: Tokenizer, texts: Iterable[str], pieces: int) -> Extension:
    """`base` with at most `pieces` pieces learnt from the N'Ko words of `texts`, in ids after its own.

    Raises `ConfigurationError` when `base` is no BPE that can spell every byte, or when `texts`
    hold no N'Ko.
    """
    plan = json.loads(base.to_str())
    byte_level = any(step["type"] == "ByteLevel" for step in _steps(plan["pre_tokenizer"]))
    if plan["model"]["type"] != "BPE" or not (byte_level or plan["model"]["byte_fallback"]):
        raise ConfigurationError(
            "The tokenizer of the base model is no BPE over bytes, so it cannot be extended.",
            "Set nko_pieces = 0, or choose another base model.",
        )
    words = Counter(word for text in texts for word in _WORD.findall(text))
    if not words:
        raise ConfigurationError(
            "The training rows hold no N'Ko to learn pieces from.",
            "Give rows with N'Ko, or set nko_pieces = 0.",
        )
    plan["pre_tokenizer"] = _keeping_words(plan["pre_tokenizer"])
    vocabulary: dict[str, int] = plan["model"]["vocab"]
    # Special tokens keep their ids beside new pieces only when the model knows them as well.
    vocabulary.update((token["content"], token["id"]) for token in plan["added_tokens"])
    first = max(vocabulary.values()) + 1
    spelled: dict[str, tuple[int, ...]] = {}
    if not byte_level:
        # Bytes that stand in for an unknown letter cannot be merged: the letters come first.
        letters = sorted({letter for word in words for letter in word.strip()} - set(vocabulary))
        spelled = {letter: _bytes(letter, vocabulary) for letter in letters[:pieces]}
        vocabulary.update((letter, first + place) for place, letter in enumerate(spelled))
    cut = Tokenizer.from_str(json.dumps(plan))
    sequences: Counter[tuple[str, ...]] = Counter()
    for word, count in words.items():
        sequences[tuple(cut.encode(word, add_special_tokens=False).tokens)] += count
    for left, right in _further_merges(sequences, pieces - len(spelled), set(vocabulary)):
        spelled[left + right] = tuple(
            piece for part in (left, right) for piece in spelled.get(part, (vocabulary[part],))
        )
        vocabulary[left + right] = first + len(spelled) - 1
        plan["model"]["merges"].append([left, right])
    return Extension(
        Tokenizer.from_str(json.dumps(plan)),
        {vocabulary[piece]: parts for piece, parts in spelled.items()},
    )


def _steps(pre_tokenizer: Any) -> list[dict[str, Any]]:
    if pre_tokenizer is None:
        return []
    if pre_tokenizer["type"] == "Sequence":
        return list(pre_tokenizer["pretokenizers"])
    return [pre_tokenizer]


def _keeping_words(pre_tokenizer: Any) -> Any:
    """The same steps, each of which takes a whole N'Ko word before it looks for anything else."""
    steps: list[dict[str, Any]] = []
    for step in _steps(pre_tokenizer):
        if step["type"] == "Split" and "Regex" in step["pattern"]:
            steps.append({**step, "pattern": {"Regex": f"{WORD}|{step['pattern']['Regex']}"}})
        elif step["type"] == "ByteLevel" and step["use_regex"]:
            split = {"Regex": f"{WORD}|{_GPT2}"}
            steps += [
                {"type": "Split", "pattern": split, "behavior": "Isolated", "invert": False},
                {**step, "use_regex": False},
            ]
        else:
            steps.append(step)
    return {"type": "Sequence", "pretokenizers": steps} if steps else None


def _bytes(letter: str, vocabulary: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(vocabulary[f"<0x{byte:02X}>"] for byte in letter.encode())


def _further_merges(
    sequences: Mapping[tuple[str, ...], int], wanted: int, known: set[str]
) -> list[tuple[str, str]]:
    """The next merges over `sequences` and their counts: the commonest pair first, ties by text."""
    words = [list(sequence) for sequence in sequences]
    counts = list(sequences.values())
    pairs: Counter[tuple[str, str]] = Counter()
    places: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += counts[number]
            places[pair].add(number)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    merges: list[tuple[str, str]] = []
    while heap and len(merges) < wanted:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:
            # The pair has become rarer since it was put here, or commoner and was put here again.
            if _SEEN_TWICE <= pairs[pair] < -count:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        if -count < _SEEN_TWICE:
            break
        merged = "".join(pair)
        if merged in known:  # the base comes to this piece by merges of its own
            continue
        known.add(merged)
        merges.append(pair)
        changed: set[tuple[str, str]] = set()
        for number in sorted(places.pop(pair)):
            before = words[number]
            after = words[number] = _merge(before, pair, merged)
            for old in pairwise(before):
                pairs[old] -= counts[number]
            for new in pairwise(after):
                pairs[new] += counts[number]
                places[new].add(number)
                changed.add(new)
        for new in changed:
            heapq.heappush(heap, (-pairs[new], new))
    return merges


def _merge(word: Sequence[str], pair: tuple[str, str], merged: str) -> list[str]:
    result: list[str] = []
    place = 0
    while place < len(word):
        if tuple(word[place : place + 2]) == pair:
            result.append(merged)
            place += 2
        else:
            result.append(word[place])
            place += 1
    return result
