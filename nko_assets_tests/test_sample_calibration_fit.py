"""Fitting: errors that are simulated, and a regression that finds what is in the data."""

from __future__ import annotations

import numpy as np
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.evidence import Claim, SeenLine
from nko_assets.sample.calibration.draw import invented_texts
from nko_assets.sample.calibration.fit import fit_models, measure, regression, table
from nko_assets.sample.calibration.pages import KnownPage
from nko_assets.sample.calibration.simulate import Rates, answer, draw_rates

NEVER = Rates(0, 0, 0, 0, 0, 0)


def page(video: int, number: int, *, real: bool = True) -> KnownPage:
    texts = invented_texts(3, seed=1000 * video + number)
    # The offline reader errs on one line in ten, and knows it.
    seen = [
        SeenLine(text.nko[:-1], 0.5) if number % 10 == place else SeenLine(text.nko, 0.99)
        for place, text in enumerate(texts)
    ]
    truth = tuple(Claim(text.nko, None, text.english) for text in texts)
    return KnownPage(video, real, "noto", 720, 28, truth, tuple(seen))


def test_a_reader_that_never_errs_is_always_right():
    frame, right = answer(page(0, 0), NEVER, ["ߒߞߏ"], np.random.default_rng(1))
    assert [claim.nko for claim in frame.claims] == [claim.nko for claim in page(0, 0).truth]
    assert all(right)


@pytest.mark.parametrize("kind", ["letter", "mark", "word"])
def test_each_kind_of_error_makes_entries_wrong(kind):
    rates = Rates(**{**dict.fromkeys(Rates.__slots__, 0.0), kind: 0.9})
    frame, right = answer(page(0, 0), rates, ["ߒߞߏ", "ߓߟߏ"], np.random.default_rng(1))
    assert not any(right)
    assert len(frame.claims) == 3


def test_whole_entries_break_and_go_missing():
    rates = Rates(0, 0, 0, 1, 0, 0)
    found = [answer(page(0, n), rates, ["ߒߞߏ"], np.random.default_rng(n)) for n in range(20)]
    claims = [claim for frame, _ in found for claim in frame.claims]
    assert 20 < len(claims) < 80
    assert not all(right for _, known in found for right in known)


def test_the_same_seed_gives_the_same_answers():
    one, two = (
        [answer(page(0, n), draw_rates(rng), ["ߒߞߏ"], rng) for n in range(5)]
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    )
    assert one == two


def test_the_regression_finds_the_coefficients_that_made_the_data():
    rng = np.random.default_rng(1)
    features = rng.uniform(0, 1, (20_000, 2))
    logit = -1 + 3 * features[:, 0] - 2 * features[:, 1]
    right = rng.random(20_000) < 1 / (1 + np.exp(-logit))
    assert regression(features, right, [1, -1]) == pytest.approx([-1, 3, -2], abs=0.15)


def test_no_coefficient_leaves_its_side_of_zero():
    rng = np.random.default_rng(1)
    features = rng.uniform(0, 1, (2_000, 1))
    right = rng.random(2_000) < features[:, 0]
    assert regression(features, right, [-1])[1] == 0


def test_the_measures_are_those_of_the_textbook():
    confidence = np.array([0.95, 0.95, 0.15, 0.15])
    found = measure(confidence, np.array([True, False, False, True]))
    assert (found.entries, found.right, found.sure, found.wrong) == (4, 2, 2, 1)
    assert found.auroc == 0.5
    assert found.brier == pytest.approx((0.05**2 + 0.95**2 + 0.15**2 + 0.85**2) / 4)
    assert found.error == pytest.approx((0.45 + 0.35) / 2)


def test_models_fitted_on_pages_know_right_from_wrong():
    pages = [page(video, number) for video in range(6) for number in range(8)]
    dictionary = Dictionary(claim.nko for one in pages for claim in one.truth)
    fitted, strata = fit_models(pages, dictionary, seed=1)
    assert fitted.without_dictionary.held_out.auroc > 0.9
    assert strata
    assert "with dictionary" in table(fitted, strata)
    assert fit_models(pages, dictionary, seed=1)[0] == fitted


def test_one_video_is_too_few():
    with pytest.raises(ConfigurationError, match="too few"):
        fit_models([page(0, 0)], Dictionary(["ߒߞߏ"]), seed=1)
