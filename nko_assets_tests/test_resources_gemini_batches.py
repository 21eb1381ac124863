"""The client of the Gemini Batch API: asked once where it costs, patiently where it does not."""

from __future__ import annotations

import json
import logging
import socket
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure
from nko_assets.resources.gemini_batches import (
    Ambiguous,
    GeminiBatches,
    NotFound,
    RemoteJob,
    RemoteState,
    Throttled,
)
from nko_assets.resources.gemini_wire import job_of, operations_in
from nko_assets_tests.servers.gemini import GeminiServer, LineError, RawLine, truth
from nko_assets_tests.servers.gemini_jobs import MODEL, job_file

FIELDS = (
    "name", "done", "error", "code", "message", "metadata", "state", "createTime", "batchStats",
    "successfulRequestCount", "output", "response", "responsesFile", "operations",
)  # fmt: skip
NIGHT = ("ߛߎ", "su", "night")
FILE_ID = "nko-0123456789abcdef01234567"


def read(frame_id: str, jpeg: bytes, request: dict[str, Any]) -> str:
    return truth(frame_id, [NIGHT])


@pytest.fixture
def server() -> Iterator[GeminiServer]:
    with GeminiServer(read) as running:
        yield running


class Client:
    """A client of a server, and the waits it would have made."""

    def __init__(self, server: GeminiServer, *, timeout_s: float = 10.0, key: str = "") -> None:
        self.waits: list[float] = []
        self.batches = GeminiBatches(
            SecretStr(key or server.key),
            base_url=server.url,
            timeout_s=timeout_s,
            sleep=self.waits.append,
        )


@pytest.fixture
def client(server: GeminiServer) -> Client:
    return Client(server)


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return job_file(tmp_path / "job.jsonl", ["k1", "k2", "k3"])


def uploaded(client: Client, jobs: Path) -> str:
    return client.batches.upload(jobs, FILE_ID, "video")


def created(client: Client, jobs: Path, name: str = "nko-a") -> RemoteJob:
    return client.batches.create(MODEL, uploaded(client, jobs), name)


# The way of one job


def test_a_job_goes_up_runs_and_comes_down(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path
) -> None:
    made = created(client, jobs)
    assert (made.display_name, made.model, made.state) == ("nko-a", MODEL, RemoteState.PENDING)
    assert client.batches.get(made.service_name).state is RemoteState.RUNNING
    server.finish()
    ended = client.batches.get(made.service_name)
    assert ended.state is RemoteState.SUCCEEDED
    assert (ended.succeeded, ended.failed, ended.error) == (3, 0, "")
    lines = [json.loads(line) for line in client.batches.results(ended, tmp_path)]
    assert sorted(line["key"] for line in lines) == ["k1", "k2", "k3"]
    assert server.requests_paid == {"k1": 1, "k2": 1, "k3": 1}
    assert client.waits == []


def test_the_clients_own_variable_says_where_the_service_is(
    server: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "somebody")
    assert list(GeminiBatches(SecretStr(server.key)).jobs()) == []


def test_an_empty_key_is_named_before_anything_is_asked() -> None:
    with pytest.raises(ConfigurationError, match="GEMINI_API_KEY is empty"):
        GeminiBatches(SecretStr("  "))


# Upload


def test_the_same_file_is_uploaded_once(server: GeminiServer, client: Client, jobs: Path) -> None:
    assert uploaded(client, jobs) == uploaded(client, jobs) == f"files/{FILE_ID}"
    assert server.asked("files.start") == 1


def test_another_file_under_the_same_id_replaces_it(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path
) -> None:
    uploaded(client, jobs)
    uploaded(client, job_file(tmp_path / "other.jsonl", ["k9"]))
    assert server.asked("files.start") == 2
    [kept] = server.files
    assert b'"k9"' in kept.path.read_bytes()


