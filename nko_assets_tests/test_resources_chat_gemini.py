"""Gemini asked at once: what it is sent, what becomes of every trouble, and what is booked for it."""

from __future__ import annotations

import base64
import threading
from datetime import UTC, datetime

import pytest
from google import genai
from google.oauth2.credentials import Credentials

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.prices import price
from nko_assets.reading.ledger import BudgetExceeded, Limits, expenses, money
from nko_assets.resources.chat_gemini import OUTPUT_TOKENS, GeminiChat
from nko_assets.tuning.chat_model import Conversation
from nko_assets.tuning.prompts import Message, ask
from nko_assets_tests.servers.gemini_chat import ChatServer, Trouble, response

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MODEL, ENDPOINT = "gemini-2.5-flash", "projects/p/locations/us-central1/endpoints/42"
MORNING = Conversation(ask("english_to_nko", "good morning"))
NIGHT = Conversation(ask("english_to_nko", "good night"))


@pytest.fixture
def chat_of(tmp_path, store):
    def chat(server: ChatServer, model=MODEL, budget=100.0, key=None, **over) -> GeminiChat:
        version = "v1beta" if model == MODEL else "v1beta1"
        options = {"base_url": server.url, "timeout": 5_000, "api_version": version}

        def client() -> genai.Client:
            if model == MODEL:
                return genai.Client(vertexai=False, api_key=key or server.key, http_options=options)
            token = Credentials(server.token)
            return genai.Client(
                vertexai=True,
                project="p",
                location="us-central1",
                credentials=token,
                http_options=options,
            )

        given = {
            "limits": Limits(budget_usd=budget),
            "base": None if model == MODEL else MODEL,
            "secret": server.key,
            "sleep": lambda _: None,
            "now": lambda: NOW,
        }
        return GeminiChat(model, client, lambda: store, tmp_path / "asked", **(given | over))

    return chat


def booked(store):
    with store.connect() as conn:
        return money(conn, NOW), expenses(conn)


def test_a_question_is_answered_and_booked_at_its_price(chat_of, store):
    with ChatServer(lambda *_: response(" ߌ ߣߌ߫ ߛߐ߰ߡߊ߬\n", tokens=(100, 20, 5))) as server:
        (answer,) = chat_of(server).answer([MORNING])

    assert answer.text == "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
    assert (answer.tokens_in, answer.tokens_out) == (100, 25)
    ((model, request),) = server.asked
    assert model == MODEL
    assert request["contents"][0]["parts"] == [{"text": "good morning"}]
    assert "Translate the English text" in str(request["systemInstruction"])
    config = request["generationConfig"]
    assert config["maxOutputTokens"] >= OUTPUT_TOKENS
    assert config["temperature"] == 0
    assert config["thinkingConfig"] == {"thinking_budget": 0}
    paid, (expense,) = booked(store)
    assert paid.spent_usd == pytest.approx(
        price(MODEL, NOW.date(), batch=False).cost_usd(100, 20, 5)
    )
    assert paid.open_usd == 0
    assert (expense.purpose, expense.model, expense.booked) == ("evaluation", MODEL, 1)


def test_what_was_answered_is_never_paid_again(chat_of, store):
    with ChatServer(lambda question, _: f"“{question}” in N'Ko") as server:
        first = chat_of(server).answer([MORNING, NIGHT])
        again = chat_of(server).answer([NIGHT, MORNING])

    assert again == first[::-1]
    assert len(server.asked) == 2
    assert booked(store)[1][0].booked == 2


def test_an_endpoint_of_vertex_is_asked_with_a_token_and_costs_what_its_base_costs(chat_of, store):
    with ChatServer(lambda *_: "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬") as server:
        chat = chat_of(server, ENDPOINT)
        (answer,) = chat.answer([MORNING])

    assert answer.text == "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
    assert server.asked[0][0] == ENDPOINT
    assert chat.name == ENDPOINT
    assert booked(store)[0].spent_usd > 0


def test_a_picture_and_the_turns_before_are_sent(chat_of):
    turns = (
        Message("system", "You teach."),
        Message("user", "How?"),
        Message("assistant", "So."),
        Message("user", "What does this line say?"),
    )
    with ChatServer(lambda *_: "ߒߞߏ") as server:
        chat_of(server).answer([Conversation(turns, b"\xff\xd8jpeg")])

    contents = server.asked[0][1]["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user"]
    picture = contents[2]["parts"][0]["inlineData"]
    assert "image/jpeg" in picture.values()
    assert base64.urlsafe_b64decode(picture["data"]) == b"\xff\xd8jpeg"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (response("", "MAX_TOKENS"), "max_tokens: finish reason MAX_TOKENS"),
        (response("", "SAFETY"), "safety: finish reason SAFETY"),
        (response("x", "RECITATION"), "recitation"),
        ({"promptFeedback": {"blockReason": "OTHER"}}, "blocked: OTHER"),
        ({"candidates": []}, "no candidate"),
    ],
)
def test_an_answer_that_did_not_come_is_a_failure_that_was_paid(chat_of, store, said, why):
    with ChatServer(lambda *_: said) as server:
        (answer,) = chat_of(server).answer([MORNING])
        chat_of(server).answer([MORNING])

    assert answer.text is None
    assert why in answer.failure
    assert not answer.passing
    assert len(server.asked) == 2, "a failure is asked again the next time"
    assert booked(store)[0].open_usd == 0


