"""The Gemini server of the tests: as strict as the service, and it counts every cent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from nko_assets.reading.gemini.answers import judge, parse_result
from nko_assets.reading.gemini.request import first_settings, request_line
from nko_assets.resources.gemini_batches import GeminiBatches
from nko_assets_tests.servers.gemini import (
    MODELS,
    GeminiServer,
    LineError,
    Missing,
    RawLine,
    Twice,
    blocked_prompt,
    response,
    truth,
)
from nko_assets_tests.servers.gemini_answers import Answer, frame_of
from nko_assets_tests.servers.gemini_checks import BadRequest, check_line
from nko_assets_tests.servers.gemini_jobs import MODEL, job_file, jpeg

Request = dict[str, Any]


def read(frame_id: str, jpeg: bytes, request: Request) -> str:
    return truth(frame_id, [("ߛߎ", "su", "night")])


@pytest.fixture
def server() -> Iterator[GeminiServer]:
    with GeminiServer(read) as running:
        yield running


@pytest.fixture
def http(server: GeminiServer) -> Iterator[httpx2.Client]:
    headers = {"x-goog-api-key": server.key}
    with httpx2.Client(base_url=server.url, headers=headers) as client:
        yield client


def client_of(server: GeminiServer) -> GeminiBatches:
    return GeminiBatches(SecretStr(server.key), base_url=server.url, sleep=lambda _: None)


def answered(server: GeminiServer, folder: Path, keys: list[str]) -> list[str]:
    """The lines of results for a job of these keys."""
    client = client_of(server)
    name = client.upload(job_file(folder / "job.jsonl", keys), "nko-a", "video")
    made = client.create(MODEL, name, "nko-a")
    server.finish()
    return list(client.results(client.get(made.service_name), folder / "results"))


# Answers


def test_the_answer_gets_the_frame_and_the_whole_request(tmp_path: Path) -> None:
    seen: list[tuple[str, bytes, Request]] = []

    def answer(frame_id: str, picture: bytes, request: Request) -> str:
        seen.append((frame_id, picture, request))
        return truth(frame_id, [])

    with GeminiServer(answer, shuffled=False) as server:
        answered(server, tmp_path, ["k7", "k8"])
    assert [frame_id for frame_id, _, _ in seen] == ["video:7", "video:8"]
    assert {picture for _, picture, _ in seen} == {jpeg()}
    assert seen[0][2]["generationConfig"]["responseMimeType"] == "application/json"


def test_a_text_becomes_a_response_that_stopped(server: GeminiServer, tmp_path: Path) -> None:
    [line] = answered(server, tmp_path, ["k7"])
    told = json.loads(line)
    assert told["key"] == "k7"
    [candidate] = told["response"]["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert json.loads(candidate["content"]["parts"][0]["text"])["frame_id"] == "video:7"
    assert told["response"]["usageMetadata"]["candidatesTokenCount"] > 0
    assert told["response"]["modelVersion"] == MODEL


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (response("cut", "MAX_TOKENS"), ['"finishReason":"MAX_TOKENS"']),
        (blocked_prompt(), ['"blockReason":"PROHIBITED_CONTENT"']),
        (LineError(8, "Quota."), ['"error":{"code":8,"message":"Quota."}']),
        (RawLine('{"key": "k1", "resp'), ['{"key": "k1", "resp']),
        (Missing(), []),
        (Twice("one", LineError()), ['"text":"one"', '"error"']),
    ],
)
def test_an_answer_can_fail_in_every_way(tmp_path: Path, answer: Answer, lines: list[str]) -> None:
    with GeminiServer(lambda *_: answer) as server:
        got = answered(server, tmp_path, ["k1"])
    assert len(got) == len(lines)
    for line, part in zip(got, lines, strict=True):
        assert part in line


@pytest.mark.parametrize(("rows", "status"), [([("ߛߎ", "su", "night")], "ok"), ([], "no_text")])
def test_the_truth_is_judged_as_the_truth(
    tmp_path: Path, rows: list[tuple[str, str, str]], status: str
) -> None:
    with GeminiServer(lambda frame_id, *_: truth(frame_id, rows)) as server:
        [line] = answered(server, tmp_path, ["k7"])
    judged = judge(parse_result(line), "video:7")
    assert judged.status == status
    assert [(entry.nko, entry.latin_shown, entry.english) for entry in judged.entries] == rows


def test_results_are_shuffled_the_same_way_every_time(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(40)]
    orders = []
    for number in range(2):
        with GeminiServer(read) as server:
            lines = answered(server, tmp_path / str(number), keys)
        orders.append([json.loads(line)["key"] for line in lines])
    assert orders[0] == orders[1]
    assert orders[0] != keys
    assert sorted(orders[0]) == sorted(keys)


def test_a_share_of_the_requests_can_be_left_without_a_line(
    server: GeminiServer, tmp_path: Path
) -> None:
    server.end_next("PARTIALLY_SUCCEEDED", share=0.25)
    assert len(answered(server, tmp_path, [f"k{number}" for number in range(8)])) == 2
    assert (server.jobs[0].succeeded, server.jobs[0].failed) == (2, 6)


def test_a_job_ends_after_so_many_questions(tmp_path: Path) -> None:
    with GeminiServer(read, polls_to_end=3) as server:
        client = client_of(server)
        name = client.upload(job_file(tmp_path / "job.jsonl", ["k1"]), "nko-a", "")
        made = client.create(MODEL, name, "nko-a").service_name
        assert [client.get(made).state.final for _ in range(3)] == [False, False, True]


def test_every_job_counts_what_it_asks(server: GeminiServer, tmp_path: Path) -> None:
    client = client_of(server)
    name = client.upload(job_file(tmp_path / "job.jsonl", ["k1", "k2"]), "nko-a", "")
    client.create(MODEL, name, "nko-a")
    client.create(MODEL, name, "nko-a")
    assert server.requests_paid == {"k1": 2, "k2": 2}
    assert server.asked("batches.create") == 2


# What the service would not take


def spoiled(change: Callable[[Request], object]) -> bytes:
    """A line of a job file whose request was changed."""
    line = json.loads(request_line("k1", "video:1", jpeg(), first_settings(MODEL)))
    change(line["request"])
    return json.dumps(line).encode()


def config(**fields: object) -> Callable[[Request], object]:
    return lambda request: request["generationConfig"].update(fields)


def schema(**fields: object) -> Callable[[Request], object]:
    return lambda request: request["generationConfig"]["responseSchema"].update(fields)


NESTED = {
    "type": "OBJECT",
    "properties": {"b": {"type": "OBJECT", "properties": {"c": {"type": "STRING"}}}},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(generation_config={}), 'Unknown name "generation_config"'),
        (lambda r: r.pop("contents"), "contents is not specified"),
        (lambda r: r["contents"][0].update(role="teacher"), "valid role"),
        (lambda r: r["contents"][0]["parts"].append({}), "must not be empty"),
        (lambda r: r["contents"][0]["parts"].append({"image": "x"}), 'Unknown name "image"'),
        (lambda r: r["contents"][0]["parts"][0]["inlineData"].update(data="?"), "Base64"),
        (
            lambda r: r["contents"][0]["parts"][0]["inlineData"].update(
                data=base64.b64encode(b"GIF89a").decode()
            ),
            "image is not valid",
        ),
        (config(max_output_tokens=1), 'Unknown name "max_output_tokens"'),
        (config(maxTokens=1), 'Unknown name "maxTokens"'),
        (config(mediaResolution="HIGH"), "media_resolution"),
        (config(mediaResolution="MEDIA_RESOLUTION_ULTRA_HIGH"), "media_resolution"),
        (config(responseJsonSchema={"type": "object"}), "responseJsonSchema"),
        (config(responseMimeType="text/plain"), "application/json"),
        (config(thinkingConfig={"thinkingLevel": "LOW"}), "not supported for this model"),
        (config(thinkingConfig={"thinking_budget": 0}), 'Unknown name "thinking_budget"'),
        (schema(type="object"), "response_schema.type"),
        (schema(properties={}), "non-empty"),
        (schema(properties={"a": NESTED}, required=[], propertyOrdering=[]), "nesting depth"),
        (schema(required=["nobody"]), "property is not defined"),
        (schema(additionalProperties=False), 'Unknown name "additionalProperties"'),
        (schema(properties={"a": {"type": "ARRAY"}}, required=[], propertyOrdering=[]), "items"),
    ],
)
def test_a_request_that_the_service_would_refuse_is_refused(
    change: Callable[[Request], object], message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        check_line(spoiled(change), MODEL)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "line", [b"", b"nothing", b"[]", b'{"key":1,"request":{}}', b'{"key":"a"}']
)
def test_a_line_that_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(BadRequest):
        check_line(line, MODEL)


@pytest.mark.parametrize("model", MODELS)
def test_what_we_ask_of_each_model_is_taken(model: str) -> None:
    key, request = check_line(request_line("k1", "video:1", jpeg(), first_settings(model)), model)
    assert key == "k1"
    assert frame_of(request) == ("video:1", jpeg())


def test_a_bad_line_refuses_the_job_and_costs_nothing(
    server: GeminiServer, http: httpx2.Client, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    good = request_line("k1", "video:1", jpeg(), first_settings(MODEL))
    bad.write_bytes(good + spoiled(config(maxTokens=1)) + b"\n")
    name = client_of(server).upload(bad, "nko-a", "")
    answer = http.post(
        f"/v1beta/models/{MODEL}:batchGenerateContent",
        json={"batch": {"displayName": "nko-a", "inputConfig": {"fileName": name}}},
    )
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert not server.requests_paid


def test_keys_are_asked_for_and_compared(server: GeminiServer) -> None:
    nobody = httpx2.get(f"{server.url}/v1beta/batches")
    assert (nobody.status_code, nobody.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    wrong = httpx2.get(f"{server.url}/v1beta/batches", headers={"x-goog-api-key": "wrong"})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


# Files


def start(http: httpx2.Client, name: str, size: int) -> httpx2.Response:
    return http.post(
        "/upload/v1beta/files",
        headers={
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": "application/jsonl",
        },
        json={"file": {"name": name}},
    )


def chunk(http: httpx2.Client, url: str, command: str, offset: int, data: bytes) -> httpx2.Response:
    return http.post(
        url,
        headers={"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)},
        content=data,
    )


def test_an_upload_goes_on_where_it_ended(server: GeminiServer, http: httpx2.Client) -> None:
    data = bytes(300_000)
    url = start(http, "files/a", len(data)).headers["x-goog-upload-url"]
    first = chunk(http, url, "upload", 0, data[:262_144])
    assert first.headers["x-goog-upload-status"] == "active"
    asked = chunk(http, url, "query", 0, b"")
    assert asked.headers["x-goog-upload-size-received"] == "262144"
    assert chunk(http, url, "upload", 0, data[:262_144]).status_code == 400
    last = chunk(http, url, "upload, finalize", 262_144, data[262_144:])
    assert last.headers["x-goog-upload-status"] == "final"
    assert last.json()["file"]["sizeBytes"] == "300000"
    assert server.files[0].path.read_bytes() == data


def test_a_name_is_used_once_and_has_few_characters(http: httpx2.Client) -> None:
    url = start(http, "files/a", 1).headers["x-goog-upload-url"]
    chunk(http, url, "upload, finalize", 0, b"x")
    assert start(http, "files/a", 1).status_code == 409
    for name in ("files/-a", "files/A", "files/a_b", "files/" + "a" * 41):
        assert start(http, name, 1).status_code == 400


def test_what_is_not_there_and_what_is_not_ours_look_the_same(http: httpx2.Client) -> None:
    answer = http.get("/v1beta/files/none")
    assert answer.status_code == 403
    assert "may not exist" in answer.json()["error"]["message"]


def test_only_results_can_be_downloaded_on_both_paths(
    server: GeminiServer, http: httpx2.Client, tmp_path: Path
) -> None:
    answered(server, tmp_path, ["k1"])
    result = server.jobs[0].result_file
    for place in ("/v1beta", "/download/v1beta"):
        assert http.get(f"{place}/{result}:download?alt=media").status_code == 200
    assert http.get("/v1beta/files/nko-a:download?alt=media").status_code == 400


def test_lists_come_in_pages(http: httpx2.Client, server: GeminiServer) -> None:
    for number in range(3):
        url = start(http, f"files/a{number}", 1).headers["x-goog-upload-url"]
        chunk(http, url, "upload, finalize", 0, b"x")
    first = http.get("/v1beta/files", params={"pageSize": 2}).json()
    rest = http.get("/v1beta/files", params={"pageSize": 2, "pageToken": first["nextPageToken"]})
    assert [file["name"] for file in first["files"]] == ["files/a2", "files/a1"]
    assert [file["name"] for file in rest.json()["files"]] == ["files/a0"]
    assert "nextPageToken" not in rest.json()
    assert http.get("/v1beta/batches").json() == {}


# Trouble


def test_trouble_comes_when_it_was_asked_for_and_ends(
    server: GeminiServer, http: httpx2.Client
) -> None:
    server.fail("batches.list", 503, skip=1, times=2)
    assert [http.get("/v1beta/batches").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert [call.status for call in server.calls] == [200, 503, 503, 200]
    server.fail("batches.list", 503)
    server.forgive()
    assert http.get("/v1beta/batches").status_code == 200


def test_hanging_up_is_a_reset(server: GeminiServer, http: httpx2.Client) -> None:
    server.fail("batches.list", "drop_before")
    with pytest.raises(httpx2.TransportError):
        http.get("/v1beta/batches")
    assert [call.status for call in server.calls] == [0]


def test_the_server_does_not_wait_beyond_its_end(server: GeminiServer) -> None:
    with GeminiServer(read) as other:
        other.fail("batches.list", "slow", seconds=600)
        with pytest.raises(httpx2.TimeoutException):
            httpx2.get(f"{other.url}/v1beta/batches", timeout=0.1)
