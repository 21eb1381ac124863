"""Shapes: what Gemini and chat trainers are given, and the limits at which they say no."""

from __future__ import annotations

import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image

from nko_assets.tuning.examples import Example
from nko_assets.tuning.prompts import Message, ask
from nko_assets.tuning.shapes import CHAT, GEMINI, SHAPES
from nko_assets.tuning.shapes.gemini import (
    ROW_TOKENS,
    gemini_tokens,
    most_validation,
    picture_tokens,
)
from nko_assets.tuning.tokens import text_tokens

ID = "3d813cbb-47fb-5a91-a8a0-0d1d2b4f8f7e"


def jpeg(width, height):
    picture = io.BytesIO()
    Image.new("RGB", (width, height)).save(picture, "JPEG")
    return picture.getvalue()


def example(answer="N'Ko", image=None, messages=None):
    asked = ask("read_line") if image else ask("nko_to_english", "ߒߞߏ")
    turns = messages or (*asked, Message("assistant", answer))
    return Example(
        id=ID,
        task="read_line" if image else "nko_to_english",
        messages=turns,
        image=image,
        video_id="v1",
        licence="CC-BY-SA-4.0",
        references=(answer,),
        row_id=ID,
        nko=("ߒߞߏ",),
        origin="extracted",
    )


EXCHANGE = (
    Message("system", "You teach."),
    Message("user", "ߒߞߏ?"),
    Message("assistant", "N'Ko"),
    Message("user", "And ߓߊ?"),
    Message("assistant", "Goat"),
)


def conforms(shape, row):
    return not list(Draft202012Validator(shape.schema).iter_errors(row))


def test_gemini_takes_the_system_turn_apart_and_calls_the_assistant_model():
    row = GEMINI.row(example(messages=EXCHANGE), "")
    assert row["systemInstruction"] == {"role": "system", "parts": [{"text": "You teach."}]}
    assert [turn["role"] for turn in row["contents"]] == ["user", "model", "user", "model"]
    assert row["contents"][-1] == {"role": "model", "parts": [{"text": "Goat"}]}
    assert row.keys() == {"systemInstruction", "contents"}
    assert conforms(GEMINI, row)


def test_gemini_is_shown_a_picture_by_its_address_before_the_words_of_the_user():
    row = GEMINI.row(example(image=jpeg(10, 10)), "gs://lessons/images/a.jpg")
    shown, words = row["contents"][0]["parts"]
    assert shown == {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://lessons/images/a.jpg"}}
    assert words == {"text": "What does this line say?"}
    assert conforms(GEMINI, row)


def test_chat_keeps_the_turns_and_has_no_place_for_a_picture():
    row = CHAT.row(example(messages=EXCHANGE), "")
    assert row["id"] == ID
    assert [turn["role"] for turn in row["messages"]] == [turn.role for turn in EXCHANGE]
    assert conforms(CHAT, row)
    assert CHAT.refuses(example(image=jpeg(10, 10))) == "chat messages hold no picture"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_schema_of_a_shape_is_one_and_refuses_an_empty_turn(shape):
    Draft202012Validator.check_schema(shape.schema)
    assert not conforms(shape, shape.row(example(answer=""), ""))
    assert not conforms(shape, {})


@given(st.text(min_size=1, max_size=300))
def test_a_text_never_has_more_tokens_than_bytes_nor_fewer_than_one(text):
    assert 1 <= text_tokens(text) <= len(text.encode())


def test_a_row_beyond_the_limit_is_refused_with_the_numbers_and_one_below_is_not():
    reason = GEMINI.refuses(example(answer="ߒ" * (ROW_TOKENS // 2)))
    assert "131,072 a row" in reason
    assert GEMINI.refuses(example(answer="ߒ" * (ROW_TOKENS // 2 - 200))) == ""
    assert gemini_tokens(example(answer="ߒ" * (ROW_TOKENS // 2))) <= ROW_TOKENS


@pytest.mark.parametrize(
    ("size", "tiles"), [((109, 47), 1), ((384, 384), 1), ((640, 60), 3), ((1600, 320), 14)]
)
def test_a_picture_costs_a_tile_or_as_many_as_cover_it(size, tiles):
    assert picture_tokens(jpeg(*size)) == 258 * tiles
    assert gemini_tokens(example(image=jpeg(*size))) > 258 * tiles


@pytest.mark.parametrize(
    ("train", "most"), [(100, 1_000), (4_000, 1_200), (16_667, 5_000), (1_000_000, 5_000)]
)
def test_validation_is_capped_as_the_service_says(train, most):
    assert most_validation(train) == most


def test_a_picture_that_cannot_be_read_is_refused():
    assert GEMINI.refuses(example(image=b"\xff\xd8 no more")) == "its picture cannot be read"


def test_an_answer_that_is_the_users_turn_is_no_row():
    turns = (*EXCHANGE[:2], dataclasses.replace(EXCHANGE[1]))
    assert not conforms(GEMINI, GEMINI.row(example(messages=turns), ""))
    assert not conforms(CHAT, CHAT.row(example(messages=turns), ""))
