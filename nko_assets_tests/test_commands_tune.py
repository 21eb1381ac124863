"""`nko tune`: what it says with nothing to tune with, and how it is ended."""

from __future__ import annotations

import json
import os
import sys

import pytest

from nko_assets import cli
from nko_assets.resources.lake import Lake
from nko_assets.settings import KEY_VARIABLES, PROJECT_VARIABLE


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("NKO_") or name in (*KEY_VARIABLES, PROJECT_VARIABLE):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nko(monkeypatch, capsys, tmp_path):
    def run(*arguments: str) -> tuple[int, str, str]:
        command = ["nko", *arguments, "--data", str(tmp_path / "data")]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return end.value.code or 0, out, " ".join(err.split())

    return run


def test_with_nothing_read_it_says_where_to_start(nko):
    code, out, err = nko("tune")
    assert (code, out) == (1, "")
    assert "nothing to tune with yet. Start with `nko run`." in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tuner", "vertex"], "NKO_TUNER is vertex"),
        (["--tuner", "oracle"], "NKO_TUNER"),
    ],
)
def test_a_tuner_that_is_none_or_half_set_is_refused(nko, arguments, told):
    code, _, err = nko("tune", *arguments)
    assert code == 2
    assert told in err


def test_a_preset_is_for_this_machine_and_no_paid_job(nko, monkeypatch):
    monkeypatch.setenv("NKO_BUCKET", "lessons")
    monkeypatch.setenv(PROJECT_VARIABLE, "lessons-1")
    code, _, err = nko("tune", "--preset", "smollm2", "--tuner", "vertex")
    assert code == 2
    assert "hands over a paid job" in err


def test_cancelling_nothing_says_so(nko):
    assert nko("tune", "--cancel")[:2] == (0, "No tuning job is under way.\n")
    assert json.loads(nko("tune", "--cancel", "--json")[1]) == {"stopped": []}


def test_the_result_is_told_step_by_step(tmp_path):
    from nko_assets.commands.tune import told, tuning_facts
    from nko_assets.settings import load_settings

    lake = Lake(tmp_path)
    lake.save_record(
        "tuning_metrics",
        "",
        "f",
        [],
        {"model": "/m", "curves": {"markdown": "![]()"}, "page": {"path": "/p"}, "settings": {}},
        [],
    )
    facts = tuning_facts(load_settings(data=tmp_path))
    assert facts["tuning_job"] == {}
    assert told(facts, {"evaluation": "It has nothing to ask."}) == [
        "tuning_metrics",
        "  model: /m",
        "  page: /p",
        "evaluation failed: It has nothing to ask.",
    ]
