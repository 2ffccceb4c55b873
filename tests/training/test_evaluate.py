"""Judging texts: one by one, together, and in files that are read and written chunk by chunk."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow
import pytest
import small_studies
import torch
from pyarrow import parquet
from small_studies import small

from lstm_report import paths
from lstm_report.cli import app
from lstm_report.data import readers, synthetic
from lstm_report.data.prepared import Split, prepare
from lstm_report.errors import UserError
from lstm_report.training import evaluate, loop


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run whose weights are not trained: what they say of each text still differs."""
    settings = small(**{"model.kind": "reslstm", "training.epochs": 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        prepared = prepare(small_studies.source(200, 40), settings.data)
    folder = tmp_path_factory.mktemp("runs")
    return loop.fit(settings, data=prepared, progress=False, directory=folder)


@pytest.fixture(scope="module")
def texts():
    return synthetic.write_reviews(40, seed=2).texts


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of seven rows, so that a file of twenty has several and the last is smaller."""
    monkeypatch.setattr(evaluate, "CHUNK", 7)


def write(table, path):
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


def test_predictions_keep_their_order_and_equal_those_of_the_test(run, texts, small_chunks):
    together = list(evaluate.probabilities(run, texts))
    np.testing.assert_allclose(together, run.predictions["probability"], atol=1e-6)
    assert len(set(together)) > 30


def test_products_are_in_bfloat16_where_it_is_asked_for_and_nowhere_else():
    ones = torch.ones(2, 2)
    for precision in ("bfloat16", "float32"):
        with evaluate.autocast(torch.device("cpu"), precision):
            assert (ones @ ones).dtype == getattr(torch, precision)


@pytest.mark.parametrize(("entry", "result"), [*itertools.product(readers.TABLES, readers.TABLES)])
def test_a_file_is_judged_in_order_chunk_by_chunk(
    run, texts, tmp_path, small_chunks, entry, result
):
    table = pd.DataFrame({"number": range(20), "text": texts[:20]})
    write(table, tmp_path / f"in{entry}")
    assert evaluate.predict_file(run, tmp_path / f"in{entry}", tmp_path / f"out{result}") == 20
    judged = readers.read_table(tmp_path / f"out{result}")
    assert list(judged.columns) == ["number", "text", "probability", "label"]
    judged = judged.astype({"number": int, "probability": float})
    assert judged["number"].tolist() == list(range(20))
    assert judged["text"].tolist() == texts[:20]
    expected = run.predictions["probability"][:20]
    np.testing.assert_allclose(judged["probability"], expected, atol=1e-6)
    assert list(judged["label"] == "positive") == list(judged["probability"] > 0.5)


@pytest.mark.parametrize("kind", [".jsonl", ".parquet"])
@pytest.mark.parametrize("suffix", readers.TABLES)
def test_chunks_give_the_file_that_one_chunk_gives(run, texts, tmp_path, monkeypatch, kind, suffix):
    """Also where a chunk alone would have other types: numbers that start or end, categories."""
    rows = [
        {"text": f'"{text}", é\tand\nmore', "kind": "abcd"[place // 5], "label": "old"}
        | ({"count": 1} if place < 15 else {"late": place + 0.5})
        for place, text in enumerate(texts[:20])
    ]
    entry = tmp_path / f"in{kind}"
    if kind == ".jsonl":
        entry.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        frame = pd.DataFrame(rows)
        halves = [frame[:10].astype({"kind": "category"}), frame[10:].astype({"kind": "category"})]
        schema = pyarrow.Schema.from_pandas(halves[0], preserve_index=False)
        with parquet.ParquetWriter(entry, schema) as file:
            for half in halves:
                file.write_table(pyarrow.Table.from_pandas(half, schema, preserve_index=False))
    written = []
    for size in (1000, 7):
        monkeypatch.setattr(evaluate, "CHUNK", size)
        target = tmp_path / f"out{size}{suffix}"
        evaluate.predict_file(run, entry, target)
        written.append(readers.read_table(target).drop(columns="probability"))
    pd.testing.assert_frame_equal(*written)
    assert written[0]["kind"].tolist() == [row["kind"] for row in rows]
    assert set(written[0]["label"]) == {"old"}
    assert set(written[0]["predicted_label"]) <= {"positive", "negative"}


def test_a_column_that_only_a_later_chunk_has_is_kept(run, texts, tmp_path, small_chunks):
    rows = [f'{{"text": "{text}"}}' for text in texts[:10]]
    rows.append('{"text": "good", "note": "late"}')
    (tmp_path / "in.jsonl").write_text("\n".join(rows))
    for suffix in readers.TABLES:
        target = tmp_path / f"out{suffix}"
        evaluate.predict_file(run, tmp_path / "in.jsonl", target)
        judged = readers.read_table(target)
        assert {*judged.columns} == {"text", "note", "probability", "label"}, suffix
        assert judged["note"].iloc[10] == "late" and not (judged["note"][:10] == "late").any()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_file_without_rows_gives_one_without_rows(run, tmp_path, suffix):
    write(pd.DataFrame({"text": pd.Series([], dtype=str)}), tmp_path / f"in{suffix}")
    assert evaluate.predict_file(run, tmp_path / f"in{suffix}", tmp_path / f"out{suffix}") == 0
    assert list(readers.read_table(tmp_path / f"out{suffix}").columns) == [
        *("text", "probability", "label")
    ]


def test_columns_of_the_user_stay_and_what_is_added_is_said(run, tmp_path, small_chunks):
    said = []
    (tmp_path / "in.CSV").write_text("id,Review,Label,probability\n007,good,pos,1e-12\n")
    evaluate.predict_file(run, tmp_path / "in.CSV", tmp_path / "out.CSV", log=said.append)
    heading, row = (tmp_path / "out.CSV").read_text().splitlines()
    assert heading == "id,Review,Label,probability,predicted_probability,predicted_label"
    assert row.startswith("007,good,pos,1e-12,0.") and row.endswith(("positive", "negative"))
    assert said == [
        f"1 row written to {tmp_path / 'out.CSV'}, with predicted_probability and "
        "predicted_label added."
    ]


def test_of_two_columns_of_texts_the_user_chooses(run, texts, tmp_path):
    rows = [{"text": texts[0], "review": texts[1], " Text ": 3}]
    (tmp_path / "in.jsonl").write_text(json.dumps(rows[0]))
    alone = list(evaluate.probabilities(run, texts[1:2]))
    evaluate.predict_file(run, tmp_path / "in.jsonl", tmp_path / "out.jsonl", "review")
    judged = json.loads((tmp_path / "out.jsonl").read_text())
    assert judged["probability"] == pytest.approx(alone[0], abs=1e-6)
    evaluate.predict_file(run, tmp_path / "in.jsonl", tmp_path / "out.jsonl", " REVIEW")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == judged
    with pytest.raises(UserError, match="'text' and 'review' and ' Text ': name the column"):
        evaluate.predict_file(run, tmp_path / "in.jsonl", tmp_path / "out.jsonl")


def test_the_command_says_what_it_adds(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "in.tsv").write_text("text\tlabel\ngood\tpos\n")
    files = ["--input", str(tmp_path / "in.tsv"), "--output", str(tmp_path / "out.jsonl")]
    for arguments, words in (
        (["--help"], ["probability", "label", "predicted_label"]),
        (
            ["--run", str(run.directory), *files],
            ["1 row written", "probability and predicted_label"],
        ),
    ):
        monkeypatch.setattr(sys, "argv", ["lstm-report", "predict", *arguments])
        with pytest.raises(SystemExit) as exit_:
            app.main()
        said = capsys.readouterr().out
        assert exit_.value.code == 0 and all(word in said for word in words), said
    judged = json.loads((tmp_path / "out.jsonl").read_text())
    assert list(judged) == ["text", "label", "probability", "predicted_label"]
    assert judged["label"] == "pos"


def test_a_file_may_be_replaced_by_its_own_judgements(run, texts, tmp_path, small_chunks):
    write(pd.DataFrame({"text": texts[:20]}), tmp_path / "a.csv")
    evaluate.predict_file(run, tmp_path / "a.csv", tmp_path / "a.csv")
    assert readers.read_table(tmp_path / "a.csv")["text"].tolist() == texts[:20]


def test_bad_texts_and_files_are_refused_and_nothing_is_written(run, tmp_path, small_chunks):
    for text, flaw in {"  ": "is empty", "\udcff": "holds half of a surrogate pair"}.items():
        with pytest.raises(UserError, match=f"text 1 {flaw}"):
            list(evaluate.probabilities(run, [text]))
    entry, target = tmp_path / "in.csv", tmp_path / "out.csv"
    good = b"text\n" + b"good\n" * 16
    cases = {
        good + b"\xff\xfe bad\n": "UTF-8",
        good + b'"  "\n': "text 17 is empty",
        good + b"good,better\n": "failed",
        b"words\ngood\n": "column 'text'",
        b"text,Review\ngood,good\n": "'text' and 'Review': name the column of texts with --column",
        b"text\ngood\n\nbad\n": "text 2 is empty",
        b"": "failed",
    }
    for content, message in cases.items():
        entry.write_bytes(content)
        with pytest.raises(UserError, match=message):
            evaluate.predict_file(run, entry, target)
    with pytest.raises(UserError, match="not there"):
        evaluate.predict_file(run, tmp_path / "none.csv", target)
    with pytest.raises(UserError, match="ending in"):
        evaluate.predict_file(run, entry, tmp_path / "out.txt")
    mixed = tmp_path / "in.jsonl"
    mixed.write_text('{"text": "good", "mark": 1}\n' * 9 + '{"text": "good", "mark": "x"}\n')
    with pytest.raises(UserError, match="values of one kind"):
        evaluate.predict_file(run, mixed, tmp_path / "out.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "in.jsonl"]


def test_long_texts_share_smaller_batches(run, monkeypatch):
    """However long the texts, a batch stays small, and every text is read whole, alone or not."""
    lengths = [3, 900, 5, 40, 700, 2, 90]
    generator = np.random.default_rng(0)
    tokens = generator.integers(2, 100, sum(lengths)).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    reviews = readers.Reviews([""] * 7, np.zeros(7, np.int64))
    split, model = Split(reviews, tokens, offsets), run.load_model()
    whole = evaluate.logits_of(model, split)
    monkeypatch.setattr(evaluate, "EVALUATION_TOKENS", 800)
    sizes = []
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape)))
    torch.testing.assert_close(evaluate.logits_of(model, split), whole)
    assert sizes == [(5, 96), (1, 704), (1, 900)]  # padded to multiples of 32, at most 900


PROGRAM = """
import resource, sys
from pathlib import Path
from lstm_report.training import evaluate, runs
run, *files = sys.argv[1:]
evaluate.CHUNK = 256
for file in files:
    evaluate.predict_file(runs.read_run(Path(run)), Path(file), Path(file + "-judged.csv"))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
@pytest.mark.parametrize("suffix", readers.TABLES)
def test_memory_does_not_grow_with_the_file(run, tmp_path, suffix):
    """A file 32 times as large is judged within a small part of its own size in memory."""
    rows = pd.DataFrame({"text": ["good"] * 512, "note": ["x" * 10_000] * 512})
    large = pd.concat([rows] * 32, ignore_index=True)  # 160 MB
    large["note"] += large.index.astype(str)  # or Parquet would hold one value
    files = [tmp_path / f"{name}{suffix}" for name in ("small", "large")]
    for table, path in zip((rows, large), files, strict=True):
        write(table, path)
    command = [sys.executable, "-c", PROGRAM, str(run.directory), *map(str, files)]
    first, second = map(int, subprocess.check_output(command, text=True).split())
    assert second - first < 60_000  # kibibytes
