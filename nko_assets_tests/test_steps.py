"""Steps without an orchestrator: what is current, what is recorded, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandera.polars as pa
import polars as pl
import pytest

from nko_assets.channel import VideoEntry
from nko_assets.checks import CheckFailed, CheckSpec, judge
from nko_assets.failures import PermanentFailure
from nko_assets.lineage import STEPS
from nko_assets.resources.lake import Failure, Lake
from nko_assets.resources.store import LazyStore
from nko_assets.schemas.base import TableModel
from nko_assets.settings import load_settings
from nko_assets.steps import (
    Context,
    Outcome,
    Step,
    Workshop,
    current_record,
    perform,
    step_fingerprint,
)
from nko_assets_tests.channels import ScriptedReader

SOLID = CheckSpec("solid", "The artefact holds.", "ERROR")
PRETTY = CheckSpec("pretty", "The artefact pleases.")


class Numbers(TableModel):
    """A table of one column."""

    number: pl.Int64 = pa.Field(ge=0)


@dataclass
class Bench:
    """Three steps on a lake: `dug` and `cut` a video, `built` from all that was cut."""

    context: Context
    earth: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 2})
    worked: list[str] = field(default_factory=list)
    solid: bool = True
    pretty: bool = True
    setting: str = "sharp"

    def __post_init__(self) -> None:
        self.steps = {
            "dug": Step(
                "dug",
                "quarry",
                "Stone.",
                self._dig,
                per_video=True,
                model=Numbers,
                identity=lambda context: {"earth": self.earth[context.key]},
            ),
            "cut": Step(
                "cut",
                "quarry",
                "Blocks.",
                self._cut,
                per_video=True,
                inputs=("dug",),
                identity=lambda _context: {"setting": self.setting},
                checks=(SOLID, PRETTY),
            ),
            "built": Step(
                "built", "house", "A wall.", self._build, per_video=False, inputs=("cut",)
            ),
        }

    def of(self, key: str) -> Context:
        entry = VideoEntry(key, key, key, None, None, "folder", "none")
        return replace(self.context, entry=entry)

    def corpus(self, *keys: str) -> Context:
        return replace(self.context, video_ids=keys)

    def do(self, name: str, context: Context):
        return perform(self.steps[name], context, self.steps)

    def current(self, name: str, context: Context):
        return current_record(self.steps[name], context, self.steps)

    def _dig(self, context: Context) -> Outcome:
        self.worked.append(f"dug {context.key}")
        table = pl.DataFrame({"number": [self.earth[context.key]]}, schema={"number": pl.Int64})
        return Outcome(table=table, facts={"rows": table.height})

    def _cut(self, context: Context) -> Outcome:
        self.worked.append(f"cut {context.key}")
        stone = context.lake.read_table("dug", context.key)["number"].sum()
        path = context.lake.path("cut", context.key, ".txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{stone} {self.setting}")
        return Outcome(
            in_place=[path],
            checks=[
                judge(SOLID, self.solid, "It holds." if self.solid else "It crumbles."),
                judge(PRETTY, self.pretty, "It pleases." if self.pretty else "It is rough."),
            ],
        )

    def _build(self, context: Context) -> Outcome:
        self.worked.append("built")
        blocks = [context.lake.path("cut", key, ".txt").read_text() for key in context.video_ids]
        return Outcome(files={context.lake.root / "wall.txt": "\n".join(blocks).encode()})


@pytest.fixture
def bench(tmp_path):
    store = LazyStore(None, tmp_path / "store")
    workshop = Workshop(
        settings=load_settings(data=tmp_path),
        lake=Lake(tmp_path),
        source=None,
        reader=ScriptedReader(),
        store=store,
        memory=None,
        embedder=None,
        bucket=None,
        tuner=None,
    )
    return Bench(Context(workshop, lambda _message: None))


def test_what_is_current_is_not_made_again(bench):
    first = bench.do("dug", bench.of("a"))
    assert first.made
    again = bench.do("dug", bench.of("a"))
    assert not again.made
    assert again.record == first.record == bench.current("dug", bench.of("a"))
    assert bench.worked == ["dug a"]


def test_a_changed_setting_makes_the_step_again_and_what_comes_after_it(bench):
    bench.do("dug", bench.of("a"))
    bench.do("cut", bench.of("a"))
    bench.do("built", bench.corpus("a"))
    bench.setting = "blunt"
    assert bench.current("dug", bench.of("a"))
    assert bench.current("cut", bench.of("a")) is None
    assert bench.do("cut", bench.of("a")).made
    assert bench.current("built", bench.corpus("a")) is None


def test_an_input_made_again_with_the_same_content_leaves_the_rest_current(bench):
    bench.do("dug", bench.of("a"))
    bench.do("cut", bench.of("a"))
    bench.steps["dug"] = replace(bench.steps["dug"], code_version="2")
    made_again = bench.do("dug", bench.of("a"))
    assert bench.worked.count("dug a") == 2
    assert not made_again.made, "its bytes are what they were"
    assert bench.current("cut", bench.of("a"))


def test_another_code_version_is_another_artefact(bench):
    before = step_fingerprint(bench.steps["dug"], bench.of("a"), bench.steps)
    newer = replace(bench.steps["dug"], code_version="2")
    assert step_fingerprint(newer, bench.of("a"), bench.steps) != before


def test_the_corpus_is_made_again_when_a_video_comes_or_goes_or_changes(bench):
    for key in "ab":
        bench.do("dug", bench.of(key))
        bench.do("cut", bench.of(key))
    bench.do("built", bench.corpus("a"))
    assert bench.current("built", bench.corpus("a"))
    assert bench.current("built", bench.corpus("a", "b")) is None
    bench.do("built", bench.corpus("a", "b"))
    bench.earth["b"] = 3
    bench.do("dug", bench.of("b"))
    bench.do("cut", bench.of("b"))
    assert bench.current("built", bench.corpus("a", "b")) is None


def test_an_artefact_whose_file_is_gone_or_cut_is_made_again(bench):
    bench.do("dug", bench.of("a"))
    path = bench.context.lake.path("dug", "a")
    whole = path.read_bytes()
    path.write_bytes(whole[:10])
    assert bench.current("dug", bench.of("a")) is None
    assert bench.do("dug", bench.of("a")).made
    assert path.read_bytes() == whole


def test_a_record_that_cannot_be_read_is_none(bench):
    bench.do("dug", bench.of("a"))
    record = bench.context.lake.root / ".records" / "dug" / "a.json"
    record.write_text('{"asset": "dug", "shape": "of another version"}')
    assert bench.current("dug", bench.of("a")) is None
    record.write_text("")
    assert bench.current("dug", bench.of("a")) is None
    bench.do("dug", bench.of("a"))
    assert bench.current("dug", bench.of("a"))


def test_an_input_that_failed_is_told_with_its_reason(bench):
    bench.context.lake.save_failure("dug", "a", Failure("PermanentFailure", "it is empty."))
    with pytest.raises(PermanentFailure, match=r"cut needs dug of video a, which failed: it is"):
        bench.do("cut", bench.of("a"))


def test_a_missing_input_is_named_with_its_video_and_the_next_step(bench):
    with pytest.raises(
        PermanentFailure, match=r"cut needs dug of video a, which is not there\. Materialize dug"
    ):
        bench.do("cut", bench.of("a"))
    assert bench.current("cut", bench.of("a")) is None
    bench.do("dug", bench.of("a"))
    bench.do("cut", bench.of("a"))
    with pytest.raises(PermanentFailure, match="built needs cut of video b"):
        bench.do("built", bench.corpus("a", "b"))
    assert bench.worked == ["dug a", "cut a"]


def test_a_failed_error_check_records_nothing_and_sets_the_file_aside(bench):
    bench.do("dug", bench.of("a"))
    bench.solid = False
    with pytest.raises(
        CheckFailed, match=r"cut of a broke a check\. solid: It crumbles\."
    ) as failure:
        bench.do("cut", bench.of("a"))
    assert [result.name for result in failure.value.results] == ["solid", "pretty"]
    lake = bench.context.lake
    assert lake.record("cut", "a") is None
    assert not lake.path("cut", "a", ".txt").exists()
    assert lake.path("cut", "a", ".txt.broken").read_text() == "1 sharp"
    bench.solid = True
    assert bench.do("cut", bench.of("a")).made
    assert not lake.path("cut", "a", ".txt.broken").exists()


def test_a_table_that_breaks_its_model_leaves_the_good_one_where_it_was(bench):
    bench.do("dug", bench.of("a"))
    good = bench.context.lake.path("dug", "a").read_bytes()
    bench.earth["a"] = -1
    with pytest.raises(CheckFailed, match=r"schema: 1 rules broken: number"):
        bench.do("dug", bench.of("a"))
    assert bench.context.lake.path("dug", "a").read_bytes() == good
    assert bench.current("dug", bench.of("a")) is None


def test_a_warning_is_recorded_and_stops_nothing(bench):
    bench.do("dug", bench.of("a"))
    bench.pretty = False
    record = bench.do("cut", bench.of("a")).record
    assert [(check["name"], check["passed"]) for check in record.checks] == [
        ("solid", True),
        ("pretty", False),
    ]
    assert bench.do("cut", bench.of("a")).record.checks == record.checks


@pytest.mark.parametrize("declared", [(SOLID,), (SOLID, PRETTY, CheckSpec("more", "?"))])
def test_checks_declared_and_reported_have_to_be_the_same(bench, declared):
    bench.do("dug", bench.of("a"))
    bench.steps["cut"] = replace(bench.steps["cut"], checks=declared)
    with pytest.raises(TypeError, match="declares the checks"):
        bench.do("cut", bench.of("a"))
    assert bench.context.lake.record("cut", "a") is None


def test_a_step_with_a_model_has_to_make_a_table(bench):
    bench.steps["built"] = replace(bench.steps["built"], model=Numbers, inputs=())
    with pytest.raises(TypeError, match="built declares a table model and made no table"):
        bench.do("built", bench.corpus())


def test_a_step_that_asks_the_outside_world_is_always_made(bench):
    bench.steps["dug"] = replace(bench.steps["dug"], always=True)
    assert bench.do("dug", bench.of("a")).made
    assert not bench.do("dug", bench.of("a")).made
    assert bench.worked == ["dug a", "dug a"]


def test_a_step_on_the_corpus_has_no_video(bench):
    with pytest.raises(TypeError, match="works on the corpus"):
        _ = bench.context.video


def test_every_step_comes_after_its_inputs():
    order = list(STEPS)
    for step in STEPS.values():
        for name in (*step.inputs, *step.after):
            assert order.index(name) < order.index(step.name), f"{step.name} before {name}"
