"""Which memory is in use follows from what is configured."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from nko_assets.resources.memory import open_memory
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.store import LazyStore

URL = "https://project.supabase.co"
KEY = SecretStr("S3CR3T")


def chosen(
    tmp_path: Path, url: str | None, key: SecretStr | None, *, named: bool = False
) -> MemoryStore:
    return open_memory(url, key, LazyStore(None, tmp_path / "store"), store_is_named=named)


def test_nothing_configured_is_the_embedded_database(tmp_path: Path) -> None:
    assert chosen(tmp_path, None, None).name == "embedded Postgres"


def test_a_project_by_its_url_and_key_alone(tmp_path: Path) -> None:
    memory = chosen(tmp_path, URL, KEY)

    assert memory.name == "Supabase at project.supabase.co"
    assert KEY.get_secret_value() not in f"{memory!r} {memory.name}"


def test_the_address_of_a_database_goes_first_and_loads_by_copy(tmp_path: Path) -> None:
    assert chosen(tmp_path, URL, KEY, named=True).name == "Postgres"


def test_choosing_opens_nothing(tmp_path: Path) -> None:
    chosen(tmp_path, None, None)

    assert not (tmp_path / "store").exists()
