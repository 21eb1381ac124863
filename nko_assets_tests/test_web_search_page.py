"""The search as a page: in every way of writing, with and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from nko_assets.memory.embeddings import load_embedder
from nko_assets.memory.search import LONGEST_QUERY
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.explorer import LESSON, Visitor, explorer, remember
from nko_assets_tests.memory_places import empty
from nko_assets_tests.servers.web import WebServer


@pytest.fixture(scope="module")
def visitor(database: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    embedder = cache(load_embedder)
    remember(memory, embedder)
    lake = Lake(tmp_path_factory.mktemp("lake"))
    app = explorer(memory, embedder, lake, database, ReviewDesk(lambda: database))
    with WebServer(app) as server:
        yield Visitor(server.url)


@pytest.mark.parametrize("query", ["ߓߟߏ", "ߓߟߏ߬", "bolo", "hand", "main"])
def test_a_word_is_found_in_every_language_and_spelling(visitor: Visitor, query: str) -> None:
    page = visitor.see("/search", q=query).text
    first = page[page.index('<ol class="hits">') : page.index("</li>", page.index("<ol"))]
    assert '<bdi class="nko" lang="nqo" dir="rtl">ߓߟߏ</bdi>' in first
    assert "/words/" in first


def test_a_frame_is_found_with_its_place_in_the_lesson(visitor: Visitor) -> None:
    page = visitor.see("/search", q="ߛߐ߰ߡߊ߬", type="turn", phase="validation").text
    assert f'href="/lessons/{LESSON}?at=5.0#t5000"' in page
    assert f'src="/api/frames/{LESSON}%3A5000?small=true"' in page
    assert f'href="https://video.example/{LESSON}"' in page
    assert "?at=0.0#t0" not in page


def test_a_frame_that_a_second_reader_confirmed_is_not_said_to_be_checked_by_a_person(
    visitor: Visitor,
) -> None:
    assert '<option value="validation">confirmed</option>' in visitor.see("/search").text


def test_a_script_gets_the_results_alone(visitor: Visitor) -> None:
    whole, part = visitor.see("/search", q="hand"), visitor.part("/search?q=hand")
    assert "<html" in whole.text
    assert "<html" not in part.text
    assert '<ol class="hits">' in part.text
    assert "HX-Request" in part.headers["vary"]


def test_who_asks_nothing_is_told_what_can_be_asked(visitor: Visitor) -> None:
    assert "For example" in visitor.see("/search").text
    assert "For example" in visitor.see("/search", q="   ").text


def test_what_cannot_be_searched_for_is_told_on_the_page(visitor: Visitor) -> None:
    # Normalizing takes the Arabic tatweel away, and makes two characters of the Devanagari qa.
    for query in ("؟ .", "x" * (LONGEST_QUERY + 1), "\u0640", "\u0958" * LONGEST_QUERY):
        answer = visitor.see("/search", q=query)
        assert answer.status_code == 200
        assert 'class="notice"' in answer.text
    assert visitor.see("/search", q="x", type="frame").status_code == 422


def test_what_is_not_found_is_said_with_the_query(visitor: Visitor) -> None:
    answer = visitor.see("/search", q="<b>nothing</b>", video="unknown")
    assert "Nothing was found for “&lt;b&gt;nothing&lt;/b&gt;”" in answer.text
