"""Receipts: of one job, or of two, and nothing lost between."""

from __future__ import annotations

import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.reading.reader import Job
from nko_assets.reading.receipt import Receipt

ONE = Job.of("gemini", "m", ["a" * 64, "b" * 64], 0.5)
TWO = Job.of("gemini", "m", ["c" * 64], 0.25)


@pytest.mark.parametrize("receipt", [Receipt(ONE), Receipt(ONE, TWO)])
def test_a_receipt_is_read_as_it_was_written(receipt):
    assert Receipt.from_json(receipt.to_json()) == receipt


def test_without_a_second_reading_it_is_the_job_alone():
    assert Receipt(ONE).to_json() == ONE.to_json()
    assert Job.from_json(Receipt(ONE).to_json()) == ONE


def test_both_jobs_count():
    both = Receipt(ONE, TWO)
    assert both.request_hashes == ("a" * 64, "b" * 64, "c" * 64)
    assert both.estimated_cost_usd == 0.75


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"again": 3}', '{"name": "x"'])
def test_what_is_no_receipt_is_refused(text):
    with pytest.raises(PermanentFailure, match="Materialize gemini_batches again"):
        Receipt.from_json(text)
