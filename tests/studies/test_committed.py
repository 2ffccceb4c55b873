"""Records are compared with what was committed, whatever else could tell that one was edited."""

import subprocess

import pandas as pd
import pytest
from made_up_records import LABELS, measure, record

from lstm_report import paths, provenance
from lstm_report.claims.admitted import Archive
from lstm_report.studies import committed

CELLS = {"lstm": 0.86, "reslstm": 0.85}
SHUFFLED = "accuracy, shuffled in windows"


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone whose records are committed."""
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    record("headline", CELLS, seeds=range(4))
    measure("headline", "lstm", SHUFFLED, {"1": 0.83, "2": 0.84}, seeds=range(4))
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def git(folder, *command):
    subprocess.run(["git", *command], cwd=folder, check=True)


def commit(folder):
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "records")


def edit(file, change):
    path = paths.RESULTS / "headline" / file
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table).to_csv(path, index=False)


def put(column, value):
    return lambda table: table.assign(**{column: [*table[column][:2], value, *table[column][3:]]})


@pytest.mark.parametrize(
    "file, column, value",
    [
        ("runs.csv", "train_seconds", "59.9"),
        ("runs.csv", "hardware", "a better one"),
        ("epochs.csv", "train_loss", "0.4"),
        ("epochs.csv", "seconds", "3"),
        ("measurements.csv", "value", "0.9"),
        ("measurements.csv", "count", "101"),
    ],
)
def test_an_edited_cell_of_any_table_is_noticed(clone, file, column, value):
    edit(file, put(column, value))
    left = Archive().study("headline").left_out
    assert left["reason"].eq(f"its rows in {file} are not what was committed").sum() == 1
    run = {"runs.csv": 2, "epochs.csv": 0, "measurements.csv": 1}[file]
    assert (left["run_id"] == f"lstm-seed{run}").all()
    commit(clone)
    assert Archive().study("headline").left_out.empty


@pytest.mark.parametrize("file", ["runs.csv", "measurements.csv"])
def test_a_removed_row_is_noticed(clone, file):
    edit(file, lambda table: table[1:])
    left = Archive().study("headline").left_out
    assert (left.iloc[0]["cell"], left.iloc[0]["seed"]) == ("lstm", 0)
    assert left.iloc[0]["reason"] == f"its rows in {file} are not what was committed"


def test_predictions_of_the_same_accuracy_are_noticed(clone):
    file = paths.RESULTS / "headline" / "predictions" / "reslstm-seed1.parquet"
    table = pd.read_parquet(file)
    table.loc[LABELS == 1, "logit"] = table.loc[LABELS == 1, "logit"].to_numpy()[::-1]
    table.to_parquet(file, index=False)
    (reason,) = Archive().study("headline").left_out["reason"]
    assert reason == "predictions/reslstm-seed1.parquet is not what was committed"


def test_other_reviews_are_noticed_in_every_run(clone):
    file = paths.RESULTS / "headline" / "reviews.parquet"
    pd.read_parquet(file).assign(in_train=True).to_parquet(file, index=False)
    assert len(committed.altered("headline")) == 8


def test_what_is_added_is_no_change_of_what_was_there(clone):
    record("headline", CELLS, seeds=range(4, 6), **{"a new column": 1})
    measure("headline", "lstm", "another measure", {"1": 0.5}, seeds=range(6))
    assert committed.altered("headline").empty
    assert len(Archive().study("headline").records.runs) == 12


def test_outside_a_clone_nothing_is_compared(clone, monkeypatch):
    edit("runs.csv", put("hardware", "a better one"))
    assert len(committed.altered("headline")) == 1
    monkeypatch.setattr(provenance, "REPOSITORY", clone / "results")
    assert committed.altered("headline").empty
