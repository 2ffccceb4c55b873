"""Studies that are run: estimated, listed, recorded, and what is told of runs that fail."""

import dataclasses
import re
import sys

import made_up_records
import pytest
import small_studies
from small_studies import command, tiny

from lstm_report import config, paths
from lstm_report.studies import catalogue, records, runner
from lstm_report.studies.classifiers import Classifiers
from lstm_report.studies.workers import LocalEngine

places = pytest.fixture(small_studies.places)


@pytest.fixture(scope="module")
def source():
    return small_studies.source(400, 120, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("study nonsense", "Unknown study 'nonsense': expected one of smoke, headline"),
        ("study nowhere.toml", "cannot be read"),
        ("study smoke --engine spark", "Unknown engine 'spark': expected one of local, ray"),
        ("study smoke --workers 4000", "between 1 worker and"),
        ("study smoke --workers 0", "between 1 worker and"),
        ("study smoke --address here:1", "add --engine ray"),
        ("study smoke --only gru", "Unknown cell 'gru': expected one of lstm, reslstm"),
        ("study smoke --profile nope", "Unknown profile 'nope'"),
        ("study smoke --seeds 0", "at least one seed"),
        ("study smoke --epochs -1", "epochs to be at least 0"),
        ("study smoke --data NOWHERE", "not there"),
        ("study smoke --engine ray", "not installed: install this project with its extra"),
    ],
)
def test_bad_input_is_told_in_one_line(words, message, monkeypatch, capsys, places):
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    words = words.replace("NOWHERE", str(places / "nowhere"))
    code, _, errors = command(monkeypatch, capsys, words)
    assert code == 2
    assert len(errors.strip().splitlines()) == 1 and re.search(message, errors)
    assert not list(places.iterdir())


def test_an_estimate_rests_on_recorded_times_and_starts_each_run_as_soon_as_it_can(places):
    assert runner.together([3, 1, 1, 2], 2) == 4
    assert runner.in_words(0.2) == "1 s" and runner.in_words(12_000) == "3 h 20 min"
    made_up_records.record("headline", {"lstm": 0.8}, seeds=range(3), test_seconds=20.0)
    checksum = made_up_records.STATED["headline"].checksum
    source = dataclasses.replace(small_studies.source(4, 4, 0), checksum=checksum)
    plan = Classifiers(catalogue.STUDIES["headline"].only(["lstm"]), source)
    runs_left = [runner.Entry(run, "", runner.BEGUN, 12) for run in plan.study.runs()[:4]]
    found = plan.times(runs_left, 1)
    # A run of 15 epochs took 60 seconds; two rounds of two.
    assert runner.together(found.seconds, 2) == pytest.approx(2 * (3 * 60 / 15 + 20))
    assert found.unknown == () and found.source.endswith("took on a processor")
    other = catalogue.STUDIES["headline"].only(["reslstm"])
    entry = runner.Entry(other.runs()[0], "", runner.MISSING)
    assert Classifiers(other, source).times([entry], 1).unknown == ("reslstm",)
    plan.source = dataclasses.replace(source, checksum="0" * 64)
    assert plan.times(runs_left, 1).unknown == ("lstm",)


STUDY = """
profile = "smoke"
data = "built-in"
settings = {"data.train_limit" = 200, "training.epochs" = 1}
cells = [
  {label = "diverges", settings = {"training.learning_rate" = 1e38}},
  {label = "lstm", settings = {"training.learning_rate" = 1e-3}},
  {label = "reslstm", settings = {"model.kind" = "reslstm"}},
]
"""


def test_a_failing_run_is_recorded_and_the_rest_go_on(places, monkeypatch, capsys):
    (places / "three.toml").write_text(STUDY)
    words = f"study {places / 'three.toml'}"
    code, out, errors = command(monkeypatch, capsys, words)
    assert code == 1
    assert "diverges, seed 0: failed: Expected a finite training loss" in out
    assert "1 of the runs failed, see results/three/failures.csv" in errors
    found = records.read("three")
    assert list(found.runs["cell"]) == ["lstm", "reslstm"]
    _, failures = records.tables("three")
    assert list(failures["cell"]) == ["diverges"]
    assert "lower the learning rate" in failures["error"][0]
    before = (paths.RESULTS / "three" / "runs.csv").read_bytes()

    # A run that is recorded is finished, though its folder is gone; and one that is not is made so.
    (lost, other) = found.runs["run_id"]
    for path in (paths.RUNS / lost).iterdir():
        path.unlink()
    (paths.RUNS / lost).rmdir()
    table = (paths.RESULTS / "three" / "runs.csv").read_text().splitlines(keepends=True)
    (paths.RESULTS / "three" / "runs.csv").write_text(
        "".join(line for line in table if other not in line)
    )
    monkeypatch.setattr(LocalEngine, "_work", None)  # nothing is run
    code, out, errors = command(monkeypatch, capsys, f"{words} --only lstm --only reslstm")
    assert code == 0 and errors == ""
    assert (paths.RESULTS / "three" / "runs.csv").read_bytes() == before
    assert not (paths.RUNS / lost).exists()
    assert re.search(r"lstm +1 +0 +\d+\.\d\d% +not measured", out)


def test_an_unexpected_error_is_recorded_with_its_kind(source, places):
    engine = LocalEngine(1)
    blocked = paths.RUNS / config.run_id(tiny("lstm").runs()[0].config, source.checksum)
    (blocked / "metrics.csv").mkdir(parents=True)
    (blocked / "metrics.csv" / "file").touch()
    failed = runner.execute(Classifiers(tiny("lstm"), source), engine, log=str)
    (error,) = failed.values()
    assert error.startswith("IsADirectoryError: ") and str(paths.ROOT) not in error
    assert list(records.tables("tiny")[1]["error"]) == [error]


def test_a_dry_run_lists_and_estimates_and_runs_nothing(places, monkeypatch, capsys):
    code, out, _ = command(monkeypatch, capsys, "study smoke --seeds 1 --only lstm --dry-run")
    assert code == 0
    assert len(re.findall(r"lstm-seed0-\w{12} +missing", out)) == 1
    assert "1 run to do, 1 at the same time. No time is recorded for lstm" in out
    assert not list(places.iterdir())
