"""The one place where configuration is read: environment variables, their defaults, their meaning."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from nko_assets.failures import ConfigurationError
from nko_assets.resources.urls import page_url

PREFIX = "NKO_"
# Variables that keep the name under which the service's own client knows them, the first set wins.
KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
PROJECT_VARIABLE = "GOOGLE_CLOUD_PROJECT"
# Models that are chosen by a word, where a folder could be named too.
CHOICES = ("none", "current", "student")
# A key, as a header can carry it.
KEY = re.compile("[!-~]+")
# How Vertex AI calls an endpoint.
ENDPOINT = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/endpoints/[^/\s]+")
# How a bucket is called, with a folder in it or none.
BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[^/\s]+)*")


class Settings(BaseSettings):
    """What a run depends on. Each field is read from `NKO_<NAME>`; everything has a default.

    The key of Gemini alone is read from the variables that its own client knows.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        # A line end behind a key or an address belongs to the file it was copied from.
        str_strip_whitespace=True,
    )

    data: Path = Field(Path("data"), description="folder that holds every artefact")
    source: str = Field(
        "sample", description="`sample`, a folder of video files, a URL, or a YouTube `@handle`"
    )
    expected_videos: int | None = Field(
        None, ge=1, description="how many videos the source should list; checked, never enforced"
    )
    allow_shrink: bool = Field(
        False, description="accept a listing that lost more than a tenth of its videos"
    )
    licence: str = Field(
        "Licence not stated; the rights are the author's.",
        min_length=1,
        description="note that travels with every exported row of an online or folder source",
    )

    cookies: Path | None = Field(None, description="cookies file in Netscape format, for yt-dlp")
    sleep_min_s: float = Field(5.0, ge=0, description="shortest pause between downloads, seconds")
    sleep_max_s: float = Field(10.0, ge=0, description="longest pause between downloads, seconds")
    min_height: int = Field(480, ge=1, description="lowest picture that is still legible, pixels")
    max_height: int = Field(720, ge=1, description="highest picture worth its bytes, pixels")
    rate_limit: int | None = Field(None, ge=1, description="download limit, bytes a second")

    interval_s: float = Field(5.0, gt=0, description="seconds between sampled frames")
    similarity: float = Field(
        0.85, gt=0, le=1, description="ink similarity from which a frame repeats the kept one"
    )

    reader: Literal["auto", "offline", "gemini"] = Field(
        "auto", description="who reads the frames: `auto` is `gemini` when its key is set"
    )
    gemini_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("gemini_api_key", *KEY_VARIABLES),
        description="key of the Gemini API (`GOOGLE_API_KEY` is taken too)",
    )
    model: str = Field(
        "gemini-3.5-flash-lite", min_length=1, description="the Gemini model that reads"
    )
    resolution: Literal["low", "medium", "high"] = Field(
        "high", description="how finely Gemini looks at a frame; finer costs more tokens"
    )
    budget_usd: float = Field(
        100.0, ge=0, description="dollars that the whole project may cost; nothing is sent beyond"
    )
    daily_budget_usd: float | None = Field(
        None, ge=0, description="dollars that the jobs of one day (UTC) may cost"
    )
    max_open_jobs: int = Field(100, ge=1, description="batch jobs at the service at a time")
    # What the service lets its first paying tier queue for a flash model.
    max_open_tokens: int = Field(
        3_000_000, ge=1, description="input tokens at the service at a time, as your tier allows"
    )
    second_reading: float = Field(
        0.0, ge=0, le=1, description="share of the frames that Gemini reads twice, to be compared"
    )
    dictionary: Path | None = Field(
        None, description="a list of known N'Ko words, one a line, to judge readings by"
    )
    # 0.9 lets through 98.6 % of what the offline reader finds in the sample channel, none of it
    # wrong, and on lines of 240 to 360 rows at the worst qualities of H.264 lowers the share of
    # wrong ones from 12 % to 9 %; 0.95 lets through 97 %, and 4 % wrong ones of the bad lines.
    accept_confidence: float = Field(
        0.90, ge=0, le=1, description="confidence from which a reading needs no review"
    )

    supabase_url: str | None = Field(
        None,
        validation_alias=AliasChoices("supabase_url", "SUPABASE_URL"),
        description="a Supabase project that keeps the memory: https://<project>.supabase.co",
    )
    supabase_service_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices(
            "supabase_service_key", "SUPABASE_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY"
        ),
        description="its service_role or secret key (`SUPABASE_SERVICE_ROLE_KEY` is taken too)",
    )
    store_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("store_url", "NKO_STORE_URL", "SUPABASE_DB_URL"),
        description="address of a Postgres database; without one it is embedded in the data",
    )
    embedding_models: Path | None = Field(
        None,
        description="folder of other embedding models, made by `python -m nko_assets.memory.training`",
    )
    explorer_token: SecretStr | None = Field(
        None, description="what `nko explore` asks for when it listens beyond this machine"
    )
    failure_webhook: SecretStr | None = Field(
        None, description="URL that is told, by an HTTP POST of JSON, of each run that fails"
    )

    bucket: str | None = Field(
        None, description="Google Cloud Storage for tuning files: `gs://name` or `gs://name/folder`"
    )
    gcp_project: str | None = Field(
        None,
        validation_alias=AliasChoices("gcp_project", PROJECT_VARIABLE),
        min_length=1,
        description="the Google Cloud project in which Vertex AI tunes, and which pays",
    )
    gcp_location: str = Field(
        "us-central1", min_length=1, description="the region in which Vertex AI tunes"
    )
    tuner: Literal["auto", "open", "vertex"] = Field(
        "auto",
        description=(
            "who tunes: `auto` is `vertex` when `NKO_BUCKET` and the project are set and "
            "`NKO_TUNING_CONFIG` is not"
        ),
    )
    tuning_config: str = Field(
        "tiny", min_length=1, description="the open trainer's preset, or a TOML file of one's own"
    )
    tuning_model: str = Field(
        "gemini-2.5-flash", min_length=1, description="the Gemini model that Vertex AI tunes"
    )
    translator: str = Field(
        "none",
        min_length=1,
        description="who gives English where a frame shows none: `none`, `current` (the champion), "
        "a model folder, or a Vertex AI endpoint",
    )
    flores: Path | None = Field(
        None, description="a folder or TSV of FLORES devtest with N'Ko, for the evaluation"
    )
    evaluation_examples: int = Field(
        200,
        ge=1,
        description="examples of each task and benchmark that a model is asked; the frozen test is "
        "always asked whole",
    )
    tokenizers: Path | None = Field(
        None,
        description="a folder of `<name>/tokenizer.json`, to count tokens instead of estimating them",
    )
    reader_weights: str | None = Field(
        None,
        description="weights of the offline reader: a folder, or `student`; the shipped ones if unset",
    )

    max_videos_a_run: int = Field(20, ge=1, description="partitions in one Dagster run")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="videos worked on at once"
    )

    @field_validator(
        "data", "cookies", "dictionary", "embedding_models", "flores", "tokenizers", mode="after"
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @field_validator("source", mode="after")
    @classmethod
    def _folder_absolute(cls, source: str) -> str:
        """A folder keeps its meaning in processes with another current folder, such as the UI's."""
        if not source or source == "sample":
            return source
        try:
            is_url = page_url(source) is not None
        except ValueError:
            # What it says repeats the address, which may hold a password.
            raise ValueError("it begins like a URL and is none") from None
        return source if is_url else str(Path(source).expanduser().absolute())

    @field_validator("bucket", mode="after")
    @classmethod
    def _bucket_of_google(cls, address: str | None) -> str | None:
        """Always with its scheme and without a slash at the end."""
        if address is None:
            return None
        name = address.removeprefix("gs://").rstrip("/")
        if not BUCKET.fullmatch(name):
            raise ValueError("it looks like gs://name or gs://name/folder")
        return f"gs://{name}"

    @field_validator("tuning_config", mode="after")
    @classmethod
    def _config_absolute(cls, config: str) -> str:
        """A preset is one word; a file keeps its meaning in processes with another folder."""
        return str(Path(config).expanduser().absolute()) if config.endswith(".toml") else config

    @field_validator("translator", "reader_weights", mode="after")
    @classmethod
    def _model_absolute(cls, model: str | None) -> str | None:
        """A folder keeps its meaning too; the names of choices and of endpoints are no folders."""
        if model is None or model in CHOICES or ENDPOINT.fullmatch(model):
            return model
        return str(Path(model).expanduser().absolute())

    @field_validator("gemini_api_key", "supabase_service_key", mode="after")
    @classmethod
    def _one_word(cls, key: SecretStr | None) -> SecretStr | None:
        """No header could carry anything else, and what says so would repeat it."""
        if key is not None and not KEY.fullmatch(key.get_secret_value()):
            raise ValueError("a key is one word of ASCII letters, digits and signs")
        return key

    @field_validator("store_url", mode="after")
    @classmethod
    def _postgres(cls, address: SecretStr | None) -> SecretStr | None:
        if address is not None and not address.get_secret_value().startswith(
            ("postgresql://", "postgres://")
        ):
            raise ValueError("it looks like postgresql://user:password@host:5432/postgres")
        return address

    @field_validator("failure_webhook", mode="after")
    @classmethod
    def _http(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and _web_address(url.get_secret_value()) is None:
            raise ValueError("it has to begin with http:// or https://, and to be a URL")
        return url

    @property
    def reader_in_use(self) -> Literal["offline", "gemini"]:
        """The reader that `auto` stands for here."""
        if self.reader == "auto":
            return "gemini" if self.gemini_api_key else "offline"
        return self.reader

    @model_validator(mode="after")
    def _paid_reading_makes_sense(self) -> Settings:
        if self.reader == "gemini" and self.gemini_api_key is None:
            raise ValueError("NKO_READER is gemini, and GEMINI_API_KEY is not set")
        if self.second_reading and self.reader_in_use == "offline":
            raise ValueError(
                "NKO_SECOND_READING is for Gemini; the offline reader always says the same"
            )
        if self.daily_budget_usd is not None and self.daily_budget_usd > self.budget_usd:
            raise ValueError("NKO_DAILY_BUDGET_USD is above NKO_BUDGET_USD")
        return self

    @property
    def tuner_in_use(self) -> Literal["open", "vertex"]:
        """The tuner that `auto` stands for here; who configures the open trainer wants that one."""
        if self.tuner == "auto":
            configured = "tuning_config" in self.model_fields_set
            return "vertex" if self.bucket and self.gcp_project and not configured else "open"
        return self.tuner

    @model_validator(mode="after")
    def _tuning_is_whole(self) -> Settings:
        # A project alone means nothing: machines of Google Cloud set it for every program.
        if self.bucket and not self.gcp_project and self.tuner != "open":
            raise ValueError(
                f"NKO_BUCKET is set and {PROJECT_VARIABLE} is not: Vertex AI tunes with both; "
                "NKO_TUNER=open only uploads to the bucket"
            )
        if self.tuner == "vertex" and not self.bucket:
            raise ValueError("NKO_TUNER is vertex, which reads its files from NKO_BUCKET: set it")
        return self

    @field_validator("supabase_url", mode="after")
    @classmethod
    def _project(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = _web_address(url)
        if parts is None or "@" in parts.netloc:
            raise ValueError("it looks like https://<project>.supabase.co")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _supabase_is_whole(self) -> Settings:
        if (self.supabase_url is None) != (self.supabase_service_key is None):
            there, missing = ("SUPABASE_URL", "SUPABASE_SERVICE_KEY")
            if self.supabase_url is None:
                there, missing = missing, there
            raise ValueError(f"{there} is set and {missing} is not: Supabase takes both")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Settings:
        if self.sleep_min_s > self.sleep_max_s:
            raise ValueError("NKO_SLEEP_MIN_S is above NKO_SLEEP_MAX_S")
        if self.min_height > self.max_height:
            raise ValueError("NKO_MIN_HEIGHT is above NKO_MAX_HEIGHT")
        return self


def _web_address(url: str) -> SplitResult | None:
    """The parts of an http or https address; None when it is none, for errors would repeat it."""
    try:
        parts = urlsplit(url)
        # Reading the port checks it: of a password with a slash it would be the beginning.
        whole = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    in_one_line = url.isprintable() and not any(map(str.isspace, url))
    return parts if whole and in_one_line and parts.scheme in ("http", "https") else None


def load_settings(**given: object) -> Settings:
    """Settings from the environment and `.env`; `given` values that are not None win.

    Raises `ConfigurationError` naming the variables that are wrong and what they should be.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors())
        raise ConfigurationError(
            f"The configuration is wrong: {problems}.",
            "The README's table of configuration lists every variable.",
        ) from None


def variable(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    return _OTHERS.get(field, f"{PREFIX}{field.upper()}")


# What services call their own variables needs no prefix.
_OTHERS = {
    "gemini_api_key": KEY_VARIABLES[0],
    "gcp_project": PROJECT_VARIABLE,
    "supabase_url": "SUPABASE_URL",
    "supabase_service_key": "SUPABASE_SERVICE_KEY",
}


def _problem(location: tuple[int | str, ...], message: str) -> str:
    name = "_".join(str(part) for part in location)
    text = message.removeprefix("Value error, ")
    if not name:
        return text
    return f"{name if name.isupper() else variable(name)}: {text}"
