"""Between Gemini and the ledger: what asking will cost, what an answer did cost, what is in it."""

from __future__ import annotations

from datetime import date
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from nko_assets.failures import PermanentFailure
from nko_assets.reading.answers import FrameRequest, Reading
from nko_assets.reading.gemini.answers import ResultLine, judge, read_stored
from nko_assets.reading.gemini.prices import cost_usd
from nko_assets.reading.gemini.request import AskSettings, identity, request_size, retry_settings
from nko_assets.reading.gemini.tokens import expected_tokens
from nko_assets.reading.ledger import (
    FINE,
    NewAnswer,
    NewRequest,
    PlannedRequest,
    Retry,
    StoredAnswer,
)
from nko_assets.reading.reader import request_hash

READER = "gemini"
"""What the `reader` column says of these readings."""


def hash_of(request: FrameRequest, model: str, settings: AskSettings) -> str:
    """The request hash of a frame that `model` is asked about with these settings."""
    return request_hash(request, reader=READER, model=model, settings=identity(settings))


def new_request(request: FrameRequest, model: str, settings: AskSettings, day: date) -> NewRequest:
    """The frame as the ledger queues it, with what asking on `day` is expected to cost.

    Raises PermanentFailure when the frame is no picture.
    """
    try:
        with Image.open(BytesIO(request.jpeg)) as picture:
            width, height = picture.size
    except UnidentifiedImageError:
        raise PermanentFailure(
            f"Frame {request.frame_id} is not a picture.", "Materialize unique_frames again."
        ) from None
    expected = _expected(model, settings, width, height, day)
    return NewRequest(
        hash=hash_of(request, model, settings),
        video_id=request.video_id,
        frame_id=request.frame_id,
        timestamp_ms=request.timestamp_ms,
        width=width,
        height=height,
        model=model,
        settings=settings.as_dict(),
        size=request_size(request.frame_id, len(request.jpeg), settings),
        tokens=expected.tokens,
        estimated_usd=expected.estimated_usd,
    )


def is_unchanged(planned: PlannedRequest, jpeg: bytes) -> bool:
    """Whether `jpeg`, asked about as this release asks, is what the request's hash was made of."""
    frame = FrameRequest(planned.frame_id, planned.video_id, planned.timestamp_ms, jpeg)
    settings = AskSettings.from_dict(planned.first_settings)
    return hash_of(frame, planned.model, settings) == planned.hash


def price_now(planned: PlannedRequest, day: date) -> float:
    """Dollars that asking `planned` is expected to cost on `day`, whenever it was queued."""
    settings = AskSettings.from_dict(planned.settings)
    return _expected(planned.model, settings, planned.width, planned.height, day).estimated_usd


def first_again(planned: PlannedRequest, day: date) -> Retry:
    """How to ask once more, on a person's word, what has failed: as it was asked the first time."""
    settings = AskSettings.from_dict(planned.first_settings)
    return _expected(planned.model, settings, planned.width, planned.height, day)


def new_answer(result: ResultLine, planned: PlannedRequest, day: date) -> NewAnswer:
    """What came back for a request of a job of `day`: judged, priced, and how to ask again."""
    judged = judge(result, planned.frame_id)
    retry = None
    if judged.status not in FINE and judged.can_heal:
        settings = retry_settings(
            judged.status, planned.model, AskSettings.from_dict(planned.settings)
        )
        if settings is not None:
            retry = _expected(planned.model, settings, planned.width, planned.height, day)
    tokens = (judged.input_tokens, judged.output_tokens, judged.thinking_tokens)
    if any(tokens):
        cost = cost_usd(planned.model, day, *tokens)
    else:
        # What the service refused is free. An answer that does not count its tokens is not.
        cost = 0.0 if result.error is not None else planned.estimated_usd
    return NewAnswer(
        key=planned.key,
        raw=result.raw,
        status=judged.status,
        reason=judged.reason,
        input_tokens=judged.input_tokens,
        output_tokens=judged.output_tokens,
        thinking_tokens=judged.thinking_tokens,
        cost_usd=cost,
        retry=retry,
    )


def reading_of(stored: StoredAnswer, request: FrameRequest) -> Reading:
    """The reading of a frame from the answer to its request.

    Frames with the very same picture share one request: tokens and dollars stand in the reading of
    the frame that it was made for, and are 0 in the others.
    """
    # What the ledger calls a failure stays one: that several answers came is not in any of them.
    judged = read_stored(stored.raw, stored.frame_id) if stored.status in FINE else None
    own = request.frame_id == stored.frame_id
    return Reading(
        frame_id=request.frame_id,
        video_id=request.video_id,
        timestamp_ms=request.timestamp_ms,
        status=judged.status if judged else stored.status,
        reason=judged.reason if judged else stored.reason,
        lines=judged.lines if judged else (),
        entries=judged.entries if judged else (),
        confidence=judged.model_confidence if judged else None,
        reader=READER,
        model=stored.model,
        request_hash=stored.hash,
        attempt=stored.attempt,
        input_tokens=stored.input_tokens if own else 0,
        output_tokens=stored.output_tokens + stored.thinking_tokens if own else 0,
        cost_usd=stored.cost_usd if own else 0.0,
        raw_answer=stored.raw,
    )


def _expected(model: str, settings: AskSettings, width: int, height: int, day: date) -> Retry:
    tokens = expected_tokens(model, settings, width, height)
    return Retry(settings.as_dict(), tokens[0], cost_usd(model, day, *tokens))
