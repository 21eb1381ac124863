"""The Dagster instance of a data root: one place, one runner, no run that seems alive and is not."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.instance import (
    COMMAND_LINE,
    LAUNCHED_BY,
    bury_dead_runs,
    instance_environment,
    only_runner,
    open_instance,
    project_folder,
    runs_at_work,
)
from nko_assets.partitions import range_tags
from nko_assets.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    return load_settings(data=tmp_path / "data", source=str(tmp_path / "lessons"))


def test_the_project_is_found_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (project_folder() / "dagster.yaml").is_file()
    assert (project_folder() / "workspace.yaml").is_file()


def test_the_ui_sees_the_instance_and_the_source_of_the_data_root(settings):
    environment = instance_environment(settings)
    assert environment["NKO_DAGSTER"] == str(settings.data / ".dagster")
    assert environment["NKO_DATA"] == str(settings.data)
    assert environment["NKO_SOURCE"] == settings.source
    assert Path(environment["DAGSTER_HOME"]) == project_folder()


def test_an_instance_remembers_across_openings(settings):
    with open_instance(settings) as instance:
        instance.add_dynamic_partitions("videos", ["v1"])
    with open_instance(settings) as instance:
        assert instance.get_dynamic_partitions("videos") == ["v1"]


def test_opening_leaves_the_environment_as_it_was(settings):
    before = dict(os.environ)
    with open_instance(settings):
        assert os.environ["NKO_DATA"] == str(settings.data)
    assert dict(os.environ) == before


def test_two_processes_may_open_a_new_instance_at_once(settings):
    code = (
        "import sys; from pathlib import Path;"
        "from nko_assets.settings import load_settings;"
        "from nko_assets.instance import open_instance\n"
        "with open_instance(load_settings(data=Path(sys.argv[1]))) as instance:"
        " print(instance.get_runs_count())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(settings.data)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    assert [process.communicate()[0] for process in both] == [b"0\n", b"0\n"]


def test_a_second_runner_is_refused_until_the_first_is_done(settings):
    with (
        only_runner(settings),
        pytest.raises(ConfigurationError, match="Another `nko run` is at work"),
        only_runner(settings),
    ):
        pass
    with only_runner(settings):
        pass


def test_a_data_root_that_cannot_hold_an_instance_is_one_sentence(settings):
    settings.data.mkdir()
    (settings.data / ".dagster").write_text("")
    with pytest.raises(ConfigurationError, match="is a file, and a folder is needed"):
        only_runner(settings).__enter__()
    with pytest.raises(ConfigurationError, match="is a file, and a folder is needed"):
        open_instance(settings).__enter__()


def test_a_database_that_is_none_is_one_sentence(settings):
    with open_instance(settings):
        pass
    for path in (settings.data / ".dagster").rglob("*.db"):
        path.write_bytes(b"not a database, but as long as one has to be" * 100)
    with pytest.raises(ConfigurationError, match=r"database in .* cannot be used"):
        open_instance(settings).__enter__()


def test_only_unfinished_runs_of_the_command_line_are_buried(settings):
    def run(instance, status, **tags):
        return instance.run_storage.add_run(
            dg.DagsterRun(job_name="lessons", run_id=str(uuid.uuid4()), status=status, tags=tags)
        ).run_id

    ours = {LAUNCHED_BY: COMMAND_LINE}
    with open_instance(settings) as instance:
        dead = [
            run(instance, status, **ours)
            for status in (
                dg.DagsterRunStatus.NOT_STARTED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
                dg.DagsterRunStatus.CANCELING,
            )
        ]
        of_the_ui = run(instance, dg.DagsterRunStatus.STARTED)
        finished = run(instance, dg.DagsterRunStatus.SUCCESS, **ours)
        bury_dead_runs(instance)
        assert {instance.get_run_by_id(one).status for one in dead} == {dg.DagsterRunStatus.FAILURE}
        assert instance.get_run_by_id(of_the_ui).status == dg.DagsterRunStatus.STARTED
        assert instance.get_run_by_id(finished).status == dg.DagsterRunStatus.SUCCESS


def test_a_pool_held_by_a_killed_run_is_free_again_and_one_in_use_is_not(settings):
    def claim(instance, pool, **tags):
        run_id = str(uuid.uuid4())
        status = dg.DagsterRunStatus.STARTED
        instance.run_storage.add_run(
            dg.DagsterRun(job_name="lessons", run_id=run_id, status=status, tags=tags)
        )
        storage = instance.event_log_storage
        storage.set_concurrency_slots(pool, 1)
        assert storage.claim_concurrency_slot(pool, run_id, "video_files").is_claimed
        return run_id

    with open_instance(settings) as instance:
        claim(instance, "channel", **{LAUNCHED_BY: COMMAND_LINE})
        at_work = claim(instance, "reading")
        bury_dead_runs(instance)
        assert instance.event_log_storage.get_concurrency_run_ids() == {at_work}


def test_what_runs_is_told_with_its_videos_and_what_ended_is_not(settings):
    with open_instance(settings) as instance:
        assert runs_at_work(instance) == []
        for number, status in enumerate(
            ["STARTED", "NOT_STARTED", "SUCCESS", "FAILURE", "CANCELED"]
        ):
            instance.add_run(
                dg.DagsterRun(
                    job_name=f"job_{number}",
                    run_id=str(uuid.UUID(int=number)),
                    status=dg.DagsterRunStatus(status),
                    tags=range_tags(["a", "c"]) if number == 0 else {},
                )
            )
        queued, started = runs_at_work(instance)
    assert (queued.job, queued.status, queued.videos) == ("job_1", "NOT_STARTED", ())
    assert (started.job, started.status, started.videos) == ("job_0", "STARTED", ("a", "c"))
