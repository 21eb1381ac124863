"""How well and how fast the memory is searched: `python -m nko_assets_tests.benchmarks.search`.

Needs the reference data (NKO_SHARED). Half of the rows of FLORES-200 dev, which no model was
trained on, have their English, the others N'Ko alone; they are looked for among the other parallel
texts and the dictionary, by queries of five kinds. Latency is that of the SQL function with 100,000
rows, from this process over a socket; recall is that of the index against the exact scan.
"""

from __future__ import annotations

import json
import math
import random
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from psycopg import Connection

from nko_assets.failures import ConfigurationError
from nko_assets.memory.embeddings import load_embedder
from nko_assets.nko import key, romanize, strip_tones, words
from nko_assets.resources.store import open_store
from nko_assets_tests.benchmarks import command
from nko_assets_tests.shared import SHARED

SEED = 1
QUERIES = 200  # of each kind
ROWS = 100_000
MOTIFS = 20_000
TURN_PARTS = 3

HELD_OUT = "flores_nqo_dev.tsv"
OTHERS = (
    "nllb_seed_nqo.tsv",
    "nicolingua_kalo_mory_diane_parallel_001.tsv",
    "nicolingua_djibrila_diane_parallel_001.tsv",
    "nicolingua_baba_mamadi_diane_parallel_001.tsv",
)

FIND = """
select type, id from public.memory_search(
    %(text)s, %(meaning)s::extensions.vector, %(nko)s::extensions.vector, max_results => 10)
"""


