"""FLORES with its N'Ko column, from wherever the user has it: a TSV, or a folder of its files.

Nothing of it is shipped: it is CC-BY-SA-4.0 and meant for measuring alone. N'Ko is in the release
of github.com/nko-nlp and in FLORES+ (openlanguagedata); both are read, in lines and in JSONL.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize

DEVTEST_ROWS: Final = 1012
_LANGUAGES: Final = {"nko": ("nqo_Nkoo", "nqo"), "english": ("eng_Latn", "eng")}
_EXPECTED: Final = (
    "NKO_FLORES takes a TSV whose header names id, nko and english, or a folder with "
    "nqo_Nkoo.devtest and eng_Latn.devtest (lines) or nqo_Nkoo.jsonl and eng_Latn.jsonl "
    "(rows with id and text)."
)


@dataclass(frozen=True, slots=True)
class Flores:
    """Rows of (id, N'Ko, English) in their order, and whether they are the whole devtest."""

    rows: tuple[tuple[str, str, str], ...]
    is_devtest: bool

    @property
    def title(self) -> str:
        """What a report calls it: figures on another part are not beside published ones."""
        return "FLORES devtest" if self.is_devtest else "FLORES (not the whole devtest)"


def read_flores(path: Path) -> Flores:
    """The parallel rows at `path`; raises `ConfigurationError` when there are none to read."""
    if path.is_file():
        rows = _from_table(path)
        named = path.name
    elif path.is_dir():
        files = {language: _find(path, names) for language, names in _LANGUAGES.items()}
        nko, english = _texts(files["nko"]), _texts(files["english"])
        if nko.keys() != english.keys():
            raise ConfigurationError(
                f"{files['nko']} and {files['english']} do not have the same {len(nko)} and "
                f"{len(english)} sentences.",
                "Take both from one release, of one part.",
            )
        rows = [(identity, text, english[identity]) for identity, text in nko.items()]
        named = str(files["nko"])
    else:
        raise ConfigurationError(f"There is nothing at {path}.", _EXPECTED)
    whole = [row for row in rows if row[1].strip() and row[2].strip()]
    if not whole:
        raise ConfigurationError(f"There is no sentence in {named}.", _EXPECTED)
    devtest = "devtest" in named or all("devtest" in identity for identity, _, _ in whole)
    return Flores(
        tuple((identity, normalize(nko), english.strip()) for identity, nko, english in whole),
        devtest and len(whole) == DEVTEST_ROWS,
    )


def _from_table(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = {"id", "nko", "english"} - set(table.fieldnames or ())
        if missing:
            raise ConfigurationError(
                f"The header of {path} names no {', no '.join(sorted(missing))}.", _EXPECTED
            )
        return [(row["id"], row["nko"] or "", row["english"] or "") for row in table]


def _find(folder: Path, names: tuple[str, ...]) -> Path:
    """The file of a language: of the devtest where the folder has several parts."""
    found = [
        path
        for name in names
        for pattern in (f"{name}.devtest", f"{name}.jsonl", f"{name}*.devtest", f"{name}*.jsonl")
        for path in sorted(folder.rglob(pattern))
    ]
    devtest = [path for path in found if "devtest" in str(path.relative_to(folder))]
    if not found:
        raise ConfigurationError(f"{folder} has no file for {names[0]}.", _EXPECTED)
    return (devtest or found)[0]


def _texts(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as lines:
        if path.suffix != ".jsonl":
            return {str(number): line.strip() for number, line in enumerate(lines)}
        try:
            rows = [json.loads(line) for line in lines if line.strip()]
            return {str(row["id"]): str(row["text"]) for row in rows}
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{path} is no JSONL of rows with id and text: {error}.", _EXPECTED
            ) from error
