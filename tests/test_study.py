"""Studies: what they are made of, their records, and their runs as processes of this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import made_up_records
import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lstm_report import (
    cli,
    config,
    corpus,
    data,
    engines,
    estimate,
    paths,
    records,
    runs,
    sources,
    studies,
    study,
    training,
)
from lstm_report.engines import LocalEngine
from lstm_report.errors import UserError
from lstm_report.studies import Cell, Study

UNTIMED = ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
TINY = {"data.train_limit": 200, "training.epochs": 3}


def tiny(*cells, seeds=1, **settings):
    """A study of runs of about a tenth of a second."""
    made = tuple(Cell(label, {"model.kind": label}) for label in cells or ("lstm", "reslstm"))
    return Study("tiny", "Does it run?", "smoke", made, seeds, TINY | settings, "built-in")


@pytest.fixture(scope="module")
def source():
    train, test = (corpus.write_reviews(count, seed=seed) for count, seed in ((400, 1), (120, 2)))
    return sources.Source(
        name="reviews of the test", origin="Written by the test.", train=train, test=test,
        checksum="5" * 64, is_imdb=False, built_in=True,
    )  # fmt: skip


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders of the test's own for runs, records and prepared reviews; and one core.

    Other tests run beside it, and threads that wait for each other on busy cores take minutes.
    """
    monkeypatch.setattr(engines, "cores", lambda: 1)
    for name in ("RUNS", "RESULTS", "CACHE"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    return tmp_path


def command(monkeypatch, capsys, words):
    """Run a command line in this process; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["lstm-report", *words.split()])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def workers_of(pid):
    """Return the workers that a driver has started."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "lstm_report.worker" in " ".join(child.cmdline())]


def wait_for(condition, seconds=90.0):
    """Return the first true value of `condition`, which is asked again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := condition():
                return value
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.005)
    raise AssertionError("waited in vain")


# What a study is made of


def test_a_seed_sets_weights_batches_and_validation_and_runs_go_seed_by_seed():
    planned = tiny(seeds=2).runs()
    assert [(run.cell, run.seed) for run in planned] == [
        *(("lstm", 0), ("reslstm", 0), ("lstm", 1), ("reslstm", 1)),
    ]
    for run in planned:
        assert run.config.training.seed == run.config.data.split_seed == run.seed
        assert run.config.training.epochs == 3 and run.config.model.kind == run.cell


def test_a_cell_may_hold_one_part_of_the_seed_still():
    made = Study("s", "", "smoke", (Cell("weights alone", {"data.split_seed": 0}),), 2)
    assert [run.config.data.split_seed for run in made.runs()] == [0, 0]
    assert [run.config.training.seed for run in made.runs()] == [0, 1]


def test_a_grid_is_every_combination_labelled_by_what_varies():
    cells = studies.product(
        {"model.kind": ["lstm", "reslstm"], "model.num_layers": [1, 3], "model.readout": ["max"]}
    )
    assert [cell.label for cell in cells] == [
        f"{kind} num_layers={layers}" for kind in ("lstm", "reslstm") for layers in (1, 3)
    ]
    assert all(cell.settings["model.readout"] == "max" for cell in cells)


@pytest.mark.parametrize("name", studies.STUDIES)
def test_every_named_study_can_be_planned(name):
    made = studies.STUDIES[name]
    assert len(made.runs()) == len(made.cells) * made.seeds
    assert made.question.endswith("?")


def test_another_profile_or_other_epochs_have_a_name_of_their_own():
    base = studies.STUDIES["headline"]
    assert base.altered(profile="smoke", epochs=1).name == "headline-smoke-1-epochs"
    assert base.altered(seeds=3).name == base.altered(profile="source").name == "headline"
    assert {run.config.training.epochs for run in base.altered(epochs=1).runs()} == {1}


FILE = """
question = "Does depth help?"
profile = "smoke"
seeds = 2
settings.training.epochs = 1
[grid]
model.kind = ["lstm", "reslstm"]
"model.num_layers" = [1, 2]
"""


def test_a_file_describes_a_study_in_toml_and_in_json(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text(FILE)
    made = studies.find(str(path))
    assert (made.name, made.question, made.seeds) == ("layers", "Does depth help?", 2)
    assert len(made.runs()) == 8
    cells = [{"label": cell.label, "settings": dict(cell.settings)} for cell in made.cells]
    values = {"profile": "smoke", "seeds": 2, "settings": made.settings, "cells": cells}
    path.with_suffix(".json").write_text(json.dumps(values))
    assert studies.find(str(path.with_suffix(".json"))).runs() == made.runs()


BAD_FILES = {
    "unknown key": (
        FILE.replace("model.kind", "model.sort"),
        "Unknown key in grid .* 'model.sort'",
    ),
    "reviews": (FILE.replace("model.kind", "data.source"), "key in grid of .* 'data.source'"),
    "near key": (
        FILE.replace("training.epochs", "training.epoch"),
        "key in settings of .*layers.toml 'training.epoch': expected 'training.epochs', which is",
    ),
    "wrong section": (
        FILE.replace("training.epochs", "model.epochs"),
        "expected 'training.epochs'",
    ),
    "no section": (FILE.replace("training.epochs", "Max-Length"), "expected 'data.max_length'"),
    "outside": (
        FILE.replace("settings.training.epochs", "training.epochs"),
        "entry of .* 'training.epochs': expected 'settings.training.epochs'",
    ),
    "key of a cell": (
        'cells = [{label = "a", settings = {model.layers = 1}}]',
        "key in the cell 'a' of .*'model.layers': expected 'model.num_layers'",
    ),
    "bad value": (FILE.replace("[1, 2]", "[1, 0]"), "num_layers to be more than 0, got 0"),
    "bad type": (FILE.replace("[1, 2]", '[1, "2"]'), "num_layers to be a whole number"),
    "no list": (FILE.replace("[1, 2]", "2"), "a list of values"),
    "equal runs": (FILE.replace("[1, 2]", "[1, 1]"), "twice"),
    "unknown entry": (FILE.replace("seeds", "seed"), "Unknown entry of .* 'seed'"),
    "unknown profile": (FILE.replace('"smoke"', '"tiny"'), "unknown profile 'tiny'"),
    "seeds": (FILE.replace("seeds = 2", 'seeds = "2"'), "seeds to be a whole number"),
    "no seed": (FILE.replace("seeds = 2", "seeds = 0"), "at least one seed"),
    "no cells": ("seeds = 1", "either cells or a grid"),
    "empty cells": ("cells = []", "label each"),
    "half a cell": ('cells = [{label = "a"}]', "a label and a table"),
    "two of a label": ('cells = [{label="a",settings={}},{label="a",settings={}}]', "'a' twice"),
    "one run twice": ('cells = [{label="a",settings={}},{label="b",settings={}}]', "the same as"),
    "no TOML": ("cells = [", "cannot be read"),
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "layers.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        studies.find(str(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


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


# Records


def finished(source, folder, name="lstm", **settings):
    """Train a run in this process and return it as planned and as finished."""
    (planned,) = tiny(name, **{"training.epochs": 1} | settings).runs()
    prepared = data.prepare(source, planned.config.data)
    return planned, training.fit(planned.config, data=prepared, progress=False, directory=folder)


@pytest.fixture
def recorded(source, places):
    """The records of two runs, cells `None` and `2`, with the runs."""
    made = [finished(source, places / "runs", name) for name in ("lstm", "reslstm")]
    labels = ("None", "2")  # a reader of tables may take them for a missing value and a number
    for label, (planned, run) in zip(labels, made, strict=True):
        records.add("tiny", studies.Planned(label, 0, planned.config), run)
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
        assert row["checksum"] == "5" * 64 and row["threads"] == run.provenance["threads"]
        np.testing.assert_allclose(
            found.logits[place], run.predictions["logit"], rtol=2**-11, atol=1e-7
        )
        metrics = found.epochs[found.epochs["run_id"] == row["run_id"]]
        np.testing.assert_allclose(metrics[UNTIMED], run.metrics[UNTIMED], rtol=1e-5)
    assert list(found.labels) == list(recorded[0].predictions["label"])
    assert list(found.in_train) == list(recorded[0].predictions["in_train"])
    assert not found.runs.filter(like="test_").isna().any(axis=None)
    assert len(found.failures) == 0


def test_recording_again_changes_no_byte_and_no_record_holds_a_text(recorded, source):
    def content():
        return {p: p.read_bytes() for p in paths.RESULTS.rglob("*") if p.is_file()}

    before = content()
    assert {path.name for path in before} == {
        *("runs.csv", "epochs.csv", "reviews.parquet", ".lock"),
        *(f"{run.directory.name}.parquet" for run in recorded),
    }
    for label, run in zip(("2", "None"), reversed(recorded), strict=True):
        records.add("tiny", studies.Planned(label, 0, run.config), run)
    assert content() == before
    everything = b"".join(before.values())
    assert not any(text.encode() in everything for text in source.test.texts)


@given(arrays.arrays(np.float64, st.integers(0, 20), elements=st.floats(-1e9, 1e9)))
def test_half_precision_keeps_every_judgement(logits):
    rounded = records.half(logits)
    assert rounded.dtype == np.float16 and np.isfinite(rounded).all()
    assert ((rounded > 0) == (logits > 0)).all()


def test_records_are_added_to_only_by_what_belongs_to_them(recorded, source, places):
    row = records.recorded("tiny").iloc[0]
    same = {row["run_id"]: studies.Planned(row["cell"], 0, recorded[1].config)}
    records.check("tiny", same, source.checksum)
    with pytest.raises(UserError, match="Expected the reviews that results/tiny"):
        records.check("tiny", same, "6" * 64)
    with pytest.raises(UserError, match=r"Expected cell '2' with seed 0 as it stands"):
        records.check("tiny", {"another-run": next(iter(same.values()))}, source.checksum)
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


# Runs


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory):
    """The runs of `LONG`, by run id, trained in this process without any disturbance."""
    folder, threads = tmp_path_factory.mktemp("undisturbed"), torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder / "cache")
        made = [
            training.fit(
                run.config, data=data.prepare(source, run.config.data), progress=False,
                directory=folder,
            )
            for run in LONG.runs()
        ]  # fmt: skip
    torch.set_num_threads(threads)
    return {run.directory.name: run for run in made}


LONG = tiny(**{"training.epochs": 25})
"""Long enough to be killed on the way."""


def assert_same(run, other):
    """Assert that two runs came to the same, bit for bit."""
    for name in ("predictions.parquet", "model.safetensors", "tokenizer.json"):
        assert (run.directory / name).read_bytes() == (other.directory / name).read_bytes()
    pd.testing.assert_frame_equal(run.metrics[UNTIMED], other.metrics[UNTIMED], check_exact=True)
    assert run.provenance["threads"] == other.provenance["threads"]


def kill_one_in_the_middle(killed):
    """Kill the first worker that has an epoch behind it."""
    (worker,) = wait_for(lambda: workers_of(os.getpid()))
    wait_for(lambda: next(paths.RUNS.glob(f"*/{runs.CHECKPOINT}"), None))
    worker.send_signal(signal.SIGSTOP)  # so that it cannot reach its end first
    folder = next(paths.RUNS.glob(f"*/{runs.CHECKPOINT}")).parent
    killed[folder.name] = study._epochs(folder)
    worker.kill()


def test_a_killed_worker_costs_nothing_but_time(source, places, undisturbed):
    killed, said = {}, []
    thread = threading.Thread(target=kill_one_in_the_middle, args=(killed,))
    thread.start()
    result = study.execute(LONG, source, LocalEngine(1), log=said.append)
    thread.join()
    ((run_id, epochs),) = killed.items()
    assert 0 < epochs < 25 and run_id in undisturbed
    assert not result.failed and {entry.run_id for entry in result.finished} == set(undisturbed)
    assert len(said) == 2 and all("test accuracy" in line for line in said)
    for name, run in undisturbed.items():
        assert_same(runs.read_run(paths.RUNS / name), run)
    assert set(records.read("tiny").runs["run_id"]) == set(undisturbed)


def test_a_worker_killed_again_and_again_is_given_up(source, places, monkeypatch):
    started, start = [], subprocess.Popen

    def start_and_kill(arguments, **options):
        process = start(arguments, **options)
        if "lstm_report.worker" in arguments:
            started.append(options["env"]["OMP_NUM_THREADS"])
            process.kill()
        return process

    monkeypatch.setattr(engines.subprocess, "Popen", start_and_kill)
    monkeypatch.setattr(engines, "cores", lambda: 7)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    result = study.execute(tiny("lstm"), source, LocalEngine(2), log=str)
    assert started == ["3", "3", "3"]
    assert [*result.failed.values()] == ["The worker was killed by SIGKILL, 3 times in a row."]


def test_cores_are_divided_between_the_workers(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(engines, "cores", lambda: 7)
    assert [LocalEngine(workers).threads for workers in (1, 2, 3, 4, 7)] == [7, 3, 2, 1, 1]
    with pytest.raises(UserError, match="between 1 worker and 7, .* got 8"):
        LocalEngine(8)


def test_threads_that_the_environment_asks_for_are_kept(monkeypatch):
    monkeypatch.setattr(engines, "cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert LocalEngine(2).threads == 3
    for unusable in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", unusable)
        assert LocalEngine(2).threads == 2


def test_an_estimate_rests_on_recorded_times_and_starts_each_run_as_soon_as_it_can(places):
    assert estimate.together([3, 1, 1, 2], 2) == 4
    assert estimate.in_words(0.2) == "1 s" and estimate.in_words(12_000) == "3 h 20 min"
    made_up_records.record("headline", {"lstm": 0.8}, seeds=range(3), test_seconds=20.0)
    checksum = made_up_records.STATED["headline"].checksum
    runs_left = [(run, 3) for run in studies.STUDIES["headline"].only(["lstm"]).runs()[:4]]
    found = estimate.estimate(runs_left, checksum, 2)
    # A run of 15 epochs took 60 seconds; two rounds of two.
    assert found.seconds == pytest.approx(2 * (3 * 60 / 15 + 20))
    assert found.unknown == () and found.hardware == ("a processor",)
    other = studies.STUDIES["headline"].only(["reslstm"]).runs()[:1]
    assert estimate.estimate([(other[0], 3)], checksum, 1).unknown == ("reslstm",)
    assert estimate.estimate(runs_left, "0" * 64, 1).unknown == ("lstm",)


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
    assert list(found.failures["cell"]) == ["diverges"]
    assert "lower the learning rate" in found.failures["error"][0]
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
    result = study.execute(tiny("lstm"), source, engine, log=str)
    (error,) = result.failed.values()
    assert error.startswith("IsADirectoryError: ") and str(paths.ROOT) not in error
    assert list(records.tables("tiny")[1]["error"]) == [error]


def test_a_dry_run_lists_and_estimates_and_runs_nothing(places, monkeypatch, capsys):
    code, out, _ = command(monkeypatch, capsys, "study smoke --seeds 1 --only lstm --dry-run")
    assert code == 0
    assert len(re.findall(r"lstm-seed0-\w{12} +missing", out)) == 1
    assert "1 run to do, 1 at the same time. No time is recorded for lstm" in out
    assert not list(places.iterdir())


DRIVER = """
import sys
from pathlib import Path
from lstm_report import cli, engines, paths
engines.cores = lambda: 1
place = Path(sys.argv.pop(1))
paths.RUNS, paths.RESULTS, paths.CACHE = (place / name for name in ("runs", "results", "cache"))
cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_driver_that_is_stopped_leaves_no_worker_and_loses_nothing(number, places):
    (places / "two.toml").write_text(
        'profile = "smoke"\ndata = "built-in"\n'
        'cells = [{label = "a", settings = {"training.epochs" = 1}},'
        '{label = "b", settings = {"training.epochs" = 2000}}]'
    )
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(places), "study", str(places / "two.toml")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # What runs in the background of a shell ignores SIGINT, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    table = paths.RESULTS / "two" / "runs.csv"
    try:
        wait_for(lambda: table.is_file() and next(paths.RUNS.glob("*/checkpoint*"), None))
        (worker,) = workers_of(driver.pid)
        driver.send_signal(number)
        _, errors = driver.communicate(timeout=20)
        wait_for(lambda: not worker.is_running(), 5)
    finally:
        driver.kill()
    if number == signal.SIGINT:
        assert driver.returncode == 130
        (line,) = [line for line in errors.splitlines() if line.startswith("lstm-report:")]
        assert "what is finished is kept, and the same command goes on" in line
        assert "Traceback" not in errors
    assert len(table.read_text().splitlines()) == 2
    (planned, begun) = study.plan(
        studies.find(str(places / "two.toml")), sources.resolve("built-in")
    )
    assert (planned.state, begun.state) == ("finished", "begun") and begun.epochs_done > 0
