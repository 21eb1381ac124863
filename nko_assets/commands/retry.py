"""`nko retry`: frames that failed for good are asked again, because somebody says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from nko_assets.failures import ConfigurationError
from nko_assets.settings import Settings

if TYPE_CHECKING:
    from nko_assets.channel import VideoEntry
    from nko_assets.reading.reader import DeferredReader
    from nko_assets.steps import Workshop


def register(
    app: typer.Typer, out: Console, settings_for: Callable[[str | None, Path | None], Settings]
) -> None:
    """Add the command to `app`; `settings_for` gives those of a source and a data root."""

    @app.command()
    def retry(
        videos: Annotated[
            str | None,
            typer.Option("--videos", help="Only these videos: ids, separated by commas."),
        ] = None,
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Queue the frames again that Gemini failed on for good; `nko run` sends them."""
        from nko_assets.instance import only_runner
        from nko_assets.run import chosen_videos
        from nko_assets.workshop import open_workshop

        settings = settings_for(None, data)
        workshop = open_workshop(settings)
        _require_ledger(workshop)
        known = {entry.video_id: entry for entry in workshop.lake.videos()}
        named = [name.strip() for name in (videos or "").split(",") if name.strip()]
        if videos is not None and not named:
            raise ConfigurationError("--videos names nothing.", "Leave it out to take everything.")
        chosen = [known[key] for key in chosen_videos(known, named)]
        with only_runner(settings):
            frames, keys = retry_videos(workshop, chosen)
        if as_json:
            result = {"frames": frames, "videos": keys}
            sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
        elif frames:
            out.print(
                f"{frames:,} frames of {len(keys):,} videos are queued again. `nko run` sends "
                "them, within the budget, and reads on."
            )
        elif keys:
            out.print(
                f"Nothing is asked again: the failed frames of {len(keys):,} videos were asked nine "
                "times, or the model or its settings have changed since, and `nko run` asks anew."
            )
        else:
            out.print("Nothing to retry: no frame of these videos failed for good.")


def retry_videos(workshop: Workshop, entries: list[VideoEntry]) -> tuple[int, list[str]]:
    """Queue the failed frames of `entries` again: how many, and which videos have any.

    What was collected of these videos stays in use, and is collected again when the answers are
    there. The `only_runner` does so, or else a run could take the old answers for the new ones.
    """
    from nko_assets.assets.lessons import COLLECTION

    reader = cast("DeferredReader", workshop.reader)
    keys = [key for key, frames in _failed(workshop, entries).items() if frames]
    if not keys:
        return 0, []
    # First: whoever is killed between the two has only made work, and lost no answer.
    for key in keys:
        workshop.lake.outdate(COLLECTION, key)
    return reader.retry_failed(keys), keys


def _failed(workshop: Workshop, entries: list[VideoEntry]) -> dict[str, int]:
    """How many frames of each video failed for good, by what was last handed to the reader."""
    from nko_assets.assets.lessons import SUBMISSION
    from nko_assets.reading import ledger
    from nko_assets.reading.receipt import Receipt

    lake = workshop.lake
    receipts = {
        entry.video_id: Receipt.from_json(
            lake.path(SUBMISSION, entry.video_id, ".json").read_text(encoding="utf-8")
        )
        for entry in entries
        if lake.record(SUBMISSION, entry.video_id) is not None
    }
    hashes = [hash_ for receipt in receipts.values() for hash_ in receipt.request_hashes]
    with workshop.store().session() as conn:
        states = ledger.states_of(conn, hashes)
    return {
        key: sum(
            states.get(hash_) is ledger.RequestState.FAILED for hash_ in receipt.request_hashes
        )
        for key, receipt in receipts.items()
    }


def _require_ledger(workshop: Workshop) -> None:
    if not workshop.reader.deferred:
        raise ConfigurationError(
            f"The {workshop.reader.name} reader is in use, which answers at once: no frame of it "
            "waits to be asked again.",
            "Set GEMINI_API_KEY, and leave NKO_READER out, to ask Gemini again.",
        )
    if not workshop.store.exists:
        raise ConfigurationError(
            "There is no ledger yet: no frame was handed to Gemini.",
            "Start with `nko run`, or give --data.",
        )
