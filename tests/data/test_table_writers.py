"""A table is given back as it came, with columns added; another format holds the same values."""

import csv
import datetime
import decimal
import io
import json
import re
import sys

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lstm_report.data import table_files, table_writers
from lstm_report.errors import UserError

ADDED = pa.schema([("probability", pa.float64()), ("label", pa.string())])
AGAIN = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def give_back(source, target, rows=3):
    """Write the rows of `source` to `target`, with 0.25 and `negative` added to each."""
    survey = table_files.survey(source)
    names = [table_writers.free_name(name, survey.names) for name in ADDED.names]
    added = pa.schema(list(zip(names, ADDED.types, strict=True)))
    with table_writers.writer(target, survey, added) as write:
        for piece in table_files.pieces(source, rows):
            values = ([0.25] * len(piece), ["negative"] * len(piece))
            write(piece, dict(zip(names, values, strict=True)))
    return target


def text_back(folder, name, content, target=None):
    (folder / name).write_bytes(content.encode())
    return give_back(folder / name, folder / f"out{target or name}").read_bytes().decode()


def test_every_character_of_csv_stays(tmp_path):
    content = (
        '\ufeff" text",id,,label,probability,index,\r\n'
        'good,007,"",pos,1e-12,1436278513418522630,\r\n'
        '"two\nlines, ""quoted""",+1.50,,NA,-0.0,null,\r\n'
        " blank \0,,x,,,,"
    )
    expected = [
        '\ufeff" text",id,,label,probability,index,,predicted_probability,predicted_label\r\n',
        'good,007,"",pos,1e-12,1436278513418522630,,0.25,negative\r\n',
        '"two\nlines, ""quoted""",+1.50,,NA,-0.0,null,,0.25,negative\r\n',
        " blank \0,,x,,,,,0.25,negative\n",
    ]
    assert text_back(tmp_path, "a.csv", content) == "".join(expected)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_character_of_tsv_stays(tmp_path, end):
    content = f'"text\tlabel{end}he said "good"\t1.0{end}"\t{end}'
    expected = f'"text\tlabel\tprobability\tpredicted_label{end}'
    expected += f'he said "good"\t1.0\t0.25\tnegative{end}"\t\t0.25\tnegative{end}'
    assert text_back(tmp_path, "a.tsv", content) == expected


LINES = [
    '{"id":1436278513418522630,"text":"good"}',
    '{"text":"bad"}',
    '{ "id" : null, "lat":48.858370123456, "p":1e-12, "q":1E+05, "text":"\\u00e9\\ud800/\\/" } ',
    '{"text": "a", "big": 123456789012345678901234567890, "day": "2024-02-30", "zero": -0.0}',
    '{"text": "a", "nested": {"b": [1.10, null, {"c": NaN}]}, "empty": "", "Label ": true}',
]


def test_every_character_of_jsonl_stays(tmp_path):
    given_back = text_back(tmp_path, "a.jsonl", "\ufeff" + "\n\n".join(LINES))
    kept = [line.rstrip().removesuffix("}").rstrip() for line in LINES]
    ends = [" \n" if line.endswith(" ") else "\n" for line in LINES]
    new = ', "probability": 0.25, "predicted_label": "negative"}'
    assert given_back == "".join(line + new + end for line, end in zip(kept, ends, strict=True))


TABLE = pa.table(
    {
        "text": pa.array(["good", "bad", None, "so"], pa.large_string()),
        "unsigned": pa.array([2**64 - 1, None, 0, 1], pa.uint64()),
        "decimal": pa.array([decimal.Decimal("1.10"), None, None, None], pa.decimal128(38, 2)),
        "time": pa.array([1, None, 2**62, -1], pa.timestamp("ns", "Europe/Berlin")),
        "day": pa.array([datetime.date(1, 1, 1), None, None, None]),
        "half": pa.array([0.5, None, float("nan"), -0.0], pa.float16()),
        "kind": pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0, 1], pa.int8()), ["z", "a"], ordered=True
        ),
        "nested": pa.array([{"a": [1, None]}, None, {"a": None}, {"a": []}]),
        "bytes": pa.array([b"\xff", None, b"", b"a"]),
        "nothing": pa.nulls(4),
        "label": pa.array([True, None, False, None]),
        "__index_level_0__": pa.array([5, 6, 7, 8]),
    }
)


