"""The models that can be asked, by what people call them: a folder, an endpoint, a Gemini, current."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nko_assets.failures import ConfigurationError
from nko_assets.resources.lake import fingerprint
from nko_assets.resources.reader import limits_of
from nko_assets.resources.store import LazyStore
from nko_assets.settings import ENDPOINT, Settings
from nko_assets.tuning.chat_model import ChatModel
from nko_assets.tuning.registry import Model, Registry

if TYPE_CHECKING:
    from google import genai

CURRENT: Final = "current"
"""The champion: the model that won on the frozen test."""

_GEMINI = re.compile(r"(?:models/)?gemini-[a-z0-9.-]+")
_NO_CHAMPION: Final = (
    "Tune one with `nko tune`; it becomes the current one when it wins on the frozen test. Or name "
    "a model: a folder, a Vertex AI endpoint, or a Gemini model."
)


def registry_of(settings: Settings) -> Registry:
    """The record of the champions of a data root."""
    return Registry(settings.data / "tuning" / "models.json")


def open_chat(
    spec: str,
    settings: Settings,
    store: LazyStore,
    *,
    base: str | None = None,
    purpose: str = "evaluation",
) -> ChatModel:
    """The model that `spec` names; nothing is loaded or asked before its first question.

    `spec` is `current`, the folder of a model, "projects/…/locations/…/endpoints/…", or the name
    of a Gemini model. `base` is what an endpoint was tuned from, where the record of champions
    does not say it. Raises `ConfigurationError` when there is no such model, or no way to ask it.
    """
    if spec == CURRENT:
        champion = _champion(settings)
        return open_chat(champion.model, settings, store, base=champion.base, purpose=purpose)
    if ENDPOINT.fullmatch(spec):
        return _gemini(spec, _vertex(settings, spec), settings, store, base, purpose)
    if _GEMINI.fullmatch(spec):
        return _gemini(spec, _by_key_or_project(settings), settings, store, None, purpose)
    folder = Path(spec).expanduser().absolute()
    if not folder.is_dir():
        raise ConfigurationError(
            f"There is no model {spec}: it is no folder, no endpoint and no Gemini model.",
            "Name a folder that `nko tune` made, projects/…/locations/…/endpoints/…, a model like "
            "gemini-2.5-flash, or `current`.",
        )
    from nko_assets.tuning.local_model import LocalModel

    return LocalModel(folder)


def open_translator(settings: Settings, store: LazyStore) -> Callable[[], ChatModel] | None:
    """Who gives English where frames show none: loaded when first called, once; None for none."""
    if settings.translator == "none":
        return None
    return cache(partial(open_chat, settings.translator, settings, store, purpose="translation"))


def chat_identity(spec: str, settings: Settings) -> str:
    """What changes when `spec` means another model: the champion's digest, the files of a folder.

    Raises `ConfigurationError` when `current` means none.
    """
    if spec == CURRENT:
        return _champion(settings).digest
    folder = Path(spec)
    if not folder.is_dir():
        return spec
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    # Weights take seconds to read, and this is asked once a video.
    states = [(str(path.relative_to(folder)), path.stat()) for path in files]
    return fingerprint(files=[(name, at.st_size, at.st_mtime_ns) for name, at in states])


def _champion(settings: Settings) -> Model:
    champion = registry_of(settings).champion
    if champion is None:
        raise ConfigurationError("No tuned model is in use yet.", _NO_CHAMPION)
    return champion


def _gemini(
    spec: str,
    client: Callable[[], genai.Client],
    settings: Settings,
    store: LazyStore,
    base: str | None,
    purpose: str,
) -> ChatModel:
    from nko_assets.resources.chat_gemini import GeminiChat

    key = settings.gemini_api_key
    return GeminiChat(
        spec,
        client,
        store,
        settings.data / "tuning" / "asked",
        limits=limits_of(settings),
        base=base or (settings.tuning_model if ENDPOINT.fullmatch(spec) else None),
        purpose=purpose,
        secret=key.get_secret_value() if key else "",
    )


def _by_key_or_project(settings: Settings) -> Callable[[], genai.Client]:
    """A key is asked with where there is one, else the project of Google Cloud."""
    key = settings.gemini_api_key
    if key is None and settings.gcp_project is None:
        raise ConfigurationError(
            "A Gemini model is asked with a key, and there is none.",
            "Set GEMINI_API_KEY, or GOOGLE_CLOUD_PROJECT for Vertex AI.",
        )
    if key is None:
        return _vertex(settings, "")

    def client() -> genai.Client:
        from google import genai

        return genai.Client(
            vertexai=False, api_key=key.get_secret_value(), http_options=_http_options("v1beta")
        )

    return client


def _vertex(settings: Settings, endpoint: str) -> Callable[[], genai.Client]:
    """A client of the endpoint's own project and region, else of those that are configured."""
    parts = endpoint.split("/")
    project = parts[1] if endpoint else settings.gcp_project
    location = parts[3] if endpoint else settings.gcp_location

    def client() -> genai.Client:
        from google import genai

        return genai.Client(
            vertexai=True,
            project=project,
            location=location,
            http_options=_http_options("v1beta1"),
        )

    return client


def _http_options(version: str) -> genai.types.HttpOptions:
    from google.genai import types

    return types.HttpOptions(api_version=version, timeout=60_000)
