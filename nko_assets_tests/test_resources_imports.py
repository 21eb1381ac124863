"""A file of others becomes motifs, and nothing of it is lost without a word."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.memory.embeddings import load_embedder
from nko_assets.reading.trust.dictionary import load_dictionary
from nko_assets.resources.imports import ImportResult, import_file
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.store import Store

TEXT = "nko\tfrench\nߖߌ\teau\nߛߓߍ\técrire\nߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟\tcomment vas-tu?\nwater\teau\nߖߌ\teau\n"

embedder = cache(load_embedder)


def bring_in(
    tmp_path: Path,
    memory: MemoryStore,
    text: str = TEXT,
    source: str = "a dictionary",
    name: str = "words.tsv",
) -> ImportResult:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return import_file(
        path, tmp_path / "imports", memory, embedder, source=source, licence="CC0", columns={}
    )


def test_rows_go_into_the_memory_and_the_rest_into_a_list(
    tmp_path: Path, memory: MemoryStore, database: Store
) -> None:
    result = bring_in(tmp_path, memory)
    assert result.sources == {"a dictionary": 3}
    assert (result.changed, result.removed) == (3, 0)
    assert result.rejected == {"no_nko": 1, "duplicate": 1}
    assert memory.counts().motifs == 3
    with database.connect() as conn:
        rows = conn.execute(
            "select nko_key, motif_type, source, licence, content ->> 'translation',"
            " embedding is not null, nko_embedding is not null from memory_motifs order by nko_key"
        ).fetchall()
    assert rows == [
        ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫", "phrase", "a dictionary", "CC0", "comment vas-tu?", True, True),
        ("ߖߌ", "vocabulary", "a dictionary", "CC0", "eau", True, True),
        ("ߛߓߍ", "vocabulary", "a dictionary", "CC0", "écrire", True, True),
    ]
    assert result.rejected_file is not None
    lines = Path(result.rejected_file).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "line": 5,
            "status": "no_nko",
            "reason": "no N'Ko in 'water'",
            "content": {"nko": "water", "french": "eau"},
        },
        {
            "line": 6,
            "status": "duplicate",
            "reason": "the same as line 2",
            "content": {"nko": "ߖߌ", "french": "eau"},
        },
    ]


def test_importing_again_changes_nothing(tmp_path: Path, memory: MemoryStore) -> None:
    bring_in(tmp_path, memory)
    again = bring_in(tmp_path, memory)
    assert (again.changed, again.removed) == (0, 0)


def test_another_edition_replaces_what_a_source_had_and_leaves_other_sources(
    tmp_path: Path, memory: MemoryStore
) -> None:
    bring_in(tmp_path, memory)
    bring_in(tmp_path, memory, "nko\tfrench\nߓߟߏ\tmain\n", source="another")
    result = bring_in(tmp_path, memory, "nko\tfrench\nߖߌ\teau\nߖߌ\tpluie\n")
    assert (result.changed, result.removed) == (1, 2)
    assert memory.counts().motifs == 3
    assert result.rejected_file is None
    assert not list((tmp_path / "imports").glob("*.rejected.jsonl"))


def test_imported_words_are_a_dictionary_for_readings(tmp_path: Path, memory: MemoryStore) -> None:
    result = bring_in(tmp_path, memory)
    known = load_dictionary(*map(Path, result.headwords_files))
    assert known.hit_rate("ߖߌ ߛߓߍ ߓߟߏ ߌ") == 0.5


def test_a_file_of_phrases_is_no_dictionary(tmp_path: Path, memory: MemoryStore) -> None:
    result = bring_in(tmp_path, memory, "nko\tfrench\nߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟\tcomment vas-tu?\n")
    assert result.headwords_files == []


def judging(tmp_path: Path) -> list[str]:
    """The words that readings are judged by."""
    files = (tmp_path / "imports").glob("*.headwords.txt")
    return sorted(word for path in files for word in path.read_text(encoding="utf-8").split())


def test_files_of_one_name_and_two_sources_both_judge(tmp_path: Path, memory: MemoryStore) -> None:
    bring_in(tmp_path, memory, "nko\tfrench\nߖߌ\teau\n", source="one")
    bring_in(tmp_path, memory, "nko\tfrench\nߛߏ\tcheval\n", source="two")
    assert judging(tmp_path) == ["ߖߌ", "ߛߏ"]


def test_words_that_a_source_has_no_more_judge_no_more_whatever_the_file_is_called(
    tmp_path: Path, memory: MemoryStore
) -> None:
    bring_in(tmp_path, memory, "nko\tfrench\nߛߏ\tcheval\n")
    bring_in(tmp_path, memory, "nko\tfrench\nߖߌ\teau\n", name="edition-2.tsv")
    assert judging(tmp_path) == ["ߖߌ"]
    bring_in(tmp_path, memory, "nko\tfrench\nߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟\tça va ?\n", name="edition-3.tsv")
    assert judging(tmp_path) == []


def test_each_source_that_a_file_names_has_its_words(tmp_path: Path, memory: MemoryStore) -> None:
    text = "nko\tfrench\tsource\nߖߌ\teau\tone\nߛߏ\tcheval\ttwo/\n"
    assert len(bring_in(tmp_path, memory, text).headwords_files) == 2
    bring_in(tmp_path, memory, "nko\tfrench\nߓߟߏ\tmain\n", source="one")
    assert judging(tmp_path) == ["ߓߟߏ", "ߛߏ"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nko\tfrench\n", "only a header"),
        ("nko\tfrench\nwater\teau\nߖߌ\t\n", "no_nko 1, no_translation 1"),
    ],
)
def test_an_import_of_nothing_fails(
    tmp_path: Path, memory: MemoryStore, text: str, says: str
) -> None:
    with pytest.raises(PermanentFailure, match=says) as caught:
        bring_in(tmp_path, memory, text)
    assert caught.value.next_step
    assert memory.counts().motifs == 0


def test_a_file_that_is_not_there_is_named(tmp_path: Path, memory: MemoryStore) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.tsv cannot be read"):
        import_file(
            tmp_path / "nowhere.tsv",
            tmp_path,
            memory,
            embedder,
            source="a",
            licence="CC0",
            columns={},
        )