@pytest.mark.parametrize("rows", [3, 100])
def test_types_nulls_values_and_metadata_of_parquet_stay(tmp_path, rows):
    fields = [field.with_metadata({"about": field.name}) for field in TABLE.schema]
    old = TABLE.cast(pa.schema(fields, {"license": "CC0"}))
    parquet.write_table(old, tmp_path / "a.parquet")
    old = parquet.ParquetFile(tmp_path / "a.parquet").read()
    target = give_back(tmp_path / "a.parquet", tmp_path / "out.PARQUET", rows)
    new = parquet.ParquetFile(target).read()
    assert new.column_names == [*TABLE.column_names, "probability", "predicted_label"]
    kept = new.select(TABLE.column_names)
    assert kept.schema.equals(old.schema, check_metadata=True)
    assert kept.drop_columns("half").equals(old.drop_columns("half"))
    assert str(kept["half"].to_pylist()) == "[0.5, None, nan, -0.0]"  # no NaN equals another


def test_pandas_gets_its_index_and_the_order_of_its_categories_back(tmp_path):
    kinds = pd.Categorical([*"zazmz"], ["z", "m", "a"], ordered=True)
    old = pd.DataFrame({"text": [*"abcde"], "kind": kinds}, index=pd.Index([9, 8, 7, 6, 5]))
    old.to_parquet(tmp_path / "a.parquet")
    new = pd.read_parquet(give_back(tmp_path / "a.parquet", tmp_path / "b.parquet", 4))
    pd.testing.assert_frame_equal(new[["text", "kind"]], old)


def test_each_part_of_a_file_holds_its_own_categories_only(tmp_path, monkeypatch):
    """Else each would hold the texts of the whole file, if these are a category each."""
    monkeypatch.setattr(table_writers, "PIECE", 100)
    texts = [f"text {k}" for k in range(300)] + [None]
    pd.DataFrame({"text": pd.Categorical(texts)}).to_parquet(tmp_path / "a.parquet")
    target = give_back(tmp_path / "a.parquet", tmp_path / "b.parquet", 10)
    assert parquet.ParquetFile(target).read()["text"].to_pylist() == texts
    batch = next(parquet.ParquetFile(target).iter_batches(10))
    assert len(batch["text"].dictionary) == 10


def test_parquet_becomes_json_lines_with_what_json_has(tmp_path):
    finite = pa.array([0.5, None, 0.0, -0.0], pa.float16())
    old = TABLE.drop_columns("bytes").set_column(TABLE.column_names.index("half"), "half", finite)
    parquet.write_table(old, tmp_path / "a.parquet")
    target = give_back(tmp_path / "a.parquet", tmp_path / "b.jsonl")

    def refuse(name):
        raise AssertionError(name)

    rows = [json.loads(line, parse_constant=refuse) for line in target.open()]
    assert rows[0] | {"time": ""} == {
        "text": "good", "unsigned": 2**64 - 1, "decimal": "1.10", "time": "", "day": "0001-01-01",
        "half": 0.5, "kind": "a", "nested": {"a": [1, None]}, "nothing": None, "label": True,
        "__index_level_0__": 5, "probability": 0.25, "predicted_label": "negative",
    }  # fmt: skip
    assert rows[0]["time"].startswith("1970-01-01 01:00:00.000000001")
    assert rows[1]["half"] is None and rows[2]["nested"] == {"a": None}
    parquet.write_table(TABLE, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"write to a \.parquet file"):
        give_back(tmp_path / "a.parquet", tmp_path / "b.jsonl")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_come_back_or_are_refused(tmp_path, number):
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    parquet.write_table(pa.table({"text": ["a"], "x": [number], "nested": [[number]]}), source)
    kept = parquet.read_table(give_back(source, target))
    assert str(kept["x"].to_pylist() + kept["nested"].to_pylist()) == f"[{number}, [{number}]]"
    for ending in (".jsonl", ".csv"):  # a cell holds a list as JSON
        with pytest.raises(UserError, match=r"such as .* has, .*write to a \.parquet file"):
            give_back(source, target.with_suffix(ending))
    parquet.write_table(pa.table({"text": ["a"], "x": [number]}), source)
    line = give_back(source, target.with_suffix(".csv")).read_text().splitlines()[1]
    assert line == f"a,{number},0.25,negative"


