"""The card says what is there, and `datasets` reads every file of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nko_assets.corpus.dataset_card import dataset_card
from nko_assets.corpus.exports import EXPORTS
from nko_assets.failures import PermanentFailure
from nko_assets.files import write_atomically
from nko_assets_tests.builders import channel
from nko_assets_tests.corpus_files import corpus_of, write_corpus


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(corpus_of(channel(6, 24)), folder)
    card = dataset_card(folder / "splits", "N'Ko lessons")
    write_atomically(folder / "splits" / "README.md", card.encode())
    return folder


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    import datasets

    def load_dataset(*names: str, **options: Any) -> Any:
        return datasets.load_dataset(*names, cache_dir=str(tmp_path / "cache"), **options)

    return load_dataset


def front(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text().split("---\n")[1])


def test_the_front_matter_names_languages_and_files(root: Path) -> None:
    matter = front(root / "splits" / "README.md")
    assert matter["language"] == ["nqo", "en", "fr"]
    assert [config["config_name"] for config in matter["configs"]] == list(EXPORTS)
    for config in matter["configs"]:
        for entry in config["data_files"]:
            assert (root / "splits" / entry["path"]).is_file()


def test_the_body_gives_counts_licences_and_provenance(root: Path) -> None:
    card = (root / "splits" / "README.md").read_text()
    rows = (root / "splits" / "train" / "nko_english.jsonl").read_bytes().count(b"\n")
    assert f"| `nko_english` | Format A: a N'Ko text and what it means. | {rows} |" in card
    assert "- CC-BY-SA-4.0: " in card
    assert "`nko-lines-1`" in card
    assert "{" not in card.split("---\n")[2].replace('{"', "")


@pytest.mark.parametrize("file", EXPORTS)
def test_every_file_loads_by_itself(file: str, root: Path, load: Any) -> None:
    path = root / "training" / f"{file}.jsonl"
    rows = load("json", data_files=str(path))["train"]
    assert len(rows) == path.read_bytes().count(b"\n") > 0
    assert rows.column_names == list(EXPORTS[file].polars_schema())


@pytest.mark.parametrize("file", EXPORTS)
def test_every_config_of_the_card_loads_with_its_splits(file: str, root: Path, load: Any) -> None:
    splits = load(str(root / "splits"), file)
    expected = {"train"} if file == "synthetic" else {"train", "validation"}
    assert set(splits) == expected
    for side, rows in splits.items():
        written = (root / "splits" / side / f"{file}.jsonl").read_bytes()
        assert len(rows) == written.count(b"\n")


def test_an_empty_file_is_listed_but_not_offered(root: Path, tmp_path: Path) -> None:
    for path in (root / "splits").glob("*/*.jsonl"):
        data = b"" if path.stem == "ocr_samples" else path.read_bytes()
        write_atomically(tmp_path / path.parent.name / path.name, data)
    card = dataset_card(tmp_path, "N'Ko lessons")
    assert "| `ocr_samples` | Format C: the picture of a line and what it says. | 0 | 0 |" in card
    assert "ocr_samples.jsonl" not in card


def test_no_rows_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure, match="no rows"):
        dataset_card(tmp_path, "N'Ko lessons")
