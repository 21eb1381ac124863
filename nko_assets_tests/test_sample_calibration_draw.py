"""Pages of known text: drawn, degraded, and really read."""

from __future__ import annotations

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize
from nko_assets.sample.calibration.__main__ import main
from nko_assets.sample.calibration.draw import invented_texts, known_pages, real_texts
from nko_assets.sample.calibration.pages import read_pages, write_pages


def test_pages_are_drawn_and_really_read(tmp_path):
    pages = list(known_pages([], invented_texts(60, seed=3), videos=1, seed=3, pages=2))
    assert len(pages) == 2
    assert all(page.truth and not page.real for page in pages)
    known = {normalize(claim.nko) for page in pages for claim in page.truth}
    read = {line.text for page in pages for line in page.seen}
    assert known & read, "the offline reader reads most lines right"
    path = tmp_path / "pages.jsonl"
    assert write_pages(pages, path) == 2
    assert read_pages(path) == pages


def test_too_few_texts_are_told():
    with pytest.raises(ConfigurationError, match="too few texts"):
        list(known_pages([], invented_texts(2, seed=3), videos=1, seed=3))


def test_real_texts_are_cut_into_pieces_with_their_share_of_the_english(tmp_path):
    path = tmp_path / "text.tsv"
    path.write_text("nko\tenglish\n" + "ߒߞߏ ߓߟߏ ߛߓߍ\tone two three\n" * 20, encoding="utf-8")
    texts = real_texts([path], seed=1)
    assert len(texts) > 20
    assert " ".join(text.nko for text in texts) == " ".join(["ߒߞߏ ߓߟߏ ߛߓߍ"] * 20)
    assert " ".join(text.english for text in texts) == " ".join(["one two three"] * 20)


def test_a_text_file_without_nko_is_refused(tmp_path):
    path = tmp_path / "text.tsv"
    path.write_text("french\nmot\n")
    with pytest.raises(ConfigurationError, match=r"text\.tsv cannot be read"):
        real_texts([path], seed=1)


def test_the_command_line_says_what_is_wrong(tmp_path, capsys):
    gone = ["pages", "--out", str(tmp_path / "pages.jsonl"), "--text", str(tmp_path / "gone.tsv")]
    assert main(gone) == 2
    assert "gone.tsv cannot be read" in capsys.readouterr().err
