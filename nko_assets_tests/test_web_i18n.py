"""The messages of the interface: the same in every language, all used, all there; and numbers."""

from __future__ import annotations

import re
import string
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import nko_assets.web
from nko_assets.corpus.report import build_report
from nko_assets.web.i18n import LANGUAGES, Language, messages, wanted
from nko_assets.web.overview import CRITERIA
from nko_assets_tests.report_tables import inputs

WEB = Path(nko_assets.web.__file__).parent
LOCALES = files("nko_assets.web").joinpath("locales")

# The same word in both languages.
SHARED = {
    *("words.type.phrase", "site.pages", "word.type.phrase"),
}


def _forms(code: str) -> dict[str, str]:
    return {
        f"{key}.{form}" if form else key: text
        for key, message in messages(code).items()
        for form, text in ({"": message} if isinstance(message, str) else message).items()
    }


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_language_has_the_same_messages_with_the_same_values() -> None:
    english, french = _forms("en"), _forms("fr")
    assert english.keys() == french.keys()
    differing = {key for key in english if _fields(english[key]) != _fields(french[key])}
    assert differing == set()


def test_a_key_stands_in_one_file_only() -> None:
    for code in LANGUAGES:
        keys = [
            key
            for file in LOCALES.joinpath(code).iterdir()
            for key in re.findall(r'^  "([\w.-]+)":', file.read_text(encoding="utf-8"), flags=re.M)
        ]
        assert len(keys) == len(set(keys)) == len(messages(code))


def test_no_message_is_empty_or_left_in_the_other_language() -> None:
    english, french = _forms("en"), _forms("fr")
    assert [key for key, text in (*english.items(), *french.items()) if not text.strip()] == []
    same = {
        key
        for key, text in english.items()
        if text == french[key] and re.search(r"[a-z]{3}", re.sub(r"\{\w+\}|<[^>]+>", "", text))
    }
    assert same - SHARED == set()


def test_every_message_is_used_and_every_used_message_is_there() -> None:
    """Keys put together from a part and a value are known by their part."""
    sources = [
        *(path.read_text(encoding="utf-8") for path in (WEB / "templates").glob("*.html")),
        *(path.read_text(encoding="utf-8") for path in WEB.glob("*.py")),
    ]
    text = "\n".join(sources)
    whole = set(re.findall(r"""["']((?:[a-z_]+\.)+[\w.-]*\w)["']""", text))
    begun = tuple(set(re.findall(r"""["']((?:[a-z]+\.)+(?:[a-z]+_)?)["'{]""", text)))
    known = messages("en").keys()
    assert {key for key in known if key not in whole and not key.startswith(begun)} == set()
    called = set(re.findall(r"""\bt\(\s*["']((?:[a-z_]+\.)+[\w.-]*\w)["']\s*[,)]""", text))
    assert called - known == set()


def test_every_criterion_of_the_report_has_its_messages() -> None:
    rows = build_report(inputs()).criteria
    assert [row.name for row in rows if row.name not in CRITERIA] == []
    wanted_keys = {f"criterion.{key}{part}" for key in CRITERIA.values() for part in ("", ".how")}
    assert wanted_keys <= messages("fr").keys()


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        (None, None, "en"),
        (None, "fr", "fr"),
        (None, "fr-GN,fr;q=0.9,en;q=0.5", "fr"),
        (None, "en;q=0.2, fr;q=0.9", "fr"),
        (None, "nqo, bm;q=0.9, fr;q=0.8", "fr"),
        (None, "fr;q=0", "en"),
        (None, "de", "en"),
        ("en", "fr", "en"),
        ("fr", "en", "fr"),
        ("xx", "fr", "fr"),
    ],
)
def test_a_reader_gets_the_language_they_want(
    chosen: str | None, accepted: str | None, code: str
) -> None:
    assert wanted(chosen, accepted).code == code


@given(st.text())
def test_no_header_breaks_the_choice(header: str) -> None:
    assert wanted(None, header).code in LANGUAGES


def test_numbers_are_written_as_the_language_writes_them() -> None:
    english, french = Language("en"), Language("fr")
    assert (english.number(12345), french.number(12345)) == ("12,345", "12\u202f345")
    assert (english.number(0.5, 2), french.number(0.5, 2)) == ("0.50", "0,50")
    assert (english.percent(0.995, 1), french.percent(0.995, 1)) == ("99.5%", "99,5\xa0%")
    assert english.percent(0.85, 1) == "85%"
    assert (english.usd(3.5), french.usd(3.5)) == ("$3.50", "3,50\xa0$US")


def test_plurals_follow_the_language() -> None:
    english, french = Language("en"), Language("fr")
    assert [english("lessons.count", n=n) for n in (0, 1, 2)] == [
        "0 videos",
        "1 video",
        "2 videos",
    ]
    assert [french("lessons.count", n=n) for n in (0, 1, 2)] == ["0 vidéo", "1 vidéo", "2 vidéos"]


def test_values_within_markup_are_escaped() -> None:
    told = Language("en")("overview.lead_html", done="<i>", n=1, examples=2, phrases=3, words=4)
    assert isinstance(told, Markup)
    assert "&lt;i&gt;" in told
    assert "<i>" not in told


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Language("en")("no.such.key")


def test_templates_say_nothing_that_is_not_a_message() -> None:
    """Words between tags would be the same in every language."""
    for path in (WEB / "templates").glob("*.html"):
        plain = path.read_text(encoding="utf-8")
        plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", plain, flags=re.S)
        plain = re.sub(r"<(code|pre|kbd)\b.*?</\1>", " ", plain, flags=re.S)
        plain = re.sub(r"<[^>]*>", " ", plain, flags=re.S)
        words = set(re.findall(r"[A-Za-zÀ-ÿ]{3,}", plain)) - {"UTC"}
        assert words == set(), path.name
