"""What is shown of settings that were looked for: trials, what was taken, and the goals."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from made_up_records import falling, record

from lstm_report import config, paths
from lstm_report.analysis import ensemble, measurements
from lstm_report.claims.admitted import Archive
from lstm_report.notebook import searches
from lstm_report.studies import catalogue
from lstm_report.studies.records import Records
from lstm_report.studies.tuned import STRONG


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")


def test_the_best_trial_is_found_for_each_kind_without_and_with_learnt_vectors():
    reached = pd.DataFrame(0.8, index=list(STRONG.trials), columns=list(config.MODELS))
    first, second = (
        [
            trial
            for trial, settings in STRONG.trials.items()
            if ("training.vectors" in settings) == with_
        ]
        for with_ in (False, True)
    )
    reached.loc[first[1], "lstm"] = 0.81
    reached.loc[second[1], ["lstm", "reslstm"]] = 0.79, 0.82
    assert searches.best_trials(STRONG, reached) == {
        "lstm": {False: first[1], True: second[0]},
        "reslstm": {False: first[0], True: second[1]},
    }


def test_trials_that_are_not_recorded_are_missing():
    assert searches.trials(STRONG, pd.DataFrame()).isna().all(axis=None)
    curve = {"lstm max": [0.7, 0.9, 0.8], "reslstm mean": [0.6, 0.5, 0.4]}
    rows = [
        {"cell": cell, "seed": 0, "run_id": cell, "epoch": k, "validation_accuracy": value}
        for cell, values in curve.items()
        for k, value in enumerate(values, 1)
    ]
    reached = searches.trials(STRONG, pd.DataFrame(rows))
    assert reached.loc["max", "lstm"] == 0.9 and reached.loc["mean", "reslstm"] == 0.6
    assert reached.notna().sum(axis=None) == 2


def test_each_cell_is_held_against_the_goal_of_its_word_vectors():
    validation = {
        "lstm tuned": {0: 0.80, 1: 0.83}, "reslstm tuned": {0: 0.90}, "lstm vectors": {0: 0.70},
    }  # fmt: skip
    right = {"lstm tuned": 10, "reslstm tuned": 1, "lstm vectors": 9}
    runs, epochs, logits = [], [], []
    for cell, values in validation.items():
        for seed, value in values.items():
            run_id = f"{cell}-{seed}".replace(" ", "-")
            key = {"cell": cell, "seed": seed, "run_id": run_id}
            start = "in-domain" if "vectors" in cell else "none"
            settings = {"model.kind": cell.split()[0], "training.vectors": start}
            more = {"training.adversarial": 0.0, "train_seconds": 60.0 + seed}
            runs.append(key | settings | more)
            curve = (value - 0.1, value, value - 0.2)
            epochs += [key | {"epoch": k, "validation_accuracy": v} for k, v in enumerate(curve, 1)]
            logits.append(np.where(np.arange(10) < right[cell], 1.0, -1.0))
    found = Records(pd.DataFrame(runs), pd.DataFrame(epochs), np.stack(logits),
                    np.ones(10, int), np.zeros(10, bool))  # fmt: skip
    rows = [
        measurements.Measurement("lstm tuned", seed, "x", *ensemble.ACCURACY, value, 10, "")
        for seed, value in ((0, 0.5), (1, 0.7))
    ]
    table = searches.results(STRONG, found, pd.DataFrame(rows)).set_index("cell")
    assert table["validation"].tolist() == pytest.approx([0.815, 0.9, 0.7])
    assert table["accuracy"].tolist() == pytest.approx([1.0, 0.1, 0.9])
    assert table["goal"].tolist() == [0.919, 0.919, 0.93]
    assert table["reached"].tolist() == [True, False, False]
    assert table.loc["lstm tuned", "averaged"] == pytest.approx(0.6)
    assert table["averaged"].notna().sum() == 1
    assert table["seconds"].tolist() == pytest.approx([60.5, 60, 60])


def trial_rows(text):
    """The rows of a table of trials, which begin with a number."""
    return [line for line in text.splitlines() if re.match(r"\s*\d+ ", line)]


def test_the_best_trials_are_named_once_all_are_recorded(shown):
    cells = dict.fromkeys((cell.label for cell in catalogue.STUDIES["tuning"].cells), 0.9)
    last = cells.popitem()
    record("tuning", cells, seeds=range(1))
    searches.show_trials(Archive(), "strong")
    text = shown[0]["text/plain"]
    shown.clear()
    rows = trial_rows(text)
    assert "not measured" in text and rows and "LSTM" not in " ".join(rows)
    words = [STRONG.words_of(trial) for trial in STRONG.trials]
    assert [row.count(searches.TICK) for row in rows] == list(map(len, words))
    shutil.rmtree(paths.RESULTS / "tuning")

    def curve(cell, seed):
        return falling(0.1 if cell == "lstm mean" else 0.2)

    record("tuning", cells | dict([last]), seeds=range(1), curve=curve)
    searches.show_trials(Archive(), "strong")
    row = trial_rows(shown[0]["text/plain"])[list(STRONG.trials).index("mean")]
    assert row.count(searches.TICK) == 1 and row.split()[-1] == "LSTM"


def test_the_top_is_told_by_the_linear_model_the_other_kind_and_the_goal(shown):
    record("baselines", {"nb-weighted n-grams": 0.918}, seeds=range(1))
    record("top", {"lstm evidence": 0.93, "reslstm evidence": 0.91}, seeds=range(3))
    searches.show_top(Archive())
    (text,) = (entry["text/plain"] for entry in shown)
    assert text.startswith("**Supervised.**") and "The goal of 92.5% is reached." in text
    assert re.findall(r"(.\d\.\d\d) points \(", text) == ["+1.20", "−0.80", "−2.00"]
    shown.clear()
    record("top", {"lstm self-trained": 0.92, "reslstm self-trained": 0.93}, seeds=range(3))
    searches.show_top(Archive())
    text = shown[1]["text/plain"]
    assert text.startswith("**With unlabelled reviews.**") and "0.50 points short of" in text
