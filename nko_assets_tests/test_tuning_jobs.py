"""The plain values of a tuning job: names that follow from content, files that are read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.tuning.jobs import MetricPoint, Receipt, TuningRequest
from nko_assets.tuning.tuned import Tuned, read_tuned
from nko_assets.tuning.vertex_prices import TUNABLE, training_usd, tunable

REQUEST = TuningRequest("vertex", "gemini-2.5-flash", "d1", {"epochs": 3, "location": "here"})


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, tuner="open"),
        replace(REQUEST, base="gemini-2.5-pro"),
        replace(REQUEST, dataset="d2"),
        replace(REQUEST, settings={"epochs": 4, "location": "here"}),
    ],
)
def test_all_that_decides_the_model_is_in_the_name(other):
    assert other.name() != REQUEST.name()


def test_the_order_of_settings_is_not_in_the_name():
    same = replace(REQUEST, settings={"location": "here", "epochs": 3})
    assert same.name() == REQUEST.name()


def test_names_fit_labels_of_google_cloud():
    # Lower-case letters, digits, hyphens and underscores, at most 63.
    name = REQUEST.name(attempt=3)
    assert len(name) <= 63
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_receipt_and_a_model_are_read_back_and_broken_ones_told_of(tmp_path):
    receipt = Receipt("n", "open", "b", "d", {"a": [1]}, "/runs/n", 0.0, "free")
    assert Receipt.from_json(receipt.to_json()) == receipt
    with pytest.raises(PermanentFailure, match="cannot be read"):
        Receipt.from_json('{"name": 1}')
    tuned = Tuned("x", "open", "/runs/n/model", None, "d", 0.0)
    path = tmp_path / "tuned.json"
    with pytest.raises(PermanentFailure, match="No model has been tuned"):
        read_tuned(path)
    path.write_text(tuned.to_json())
    assert read_tuned(path) == tuned
    path.write_text("{")
    with pytest.raises(PermanentFailure, match="cannot be read"):
        read_tuned(path)


def test_a_line_of_the_trainer_may_hold_more_than_a_point():
    point = MetricPoint.of({"step": 1, "split": "train", "loss": 2.0, "gradient_norm": 7})
    assert point == MetricPoint(1, "train", 2.0)
    assert str(point) == "step 1, train: loss 2.000"


def test_a_million_tokens_in_an_epoch_cost_what_the_table_says():
    for model in TUNABLE:
        assert training_usd(tunable(model.name), 1_000_000, 1) == model.training_usd
        assert training_usd(model, 500_000, 4) == 2 * model.training_usd


def test_a_model_whose_price_is_not_known_is_refused():
    with pytest.raises(ConfigurationError, match="not known"):
        tunable("gemini-9-ultra")