@pytest.mark.parametrize("how", ["drop_after", 403, 503])
def test_replacing_a_file_survives_trouble(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path, how: Any
) -> None:
    uploaded(client, jobs)
    server.fail("files.delete", how)
    other = job_file(tmp_path / "other.jsonl", ["k9"])
    if how == 403:
        with pytest.raises(ConfigurationError):
            uploaded(client, other)
    else:
        uploaded(client, other)
        assert server.files[0].path.read_bytes() == other.read_bytes()


def test_a_label_stays_with_the_file(server: GeminiServer, client: Client, jobs: Path) -> None:
    client.batches.upload(jobs, FILE_ID, "one two " + "x" * 600)
    label = client.batches.label_of(FILE_ID)
    assert label is not None
    assert label.startswith("one two x")
    assert len(label) == 512
    assert client.batches.label_of("nko-other") is None
    server.forget_files()
    assert client.batches.label_of(FILE_ID) is None


@pytest.mark.parametrize("method", ["files.start", "files.upload"])
@pytest.mark.parametrize("how", ["drop_before", "drop_after", "half", 503, 429])
def test_an_upload_that_is_cut_off_is_made_again(
    server: GeminiServer, client: Client, jobs: Path, method: Any, how: Any
) -> None:
    server.fail(method, how)
    uploaded(client, jobs)
    [kept] = server.files
    assert kept.path.read_bytes() == jobs.read_bytes()
    assert len(client.waits) <= 1


def test_an_upload_that_arrived_unheard_is_not_made_again(
    server: GeminiServer, client: Client, jobs: Path
) -> None:
    server.fail("files.upload", "drop_after")
    uploaded(client, jobs)
    assert server.asked("files.start") == 1


def test_a_large_file_goes_up_in_chunks(
    server: GeminiServer, client: Client, tmp_path: Path
) -> None:
    large = tmp_path / "large.jsonl"
    large.write_bytes(b"0123456789abcdef\n" * 600_000)
    server.fail("files.upload", "half", skip=1)
    uploaded(client, large)
    # The first chunk, the half of a second one, and then both again.
    assert server.asked("files.upload") == 4
    assert server.files[0].path.read_bytes() == large.read_bytes()


# Create: once, whatever happens


@pytest.mark.parametrize("how", ["drop_after", "503_after_commit", "garbage"])
def test_a_job_that_was_made_unheard_is_ambiguous_and_found(
    server: GeminiServer, client: Client, jobs: Path, how: Any
) -> None:
    name = uploaded(client, jobs)
    server.fail("batches.create", how)
    with pytest.raises(Ambiguous):
        client.batches.create(MODEL, name, "nko-a")
    assert server.asked("batches.create") == 1
    found = client.batches.find("nko-a")
    assert found is not None
    assert set(server.requests_paid.values()) == {1}


@pytest.mark.parametrize("how", ["drop_before", 500, 502, 503, 504])
def test_a_job_that_was_not_made_is_ambiguous_and_not_found(
    server: GeminiServer, client: Client, jobs: Path, how: Any
) -> None:
    name = uploaded(client, jobs)
    server.fail("batches.create", how)
    with pytest.raises(Ambiguous):
        client.batches.create(MODEL, name, "nko-a")
    assert server.asked("batches.create") == 1
    assert client.batches.find("nko-a") is None
    assert client.waits == []


@pytest.mark.parametrize("how", ["slow", "slow_after"])
def test_a_service_that_does_not_answer_in_time_is_ambiguous(
    server: GeminiServer, client: Client, jobs: Path, how: Any
) -> None:
    name = uploaded(client, jobs)
    server.fail("batches.create", how)
    with pytest.raises(Ambiguous):
        Client(server, timeout_s=0.3).batches.create(MODEL, name, "nko-a")
    assert len(server.jobs) == (how == "slow_after")


