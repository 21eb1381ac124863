"""The history of what people decided: rows are added to it, and none is changed or taken away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import class_row

from nko_assets.failures import PermanentFailure
from nko_assets.reading.decisions import HumanDecision, in_effect, person
from nko_assets.reading.ledger.transactions import durable
from nko_assets.reading.reviews.rows import AlreadyDecided, Decided, HistoryEntry, Imported

_WRITING = 0x6E6B6F03  # "nko" and a counter: the advisory lock of whoever writes items or decisions

_ENTRY: LiteralString = """
select id, reading_id, verdict, reviewer as by, decided_at as at, origin, seen, english_was,
    french_was, nko, english, french, note, undoes,
    exists (select from reviews.decisions later where later.undoes = entry.id) as undone
from reviews.decisions entry
"""

_ADD = """
insert into reviews.decisions (reading_id, verdict, reviewer, decided_at, origin, seen,
    english_was, french_was, nko, english, french, note, undoes)
select %(reading_id)s, %(verdict)s, %(by)s, %(at)s, %(origin)s, %(seen)s,
    item.english, item.french, %(nko)s, %(english)s, %(french)s, %(note)s, %(undoes)s
from (select %(reading_id)s as reading_id) given
left join reviews.items item using (reading_id)
returning id
"""

# A text that occurs often comes first, in one place: where most is to be learned. Once a person
# decided on it anywhere, all its places teach what they teach alone.
_FIRST = """
select text.key, first.reading_id, first.teaches * (1 + floor(log(2, text.items)))
from reviews.texts text
left join lateral (
    select reading_id, teaches
    from reviews.items item
    where item.text_key = text.key and text.decided = 0
    order by teaches desc, reading_id desc
    limit 1
) first on true
where text.items > 0 and text.key in (
    select md5(each)::uuid from unnest(%s::text[]) each where each <> ''
)
"""

_WERE_FIRST = """
select reading_id, teaches from reviews.items where text_key = any (%s) and priority <> teaches
"""

_PRIORITIES = """
update reviews.items
set priority = ranked.priority
from unnest(%s::text[], %s::double precision[]) ranked (reading_id, priority)
where items.reading_id = ranked.reading_id and items.priority <> ranked.priority
"""


@contextmanager
def writing(conn: Connection) -> Iterator[None]:
    """A durable transaction that nobody else's writing to the review runs beside."""
    with durable(conn):
        conn.execute("select pg_advisory_xact_lock(%s)", [_WRITING])
        yield


def history(conn: Connection, reading_id: str) -> list[HistoryEntry]:
    """Everything that was decided and undone on a reading, oldest first."""
    return entries_of(conn, [reading_id])


def entries_of(conn: Connection, reading_ids: Collection[str]) -> list[HistoryEntry]:
    """The same for several readings, one reading after another."""
    with conn.cursor(row_factory=class_row(HistoryEntry)) as cursor:
        query = f"{_ENTRY} where reading_id = any(%s) order by reading_id, decided_at, id"
        return cursor.execute(query, [list(reading_ids)]).fetchall()


