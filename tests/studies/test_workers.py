"""Runs as processes of this machine: killed, stopped, and given their share of the cores."""

import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import psutil
import pytest
import small_studies
import torch
from small_studies import UNTIMED, tiny

from lstm_report import paths, provenance
from lstm_report.data import sources
from lstm_report.data.prepared import prepare
from lstm_report.errors import UserError
from lstm_report.studies import catalogue, records, runner, workers
from lstm_report.studies.classifiers import Classifiers, epochs_behind
from lstm_report.studies.workers import LocalEngine
from lstm_report.training import loop, runs

NAME = "lstm_report.studies.workers"
"""The module that a worker runs."""

places = pytest.fixture(small_studies.places)


@pytest.fixture(scope="module")
def source():
    return small_studies.source(400, 120, 0)


def workers_of(pid):
    """Return the workers that a driver has started."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if NAME in " ".join(child.cmdline())]


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


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory):
    """The runs of `LONG`, by run id, trained in this process without any disturbance."""
    folder, threads = tmp_path_factory.mktemp("undisturbed"), torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder / "cache")
        made = [
            loop.fit(
                run.config, data=prepare(source, run.config.data), progress=False,
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
    killed[folder.name] = epochs_behind(folder)
    worker.kill()


def test_a_killed_worker_costs_nothing_but_time(source, places, undisturbed):
    killed, said = {}, []
    thread = threading.Thread(target=kill_one_in_the_middle, args=(killed,))
    thread.start()
    failed = runner.execute(Classifiers(LONG, source), LocalEngine(1), log=said.append)
    thread.join()
    ((run_id, epochs),) = killed.items()
    assert 0 < epochs < 25 and run_id in undisturbed
    assert not failed
    assert len(said) == 2 and all("test accuracy" in line for line in said)
    for name, run in undisturbed.items():
        assert_same(runs.read_run(paths.RUNS / name), run)
    assert set(records.read("tiny").runs["run_id"]) == set(undisturbed)


def test_a_worker_killed_again_and_again_is_given_up(source, places, monkeypatch):
    started, start = [], subprocess.Popen

    def start_and_kill(arguments, **options):
        process = start(arguments, **options)
        if NAME in arguments:
            started.append(options["env"]["OMP_NUM_THREADS"])
            process.kill()
        return process

    monkeypatch.setattr(workers.subprocess, "Popen", start_and_kill)
    monkeypatch.setattr(provenance, "cores", lambda: 7)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    failed = runner.execute(Classifiers(tiny("lstm"), source), LocalEngine(2), log=str)
    assert started == ["3", "3", "3"]
    assert [*failed.values()] == ["The worker was killed by SIGKILL, 3 times in a row."]


def test_cores_are_divided_between_the_workers(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(provenance, "cores", lambda: 7)
    assert [LocalEngine(number).threads for number in (1, 2, 3, 4, 7)] == [7, 3, 2, 1, 1]
    with pytest.raises(UserError, match="between 1 worker and 7, .* got 8"):
        LocalEngine(8)


def test_threads_that_the_environment_asks_for_are_kept(monkeypatch):
    monkeypatch.setattr(provenance, "cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert LocalEngine(2).threads == 3
    for unusable in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", unusable)
        assert LocalEngine(2).threads == 2


DRIVER = """
import sys
from pathlib import Path
from lstm_report import paths, provenance
from lstm_report.cli import app
provenance.cores = lambda: 1
place = Path(sys.argv.pop(1))
paths.RUNS, paths.RESULTS, paths.CACHE = (place / name for name in ("runs", "results", "cache"))
app.main()
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
    study = catalogue.find(str(places / "two.toml"))
    (planned, begun) = runner.entries(Classifiers(study, sources.resolve("built-in")))
    assert (planned.state, begun.state) == ("finished", "begun") and begun.epochs_done > 0
