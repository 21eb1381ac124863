"""The code location: it loads with nothing configured, and the house keeps its order."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey

import nko_assets
from nko_assets.build import build_definitions
from nko_assets.jobs import TRAINING
from nko_assets.lineage import CORPUS_STEPS, REQUESTED_STEPS, VIDEO_STEPS
from nko_assets.partitions import VIDEOS

ROOT = Path(nko_assets.__file__).parent

# asset: (group, assets it is made from or after, checks, pool)
LINEAGE = {
    "video_manifest": ("channel", [], ["listing_is_complete", "schema"], "channel"),
    "video_files": ("channel", ["video_manifest"], ["duration_as_listed", "legible"], "channel"),
    "frames": ("frames", ["video_files"], ["frame_count", "schema"], None),
    "unique_frames": (
        "frames",
        ["frames"],
        ["drops_are_represented", "schema", "share_of_repeats"],
        None,
    ),
    "gemini_batches": ("readings", ["unique_frames"], ["one_request_a_frame"], None),
    "gemini_results": (
        "readings",
        ["gemini_batches", "unique_frames"],
        ["every_frame_answered", "failed_readings", "schema", "self_agreement"],
        None,
    ),
    "second_readings": (
        "readings",
        ["unique_frames"],
        ["every_frame_compared", "schema"],
        None,
    ),
    "reviewed_readings": (
        "readings",
        ["gemini_results", "review_decisions", "second_readings", "unique_frames"],
        ["accepted_share", "schema", "script_purity"],
        None,
    ),
    "review_queue": (
        "readings",
        ["gemini_results", "reviewed_readings", "second_readings", "unique_frames"],
        ["decisions_apply"],
        None,
    ),
    "memory_conversations": ("memory", ["reviewed_readings"], ["schema"], None),
    "translations": ("memory", ["reviewed_readings"], ["schema", "translated"], None),
    "memory_turns": (
        "memory",
        ["reviewed_readings", "second_readings", "translations", "unique_frames"],
        ["one_turn_a_frame", "schema", "teaches"],
        None,
    ),
    "memory_turn_edges": (
        "memory",
        ["memory_conversations", "memory_turns"],
        ["schema", "stored"],
        None,
    ),
    "memory_motifs": ("memory", ["translation_pairs", "vocabulary"], ["schema", "stored"], None),
    "translation_pairs": (
        "training",
        ["reviewed_readings"],
        ["5000_phrases", "json_schema", "not_empty", "schema"],
        None,
    ),
    "conversations": (
        "training",
        ["translation_pairs"],
        ["json_schema", "not_empty", "schema"],
        None,
    ),
    "ocr_samples": (
        "training",
        ["reviewed_readings", "unique_frames"],
        ["json_schema", "not_empty", "schema"],
        None,
    ),
    "vocabulary": (
        "training",
        ["reviewed_readings"],
        ["2000_words", "json_schema", "not_empty", "schema"],
        None,
    ),
    "synthetic_examples": (
        "training",
        ["translation_pairs"],
        ["json_schema", "not_empty", "schema"],
        None,
    ),
    "splits": (
        "tuning",
        [
            "conversations",
            "ocr_samples",
            "reviewed_readings",
            "synthetic_examples",
            "translation_pairs",
            "vocabulary",
        ],
        ["a_tenth_is_validation", "no_leak", "schema"],
        None,
    ),
    "tuning_options": ("tuning", ["splits"], ["tuning_is_affordable"], None),
    "tuning_dataset": (
        "tuning",
        ["splits"],
        ["enough_to_tune", "rows_conform", "schema", "validation_is_there"],
        None,
    ),
    "tuning_job": ("tuning", ["tuning_dataset"], ["10000_examples"], "tuning"),
    "tuning_metrics": ("tuning", ["tuning_job"], ["learned", "measured", "schema"], None),
    "evaluation": (
        "tuning",
        ["gemini_results", "splits", "tuning_metrics"],
        [
            "accuracy_85",
            "answered",
            "better_than_base",
            "frozen_test_is_wide",
            "no_contamination",
            "sound_answers",
        ],
        None,
    ),
    "student": (
        "tuning",
        ["gemini_results", "reviewed_readings", "second_readings", "splits"],
        ["student_accepted"],
        None,
    ),
    "batch_estimate": ("operations", ["unique_frames"], ["affordable"], None),
    "cost_report": (
        "operations",
        ["gemini_batches", "gemini_results"],
        ["estimate_close", "within_budget"],
        None,
    ),
    "training_report": (
        "training",
        [
            "conversations",
            "gemini_results",
            "ocr_samples",
            "reviewed_readings",
            "splits",
            "synthetic_examples",
            "translation_pairs",
            "unique_frames",
            "vocabulary",
        ],
        ["10000_examples", "all_videos_done", "reader_error_rate"],
        None,
    ),
}

LOAD = """
import json, sys
from nko_assets.definitions import defs
graph = defs.resolve_asset_graph()
checks = {}
for key in graph.asset_check_keys:
    checks.setdefault(key.asset_key.to_user_string(), []).append(key.name)
