"""Posting to a webhook: a real server, tried again where that helps, the URL never told."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.resources.webhook import ATTEMPTS, post
from nko_assets_tests.servers.webhook import WebhookServer

MESSAGE = {"run_id": "r1", "failed_videos": {"v1": "ߒߞߏ"}}


def at_once(_state: object) -> float:
    return 0.0


def test_a_message_arrives_as_json():
    with WebhookServer() as server:
        post(server.hook, MESSAGE)
    assert server.received == [MESSAGE]
    assert server.types == ["application/json; charset=utf-8"]


@pytest.mark.parametrize("trouble", [408, 429, 500, 503])
def test_what_passes_is_tried_again(trouble):
    with WebhookServer([trouble, trouble, 200]) as server:
        post(server.hook, MESSAGE, wait_s=at_once)
    assert server.received == [MESSAGE]


def test_trouble_that_does_not_pass_is_told_after_three_tries():
    with (
        WebhookServer([503]) as server,
        pytest.raises(TransientFailure, match="answered 503") as failure,
    ):
        post(server.hook, MESSAGE, wait_s=at_once)
    assert server.asked == ATTEMPTS
    assert "S3CR3T" not in str(failure.value)


@pytest.mark.parametrize("refusal", [302, 400, 401, 404])
def test_a_refusal_is_not_tried_again(refusal):
    with WebhookServer([refusal]) as server, pytest.raises(ConfigurationError) as failure:
        post(server.hook, MESSAGE, wait_s=at_once)
    assert server.asked == 1
    assert "NKO_FAILURE_WEBHOOK" in str(failure.value)


def test_an_address_that_is_none_is_not_repeated():
    with pytest.raises(ConfigurationError, match="no URL") as failure:
        post(SecretStr("http://user:S3CR3T/x@127.0.0.1/"), MESSAGE, wait_s=at_once)
    assert "S3CR3T" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_server_that_is_not_there_is_one_sentence_without_the_address():
    with pytest.raises(TransientFailure, match="does not answer") as failure:
        post(SecretStr("http://127.0.0.1:1/S3CR3T"), MESSAGE, wait_s=at_once)
    assert "S3CR3T" not in str(failure.value)
    assert failure.value.__cause__ is None
