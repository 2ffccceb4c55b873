"""Tables are read rightly, in every format alike, or refused in one sentence: never half."""

import json
import warnings

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from lstm_report.data import readers, table_files
from lstm_report.errors import FileWarning, UserError

ROWS = [{"text": "good café", "label": "pos"}, {"text": "", "label": " 0 "}]


def encoded(ending, rows=ROWS, end="\n"):
    if ending == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    else:
        mark = "\t" if ending == ".tsv" else ","
        lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
    return "".join(line + end for line in lines)


def read(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return table_files.read_table(path).to_dict("records")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".CSV", ".Tsv", ".JSONL"])
def test_marks_line_ends_blank_lines_and_capitals_change_nothing(tmp_path, ending, end):
    text = encoded(ending.lower(), end=end)
    path = tmp_path / f"a{ending}"
    between = text.replace(end, 2 * end)
    for variant in (text, "\ufeff" + text, end + between + end, text.removesuffix(end)):
        assert read(path, variant) == ROWS
    for encoding in ("utf-16", "utf-16-be", "utf-32", "utf-32-be"):
        mark = "\ufeff" if encoding.endswith("be") else ""
        with pytest.raises(UserError, match="it is UTF-16 or UTF-32, to be saved as UTF-8"):
            read(path, (mark + text).encode(encoding))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_a_file_without_anything_is_refused(tmp_path, ending):
    for content in ("", "\n\n", "\ufeff"):
        with pytest.raises(UserError, match="it is empty"):
            read(tmp_path / f"a{ending}", content)


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_a_blank_line_between_the_rows_of_one_column_is_a_row(tmp_path, ending):
    rows = read(tmp_path / f"a{ending}", "text\ngood\n\n\nbad\n\n")
    assert [row["text"] for row in rows] == ["good", "", "", "bad"]


REFUSED = {
    "array": ("a.jsonl", '[{"text": "a"}]', "row 1 is not one JSON object on a line: got a list"),
    "array of lines": ("a.jsonl", '[\n{"text": "a"}\n]', "row 1 is not one JSON object on a line"),
    "pretty": ("a.jsonl", '{"text": "a"}\n\n{\n"text": "a"\n}', "row 2 is not one JSON object"),
    "key twice": ("a.jsonl", '{"text": "a", "text": "b"}', "row 1 .* 'text' stands twice"),
    "key twice within": ("a.jsonl", '{"text": "a", "b": {"c": 1, "c": 2}}', "'c' stands twice"),
    "empty key twice": ("a.jsonl", '{"": "a", "": "b"}', "an empty key stands twice"),
    "deep": ("a.jsonl", '{"text": ' + "[" * 100_000, "row 1 is not one JSON object"),
    "heading twice": ("a.csv", "text,note,note\na,b,c\n", "'note' stands twice"),
    "heading twice in TSV": ("a.tsv", "text\ttext\na\tb\n", "'text' stands twice"),
    "more cells": ("a.csv", "text,label\na,1\na,b,1\n", "row 2 has more cells than its heading"),
    "fewer cells": ("a.csv", "text,label\na,1\na\n", "row 2 has fewer cells than its heading"),
    "open quote": ("a.csv", 'text,label\na,1\n"b,1\nc,1\n', "row 2 has a quote out of place"),
    "stray quote": ("a.csv", 'text,label\n"a" b,1\n', "row 1 has a quote out of place"),
    "quote in heading": ("a.csv", '"text",label "x\n"a", 1\n"b" ,1\n', "row 2 has a quote out"),
    "open heading": ("a.csv", '"text,label\na,1\n', "the heading has a quote out of place"),
    "stray return": ("a.tsv", "text\na\rb\nc\n", "row 1 has another line end than its heading"),
    "not UTF-8": ("a.jsonl", b'{"text": "\xff"}\n', "UTF-8"),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_for_certain_is_refused_in_one_sentence(
    tmp_path, name, content, message
):
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path / name, content)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_headings_that_stand_twice_in_parquet_are_refused_and_empty_ones_are_not(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"])] * 2, names=["text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match="'text' stands twice"):
        table_files.survey(tmp_path / "a.parquet")
    (row,) = read(tmp_path / "a.csv", "text,,\ngood,,\n")
    assert row["text"] == "good"


def test_headings_that_are_none_are_told_briefly(tmp_path):
    many = ",".join(map(str, range(1000))).encode()
    for content in (b"\0" * 100_000, b"a very long review\x1b " * 1000, many):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(UserError, match="column of texts") as error:
            readers.reviews_of(table_files.read_table(tmp_path / "a.csv"), "a.csv")
        assert str(error.value).isprintable() and len(str(error.value)) < 300


def test_a_column_that_pandas_would_take_for_its_index_is_read(tmp_path):
    pd.DataFrame({"label": [1]}, index=pd.Index(["good"], name="text")).to_parquet(
        tmp_path / "a.parquet"
    )
    reviews = readers.reviews_of(table_files.read_table(tmp_path / "a.parquet"), "a")
    assert reviews.texts == ["good"]


def test_a_long_cell_is_read_and_one_without_end_refused(tmp_path, monkeypatch):
    (row,) = read(tmp_path / "a.csv", "text\n" + "a" * 1_000_000)
    assert len(row["text"]) == 1_000_000
    monkeypatch.setattr(table_files, "LONGEST_CELL", 1000)
    with pytest.raises(UserError, match="row 2 has a quote .* without end"):
        read(tmp_path / "a.csv", 'text\ngood\n"' + "a\n" * 1_000)


SWALLOWED = {
    "labelled": 'text,label\nfine,1\n"good,1\nbad,0\nso she said",0\n',
    "blanks": 'Text , Label \nfine,pos\n"good,1\nbad, NEG \nso she said",0\n',
    "without labels": 'id,text\n0,fine\n1,"good\n2,bad\n3,fair\n4,so so\nhe said"\n',
    "one column": 'text\nfine\n"good' + "\nbad" * 10 + '\nhe said"\n',
}


@pytest.mark.parametrize("content", SWALLOWED.values(), ids=SWALLOWED)
def test_rows_that_a_quote_has_swallowed_are_named(tmp_path, content):
    with pytest.warns(FileWarning, match="Row 2 of a.csv holds lines that read like") as found:
        read(tmp_path / "a.csv", content)
    assert str(tmp_path) not in str(found[0].message)  # it can stand in a report


def test_texts_of_several_lines_are_not_suspected(tmp_path):
    lines = "text,label\n" + '"Roses are red,\nviolets are blue,\n\nand so it ends",1\n' * 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read(tmp_path / "a.csv", lines)) == 20
        assert len(read(tmp_path / "b.csv", 'text\n"one\n\ntwo\n\nthree"\n')) == 1


def test_a_piece_has_the_rows_that_were_asked_for(tmp_path):
    table = pd.DataFrame({"text": pd.Categorical([f"text {k}" for k in range(20)])})
    table.to_parquet(tmp_path / "in.parquet")
    table.to_csv(tmp_path / "in.csv", index=False)
    for name in ("in.parquet", "in.csv"):
        pieces = list(table_files.pieces(tmp_path / name, 7))
        assert [len(piece) for piece in pieces] == [7, 7, 6]
        assert [text for piece in pieces for text in piece.column("text")] == [*table["text"]]
