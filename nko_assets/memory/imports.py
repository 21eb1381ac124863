"""Parallel text of others: a TSV or JSON Lines file becomes motifs, and what is no row says why.

Every line of the file is either a row or a rejected row with its reason. A row carries where it
comes from and its licence, which the file says row by row or the caller for all of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nko_assets.corpus.deduplicate import plain
from nko_assets.failures import ConfigurationError
from nko_assets.memory.rows import LESSONS, Motif, memory_id
from nko_assets.nko import key, normalize, repair, romanize, validate, words

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "nko": ("nko", "n'ko", "nqo", "nqo_nkoo", "nko_text", "ߒߞߏ", "word", "headword"),
    "english": ("english", "en", "eng", "eng_latn", "anglais", "meaning"),
    "french": ("french", "fr", "fra", "fra_latn", "fre", "français", "francais", "meaning_french"),
    "source": ("source",),
    "licence": ("licence", "license"),
}
"""What a column may be called, by field; case, spaces and hyphens do not matter."""

Content = Mapping[str, Any]
"""What a line says: values by the names of the columns, or the whole line under an empty name."""

_LINE_END = re.compile("\r\n|\n|\r")
_NKO_LETTER = re.compile("[\u07ca-\u07ea]")
# JSON can spell it, no text can hold it.
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
# A cell that only a program which quotes can have written: a doubled quote inside quotes.
_QUOTED_CELL = re.compile('(?:^|\t)"(?:[^"\t\r\n]|"")*""(?:[^"\t\r\n]|"")*"(?=[\t\r\n]|$)', re.M)


@dataclass(frozen=True, slots=True)
class ParallelRow:
    """A text and what it means, at the line of the file where it begins."""

    line: int
    nko: str
    latin: str
    english: str | None
    french: str | None
    source: str
    licence: str

    @property
    def motif_type(self) -> str:
        """A word, as the headwords of a dictionary mostly are, or a phrase."""
        one = len(words(self.nko)) == 1 and not re.search(r"\s", self.nko)
        return "vocabulary" if one else "phrase"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A line that is no row: a short name of the reason, the reason, and what the line says."""

    line: int
    status: str
    reason: str
    content: Content


@dataclass(frozen=True, slots=True)
class Imported:
    """The rows of a file in its order, and its rejected lines."""

    rows: list[ParallelRow]
    rejected: list[RejectedRow]


