"""Search: what a query is taken for, what it finds in the memory, in which order, and why."""

import uuid
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.memory.embeddings import load_embedder
from nko_assets.memory.rows import Motif, memory_id
from nko_assets.memory.search import LONGEST_QUERY, search, understand
from nko_assets.nko import characters as c
from nko_assets.nko import key, romanize, strip_tones
from nko_assets_tests.memory_rows import turn, video

WORDS = (
    ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", "bonjour"),
    ("ߌ ߣߌ߫ ߥߎߙߊ߫", "good evening", "bonsoir"),
    ("ߌ ߣߌ߫ ߗߋ߫", "thank you", "merci"),
    ("ߖߌ", "water", "eau"),
    ("ߛߋ߲߬ߓߊ", "elephant", "éléphant"),
    ("ߓߟߏ", "hand, arm", "main"),
)


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


def _motif(embedder, nko, english, french, motif_type="vocabulary"):
    return Motif(
        id=memory_id("motif", nko),
        motif_type=motif_type,
        source="words",
        licence="CC-BY-SA-4.0",
        nko_key=key(nko),
        content={
            "nko_text": nko,
            "latin": romanize(nko),
            "translation": english or french,
            "english": english,
            "french": french,
        },
        frequency=1,
        salience_score=0.5,
        embedding=embedder.embed_english([english or french])[0] if english or french else None,
        nko_embedding=embedder.embed_nko([nko])[0],
        embedding_model=embedder.model,
    )


@pytest.fixture
def filled(memory, embedder):
    """A memory with some words and two lessons that use them."""
    memory.upsert_motifs("words", [_motif(embedder, *word) for word in WORDS])
    lessons = []
    for name, phase in (("a", "extraction"), ("b", "validation")):
        turns = [
            replace(
                turn(name, number, phase=phase),
                content={
                    "nko_text": f"{nko}\nߒߞߏ",
                    "latin": romanize(f"{nko}\nߒߞߏ"),
                    "translation": english,
                    "english": english,
                    "french": None,
                    "entries": [],
                },
                embedding=embedder.embed_english([english])[0],
                nko_embedding=embedder.embed_nko([nko])[0],
                embedding_model=embedder.model,
            )
            for number, (nko, english, _) in enumerate(WORDS[:3])
        ]
        lessons.append(video(name, turns))
    memory.upsert_videos(lessons)
    memory.call("memory_count_words", {})
    return memory


# --- what a query is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "nqo"),
        ("what is ߖߌ", "nqo"),
        ("good morning to all of you", "en"),
        ("bonjour à tous les élèves", "fr"),
        ("i ni sɔɔma", "nqo-Latn"),
    ],
)
def test_the_language_of_a_query_is_told(embedder, text, language):
    assert understand(text, embedder).language == language


def test_romanized_nko_is_looked_for_by_its_spelling_alone(embedder):
    query = understand("i ni sɔɔma", embedder)
    assert query.meaning is None
    assert query.nko is None


def test_nko_is_compared_with_nko(embedder):
    query = understand("ߖߌ", embedder)
    assert query.meaning is None
    assert np.array_equal(query.nko, embedder.embed_nko(["ߖߌ"])[0])


@pytest.mark.parametrize("text", ["", "  ", "؟!", "\u200b"])
def test_a_query_without_words_is_refused(embedder, text):
    with pytest.raises(ConfigurationError, match="nothing to search for"):
        understand(text, embedder)


def test_an_endless_query_is_refused(embedder):
    with pytest.raises(ConfigurationError, match="At most"):
        understand("water " * LONGEST_QUERY, embedder)


