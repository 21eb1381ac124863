"""The one place where configuration is read: environment variables, their defaults, their meaning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nko_assets.failures import ConfigurationError
from nko_assets.resources.urls import page_url

PREFIX = "NKO_"


class Settings(BaseSettings):
    """What a run depends on. Each field is read from `NKO_<NAME>`; everything has a default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
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

    reader: Literal["offline"] = Field("offline", description="who reads the frames")
    # 0.9 lets through 98.6 % of what the offline reader finds in the sample channel, none of it
    # wrong, and on lines of 240 to 360 rows at the worst qualities of H.264 lowers the share of
    # wrong ones from 12 % to 9 %; 0.95 lets through 97 %, and 4 % wrong ones of the bad lines.
    accept_confidence: float = Field(
        0.90, ge=0, le=1, description="confidence from which a reading needs no review"
    )

    max_videos_a_run: int = Field(20, ge=1, description="partitions in one Dagster run")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="videos worked on at once"
    )

    @field_validator("data", "cookies", mode="after")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @field_validator("source", mode="after")
    @classmethod
    def _folder_absolute(cls, source: str) -> str:
        """A folder keeps its meaning in processes with another current folder, such as the UI's."""
        spec = source.strip()
        if not spec or spec == "sample" or page_url(spec):
            return spec
        return str(Path(spec).expanduser().absolute())

    @model_validator(mode="after")
    def _ordered(self) -> Settings:
        if self.sleep_min_s > self.sleep_max_s:
            raise ValueError("NKO_SLEEP_MIN_S is above NKO_SLEEP_MAX_S")
        if self.min_height > self.max_height:
            raise ValueError("NKO_MIN_HEIGHT is above NKO_MAX_HEIGHT")
        return self


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


def _problem(location: tuple[int | str, ...], message: str) -> str:
    name = "_".join(str(part) for part in location).upper()
    text = message.removeprefix("Value error, ")
    return f"{PREFIX}{name}: {text}" if name else text
