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
from fastapi.responses import JSONResponse, RedirectResponse
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
from nko_assets.web.pages import language_of, page
from nko_assets.web.review_item import LONGEST_TEXT, longest_correction, preview, shown
from nko_assets.web.reviewers import Reviewer, ReviewerOrNone, who

# Readings that one page may hold or have skipped.
MOST_PASSED: Final = 500

ReadingId = Annotated[str, Path(pattern=UUID)]
DecisionId = Annotated[int, Path(ge=1, lt=2**63)]
Uuid = Annotated[str, Field(pattern=UUID)]


class Asked(BaseModel):
    """What the page is told of the last decision: what was done, and what can be taken back."""

    without: Annotated[list[Uuid], Field(max_length=MOST_PASSED)] = []
    did: Literal["accept", "correct", "reject", "skip", "outdated"] | None = None
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

    def decision(self, reading_id: str, by: str) -> HumanDecision:
        """The decision, which accepts where nothing was corrected.

        Raises Refused for an empty text, ValueError for what is no text.
        """
        changed = {}
        if self.take:
            changed["nko"] = self.take
        elif self.verdict == "correct":
            if normalize(self.nko) != self.seen:
                changed["nko"] = self.nko
            for name in ("english", "french"):
                now, was = getattr(self, name).strip(), getattr(self, f"{name}_seen")
                if now != was:
                    changed[name] = now
        if "nko" in changed and not changed["nko"].strip():
            raise Refused(422, "review.empty")
        verdict = self.verdict
        if changed:
            verdict = "correct"
        elif verdict == "correct":
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

    @router.get("/preview")
    def preview_part(
        request: Request,
        nko: str = "",
        english: str = "",
    ) -> Response:
        """What a correction says, while it is typed."""
        return page(request, "_review_preview.html", preview=preview(nko, english))

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
        if not _by_script(request):
            return RedirectResponse(f"/review/{reading}", 303)
        return _part(request, desk, lake, _found(desk, reading))

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
        item = _found(desk, reading_id)
        if said.verdict == "skip" and not said.take:
            desk.release(reading_id, reviewer)
            counts = _counts(request, progress(), reviewer)
            return _done(request, "skip", counts, None, reading_id, [*said.without, reading_id])
        if said.take or said.verdict == "correct":
            longest = longest_correction(item)
            texts = (said.take, said.nko, said.english, said.french)
            if any(len(text) > longest for text in texts):
                raise Refused(422, "review.too_long", n=longest)
        try:
            decision = said.decision(reading_id, reviewer)
        except ValueError:
            raise Refused(422, "review.not_text") from None
        try:
            decision_id = desk.decide(decision, said.seen_decision or None)
        except AlreadyDecided as error:
            return _conflict(request, desk, lake, reviewer, reading_id, error)
        applies = _found(desk, reading_id).decision is not None
        did = decision.verdict if applies else "outdated"
        counts = _counts(request, progress.anew(), reviewer)
        return _done(request, did, counts, decision_id, reading_id, said.without)

    return router


def _add_claims(router: APIRouter, desk: ReviewDesk, lake: Lake) -> None:
    """What the script asks for beside decisions: readings ahead, held for longer, given back."""

    @router.post("/next", responses={204: {"description": "Nothing waits."}})
    def next_part(
        request: Request,
        reviewer: Reviewer,
        without: Annotated[list[Uuid], Form(max_length=MOST_PASSED)] = [],  # noqa: B006  as FastAPI has it
    ) -> Response:
        """The next reading alone, claimed, for the script that fetches ahead."""
        item = desk.next_item(reviewer, without)
        return Response(status_code=204) if item is None else _part(request, desk, lake, item)

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


def _part(request: Request, desk: ReviewDesk, lake: Lake, item: ReviewItem) -> Response:
    return page(request, "_review_item.html", asked=Asked(), **_about(desk, lake, item))


def _about(desk: ReviewDesk, lake: Lake, item: ReviewItem) -> dict[str, Any]:
    history = desk.history(item.reading_id) if item.last_decision is not None else []
    until = item.claimed_until
    return {
        **shown(lake, item),
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
) -> Response:
    return page(
        request,
        "review.html",
        status=status,
        reviewer=reviewer,
        counts=_counts(request, progress, reviewer),
        trouble=trouble,
        asked=asked or Asked(),
        **(_about(desk, lake, item) if item else {"item": None}),
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
) -> Response:
    """Somebody was faster: who, and the reading as it stands now."""
    t = language_of(request)
    told = t(f"review.conflict_{error.verdict}", by=error.by, at=f"{error.at:%H:%M}")
    if _by_script(request):
        answer = {"message": told, "look": t("review.look"), "url": f"/review/{reading_id}"}
        return JSONResponse(answer, 409)
    item = _found(desk, reading_id)
    return _review_page(
        request, desk, lake, reviewer, item, desk.progress(), status=409, trouble=told
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
