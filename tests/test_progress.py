"""What a build shows of its progress, and what it says about the commit."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import termios

import pandas as pd
import pytest

from lstm_report import progress, provenance


def test_a_kernel_draws_its_bar_in_the_terminal_of_the_build(monkeypatch, capfd):
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    monkeypatch.setenv(progress.TERMINAL, os.ttyname(slave))
    assert list(progress.bar(range(3), desc="epoch 1/2", mininterval=0, miniters=1)) == [0, 1, 2]
    drawn = ""
    while select.select([master], [], [], 0.2)[0]:
        drawn += os.read(master, 10_000).decode()
    assert "epoch 1/2" in drawn
    assert "3/3" in drawn
    assert capfd.readouterr().err == ""
    os.close(slave), os.close(master)


def test_a_terminal_that_is_gone_does_not_stop_the_work(monkeypatch, tmp_path):
    monkeypatch.setenv(progress.TERMINAL, str(tmp_path / "none"))
    assert list(progress.bar(range(3), disable=True)) == [0, 1, 2]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_bar_is_drawn_in_a_terminal_and_not_in_a_file(terminal, monkeypatch):
    drawn = io.StringIO()
    drawn.isatty = lambda: terminal
    monkeypatch.delenv(progress.TERMINAL, raising=False)
    monkeypatch.delitem(sys.modules, progress.KERNEL, raising=False)
    monkeypatch.setattr("sys.stderr", drawn)
    assert list(progress.bar(range(3), desc="epoch 1/2")) == [0, 1, 2]
    assert ("epoch 1/2" in drawn.getvalue()) == terminal


def test_an_epoch_is_told_in_one_line():
    rows = {"epoch": [1, 2], "train_loss": [0.6, 0.4321], "validation_loss": [0.5, 0.4]}
    table = pd.DataFrame({**rows, "validation_accuracy": [0.7, 0.8015], "seconds": [0.5, 0.41]})
    assert progress.epoch_line(table) == (
        "Epoch 2: training loss 0.432, validation loss 0.400, validation accuracy 80.15%, 0.41 s"
    )


def test_without_a_terminal_none_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv(progress.TERMINAL, raising=False)
    with (tmp_path / "log").open("w") as log:
        monkeypatch.setattr("sys.stderr", log)
        progress.name_terminal()
    assert progress.TERMINAL not in os.environ


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository of one source file and one figure, taken for the project's own."""
    for name, text in (("figures/one.svg", "old"), ("code.py", "x = 1")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    return tmp_path


def test_the_commit_is_dirty_by_changed_code_and_not_by_redrawn_figures(clone):
    first = provenance.commit()
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    (clone / "figures" / "one.svg").write_text("new")
    assert provenance.commit() == first
    (clone / "code.py").write_text("x = 2")
    assert provenance.commit() == f"{first}-dirty"


def test_outside_a_clone_no_commit_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    assert provenance.commit() is None