found = {}
for key in graph.materializable_asset_keys:
    node, name = graph.get(key), key.to_user_string()
    op = node.assets_def.op
    found[name] = {
        "group": node.group_name,
        "parents": sorted(parent.to_user_string() for parent in node.parent_keys),
        "checks": sorted(checks.get(name, [])),
        "pool": op.pool,
        "description": node.description,
        "owners": list(node.owners),
        "kinds": sorted(node.kinds),
        "partitioned": node.is_partitioned,
        "backfill": node.backfill_policy and node.backfill_policy.max_partitions_per_run,
    }
found["jobs"] = sorted(job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__"))
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """What a process without any variable but PATH, in an empty folder, finds."""
    folder = tmp_path_factory.mktemp("empty")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD],
        env={"PATH": os.environ["PATH"]},
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert list(folder.iterdir()) == [], "loading writes nothing"
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def assets(loaded):
    return {name: asset for name, asset in loaded.items() if name != "jobs"}


def test_the_lineage_is_the_one_that_is_described(assets):
    assert {
        name: (asset["group"], asset["parents"], asset["checks"], asset["pool"])
        for name, asset in assets.items()
    } == LINEAGE


def test_every_asset_has_a_description_an_owner_and_kinds(assets):
    for name, asset in assets.items():
        assert asset["description"].endswith("."), name
        assert asset["owners"], name
        assert asset["kinds"], name


def test_assets_of_a_video_are_partitioned_and_run_in_ranges_of_at_most_twenty(assets):
    partitioned = {name for name, asset in assets.items() if asset["partitioned"]}
    assert partitioned == {
        "video_files",
        "frames",
        "unique_frames",
        "gemini_batches",
        "second_readings",
        "gemini_results",
        "reviewed_readings",
        "review_queue",
        "memory_conversations",
        "translations",
        "memory_turns",
        "memory_turn_edges",
    }
    assert {assets[name]["backfill"] for name in partitioned} == {20}
    assert VIDEOS.name == "videos"


def test_the_jobs_are_those_that_people_and_sensors_start(loaded):
    assert loaded["jobs"] == [
        "cancel_tuning",
        "channel",
        "lessons",
        "operations",
        "pilot",
        "readings",
        "send_queued",
        "train_student",
        "training",
        "tuned_model",
        "tuning",
    ]


def test_what_takes_money_or_hours_is_in_no_job_that_makes_the_corpus():
    made_by_run = {step.name for step in (*VIDEO_STEPS, *CORPUS_STEPS)}
    assert {step.name for step in REQUESTED_STEPS} == {
        "tuning_job",
        "tuning_metrics",
        "evaluation",
        "student",
    }
    assert made_by_run.isdisjoint(step.name for step in REQUESTED_STEPS)
    assert set(TRAINING.selection.resolve(build_definitions().resolve_asset_graph())) == {
        AssetKey(step.name) for step in CORPUS_STEPS if step.group != "operations"
    }


# --- the order of the house -------------------------------------------------------------------

DOMAIN = (
    *("nko", "typeset", "channel", "video", "reading", "corpus", "sample", "memory", "schemas"),
    "tuning",
)
# What each part of the domain may import of the others; everything may import the shared ones.
MAY_IMPORT = {
    "nko": set(),
    "typeset": set(),
    "schemas": set(),
    "channel": {"nko"},
    "video": {"typeset"},
    "reading": {"nko", "schemas", "typeset", "video"},
    "corpus": {"nko", "schemas", "typeset", "video", "reading", "channel"},
    "sample": {"nko", "schemas", "typeset", "video", "reading", "channel"},
    "memory": {"nko", "schemas", "reading", "corpus", "channel"},
    "tuning": {"nko", "schemas", "typeset", "video", "reading", "corpus", "channel"},
}
SHARED = {"clock", "failures", "files"}


def modules(part: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / part).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("part", DOMAIN)
def test_the_domain_knows_no_orchestrator_and_arrows_point_one_way(part):
    allowed = MAY_IMPORT[part] | SHARED | {part}
    for name, tree in modules(part):
        for imported in imports(tree):
            top, _, rest = imported.partition(".")
            assert not top.startswith("dagster"), f"{name} imports {imported}"
            if top == "nko_assets":
                assert rest.split(".")[0] in allowed, f"{name} imports {imported}"


@pytest.mark.parametrize("part", DOMAIN)
def test_the_domain_reads_no_environment(part):
    for name, tree in modules(part):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"):
                raise AssertionError(f"{name} reads the environment in line {node.lineno}")


def test_resources_know_no_assets_and_no_orchestrator():
    for name, tree in modules("resources"):
        for imported in imports(tree):
            # Its resources for Google's services do not orchestrate.
            assert not imported.startswith(("dagster.", "nko_assets.assets", "nko_assets.build")), (
                f"{name} imports {imported}"
            )
            assert imported != "dagster", f"{name} imports {imported}"


def test_only_orchestration_imports_the_orchestrator():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for imported in imports(ast.parse(path.read_text(encoding="utf-8")))
        if imported.split(".")[0] == "dagster"
    }
    assert found == {
        "assets/adapter.py",
        "assets/versions.py",
        "build.py",
        "instance.py",
        "jobs.py",
        "partitions.py",
        "review_sensor.py",
        "run.py",
        "sensor_tuning.py",
        "sensors.py",
    }


def test_every_module_begins_with_what_belongs_there():
    for path in ROOT.rglob("*.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert text.split("\n")[0].rstrip().endswith((".", "`", ":")), path
