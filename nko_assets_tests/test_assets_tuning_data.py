"""The data of the tuning group: published once, guarded by the frozen test, and current after."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path

import polars as pl
import pytest

from nko_assets.assets.tuning_data import STEPS, dataset_path
from nko_assets.failures import PermanentFailure
from nko_assets.lineage import STEPS as LINEAGE
from nko_assets.reading.ledger import Limits, book
from nko_assets.steps import current_record, perform
from nko_assets.tuning.dataset import FILES, read_dataset
from nko_assets_tests.builders import channel
from nko_assets_tests.corpus_files import corpus_of, write_corpus
from nko_assets_tests.servers.gcs import BUCKET, gcs_server
from nko_assets_tests.test_assets_operations import OpenStore
from nko_assets_tests.test_tuning_tokens import words_tokenizer
from nko_assets_tests.tuning_rows import ID, side
from nko_assets_tests.workbench import Workbench, check, entry_of

VIDEOS = tuple(f"lesson-{number}" for number in range(8))
OPTIONS, DATASET = STEPS
ALL = LINEAGE | {step.name: step for step in STEPS}


def bench_of(root, videos=VIDEOS, texts=12, **settings):
    """A data root whose splits are made."""
    bench = Workbench(root, *map(entry_of, videos), **settings)
    table = channel(len(videos), texts)
    bench.put_lesson(table)
    write_corpus(corpus_of(table), root)
    files = list((root / "splits").rglob("*.jsonl"))
    bench.lake.save_record("splits", "", "f" * 64, files, {}, [])
    return bench


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A bench, and what the step made on it."""
    bench = bench_of(tmp_path_factory.mktemp("tuning"))
    return bench, DATASET.work(bench.context("", *VIDEOS))


def test_every_example_is_accounted_for_and_the_files_are_published(made):
    bench, outcome = made
    assert check(outcome, "rows_conform").passed
    assert check(outcome, "enough_to_tune").passed
    assert check(outcome, "validation_is_there").passed
    digest = outcome.facts["digest"]
    held = bench.workshop.bucket.held(f"datasets/{digest}/")
    assert set(held) == {f"datasets/{digest}/{name}" for name in FILES}
    dataset = read_dataset(dataset_path(bench.lake.root))
    assert dataset.digest == digest
    assert dataset.train_rows > dataset.chat_train_rows > 100


def test_every_picture_of_a_row_is_in_the_bucket(made):
    bench, _outcome = made
    train = read_dataset(dataset_path(bench.lake.root)).gemini_train
    with Path(bench.workshop.bucket.address, train).open() as file:
        shown = {
            part["fileData"]["fileUri"]
            for row in map(json.loads, file)
            for part in row["contents"][0]["parts"]
            if "fileData" in part
        }
    held = bench.workshop.bucket.held("images/")
    assert shown
    assert shown <= {bench.workshop.bucket.uri(key) for key in held}


def test_a_second_time_is_current_and_a_third_writes_nothing_new(tmp_path):
    bench = bench_of(tmp_path)
    context = bench.context("", *VIDEOS)
    assert perform(DATASET, context, ALL).made
    assert current_record(DATASET, context, ALL)
    again = DATASET.work(context)
    assert again.facts["pictures sent"] == 0
    assert [path.name for path in (tmp_path / "tuning/dataset").iterdir()] == [
        again.facts["digest"]
    ]


def test_what_was_removed_from_the_bucket_is_published_again_when_asked_for(tmp_path):
    bench = bench_of(tmp_path)
    context = bench.context("", *VIDEOS)
    perform(DATASET, context, ALL)
    held = bench.workshop.bucket.held("")
    shutil.rmtree(tmp_path / "tuning" / "bucket")
    dataset_path(tmp_path).unlink()
    assert current_record(DATASET, context, ALL) is None
    perform(DATASET, context, ALL)
    assert bench.workshop.bucket.held("") == held


def test_what_the_frozen_test_has_trains_nothing_when_the_splits_move(tmp_path):
    bench = bench_of(tmp_path)
    DATASET.work(bench.context("", *VIDEOS))
    # What was held out is put into train, as new splits may do.
    train, validation = tmp_path / "splits/train", tmp_path / "splits/validation"
    for name in ("nko_english", "conversations", "ocr_samples", "vocabulary"):
        with (train / f"{name}.jsonl").open("a") as file:
            file.write((validation / f"{name}.jsonl").read_text())
    outcome = DATASET.work(bench.context("", *VIDEOS))
    reasons = outcome.table.filter(side="train")["gemini"].drop_nulls()
    assert "frozen test" in "; ".join(reasons)
    kept = outcome.table.filter(pl.col("gemini").is_null(), side="train")
    tested = set(outcome.table.filter(side="validation")["id"])
    assert not tested & set(kept["id"])


