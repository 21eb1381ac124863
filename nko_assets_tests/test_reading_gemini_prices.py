import subprocess
import sys
from datetime import date

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.models import known_models
from nko_assets.reading.gemini.prices import cost_usd, next_price, price

TODAY = date(2026, 11, 24)

# Any attempt to reach a network ends the interpreter.
OFFLINE = """
import os, sys
def forbid(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        os._exit(3)
sys.addaudithook(forbid)
from datetime import date
from nko_assets.reading.gemini.prices import price
import time
print(price("gemini-2.5-flash", date(2026, 11, 24)).input_usd)
time.sleep(0.2)
"""


@pytest.mark.parametrize("model", known_models())
def test_every_model_has_a_price_and_batch_is_half_of_it(model):
    batch, standard = price(model, TODAY), price(model, TODAY, batch=False)
    assert 0 < batch.input_usd < batch.output_usd
    assert batch.input_usd == pytest.approx(standard.input_usd / 2)
    assert batch.output_usd == pytest.approx(standard.output_usd / 2)
    assert "genai-prices" in batch.source
    assert "https://" in batch.source


def test_a_listed_price_has_its_date():
    listed = price("gemini-2.5-flash", TODAY)
    assert (listed.input_usd, listed.output_usd) == (0.15, 1.25)
    assert (listed.since, listed.rule) == (date(2026, 10, 14), "the listed batch price")


def test_before_batch_prices_were_listed_half_is_the_rule():
    earlier = price("gemini-2.5-flash", date(2026, 9, 1))
    assert (earlier.input_usd, earlier.output_usd) == (0.15, 1.25)
    assert (earlier.since, earlier.rule) == (None, "half of the standard price")


def test_an_introductory_price_ends_when_it_ends():
    last, first = price("gemini-3.8-flash", date(2026, 12, 31)), date(2027, 1, 1)
    assert price("gemini-3.8-flash", first).input_usd == pytest.approx(2 * last.input_usd)
    assert next_price("gemini-3.8-flash", TODAY) == price("gemini-3.8-flash", first)
    assert next_price("gemini-3.8-flash", first) is None
    assert next_price("gemini-2.5-flash", TODAY) is None


def test_thinking_is_charged_as_output():
    assert cost_usd("gemini-2.5-flash", TODAY, 1_000_000, 0, 0) == pytest.approx(0.15)
    assert cost_usd("gemini-2.5-flash", TODAY, 0, 400_000, 600_000) == pytest.approx(1.25)


def test_the_first_tier_counts_because_no_frame_is_longer():
    assert price("gemini-2.5-pro", TODAY).output_usd == 5.0


def test_an_unknown_model_is_refused():
    with pytest.raises(ConfigurationError, match="NKO_MODEL"):
        price("gemini-1.5-flash", TODAY)


def test_prices_never_come_from_the_network():
    ran = subprocess.run(
        [sys.executable, "-c", OFFLINE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "0.15"), ran.stderr
