"""A recorded run computed again, and compared with the records."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import small_studies
from scipy import stats as distributions

from lstm_report import paths
from lstm_report.analysis import measurements
from lstm_report.claims import admitted, inventory
from lstm_report.cli import app
from lstm_report.data import sources
from lstm_report.errors import UserError
from lstm_report.statistics.intervals import Interval
from lstm_report.studies import catalogue, records, runner
from lstm_report.studies.classifiers import Classifiers
from lstm_report.studies.memory import Networks
from lstm_report.studies.study import MemoryStudy
from lstm_report.training import loop, runs

SMOKE = catalogue.STUDIES["smoke"]
places = pytest.fixture(small_studies.places)


@pytest.fixture(scope="module")
def source():
    return sources.resolve("built-in")


def one(study, cell, seed):
    """A study of one run."""
    return dataclasses.replace(study.only([cell]), first_seed=seed, seeds=1)


def train(planned):
    return loop.fit(planned.config, progress=False, directory=paths.RUNS)


def test_one_more_run_lies_in_the_interval_as_often_as_it_says():
    random, inside, times = np.random.default_rng(0), 0, 2000
    for _ in range(times):
        *before, after = random.normal(0.86, 0.01, size=6)
        interval = runner.next_run(before)
        inside += interval.low <= after <= interval.high
    assert inside / times == pytest.approx(0.95, abs=0.015)


def test_the_interval_meets_its_formula_and_needs_two_runs():
    values = [0.85, 0.86, 0.88]
    half = distributions.t.ppf(0.975, 2) * np.std(values, ddof=1) * math.sqrt(4 / 3)
    found = runner.next_run(values)
    assert (found.low, found.high) == pytest.approx(
        (np.mean(values) - half, np.mean(values) + half)
    )
    assert runner.next_run([0.86]) is None and runner.next_run([]) is None


def test_a_run_of_a_study_comes_out_the_same_and_leaves_nothing(places, source):
    planned = SMOKE.runs()[0]
    first = train(planned)
    records.add("smoke", planned, first)
    other = SMOKE.runs()[2]
    records.add("smoke", other, train(other))
    before = {path.name for path in paths.RUNS.iterdir()}
    table = (paths.RESULTS / "smoke" / "runs.csv").read_bytes()
    found = runner.again(Classifiers(one(SMOKE, planned.cell, 0), source))
    assert found.now == found.recorded == first.summary["test_accuracy"] and found.within
    assert {path.name for path in paths.RUNS.iterdir()} == before
    assert (paths.RESULTS / "smoke" / "runs.csv").read_bytes() == table
    assert "recorded" in found.text and "the same, beside" in found.text


@pytest.mark.parametrize(
    ("now", "recorded", "within", "said"),
    [
        (0.80, 0.80, True, "recorded 80.00%; the same, beside 82.00% to 84.00%"),
        (0.83, 0.80, True, "recorded 80.00%; inside 82.00% to 84.00%"),
        (0.80, 0.83, False, "recorded 83.00%; OUTSIDE 82.00% to 84.00%"),
        (0.80, None, False, "this seed not recorded; OUTSIDE 82.00% to 84.00%"),
    ],
)
def test_a_run_that_comes_out_as_recorded_is_no_failure(now, recorded, within, said):
    found = runner.Again("accuracy", "{:.2%}", now, recorded, Interval(0.83, 0.82, 0.84))
    assert found.within == within and said in found.text


def test_a_run_that_is_off_is_told_and_ends_in_exit_code_1(places, source, monkeypatch, capsys):
    for planned, accuracy in zip(SMOKE.runs()[::2], (0.9, 0.9001), strict=True):
        records.add("smoke", planned, train(planned))
        file = paths.RESULTS / "smoke" / "runs.csv"
        runs_table = pd.read_csv(file)
        runs_table.loc[runs_table["seed"] == planned.seed, "test_accuracy"] = accuracy
        runs_table.to_csv(file, index=False)
    monkeypatch.setattr("sys.argv", ["lstm-report", "again", "smoke", "lstm", "--data", "built-in"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    told = capsys.readouterr().out
    assert ended.value.code == 1 and "OUTSIDE" in told and "Epoch 1: training loss" in told


def test_a_network_of_the_memory_study_comes_out_the_same(places):
    networks = (("rnn", {"task": "adding", "length": 10, "kind": "rnn", "steps": 5}),)
    short = MemoryStudy("memory", 5, networks)
    for seed in range(2):
        found = runner.again(Networks(one(short, "rnn, adding 10", seed)))
        assert found.recorded is None and found.interval is None and found.within
        rows = {(found.what, "10"): (found.now, 1000)}
        measurements.add(
            "memory", measurements.of_run("rnn", seed, f"rnn-seed{seed}", rows, "0" * 12)
        )
    repeated = runner.again(Networks(one(short, "rnn", 1)))
    assert repeated.now == pytest.approx(repeated.recorded, rel=1e-5) and repeated.within


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["smoke", "lstm", "--seed", "-1"], "Expected a seed of at least 0"),
        (["smoke", "gru"], "Unknown cell 'gru'"),
        (["nonsense", "lstm"], "Unknown study 'nonsense'"),
        (["memory", "lstm, adding 7"], "Unknown cell 'lstm, adding 7'"),
        (["memory", "lstm"], "Expected one run, got 16 of 'lstm': name one of them, as in 'lstm, "),
        (["memory", "lstm, adding 10", "--data", "built-in"], "without --data"),
        (["locality", "lstm"], "name their file or folder with --exclude"),
    ],
)
def test_wrong_arguments_are_told_in_one_sentence(places, monkeypatch, capsys, arguments, words):
    monkeypatch.setattr("sys.argv", ["lstm-report", "again", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    text = capsys.readouterr().err
    assert ended.value.code == 2 and words in text and text.count("\n") == 1


def test_other_reviews_than_the_recorded_ones_are_refused(places, source):
    planned = SMOKE.runs()[0]
    records.add("smoke", planned, train(planned))
    file = paths.RESULTS / "smoke" / "runs.csv"
    file.write_text(file.read_text().replace(source.checksum, "7" * 64))
    with pytest.raises(UserError, match="recorded with"):
        runner.again(Classifiers(one(SMOKE, "lstm", 0), source))
    assert not [path for path in paths.RUNS.iterdir() if not runs.is_finished(path)]


def test_the_report_prints_a_command_for_each_study_that_can_be_run():
    text = "\n".join(inventory.commands(admitted.Archive()))
    for name in {*catalogue.STUDIES} & {*admitted.STATED} | {"memory", "baselines"}:
        assert f"lstm-report again {name} " in text
    assert "--exclude PATH" in text
