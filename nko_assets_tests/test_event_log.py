"""The event log that keeps its files open: the same events, few files, the stock tables."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from nko_assets.event_log import MOST_OPEN, OpenEventLog
from nko_assets.instance import instance_environment, open_instance
from nko_assets.settings import load_settings


@dg.asset
def stone() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"weight": 3})


@pytest.fixture
def instance(tmp_path, monkeypatch):
    settings = load_settings(data=tmp_path / "data", source="sample")
    for name, value in instance_environment(settings).items():
        monkeypatch.setenv(name, value)
    with open_instance(settings) as instance:
        yield instance


def test_the_project_uses_it(instance):
    assert isinstance(instance.event_log_storage, OpenEventLog)


def test_events_of_more_runs_than_files_are_all_there(instance):
    runs = [dg.materialize([stone], instance=instance).run_id for _ in range(MOST_OPEN + 3)]
    assert len(instance.event_log_storage._engines) <= MOST_OPEN
    for run_id in runs:
        kinds = [record.dagster_event_type for record in instance.all_logs(run_id)]
        assert kinds[-1] == dg.DagsterEventType.PIPELINE_SUCCESS
    found = instance.fetch_materializations(dg.AssetKey("stone"), limit=100)
    assert {record.run_id for record in found.records} == set(runs)


def test_the_stock_event_log_reads_what_was_written(instance, tmp_path):
    run_id = dg.materialize([stone], instance=instance).run_id
    written = len(instance.all_logs(run_id))
    stock = SqliteEventLogStorage(str(tmp_path / "data/.dagster/history/runs"))
    assert len(stock.get_logs_for_run(run_id)) == written
    stock.dispose()


def test_threads_may_write_at_once(instance):
    log = instance.event_log_storage
    run_id = dg.materialize([stone], instance=instance).run_id
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _number: len(log.get_logs_for_run(run_id)), range(40)))
    assert len(set(counts)) == 1


def test_wiping_leaves_an_empty_log_that_works(instance):
    run_id = dg.materialize([stone], instance=instance).run_id
    instance.event_log_storage.wipe()
    assert list(instance.all_logs(run_id)) == []
    again = dg.materialize([stone], instance=instance).run_id
    assert len(instance.all_logs(again)) > 0


def test_after_closing_the_journals_are_in_the_databases(instance, tmp_path):
    dg.materialize([stone], instance=instance)
    instance.event_log_storage.dispose()
    for path in (tmp_path / "data/.dagster/history/runs").glob("*.db"):
        assert not path.with_name(f"{path.name}-wal").exists()
        with sqlite3.connect(path) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
