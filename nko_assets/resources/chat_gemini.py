"""Gemini as a model that answers at once: by the API with a key, or a tuned endpoint of Vertex AI.

Every call is booked against the budgets before it is made and settled after it; an answer that
came is kept, and is never paid for again. A call whose answer was lost stays booked at its
estimate: the service may have charged it.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from google import genai
from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai import types
from google.genai.errors import APIError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure
from nko_assets.files import write_atomically
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.reading.gemini.envelope import Envelope, ResultLine, open_envelope
from nko_assets.reading.gemini.models import model_named
from nko_assets.reading.gemini.prices import price
from nko_assets.reading.gemini.tokens import image_tokens
from nko_assets.reading.ledger import Limits, book, cancel_booking, settle
from nko_assets.resources.gemini_errors import (
    WIRE_ERRORS,
    Ambiguous,
    NotFound,
    Throttled,
    failure_of,
)
from nko_assets.resources.google_login import LOG_IN, told
from nko_assets.resources.store import LazyStore
from nko_assets.tuning.chat_model import OUTPUT_TOKENS, Answer, Conversation
from nko_assets.tuning.prompts import TASKS, Task

_TIMEOUT_S: Final = 60.0
_ATTEMPTS: Final = 4
_LONGEST_WAIT_S: Final = 60.0
_AT_ONCE: Final = 4
# As `reading.gemini.tokens` counts them.
_TOKENS_A_NKO_CHARACTER: Final = 1.8
_CHARACTERS_A_TOKEN: Final = 4.0
_LINE: Final = (1280, 80)  # pixels: the largest crop of a line that is sent

_ADVICE: Final = (
    "Check the name of the model or endpoint, its project and region, and that the key or the "
    "credentials may use it."
)


class GeminiChat:
    """One model of Gemini. May be asked from several threads."""

    tasks: frozenset[Task] = frozenset(TASKS)

    def __init__(
        self,
        model: str,
        client: Callable[[], genai.Client],
        store: LazyStore,
        folder: Path,
        *,
        limits: Limits,
        base: str | None = None,
        purpose: str = "evaluation",
        secret: str = "",
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask `model`: its name, or "projects/…/endpoints/…"; nothing is asked or opened yet.

        `base` is the Gemini model that an endpoint was tuned from, which says what it costs.
        `folder` keeps answers, `secret` is kept out of what is said of failures. Raises
        `ConfigurationError` for a model whose price is not known.
        """
        self.name = model.removeprefix("models/")
        self._base = model_named(base or self.name)
        self._open = client
        self._store = store
        self._folder = folder
        self._limits = limits
        self._purpose = purpose
        self._secret = secret
        self._sleep = sleep
        self._now = now

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """One answer each, four at a time; those that came before are not asked for again.

        Raises `BudgetExceeded` before the call that would go beyond a budget, and
        `ConfigurationError` when the service refuses to be asked at all. What was answered until
        then is kept.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting = [pool.submit(self._answer, one) for one in conversations]
            try:
                return [one.result() for one in waiting]
            except BaseException:
                for one in waiting:
                    one.cancel()
                raise

    def _answer(self, conversation: Conversation) -> Answer:
        config = self._config(conversation)
        identity = self._identity(conversation, config)
        path = self._folder / identity[:2] / f"{identity}.json"
        with suppress(FileNotFoundError):
            return Answer(**json.loads(path.read_text(encoding="utf-8")))
        try:
            envelope = self._asked(identity, conversation, config)
        except ConfigurationError:
            raise
        except NkoError as error:
            return Answer(None, error.message, passing=isinstance(error, TransientFailure))
        usage = envelope.usage
        out = usage.output_tokens + usage.thinking_tokens
        # A model that says nothing, or loops until it is cut off, has answered, and badly.
        cut = envelope.status == "max_tokens" and bool(envelope.text.strip())
        if not (envelope.finished or cut):
            return Answer(None, f"{envelope.status}: {envelope.reason}", usage.input_tokens, out)
        answer = Answer(envelope.text.strip(), None, usage.input_tokens, out, cut=cut)
        write_atomically(path, json.dumps(asdict(answer), ensure_ascii=False).encode())
        return answer

    def _asked(
        self, identity: str, conversation: Conversation, config: types.GenerateContentConfig
    ) -> Envelope:
        """Ask, and ask again after what may heal; each attempt is booked by itself."""
        growing = wait_random_exponential(multiplier=1, max=_LONGEST_WAIT_S)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait_s if isinstance(error, Throttled) else None
            return min(max(growing(state), asked or 0.0), _LONGEST_WAIT_S)

        retrying = Retrying(
            retry=retry_if_exception_type(TransientFailure),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(lambda: self._once(identity, conversation, config))

    def _once(
        self, identity: str, conversation: Conversation, config: types.GenerateContentConfig
    ) -> Envelope:
        booking = f"chat/{identity}/{uuid.uuid4().hex}"
        cost = price(self._base.name, self._today(), batch=False).cost_usd
        expected = cost(self._input_tokens(conversation), config.max_output_tokens or 0)
        with self._store().session() as conn:
            book(
                conn,
                booking,
                purpose=self._purpose,
                model=self.name,
                usd=expected,
                limits=self._limits,
                now=self._now(),
            )
        try:
            response = self._client.models.generate_content(
                model=self.name, contents=_contents(conversation), config=config
            )
        except GoogleAuthError as error:
            # No credentials, no call.
            with self._store().session() as conn:
                cancel_booking(conn, booking)
            raise _without_credentials(error) from None
        except WIRE_ERRORS as error:
            failure = failure_of(error, "a question", self._secret, committing=True)
            if not isinstance(failure, Ambiguous):
                with self._store().session() as conn:
                    cancel_booking(conn, booking)
            if _of_this_question(error):
                raise PermanentFailure(failure.message) from None
            # Nothing but the model itself can be missing here.
            if isinstance(failure, ConfigurationError | NotFound):
                raise ConfigurationError(failure.message, _ADVICE) from None
            # Without its cause: that holds the request, and the request holds the key.
            raise failure from None
        envelope = open_envelope(_result(response))
        usage = envelope.usage
        with self._store().session() as conn:
            settle(
                conn,
                booking,
                cost(usage.input_tokens, usage.output_tokens, usage.thinking_tokens),
            )
        return envelope

    @cached_property
    def _client(self) -> genai.Client:
        return self._open()

    def _today(self) -> date:
        return self._now().date()

    def _config(self, conversation: Conversation) -> types.GenerateContentConfig:
        system = "\n".join(one.content for one in conversation.messages if one.role == "system")
        thinking = self._base.thinking
        return types.GenerateContentConfig(
            system_instruction=system or None,
            temperature=self._base.temperature,
            max_output_tokens=OUTPUT_TOKENS + self._base.thinking_tokens,
            thinking_config=types.ThinkingConfig(thinking_budget=int(thinking))
            if thinking.isdigit()
            else types.ThinkingConfig(thinking_level=types.ThinkingLevel(thinking)),
        )

    def _identity(self, conversation: Conversation, config: types.GenerateContentConfig) -> str:
        asked: Mapping[str, Any] = {
            "model": self.name,
            "turns": [(one.role, one.content) for one in conversation.messages],
            "image": hashlib.sha256(conversation.image).hexdigest() if conversation.image else "",
            "config": config.model_dump(mode="json", exclude_none=True),
        }
        said = json.dumps(asked, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def _input_tokens(self, conversation: Conversation) -> int:
        text = "\n".join(one.content for one in conversation.messages)
        nko = sum(BLOCK_START <= sign <= BLOCK_END for sign in text)
        words = nko * _TOKENS_A_NKO_CHARACTER + (len(text) - nko) / _CHARACTERS_A_TOKEN
        picture = image_tokens(self._base.name, "high", *_LINE) if conversation.image else 0
        return round(words) + picture + 1


def _of_this_question(error: Exception) -> bool:
    """Whether the service refuses what is asked, and not who asks or whom."""
    refused = isinstance(error, APIError) and error.code == 400
    return refused and "api key" not in str(error).lower()


def _without_credentials(error: GoogleAuthError) -> NkoError:
    said = f"Vertex AI cannot be asked without credentials ({told(error)})."
    if isinstance(error, TransportError):
        return TransientFailure(said, "Check the network connection, and run again.")
    return ConfigurationError(said, LOG_IN)


def _contents(conversation: Conversation) -> list[types.Content]:
    turns = [one for one in conversation.messages if one.role != "system"]
    contents: list[types.Content] = []
    for place, turn in enumerate(turns):
        parts = [types.Part.from_text(text=turn.content)]
        if conversation.image is not None and place == len(turns) - 1:
            parts.insert(0, types.Part.from_bytes(data=conversation.image, mime_type="image/jpeg"))
        role = "model" if turn.role == "assistant" else "user"
        contents.append(types.Content(role=role, parts=parts))
    return contents


def _result(response: types.GenerateContentResponse) -> ResultLine:
    """The answer as a line of a result file holds it, so that one code judges both."""
    document = response.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ResultLine(key=None, response=document, error=None, raw="")
