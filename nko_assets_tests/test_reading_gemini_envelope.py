import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.reading.gemini.envelope import open_envelope, parse_result
from nko_assets_tests.gemini_lines import response, result

KEY = "0123456789abcdef" * 4 + "-2"


def opened(body):
    return open_envelope(parse_result(json.dumps({"key": KEY, **body})))


class TestLines:
    def test_a_line_gives_its_key_and_its_response(self):
        text = json.dumps({"key": KEY, "response": {"candidates": []}})
        line = parse_result(text)
        assert (line.key, line.response, line.error) == (KEY, {"candidates": []}, None)
        assert line.raw == text

    @pytest.mark.parametrize("name", ["error", "status"])
    def test_an_error_goes_by_either_name(self, name):
        line = parse_result(json.dumps({"key": KEY, name: {"code": 503, "message": "later"}}))
        assert (line.response, line.error) == (None, {"code": 503, "message": "later"})

    @given(st.integers(90, 400))
    def test_the_key_of_a_line_that_was_cut_can_still_be_read(self, length):
        text = json.dumps({"key": KEY, "response": response({"text": 'a "key": "other" ' * 9})})
        assert parse_result(text[:length]).key == KEY

    @pytest.mark.parametrize(
        "text", ["", "nonsense", "[1]", "7", '{"key": 7}', '"key"', "[" * 9999]
    )
    def test_what_has_no_key_has_none(self, text):
        assert parse_result(text).key is None


class TestErrors:
    @pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504, 2, 8, 10, 13, 14])
    def test_what_may_pass_can_be_asked_again(self, code):
        envelope = opened({"error": {"code": code, "message": "later"}})
        assert (envelope.status, envelope.can_heal) == ("error", True)
        assert str(code) in envelope.reason
        assert "later" in envelope.reason

    @pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 3, 5, 7, 9, 12, 16])
    def test_what_is_refused_is_refused_again(self, code):
        envelope = opened({"error": {"code": code, "message": "no"}})
        assert (envelope.status, envelope.can_heal) == ("error", False)

    def test_a_name_counts_like_a_code(self):
        assert opened({"error": {"status": "UNAVAILABLE"}}).can_heal
        assert not opened({"error": {"status": "PERMISSION_DENIED"}}).can_heal

    def test_a_request_that_ran_out_of_time_is_expired(self):
        envelope = opened({"status": {"code": 4, "message": "Deadline expired"}})
        assert (envelope.status, envelope.can_heal) == ("expired", True)

    def test_an_expired_key_is_no_expired_request(self):
        envelope = opened({"error": {"code": 400, "message": "API key expired."}})
        assert (envelope.status, envelope.can_heal) == ("error", False)

    def test_a_long_message_is_cut(self):
        assert len(opened({"error": {"code": 500, "message": "x" * 9999}}).reason) == 300


class TestCandidates:
    def test_text_parts_are_joined_and_thoughts_left_out(self):
        parts = [{"text": "no", "thought": True}, {"text": "a"}, {"inlineData": {}}, {"text": "b"}]
        assert open_envelope(parse_result(result(response(*parts)))).text == "ab"

    def test_candidates_that_differ_are_not_chosen_from(self):
        two = response({"text": "a"})
        two["candidates"] += response({"text": "b"})["candidates"]
        assert open_envelope(parse_result(result(two))).status == "duplicate"
        two["candidates"][1]["content"]["parts"][0]["text"] = "a"
        assert open_envelope(parse_result(result(two))).status == ""

    @pytest.mark.parametrize(
        ("finish", "status"),
        [
            ("MAX_TOKENS", "max_tokens"),
            ("RECITATION", "recitation"),
            ("SAFETY", "safety"),
            ("PROHIBITED_CONTENT", "safety"),
            ("BLOCKLIST", "safety"),
            ("SPII", "safety"),
            ("MALFORMED_FUNCTION_CALL", "malformed"),
            ("LANGUAGE", "error"),
            ("OTHER", "error"),
            ("stop", "error"),
            ("", "error"),
        ],
    )
    def test_every_finish_reason_has_its_status(self, finish, status):
        envelope = open_envelope(parse_result(result(response({"text": "{}"}, finish=finish))))
        assert envelope.status == status
        assert envelope.reason

    def test_the_reason_says_what_took_the_tokens(self):
        envelope = open_envelope(parse_result(result(response({"text": "{"}, finish="MAX_TOKENS"))))
        assert "214 tokens of text and 61 of thinking" in envelope.reason

    @pytest.mark.parametrize(
        ("metadata", "tokens"),
        [
            ({}, (0, 0, 0)),
            (None, (0, 0, 0)),
            ({"promptTokenCount": "12", "candidatesTokenCount": 3}, (12, 3, 0)),
            ({"promptTokenCount": 10, "thoughtsTokenCount": 5, "totalTokenCount": 20}, (10, 5, 5)),
            ({"promptTokenCount": -1, "candidatesTokenCount": True}, (0, 0, 0)),
            ({"promptTokenCount": [1], "candidatesTokenCount": "many"}, (0, 0, 0)),
        ],
    )
    def test_tokens_are_counted_as_far_as_the_answer_counts_them(self, metadata, tokens):
        body = response({"text": "{}"}, usageMetadata=metadata)
        usage = open_envelope(parse_result(result(body))).usage
        assert (usage.input_tokens, usage.output_tokens, usage.thinking_tokens) == tokens
