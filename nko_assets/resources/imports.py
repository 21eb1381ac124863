"""A file of others into the memory: its rows as motifs, its words as a dictionary, its rest as a list."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.files import write_atomically
from nko_assets.memory.embedded import embedded
from nko_assets.memory.embeddings import Embedder
from nko_assets.memory.imports import Imported, imported_motifs, read_parallel
from nko_assets.memory.rows import Motif
from nko_assets.resources.memory_store import MemoryStore, MotifsMerged


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did; `changed` and `removed` count motifs, `rejected` lines by reason."""

    file: str
    memory: str
    sources: dict[str, int]
    changed: int
    removed: int
    rejected: dict[str, int]
    rejected_file: str | None
    headwords_files: list[str]


def import_file(
    path: Path,
    folder: Path,
    memory: MemoryStore,
    embedder: Callable[[], Embedder],
    *,
    source: str | None,
    licence: str | None,
    columns: dict[str, str],
) -> ImportResult:
    """Make the rows of the file what `memory` holds of their sources.

    In `folder` come the rejected lines of the file with their reasons, and a list of the words of
    each source: as in the memory, a source is replaced whole, whatever file it comes from.
    Raises `ConfigurationError` or `PermanentFailure` when not a single row comes of the file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}).", "Give a TSV or a JSON Lines file."
        ) from None
    imported = read_parallel(data, source=source, licence=licence, columns=columns)
    rejected = dict(Counter(row.status for row in imported.rejected).most_common())
    rejected_file = _write_rejected(folder / f"{path.name}.rejected.jsonl", imported)
    if not imported.rows:
        reasons = ", ".join(f"{status} {count}" for status, count in rejected.items())
        raise PermanentFailure(
            f"No line of {path} can be taken: {reasons or 'it has only a header'}.",
            f"{rejected_file} says why, line by line." if rejected_file else "Look at the file.",
        )
    by_source: defaultdict[str, list[Motif]] = defaultdict(list)
    for motif in imported_motifs(imported.rows):
        by_source[motif.source].append(motif)
    merged: list[MotifsMerged] = []
    known: list[str] = []
    for name, motifs in by_source.items():
        merged.append(memory.upsert_motifs(name, embedded(motifs, embedder())))
        known += _write_headwords(folder, name, motifs)
    # Search weighs words by how many rows hold them.
    memory.call("memory_count_words", {})
    return ImportResult(
        str(path),
        memory.name,
        {name: len(motifs) for name, motifs in by_source.items()},
        sum(one.written for one in merged),
        sum(one.removed for one in merged),
        rejected,
        rejected_file,
        known,
    )


def _write_rejected(path: Path, imported: Imported) -> str | None:
    if not imported.rejected:
        path.unlink(missing_ok=True)
        return None
    lines = [json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in imported.rejected]
    # Half a character, which JSON can spell, stays as it was spelled.
    write_atomically(path, "".join(lines).encode("utf-8", "backslashreplace"))
    return str(path)


def _write_headwords(folder: Path, source: str, motifs: Sequence[Motif]) -> list[str]:
    """The words by which readings are judged: those that someone thought worth an entry.

    The file is called by a digest, for the name of a source may be longer than that of a file.
    """
    path = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.headwords.txt"
    found = {motif.content["nko_text"] for motif in motifs if motif.motif_type == "vocabulary"}
    if not found:
        path.unlink(missing_ok=True)
        return []
    write_atomically(path, "".join(f"{word}\n" for word in sorted(found)).encode())
    return [str(path)]
