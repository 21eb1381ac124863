"""The review of readings by people: what they are asked, what they decided, how far it is.

It lives in tables of a Postgres database (schema `reviews`, made by the files in `migrations/`).
Every function takes a connection in autocommit mode and leaves behind either all of what it says or
nothing.
"""

from nko_assets.reading.reviews.history import (
    decide,
    decided,
    decisions,
    history,
    import_decisions,
    undo,
)
from nko_assets.reading.reviews.queue import (
    changed_videos,
    claim,
    identity,
    item,
    items_of,
    next_item,
    progress,
    put_items,
    release,
)
from nko_assets.reading.reviews.rows import (
    LEASE,
    ORIGINS,
    AlreadyDecided,
    Decided,
    HistoryEntry,
    Imported,
    ItemsPut,
    NewItem,
    ReviewItem,
    ReviewProgress,
    Said,
)

__all__ = [
    "LEASE",
    "ORIGINS",
    "AlreadyDecided",
    "Decided",
    "HistoryEntry",
    "Imported",
    "ItemsPut",
    "NewItem",
    "ReviewItem",
    "ReviewProgress",
    "Said",
    "changed_videos",
    "claim",
    "decide",
    "decided",
    "decisions",
    "history",
    "identity",
    "import_decisions",
    "item",
    "items_of",
    "next_item",
    "progress",
    "put_items",
    "release",
    "undo",
]
