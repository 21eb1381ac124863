"""Label Studio: what waits for review as its tasks, and what was annotated there as decisions.

A task is a frame. Each reading is a region of it: a rectangle, and text areas with the N'Ko and its
translations, all under the reading's id. A person corrects the texts, or labels the region
`not N'Ko`; what they submit unchanged they accept. The task carries what was read, so that the
decision is about the text that the person saw.
https://labelstud.io/guide/task_format and https://labelstud.io/guide/predictions
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews.rows import NewItem

NKO, NOT_NKO = "N'Ko", "not N'Ko"
"""The labels of a region; the second rejects the reading."""

LABELING_CONFIG = f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <RectangleLabels name="line" toName="image">
    <Label value="{NKO}" background="#1f6f54"/>
    <Label value="{NOT_NKO}" background="#a33a2a"/>
  </RectangleLabels>
  <TextArea name="nko" toName="image" perRegion="true" editable="true" maxSubmissions="1"
            required="true" displayMode="region-list"/>
  <TextArea name="english" toName="image" perRegion="true" editable="true" maxSubmissions="1"/>
  <TextArea name="french" toName="image" perRegion="true" editable="true" maxSubmissions="1"/>
  <TextArea name="note" toName="image" perRegion="true" editable="true" maxSubmissions="1"/>
</View>
"""
"""The labeling interface of a project that takes these tasks."""

_TEXTS = ("nko", "english", "french")


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame: its JPEG and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


@dataclass
class AnnotatedTasks:
    """What a file of annotated tasks holds: decisions, and why some of it gives none."""

    decisions: list[HumanDecision] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def task(picture: Picture, items: Sequence[NewItem]) -> dict[str, Any]:
    """The task of one frame with its `items`, all of this frame."""
    first = items[0]
    return {
        "data": {
            "image": f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}",
            "frame_id": first.frame_id,
            "video_id": first.video_id,
            "timestamp_ms": first.timestamp_ms,
            "readings": {
                item.reading_id: {name: getattr(item, name) for name in _TEXTS} for item in items
            },
        },
        "predictions": [
            {
                "model_version": first.said[0].reader,
                "result": [part for item in items for part in _region(picture, item)],
            }
        ],
    }


def _region(picture: Picture, item: NewItem) -> Iterator[dict[str, Any]]:
    x0, y0, x1, y1 = item.box or (0, 0, picture.width, picture.height)
    place = {
        "x": 100 * x0 / picture.width,
        "y": 100 * y0 / picture.height,
        "width": 100 * (x1 - x0) / picture.width,
        "height": 100 * (y1 - y0) / picture.height,
        "rotation": 0,
    }
    common = {
        "id": item.reading_id,
        "to_name": "image",
        "original_width": picture.width,
        "original_height": picture.height,
        "image_rotation": 0,
    }
    score = {} if item.confidence is None else {"score": item.confidence}
    yield (
        common
        | score
        | {
            "from_name": "line",
            "type": "rectanglelabels",
            "value": place | {"rectanglelabels": [NKO]},
        }
    )
    for name in _TEXTS:
        if text := getattr(item, name):
            yield common | {
                "from_name": name,
                "type": "textarea",
                "value": place | {"text": [text]},
            }


def read_tasks(text: str, name: str) -> AnnotatedTasks:
    """The decisions in an export of the file `name`, Label Studio's format JSON, oldest first.

    Regions that were drawn anew belong to no reading and give none. Raises ConfigurationError when
    the file is none of these, or not of tasks that were made here.
    """
    try:
        tasks = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_export(name, f"it is no JSON: {error}") from None
    if not isinstance(tasks, list):
        raise _no_export(name, "it is no list of tasks")
    found = AnnotatedTasks()
    for number, one in enumerate(tasks, start=1):
        try:
            _read_task(one, found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _no_export(name, f"task {number} cannot be understood ({error!r})") from error
    found.decisions.sort(key=lambda decision: decision.moment)
    return found


def _no_export(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is no export of Label Studio in its format JSON: {why}.",
        "Export the project as JSON, not as JSON-MIN.",
    )


def _read_task(task: Mapping[str, Any], found: AnnotatedTasks) -> None:
    readings, frame_id = task["data"]["readings"], task["data"]["frame_id"]
    for annotation in task["annotations"]:
        # A person passed over the task.
        if annotation.get("was_cancelled"):
            continue
        by = _who(annotation.get("completed_by"))
        at = annotation.get("updated_at") or annotation["created_at"]
        regions = _regions(annotation["result"])
        for number, region_id in enumerate(readings, start=1):
            if region_id not in regions:
                found.left_out.append(
                    f"{frame_id}: {by} deleted region {number} of {len(readings)}; "
                    f"label it {NOT_NKO} to reject the reading."
                )
        for region_id, parts in regions.items():
            was = readings.get(region_id)
            if was is None:
                found.left_out.append(f"{frame_id}: {by} drew a region that no reader had read.")
            elif "line" not in parts:
                found.left_out.append(f"{frame_id}: {by} left a text without its rectangle.")
            elif parts["line"] != NOT_NKO and not normalize(parts.get("nko", "")):
                found.left_out.append(f"{frame_id}: {by} left a line without N'Ko text.")
            else:
                found.decisions.append(_decision(region_id, was, parts, by, at))


def _regions(result: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """By region what each control says of it: its label, its texts as one."""
    regions: dict[str, dict[str, str]] = {}
    for part in result:
        value = part["value"]
        said = value["rectanglelabels"] if part["type"] == "rectanglelabels" else value.get("text")
        lines = [said] if isinstance(said, str) else said or []
        regions.setdefault(part["id"], {})[part["from_name"]] = "\n".join(lines)
    return regions


def _decision(
    reading_id: str, was: Mapping[str, str | None], parts: Mapping[str, str], by: str, at: str
) -> HumanDecision:
    """What the texts of a region say: the same is accepted, an emptied translation is removed."""
    seen, note = was["nko"] or "", parts.get("note")
    if parts["line"] == NOT_NKO:
        return HumanDecision(reading_id, "reject", by, at, seen, note=note)
    changes = {} if normalize(parts["nko"]) == normalize(seen) else {"nko": parts["nko"]}
    for name in ("english", "french"):
        text = parts.get(name, "")
        if text.split() != (was[name] or "").split():
            changes[name] = text
    verdict = "correct" if changes else "accept"
    return HumanDecision(reading_id, verdict, by, at, seen, note=note, **changes)


def _who(completed_by: object) -> str:
    """The person as Label Studio names them: by address, or by number alone."""
    if isinstance(completed_by, Mapping):
        return str(completed_by.get("email") or f"Label Studio user {completed_by['id']}")
    return "Label Studio" if completed_by is None else f"Label Studio user {completed_by}"