def test_too_many_jobs_are_throttled_and_nothing_is_paid(tmp_path: Path, jobs: Path) -> None:
    with GeminiServer(read, max_open_jobs=1) as server:
        client = Client(server)
        created(client, jobs)
        with pytest.raises(Throttled) as refused:
            created(client, jobs, "nko-b")
        assert refused.value.wait_s is None
        assert server.asked("batches.create") == 2
        assert set(server.requests_paid.values()) == {1}


def test_a_file_that_expired_is_not_found(server: GeminiServer, client: Client, jobs: Path) -> None:
    name = uploaded(client, jobs)
    server.forget_files()
    with pytest.raises(NotFound):
        client.batches.create(MODEL, name, "nko-a")


def test_nothing_reached_a_service_that_is_not_there(jobs: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        batches = GeminiBatches(SecretStr("a-key"), base_url=address, sleep=lambda _: None)
        with pytest.raises(TransientFailure) as failure:
            batches.create(MODEL, "files/x", "nko-a")
    assert not isinstance(failure.value, Ambiguous)
    assert "GOOGLE_GEMINI_BASE_URL" in failure.value.next_step


# What cannot work is said at once


CALLS: dict[str, Callable[[GeminiBatches], object]] = {
    "files.get": lambda batches: batches.label_of("x"),
    "batches.create": lambda batches: batches.create(MODEL, "files/x", "nko-a"),
    "batches.get": lambda batches: batches.get("batches/x"),
    "batches.list": lambda batches: list(batches.jobs()),
    "batches.cancel": lambda batches: batches.cancel("batches/x"),
}


@pytest.mark.parametrize("code", [400, 401, 403])
@pytest.mark.parametrize("method", CALLS)
def test_a_refusal_stops_at_once_and_says_what_to_set(
    server: GeminiServer, client: Client, method: Any, code: int
) -> None:
    server.fail(method, code)
    with pytest.raises(ConfigurationError) as refused:
        CALLS[method](client.batches)
    assert "NKO_MODEL" in str(refused.value) or "GEMINI_API_KEY" in str(refused.value)
    assert server.asked(method) == 1
    assert client.waits == []


@pytest.mark.parametrize("method", CALLS)
def test_a_wrong_key_is_named_and_not_shown(server: GeminiServer, method: str) -> None:
    client = Client(server, key="AIza-a-wrong-one")
    with pytest.raises(ConfigurationError, match="Set GEMINI_API_KEY to a key that is valid") as no:
        CALLS[method](client.batches)
    assert "AIza" not in str(no.value)


def test_an_unknown_model_is_to_be_set_otherwise(
    client: Client, server: GeminiServer, jobs: Path
) -> None:
    with pytest.raises(ConfigurationError, match="gemini-9 is not found") as refused:
        client.batches.create("gemini-9", uploaded(client, jobs), "nko-a")
    assert "NKO_MODEL" in refused.value.next_step
    assert not server.requests_paid


def test_an_unknown_job_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound):
        client.batches.get("batches/none")


@pytest.mark.parametrize("address", ["nonsense", "ftp://somewhere", "http://somewhere:port"])
def test_an_address_that_is_none_is_said_at_once(address: str) -> None:
    waits: list[float] = []
    with pytest.raises(ConfigurationError, match="GOOGLE_GEMINI_BASE_URL"):
        list(GeminiBatches(SecretStr("a-key"), base_url=address, sleep=waits.append).jobs())
    assert waits == []


# What may heal is asked again, a bounded number of times


@pytest.mark.parametrize("how", ["drop_before", "drop_after", 408, 429, 500, 503])
def test_a_question_is_asked_again_until_it_is_answered(
    server: GeminiServer, client: Client, jobs: Path, how: Any
) -> None:
    made = created(client, jobs)
    for method in ("batches.get", "batches.list", "files.get", "batches.cancel"):
        server.fail(method, how, times=2)
    assert client.batches.get(made.service_name).display_name == "nko-a"
    assert client.batches.find("nko-a") is not None
    assert client.batches.label_of(FILE_ID) == "video"
    client.batches.cancel(made.service_name)
    assert client.batches.get(made.service_name).state is RemoteState.CANCELLED
    assert len(client.waits) == 8


