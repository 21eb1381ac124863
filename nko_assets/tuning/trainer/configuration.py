"""The one file that decides a training: a preset of the package, or a TOML file of the user."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nko_assets.failures import ConfigurationError

PRESETS: Final = Path(__file__).parent / "presets"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewModel(_Section):
    """A model from nothing: a Llama of this shape with random weights and a byte-BPE of its own."""

    layers: int = Field(ge=1)
    width: int = Field(ge=8, description="of the hidden state; a multiple of heads")
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=8)
    pieces: int = Field(ge=300, description="of the byte-BPE trained on what is not N'Ko")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> NewModel:
        # Rotary positions turn pairs of numbers, so each head needs an even width.
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} is not an even number for each of {self.heads} heads"
            )
        return self


class Base(_Section):
    """What is trained: exactly one of these."""

    new: NewModel | None = None
    package: str | None = Field(
        default=None, description="an installed package that ships a GGUF file"
    )
    name: str | None = Field(
        default=None, description="a folder, or a name on the Hugging Face hub"
    )
    revision: str | None = Field(default=None, description="commit of a model on the hub")

    @model_validator(mode="after")
    def _exactly_one(self) -> Base:
        if sum(given is not None for given in (self.new, self.package, self.name)) != 1:
            raise ValueError("give exactly one of new, package and name")
        return self

    @property
    def label(self) -> str:
        """What people call it, in one word."""
        return self.package or (Path(self.name).name if self.name else "new")


class Lora(_Section):
    """Low-rank adapters on every linear layer; the rows of new pieces are trained in full."""

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class Configuration(_Section):
    """All that decides the weights, beside the data."""

    seed: int = 1
    base: Base
    method: Literal["full", "lora"]
    lora: Lora = Field(default_factory=Lora)
    nko_pieces: int = Field(
        ge=0, description="N'Ko pieces added to the vocabulary, at most; 0 leaves it as it is"
    )
    max_tokens: int = Field(ge=16, description="of a row; longer ones are rejected, never cut")
    epochs: float = Field(gt=0)
    batch: int = Field(ge=1, description="rows on each device at once")
    accumulate: int = Field(default=1, ge=1, description="batches a step")
    learning_rate: float = Field(gt=0)
    warmup: float = Field(default=0.05, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(default=0.01, ge=0)
    gradient_checkpointing: bool = Field(
        default=False, description="less memory for a third more time"
    )
    log_every: int = Field(ge=1, description="steps")
    evaluate_every: int = Field(ge=1, description="steps; a checkpoint is written at each")
    patience: int = Field(ge=1, description="evaluations without a lower loss before it stops")

    @model_validator(mode="after")
    def _checkpoints_fall_on_logged_steps(self) -> Configuration:
        # A logged loss is the mean since the log before: a checkpoint between two logs would
        # make a resumed run log another mean than the uninterrupted one.
        if self.evaluate_every % self.log_every:
            raise ValueError("evaluate_every must be a multiple of log_every")
        return self


def presets() -> list[str]:
    """Names of the presets that the package ships."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def path_of(choice: str) -> Path:
    """The file of a preset by its name, or the TOML file at a path.

    Raises `ConfigurationError` for a name that is neither.
    """
    path = PRESETS / f"{choice}.toml" if choice in presets() else Path(choice)
    if not path.is_file():
        raise ConfigurationError(
            f"There is no training preset or file {choice}.",
            f"Use one of the presets {', '.join(presets())}, or the path of a TOML file like them.",
        )
    return path


def load(choice: str) -> Configuration:
    """The configuration of a preset by its name, or of a TOML file by its path.

    Raises `ConfigurationError` for a name that is neither, and for what the file gets wrong.
    """
    path = path_of(choice)
    try:
        return Configuration.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not TOML: {error}.", f"Start from a preset in {PRESETS}."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'file'}: {part['msg']}" for part in error.errors()
        )
        raise ConfigurationError(
            f"{path} does not describe a training: {wrong}.",
            f"Correct it; the presets in {PRESETS} show every setting.",
        ) from error
