"""The error rate, against its definition."""

import pytest

from nko_assets.reading.training.error_rate import error_rate


def test_insertions_deletions_and_substitutions_count_alike():
    assert error_rate([("kitten", "sitting")]) == pytest.approx(3 / 7)
    assert error_rate([("", "abc")]) == 1.0
    assert error_rate([("abcd", "ab")]) == 1.0


def test_the_error_rate_weighs_lines_by_their_length():
    assert error_rate([("ab", "ab"), ("abcdefgx", "abcdefgh")]) == pytest.approx(0.1)


def test_an_error_rate_without_true_text_is_refused():
    with pytest.raises(ValueError, match="no true text"):
        error_rate([])
