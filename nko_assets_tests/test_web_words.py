"""Words: the list in its orders, a word with its places and neighbours, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nko_assets.memory.embedded import embedded
from nko_assets.memory.rows import Motif, memory_id
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.words import PLACES_A_PAGE, WORDS_A_PAGE
from nko_assets_tests.memory_rows import content, motif, turn, video
from nko_assets_tests.pages import Page, client, embedder


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def words(count: int) -> list[Motif]:
    digits = str.maketrans("0123456789", "ߓߔߕߖߗߘߙߛߜߝ")
    return [
        replace(motif(f"ߞ{number:03}".translate(digits)), salience_score=number / count)
        for number in range(count)
    ]


@pytest.mark.parametrize("order", ["worth", "spelling"])
def test_every_word_is_met_by_following_the_pages(
    memory: MemoryStore, lake: Lake, order: str
) -> None:
    made = words(WORDS_A_PAGE * 2 + 3)
    memory.upsert_motifs("lessons", made)
    visitor = client(memory, lake)
    address, met = f"/words?order={order}", []
    while address:
        page = Page(visitor.get(address).text)
        met += [one.text.split()[0] for one in page.all("li", class_="word")]
        following = page.all("a", rel="next")
        address = following[0]["href"] if following else None
    expected = [word.content["nko_text"] for word in made]
    assert met == (expected[::-1] if order == "worth" else expected)


def test_the_kinds_are_counted_and_an_empty_one_says_what_makes_it(
    memory: MemoryStore, lake: Lake
) -> None:
    memory.upsert_motifs("lessons", words(3))
    page = Page(client(memory, lake).get("/words?type=pattern").text)
    assert [one.text for one in page.all("a") if one["href"].endswith("&order=worth")][:3] == [
        "Words 3",
        "Phrases 0",
        "Patterns 0",
    ]
    assert page.one("pre").text == f"nko run --data {lake.root}"


def test_a_word_shows_its_meaning_its_places_and_its_neighbours(
    memory: MemoryStore, lake: Lake
) -> None:
    water = replace(motif("ߖߌ", english="water"), content=content("ߖߌ", english="water"))
    river = replace(motif("ߓߊ", english="river"), content=content("ߓߊ", english="river"))
    memory.upsert_motifs("lessons", embedded([water, river], embedder()))
    memory.upsert_videos([video("a", [turn("a", 1, text="ߖߌ߬ ߦߋ߫")], title="ߞߊ߬ߟߊ߲")])
    page = Page(client(memory, lake).get(f"/words/{water.id}").text)
    assert page.one("h1")["dir"] == "rtl"
    assert "water" in page.text
    assert page.one("a", class_="moment")["href"] == "/lessons/a?at=5.0#t5000"
    (near,) = page.all("li", class_="word")
    assert "river" in near.text


def test_many_places_come_in_pages(memory: MemoryStore, lake: Lake) -> None:
    water = motif("ߖߌ")
    memory.upsert_motifs("lessons", [water])
    memory.upsert_videos([video("a", [turn("a", n, text="ߖߌ") for n in range(PLACES_A_PAGE + 2)])])
    visitor = client(memory, lake)
    first = Page(visitor.get(f"/words/{water.id}").text)
    second = Page(visitor.get(first.one("a", rel="next")["href"]).text)
    assert len(first.all("a", class_="moment")) == PLACES_A_PAGE
    assert len(second.all("a", class_="moment")) == 2
    assert not second.all("a", rel="next")


def test_a_pattern_shows_what_fills_it_and_its_examples(memory: MemoryStore, lake: Lake) -> None:
    pattern = replace(
        motif("ߌ ߣߌ߫ …"),
        id=memory_id("pattern"),
        motif_type="pattern",
        content=content(
            "ߌ ߣߌ߫ …",
            None,
            fillers=["ߛߣߍ߫", "ߗߋ߫"],
            examples=[{"nko": "ߌ ߣߌ߫ ߗߋ߫", "english": "thank you"}],
        ),
    )
    memory.upsert_motifs("lessons", [pattern])
    page = Page(client(memory, lake).get(f"/words/{pattern.id}").text)
    assert "ߛߣߍ߫" in page.text
    assert "thank you" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/words/00000000-0000-0000-0000-000000000000",
        "/words/nope",
        "/words?type=turn",
        "/words?order=best",
        "/words?after=x&id=00000000-0000-0000-0000-000000000000",
        "/words?after=nan",
        "/words?after=1e999",
        "/words?id=x",
        f"/words?order=spelling&after={'x' * 1001}",
    ],
)
def test_what_is_no_word_is_a_page_that_says_so(memory: MemoryStore, lake: Lake, path: str) -> None:
    answer = client(memory, lake).get(path)
    assert answer.status_code in (404, 422)
    assert Page(answer.text).one("h1").text