def test_json_lines_become_cells_that_say_the_same(tmp_path):
    lines = "\n".join([LINES[0], *LINES[3:]]).replace("NaN", "null")
    rows = text_back(tmp_path, "a.jsonl", lines, ".csv")
    first, second, third = csv.DictReader(io.StringIO(rows))
    assert first["id"] == "1436278513418522630" and second["id"] == ""
    assert second["big"] == "123456789012345678901234567890" and second["zero"] == "-0.0"
    assert third["nested"] == '{"b": [1.1, null, {"c": null}]}' and third["Label "] == "true"
    assert third["probability"] == "0.25" and third["predicted_label"] == "negative"
    assert "1E+05" in text_back(tmp_path, "a.jsonl", '{"text": "a", "q": 1E+05}', ".tsv")


def test_json_lines_become_parquet_without_rounding_or_are_refused(tmp_path):
    source, target = tmp_path / "a.jsonl", tmp_path / "b.parquet"
    source.write_text("\n".join(LINES[:2]))
    table = parquet.ParquetFile(give_back(source, target)).read()
    assert table["id"].to_pylist() == [1436278513418522630, None]
    for content in (
        LINES[0] + '\n{"id": 0.5, "text": "a"}',
        LINES[2],
        LINES[3],
        '{"text": "a", "b": {}}',
        '{"text": 1}\n{"text": "a"}',
        '{"text": "a", "\\ud800": 1}',
    ):
        source.write_text(content)
        with pytest.raises(UserError, match=r"write to a \.jsonl file"):
            give_back(source, target)


@pytest.fixture
def usual_recursion():
    """Take back what other tests' packages allow themselves."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_what_only_json_can_hold_is_refused_elsewhere(tmp_path, ending, usual_recursion):
    deep = "[" * 900 + "]" * 900
    for content in ('{"text": "a", "\\ud800": 1}', '{"text": "a", "b": "\\ud800"}'):
        (tmp_path / "a.jsonl").write_text(content)
        with pytest.raises(UserError, match=r"write to a \.jsonl file"):
            give_back(tmp_path / "a.jsonl", tmp_path / f"b{ending}")
        assert give_back(tmp_path / "a.jsonl", tmp_path / "b.jsonl").read_text()
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "b": {deep}}}')
    if ending != ".parquet":
        with pytest.raises(UserError, match=r"recursion .* write to a \.jsonl file"):
            give_back(tmp_path / "a.jsonl", tmp_path / f"b{ending}")


def test_several_empty_headings_stay_or_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("text,,\ngood,1,2\n")
    assert "good,1,2,0.25" in give_back(tmp_path / "a.csv", tmp_path / "b.csv").read_text()
    for ending in table_files.TABLES[1:]:
        with pytest.raises(UserError, match="several empty ones"):
            give_back(tmp_path / "a.csv", tmp_path / f"b{ending}")


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@AGAIN
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(table_files.TABLES)
)
def test_any_text_in_csv_is_the_same_in_every_format(tmp_path, rows, ending):
    source = tmp_path / "a.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("text", "Label"), *rows])
    table = table_files.read_table(give_back(source, tmp_path / f"b{ending}"))
    if ending == ".tsv":
        rows = [tuple(re.sub(r"[\t\r\n]+", " ", cell) for cell in row) for row in rows]
    assert [*zip(table["text"], table["Label"], strict=True)] == rows
    assert set(table["predicted_label"]) == {"negative"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@AGAIN
@given(st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), min_size=1, max_size=5))
def test_any_objects_in_json_lines_stay(tmp_path, rows):
    rows = [{"text": "a"} | row for row in rows]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = give_back(tmp_path / "a.jsonl", tmp_path / "b.jsonl").read_text().splitlines()
    for line, row in zip(lines, rows, strict=True):
        found = json.loads(line)
        assert json.dumps({key: found[key] for key in row}) == json.dumps(row)
        assert list(found)[: len(row)] == list(row) and len(found) == len(row) + 2


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        (["text"], "label"),
        (["text", " LABEL"], "predicted_label"),
        (["label", "Predicted_Label", "predicted_label_2"], "predicted_label_3"),
    ],
)
def test_a_new_column_takes_a_name_that_nobody_has(taken, name):
    assert table_writers.free_name("label", taken) == name
