"""`nko doctor`: what is in use for each outside thing, whether it works, and what to do if not."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import features

from nko_assets.failures import NkoError
from nko_assets.instance import project_folder
from nko_assets.resources.bucket import open_bucket
from nko_assets.resources.lake import Lake
from nko_assets.resources.open_tuner import missing_extra
from nko_assets.resources.reader import open_reader
from nko_assets.resources.store import LazyStore, Store
from nko_assets.resources.supabase_memory import SupabaseMemory
from nko_assets.resources.urls import page_url
from nko_assets.settings import KEY_VARIABLES, Settings
from nko_assets.tuning.vertex_prices import TUNABLE

# About what 532 lessons take: 56 minutes each at 480p, and their frames.
ROOM_FOR_A_CHANNEL = 60e9
ROOM_FOR_THE_SAMPLE = 500e6


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    well: bool
    message: str
    next_step: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything a run depends on, without listing, downloading or paying anything."""
    return [
        _project(),
        _data_root(settings),
        _source(settings),
        _javascript(settings),
        _reader(settings),
        *_paid_reading(settings),
        _store(settings),
        _memory(settings),
        *_tuning(settings),
        *_bucket(settings),
        _typesetting(),
    ]


def _project() -> Finding:
    try:
        return Finding("project", True, f"dagster.yaml and workspace.yaml in {project_folder()}")
    except NkoError as error:
        return Finding("project", False, error.message, error.next_step)


def _data_root(settings: Settings) -> Finding:
    # The folder itself is made by the first run; until then its parent tells about the disk.
    folder = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    if not folder.is_dir():
        return Finding(
            "data root",
            False,
            f"{folder} is a file, and a folder is needed.",
            "Choose another with --data or NKO_DATA.",
        )
    if not os.access(folder, os.W_OK):
        return Finding(
            "data root", False, f"{folder} cannot be written.", "Set NKO_DATA or --data."
        )
    free = shutil.disk_usage(folder).free
    what, needed = (
        ("a channel of 532 lessons", ROOM_FOR_A_CHANNEL)
        if page_url(settings.source)
        else ("even the sample", ROOM_FOR_THE_SAMPLE)
    )
    message = f"{settings.data}, {free / 1e9:.1f} GB free"
    if free < needed:
        return Finding(
            "data root",
            False,
            f"{message}; {what} wants about {needed / 1e9:g} GB.",
            "Free some space, or set NKO_DATA to a folder on a larger disk.",
        )
    return Finding("data root", True, message)


def _source(settings: Settings) -> Finding:
    url = page_url(settings.source)
    if url:
        parts = urlsplit(url)
        return Finding(
            "source", True, f"{parts.scheme}://{parts.hostname}{parts.path} through yt-dlp"
        )
    if settings.source == "sample":
        return Finding("source", True, "the sample channel, made by this package")
    folder = Path(settings.source).expanduser()
    if not folder.is_dir():
        return Finding(
            "source",
            False,
            f"There is no folder {folder}.",
            "Give 'sample', an existing folder of video files, a URL or a YouTube @handle.",
        )
    return Finding("source", True, f"the video files in {folder.absolute()}")


def _javascript(settings: Settings) -> Finding:
    from nko_assets.resources.ytdlp_options import javascript_runtime

    runtime = javascript_runtime()
    if runtime is not None:
        return Finding("JavaScript for YouTube", True, str(runtime))
    return Finding(
        "JavaScript for YouTube",
        not page_url(settings.source),
        "neither deno nor node is there; YouTube then offers few formats or none.",
        "pip install deno, or install node 22 or newer.",
    )


def _reader(settings: Settings) -> Finding:
    try:
        reader = open_reader(settings, Lake(settings.data), _lazy_store(settings))
        return Finding("reader", True, f"{reader.name}, model {reader.model}{_why(settings)}")
    except NkoError as error:
        return Finding("reader", False, error.message, error.next_step)


def _why(settings: Settings) -> str:
    """Why this reader is in use; a key is named by its variable and never shown."""
    if settings.reader != "auto":
        return f": NKO_READER is {settings.reader}"
    if settings.gemini_api_key is None:
        return f": no {' or '.join(KEY_VARIABLES)} is set"
    there = [name for name in KEY_VARIABLES if os.environ.get(name)]
    return f": {there[0] if there else KEY_VARIABLES[0]} is set"