def test_where_validation_has_a_hundred_others_the_frozen_test_does_not_validate(tmp_path):
    bench = bench_of(tmp_path)
    before = DATASET.work(bench.context("", *VIDEOS))
    assert before.facts["validated with the frozen test"]["chat"] > 0
    # The frozen test stays, and validation grows.
    lines = [
        {"id": ID.format(10_000 + number), "nko": nko, "english": f"word {number}"}
        for number, nko in enumerate(map("".join, islice(product("ߓߕߖߗߘߙߛߜ", repeat=8), 60)))
    ]
    side(tmp_path / "more", nko_english=lines)
    with (tmp_path / "splits/validation/nko_english.jsonl").open("a") as file:
        file.write((tmp_path / "more/nko_english.jsonl").read_text())
    outcome = DATASET.work(bench.context("", *VIDEOS))
    assert outcome.facts["validated with the frozen test"] == {"gemini": 0, "chat": 0}


def test_too_few_examples_are_told_and_stop_nothing_but_tuning(tmp_path):
    bench = bench_of(tmp_path, VIDEOS[:1], texts=3)
    outcome = DATASET.work(bench.context("", VIDEOS[0]))
    few = check(outcome, "enough_to_tune")
    assert not few.passed
    assert few.severity == "WARN"
    assert "100 are needed" in few.message
    assert not check(outcome, "validation_is_there").passed
    with pytest.raises(PermanentFailure, match="100 or more"):
        read_dataset(dataset_path(tmp_path)).require("chat")


def test_a_bucket_in_the_cloud_holds_the_same_files_and_is_what_gemini_is_given(
    tmp_path, monkeypatch
):
    with gcs_server() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        bench = bench_of(tmp_path, bucket=f"gs://{BUCKET}/nko", gcp_project="tests")
        outcome = DATASET.work(bench.context("", *VIDEOS))
        digest = outcome.facts["digest"]
        dataset = read_dataset(dataset_path(tmp_path))
        assert dataset.gemini_train == (f"gs://{BUCKET}/nko/datasets/{digest}/gemini/train.jsonl")
        held = bench.workshop.bucket.held("")
        assert {key for key in held if key.startswith("datasets/")} == {
            f"datasets/{digest}/{name}" for name in FILES
        }
        assert outcome.facts["pictures sent"] == sum(key.startswith("images/") for key in held)
        sent = len(server.requests("POST /upload/"))
        again = DATASET.work(bench.context("", *VIDEOS))
        assert again.facts["pictures sent"] == 0
        assert again.facts["digest"] == digest
        repeated = len(server.requests("POST /upload/")) - sent
        assert repeated <= len(FILES)  # small files are offered again, and refused as there


def test_the_decision_document_is_written_and_follows_the_budget(tmp_path):
    bench = bench_of(tmp_path, budget_usd=50)
    context = bench.context("", *VIDEOS)
    assert perform(OPTIONS, context, ALL).made
    record = current_record(OPTIONS, context, ALL)
    assert record.facts["first"]
    assert (tmp_path / "reports/tuning_options.html").read_text().startswith("<!doctype html>")
    document = json.loads((tmp_path / "reports/tuning_options.json").read_text())
    assert document["left_usd"] == 50
    poorer = Workbench(tmp_path, *map(entry_of, VIDEOS), budget_usd=0).context("", *VIDEOS)
    assert current_record(OPTIONS, poorer, ALL) is None
    assert not check(OPTIONS.work(poorer), "tuning_is_affordable").passed


def test_what_is_spent_already_tunes_nothing(tmp_path, store):
    bench = bench_of(tmp_path, budget_usd=50)
    bench.workshop = replace(bench.workshop, store=OpenStore(store))
    context = bench.context("", *VIDEOS)
    perform(OPTIONS, context, ALL)
    assert check(OPTIONS.work(context), "tuning_is_affordable").passed
    with store.connect() as conn:
        book(
            conn,
            "reading",
            purpose="reading",
            model="gemini-2.5-flash",
            usd=49.999,
            limits=Limits(budget_usd=50),
            now=datetime.now(UTC),
        )
    assert current_record(OPTIONS, context, ALL) is None
    affordable = check(OPTIONS.work(context), "tuning_is_affordable")
    assert not affordable.passed
    assert "the $0.00 that are left of the budget" in affordable.message


def test_a_tokenizer_of_ones_own_counts_in_the_document(tmp_path):
    folder = tmp_path / "tokenizers" / "gemma3"
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(words_tokenizer().to_str())
    bench = bench_of(tmp_path, tokenizers=folder.parent)
    outcome = OPTIONS.work(bench.context("", *VIDEOS))
    (page,) = (data for path, data in outcome.files.items() if path.suffix == ".json")
    tokens = json.loads(page)["measured"]["tokens"]
    assert tokens["gemma3"]["counted"]
    assert not tokens["qwen3"]["counted"]
