"""The queue: items go in by video, and are handed out one at a time to one reviewer each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from nko_assets.reading.decisions import HumanDecision, person
from nko_assets.reading.reviews.history import entries_of, rank, settle, standing, writing
from nko_assets.reading.reviews.rows import (
    LEASE,
    ItemsPut,
    NewItem,
    ReviewItem,
    ReviewProgress,
    Said,
)

_COLUMNS = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(NewItem))

_PUT = """
insert into reviews.items ({columns}, priority)
select {columns}, teaches from jsonb_populate_recordset(null::reviews.items, %s)
on conflict (reading_id) do update set
    video_id = excluded.video_id, frame_id = excluded.frame_id, entry = excluded.entry,
    timestamp_ms = excluded.timestamp_ms, nko = excluded.nko, latin = excluded.latin,
    latin_shown = excluded.latin_shown, english = excluded.english, french = excluded.french,
    box = excluded.box, confidence = excluded.confidence, signals = excluded.signals,
    gate = excluded.gate, reason = excluded.reason, said = excluded.said,
    teaches = excluded.teaches, priority = excluded.priority
"""

_SELECT = """
select {columns}, priority, decision, claimed_by, claimed_until,
    texts.items as occurrences
from reviews.items
join reviews.texts on texts.key = items.text_key
where {condition}
order by timestamp_ms, frame_id, entry
"""

# Who comes at the same moment steps over the row that another is about to get; who comes a moment
# later finds it claimed.
_CLAIM = """
update reviews.items
set claimed_by = %(reviewer)s, claimed_until = clock_timestamp() + %(lease)s
where reading_id = (
    select reading_id
    from reviews.items
    where decision is null
        and (claimed_until is null or claimed_until < now() or claimed_by = %(reviewer)s)
        and reading_id <> all (%(without)s)
    order by priority desc, reading_id desc
    limit 1
    for update skip locked
)
returning reading_id
"""

_UNDECIDED = """
select count(*) filter (where gate = 'needs_review'), count(*) filter (where gate <> 'needs_review')
from reviews.items
where decision is null
"""

_OUTDATED = """
select count(distinct items.reading_id)
from reviews.decisions d
join reviews.items using (reading_id)
where items.decision is null and d.undoes is null
    and not exists (select from reviews.decisions u where u.undoes = d.id)
