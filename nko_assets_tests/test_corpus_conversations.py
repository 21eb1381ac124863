"""Format B: tutor and learner say what the pairs say, and nothing else."""

from __future__ import annotations

import re

import polars as pl
import pytest

from nko_assets.corpus.conversation_templates import SYSTEM, TEMPLATES, Template
from nko_assets.corpus.conversations import PER_PAIR, conversations
from nko_assets.corpus.deduplicate import deduplicate
from nko_assets.corpus.pairs import translation_pairs
from nko_assets.nko import key
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.training import Conversations
from nko_assets_tests.builders import channel, reading, reviewed

NKO_RUN = re.compile("[\u07c0-\u07ff](?:[^A-Za-zÀ-ÿ\n]*[\u07c0-\u07ff])?")


def pairs_of(*rows: dict[str, object]) -> pl.DataFrame:
    return translation_pairs(reviewed(*rows), {}).rows


def spoken(row: dict[str, object]) -> str:
    return "\n".join(said["content"] for said in row["messages"])  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def pairs() -> pl.DataFrame:
    return deduplicate(translation_pairs(channel(4, 30), {}).rows).kept


@pytest.fixture(scope="module")
def rows(pairs: pl.DataFrame) -> pl.DataFrame:
    return conversations(pairs)


def test_the_table_conforms_to_its_schema(rows: pl.DataFrame) -> None:
    assert schema_failures(Conversations, rows) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_each_template_gives_nko_latin_and_meaning_of_each_text(template: Template) -> None:
    said = "\n".join(template.turns)
    for place in range(template.texts):
        for part in ("nko", "latin", "meaning"):
            assert f"{{{place}.{part}}}" in said
    assert f"{{{template.texts}." not in said
    assert len(template.turns) % 2 == 0, "the tutor has the last word"
    assert template.language == template.name.split("/")[0]
    assert not re.search("[\u07c0-\u07ff]", said)


def test_there_are_six_templates_in_each_language_and_their_names_differ() -> None:
    assert len({template.name for template in TEMPLATES}) == len(TEMPLATES)
    for language in SYSTEM:
        assert sum(template.language == language for template in TEMPLATES) >= 6


def test_roles_alternate_after_the_system_message(rows: pl.DataFrame) -> None:
    for messages in rows["messages"]:
        roles = [said["role"] for said in messages]
        assert roles == ["system", *(["user", "assistant"] * (len(roles) // 2))]


def test_all_nko_that_is_said_is_accepted_text(pairs: pl.DataFrame, rows: pl.DataFrame) -> None:
    accepted = {key(text) for text in pairs["nko"]}
    for row in rows.iter_rows(named=True):
        said = {key(run) for run in NKO_RUN.findall(spoken(row))}
        assert said
        assert said <= accepted
        assert said == {key(text) for text in row["nko"].split("\n")}


def test_all_that_is_said_beside_the_template_comes_from_the_pairs(
    pairs: pl.DataFrame, rows: pl.DataFrame
) -> None:
    by_text: dict[str, list[dict[str, object]]] = {}
    for pair in pairs.iter_rows(named=True):
        by_text.setdefault(pair["nko"], []).append(pair)
    templates = {template.name: template for template in TEMPLATES}
    column = {"en": "english", "fr": "french"}
    for row in rows.iter_rows(named=True):
        template = templates[row["template"]]
        for text in row["nko"].split("\n"):
            assert any(
                pair["latin"] in spoken(row) and str(pair[column[row["language"]]]) in spoken(row)
                for pair in by_text[text]
            )
        assert len(row["nko"].split("\n")) == template.texts


def test_a_pair_in_both_languages_is_taught_in_both() -> None:
    rows = conversations(pairs_of(reading("ߛߏ", "horse", french="cheval")))
    assert rows["language"].value_counts().sort("language").rows() == [
        ("en", PER_PAIR),
        ("fr", PER_PAIR),
    ]


def test_a_language_without_translation_is_not_spoken() -> None:
    assert set(conversations(pairs_of(reading("ߛߏ", "horse")))["language"]) == {"en"}


def test_two_texts_with_one_meaning_are_never_set_against_each_other() -> None:
    rows = conversations(pairs_of(reading("ߛߏ", "home"), reading("ߓߏ߲", "Home", entry=1)))
    assert rows["nko"].str.contains("\n").sum() == 0


def test_texts_of_different_videos_are_never_taught_together(rows: pl.DataFrame) -> None:
    shown: dict[str, set[str]] = {}
    for video_id, nko in channel(4, 30).select("video_id", "nko").iter_rows():
        shown.setdefault(nko, set()).add(video_id)
    for row in rows.iter_rows(named=True):
        assert all(row["video_id"] in shown[text] for text in row["nko"].split("\n"))


def test_licences_of_all_texts_travel() -> None:
    rows = conversations(
        pairs_of(
            reading("ߛߏ", "horse", licence="CC0-1.0"),
            reading("ߓߏ߲", "house", entry=1, licence="CC-BY-4.0"),
        )
    )
    both = rows.filter(pl.col("nko").str.contains("\n"))
    assert set(both["licence"]) == {"CC-BY-4.0; CC0-1.0"}


def test_the_order_of_the_pairs_does_not_matter(pairs: pl.DataFrame, rows: pl.DataFrame) -> None:
    shuffled = pairs.sample(fraction=1.0, shuffle=True, seed=2)
    assert conversations(shuffled).equals(rows)


def test_every_pair_is_taught(pairs: pl.DataFrame, rows: pl.DataFrame) -> None:
    taught = {text for nko in rows["nko"] for text in nko.split("\n")}
    assert taught == set(pairs["nko"])


def test_each_row_says_who_made_the_english_that_it_teaches() -> None:
    taught = conversations(
        pairs_of(
            reading("ߛߏ", "horse", english_by="reader", french="cheval"),
            reading("ߓߏ߲", "house", english_by="frame", timestamp_ms=9000),
        )
    )
    alone = taught.filter(~pl.col("nko").str.contains("\n"))
    made = alone.filter(nko="ߛߏ", language="en")["english_by"].unique().to_list()
    assert made == ["reader"]
    assert alone.filter(language="fr")["english_by"].null_count() == PER_PAIR
    together = taught.filter(pl.col("nko").str.contains("\n"))
    assert together["english_by"].unique().to_list() == ["frame; reader"]
