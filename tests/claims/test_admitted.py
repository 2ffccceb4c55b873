"""The records that count, and what is told of those that do not."""

import numpy as np
import pandas as pd
import pytest
from made_up_records import COMMIT, LABELS, SEEDS, measure, noise, record

from lstm_report import paths
from lstm_report.analysis import measurements
from lstm_report.claims import inventory
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.errors import UserError
from lstm_report.studies import catalogue


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def headline():
    record("headline", {"lstm": 0.86 + noise("lstm", 0.0005), "reslstm": 0.85})
    kept = {"1": 0.83, "2": 0.84, "5": 0.85, "20": 0.855, "all": 0.86}
    measure("headline", "lstm", "accuracy, shuffled in windows", kept, seeds=SEEDS, spread=0.001)


OTHERS = {
    "checksum": ("f" * 64, "other reviews"),
    "training.epochs": (3, "training.epochs = 3 instead of 15"),
    "data.split_seed": (77, "data.split_seed = 77 instead of"),
    "test_accuracy": (0.99, "do not give the test_accuracy"),
}


@pytest.mark.parametrize("column", OTHERS)
def test_runs_made_otherwise_than_stated_do_not_count_and_are_shown(results, column):
    headline()
    value, words = OTHERS[column]
    file = results / "headline" / "runs.csv"
    table = pd.read_csv(file)
    chosen = (table["cell"] == "lstm") & (table["seed"] == 3)
    table.loc[chosen, column] = value
    table.to_csv(file, index=False)
    opened = Archive()
    view = View(opened)
    assert list(view.counted("headline", "lstm")["seed"]) == [s for s in SEEDS if s != 3]
    assert "9 of the 10 seeds" in view.lacking[0].what
    assert ("headline", "lstm-seed3") not in view.used
    row = inventory.left_out(opened).iloc[0]
    assert (row.study, row.cell, row.seed) == ("headline", "lstm", 3) and words in row.reason
    assert words in " ".join(inventory.notes(opened))


def test_fewer_than_two_seeds_are_none(results):
    record("headline", {"lstm": 0.86}, seeds=range(1))
    view = View(Archive())
    with pytest.raises(Missing, match="only 1 of the 10 seeds"):
        view.counted("headline", "lstm")
    with pytest.raises(Missing, match="no run of “reslstm”"):
        view.counted("headline", "reslstm")


def test_a_measurement_counts_only_with_its_run(results):
    headline()
    table = measurements.read("headline")
    table.loc[table["seed"] == 2, "run_id"] = "another-run"
    table.to_csv(measurements.path_of("headline"), index=False)
    view = View(Archive())
    assert len(view.measured("headline", "lstm", "accuracy, shuffled in windows")) == 9
    assert "another-run" in set(inventory.left_out(Archive())["run_id"])


def test_the_code_that_records_were_made_with_is_told(results):
    record("headline", {"lstm": 0.86}, seeds=range(3))
    assert inventory.notes(Archive()) == []
    record("headline", {"reslstm": 0.86}, seeds=range(3), commit={"reslstm": "ffff-dirty"})
    notes = " ".join(inventory.notes(Archive()))
    assert f"2 commits of the code: {COMMIT}, ffff-dirty" in notes
    assert "3 of 6 rows come from code with uncommitted changes" in notes
    file = results / "headline" / "failures.csv"
    file.write_text("cell,seed,run_id,error,time\nlstm,3,x,the loss is not finite,now\n")
    assert "lstm, seed 3, failed: the loss is not finite" in " ".join(inventory.notes(Archive()))


def test_what_is_recorded_is_told_study_by_study(results):
    record("headline", {"lstm": 0.86, "reslstm": 0.86}, seeds=range(3))
    found = inventory.recorded(Archive())
    table = inventory.by_seeds(found).set_index(["study", "seeds"])
    assert table.loc[("headline", "3 of 10"), "cells"] == "lstm, reslstm"
    assert table.loc[("headline", "3 of 10"), "hours"] == pytest.approx(6 * 63 / 3600)
    assert table.loc[("headline", "0 of 10"), "cells"] == "lstm matched, skiplstm"
    assert table.loc[("depth", "0 of 5"), "hours"] == 0
    (many,) = table.loc["tuning", "cells"]
    tuned = [cell.label for cell in catalogue.STUDIES["tuning"].cells]
    assert many == f"{len(tuned)} cells, from {tuned[0]} to {tuned[-1]}"
    trials = ["tuning", "top-tuning"]
    others = table["cells"].drop(trials, level="study")
    names = [name for cells in others for name in cells.split(", ")]
    assert sorted(names) == sorted(found.loc[~found["study"].isin(trials), "cell"])
    measure("memory", "lstm", "accuracy, although-but", {5: 0.5})  # whose time is not recorded
    table = inventory.by_seeds(inventory.recorded(Archive())).set_index("study")
    assert np.isnan(table.loc["memory", "hours"]).any()