def standing(entries: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """The decisions among `entries` that nobody undid, in the same order."""
    return [entry for entry in entries if entry.undoes is None and not entry.undone]


def decide(conn: Connection, decision: HumanDecision, seen_decision: int | None) -> int:
    """Record a decision of the explorer; see `ReviewDesk.decide`."""
    with writing(conn):
        before = standing(history(conn, decision.reading_id))
        last = before[-1].id if before else None
        if last != seen_decision:
            if _sent_again(decision, seen_decision, before):
                return before[-1].id
            raise _already_decided(conn, decision.reading_id, before)
        at = max([decision.moment, *(entry.at for entry in before)])
        added = _add(conn, decision, at, "explorer")
        settle(conn, [decision.reading_id])
        return added


def undo(conn: Connection, decision_id: int, by: str) -> int:
    """Take a decision back; see `ReviewDesk.undo`."""
    by = person(by)
    with writing(conn):
        row = conn.execute(
            "select reading_id from reviews.decisions where id = %s and undoes is null",
            [decision_id],
        ).fetchone()
        if row is None:
            raise PermanentFailure(
                f"There is no decision {decision_id} to take back.", "Look at the history again."
            )
        entries = history(conn, row[0])
        for entry in entries:
            if entry.undoes == decision_id:
                return entry.id
        before = standing(entries)
        if before[-1].id != decision_id:
            raise _already_decided(conn, row[0], before)
        taken_back = before[-1]
        at = max(datetime.now(UTC), taken_back.at)
        undoing = replace(taken_back, verdict="undo", by=by, undoes=decision_id)
        added = _add(conn, undoing, at, "explorer")
        settle(conn, [undoing.reading_id])
        return added


def decided(conn: Connection, reading_ids: Collection[str]) -> Decided:
    """What was decided on these readings, and how far their history is."""
    entries = sorted(entries_of(conn, reading_ids), key=lambda entry: (entry.at, entry.id))
    return Decided(
        [entry.decision for entry in standing(entries)],
        max((entry.id for entry in entries), default=0),
    )


def decisions(conn: Connection) -> list[HumanDecision]:
    """All decisions that nobody undid, oldest first."""
    with conn.cursor(row_factory=class_row(HistoryEntry)) as cursor:
        entries = cursor.execute(f"{_ENTRY} order by decided_at, id").fetchall()
    return [entry.decision for entry in standing(entries)]


def import_decisions(conn: Connection, taken: Sequence[HumanDecision], origin: str) -> Imported:
    """Add decisions that were taken elsewhere; see `ReviewDesk.import_decisions`."""
    reading_ids = {decision.reading_id for decision in taken}
    with writing(conn):
        known = {
            _content(entry.decision)
            for entry in entries_of(conn, reading_ids)
            if entry.undoes is None
        }
        new = [
            decision
            for content, decision in {_content(one): one for one in taken}.items()
            if content not in known
        ]
        for decision in new:
            _add(conn, decision, decision.moment, origin)
        settle(conn, {decision.reading_id for decision in new})
    return Imported(len(new), len(taken) - len(new))


def settle(conn: Connection, reading_ids: Collection[str]) -> None:
    """Say of the items of these readings which decision is in effect, and order the queue so.

    Part of a transaction of `writing`.
    """
    texts: dict[str, str] = dict(
        conn.execute(
            "select reading_id, nko from reviews.items where reading_id = any(%s)",
            [list(reading_ids)],
        ).fetchall()
    )
    effective: dict[str, int | None] = dict.fromkeys(texts)
    for reading_id, entries in groupby(entries_of(conn, texts), lambda entry: entry.reading_id):
        taken = [(entry.decision, entry.id) for entry in standing(entries)]
        found = in_effect([decision for decision, _ in taken], texts[reading_id])
        effective[reading_id] = next((id_ for decision, id_ in taken if decision is found), None)
    conn.execute(
        "update reviews.items set decision = settled.decision, claimed_by = null,"
        " claimed_until = null"
        " from unnest(%s::text[], %s::bigint[]) settled (reading_id, decision)"
        " where items.reading_id = settled.reading_id"
        " and items.decision is distinct from settled.decision",
        [list(effective), list(effective.values())],
    )
    rank(conn, set(texts.values()))


def rank(conn: Connection, texts: Collection[str]) -> None:
    """Order the items with these texts by what a decision would teach; part of `writing`."""
    first = conn.execute(_FIRST, [sorted(texts)]).fetchall()
    # Few rows of a table that may be large: the planner is told which.
    keys = [key for key, _, _ in first]
    ranked: dict[str, float] = dict(conn.execute(_WERE_FIRST, [keys]).fetchall())
    ranked |= {reading_id: priority for _, reading_id, priority in first if reading_id}
    conn.execute(_PRIORITIES, [list(ranked), list(ranked.values())])


def _add(conn: Connection, row: HumanDecision | HistoryEntry, at: datetime, origin: str) -> int:
    values = {
        "reading_id": row.reading_id,
        "verdict": row.verdict,
        "by": row.by.strip(),
        "at": at,
        "origin": origin,
        "seen": row.seen,
        "nko": row.nko,
        "english": row.english,
        "french": row.french,
        "note": row.note,
        "undoes": row.undoes if isinstance(row, HistoryEntry) else None,
    }
    (added,) = conn.execute(_ADD, values).fetchone() or (0,)
    return int(added)


def _content(decision: HumanDecision) -> HumanDecision:
    """What makes a decision the same one when it comes again."""
    return replace(decision, by=decision.by.strip(), at=decision.moment.isoformat())


def _sent_again(
    decision: HumanDecision, seen_decision: int | None, before: Sequence[HistoryEntry]
) -> bool:
    """Whether the last decision is this very one, taken by someone who saw the one before it."""
    if not before:
        return False
    earlier = before[-2].id if len(before) > 1 else None
    there = before[-1].decision
    return earlier == seen_decision and there == replace(_content(decision), at=there.at)


def _already_decided(
    conn: Connection, reading_id: str, before: Sequence[HistoryEntry]
) -> AlreadyDecided:
    if before:
        last = before[-1]
        return AlreadyDecided(last.by, last.at, last.verdict, last.id)
    # Nothing stands any more: the last thing that happened was an undoing.
    entries = history(conn, reading_id)
    if not entries:
        raise PermanentFailure(
            "The decision that you saw is not one on this reading.", "Look at the item again."
        )
    last = max(entries, key=lambda entry: entry.id)
    return AlreadyDecided(last.by, last.at, last.verdict, None)
