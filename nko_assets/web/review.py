"""`/review`: readings that wait for a person, one after the other, and the decisions on them.

The page works as plain forms. Its script sends the same forms, and says by the header Accept that
it wants JSON, or the part of the page that changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import AwareDatetime, BaseModel, Field

from nko_assets.failures import PermanentFailure
from nko_assets.nko import normalize
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews import LEASE, AlreadyDecided, ReviewItem, ReviewProgress
from nko_assets.resources.lake import Lake
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.schemas.base import UUID
from nko_assets.web.failures import Refused
from nko_assets.web.kept import Kept
from nko_assets.web.keyboard import ROWS
from nko_assets.web.pages import language_of, page, rendered
from nko_assets.web.review_item import (
    LONGEST_TEXT,
    Correction,
    corrected,
    longest_correction,
    preview,
    shown,
)
from nko_assets.web.reviewers import Reviewer, ReviewerOrNone, who

# Readings that one page may hold or have skipped.
MOST_PASSED: Final = 500

ReadingId = Annotated[str, Path(pattern=UUID)]
DecisionId = Annotated[int, Path(ge=1, lt=2**63)]
Uuid = Annotated[str, Field(pattern=UUID)]


class Asked(BaseModel):
    """What the page is told of the last decision: what was done, and what can be taken back."""

    without: Annotated[list[Uuid], Field(max_length=MOST_PASSED)] = []
    did: Literal["accept", "correct", "reject", "skip", "outdated", "undone"] | None = None
    undo: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    reading: Uuid | None = None


class Said(BaseModel):
    """The form of a decision; `..._seen` is what the reviewer had before them.

    What was read may be of any length, and the form sends it back; how long a correction may be
    depends on it.
    """

    verdict: Literal["accept", "correct", "reject", "skip"] = "correct"
    take: str = Field("", description="what another reader read, in place of a correction")
    seen: str = ""
    seen_decision: Annotated[int, Field(ge=1, lt=2**63)] | Literal[""] = ""
    nko: str = ""
    english: str = ""
    english_seen: str = ""
    french: str = ""
    french_seen: str = ""
    note: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    without: Annotated[list[Uuid], Field(max_length=MOST_PASSED)] = []

    @property
    def fields(self) -> Correction:
        """What stands in the fields of the correction."""
        return Correction(self.nko, self.english, self.french, self.note)

    def decision(
        self, reading_id: str, by: str, standing: HumanDecision | None = None
    ) -> HumanDecision:
        """The decision, which accepts where nothing is other than it was read.

        What was accepted, or taken from another reader, is what the page showed: the text with the
        correction that is `standing`. Raises Refused for an empty text, ValueError for what is no
        text.
        """
        changed = {}
        if self.verdict == "correct" and not self.take:
            changed["nko"] = self.nko
            for name in ("english", "french"):
                now, was = getattr(self, name).strip(), getattr(self, f"{name}_seen")
                if now != was:
                    changed[name] = now
        elif self.take or self.verdict == "accept":
            changed = corrected(standing)
            if self.take:
                changed["nko"] = self.take
        if "nko" in changed and normalize(changed["nko"]) == self.seen:
            del changed["nko"]
        if "nko" in changed and not changed["nko"].strip():
            raise Refused(422, "review.empty")
        verdict = self.verdict
        if changed:
            verdict = "correct"
        elif verdict == "correct" or self.take:
            verdict = "accept"
        return HumanDecision(
            reading_id=reading_id,
            verdict=verdict,
            by=by,
            at=datetime.now(UTC).isoformat(),
            seen=self.seen,
            note=self.note.strip() or None,
            **changed,
        )


def review_pages(desk: ReviewDesk, lake: Lake) -> APIRouter:
    """The pages over the desk, with pictures from `lake`."""
    router = APIRouter(prefix="/review", include_in_schema=False)
    progress = Kept(desk.progress)
    _add_claims(router, desk, lake)

    @router.get("")
    def next_page(
        request: Request,
        reviewer: ReviewerOrNone,
        asked: Annotated[Asked, Query()],
    ) -> Response:
        """The page with the next reading, or the one that asks who comes."""
        if reviewer is None:
            return who(request)
        item = desk.next_item(reviewer, asked.without)
        return _review_page(request, desk, lake, reviewer, item, progress(), asked)

    @router.post("/decisions/{decision_id}/undo")
    def undo(
        request: Request,
        reviewer: Reviewer,
        decision_id: DecisionId,
        reading: Annotated[Uuid, Form()],
    ) -> Response:
        """Take a decision back, and look at its reading again."""
        try:
            desk.undo(decision_id, reviewer)
        except AlreadyDecided as error:
            return _conflict(request, desk, lake, reviewer, reading, error)
        except PermanentFailure:
            raise Refused(404, "review.no_decision") from None
        desk.claim(reading, reviewer)
        item = desk.item(reading)
        if not _by_script(request):
            return RedirectResponse(f"/review/{reading}" if item else "/review?did=undone", 303)
        t = language_of(request)
        return JSONResponse(
            {
                "told": t("review.undone" if item else "review.done_undone"),
                "counts": _counts(request, progress.anew(), reviewer),
                "item": item and _part(request, desk, lake, item),
            }
        )

    @router.get("/{reading_id}")
    def one_page(
        request: Request,
        reviewer: ReviewerOrNone,
        reading_id: ReadingId,
    ) -> Response:
        """The page with one reading, whatever was decided on it."""
        if reviewer is None:
            return who(request, reading_id)
        desk.claim(reading_id, reviewer)
        item = _found(desk, reading_id)
        return _review_page(request, desk, lake, reviewer, item, progress())

    @router.post("/{reading_id}")
    def decide(
        request: Request,
        reviewer: Reviewer,
        reading_id: ReadingId,
        said: Annotated[Said, Form()],
    ) -> Response:
        """Decide on a reading, or skip it."""
        if said.verdict == "skip" and not said.take:
            desk.release(reading_id, reviewer)
            counts = _counts(request, progress(), reviewer)
            return _done(request, "skip", counts, None, reading_id, [*said.without, reading_id])
        item = _found(desk, reading_id)
        if said.take or said.verdict == "correct":
            longest = longest_correction(item)
            texts = (said.take, said.nko, said.english, said.french)
            if any(len(text) > longest for text in texts):
                raise Refused(422, "review.too_long", n=longest)
        try:
            decision = said.decision(reading_id, reviewer, item.decision)
        except ValueError:
            raise Refused(422, "review.not_text") from None
        try:
            decision_id = desk.decide(decision, said.seen_decision or None)
        except AlreadyDecided as error:
            typed = said if said.verdict == "correct" and not said.take else None
            return _conflict(request, desk, lake, reviewer, reading_id, error, typed)
        now = desk.item(reading_id)
        did = decision.verdict if now and now.decision else "outdated"
        if did == "correct" and said.verdict == "accept" and not said.take:
            # A correction that somebody else had made was agreed to.
            did = "accept"
        counts = _counts(request, progress.anew(), reviewer)
        return _done(request, did, counts, decision_id, reading_id, said.without)

    return router


def _add_claims(router: APIRouter, desk: ReviewDesk, lake: Lake) -> None:
    """What the script asks for beside decisions: readings ahead, held for longer, given back.

    And what a correction says, while it is typed.
    """

    @router.get("/preview")
    def preview_part(
        request: Request,
        nko: str = "",
        english: str = "",
    ) -> Response:
        """What a correction says, while it is typed."""
        return page(request, "_review_preview.html", preview=preview(nko, english))

    @router.post("/next", responses={204: {"description": "Nothing waits."}})
    def next_part(
        request: Request,
        reviewer: Reviewer,
        without: Annotated[list[Uuid], Form(max_length=MOST_PASSED)] = [],  # noqa: B006  as FastAPI has it
    ) -> Response:
        """The next reading alone, claimed, for the script that fetches ahead."""
        item = desk.next_item(reviewer, without)
        if item is None:
            return Response(status_code=204)
        return HTMLResponse(_part(request, desk, lake, item))

    @router.post("/hold")
    def hold(request: Request, reviewer: Reviewer, reading: Annotated[Uuid, Form()]) -> Response:
        """Keep a reading for longer, which works until somebody else has it."""
        if desk.claim(reading, reviewer):
            until = _found(desk, reading).claimed_until
            held = {"held_s": int(LEASE.total_seconds()), "until": until and until.isoformat()}
            return JSONResponse(held)
        t = language_of(request)
        told = {"message": t("review.expired"), "look": t("review.look")}
        return JSONResponse(told | {"url": f"/review/{reading}"}, 409)

    @router.post("/release", status_code=204)
    def release(
        reviewer: Reviewer,
        reading: Annotated[list[Uuid], Form(max_length=MOST_PASSED)],
        until: Annotated[list[AwareDatetime], Form(max_length=MOST_PASSED)],
    ) -> None:
        """Give back what the page held when it was left, each until the time that it was told.

        A page that is loaded again holds the same readings before the old one says so.
        """
        if len(reading) != len(until):
            raise HTTPException(422, "Every reading needs the time until which it was held.")
        for one, end in zip(reading, until, strict=True):
            desk.release(one, reviewer, end)


def _found(desk: ReviewDesk, reading_id: str) -> ReviewItem:
    item = desk.item(reading_id)
    if item is None:
        raise Refused(404, "review.gone")
    return item


def _by_script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _part(
    request: Request, desk: ReviewDesk, lake: Lake, item: ReviewItem, typed: Said | None = None
) -> str:
    """What the page shows of `item`, as HTML for its script."""
    return rendered(request, "_review_item.html", asked=Asked(), **_about(desk, lake, item, typed))


def _about(
    desk: ReviewDesk, lake: Lake, item: ReviewItem, typed: Said | None = None
) -> dict[str, Any]:
    decided = item.decision is not None or item.last_decision is not None
    history = desk.history(item.reading_id) if decided else []
    until = item.claimed_until
    fields = typed.fields if typed else None
    return {
        **shown(lake, item, fields),
        "history": history,
        # Clocks differ, so the page is told how long, not until when.
        "held_s": max(0, int((until - datetime.now(UTC)).total_seconds())) if until else 0,
        "keyboard_rows": ROWS,
    }


def _review_page(
    request: Request,
    desk: ReviewDesk,
    lake: Lake,
    reviewer: str,
    item: ReviewItem | None,
    progress: ReviewProgress,
    asked: Asked | None = None,
    *,
    status: int = 200,
    trouble: str = "",
    typed: Said | None = None,
) -> Response:
    return page(
        request,
        "review.html",
        status=status,
        reviewer=reviewer,
        counts=_counts(request, progress, reviewer),
        trouble=trouble,
        asked=asked or Asked(),
        lease_s=int(LEASE.total_seconds()),
        **(_about(desk, lake, item, typed) if item else {"item": None}),
    )


def _done(
    request: Request,
    did: str,
    counts: str,
    decision_id: int | None,
    reading_id: str,
    without: Sequence[str],
) -> Response:
    """What was done: for the script as JSON, else on the next page, which passes over `without`."""
    if _by_script(request):
        told = language_of(request)(f"review.done_{did}")
        return JSONResponse({"told": told, "counts": counts, "decision": decision_id})
    asked: dict[str, Any] = {"did": did, "without": without[-MOST_PASSED:]}
    if decision_id is not None:
        asked |= {"undo": decision_id, "reading": reading_id}
    return RedirectResponse(f"/review?{urlencode(asked, doseq=True)}", 303)


def _conflict(
    request: Request,
    desk: ReviewDesk,
    lake: Lake,
    reviewer: str,
    reading_id: str,
    error: AlreadyDecided,
    typed: Said | None = None,
) -> Response:
    """Somebody was faster: who, and the reading as it stands now with what was `typed`."""
    t = language_of(request)
    told = t(f"review.conflict_{error.verdict}", by=error.by, at=f"{error.at:%H:%M}")
    if typed:
        told = f"{told} {t('review.conflict_typed')}"
    item = _found(desk, reading_id)
    if _by_script(request):
        answer = {"message": told, "look": t("review.look"), "url": f"/review/{reading_id}"}
        if typed:
            answer["item"] = _part(request, desk, lake, item, typed)
        return JSONResponse(answer, 409)
    return _review_page(
        request,
        desk,
        lake,
        reviewer,
        item,
        desk.progress(),
        status=409,
        trouble=told,
        typed=typed,
    )


def _counts(request: Request, progress: ReviewProgress, reviewer: str) -> str:
    """How far the review is, on one line."""
    t = language_of(request)
    counts = [
        t("review.waiting", n=progress.waiting),
        t("review.decided", n=progress.decided),
        t("review.own", n=progress.by_reviewer.get(reviewer, 0)),
    ]
    if progress.agreement is not None:
        counts.append(t("review.agreement", share=t.percent(progress.agreement)))
    return " · ".join(counts)
