"""Writing: all or nothing, and one sentence when the disk is full or the place is refused."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import SafetensorError
from tokenizers import Tokenizer, models

from lstm_report import paths
from lstm_report.analysis import measurements
from lstm_report.analysis.measurements import Measurement
from lstm_report.config import RunConfig
from lstm_report.errors import UserError
from lstm_report.paths import atomic_write, only_writer
from lstm_report.studies import records
from lstm_report.studies.study import Planned

FULL = Path("/dev/full")
"""A device of Linux that refuses every write as a full disk does."""
FRAME = pd.DataFrame({"number": np.arange(100_000)})


def raise_of_safetensors():
    """Raise what the library was seen to raise; it replaces the device instead of writing to it."""
    raise SafetensorError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: path.write_text("text"), id="text"),
        pytest.param(lambda path: FRAME.to_csv(path), id="csv"),
        pytest.param(lambda path: FRAME.to_parquet(path), id="parquet"),
        pytest.param(lambda path: np.save(path, np.zeros(100_000)), id="numpy"),
        pytest.param(lambda path: raise_of_safetensors(), id="safetensors"),
        pytest.param(lambda path: Tokenizer(models.WordLevel()).save(str(path)), id="tokenizers"),
    ],
)
def test_a_full_disk_is_told_and_nothing_is_left(write, tmp_path):
    target = tmp_path / "made.npy"
    target.write_text("before")
    with pytest.raises(UserError, match="disk is full"), atomic_write(target) as temporary:
        temporary.symlink_to(FULL)
        write(temporary)
    assert [path.name for path in tmp_path.iterdir()] == ["made.npy"]
    assert target.read_text() == "before"


def test_temporary_files_without_a_place_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="temporary files in .*nowhere.*TMPDIR"), paths.scratch():
        raise AssertionError("nothing could be written here")


def test_a_place_that_refuses_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(UserError, match="refused"),
        atomic_write(tmp_path / "file" / "made") as temporary,
    ):
        temporary.write_text("new")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place that has no room")
def test_a_place_where_no_folder_can_be_made_is_told():
    with pytest.raises(UserError, match="refused"), atomic_write(Path("/proc/folder/made")):
        raise AssertionError("nothing could be written here")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("requested and refused")])
def test_another_error_passes_and_nothing_is_left(error, tmp_path):
    with (
        pytest.raises(type(error) if isinstance(error, Exception) else error),
        atomic_write(tmp_path / "made", directory=True) as temporary,
    ):
        (temporary / "part").write_text("half")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_replaces_the_one_before_as_a_whole(tmp_path):
    for name in ("one", "two"):
        with atomic_write(tmp_path / "made", directory=True) as temporary:
            (temporary / name).write_text(name)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


REPLACE = """
import sys
from pathlib import Path
from lstm_report.paths import atomic_write
for number in range(150):
    with atomic_write(Path(sys.argv[1]), directory=True) as temporary:
        (temporary / "one").write_text(sys.argv[2])
        (temporary / "two").write_text(sys.argv[2])