def test_machines_of_several_kinds_are_told(results):
    record("headline", {"lstm": 0.86}, seeds=range(3))
    assert "kinds of machine" not in " ".join(inventory.notes(Archive()))
    record("headline", {"reslstm": 0.86}, seeds=range(2), hardware={"reslstm": "another"})
    assert inventory.notes(Archive())[-1].endswith(
        "2 kinds of machine, which round differently: “a processor” (3 runs); “another” (2 runs)."
    )
    checklist = inventory.checklist(Archive()).set_index("item")["state"]
    assert checklist["Hardware"] == "a processor and another"


def edit(file, change):
    """Write a recorded table of the headline study anew, after a change to its texts."""
    path = paths.RESULTS / "headline" / file
    change(table := pd.read_csv(path, dtype=str, keep_default_na=False))
    table.to_csv(path, index=False)


def put(column, value):
    return lambda table: table.__setitem__(column, [value, *table[column][1:]])


@pytest.mark.parametrize(
    "file, change, reason",
    [
        ("runs.csv", put("cell", "nonsense"), "has the name of no cell of the study"),
        ("runs.csv", put("best_epoch", "-5"), "its best epoch is not that of its epochs"),
        ("runs.csv", put("best_epoch", "abc"), "its best epoch is not that of its epochs"),
        ("runs.csv", put("test_accuracy", "abc"), "do not give the test_accuracy"),
        ("runs.csv", put("test_accuracy", ""), "do not give the test_accuracy"),
        ("runs.csv", put("test_accuracy_unseen", "0.9"), "do not give the test_accuracy_unseen"),
        ("runs.csv", put("test_loss", "0.3"), "do not give the test_loss"),
        ("runs.csv", put("test_loss", ""), "do not give the test_loss"),
        ("runs.csv", put("test_reviews", "1999"), "do not give the test_reviews"),
        ("runs.csv", put("best_epoch", "13"), "its best epoch is not that of its epochs"),
        ("runs.csv", put("parameters", "abc"), "its parameters is no number"),
        ("runs.csv", put("train_seconds", "-5"), "its train_seconds is no number"),
        ("runs.csv", put("data.max_length", "abc"), "data.max_length = abc instead of 256"),
        ("runs.csv", lambda table: table.__setitem__("seed", "0"), "recorded more than once"),
        ("epochs.csv", put("train_loss", "abc"), "one of its epochs holds no number"),
        ("epochs.csv", put("epoch", "2"), "one of its epochs is recorded more than once"),
        ("measurements.csv", put("value", ""), "a measurement of it is no number"),
        ("measurements.csv", put("count", "x"), "a measurement of it is no number"),
        ("measurements.csv", put("condition", "5"), "measured more than once"),
    ],
)
def test_an_edited_record_is_named_and_not_counted(results, file, change, reason):
    headline()
    edit(file, change)
    left = Archive().study("headline").left_out
    assert left["reason"].str.contains(reason).any()
    assert reason in " ".join(inventory.notes(Archive()))


@pytest.mark.parametrize("column", ["test_accuracy", "best_epoch", "commit", "seed"])
def test_a_table_without_a_column_is_named(results, column):
    headline()
    path = paths.RESULTS / "headline" / "runs.csv"
    pd.read_csv(path).drop(columns=column).to_csv(path, index=False)
    with pytest.raises(UserError, match="runs.csv, but it is damaged"):
        Archive().study("headline")


@pytest.mark.parametrize("logits", [{"x": 0.0}, {"logit": np.nan}, {"logit": "a"}])
def test_predictions_that_are_none_are_named(results, logits):
    headline()
    file = next((paths.RESULTS / "headline" / "predictions").iterdir())
    pd.DataFrame(logits, index=range(len(LABELS))).to_parquet(file)
    with pytest.raises(UserError, match="parquet, but it is damaged"):
        Archive().study("headline")


@pytest.mark.parametrize("seed", ["-5", "x", "", "1e999"])
def test_a_seed_that_cannot_be_is_named_with_its_table(results, seed):
    headline()
    edit("runs.csv", put("seed", seed))
    with pytest.raises(UserError, match="runs.csv, but it is damaged"):
        Archive().study("headline")


def test_runs_without_their_epochs_are_named_and_not_counted(results):
    headline()
    (paths.RESULTS / "headline" / "epochs.csv").unlink()
    left = Archive().study("headline").left_out
    assert left["reason"].eq("its best epoch is not that of its epochs").any()