@pytest.mark.parametrize(
    ("said", "text"),
    [(response("ߌ " * 50, "MAX_TOKENS"), ("ߌ " * 50).strip()), (response(" "), "")],
)
def test_a_model_that_loops_or_says_nothing_has_answered_and_is_not_paid_again(chat_of, said, text):
    with ChatServer(lambda *_: said) as server:
        (answer,) = chat_of(server).answer([MORNING])
        again = chat_of(server).answer([MORNING])

    assert answer.text == text
    assert again == [answer]
    assert len(server.asked) == 1


def test_what_passes_is_tried_again_and_each_attempt_is_booked_by_itself(chat_of, store):
    troubles = iter(
        [Trouble(429, "RESOURCE_EXHAUSTED", retry_after=1), Trouble(503, "UNAVAILABLE"), "ߒߞߏ"]
    )
    waits = []
    with ChatServer(lambda *_: next(troubles)) as server:
        (answer,) = chat_of(server, sleep=waits.append).answer([MORNING])

    assert answer.text == "ߒߞߏ"
    assert len(waits) == 2
    assert waits[0] >= 1
    paid, (expense,) = booked(store)
    # The refusal cost nothing; nobody knows what the 503 did.
    assert expense.booked == 2
    assert paid.spent_usd > 0
    assert paid.open_usd > 0


def test_a_service_that_stays_away_fails_that_question_alone(chat_of, store):
    def said(question, _):
        return Trouble() if question == "good night" else "ߒߞߏ"

    with ChatServer(said) as server:
        good, bad = chat_of(server).answer([MORNING, NIGHT])

    assert good.text == "ߒߞߏ"
    assert bad.text is None
    assert "did not arrive" in bad.failure
    assert bad.passing
    assert sum(request["contents"][-1]["parts"][-1]["text"] == "good night"
               for _, request in server.asked) == 4  # fmt: skip


def test_the_budget_ends_it_before_the_call_and_what_was_answered_is_kept(chat_of, store, tmp_path):
    one_call = price(MODEL, NOW.date(), batch=False).cost_usd(60, OUTPUT_TOKENS)
    with ChatServer(lambda *_: response("ߒߞߏ", tokens=(60, OUTPUT_TOKENS, 0))) as server:
        chat = chat_of(server, budget=1.5 * one_call)
        assert chat.answer([MORNING])[0].text == "ߒߞߏ"
        with pytest.raises(BudgetExceeded, match=r"evaluation|budget"):
            chat.answer([NIGHT])
        assert len(server.asked) == 1
        assert chat.answer([MORNING])[0].text == "ߒߞߏ"
    assert booked(store)[0].committed_usd <= 1.5 * one_call


def test_a_wrong_key_ends_it_for_all_and_is_not_repeated(chat_of, store):
    with ChatServer(lambda *_: "ߒߞߏ") as server:
        chat = chat_of(server, key="AIza-another-key", secret="AIza-another-key")
        with pytest.raises(ConfigurationError, match="API key not valid") as failure:
            chat.answer([MORNING, NIGHT])
    assert "AIza-another-key" not in str(failure.value)
    assert "may use it" in failure.value.next_step
    assert booked(store)[0].committed_usd == 0


def test_an_endpoint_that_is_not_there_ends_it_for_all(chat_of, store):
    gone = Trouble(404, "NOT_FOUND", "Endpoint 42 was not found.")
    missing = pytest.raises(ConfigurationError, match="Endpoint 42 was not found")
    with ChatServer(lambda *_: gone) as server, missing:
        chat_of(server, ENDPOINT).answer([MORNING])
    assert booked(store)[0].committed_usd == 0


def test_a_model_without_a_price_is_refused_before_it_is_asked(chat_of):
    with ChatServer(lambda *_: "ߒߞߏ") as server, pytest.raises(ConfigurationError):
        chat_of(server, "gemini-0-unknown", base="gemini-0-unknown")


def test_at_most_four_questions_are_on_their_way_at_a_time(chat_of):
    here, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(4, timeout=10)

    def said(question, _):
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        gate.wait()
        with lock:
            here -= 1
        return f"answer to {question}"

    asked = [Conversation(ask("english_to_nko", f"number {number}")) for number in range(8)]
    with ChatServer(said) as server:
        answers = chat_of(server).answer(asked)
    assert [one.text for one in answers] == [f"answer to number {number}" for number in range(8)]
    assert most == 4


def test_a_key_in_place_of_its_file_is_not_told(tmp_path, store, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", '{"private_key": "S3CR3T"}')

    def client() -> genai.Client:
        return genai.Client(vertexai=True, project="p", location="us-central1")

    chat = GeminiChat(
        ENDPOINT,
        client,
        lambda: store,
        tmp_path / "asked",
        limits=Limits(budget_usd=1),
        base=MODEL,
    )
    with pytest.raises(ConfigurationError, match="without credentials") as failure:
        chat.answer([MORNING])
    assert "S3CR3T" not in str(failure.value)
    assert "path of a service account's key file" in failure.value.next_step
    assert booked(store)[0].open_usd == 0