# --- what it finds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "nko"),
    [
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("ߌ ߣߌ ߛߐߡߊ", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("ߛߐ߰ߡߊ߬", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("i ni sɔɔma", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("i ni sooma", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("I NI SÒMA", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("good mornings", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("bonjour", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"),
        ("elephant", "ߛߋ߲߬ߓߊ"),
        ("Éléphants", "ߛߋ߲߬ߓߊ"),
        ("arm", "ߓߟߏ"),
    ],
)
def test_words_are_found_however_they_are_spelled(filled, embedder, asked, nko):
    (first, *_) = search(filled, embedder, asked, types=["vocabulary"])
    assert first.nko == nko
    assert first.words or first.whole


@pytest.mark.parametrize(
    ("asked", "nko"),
    [
        ("something to drink", "ߖߌ"),
        ("a big animal with a trunk", "ߛߋ߲߬ߓߊ"),
        ("gratitude", "ߌ ߣߌ߫ ߗߋ߫"),
    ],
)
def test_a_meaning_is_found_without_a_common_word(filled, embedder, asked, nko):
    (first, *_) = search(filled, embedder, asked, types=["vocabulary"])
    assert first.nko == nko
    assert first.words == ()
    assert first.similarity > 0.2
    assert first.why.startswith("meaning: 0.")


def test_a_row_says_where_it_is_from_and_why_it_was_found(filled, embedder):
    hits = search(filled, embedder, "good morning")
    word = next(hit for hit in hits if hit.type == "vocabulary")
    assert word.whole
    assert word.why.startswith("the same words; meaning: ")
    assert (word.source, word.licence) == ("words", "CC-BY-SA-4.0")
    assert (word.english, word.french, word.latin) == ("good morning", "bonjour", "i ni sɔɔma")
    shown = next(hit for hit in hits if hit.type == "turn")
    assert (shown.video_id, shown.frame_id, shown.timestamp_ms) in {
        ("a", "a:0", 0),
        ("b", "b:0", 0),
    }
    assert shown.title
    assert shown.url
    assert set(shown.words) <= {"good", "morn", "morning", "god"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_word_comes_before_the_texts_that_hold_it(filled, embedder):
    (first, *others) = search(filled, embedder, "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬")
    assert first.type == "vocabulary"
    assert {hit.frame_id for hit in others[:2]} == {"a:0", "b:0"}


def test_filters_hold(filled, embedder):
    assert {hit.video_id for hit in search(filled, embedder, "morning", video="a")} == {"a"}
    assert {hit.type for hit in search(filled, embedder, "morning", types=["turn"])} == {"turn"}
    validated = search(filled, embedder, "morning", phase="validation")
    assert {hit.video_id for hit in validated} == {"b"}
    assert {hit.phase for hit in validated} == {"validation"}
    assert search(filled, embedder, "morning", video="nowhere") == []
    assert search(filled, embedder, "morning", types=["pattern"]) == []


def test_in_a_video_every_turn_is_compared(filled, embedder):
    assert len(search(filled, embedder, "morning", video="a", types=["turn"])) == 3


def test_no_more_is_given_than_was_asked_for(filled, embedder):
    assert len(search(filled, embedder, "morning", limit=2)) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"types": ["word"]}, "There is no type word"),
        ({"phase": "done"}, "There is no phase done"),
        ({"limit": 0}, "0 results"),
        ({"limit": 101}, "101 results"),
    ],
)
def test_a_wrong_filter_is_told(filled, embedder, wrong, said):
    with pytest.raises(ConfigurationError, match=said):
        search(filled, embedder, "water", **wrong)


@pytest.mark.parametrize(
    "text", ["'", "a & b | !c", "\\", "x:*", "%_", "); drop table x; --", "'='"]
)
def test_signs_of_query_languages_are_signs(filled, embedder, text):
    search(filled, embedder, f"water {text}", types=["vocabulary"])


def test_common_words_weigh_less_than_rare_ones(filled, embedder):
    filler = [
        _motif(embedder, f"ߞߏ {c.DIGITS[n % 10]}{c.DIGITS[n // 10]}", "a thing", None)
        for n in range(60)
    ]
    own = _motif(embedder, "ߞߏ ߡߍ߲ ߕߍ߫ ߦߋ߫", "unrelated", None, "phrase")
    filled.upsert_motifs("words", [*filler, own])
    filled.call("memory_count_words", {})
    words = {row["word"] for row in filled.call("memory_words_of", {"query_text": "ߞߏ ߡߍ߲"})}
    assert {"ߞߏ", "ߡߍ߲"} <= words
    (first, *_) = search(filled, embedder, "ߞߏ ߡߍ߲", types=["vocabulary", "phrase"])
    assert first.id == str(own.id)


@pytest.mark.parametrize("asked", ["ߖߌ", "ߖߌ߰", "ߖߌ߬", "ji", "jii"])
def test_the_exact_spelling_comes_before_words_of_other_tones(filled, embedder, asked):
    spellings = ("ߖߌ߰", "ߖߌ߬", "ߖߌ", "ߖߌ߫")
    filled.upsert_motifs("words", [_motif(embedder, nko, "a thing", None) for nko in spellings])
    (first, *others) = search(filled, embedder, asked, types=["vocabulary"])
    assert asked in (first.nko, first.latin)
    assert {first.nko, *(hit.nko for hit in others)} >= set(spellings)


def test_counting_words_again_changes_nothing(filled):
    assert filled.call("memory_count_words", {}) == filled.call("memory_count_words", {})


# --- folding in SQL is what it is in Python ---------------------------------------------------


@pytest.fixture(scope="module")
def fold(database):
    with database.connect() as conn:

        def folded(text):
            return conn.execute("select public.memory_fold(%s)", [text]).fetchone()[0]

        yield folded


@given(text=st.text(alphabet=c.LETTERS + c.MARKS + c.DIGITS + " ", max_size=30))
def test_tones_are_those_that_are_tones_elsewhere(fold, text):
    digits = str.maketrans(c.DIGITS, "0123456789")
    assert key(fold(text)) == key(strip_tones(key(text)).translate(digits)) or not key(text)


def test_letters_without_a_key_are_typed_as_others(fold):
    assert fold("Ɛ̀lɛ ɲɔ́gɔn Ŋ É") == "ele nyogon n e"


def test_ids_are_ids(filled, embedder):
    for hit in search(filled, embedder, "water"):
        uuid.UUID(hit.id)