def test_a_question_is_not_asked_for_ever(server: GeminiServer, client: Client) -> None:
    server.fail("batches.list", 503, times=100)
    with pytest.raises(TransientFailure, match="Run again later"):
        client.batches.find("nko-a")
    assert server.asked("batches.list") == 5
    assert len(client.waits) == 4
    assert all(0 <= wait <= 60 for wait in client.waits)


def test_a_wait_that_the_service_asks_for_is_kept(server: GeminiServer, client: Client) -> None:
    server.fail("batches.list", 429, retry_after="37")
    client.batches.find("nko-a")
    assert len(client.waits) == 1
    assert client.waits[0] >= 37


def test_a_wait_that_is_too_long_is_left_to_the_caller(
    server: GeminiServer, client: Client
) -> None:
    server.fail("batches.list", 429, retry_after="3600")
    with pytest.raises(Throttled) as throttled:
        client.batches.find("nko-a")
    assert throttled.value.wait_s == 3600
    assert client.waits == []


# Lists


def test_every_page_of_the_jobs_is_read_newest_first(jobs: Path) -> None:
    with GeminiServer(read, page_size=2) as server:
        client = Client(server)
        for number in range(5):
            created(client, jobs, f"nko-{number}")
        server.fail("batches.list", 503, skip=1)
        assert [job.display_name for job in client.batches.jobs()] == [
            "nko-4", "nko-3", "nko-2", "nko-1", "nko-0",
        ]  # fmt: skip
        assert client.batches.find("nko-0") is not None
        assert client.batches.find("nko-9") is None


# Ends


@pytest.mark.parametrize(
    ("state", "remote"),
    [
        ("FAILED", RemoteState.FAILED),
        ("EXPIRED", RemoteState.EXPIRED),
        ("CANCELLED", RemoteState.CANCELLED),
    ],
)
def test_a_job_without_results_says_why(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path, state: str, remote: Any
) -> None:
    server.end_next(state, message="The quota of the project is used up.")
    made = created(client, jobs)
    server.finish()
    ended = client.batches.get(made.service_name)
    assert ended.state is remote
    assert ended.state.final
    assert ended.error == "The quota of the project is used up."
    with pytest.raises(NotFound, match="has no results"):
        list(client.batches.results(ended, tmp_path))


def test_a_job_that_succeeded_in_part_has_results_and_counts(jobs: Path, tmp_path: Path) -> None:
    def some(frame_id: str, jpeg: bytes, request: dict[str, Any]) -> LineError | str:
        return LineError(3, "Invalid argument.") if frame_id == "video:2" else truth(frame_id, [])

    with GeminiServer(some) as server:
        client = Client(server)
        server.end_next("PARTIALLY_SUCCEEDED")
        made = created(client, jobs)
        server.finish()
        [ended] = client.batches.jobs()
        assert ended.service_name == made.service_name
        assert ended.state is RemoteState.PARTIALLY_SUCCEEDED
        assert ended.state.final
        assert (ended.succeeded, ended.failed) == (2, 1)
        lines = [json.loads(line) for line in client.batches.results(ended, tmp_path)]
        assert [line["key"] for line in lines if "error" in line] == ["k2"]


# Results


def ended_job(server: GeminiServer, client: Client, jobs: Path) -> RemoteJob:
    made = created(client, jobs)
    server.finish()
    return client.batches.get(made.service_name)


@pytest.mark.parametrize("how", ["drop_before", "half", 503])
def test_results_that_are_cut_off_are_downloaded_again(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path, how: Any
) -> None:
    job = ended_job(server, client, jobs)
    server.fail("files.download", how)
    folder = tmp_path / "results"
    assert len(list(client.batches.results(job, folder))) == 3
    assert [path.name for path in folder.iterdir()] == [f"{job.result_file[6:]}.jsonl"]  # type: ignore[index]


