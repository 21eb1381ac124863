import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.models import known_models, model_named


def test_the_service_writes_models_before_a_name():
    assert model_named("models/gemini-2.5-flash") is model_named("gemini-2.5-flash")


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"gemini-9.*NKO_MODEL.*gemini-2\.5-flash-lite"):
        model_named("gemini-9")


@pytest.mark.parametrize("name", known_models())
def test_thinking_is_a_budget_up_to_2_5_and_a_level_from_3_on(name):
    model = model_named(name)
    assert model.thinking.isdecimal() is (model.family == "2.5")
    assert model.thinking in {"0", "128", "MINIMAL", "LOW"}


@pytest.mark.parametrize("name", known_models())
def test_from_3_on_the_temperature_is_left_where_google_wants_it(name):
    model = model_named(name)
    assert model.temperature == (0.0 if model.steerable else 1.0)


@pytest.mark.parametrize("name", ["gemini-3.7-flash", "gemini-3.8-flash", "gemini-4-argon"])
def test_models_that_refuse_minimal_are_not_told_so(name):
    assert model_named(name).thinking == "LOW"
