import base64
import hashlib
import json
from dataclasses import replace

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini import request as ask
from nko_assets.reading.gemini.models import known_models
from nko_assets.reading.gemini.versions import answer_schema, hint_text, prompt_text
from nko_assets.schemas.readings import READING_STATUSES

KEY = "f" * 64 + "-1"
OLD, NEW = "gemini-2.5-flash", "gemini-3.8-flash"


def asked(model=NEW, jpeg=b"\xff\xd8", frame_id="a:1", **changes):
    settings = replace(ask.first_settings(model), **changes)
    return json.loads(ask.request_line(KEY, frame_id, jpeg, settings))


def healed(status, model=NEW, settings=None):
    return ask.retry_settings(status, model, settings or ask.first_settings(model))


def changes(status, model=NEW, settings=None):
    """What differs from the settings before."""
    before = settings or ask.first_settings(model)
    after = healed(status, model, before)
    return after and {
        name: value for name, value in after.as_dict().items() if before.as_dict()[name] != value
    }


class TestLine:
    def test_a_line_is_key_and_request_in_rest_spelling(self):
        line = asked(jpeg=b"\xff\xd8picture", frame_id='a"b:5000')
        assert set(line) == {"key", "request"}
        assert line["key"] == KEY
        (turn,) = line["request"]["contents"]
        picture, text = turn["parts"]
        assert picture["inlineData"]["mimeType"] == "image/jpeg"
        assert base64.b64decode(picture["inlineData"]["data"]) == b"\xff\xd8picture"
        assert text == {"text": 'frame_id: a"b:5000'}
        assert line["request"]["systemInstruction"] == {"parts": [{"text": prompt_text()}]}

    def test_the_settings_stand_where_rest_has_them(self):
        assert asked(NEW)["request"]["generationConfig"] == {
            "temperature": 1.0,
            "maxOutputTokens": 8192,
            "thinkingConfig": {"thinkingLevel": "LOW"},
            "responseMimeType": "application/json",
            "responseSchema": answer_schema(),
            "mediaResolution": "MEDIA_RESOLUTION_HIGH",
        }
        assert asked(OLD)["request"]["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}

    def test_the_finest_resolution_belongs_to_the_picture(self):
        request = asked(NEW, resolution="ultra_high")["request"]
        assert "mediaResolution" not in request["generationConfig"]
        picture = request["contents"][0]["parts"][0]
        assert picture["mediaResolution"] == {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}

    def test_a_hint_is_added_to_the_prompt(self):
        parts = asked(NEW, hint="loop")["request"]["systemInstruction"]["parts"]
        assert parts == [{"text": prompt_text()}, {"text": hint_text("loop")}]

    @pytest.mark.parametrize("model", known_models())
    def test_the_client_knows_every_field(self, model):
        request = asked(model)["request"]
        config = types.GenerationConfig.model_validate(request["generationConfig"])
        assert config.max_output_tokens == 8192
        for part in [types.Content.model_validate(turn) for turn in request["contents"]]:
            assert part.role == "user"
        part = asked(NEW, resolution="ultra_high")["request"]["contents"][0]["parts"][0]
        assert types.Part.model_validate(part).media_resolution is not None

    @given(st.text(), st.binary(max_size=99), st.sampled_from([OLD, NEW]), st.integers(1, 999_999))
    def test_a_line_is_one_line_and_never_longer_than_foretold(
        self, frame_id, jpeg, model, attempt
    ):
        settings = ask.first_settings(model)
        line = ask.request_line(f"{'f' * 64}-{attempt}", frame_id, jpeg, settings)
        foretold = ask.request_size(frame_id, len(jpeg), settings)
        assert line.count(b"\n") == 1
        assert line.endswith(b"}\n")
        assert foretold - 6 < len(line) <= foretold
        assert json.loads(line)["request"]["contents"][0]["parts"][1]["text"].endswith(frame_id)


class TestSettings:
    @given(
        st.sampled_from(ask.RESOLUTIONS),
        st.floats(0, 2),
        st.integers(1, 65_536),
        st.sampled_from(["0", "LOW"]),
        st.integers(1, 9),
        st.sampled_from(["", "loop"]),
    )
    def test_settings_survive_json(self, resolution, temperature, tokens, thinking, reading, hint):
        settings = ask.AskSettings(
            resolution, temperature, tokens, thinking, reading=reading, hint=hint
        )
        again = json.loads(json.dumps({**settings.as_dict(), "more": 1}))
        assert ask.AskSettings.from_dict(again) == settings

    def test_identity_changes_with_everything_that_is_asked(self):
        first = ask.first_settings(NEW)
        others = [
            ask.first_settings(OLD),
            ask.first_settings(NEW, "medium"),
            ask.first_settings(NEW, reading=2),
            replace(first, hint="loop"),
        ]
        identities = [json.dumps(ask.identity(each), sort_keys=True) for each in (first, *others)]
        assert len(set(identities)) == len(identities)
        assert "digest" in ask.identity(first)

    def test_a_second_reading_at_temperature_0_would_be_none(self):
        assert ask.first_settings(OLD).temperature == 0
        assert ask.first_settings(OLD, reading=2).temperature > 0
        assert ask.first_settings(NEW, reading=2).temperature == 1

    @pytest.mark.parametrize("model", known_models())
    def test_there_is_room_for_an_answer_beside_the_thinking(self, model):
        assert ask.first_settings(model).max_output_tokens >= 8192

    def test_a_resolution_that_a_model_lacks_is_refused_with_those_it_has(self):
        with pytest.raises(ConfigurationError, match="low, medium, high"):
            ask.first_settings(OLD, "ultra_high")
        with pytest.raises(ConfigurationError, match="sharp"):
            ask.first_settings(NEW, "sharp")


class TestHealing:
    def test_every_failure_is_known(self):
        for status in set(READING_STATUSES) - {"ok", "no_text"}:
            assert healed(status) is not None, status
        for status in ("ok", "no_text", "whatever"):
            assert healed(status) is None

    def test_a_limit_of_tokens_is_doubled_until_it_cannot_be(self):
        settings = ask.first_settings(NEW)
        limits = []
        while settings:
            limits.append(settings.max_output_tokens)
            settings = healed("max_tokens", NEW, settings)
        assert limits == [8192, 16_384, 32_768, 65_536]

    def test_a_loop_gets_a_hint_and_then_another_picture(self):
        assert changes("loop", OLD) == {"hint": "loop", "temperature": 0.4}
        hinted = healed("loop", OLD)
        assert changes("loop", OLD, hinted) == {"resolution": "medium"}
        assert changes("loop", NEW) == {"hint": "loop"}
        assert changes("loop", NEW, healed("loop", NEW)) == {"resolution": "ultra_high"}

    @pytest.mark.parametrize("status", ["recitation", "safety"])
    def test_what_was_blocked_is_asked_once_again_in_other_words(self, status):
        assert changes(status, NEW) == {"hint": status}
        assert changes(status, OLD) == {"hint": status, "temperature": 0.4}
        assert healed(status, NEW, healed(status, NEW)) is None

    def test_another_script_is_looked_at_more_closely(self):
        low = ask.first_settings(OLD, "low")
        assert changes("wrong_script", OLD, low) == {"resolution": "medium"}
        assert changes("wrong_script", NEW) == {"resolution": "ultra_high"}
        assert changes("wrong_script", OLD) == {"hint": "script", "temperature": 0.4}
        assert healed("wrong_script", OLD, healed("wrong_script", OLD)) is None

    @pytest.mark.parametrize("status", ["malformed", "leaked_thought", "wrong_frame", "duplicate"])
    def test_a_slip_of_the_model_is_asked_again_a_little_warmer(self, status):
        assert changes(status, OLD) == {"temperature": 0.2}
        assert changes(status, NEW) == {}

    def test_what_was_not_read_is_looked_at_more_closely_and_then_once_more(self):
        assert changes("missing", NEW) == {"resolution": "ultra_high"}
        assert changes("missing", OLD) == {"temperature": 0.2}

    @pytest.mark.parametrize("status", ["error", "expired"])
    @pytest.mark.parametrize("model", [OLD, NEW])
    def test_what_the_service_did_is_asked_again_unchanged(self, status, model):
        assert changes(status, model) == {}

    @given(st.lists(st.sampled_from(READING_STATUSES), max_size=9), st.sampled_from(known_models()))
    def test_settings_stay_such_as_can_be_sent(self, statuses, model):
        settings = ask.first_settings(model)
        for status in statuses:
            settings = ask.retry_settings(status, model, settings) or settings
            assert 0 <= settings.temperature <= 1
            assert settings.max_output_tokens <= 65_536
            assert ask.request_line(KEY, "a:1", b"", settings)
            if model.startswith("gemini-2.5"):
                assert settings.resolution != "ultra_high"


class TestJobFile:
    def test_lines_are_written_as_they_come(self, tmp_path):
        lines = [f"{number}\n".encode() for number in range(100)]
        size, digest = ask.write_job_file(tmp_path / "job.jsonl", iter(lines))
        written = (tmp_path / "job.jsonl").read_bytes()
        assert written == b"".join(lines)
        assert (size, digest) == (len(written), hashlib.sha256(written).hexdigest())

    def test_no_file_is_left_when_the_lines_break_off(self, tmp_path):
        def broken():
            yield b"1\n"
            raise OSError("the lake is gone")

        with pytest.raises(OSError, match="gone"):
            ask.write_job_file(tmp_path / "job.jsonl", broken())
        assert list(tmp_path.iterdir()) == []

    def test_a_job_without_requests_is_no_job(self, tmp_path):
        with pytest.raises(ValueError, match="without requests"):
            ask.write_job_file(tmp_path / "job.jsonl", [])
        assert list(tmp_path.iterdir()) == []
