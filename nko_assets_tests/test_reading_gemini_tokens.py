from dataclasses import replace

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.models import known_models
from nko_assets.reading.gemini.request import first_settings, retry_settings
from nko_assets.reading.gemini.tokens import expected_tokens, image_tokens, prompt_tokens


@pytest.mark.parametrize(
    ("resolution", "tokens"), [("low", 280), ("medium", 560), ("high", 1120), ("ultra_high", 2240)]
)
def test_from_gemini_3_on_the_resolution_decides(resolution, tokens):
    for size in ((64, 64), (1280, 720), (3840, 2160)):
        assert image_tokens("gemini-3.8-flash", resolution, *size) == tokens


@pytest.mark.parametrize(
    ("width", "height", "tiles"),
    # 960 × 540 is the example of the documentation.
    [(960, 540, 6), (1280, 720, 6), (1920, 1080, 6), (720, 1280, 6), (640, 640, 4), (384, 384, 1)],
)
def test_gemini_2_5_cuts_a_picture_into_tiles(width, height, tiles):
    assert image_tokens("gemini-2.5-flash", "high", width, height) == 258 * tiles


def test_gemini_2_5_has_one_view_at_the_coarser_resolutions():
    assert image_tokens("gemini-2.5-flash", "low", 1280, 720) == 64
    assert image_tokens("gemini-2.5-flash", "medium", 1280, 720) == 256


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (385, 2)])
def test_a_picture_of_any_shape_has_a_cost(size):
    assert image_tokens("gemini-2.5-flash", "high", *size) >= 258


def test_a_hint_costs_its_words():
    settings = first_settings("gemini-3.8-flash")
    assert 700 < prompt_tokens(settings) < 1500
    assert prompt_tokens(settings) < prompt_tokens(replace(settings, hint="loop"))


@pytest.mark.parametrize("model", known_models())
def test_what_is_expected_fits_into_what_is_allowed(model):
    settings = first_settings(model)
    given, answer, thinking = expected_tokens(model, settings, 1280, 720)
    assert given == image_tokens(model, "high", 1280, 720) + prompt_tokens(settings)
    assert 400 < answer < 1000
    assert answer + thinking < settings.max_output_tokens


@pytest.mark.parametrize("model", known_models())
@pytest.mark.parametrize("status", ["max_tokens", "loop"])
def test_an_answer_that_ran_into_its_limit_is_expected_to_do_so_again(model, status):
    settings = first_settings(model)
    for _ in range(2):
        limit = settings.max_output_tokens
        settings = retry_settings(status, model, settings)
        _, answer, thinking = expected_tokens(model, settings, 1280, 720)
        assert answer + thinking == limit


def test_other_failures_are_expected_to_cost_what_an_answer_costs():
    settings = first_settings("gemini-3.8-flash")
    again = retry_settings("malformed", "gemini-3.8-flash", settings)
    assert (
        expected_tokens("gemini-3.8-flash", again, 1280, 720)[1:]
        == (expected_tokens("gemini-3.8-flash", settings, 1280, 720)[1:])
    )


def test_an_unknown_model_has_no_tokens():
    with pytest.raises(ConfigurationError):
        image_tokens("gemini-1.0", "high", 1280, 720)