def test_results_are_downloaded_once(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path
) -> None:
    job = ended_job(server, client, jobs)
    first = list(client.batches.results(job, tmp_path))
    assert list(client.batches.results(job, tmp_path)) == first
    assert server.asked("files.download") == 1


def test_results_are_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(30)]
    jobs = job_file(tmp_path / "job.jsonl", keys)
    with GeminiServer(lambda *_: RawLine("x" * 1_000_000)) as server:
        client = Client(server)
        job = ended_job(server, client, jobs)
        tracemalloc.start()
        try:
            lengths = [len(line) for line in client.batches.results(job, tmp_path / "results")]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert lengths == [1_000_000] * 30
    assert peak < 12_000_000


def test_results_that_are_gone_are_not_found(
    server: GeminiServer, client: Client, jobs: Path, tmp_path: Path
) -> None:
    job = ended_job(server, client, jobs)
    server.forget_files()
    with pytest.raises(NotFound, match="48 hours"):
        list(client.batches.results(job, tmp_path / "results"))
    assert not list((tmp_path / "results").iterdir())


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x1c", "\x0b", "\x0c"])
def test_only_a_line_feed_ends_a_line(jobs: Path, tmp_path: Path, separator: str) -> None:
    def answer(frame_id: str, jpeg: bytes, request: dict[str, Any]) -> str:
        return truth(frame_id, [("ߛߎ", "su", f"night{separator}day")])

    with GeminiServer(answer) as server:
        client = Client(server)
        lines = list(client.batches.results(ended_job(server, client, jobs), tmp_path))
    assert len(lines) == 3
    for line in lines:
        text = json.loads(line)["response"]["candidates"][0]["content"]["parts"][0]["text"]
        assert json.loads(text)["rows"][0]["english"] == f"night{separator}day"


def test_bytes_that_are_no_text_spoil_their_line_alone(client: Client, tmp_path: Path) -> None:
    (tmp_path / "batch-x.jsonl").write_bytes(b'{"key":"a"}\r\n\n\xff\xfe{\n{"key":"b"}')
    job = RemoteJob(
        "batches/x", "nko-x", MODEL, RemoteState.SUCCEEDED, datetime.now(UTC), "files/batch-x"
    )
    lines = list(client.batches.results(job, tmp_path))
    assert [lines[0], lines[2]] == ['{"key":"a"}', '{"key":"b"}']
    assert len(lines) == 3


# Operations as they are told


def test_an_operation_is_read_whichever_way_it_is_told() -> None:
    operation: dict[str, Any] = {
        "name": "batches/1",
        "metadata": {
            "model": "models/gemini-2.5-pro",
            "displayName": "nko-1",
            "createTime": "2026-09-01T04:13:24.263450184Z",
            "endTime": "2026-09-01T05:00:00Z",
            "batchStats": {"requestCount": "4", "failedRequestCount": "1"},
            "state": "BATCH_STATE_SUCCEEDED",
        },
        "done": True,
        "response": {"responsesFile": "files/batch-1"},
    }
    [told] = operations_in(operation)
    job = job_of(told)
    assert job.created_at == datetime(2026, 9, 1, 4, 13, 24, 263450, tzinfo=UTC)
    assert (job.model, job.result_file) == ("gemini-2.5-pro", "files/batch-1")
    assert job.ended_at == datetime(2026, 9, 1, 5, tzinfo=UTC)
    assert (job.succeeded, job.failed) == (0, 1)
    assert job.state is RemoteState.SUCCEEDED


