"""The decision: each candidate's figures with this data, and which to tune first, with reasons.

Nothing here knows how well a model learns N'Ko; only the evaluation on the frozen test does. So
what is recommended is where to begin: what costs little to try, and what can be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.prices import Price, price
from nko_assets.tuning.options.candidates import CANDIDATES, Candidate
from nko_assets.tuning.options.costs import CARDS, Training, training
from nko_assets.tuning.options.measure import Measured
from nko_assets.tuning.shapes.shape import MINIMUM
from nko_assets.tuning.tokens import RATES
from nko_assets.tuning.vertex_prices import EPOCHS, training_usd, tunable

GOAL: Final = 10_000
"""Examples that the project wants."""

_LEAST_BILLIONS: Final = 1.5  # below it models hold too little to translate with
_QUESTIONS: Final = 1_000
_HEADROOM: Final = 0.9  # of the smallest card's memory, so that longer rows fit as well


@dataclass(frozen=True, slots=True)
class Option:
    """One candidate with the data at hand.

    `tokens` are those of one epoch as it would be tuned: with pictures for Gemini, with N'Ko
    pieces added for open models where that helps. `usd` is for `EPOCHS` epochs, `goal_usd` for as
    many over `GOAL` examples like these; None where a price is not known. `questions_usd` is for a
    thousand answers, `hour_usd` for an hour of the card that serves an open model.
    """

    candidate: Candidate
    tokens: int
    plain_tokens: int
    counted: bool
    usd: float | None
    goal_usd: float | None
    training: Training | None
    questions_usd: float | None
    hour_usd: float | None
    answers: Price | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Which to tune: first by a service and then openly, "" for none of a kind, with the reasons."""

    first: str
    beside: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """The whole document; `left_usd` is what may still be spent of the budget."""

    day: date
    left_usd: float
    measured: Measured
    options: tuple[Option, ...]
    recommendation: Recommendation


def decide(measured: Measured, left_usd: float, day: date) -> Options:
    """Work out every candidate with prices of `day`, and recommend."""
    options = tuple(_option(candidate, measured, day) for candidate in CANDIDATES)
    return Options(day, left_usd, measured, options, _recommend(options, measured, left_usd))


def _option(candidate: Candidate, measured: Measured, day: date) -> Option:
    return (_of_vertex if candidate.where == "vertex" else _of_open)(candidate, measured, day)


def _of_vertex(candidate: Candidate, measured: Measured, day: date) -> Option:
    rates, tokens = RATES[candidate.tokenizer], measured.gemini
    try:
        model = tunable(candidate.name)
    except ConfigurationError:
        usd = None
    else:
        usd = training_usd(model, tokens, EPOCHS)
    answers = price(candidate.name, day, batch=False)
    asked, answered = (
        nko * rates.nko + other * rates.other for nko, other in (measured.question, measured.answer)
    )
    return Option(
        candidate=candidate,
        tokens=tokens,
        plain_tokens=tokens,
        counted=False,
        usd=usd,
        goal_usd=None if usd is None else usd * _to_goal(measured),
        training=None,
        questions_usd=answers.cost_usd(round(asked * _QUESTIONS), round(answered * _QUESTIONS)),
        hour_usd=None,
        answers=answers,
    )


def _of_open(candidate: Candidate, measured: Measured, _day: date) -> Option:
    counted = measured.tokens[candidate.tokenizer]
    tokens = counted.text if counted.extended is None else min(counted.text, counted.extended)
    billions = candidate.parameters or 0.0
    now = training(billions, tokens, EPOCHS)
    goal = training(billions, round(tokens * _to_goal(measured)), EPOCHS)
    return Option(
        candidate=candidate,
        tokens=tokens,
        plain_tokens=counted.text,
        counted=counted.counted,
        usd=now.usd,
        goal_usd=goal.usd,
        training=now,
        questions_usd=None,
        hour_usd=now.card.usd_hour if now.card else 0.0,
        answers=None,
    )


def _to_goal(measured: Measured) -> float:
    return GOAL / max(measured.examples, 1)


