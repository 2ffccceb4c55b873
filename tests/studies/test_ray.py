"""Studies on a real Ray cluster: two nodes on this machine that share no folder with the driver."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import psutil
import pytest
import torch

from lstm_report import paths
from lstm_report.cli import app
from lstm_report.data import sources
from lstm_report.data.prepared import prepare
from lstm_report.studies import catalogue, records
from lstm_report.training import loop, runs

ray = pytest.importorskip("ray", reason="ray is not installed: the extra `cluster` brings it")
from lstm_report.studies import ray as ray_engine  # noqa: E402

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
STUDY = """
profile = "smoke"
data = "built-in"
settings = {"data.train_limit" = 200, "training.epochs" = 40}
cells = [
  {label = "diverges", settings = {"training.learning_rate" = 1e38}},
  {label = "lstm", settings = {}},
  {label = "reslstm", settings = {"model.kind" = "reslstm"}},
]
"""


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def wait_for(condition, seconds=90.0):
    """Return the first true value of `condition`, which is asked again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(psutil.Error):
            if value := condition():
                return value
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a cluster, and for each of its two nodes the process and its temporary folder."""
    port, nodes = free_port(), []
    # The names of Ray's sockets are too long in a folder of pytest.
    with tempfile.TemporaryDirectory(prefix="ray") as session, contextlib.ExitStack() as stack:
        head = ["--head", f"--port={port}", "--num-gpus=1", "--include-dashboard=false",
                f"--temp-dir={session}"]  # fmt: skip
        for arguments in (head, [f"--address=127.0.0.1:{port}"]):
            folder = tmp_path_factory.mktemp("node")
            process = subprocess.Popen(
                [*RAY, "start", *arguments, "--node-ip-address=127.0.0.1", "--num-cpus=1",
                 "--object-store-memory=100000000", "--disable-usage-stats", "--block"],
                env=os.environ | {"TMPDIR": str(folder)}, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(stop, process)
            nodes.append((process, folder))
            wait_for(lambda: answers(port))
        ray.init(address=f"127.0.0.1:{port}", log_to_driver=False, logging_level="ERROR")
        wait_for(lambda: len(ray.nodes()) == 2)
        ray.shutdown()
        yield f"127.0.0.1:{port}", nodes


def stop(process):
    """End a node with all that it started."""
    started = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    for entry in [process, *started]:
        with contextlib.suppress(psutil.Error):
            entry.kill()
    process.wait()


@pytest.fixture
def places(tmp_path, monkeypatch):
    for name in ("RUNS", "RESULTS", "CACHE"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (tmp_path / "three.toml").write_text(STUDY)
    return tmp_path


def command(monkeypatch, capsys, *words):
    """Run a command line in this process; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["lstm-report", "study", *words])
    with pytest.raises(SystemExit) as exit_:
        app.main()
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def kill_one_in_the_middle(nodes, killed):
    """Kill the first worker of a node that has an epoch behind it."""

    def begun():
        for process, folder in nodes:
            for checkpoint in folder.glob(f"lstm-report-*/runs/*/{runs.CHECKPOINT}"):
                return process, checkpoint.parent

    process, folder = wait_for(begun)
    for worker in psutil.Process(process.pid).children(recursive=True):
        if worker.cmdline()[0].startswith(f"ray::{ray_engine.TASK}"):
            worker.send_signal(signal.SIGSTOP)  # so that it cannot reach its end first
            killed[folder.name] = runs.is_finished(folder)
            worker.kill()


@pytest.fixture
def wired(cluster, places):
    """The words of a study on the cluster."""
    return [str(places / "three.toml"), "--engine", "ray", "--address", cluster[0]]


def test_a_study_on_two_nodes_survives_a_killed_worker_and_a_failing_run(
    cluster, wired, places, monkeypatch, capsys
):
    address, nodes = cluster
    killed = {}
    thread = threading.Thread(target=kill_one_in_the_middle, args=(nodes, killed))
    thread.start()
    code, out, errors = command(monkeypatch, capsys, *wired)
    thread.join()
    assert list(killed.values()) == [False]
    assert code == 1 and "1 of the runs failed, see results/three/failures.csv" in errors
    assert "diverges, seed 0: failed: Expected a finite training loss" in out
    found = records.read("three")
    assert list(found.runs["cell"]) == ["lstm", "reslstm"]
    assert set(killed) < set(found.runs["run_id"])
    assert list(records.tables("three")[1]["cell"]) == ["diverges"]
    assert set(found.runs["threads"]) == {1}
    for _, folder in nodes:
        assert list(folder.glob("lstm-report-*/runs/*")), "a node has computed nothing"

    # Each is, bit for bit, what an undisturbed run in this process is.
    source, threads = sources.resolve("built-in"), torch.get_num_threads()
    torch.set_num_threads(1)
    for planned in catalogue.find(wired[0]).only(["lstm", "reslstm"]).runs():
        prepared = prepare(source, planned.config.data)
        expected = loop.fit(
            planned.config, data=prepared, progress=False, directory=places / "expected"
        )
        run = runs.read_run(paths.RUNS / expected.directory.name)
        for name in ("predictions.parquet", "model.safetensors", "tokenizer.json"):
            same = (run.directory / name).read_bytes() == (expected.directory / name).read_bytes()
            assert same, name
        for name in ("train_loss", "validation_loss", "gradient_norm"):
            assert list(run.metrics[name]) == list(expected.metrics[name])
    torch.set_num_threads(threads)

    monkeypatch.setattr(ray_engine, "_train", None)  # nothing is run
    again = command(monkeypatch, capsys, *wired, "--only", "lstm", "--only", "reslstm")
    assert again[0] == 0 and "test accuracy" not in again[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--workers 3", "room for 3 workers of 1 cores and 0 GPUs each, but .* room for 2"),
        ("--gpus 0.5 --workers 2", "room for 2 workers of 1 cores and 0.5 GPUs each, .* for 1"),
        ("--cpus 2", "room for a worker of 2 cores and 0 GPUs each, but .* room for 0"),
        ("--gpus 1.5", "whole above 1"),
        ("--cpus 0", "--cpus of at least 1"),
    ],
)
def test_more_than_the_cluster_has_is_told_in_one_line(wired, words, message, monkeypatch, capsys):
    code, _, errors = command(monkeypatch, capsys, *wired, *words.split())
    assert code == 2
    (line,) = errors.strip().splitlines()
    assert re.search(message, line)


def test_an_address_out_of_reach_is_told_within_a_bounded_time(places, monkeypatch, capsys):
    monkeypatch.setattr(ray_engine, "SECONDS", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cases = {
            f"127.0.0.1:{free_port()}": "nothing answers there",
            f"127.0.0.1:{silent.getsockname()[1]}": "is not Ray",
            "127.0.0.1": "HOST:PORT, got '127.0.0.1'",
            "ray://127.0.0.1:10001": "HOST:PORT",
        }
        for address, message in cases.items():
            started = time.monotonic()
            words = ("smoke", "--engine", "ray", "--address", address)
            code, _, errors = command(monkeypatch, capsys, *words)
            assert code == 2 and time.monotonic() - started < 5
            (line,) = errors.strip().splitlines()
            assert message in line
    assert [path.name for path in places.iterdir()] == ["three.toml"]