@dataclass(frozen=True, slots=True)
class Text:
    """One parallel text and, where it is known, what embeds it."""

    nko: str
    english: str | None
    french: str | None
    nko_vector: np.ndarray
    vector: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, its vector, and the row that it looks for."""

    kind: str
    text: str
    vector: np.ndarray
    target: uuid.UUID


def read_texts(names: Sequence[str], folder: Path) -> list[Text]:
    """The rows of the reference data with their embeddings, which are kept in `folder`."""
    if SHARED is None:
        raise ConfigurationError(
            "The search benchmark needs the reference data.",
            "Set NKO_SHARED to the folder that holds data/.",
        )
    frames = [
        pl.read_csv(SHARED / "data" / name, separator="\t", quote_char=None) for name in names
    ]
    rows = pl.concat(frames, how="diagonal").filter(pl.col("nko").str.strip_chars() != "")
    texts = [
        (row["nko"], row.get("english") or None, row.get("french") or None)
        for row in rows.iter_rows(named=True)
    ]
    nko, meaning = _vectors(texts, folder / f"{names[0]}.npz")
    return [
        Text(*text, nko[place], meaning[place] if text[1] or text[2] else None)
        for place, text in enumerate(texts)
    ]


def _vectors(
    texts: Sequence[tuple[str, str | None, str | None]], kept: Path
) -> tuple[np.ndarray, np.ndarray]:
    embedder = load_embedder()
    if kept.is_file():
        with np.load(kept) as arrays:
            if str(arrays["model"]) == embedder.model and len(arrays["nko"]) == len(texts):
                return arrays["nko"], arrays["meaning"]
    nko = embedder.embed_nko([text[0] for text in texts])
    meaning = embedder.embed_english([text[1] or text[2] or "" for text in texts])
    np.savez(kept, nko=nko, meaning=meaning, model=embedder.model)
    return nko, meaning


def insert_motifs(conn: Connection, texts: Sequence[Text]) -> list[uuid.UUID]:
    """Put `texts` into the memory as motifs; their ids."""
    ids = [
        uuid.uuid5(uuid.NAMESPACE_OID, f"{place} {text.nko}") for place, text in enumerate(texts)
    ]
    with conn.cursor().copy(
        "copy public.memory_motifs (id, motif_type, source, licence, nko_key, content, frequency,"
        " salience_score, embedding, nko_embedding, embedding_model) from stdin"
    ) as copy:
        for row, text in zip(ids, texts, strict=True):
            copy.write_row(
                (
                    row,
                    "phrase" if len(text.nko.split()) > 2 else "vocabulary",
                    "benchmark",
                    "CC-BY-SA-4.0",
                    key(text.nko),
                    _content(text.nko, text.english, text.french),
                    1,
                    0.5,
                    None if text.vector is None else _literal(text.vector),
                    _literal(text.nko_vector),
                    "benchmark",
                )
            )
    return ids


def insert_turns(conn: Connection, texts: Sequence[Text], count: int) -> None:
    """Put `count` turns into the memory, each of some of `texts` as a slide shows them together."""
    rng = np.random.default_rng(SEED)
    a_video = 100
    videos = [uuid.uuid5(uuid.NAMESPACE_OID, f"video {n}") for n in range(-(-count // a_video))]
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into public.memory_conversations (id, video_id, title, url, licence)"
            " values (%s, %s, 'benchmark', '', 'CC-BY-SA-4.0')",
            [(video, f"video{n}") for n, video in enumerate(videos)],
        )
        with cursor.copy(
            "copy public.memory_turns (id, conversation_id, frame_id, timestamp_ms,"
            " trajectory_depth, trajectory_phase, content, salience_score, embedding,"
            " nko_embedding, embedding_model) from stdin"
        ) as copy:
            for number in range(count):
                shown = [texts[place] for place in rng.integers(len(texts), size=TURN_PARTS)]
                meanings = [text.vector for text in shown if text.vector is not None]
                depth = number % a_video
                frame = f"video{number // a_video}:{depth * 5000}"
                copy.write_row(
                    (
                        uuid.uuid5(uuid.NAMESPACE_OID, frame),
                        videos[number // a_video],
                        frame,
                        depth * 5000,
                        depth,
                        "extraction",
                        _content(
                            "\n".join(text.nko for text in shown),
                            "\n".join(text.english for text in shown if text.english) or None,
                            "\n".join(text.french for text in shown if text.french) or None,
                        ),
                        0.5,
                        _literal(_unit(sum(meanings))) if meanings else None,
                        _literal(_unit(sum(text.nko_vector for text in shown))),
                        "benchmark",
                    )
                )


def _content(nko: str, english: str | None, french: str | None) -> str:
    return json.dumps(
        {
            "nko_text": nko,
            "latin": romanize(nko),
            "translation": english or french,
            "english": english,
            "french": french,
            "entries": [],
        },
        ensure_ascii=False,
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _literal(vector: np.ndarray) -> str:
    return "[" + ",".join(f"{value:.5g}" for value in vector) + "]"


def queries(texts: Sequence[Text], ids: Sequence[uuid.UUID]) -> Iterator[Asked]:
    """Queries of each kind for held-out `texts`; those with an even place have their English."""
    rng = random.Random(SEED)
    embedder = load_embedder()
    places = list(range(len(texts)))

    def some(kind: str, parity: int | None, made: dict[int, str], nko: bool = False) -> list[Asked]:
        chosen = [n for n in made if made[n] and (parity is None or n % 2 == parity)]
        chosen = rng.sample(chosen, min(QUERIES, len(chosen)))
        asked = [made[n] for n in chosen]
        vectors = embedder.embed_nko(asked) if nko else embedder.embed_english(asked)
        return [Asked(kind, made[n], v, ids[n]) for n, v in zip(chosen, vectors, strict=True)]

    def part(found: list[str], size: int) -> str:
        start = rng.randrange(max(len(found) - size, 0) + 1)
        return " ".join(found[start : start + size])

    bare = {n: strip_tones(part(words(texts[n].nko), 4)) for n in places}
    yield from some("four N'Ko words without tones", None, bare, nko=True)
    latin = {n: _plain(romanize(part(words(texts[n].nko), 4))) for n in places}
    yield from some("four Latin words without accents", None, latin)
    content = {
        n: [word for word in (texts[n].english or "").split() if len(word) > 4 and word.isalpha()]
        for n in places
    }
    some_words = {
        n: " ".join(rng.sample(found, 2)) for n, found in content.items() if len(found) > 1
    }
    yield from some("two English words", 0, some_words)
    yield from some("English sentence, row without", 1, {n: texts[n].english or "" for n in places})
    yield from some("French sentence", 0, {n: texts[n].french or "" for n in places})


def _plain(latin: str) -> str:
    return latin.replace("ɛ", "e").replace("ɔ", "o").replace("ɲ", "ny")


def quality(conn: Connection, folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """nDCG@10 and R@10 of text, vector and hybrid search, for each kind of query and over all."""
    held_out = read_texts([HELD_OUT], folder)
    stored = [
        Text(
            text.nko,
            None if place % 2 else text.english,
            None,
            text.nko_vector,
            None if place % 2 else text.vector,
        )
        for place, text in enumerate(held_out)
    ]
    with _indexes_afterwards(conn):
        ids = insert_motifs(conn, stored)
        insert_motifs(conn, read_texts(OTHERS, folder))
    conn.execute("select public.memory_count_words()")
    conn.execute("analyze public.memory_motifs")
    figures: dict[str, dict[str, list[float]]] = {}
    for asked in queries(held_out, ids):
        vector = _literal(asked.vector)
        # Words of romanized N'Ko are no words of the sentence model: only their spelling is asked.
        meaning = None if asked.kind.startswith("four Latin") else vector
        halves = {
            "text": {"text": asked.text, "meaning": None, "nko": None},
            "vector": {"text": "", "meaning": meaning, "nko": meaning},
            "hybrid": {"text": asked.text, "meaning": meaning, "nko": meaning},
        }
        for half, given in halves.items():
            found = [row[1] for row in conn.execute(FIND, given).fetchall()]
            gain = 1 / math.log2(found.index(asked.target) + 2) if asked.target in found else 0.0
            for kind in (asked.kind, "all"):
                figures.setdefault(kind, {}).setdefault(half, []).append(gain)
    return {
        kind: {
            half: {"ndcg": float(np.mean(gains)), "recall": float(np.mean(np.array(gains) > 0))}
            for half, gains in halves.items()
        }
        for kind, halves in figures.items()
    }


class _indexes_afterwards:  # noqa: N801 - used as a context manager
    """Builds the vector indexes after a load: inserting into them takes eight times as long."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.seconds = 0.0

    def __enter__(self) -> _indexes_afterwards:
        self._definitions = self._conn.execute(
            "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
            " join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam"
            " where amname = 'hnsw'"
        ).fetchall()
        for name, _ in self._definitions:
            self._conn.execute(f"drop index {name}")
        return self

    def __exit__(self, *_: object) -> None:
        start = time.perf_counter()
        self._conn.execute("set maintenance_work_mem = '512MB'")
        for _, definition in self._definitions:
            self._conn.execute(definition)
        self.seconds = time.perf_counter() - start


def main(folder: Path) -> None:
    with open_store(None, folder / "store") as store, store.connect() as conn:
        conn.execute("truncate public.memory_motifs, public.memory_conversations cascade")
        print(json.dumps(quality(conn, folder), indent=1))


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]))
