"""How well and how fast the memory is searched: `python -m nko_assets_tests.benchmarks.search`.

Needs the reference data (NKO_SHARED). Half of the rows of FLORES-200 dev, which no model was
trained on, have their English, the others N'Ko alone; they are looked for among 52,000 other
parallel texts and dictionary entries, by queries of five kinds. The weights of the search were
chosen on rows 0 to 399, so queries are made of the others only.

Latency is that of the SQL function with 100,000 rows: milliseconds from this process over a socket,
and milliseconds of CPU that the server spends, which do not depend on what else the machine does.
Recall is that of the vector indexes against the exact scan.
"""

from __future__ import annotations

import json
import math
import random
import time
import uuid
from collections.abc import Sequence
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
MOST_PARTS = 3

HELD_OUT = "flores_nqo_dev.tsv"
OTHERS = (
    "nllb_seed_nqo.tsv",
    "nicolingua_kalo_mory_diane_parallel_001.tsv",
    "nicolingua_djibrila_diane_parallel_001.tsv",
    "nicolingua_baba_mamadi_diane_parallel_001.tsv",
)

TUNED_ON = 400  # rows of the held-out texts
RECALL_QUERIES = 200

FIND = """
select id from public.memory_search(
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
    """A query, what its vectors are compared with, and the row that it looks for."""

    kind: str
    text: str
    meaning: str | None
    nko: str | None
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
                # Neighbours in a dictionary or a list are about as much alike as those on a slide.
                start = rng.integers(len(texts) - MOST_PARTS)
                shown = texts[start : start + rng.integers(1, MOST_PARTS + 1)]
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


def queries(texts: Sequence[Text], ids: Sequence[uuid.UUID]) -> list[Asked]:
    """Queries of each kind for held-out `texts`; those with an even place have their English."""
    rng = random.Random(SEED)
    embedder = load_embedder()
    places = range(TUNED_ON, len(texts))

    def some(kind: str, made: dict[int, str], language: str, parity: int | None = None) -> list:
        chosen = [n for n in made if made[n] and (parity is None or n % 2 == parity)]
        chosen = rng.sample(chosen, min(QUERIES, len(chosen)))
        asked = [made[n] for n in chosen]
        if language == "latin":
            # As `nko_assets.memory.search.understand` has it: no model knows romanized N'Ko.
            return [Asked(kind, made[n], None, None, ids[n]) for n in chosen]
        if language == "nko":
            found = map(_literal, embedder.embed_nko(asked))
            return [
                Asked(kind, made[n], None, v, ids[n]) for n, v in zip(chosen, found, strict=True)
            ]
        found = map(_literal, embedder.embed_english(asked))
        return [Asked(kind, made[n], v, None, ids[n]) for n, v in zip(chosen, found, strict=True)]

    def part(found: list[str]) -> str:
        start = rng.randrange(max(len(found) - 4, 0) + 1)
        return " ".join(found[start : start + 4])

    def two_words(english: str) -> str:
        long = [word for word in english.split() if len(word) > 4 and word.isalpha()]
        return " ".join(rng.sample(long, 2)) if len(long) > 1 else ""

    nko = {n: part(words(texts[n].nko)) for n in places}
    return [
        *some(
            "four N'Ko words, no tones", {n: strip_tones(text) for n, text in nko.items()}, "nko"
        ),
        *some(
            "four Latin words, no accents", {n: _plain(romanize(nko[n])) for n in places}, "latin"
        ),
        *some("two English words", {n: two_words(texts[n].english or "") for n in places}, "en", 0),
        *some("French sentence", {n: texts[n].french or "" for n in places}, "fr", 0),
        *some("English, row has only N'Ko", {n: texts[n].english or "" for n in places}, "en", 1),
    ]


def _plain(latin: str) -> str:
    return latin.replace("ɛ", "e").replace("ɔ", "o").replace("ɲ", "ny")


def fill(conn: Connection, folder: Path) -> tuple[list[Asked], list[Text]]:
    """Put the held-out texts and the others into the memory; the queries, and the others."""
    held_out, others = read_texts([HELD_OUT], folder), read_texts(OTHERS, folder)
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
    ids = insert_motifs(conn, stored)
    insert_motifs(conn, others)
    return queries(held_out, ids), others


def quality(conn: Connection, asked: Sequence[Asked]) -> dict[str, dict[str, dict[str, float]]]:
    """nDCG@10 and R@10 of text, vector and hybrid search, for each kind of query and over all."""
    figures: dict[str, dict[str, list[float]]] = {}
    for query in asked:
        halves = {
            "text": {"text": query.text, "meaning": None, "nko": None},
            "vector": {"text": "", "meaning": query.meaning, "nko": query.nko},
            "hybrid": {"text": query.text, "meaning": query.meaning, "nko": query.nko},
        }
        for half, given in halves.items():
            found = [row[0] for row in conn.execute(FIND, given).fetchall()]
            gain = 1 / math.log2(found.index(query.target) + 2) if query.target in found else 0.0
            for kind in (query.kind, "all"):
                figures.setdefault(kind, {}).setdefault(half, []).append(gain)
    return {
        kind: {
            half: {"ndcg": float(np.mean(gains)), "recall": float(np.mean(np.array(gains) > 0))}
            for half, gains in halves.items()
        }
        for kind, halves in figures.items()
    }


def latency(conn: Connection, asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile over `asked`, in milliseconds: on the clock, and of the server's CPU."""
    used = Path(f"/proc/{conn.info.backend_pid}/schedstat")
    clock, cpu = [], []
    for query in [*asked[:: len(asked) // 20], *asked]:  # the first ones warm the caches
        given = {"text": query.text, "meaning": query.meaning, "nko": query.nko}
        before, start = int(used.read_text().split()[0]), time.perf_counter()
        conn.execute(FIND, given).fetchall()
        clock.append(1e3 * (time.perf_counter() - start))
        cpu.append((int(used.read_text().split()[0]) - before) / 1e6)
    return {
        name: dict(
            zip(
                ("p50", "p95"),
                map(float, np.quantile(taken[-len(asked) :], (0.5, 0.95))),
                strict=True,
            )
        )
        for name, taken in (("clock", clock), ("cpu", cpu))
    }


def index_recall(conn: Connection, asked: Sequence[Asked]) -> dict[str, float]:
    """For each vector index, the share of the ten nearest that it finds as the search asks it."""
    conn.execute("set hnsw.ef_search = 100")
    conn.execute("set hnsw.iterative_scan = 'relaxed_order'")
    of = {
        "embedding": [query.meaning for query in asked if query.meaning],
        "nko_embedding": [query.nko for query in asked if query.nko],
    }
    half = "::extensions.halfvec(384)"
    recalls = {}
    for table in ("memory_turns", "memory_motifs"):
        for column, vectors in of.items():
            near = (
                f"select {column} operator(extensions.<=>) %%s::extensions.vector from public.{table}"
                f" where {column} is not null order by {column}%s operator(extensions.<=>)"
                " %%s::extensions.vector%s limit 10"
            )
            shares = []
            for vector in vectors[:: len(vectors) // RECALL_QUERIES]:
                exact = conn.execute(near % ("", ""), [vector, vector]).fetchall()
                found = conn.execute(near % (half, half), [vector, vector]).fetchall()
                # What is as near as the tenth is as good; half precision is good to three digits.
                shares.append(sum(row[0] <= exact[-1][0] + 5e-4 for row in found) / len(exact))
            recalls[f"{table}.{column}"] = float(np.mean(shares))
    return recalls


class IndexesAfterwards:
    """Builds the vector indexes after a load: inserting into them takes eight times as long."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._definitions: list[tuple[str, str]] = []

    def __enter__(self) -> None:
        self._definitions = self._conn.execute(
            "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
            " join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam"
            " where amname = 'hnsw'"
        ).fetchall()
        for name, _ in self._definitions:
            self._conn.execute(f"drop index {name}")

    def __exit__(self, *_: object) -> None:
        self._conn.execute("set maintenance_work_mem = '512MB'")
        for _, definition in self._definitions:
            self._conn.execute(definition)
        self._conn.execute("select public.memory_count_words()")
        self._conn.execute("analyze public.memory_motifs")
        self._conn.execute("analyze public.memory_turns")


def measure(folder: Path) -> dict[str, object]:
    """Quality over the motifs alone, then latency and recall with turns as well."""
    with open_store(None, folder / "store") as store, store.connect() as conn:
        conn.execute("truncate public.memory_motifs, public.memory_conversations cascade")
        with IndexesAfterwards(conn):
            asked, others = fill(conn, folder)
        good = quality(conn, asked)
        conn.execute(
            "delete from public.memory_motifs where id not in"
            " (select id from public.memory_motifs order by id limit %s)",
            [MOTIFS],
        )
        with IndexesAfterwards(conn):
            insert_turns(conn, others, ROWS - MOTIFS)
        conn.execute("vacuum analyze public.memory_motifs")
        return {
            "quality": good,
            "queries": len(asked),
            "rows": ROWS,
            "latency": latency(conn, asked),
            "index_recall": index_recall(conn, asked),
        }


def report(results: dict) -> str:
    """The results as plain text."""
    lines = [
        f"{results['queries']} queries for held-out rows among 53,000 motifs: nDCG@10, R@10",
        "",
        f"{'':32}{'text':>14}{'vector':>14}{'hybrid':>14}",
    ]
    lines += [
        f"{kind:32}"
        + "".join(
            f"{halves[half]['ndcg']:8.3f}{halves[half]['recall']:6.3f}"
            for half in ("text", "vector", "hybrid")
        )
        for kind, halves in sorted(results["quality"].items(), key=lambda item: item[0] == "all")
    ]
    taken = results["latency"]
    lines += [
        "",
        f"{results['rows']:,} rows, hybrid, milliseconds: "
        + ", ".join(
            f"{name} p50 {one['p50']:.1f} p95 {one['p95']:.1f}" for name, one in taken.items()
        ),
        "recall@10 of the indexes against the exact scan: "
        + ", ".join(f"{name} {share:.3f}" for name, share in results["index_recall"].items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command.run("search", __doc__, measure, report)