class _Rejection(Exception):
    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read_parallel(
    data: bytes,
    *,
    source: str | None = None,
    licence: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Imported:
    """The rows of a file with the bytes `data`: JSON Lines when it begins with `{`, else TSV.

    `source` and `licence` are for rows that name none themselves. `columns` gives the names of
    columns by field (`nko`, `english`, `french`, `source`, `licence`) where they are not among
    `ALIASES`. Raises `ConfigurationError` when the file as a whole cannot be understood.
    """
    text = _decoded(data)
    lines = _json_lines(text) if text.lstrip().startswith("{") else _tsv_lines(text)
    given = {"source": source, "licence": licence}
    fields = _fields(lines.names, columns or {}, given)
    rows: dict[tuple[str, ...], ParallelRow] = {}
    rejected = lines.rejected
    for number, content in lines.rows:
        try:
            row = _row(number, content, fields, given)
            meaning = (plain(row.english or ""), plain(row.french or ""))
            identity = (row.source, key(row.nko), *meaning)
            if identity in rows:
                raise _Rejection("duplicate", f"the same as line {rows[identity].line}")
            rows[identity] = row
        except _Rejection as why:
            rejected.append(RejectedRow(number, why.status, why.reason, content))
    return Imported(list(rows.values()), sorted(rejected, key=lambda row: row.line))


def imported_motifs(rows: Sequence[ParallelRow]) -> list[Motif]:
    """A motif for each row; one that several files have under one source is one motif."""
    made = {
        row_id: Motif(
            id=row_id,
            motif_type=row.motif_type,
            source=row.source,
            licence=row.licence,
            nko_key=key(row.nko),
            content={
                "nko_text": row.nko,
                "latin": row.latin,
                "translation": row.english or row.french,
                "english": row.english,
                "french": row.french,
            },
            frequency=1,
            # How much a word is worth learning is for the lessons to say.
            salience_score=0.0,
        )
        for row in rows
        for row_id in [_motif_id(row)]
    }
    return list(made.values())


def _motif_id(row: ParallelRow) -> uuid.UUID:
    meaning = (row.english or "", row.french or "")
    return memory_id("motif", row.motif_type, row.source, key(row.nko), *meaning)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The names of the columns, the rows by number of line, and lines that are none."""

    names: list[str]
    rows: list[tuple[int, Content]]
    rejected: list[RejectedRow]


def _decoded(data: bytes) -> str:
    # What Excel calls Unicode text is UTF-16; a byte order mark tells.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data[: error.start].decode("latin-1"))) + 1
        raise ConfigurationError(
            f"Line {line} of the file is not {encoding.removesuffix('-sig').upper()}.",
            "Save the file as UTF-8.",
        ) from None
    if not text.strip():
        raise ConfigurationError("The file is empty.", "Give a TSV with a header, or JSON Lines.")
    return text


def _json_lines(text: str) -> _Lines:
    lines = _Lines([], [], [])
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            lines.rejected.append(RejectedRow(number, "no_object", "no JSON object", {"": line}))
            continue
        # Data sets of translations keep the languages of a row together under this name.
        if isinstance(row.get("translation"), dict):
            row |= row.pop("translation")
        lines.rows.append((number, row))
    lines.names.extend(dict.fromkeys(name for _, row in lines.rows for name in row))
    return lines


def _tsv_lines(text: str) -> _Lines:
    (_, header), *others = _cells(text)
    lines = _Lines([name.strip() for name in header], [], [])
    repeated = {name for name in lines.names if lines.names.count(name) > 1}
    if repeated:
        raise ConfigurationError(
            f"Two columns are called {', '.join(sorted(repeated))}.", "Rename one in the header."
        )
    for number, cells in others:
        if len(cells) == len(lines.names):
            lines.rows.append((number, dict(zip(lines.names, cells, strict=True))))
        else:
            reason = f"{len(cells)} cells where the header has {len(lines.names)}"
            said = {"": "\t".join(cells)}
            lines.rejected.append(RejectedRow(number, "cells", reason, said))
    return lines


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number.

    In plain TSV a quotation mark is a character like any other, and in sentences it is common; a
    spreadsheet quotes cells. The file is read as quoted when that fits better or only that fits.
    """
    plain_lines = [
        (number, line.split("\t"))
        for number, line in enumerate(_LINE_END.split(text), start=1)
        if line.strip()
    ]
    quoted = _quoted_cells(text) if '"' in text else None
    if quoted is None:
        return plain_lines
    written_by_quoting = plain_lines[0][1][0].startswith('"') or _QUOTED_CELL.search(text)
    if written_by_quoting or _uneven(quoted) < _uneven(plain_lines):
        return quoted
    return plain_lines


def _quoted_cells(text: str) -> list[tuple[int, list[str]]] | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    lines: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error:
        return None
    return lines


def _uneven(lines: list[tuple[int, list[str]]]) -> int:
    return sum(len(cells) != len(lines[0][1]) for _, cells in lines)


def _fields(
    names: Sequence[str], columns: Mapping[str, str], given: Mapping[str, str | None]
) -> dict[str, str]:
    """The name of the column of each field that the file has."""
    fields = {}
    for field, aliases in ALIASES.items():
        if field in columns:
            found = [name for name in names if name == columns[field]]
            if not found:
                raise _no_column(f"no column {columns[field]}", names)
        else:
            found = [name for name in names if _plain_name(name) in aliases]
        if len(found) > 1:
            raise ConfigurationError(
                f"The columns {' and '.join(found)} could both be {field}.",
                "Rename the one that is not.",
            )
        if found:
            fields[field] = found[0]
    if "nko" not in fields:
        raise _no_column("no column with N'Ko", names)
    if not fields.keys() & {"english", "french"}:
        raise _no_column("no column with a translation", names)
    for field, value in given.items():
        if not value and field not in fields:
            raise ConfigurationError(
                f"Neither the file nor you name the {field} of its rows.",
                f"Give it with --{field}, as the publisher of the file says it.",
            )
    return fields


def _plain_name(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().casefold().replace("’", "'"))


def _no_column(what: str, names: Sequence[str]) -> ConfigurationError:
    if any(_NKO_LETTER.search(name) and _plain_name(name) not in ALIASES["nko"] for name in names):
        return ConfigurationError(
            "The first line is a row, not a header.",
            "Put a line with the names of the columns before it, such as nko, english, french.",
        )
    if len(names) == 1 and "," in names[0]:
        return ConfigurationError(
            "The columns are separated by commas.", "Save the file with tabs between columns."
        )
    return ConfigurationError(
        f"There is {what}; the columns are {', '.join(names) or 'none'}.",
        "Say which is which with --nko-column, --english-column and --french-column.",
    )


def _row(
    number: int,
    content: Content,
    fields: Mapping[str, str],
    given: Mapping[str, str | None],
) -> ParallelRow:
    values = {field: _text(content.get(name), name) for field, name in fields.items()}
    nko = _nko(values["nko"], values.get("english") or None)
    english, french = (_translation(values.get(name, "")) for name in ("english", "french"))
    if english is None and french is None:
        raise _Rejection("no_translation", "no translation in any column")
    origin = {}
    for name in ("source", "licence"):
        origin[name] = normalize(values.get(name, "")) or given[name] or ""
        if not origin[name]:
            raise _Rejection(f"no_{name}", f"neither the row nor the caller names its {name}")
    if origin["source"] == LESSONS:
        raise _Rejection("source", f"{LESSONS!r} is the source of what was read from videos")
    return ParallelRow(number, nko, romanize(nko), english, french, **origin)


def _text(value: object, name: str) -> str:
    if value is not None and not isinstance(value, str):
        raise _Rejection("not_text", f"{name} is {type(value).__name__}, not text")
    if value and _HALF_CHARACTER.search(value):
        raise _Rejection("not_text", f"{name} holds half a character")
    return value or ""


def _nko(text: str, english: str | None) -> str:
    if not text.strip():
        raise _Rejection("empty", "no N'Ko text")
    repaired = repair(text)
    if repaired.status == "lost":
        raise _Rejection("mojibake", "decoded with the wrong encoding, and letters were lost")
    for signal in validate(repaired.text, english=english):
        if signal.severity == "reject" or signal.name == "no_nko":
            raise _Rejection(signal.name, signal.detail)
    nko = normalize(repaired.text)
    if not words(nko):
        raise _Rejection("no_word", f"no N'Ko word in {nko[:20]!r}")
    return nko


def _translation(text: str) -> str | None:
    normalized = normalize(text)
    if not _LETTER_OR_DIGIT.search(normalized):
        return None
    if words(normalized) and len("".join(words(normalized))) * 2 > len(normalized):
        raise _Rejection("translation_in_nko", f"the translation is N'Ko: {normalized[:40]!r}")
    return normalized
