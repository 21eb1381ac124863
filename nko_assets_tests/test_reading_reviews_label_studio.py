"""Label Studio and back: what a person submits there is what they decided, and nothing else is."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize
from nko_assets.reading.reviews.label_studio import (
    LABELING_CONFIG,
    NOT_NKO,
    Picture,
    read_tasks,
    task,
)
from nko_assets_tests.test_reading_reviews import new_item

PICTURE = Picture(b"\xff\xd8 a picture", 1280, 720)
WHEN = "2026-11-24T10:00:00.123456Z"


def annotated(one: dict, **over: object) -> dict:
    """The task as Label Studio exports it when a person submits what they were shown."""
    annotation = {
        "id": 7,
        "completed_by": {"id": 3, "email": "awa@example.org", "first_name": "", "last_name": ""},
        "result": [part | {"origin": "prediction"} for part in one["predictions"][0]["result"]],
        "was_cancelled": False,
        "created_at": "2026-11-24T09:00:00.000000Z",
        "updated_at": WHEN,
    }
    return {"id": 1, "annotations": [annotation | over], "data": one["data"], "project": 1}


def edited(one: dict, control: str, text: str | None) -> dict:
    """The annotated task with another text in one control; None takes it away."""
    done = annotated(one)
    result = [part for part in done["annotations"][0]["result"] if part["from_name"] != control]
    if text is not None:
        key = "rectanglelabels" if control == "line" else "text"
        kind = "rectanglelabels" if control == "line" else "textarea"
        first = one["predictions"][0]["result"][0]
        result.append(first | {"from_name": control, "type": kind, "value": {key: [text]}})
    done["annotations"][0]["result"] = result
    return done


def read(*tasks: dict):
    return read_tasks(json.dumps(tasks), "export.json")


def test_a_task_shows_the_frame_and_a_region_a_reading():
    one = task(PICTURE, [new_item(0, box=(128, 72, 640, 144)), new_item(0, reading_id="b", box=())])
    assert one["data"]["image"].startswith("data:image/jpeg;base64,")
    (prediction,) = one["predictions"]
    assert prediction["model_version"] == "gemini"
    rectangle, nko, english, whole, *_ = prediction["result"]
    assert rectangle["value"] == {
        "x": 10,
        "y": 10,
        "width": 40,
        "height": 10,
        "rotation": 0,
        "rectanglelabels": ["N'Ko"],
    }
    assert (rectangle["original_width"], rectangle["score"]) == (1280, 0.4)
    assert (nko["id"], nko["type"], nko["value"]["text"]) == (
        rectangle["id"],
        "textarea",
        ["ߒߞߏ"],
    )
    assert english["value"]["text"] == ["hello “you”"]
    assert (whole["id"], whole["value"]["width"], whole["value"]["height"]) == ("b", 100, 100)


def test_the_labeling_interface_has_the_controls_that_tasks_speak_of():
    root = ET.fromstring(LABELING_CONFIG)
    controls = {node.get("name"): node.get("toName") for node in root.iter() if node.get("toName")}
    result = task(PICTURE, [new_item(french="bonjour")])["predictions"][0]["result"]
    assert {part["from_name"] for part in result} <= controls.keys()
    assert {part["to_name"] for part in result} == {root.find("Image").get("name")}
    assert root.find("Image").get("value") == "$image"
    labels = {node.get("value") for node in root.iter("Label")}
    assert labels == {"N'Ko", NOT_NKO}


def test_what_is_submitted_as_it_was_is_accepted():
    item = new_item(french="bonjour")
    (decision,) = read(annotated(task(PICTURE, [item]))).decisions
    assert (decision.reading_id, decision.verdict, decision.seen) == (
        item.reading_id,
        "accept",
        "ߒߞߏ",
    )
    assert (decision.by, decision.at) == ("awa@example.org", WHEN)
    assert (decision.nko, decision.english, decision.french) == (None, None, None)


@pytest.mark.parametrize(
    ("control", "text", "changed"),
    [
        ("nko", "ߓߟߏ", {"nko": "ߓߟߏ"}),
        ("english", "arm", {"english": "arm"}),
        ("english", None, {"english": ""}),
        ("french", "bras", {"french": "bras"}),
    ],
)
def test_what_was_changed_is_a_correction_of_that_alone(control, text, changed):
    (decision,) = read(edited(task(PICTURE, [new_item()]), control, text)).decisions
    assert decision.verdict == "correct"
    assert {
        name: getattr(decision, name)
        for name in ("nko", "english", "french")
        if getattr(decision, name) is not None
    } == changed


def test_another_spelling_of_the_same_text_is_no_correction():
    (decision,) = read(edited(task(PICTURE, [new_item()]), "nko", " ߒߞߏ\u200b ")).decisions
    assert decision.verdict == "accept"


def test_a_region_labelled_as_no_nko_rejects_the_reading():
    (decision,) = read(edited(task(PICTURE, [new_item()]), "line", NOT_NKO)).decisions
    assert decision.verdict == "reject"


def test_a_note_comes_along():
    (decision,) = read(edited(task(PICTURE, [new_item()]), "note", "the mark")).decisions
    assert decision.note == "the mark"


def test_what_is_no_decision_on_a_reading_is_told():
    one = task(PICTURE, [new_item()])
    drawn = annotated(one)
    drawn["annotations"][0]["result"] += [
        {
            "id": "new",
            "from_name": "line",
            "type": "rectanglelabels",
            "value": {"rectanglelabels": []},
        }
    ]
    found = read(drawn, edited(one, "nko", None), edited(one, "line", None))
    assert len(found.decisions) == 1
    assert [re.sub(r".*example.org ", "", told) for told in found.left_out] == [
        "drew a region that no reader had read.",
        "left a line without N'Ko text.",
        "left a text without its rectangle.",
    ]


def test_a_region_that_was_deleted_decides_nothing_and_is_told():
    done = annotated(task(PICTURE, [new_item(0, reading_id="a"), new_item(0, reading_id="b")]))
    (annotation,) = done["annotations"]
    annotation["result"] = [part for part in annotation["result"] if part["id"] == "a"]
    found = read(done)
    assert [decision.reading_id for decision in found.decisions] == ["a"]
    (told,) = found.left_out
    assert told.endswith("deleted region 2 of 2; label it not N'Ko to reject the reading.")


def test_a_task_that_was_passed_over_decides_nothing():
    found = read(annotated(task(PICTURE, [new_item()]), was_cancelled=True))
    assert (found.decisions, found.left_out) == ([], [])


@pytest.mark.parametrize(
    ("completed_by", "by"),
    [(3, "Label Studio user 3"), ({"id": 4}, "Label Studio user 4"), (None, "Label Studio")],
)
def test_a_person_goes_by_what_the_export_calls_them(completed_by, by):
    done = annotated(task(PICTURE, [new_item()]), completed_by=completed_by)
    assert read(done).decisions[0].by == by


def test_of_several_annotations_the_older_comes_first():
    one = task(PICTURE, [new_item()])
    newer, older = annotated(one, completed_by=1), annotated(one, completed_by=2)
    older["annotations"][0]["updated_at"] = "2026-11-24T09:30:00Z"
    newer["annotations"] += older["annotations"]
    assert [decision.by[-1] for decision in read(newer).decisions] == ["2", "1"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("{}", "it is no list"),
        ("[7]", "task 1"),
        ('[{"image": "x", "id": 1, "nko": "ߒߞߏ"}]', "task 1"),
        ('[{"data": {"image": "x"}, "annotations": []}]', "task 1"),
    ],
)
def test_a_file_of_another_kind_is_refused(text, why):
    with pytest.raises(ConfigurationError, match=rf"export.json is no export.*{why}"):
        read_tasks(text, "export.json")


texts = st.text(st.sampled_from("ߒߞߏߓߟ߫ abc\n\"'<&"), min_size=1).filter(str.strip)


@given(texts, st.none() | texts, st.none() | texts)
def test_whatever_the_texts_are_they_come_back_as_they_went(nko, english, french):
    nko = normalize(nko)
    item = new_item(nko=nko, english=english, french=french)
    one = json.loads(json.dumps(task(PICTURE, [item])))
    (decision,) = read(annotated(one)).decisions
    assert (decision.verdict, decision.seen) == ("accept", nko)