@pytest.mark.parametrize(
    ("state", "done", "error", "expected"),
    [
        ("BATCH_STATE_UNHEARD_OF", False, False, RemoteState.RUNNING),
        ("BATCH_STATE_UNHEARD_OF", True, False, RemoteState.SUCCEEDED),
        ("BATCH_STATE_UNHEARD_OF", True, True, RemoteState.FAILED),
        ("BATCH_STATE_RUNNING", True, True, RemoteState.FAILED),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", True, False, RemoteState.PARTIALLY_SUCCEEDED),
        ("JOB_STATE_QUEUED", False, False, RemoteState.PENDING),
        # What is not done may have only a part of its results.
        ("BATCH_STATE_SUCCEEDED", False, False, RemoteState.RUNNING),
        ("BATCH_STATE_PARTIALLY_SUCCEEDED", False, False, RemoteState.RUNNING),
        ("BATCH_STATE_CANCELLED", False, False, RemoteState.CANCELLED),
    ],
)
def test_a_state_that_is_not_known_never_waits_for_ever(
    state: str, done: bool, error: bool, expected: RemoteState
) -> None:
    operation = {
        "name": "batches/1",
        "done": done,
        "metadata": {"createTime": "2026-09-01T04:13:24Z", "state": state},
    }
    if error:
        operation["error"] = {"code": 13, "message": "Internal error."}
    [told] = operations_in({"operations": [operation]})
    assert job_of(told).state is expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["batches/1", "2026-09-01T04:13:24Z", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_is_told_is_a_job_or_a_clear_no(answer: object) -> None:
    for operation in operations_in(answer):
        with suppress(KeyError, ValueError):
            assert job_of(operation).service_name.startswith("batches/")


def test_inlined_answers_of_other_jobs_are_not_kept() -> None:
    [told] = operations_in(
        {
            "name": "batches/1",
            "metadata": {"output": {"inlinedResponses": {"inlinedResponses": [1]}}},
        }
    )
    assert "inlinedResponses" not in json.dumps(told)


# The key


def told_of(call: Callable[[GeminiBatches], object], batches: GeminiBatches) -> list[str]:
    """Everything a log could say of a call that fails, the values in its frames included."""
    try:
        call(batches)
    except NkoError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        return [repr(error), error.message, error.next_step, *trace.format()]
    return []


def test_the_key_is_nowhere_to_be_read(
    server: GeminiServer, jobs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "httpx", "httpcore", "google_genai", "google_genai.models"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    client = Client(server)
    seen = [repr(client.batches), str(vars(client.batches))]

    job = ended_job(server, client, jobs)
    list(client.batches.results(job, tmp_path / "results"))
    for how in ("drop_before", "drop_after", "garbage", 400, 401, 403, 404, 429, 503):
        for method, call in CALLS.items():
            server.fail(method, how, times=5)  # type: ignore[arg-type]
            seen += told_of(call, client.batches)
            server.forgive()
    wrong = Client(server, key=f"wrong-{server.key}")
    seen += told_of(CALLS["batches.list"], wrong.batches)
    everything = "\n".join([*seen, caplog.text, *(str(vars(one)) for one in caplog.records)])
    assert "HTTP Request" in everything
    assert len(seen) > 100
    assert server.key not in everything


def test_what_the_service_says_is_shown_without_the_key(
    client: Client, server: GeminiServer, jobs: Path
) -> None:
    with pytest.raises(NkoError) as refused:
        client.batches.create(f"gemini-{server.key}", uploaded(client, jobs), "nko-a")
    assert "[key]" in str(refused.value)
    assert server.key not in str(refused.value)


def test_a_line_end_is_no_part_of_the_key(server: GeminiServer, jobs: Path) -> None:
    client = Client(server, key=f" {server.key}\n")
    with pytest.raises(NkoError) as refused:
        client.batches.create(f"gemini-{server.key}", uploaded(client, jobs), "nko-a")
    assert server.key not in str(refused.value)


def test_every_failure_is_one_of_ours() -> None:
    for kind in (Ambiguous, NotFound, Throttled):
        assert issubclass(kind, NkoError)
    assert issubclass(Ambiguous, TransientFailure)
    assert issubclass(NotFound, PermanentFailure)
