"""The data set: written once under its content, with every example accounted for."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest

from nko_assets.checks import schema_check
from nko_assets.failures import PermanentFailure
from nko_assets.schemas.tuning import TuningExamples
from nko_assets.tuning.dataset import (
    FILES,
    broken_rows,
    read_dataset,
    save_dataset,
    validated_with,
    write_dataset,
)
from nko_assets.tuning.shapes import CHAT, GEMINI, SHAPES
from nko_assets_tests.builders import frame_jpeg
from nko_assets_tests.tuning_rows import ID, TURNS, side

CROP = base64.b64encode(frame_jpeg()).decode()


def picture(jpeg):
    return f"gs://lessons/images/{len(jpeg)}.jpg"


def trains(_example):
    return ""


def splits(root, train=30, validation=4, **more):
    """Splits with so many pairs on each side, and in train a crop and an exchange."""
    root.mkdir(exist_ok=True)
    for name, count in (("train", train), ("validation", validation)):
        offset = 0 if name == "train" else 500
        pairs = [
            {"id": ID.format(offset + number), "nko": f"ߒߞߏ{number}", "english": f"text {number}"}
            for number in range(count)
        ]
        rows = {"nko_english": pairs}
        if name == "train":
            rows |= {
                "ocr_samples": [{"image": CROP}],
                "conversations": [{"messages": TURNS}],
                **more,
            }
        side(root / name, **rows)
    return root


def write(tmp_path, name="splits", keep_out=trains, tested=trains, shapes=SHAPES, **given):
    return write_dataset(
        splits(tmp_path / name, **given),
        tmp_path / "dataset",
        picture=picture,
        keep_out=keep_out,
        tested=tested,
        shapes=shapes,
    )


def lines(written, name):
    text = (written.folder / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def test_every_example_is_in_each_file_or_has_a_reason(tmp_path):
    written = write(tmp_path)
    assert schema_check(TuningExamples, written.examples).passed
    account = lines(written, "examples.jsonl")
    assert len(account) == written.examples.height == 2 * 34 + 2
    for shape in ("gemini", "chat"):
        for place in ("train", "validation"):
            count = written.counts[f"{shape}/{place}"]
            inside = [row for row in account if row["side"] == place and row[shape] is None]
            assert len(lines(written, f"{shape}/{place}.jsonl")) == len(inside) == count.rows
            assert count.tokens == sum(row["tokens"] for row in inside)
    assert [row["chat"] for row in account if row["task"] == "read_line"] == [
        "chat messages hold no picture"
    ]
    assert broken_rows(written) == []


def test_the_nth_line_of_a_file_is_the_nth_example_that_the_account_puts_there(tmp_path):
    written = write(tmp_path)
    wanted = [
        row["id"]
        for row in lines(written, "examples.jsonl")
        if row["side"] == "train" and row["chat"] is None
    ]
    assert [row["id"] for row in lines(written, "chat/train.jsonl")] == wanted


def test_the_same_splits_give_the_same_digest_and_others_another(tmp_path):
    first, again = write(tmp_path), write(tmp_path)
    assert first.digest == again.digest
    assert first.folder == again.folder
    assert write(tmp_path, "others", train=31).digest != first.digest
    assert sorted(path.name for path in (tmp_path / "dataset").iterdir()) == sorted(
        {first.digest, write(tmp_path, "others", train=31).digest}
    )


def test_what_may_not_train_is_in_no_file_and_says_why(tmp_path):
    def keep_out(example):
        return "the frozen test has this text" if example.nko == ("ߒߞߏ3",) else ""

    written = write(tmp_path, keep_out=keep_out)
    left_out = written.examples.filter(gemini="the frozen test has this text")
    assert left_out.height == 2
    assert left_out["chat"].to_list() == left_out["gemini"].to_list()
    assert set(left_out["side"]) == {"train"}


def first_ones(count):
    """What says that the first pairs of validation are in a frozen test."""
    texts = {f"ߒߞߏ{number}" for number in range(count)}
    return lambda example: "the frozen test has this text" if texts & {*example.nko} else ""


@pytest.mark.parametrize(("rows", "left"), [(60, 100), (59, 118)])
def test_what_the_frozen_test_has_does_not_validate_where_a_hundred_others_do(tmp_path, rows, left):
    written = write(tmp_path, train=300, validation=rows, tested=first_ones(10))
    assert written.counts["chat/validation"].rows == left
    kept = validated_with(written.folder, "chat")
    assert len(kept) == left
    tested = written.examples.filter(side="validation", chat="the frozen test has this text")
    assert tested.height == 2 * rows - left
    assert not kept & set(tested["id"])


def test_where_the_tuner_takes_less_than_a_hundred_that_many_others_are_enough(tmp_path):
    few = dataclasses.replace(CHAT, validation_rows=lambda _train: 8)
    written = write(tmp_path, validation=10, tested=first_ones(6), shapes=(GEMINI, few))
    reasons = written.examples.filter(side="validation")["chat"]
    assert reasons.null_count() == 8
    assert reasons.drop_nulls().to_list() == ["the frozen test has this text"] * 12


def test_a_data_set_that_was_removed_does_not_tell_what_it_validated_with(tmp_path):
    with pytest.raises(PermanentFailure, match="account of what a model was tuned on"):
        validated_with(tmp_path, "chat")


def test_a_row_that_is_too_long_is_left_out_whole(tmp_path):
    long = {"messages": [*TURNS[:2], {"role": "assistant", "content": "ߒ" * 70_000}]}
    written = write(tmp_path, synthetic=[long | {"id": ID.format(999), "origin": "synthetic"}])
    (row,) = written.examples.filter(origin="synthetic").iter_rows(named=True)
    assert "131,072" in row["gemini"]
    assert row["chat"] is None


def test_validation_beyond_what_the_service_takes_is_left_out_by_lot(tmp_path):
    small = dataclasses.replace(GEMINI, validation_rows=lambda train: train // 10)
    written = write(tmp_path, validation=20, shapes=(small, CHAT))
    assert written.counts["gemini/validation"].rows == 6
    assert written.counts["chat/validation"].rows == 40
    reasons = written.examples.filter(side="validation")["gemini"].drop_nulls().unique().to_list()
    assert reasons == ["beyond the 6 rows of validation that are taken"]


def test_train_keeps_within_rows_and_bytes_that_the_service_takes(tmp_path):
    few = dataclasses.replace(GEMINI, picture_rows=10)
    written = write(tmp_path, shapes=(few, dataclasses.replace(CHAT, train_bytes=5_000)))
    assert written.counts["gemini/train"].rows == 10
    assert (written.folder / "chat/train.jsonl").stat().st_size <= 5_000
    assert set(written.examples["chat"].drop_nulls()) == {
        "beyond the 5,000 bytes of train that are taken",
        "chat messages hold no picture",
    }


def test_nothing_to_train_on_is_a_failure_and_leaves_nothing_behind(tmp_path):
    empty = tmp_path / "splits"
    empty.mkdir()
    side(empty / "train")
    side(empty / "validation")
    with pytest.raises(PermanentFailure, match="no example to train on"):
        write_dataset(empty, tmp_path / "dataset", picture=picture, keep_out=trains, tested=trains)
    assert list((tmp_path / "dataset").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gemini/train.jsonl", '{"contents": []}'),
        ("chat/validation.jsonl", '{"id": "a", "task": "nko_to_english", "messages": []}'),
    ],
)
def test_a_line_that_is_spoilt_afterwards_is_found(tmp_path, name, line):
    written = write(tmp_path)
    with (written.folder / name).open("a") as file:
        file.write(f"{line}\n")
    assert len(broken_rows(written)) == 1


def test_an_exchange_whose_last_word_is_the_users_is_found(tmp_path):
    written = write(tmp_path)
    path = written.folder / "chat/train.jsonl"
    row = json.loads(path.read_text().split("\n")[0])
    row["messages"].append({"role": "user", "content": "And then?"})
    path.write_text(json.dumps(row) + "\n")
    assert broken_rows(written) == ["chat/train line 1: the user has the last word"]


def test_what_is_saved_is_what_tuners_read(tmp_path):
    written = write(tmp_path)
    path = tmp_path / "dataset.json"
    save_dataset(written, path, lambda name: f"gs://lessons/{name}")
    dataset = read_dataset(path)
    assert dataset.digest == written.digest
    assert dataset.chat_train == written.folder / "chat/train.jsonl"
    assert dataset.gemini_train == "gs://lessons/gemini/train.jsonl"
    assert (dataset.train_rows, dataset.chat_train_rows) == (62, 61)
    assert dataset.train_tokens == written.counts["gemini/train"].tokens
    assert all((written.folder / name).is_file() for name in FILES)


def test_a_validation_without_rows_has_no_address(tmp_path):
    written = write(tmp_path, validation=0)
    save_dataset(written, tmp_path / "dataset.json", lambda name: f"gs://lessons/{name}")
    dataset = read_dataset(tmp_path / "dataset.json")
    assert dataset.gemini_validation == ""
    assert dataset.validation_rows == 0
    assert dataset.chat_validation.read_bytes() == b""


def test_tuning_on_too_few_examples_is_refused_and_says_what_to_do(tmp_path):
    save_dataset(write(tmp_path), tmp_path / "dataset.json", str)
    few = read_dataset(tmp_path / "dataset.json")
    for shape in ("gemini", "chat"):
        with pytest.raises(PermanentFailure, match=r"takes 100 or more\. Accept more readings"):
            few.require(shape)
    save_dataset(write(tmp_path, "more", train=60), tmp_path / "dataset.json", str)
    read_dataset(tmp_path / "dataset.json").require("chat")


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"digest": "a", "folder": "b"}'])
def test_a_data_set_that_is_not_there_or_damaged_is_told(tmp_path, content):
    path = tmp_path / "dataset.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PermanentFailure, match="Materialize tuning_dataset"):
        read_dataset(path)