def _recommend(options: Sequence[Option], measured: Measured, left_usd: float) -> Recommendation:
    if measured.examples < MINIMUM:
        return Recommendation(
            "",
            "",
            (
                (
                    f"Only {measured.examples} examples to train on, where a tuner takes {MINIMUM} or "
                    "more: accept more readings or add lessons first."
                ),
            ),
        )
    service = _service(options, left_usd)
    kept = _kept(options)
    reasons = [
        *_why_service(service, measured, left_usd),
        *_why_kept(kept, measured),
        (
            "Neither figure says how well a model learns N'Ko: tune, and let the evaluation on the "
            "frozen test decide between them and the model untuned."
        ),
    ]
    if measured.examples < GOAL:
        reasons.append(
            f"With {measured.examples:,} of the {GOAL:,} examples that the project wants, this is a "
            "rehearsal: expect it to learn the phrases of the lessons rather than the language."
        )
    return Recommendation(
        service.candidate.name if service else "", kept.candidate.name, tuple(reasons)
    )


def _service(options: Sequence[Option], left_usd: float) -> Option | None:
    """The cheapest model of a service whose tuning has a price that what is left allows."""
    priced = [
        (option.usd, option)
        for option in options
        if option.candidate.where == "vertex" and option.usd is not None
    ]
    usd, cheapest = min(priced, key=lambda pair: pair[0])
    return cheapest if usd <= left_usd else None


def _kept(options: Sequence[Option]) -> Option:
    """The largest open model, free to pass on, that the smallest card trains with room to spare."""
    room = _HEADROOM * min(card.memory_gb for card in CARDS)
    able = [
        option
        for option in options
        if option.training is not None
        and option.candidate.permissive
        and (option.candidate.parameters or 0) >= _LEAST_BILLIONS
        and option.training.memory_gb <= room
    ]
    return max(able, key=lambda option: (option.candidate.parameters or 0, -option.plain_tokens))


def _why_service(service: Option | None, measured: Measured, left_usd: float) -> list[str]:
    if service is None:
        return [
            (
                f"No Gemini model can be tuned with the ${left_usd:,.2f} that are left of the budget; "
                "raise NKO_BUDGET_USD to try one."
            )
        ]
    usd, goal = service.usd or 0.0, service.goal_usd or 0.0
    reasons = [
        (
            f"{service.candidate.name} is the cheapest model that a service tunes: about ${usd:,.2f} "
            f"for {EPOCHS} epochs over {measured.examples:,} examples, ${goal:,.2f} over {GOAL:,} like "
            "them, and no hardware."
        )
    ]
    if measured.pictures:
        reasons.append(
            f"It alone can learn from the {measured.pictures:,} pictures of lines as well; the "
            "open trainer takes text."
        )
    return reasons


def _why_kept(kept: Option, measured: Measured) -> list[str]:
    tokens = measured.tokens[kept.candidate.tokenizer]
    trained = kept.training
    card = "a processor" if trained is None or trained.card is None else f"one {trained.card.name}"
    how_long = f" in about {trained.hours:.1f} hours" if trained and trained.hours else ""
    reasons = [
        (
            f"{kept.candidate.name} can be kept, changed and passed on ({kept.candidate.licence}), runs "
            f"without any service, and trains on {card}{how_long} for about ${kept.usd or 0:,.2f}."
        )
    ]
    others = {
        rates.name: rates.nko_word
        for rates in RATES.values()
        if rates.name != kept.candidate.tokenizer
    }
    mine = RATES[kept.candidate.tokenizer].nko_word
    if all(mine < other for other in others.values()):
        reasons.append(
            f"Its tokenizer is the kindest to N'Ko: {mine:.1f} tokens a word of prose, where the "
            f"others take {min(others.values()):.1f} to {max(others.values()):.1f}."
        )
    if measured.own and tokens.extended is not None and tokens.extended < tokens.text:
        reasons.append(
            f"With {measured.own.pieces:,} N'Ko pieces added, a word of validation takes "
            f"{measured.own.tokens_a_word:.1f} tokens, and the text of train "
            f"{1 - tokens.extended / tokens.text:.0%} fewer."
        )
    return reasons
