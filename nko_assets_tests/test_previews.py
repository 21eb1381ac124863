import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nko_assets.corpus.display import one_line
from nko_assets.previews import table_preview

HOSTILE = "a|b `c` <script>alert(1)</script> [x](javascript:y) ![i](//z) *s* ~~d~~ \\| # h\n| n |"


def cells(markdown: str) -> list[list[str]]:
    """The texts of the table's cells as a GitHub-flavoured renderer sees them, header first."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and len(rows[-1]) < len(rows[0]) + 1:
            kinds = {child.type for child in token.children or []}
            assert kinds <= {"text", "em_open", "em_close"}, kinds
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows


def plain(text: str) -> str:
    return re.sub("[\u2068\u2069]", "", text)


def test_nko_stands_in_an_isolate_and_latin_does_not():
    markdown = table_preview(
        pl.DataFrame({"nko": ["ߒߞߏ"], "english": ["N'Ko"]}), ["nko", "english"]
    )
    assert markdown.splitlines()[2] == "| \u2068ߒߞߏ\u2069 | N'Ko |"


def test_hostile_text_stays_text():
    rows = cells(table_preview(pl.DataFrame({"a": [HOSTILE[:55]], "b": ["ok"]}), ["a", "b"]))
    assert rows == [["a", "b"], [HOSTILE[:55], "ok"]]


@given(st.lists(st.text(max_size=50), min_size=1, max_size=5))
def test_any_text_gives_one_cell_a_value(texts):
    table = pl.DataFrame({"first": texts, "last": ["end"] * len(texts)}, strict=False)
    rows = cells(table_preview(table, ["first", "last"]))
    assert len(rows) == 1 + len(texts)
    assert all(row[-1] == "end" for row in rows[1:])
    for text, row in zip(texts, rows[1:], strict=True):
        assert plain(row[0]).split() == (one_line(text).split() or ["–"])


def test_bidi_controls_cannot_close_the_isolate():
    markdown = table_preview(pl.DataFrame({"a": ["ߒߞߏ\u2069\u202eevil"]}), ["a"])
    assert markdown.count("\u2069") == 1
    assert "\u202e" not in markdown


def test_long_text_is_cut_between_letters_with_an_ellipsis():
    long = "ߛߐ߰ߡߊ߬" * 20
    cell = plain(table_preview(pl.DataFrame({"a": [long]}), ["a"]).splitlines()[2]).strip("| ")
    assert len(cell) <= 60
    assert cell.endswith("…")
    assert long.startswith(cell[:-1])
    rest = long[len(cell) - 1]
    assert rest not in "߲߫߬߭߮߯߰߱߳"


def test_numbers_align_right_and_bytes_are_given_by_their_size():
    table = pl.DataFrame({"n": [1], "share": [0.123456], "jpeg": [b"12345"], "list": [["a", "b"]]})
    assert table_preview(table, table.columns).splitlines()[1:] == [
        "| ---: | ---: | --- | --- |",
        "| 1 | 0.1235 | 5 bytes | a, b |",
    ]


def test_structs_show_their_values():
    table = pl.DataFrame(
        {"m": [[{"role": "user", "content": "hi"}, {"role": "x", "content": None}]]}
    )
    assert "| user, hi, x |" in table_preview(table, ["m"])


def test_only_the_first_rows_are_shown_and_the_rest_counted():
    markdown = table_preview(pl.DataFrame({"n": list(range(1500))}), ["n"], rows=2)
    assert markdown.endswith("| 1 |\n\n*and 1,498 more rows*")
    assert table_preview(pl.DataFrame({"n": [1, 2, 3]}), ["n"], rows=2).endswith("*and 1 more row*")


def test_an_empty_table_says_so():
    assert table_preview(pl.DataFrame(schema={"n": pl.Int64}), ["n"]) == "*no rows*"


def test_an_unknown_column_is_an_error():
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        table_preview(pl.DataFrame({"n": [1]}), ["m"])