def _paid_reading(settings: Settings) -> list[Finding]:
    """The money that may be spent, and how well it would last; of no concern to the offline reader."""
    if settings.reader_in_use == "offline":
        return []
    daily = settings.daily_budget_usd
    message = f"${settings.budget_usd:,.2f} for the project, " + (
        f"${daily:,.2f} a day" if daily is not None else "nothing set for a day"
    )
    findings = [
        Finding("budget", False, f"{message}: nothing can be sent.", "Raise NKO_BUDGET_USD.")
        if settings.budget_usd == 0 or daily == 0
        else Finding("budget", True, f"{message}; `nko run --dry-run` tells what reading costs")
    ]
    if settings.dictionary is not None and not settings.dictionary.is_file():
        findings.append(
            Finding(
                "dictionary",
                False,
                f"There is no file {settings.dictionary}.",
                "Correct NKO_DICTIONARY, or leave it out.",
            )
        )
    if os.environ.get("GOOGLE_GENAI_USE_VERTEXAI", "").lower() in ("1", "true"):
        findings.append(
            Finding(
                "Vertex AI",
                True,
                "GOOGLE_GENAI_USE_VERTEXAI is set and not used: frames go to the Gemini API.",
            )
        )
    return findings


def _lazy_store(settings: Settings) -> LazyStore:
    return LazyStore(settings.store_url, settings.data / "store")


def _store(settings: Settings) -> Finding:
    if settings.store_url is None:
        store = _lazy_store(settings)
        there = "made" if store.exists else "not made yet"
        return Finding("store", True, f"Postgres embedded in {settings.data / 'store'}, {there}")
    try:
        with Store(settings.store_url, None).connect() as conn:
            host = conn.info.host
    except NkoError as error:
        return Finding("store", False, error.message, error.next_step)
    return Finding("store", True, f"the Postgres database at {host} (NKO_STORE_URL)")


def _memory(settings: Settings) -> Finding:
    url, key = settings.supabase_url, settings.supabase_service_key
    if settings.store_url is not None or url is None or key is None:
        return Finding("memory", True, "in the store")
    try:
        SupabaseMemory(url, key).counts()
    except NkoError as error:
        return Finding("memory", False, error.message, error.next_step)
    return Finding("memory", True, f"the Supabase project at {urlsplit(url).hostname}")


def _tuning(settings: Settings) -> list[Finding]:
    """Who would tune, with what, and whether that is there; asks no service."""
    if settings.tuner_in_use == "open":
        return [_open_tuner(settings)]
    prices = {model.name: model.training_usd for model in TUNABLE}
    price = prices.get(settings.tuning_model)
    findings = [
        Finding(
            "tuner",
            True,
            f"Vertex AI, {settings.tuning_model} at ${price:g} a million tokens, in "
            f"{settings.gcp_project}, {settings.gcp_location}; files in {settings.bucket}",
        )
        if price is not None
        else Finding(
            "tuner",
            False,
            f"Vertex AI is to tune {settings.tuning_model}, and what that costs is not known.",
            f"Set NKO_TUNING_MODEL to one of {', '.join(model.name for model in TUNABLE)}.",
        )
    ]
    return [*findings, _google_credentials()]


def _bucket(settings: Settings) -> list[Finding]:
    if settings.bucket is None:
        return []
    try:
        # There is nothing of that name, and asking for it shows whether anything can be read.
        open_bucket(settings).held("doctor/")
    except NkoError as error:
        return [Finding("bucket", False, error.message, error.next_step)]
    return [Finding("bucket", True, f"{settings.bucket} can be read")]


def _open_tuner(settings: Settings) -> Finding:
    from nko_assets.tuning.trainer.configuration import load

    why = (
        "NKO_TUNER is open"
        if settings.tuner == "open"
        else "no NKO_BUCKET is set, where Vertex AI would read"
    )
    try:
        load(settings.tuning_config)
    except NkoError as error:
        return Finding("tuner", False, error.message, error.next_step)
    message = f"the open trainer, configuration {settings.tuning_config}: {why}"
    missing = missing_extra()
    if missing:
        # Nothing else needs it, so all is well until somebody tunes.
        return Finding(
            "tuner",
            True,
            f"{message}; `nko tune` needs the extra `train` ({', '.join(missing)} missing).",
            "pip install -e .[train], or make tune.",
        )
    return Finding("tuner", True, message)


def _google_credentials() -> Finding:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    from nko_assets.resources.google_login import LOG_IN

    try:
        credentials, _ = google.auth.default()
    except DefaultCredentialsError:
        return Finding(
            "Google Cloud",
            False,
            "nobody is logged in.",
            LOG_IN,
        )
    who = getattr(credentials, "service_account_email", None) or "the user who logged in"
    return Finding("Google Cloud", True, f"asked as {who}")


def _typesetting() -> Finding:
    if features.check("raqm"):
        return Finding("N'Ko typesetting", True, f"raqm {features.version('raqm')}")
    return Finding(
        "N'Ko typesetting",
        False,
        "Pillow has no raqm, so N'Ko would be drawn unjoined and reversed.",
        "pip install --force-reinstall pillow",
    )
