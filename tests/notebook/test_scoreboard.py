"""The recorded models side by side, and the results in the README."""

import numpy as np
import pandas as pd
import pytest
import small_studies
from made_up_records import FIVE, SEEDS, noise, record
from scipy import stats as distributions

from lstm_report import config, paths
from lstm_report.analysis import ensemble, measurements
from lstm_report.claims import verdicts
from lstm_report.claims.admitted import Archive
from lstm_report.cli import app
from lstm_report.errors import UserError
from lstm_report.notebook import scoreboard
from lstm_report.statistics import intervals
from lstm_report.studies.records import Records
from lstm_report.studies.tuned import STRONG

places = pytest.fixture(small_studies.places)


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")


def test_a_mean_lies_within_its_interval_and_one_run_has_wilsons():
    random = np.random.default_rng(0)
    skill = random.uniform(0.6, 1.0, size=500)
    correct = random.uniform(size=(6, 500)) < skill
    found = scoreboard.accuracy(correct)
    assert found.estimate == pytest.approx(correct.mean())
    assert found.low < found.estimate < found.high
    one = scoreboard.accuracy(correct[:1])
    assert one == intervals.proportion_interval(int(correct[0].sum()), 500)


def test_the_interval_of_a_mean_covers_the_truth():
    """Runs and reviews are drawn anew each time; the truth is known."""
    random, inside, times = np.random.default_rng(1), 0, 200
    for _ in range(times):
        review = random.normal(1.0, 1.0, size=400)
        run = random.normal(0.0, 0.15, size=(5, 1))
        rest = random.normal(0.0, 0.5, size=(5, 400))
        found = scoreboard.accuracy(review + run + rest > 0)
        truth = distributions.norm.cdf(1 / np.sqrt(1 + 0.15**2 + 0.5**2))
        inside += found.low <= truth <= found.high
    assert 0.90 <= inside / times <= 0.99


def test_each_recorded_cell_has_a_row_with_its_means(results):
    assert scoreboard.table(Archive()).empty
    record("headline", {"lstm": 0.86 + noise("lstm", 0.002), "reslstm": 0.85})
    record("readout", {"lstm mean": 0.88}, seeds=FIVE)
    record("baselines", {"tf-idf": 0.884}, seeds=range(1))
    table = scoreboard.table(Archive()).set_index("cell")
    assert list(table.index) == ["lstm", "reslstm", "lstm mean", "tf-idf"]
    np.testing.assert_allclose(table["accuracy"], [0.86, 0.85, 0.88, 0.884], atol=3e-4)
    assert list(table["seeds"]) == [len(SEEDS), len(SEEDS), 5, 1]
    assert table["source"].iloc[:2].tolist() == [0.8145, 0.8030]
    assert table["source"].iloc[2:].isna().all()
    assert table.loc["lstm mean", "model"] == "LSTM, mean of all states"


def test_the_results_are_written_between_the_marks_and_nowhere_else(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "before\n"
        + "".join(
            f"{scoreboard.BEGIN.format(name)}\nold\n{scoreboard.END.format(name)}\nafter\n"
            for name in ("answer", "results")
        )
    )
    record("headline", {"lstm": 0.8712, "reslstm": 0.86})
    archive = Archive()
    found = verdicts.verdicts(archive)
    assert scoreboard.update(page, archive, found)
    text = page.read_text()
    assert text.startswith("before\n<!--") and text.endswith("-->\nafter\n") and "old" not in text
    assert "| LSTM | 81.45% | 87.15% (" in text and "10 seeds of each" in text
    for entry in verdicts.ledger(found):
        assert f"| {entry.claim.identity} | {entry.claim.name} | {entry.outcome} | not" in text
    assert not scoreboard.update(page, archive, found)


def test_a_page_without_marks_or_that_is_none_is_refused(results, tmp_path):
    page = tmp_path / "page.md"
    with pytest.raises(UserError, match="cannot be read"):
        scoreboard.update(page, Archive(), [])
    page.write_text("text")
    with pytest.raises(UserError, match="Expected the lines"):
        scoreboard.update(page, Archive(), [])
    assert page.read_text() == "text"


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_holds_what_the_records_say(name, tmp_path, monkeypatch, capsys):
    page = tmp_path / name
    page.write_bytes((paths.ROOT / name).read_bytes())
    monkeypatch.setattr("sys.argv", ["lstm-report", "claims", "--readme", str(page)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert not ended.value.code
    assert page.read_text() == (paths.ROOT / name).read_text(), "see the mark in README.md"


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
    assert scoreboard.best_trials(STRONG, reached) == {
        "lstm": {False: first[1], True: second[0]},
        "reslstm": {False: first[0], True: second[1]},
    }


def test_trials_that_are_not_recorded_are_missing():
    assert scoreboard.trials(STRONG, pd.DataFrame()).isna().all(axis=None)
    curve = {"lstm max": [0.7, 0.9, 0.8], "reslstm mean": [0.6, 0.5, 0.4]}
    rows = [
        {"cell": cell, "seed": 0, "run_id": cell, "epoch": k, "validation_accuracy": value}
        for cell, values in curve.items()
        for k, value in enumerate(values, 1)
    ]
    reached = scoreboard.trials(STRONG, pd.DataFrame(rows))
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
    found = Records("strong", pd.DataFrame(runs), pd.DataFrame(epochs), np.stack(logits),
                    np.ones(10, int), np.zeros(10, bool), pd.DataFrame())  # fmt: skip
    rows = [
        measurements.Measurement("lstm tuned", seed, "x", *ensemble.ACCURACY, value, 10, "")
        for seed, value in ((0, 0.5), (1, 0.7))
    ]
    table = scoreboard.results(STRONG, found, pd.DataFrame(rows)).set_index("cell")
    assert table["validation"].tolist() == pytest.approx([0.815, 0.9, 0.7])
    assert table["accuracy"].tolist() == pytest.approx([1.0, 0.1, 0.9])
    assert table["goal"].tolist() == [0.919, 0.919, 0.93]
    assert table["reached"].tolist() == [True, False, False]
    assert table.loc["lstm tuned", "averaged"] == pytest.approx(0.6)
    assert table["averaged"].notna().sum() == 1
    assert table["seconds"].tolist() == pytest.approx([60.5, 60, 60])