"""


def test_writers_of_one_folder_at_the_same_time_do_not_harm_each_other(tmp_path):
    target = tmp_path / "made"
    writers = [
        subprocess.Popen([sys.executable, "-c", REPLACE, target, name], stderr=subprocess.PIPE)
        for name in ("first", "second", "third")
    ]
    assert [writer.communicate()[1].decode() for writer in writers] == [""] * 3
    one, two = ((target / name).read_text() for name in ("one", "two"))
    assert one == two
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def add_measurement(writer, number):
    """Add a row to a table of measurements."""
    row = Measurement("lstm", writer, f"run{writer}", "accuracy", str(number), 0.5, 10, "")
    measurements.add("shared", [row])


def add_failure(writer, number):
    """Add a row to a table of failures."""
    planned = Planned("lstm", writer, RunConfig())
    records.add_failure("shared", planned, f"run{writer}-{number}", "no memory", "today")


@pytest.mark.parametrize(
    "add, table", [(add_measurement, "measurements.csv"), (add_failure, "failures.csv")]
)
def test_writers_at_the_same_time_lose_no_row_of_each_other(add, table, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    writers, rows = 4, 10
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(lambda number: add(number % writers, number), range(writers * rows)))
    found = pd.read_csv(tmp_path / "shared" / table)
    assert len(found) == writers * rows
    assert {path.name for path in (tmp_path / "shared").iterdir()} == {table, ".lock"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that kills")
def test_a_killed_writer_hinders_nobody(tmp_path):
    code = (
        "import os, signal, sys; from lstm_report.paths import only_writer\n"
        "with only_writer(sys.argv[1]): print(os.listdir(sys.argv[1]), flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert ".lock" in killed.stdout
    with only_writer(tmp_path):
        (tmp_path / "table").write_text("written")
    assert (tmp_path / "table").read_text() == "written"


def test_a_place_where_no_lock_can_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="refused"), only_writer(tmp_path / "file"):
        raise AssertionError("nothing could be written here")


HOLD = """
import sys, time
from pathlib import Path
from lstm_report import paths
with paths.alone(Path(sys.argv[1]), "counting", wait=False):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(lock, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_is_at_work_or_waits(tmp_path):
    lock = tmp_path / "there" / ".lock"
    process = hold(lock, 60)
    with (
        pytest.raises(UserError, match=f"alone in counting, but process {process.pid} is at it"),
        paths.alone(lock, "counting", wait=False),
    ):
        pass
    process.kill()  # what a killed process held is free
    process.wait()
    with paths.alone(lock, "counting", wait=False):
        pass
    process = hold(lock, 1)
    with paths.alone(lock, "counting", wait=True):
        assert process.wait(5) == 0
    assert not lock.with_suffix(".owner").exists()


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    target = tmp_path / "a.b"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".a.b.{dead.pid}-xyz"
    alive, other = tmp_path / f".a.b.{os.getpid()}-xyz", tmp_path / f".c.{dead.pid}-xyz"
    for folder in (left, alive, other):
        folder.mkdir()
    with paths.atomic_write(target) as temporary:
        temporary.write_text("whole")
    assert not left.exists() and alive.exists() and other.exists()


def test_what_a_killed_process_left_where_the_system_has_such_files_is_removed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os, signal; from lstm_report import paths\n"
        "with paths.scratch() as folder: print(folder, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    left = Path(killed.stdout.strip())
    assert left.parent == tmp_path and left.is_dir()
    other = tmp_path / f"{paths.SCRATCH}notes-of-mine"
    other.mkdir()
    with paths.scratch() as first, paths.scratch() as second:
        assert {*tmp_path.iterdir()} == {first, second, other}
    assert {*tmp_path.iterdir()} == {other}


@pytest.fixture
def installed(tmp_path):
    """A command of the package as it stands beside other installed ones, and a folder to be in."""
    site, work = tmp_path / "site", tmp_path / "work"
    shutil.copytree(paths.REPOSITORY / "lstm_report", site / "lstm_report")
    work.mkdir()

    def command(*words, **variables):
        environment = {name: value for name, value in os.environ.items() if name != paths.HOME}
        return subprocess.run(
            [sys.executable, "-m", "lstm_report", *words], cwd=work, text=True,
            capture_output=True, env=environment | {"PYTHONPATH": str(site)} | variables,
        )  # fmt: skip

    return command, site, work


def test_an_installed_package_keeps_its_runs_where_the_user_stands_or_says(installed, tmp_path):
    command, site, work = installed
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    words = ("train", "--profile", "smoke", "--data", "built-in", "--epochs", "0")
    for options, variables, home in (
        ((), {}, work),
        (("--home", str(tmp_path / "option")), {}, tmp_path / "option"),
        ((), {paths.HOME: str(tmp_path / "variable")}, tmp_path / "variable"),
    ):
        answer = command(*options, *words, **variables)
        assert answer.returncode == 0, answer.stderr
        assert len(list((home / "runs").glob("lstm-*"))) == 1
        assert (home / ".cache").is_dir()
    assert {path for path in site.rglob("*") if "__pycache__" not in path.parts} == before


def test_what_needs_a_clone_says_so_elsewhere(installed):
    command, _, _ = installed
    for words, expected in (("claims", "the records of"), ("build", "the notebooks")):
        answer = command(words)
        assert answer.returncode == 2 and answer.stderr.count("\n") == 1
        assert f"Expected {expected}" in answer.stderr and "clone" in answer.stderr