"""

_DECIDED = """
select d.reading_id, d.verdict, d.reviewer, d.seen, d.nko
from reviews.items join reviews.decisions d on d.id = items.decision
"""


def identity(conn: Connection) -> str:
    """The id of the queue, made with its tables."""
    (identity,) = conn.execute("select id::text from reviews.queue").fetchone() or ("",)
    return str(identity)


def put_items(conn: Connection, video_id: str, items: Sequence[NewItem]) -> ItemsPut:
    """Make `items` those of the video; see `ReviewDesk.put_items`."""
    with writing(conn):
        texts = {
            text
            for (text,) in conn.execute(
                "select distinct nko from reviews.items where video_id = %s", [video_id]
            )
        }
        removed = conn.execute(
            "delete from reviews.items where video_id = %s and reading_id <> all(%s)",
            [video_id, [item.reading_id for item in items]],
        ).rowcount
        put = sql.SQL(_PUT).format(columns=_COLUMNS)
        conn.execute(put, [Jsonb([asdict(item) for item in items])])
        settle(conn, [item.reading_id for item in items])
        # Texts that are not read here any more occur less often elsewhere.
        rank(conn, texts - {item.nko for item in items})
        waiting = [
            reading_id
            for (reading_id,) in conn.execute(
                "select reading_id from reviews.items where video_id = %s and decision is null"
                " and gate = 'needs_review'",
                [video_id],
            )
        ]
        outdated = {entry.reading_id for entry in standing(entries_of(conn, waiting))}
    return ItemsPut(len(items), len(waiting), len(outdated), removed)


def next_item(conn: Connection, reviewer: str, without: Collection[str] = ()) -> ReviewItem | None:
    """Claim what would teach most; see `ReviewDesk.next_item`."""
    given = {"reviewer": person(reviewer), "lease": LEASE, "without": list(without)}
    claimed = conn.execute(_CLAIM, given).fetchone()
    return item(conn, claimed[0]) if claimed else None


def claim(conn: Connection, reading_id: str, reviewer: str) -> bool:
    """Claim one item, or hold it for longer; whether it was to be had."""
    return bool(
        conn.execute(
            "update reviews.items"
            " set claimed_by = %(reviewer)s, claimed_until = clock_timestamp() + %(lease)s"
            " where reading_id = %(reading_id)s and decision is null and (claimed_until is null"
            " or claimed_until < now() or claimed_by = %(reviewer)s)",
            {"reading_id": reading_id, "reviewer": person(reviewer), "lease": LEASE},
        ).rowcount
    )


def release(
    conn: Connection, reading_id: str, reviewer: str, until: datetime | None = None
) -> bool:
    """Give back what `reviewer` claimed, see `ReviewDesk.release`; whether they had claimed it."""
    return bool(
        conn.execute(
            "update reviews.items set claimed_by = null, claimed_until = null"
            " where reading_id = %(reading_id)s and claimed_by = %(reviewer)s"
            " and claimed_until = coalesce(%(until)s, claimed_until)",
            {"reading_id": reading_id, "reviewer": person(reviewer), "until": until},
        ).rowcount
    )


def item(conn: Connection, reading_id: str) -> ReviewItem | None:
    """The item as it is now, or None when there is none of this reading."""
    found = _items(conn, "reading_id = %s", reading_id)
    return found[0] if found else None


def items_of(conn: Connection, video_id: str) -> list[ReviewItem]:
    """The items of a video in the order of its frames and their entries."""
    return _items(conn, "video_id = %s", video_id)


def _items(conn: Connection, condition: LiteralString, value: str) -> list[ReviewItem]:
    with conn.cursor(row_factory=dict_row) as cursor:
        query = sql.SQL(_SELECT).format(columns=_COLUMNS, condition=sql.SQL(condition))
        rows = cursor.execute(query, [value]).fetchall()
    taken: dict[str, list[Any]] = {row["reading_id"]: [] for row in rows}
    for entry in standing(entries_of(conn, taken)):
        taken[entry.reading_id].append(entry)
    found = []
    for row in rows:
        entries = taken[row["reading_id"]]
        decision = next((one.decision for one in entries if one.id == row["decision"]), None)
        found.append(
            ReviewItem(
                **row
                | {
                    "box": tuple(row["box"]),
                    "signals": tuple(row["signals"]),
                    "said": tuple(Said(**said) for said in row["said"]),
                    "decision": decision,
                },
                last_decision=entries[-1].id if entries else None,
            )
        )
    return found


def changed_videos(conn: Connection, since: int) -> dict[str, int]:
    """The videos on whose items something was decided or undone after row `since` of the history.

    By video the id of the last such row.
    """
    return dict(
        conn.execute(
            "select video_id, max(d.id) from reviews.decisions d join reviews.items"
            " using (reading_id) where d.id > %s group by video_id",
            [since],
        ).fetchall()
    )


def progress(conn: Connection) -> ReviewProgress:
    """How far the review of all videos is."""
    waiting, unchecked = conn.execute(_UNDECIDED).fetchone() or (0, 0)
    (outdated,) = conn.execute(_OUTDATED).fetchone() or (0,)
    decided = [
        HumanDecision(reading_id, verdict, reviewer, "1970-01-01", seen, nko)
        for reading_id, verdict, reviewer, seen, nko in conn.execute(_DECIDED)
    ]
    right = sum(decision.read_right for decision in decided)
    return ReviewProgress(
        waiting=waiting,
        unchecked=unchecked,
        decided=len(decided),
        outdated=outdated,
        by_reviewer=dict(Counter(decision.by for decision in decided).most_common()),
        by_verdict=dict(Counter(decision.verdict for decision in decided).most_common()),
        agreement=right / len(decided) if decided else None,
    )
