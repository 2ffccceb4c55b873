"""The records of studies: what they hold, what may be added, those of earlier code, and edits."""

import dataclasses
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
import small_studies
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_up_records import LABELS, measure, record
from small_studies import UNTIMED, small, tiny

from lstm_report import paths, provenance
from lstm_report.analysis import ensemble
from lstm_report.claims import admitted
from lstm_report.claims.admitted import Archive
from lstm_report.data import sources
from lstm_report.data.prepared import prepare
from lstm_report.errors import UserError
from lstm_report.studies import records, runner, study
from lstm_report.studies.classifiers import Classifiers
from lstm_report.studies.study import Planned
from lstm_report.training import baselines, loop

places = pytest.fixture(small_studies.places)


@pytest.fixture(scope="module")
def source():
    return small_studies.source(400, 120, 0)


@pytest.fixture
def measured(places):
    return small_studies.measured(small_studies.source(), places)


def test_records_without_the_later_settings_have_what_those_runs_did(measured, monkeypatch):
    path = paths.RESULTS / "tiny" / "runs.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert {*records.LATER} <= {*table.columns}
    table.drop(columns=[*records.LATER]).to_csv(path, index=False)
    planned = small(**{"model.kind": "lstm", "training.seed": 1, "data.split_seed": 1,
                       "model.bidirectional": True})  # fmt: skip
    run = loop.fit(planned, data=prepare(measured, planned.data), progress=False,
                   directory=paths.RUNS)  # fmt: skip
    records.add("tiny", Planned("lstm", 1, planned), run)
    found = records.read("tiny").runs
    assert found["model.bidirectional"].tolist() == [False, True, False]
    assert found["training.schedule"].tolist() == ["constant"] * 3
    assert found["training.adversarial"].tolist() == [0.0] * 3
    plan = {("lstm", 0): Planned("lstm", 0, small())}
    row, results = found.iloc[0], found.iloc[0][["test_accuracy"]]
    stated = admitted.Stated(seeds=1, checksum="")
    assert admitted._objection(row, results, stated, plan) == ""
    other = {("lstm", 1): Planned("lstm", 1, dataclasses.replace(
        planned, model=dataclasses.replace(planned.model, bidirectional=False)))}  # fmt: skip
    row = found.iloc[1]
    objection = admitted._objection(row, row[["test_accuracy"]], stated, other)
    assert objection == "made with model.bidirectional = True instead of False"


def test_records_of_linear_models_stay_as_they_are():
    table = pd.DataFrame({"cell": ["tf-idf"], "features": ["tf-idf"]})
    assert records.completed(table) is table
    assert ensemble.CELL in baselines.LINEAR


def finished(source, folder, name="lstm", **settings):
    """Train a run in this process and return it as planned and as finished."""
    (planned,) = tiny(name, **{"training.epochs": 1} | settings).runs()
    prepared = prepare(source, planned.config.data)
    return planned, loop.fit(planned.config, data=prepared, progress=False, directory=folder)


@pytest.fixture
def recorded(source, places):
    """The records of two runs, cells `None` and `2`, with the runs."""
    made = [finished(source, places / "runs", name) for name in ("lstm", "reslstm")]
    labels = ("None", "2")  # a reader of tables may take them for a missing value and a number
    for label, (planned, run) in zip(labels, made, strict=True):
        records.add("tiny", Planned(label, 0, planned.config), run)
    return [run for _, run in made]


def test_records_hold_what_the_runs_hold(recorded):
    found = records.read("tiny")
    assert list(found.runs["cell"]) == ["2", "None"]
    for place, run in enumerate(reversed(recorded)):
        row = found.runs.iloc[place]
        assert row["run_id"] == run.directory.name
        assert row["test_accuracy"] == run.summary["test_accuracy"] == found.correct[place].mean()
        assert row["test_loss"] == run.summary["test_loss"]
        assert row["model.kind"] == run.config.model.kind and row["training.epochs"] == 1
        assert row["checksum"] == "7" * 64 and row["threads"] == run.provenance["threads"]
        np.testing.assert_allclose(
            found.logits[place], run.predictions["logit"], rtol=2**-11, atol=1e-7
        )
        metrics = found.epochs[found.epochs["run_id"] == row["run_id"]]
        np.testing.assert_allclose(metrics[UNTIMED], run.metrics[UNTIMED], rtol=1e-5)
    assert list(found.labels) == list(recorded[0].predictions["label"])
    assert list(found.in_train) == list(recorded[0].predictions["in_train"])
    assert not found.runs.filter(like="test_").isna().any(axis=None)
    assert len(records.tables("tiny")[1]) == 0


def test_recording_again_changes_no_byte_and_no_record_holds_a_text(recorded, source):
    def content():
        return {p: p.read_bytes() for p in paths.RESULTS.rglob("*") if p.is_file()}

    before = content()
    assert {path.name for path in before} == {
        *("runs.csv", "epochs.csv", "reviews.parquet", ".lock"),
        *(f"{run.directory.name}.parquet" for run in recorded),
    }
    for label, run in zip(("2", "None"), reversed(recorded), strict=True):
        records.add("tiny", Planned(label, 0, run.config), run)
    assert content() == before
    everything = b"".join(before.values())
    assert not any(text.encode() in everything for text in source.test.texts)


@given(arrays.arrays(np.float64, st.integers(0, 20), elements=st.floats(-1e9, 1e9)))
def test_half_precision_keeps_every_judgement(logits):
    rounded = records.half(logits)
    assert rounded.dtype == np.float16 and np.isfinite(rounded).all()
    assert ((rounded > 0) == (logits > 0)).all()


def test_records_are_added_to_only_by_what_belongs_to_them(recorded, source, places):
    cell = study.Cell("2", {"training.epochs": 7})
    plan = Classifiers(study.Study("tiny", "", "smoke", (cell,), 1), source)
    with pytest.raises(UserError, match=r"Expected cell '2' with seed 0 as it stands"):
        runner.entries(plan)
    plan.source = dataclasses.replace(source, checksum="6" * 64)
    with pytest.raises(UserError, match="Expected the reviews that results/tiny"):
        runner.entries(plan)
    other = sources.Source(**vars(source) | {"test": source.test.take(np.arange(100))})
    planned, run = finished(other, places / "others")
    with pytest.raises(UserError, match="Expected the test reviews of results/tiny"):
        records.add("tiny", planned, run)


@pytest.mark.parametrize("name", ["runs.csv", "reviews.parquet", "predictions"])
def test_damaged_and_missing_records_are_named(recorded, name):
    path = paths.RESULTS / "tiny" / name
    if path.is_dir():
        path = path / f"{recorded[0].directory.name}.parquet"
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=f"{re.escape(path.name)}, but it is damaged"):
        records.read("tiny")
    with pytest.raises(UserError, match="Expected the records of study 'none'"):
        records.read("none")


# What was committed

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
    assert len(records.altered("headline")) == 8


def test_what_is_added_is_no_change_of_what_was_there(clone):
    record("headline", CELLS, seeds=range(4, 6), **{"a new column": 1})
    measure("headline", "lstm", "another measure", {"1": 0.5}, seeds=range(6))
    assert records.altered("headline").empty
    assert len(Archive().study("headline").records.runs) == 12


def test_outside_a_clone_nothing_is_compared(clone, monkeypatch):
    edit("runs.csv", put("hardware", "a better one"))
    assert len(records.altered("headline")) == 1
    monkeypatch.setattr(provenance, "REPOSITORY", clone / "results")
    assert records.altered("headline").empty
