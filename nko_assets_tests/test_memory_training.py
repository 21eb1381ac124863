"""Making an N'Ko model: the pairs, what is held out, what is measured, and a small one trained."""

import json

import numpy as np
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.memory.embeddings import load_embedder
from nko_assets.memory.training.__main__ import main
from nko_assets.memory.training.evaluate import retrieval
from nko_assets.memory.training.pairs import Pair, is_held_out, read_pairs, split
from nko_assets.nko import strip_tones
from nko_assets.sample.lessons import lessons


def _write(path, rows, header="nko\tenglish\tfrench"):
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def sample_pairs():
    """The pairs of the sample lessons, as rows of a file."""
    pairs = {
        (row.nko, row.english or "", row.french or "")
        for lesson in lessons().values()
        for slide in lesson.slides
        for row in slide.rows
        if row.nko and (row.english or row.french)
    }
    return sorted(pairs)


def test_rows_without_nko_or_without_a_translation_are_no_pairs(tmp_path):
    rows = [("ߖߌ", "water", ""), ("", "fire", "feu"), ("ߛߏ", "", ""), ("ߓߊ", " ", "rivière")]
    assert read_pairs([_write(tmp_path / "a.tsv", rows)]) == [
        Pair("ߖߌ", "water", None),
        Pair("ߓߊ", None, "rivière"),
    ]


def test_a_quotation_mark_or_an_odd_line_end_in_a_text_ends_no_row(tmp_path):
    rows = [("ߖߌ", 'so-called "water', ""), ("ߓߊ", "a\u2028b", "")]
    assert [pair.english for pair in read_pairs([_write(tmp_path / "a.tsv", rows)])] == [
        'so-called "water',
        "a\u2028b",
    ]


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("word\tmeaning", [("ߖߌ", "water")], "no columns nko and english or french"),
        ("nko\tenglish", [("", "water")], "holds no pair"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path, header, rows, said):
    with pytest.raises(ConfigurationError, match=said):
        read_pairs([_write(tmp_path / "a.tsv", rows, header)])


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="There is no file"):
        read_pairs([tmp_path / "a.tsv"])


def test_a_text_that_is_excluded_is_on_neither_side_in_any_language():
    pairs = [
        Pair("ߖߌ", "water", None),
        Pair("ߖߌ߬", "a spirit", None),
        Pair("ߓߊ", "River", None),
        Pair("ߛߏ", "house", None),
    ]
    training, held_out = split(pairs, [Pair("ߖߌ", "river", None)])
    assert [pair.english for pair in training + held_out] == ["house"]


def test_texts_that_differ_in_tones_alone_are_held_out_together():
    texts = [f"ߛߏ߫ ߖߌ߬ {number}" for number in range(200)]
    held_out = [is_held_out(text) for text in texts]
    assert held_out == [is_held_out(strip_tones(text)) for text in texts]
    assert 2 <= sum(held_out) <= 25


def test_equal_vectors_find_nothing():
    same = np.ones((20, 4), np.float32) / 2
    assert retrieval("", same, same).among_ten == 0


def test_each_vector_finds_itself():
    own = np.eye(20, dtype=np.float32)
    assert retrieval("", own, own).first == 1


def test_evaluate_prints_what_the_shipped_model_does(tmp_path, capsys):
    rows = [("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", "bonjour"), ("ߖߌ", "water", "eau")]
    path = _write(tmp_path / "pairs.tsv", rows)
    assert main(["evaluate", "--pairs", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["candidates"] == 2
    assert told["retrieval"][0] == {"asked": "N'Ko → English", "first": 1.0, "among_ten": 1.0}


def test_a_failure_is_one_sentence_and_a_code(tmp_path, capsys):
    assert main(["evaluate", "--pairs", str(tmp_path / "none.tsv")]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_a_model_trained_on_a_few_pairs_finds_them_again(tmp_path):
    pytest.importorskip("sentence_transformers", reason="needs the extra `train`")
    rows = sample_pairs()
    pairs = _write(tmp_path / "pairs.tsv", rows)
    out = tmp_path / "model"
    assert main(["train", "--pairs", str(pairs), "--out", str(out), "--steps", "60"]) == 0
    embedder = load_embedder(out)
    known = [(nko, english) for nko, english, _ in rows if english and not is_held_out(nko)]
    found = retrieval(
        "",
        embedder.embed_nko([nko for nko, _ in known]),
        embedder.embed_english([english for _, english in known]),
    )
    assert found.among_ten > 0.8
