"""Rows of a training: which tokens of them are learnt, and what happens to those that are no use."""

import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.tuning.trainer.rows import NOT_LEARNT, encode, read_rows
from nko_assets_tests.tuning_models import small, translations, write_rows

TURNS = [
    {"role": "system", "content": "You teach."},
    {"role": "user", "content": "What is ߖߌ?"},
    {"role": "assistant", "content": "ߖߌ is water."},
    {"role": "user", "content": "And ߓߊ?"},
    {"role": "assistant", "content": " A river.\nOr a goat. "},
]


@pytest.fixture(scope="module")
def tokenizer():
    """That of a new model, with N'Ko pieces."""
    pytest.importorskip("trl", reason="needs the extra `train`")
    from nko_assets.tuning.trainer.base_model import load

    texts = [turn["content"] for row in translations() for turn in row["messages"]]
    return load(small(), None, texts).tokenizer


def _rows(tmp_path, *rows):
    return read_rows(write_rows(tmp_path / "train.jsonl", rows))


def _learnt(encoded):
    """Runs of tokens that are learnt."""
    runs, run = [], []
    for label in [*encoded.labels, NOT_LEARNT]:
        if label != NOT_LEARNT:
            run.append(label)
        elif run:
            runs.append(run)
            run = []
    return runs


def test_what_the_assistant_says_is_learnt_with_the_end_of_its_turn_and_nothing_else(
    tmp_path, tokenizer
):
    rows, _ = _rows(tmp_path, {"messages": TURNS})
    [encoded], rejected = encode(rows, tokenizer, 256)
    assert not rejected
    assert [tokenizer.decode(run) for run in _learnt(encoded)] == [
        "ߖߌ is water.<|im_end|>",
        " A river.\nOr a goat. <|im_end|>",
    ]
    assert all(
        label in (token, NOT_LEARNT)
        for token, label in zip(encoded.input_ids, encoded.labels, strict=True)
    )


def test_every_sample_row_is_learnt_from_where_its_prompt_ends(tmp_path, tokenizer):
    rows, _ = _rows(tmp_path, *translations())
    encoded, _ = encode(rows, tokenizer, 256)
    for row, example in zip(rows, encoded, strict=True):
        prompt = tokenizer.apply_chat_template(
            row.messages[:-1], tokenize=False, add_generation_prompt=True
        )
        asked = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        assert example.input_ids[: len(asked)] == asked
        assert set(example.labels[: len(asked)]) == {NOT_LEARNT}
        said = tokenizer.decode([label for label in example.labels if label != NOT_LEARNT])
        assert said == row.messages[-1]["content"] + "<|im_end|>"


def test_a_row_that_is_too_long_is_rejected_and_not_cut(tmp_path, tokenizer):
    long = {"messages": [*TURNS[:2], {"role": "assistant", "content": "ߖߌ " * 300}]}
    rows, _ = _rows(tmp_path, {"messages": TURNS}, long)
    encoded, rejected = encode(rows, tokenizer, 100)
    assert len(encoded) == 1
    assert [row.place for row in rejected] == ["train.jsonl:2"]
    assert "and the limit is 100" in rejected[0].reason


def test_rows_that_are_all_too_long_end_the_training(tmp_path, tokenizer):
    rows, _ = _rows(tmp_path, {"messages": TURNS})
    with pytest.raises(ConfigurationError, match="Raise max_tokens"):
        encode(rows, tokenizer, 16)


def test_a_row_with_a_picture_is_rejected(tmp_path):
    parts = [{"type": "image"}, {"type": "text", "text": "What does this line say?"}]
    picture = {"messages": [{"role": "user", "content": parts}, TURNS[2]]}
    rows, rejected = _rows(tmp_path, picture, {"messages": TURNS})
    assert [row.place for row in rows] == ["train.jsonl:2"]
    assert "reads text alone" in rejected[0].reason


def test_a_template_that_changes_what_was_said_before_is_refused(tmp_path, tokenizer):
    forgetful = tokenizer.chat_template.replace(
        "{{ message['content'] }}",
        "{% if loop.last or message['role'] != 'assistant' %}{{ message['content'] }}{% endif %}",
    )
    rows, _ = _rows(tmp_path, {"messages": TURNS})
    template, tokenizer.chat_template = tokenizer.chat_template, forgetful
    try:
        with pytest.raises(ConfigurationError, match="chat template"):
            encode(rows, tokenizer, 256)
    finally:
        tokenizer.chat_template = template


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="There is no file"):
        read_rows(tmp_path / "train.jsonl")


def test_a_file_without_rows_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="holds no row"):
        _rows(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        {"messages": []},
        {"messages": TURNS[:2]},
        {"messages": [{"role": "assistant"}]},
        {"messages": [{"role": "tool", "content": "a"}, TURNS[2]]},
    ],
)
def test_a_row_that_is_no_conversation_is_named_with_its_line(tmp_path, row):
    with pytest.raises(PermanentFailure, match="Line 2"):
        _rows(tmp_path, {"messages": TURNS}, row)
