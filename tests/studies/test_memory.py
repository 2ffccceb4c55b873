"""The study of memory: what it measures, that it goes on where it was, and its command."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from small_studies import command

from lstm_report import paths
from lstm_report.analysis import measurements
from lstm_report.analysis import memory as memory_network
from lstm_report.analysis.memory import MemoryNetwork
from lstm_report.data import memory_tasks
from lstm_report.data.memory_tasks import MemorySetting
from lstm_report.errors import UserError
from lstm_report.studies import catalogue, runner
from lstm_report.studies.memory import Networks
from lstm_report.studies.study import MemoryStudy
from lstm_report.studies.workers import LocalEngine

SMALL = {"hidden_size": 8, "batch_size": 4}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A study of two lengths and few steps, with folders of its own."""
    for name in ("RUNS", "RESULTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    short = {"although-but": (3,), "adding": (4, 6), "copy": (2,)}
    networks = tuple(
        (cell, {"task": task, "length": length, "steps": 2, "kind": cell} | SMALL)
        for task, lengths in short.items()
        for length in lengths
        for cell in ("rnn", "lstm", "reslstm")
    )
    study = MemoryStudy("memory", 5, networks)
    monkeypatch.setitem(catalogue.MEMORY_STUDIES, "memory", study)
    return study


def plan(study, *cells, **changes):
    """The runs of the first seed of some cells, with other settings where they are given."""
    networks = tuple((cell, settings | changes) for cell, settings in study.networks)
    return Networks(dataclasses.replace(study, networks=networks, seeds=1).only(cells))


class Here(LocalEngine):
    """An engine that computes in this process."""

    def __init__(self):
        super().__init__(1)
        self.done = []

    def compute(self, jobs):
        for job in jobs:
            self.done.append(job.setting.run_id())
            yield job, job.attempt(), 0.1


# What is trained


def test_the_plan_is_every_network_and_seed_with_an_id_each():
    for study in catalogue.MEMORY_STUDIES.values():
        runs = study.runs()
        assert len(runs) == study.seeds * len(study.networks) == len(Networks(study).planned())
        assert [run.seed for run in runs] == sorted(run.seed for run in runs)
        assert all(run.seed == run.config.seed for run in runs)
    first = catalogue.MEMORY_STUDIES["memory"]
    lengths = {run.config.length for run in first.runs() if run.config.task == "although-but"}
    assert lengths == {5, 20, 50, 100, 200, 400} and len(first.runs()) == 5 * 5 * 16
    only = first.only(["rnn"]).runs()
    assert {run.cell for run in only} == {"rnn"} and only[0].config.kind == "rnn"
    (one,) = {run.label for run in first.only(["lstm, copy 5"]).runs()}
    assert one == "lstm, copy 5"
    with pytest.raises(UserError, match="Unknown cell 'gru': expected one of rnn, lstm"):
        first.only(["gru"])
    with pytest.raises(UserError, match="at least one seed, got 0"):
        dataclasses.replace(first, seeds=0)


def test_gates_that_remember_do_so_over_one_to_all_steps():
    setting = MemorySetting("adding", 100, "lstm", 0, 1, hidden_size=256)
    networks = []
    for start in memory_tasks.STARTS:
        torch.manual_seed(0)
        networks.append(MemoryNetwork(dataclasses.replace(setting, start=start)))
    plain, chrono = ({name: value.detach() for name, value in network.recurrent.named_parameters()}
                     for network in networks)  # fmt: skip
    assert torch.equal(plain["weight_hh_l0"], chrono["weight_hh_l0"])
    change = (chrono["bias_ih_l0"] - plain["bias_ih_l0"]).reshape(4, 256)
    torch.testing.assert_close(change[0], -change[1])
    assert not change[2:].any()
    times = change[1].exp()
    assert 1 <= float(times.min()) < 5 and 90 < float(times.max()) <= 99
    with pytest.raises(UserError, match="Unknown start 'slow'"):
        MemoryNetwork(dataclasses.replace(setting, start="slow"))
    with pytest.raises(UserError, match="Unknown kind of layer 'gru'"):
        MemoryNetwork(dataclasses.replace(setting, kind="gru"))


@pytest.mark.parametrize("task", memory_tasks.TASKS)
def test_the_loss_is_that_of_who_knows_nothing_and_of_who_knows_all(task):
    task = memory_tasks.find(task)
    _, targets = memory_network.tensors(task.draw(np.random.default_rng(0), 2000, 10))
    blind = torch.zeros(task.steps, 2000, task.outputs)
    if task.symbols is None:
        blind += 1
    loss = memory_network.loss_of(task, blind, targets)
    assert loss.shape == (task.steps, 2000)
    expected = {"adding": 1 / 6, "copy": math.log(8), "although-but": math.log(2)}[task.name]
    assert float(loss.mean()) == pytest.approx(expected, rel=0.06)
    if task.outputs > 1:
        right = 50 * torch.nn.functional.one_hot(targets, task.outputs).float()
    elif task.symbols is None:
        right = targets.reshape(1, -1, 1)
    else:
        right = (100 * targets - 50).reshape(1, -1, 1)
    assert float(memory_network.loss_of(task, right, targets).max()) < 1e-6


def test_a_network_learns_a_short_task():
    setting = MemorySetting("adding", 4, "lstm", 0, 150, hidden_size=32, learning_rate=1e-2)
    found = memory_network.measure(setting)
    assert found["adding problem, mean squared error", "4"][0] < 0.03
    assert found[memory_network.CELL_GRADIENT, "adding/4/2"][0] > 0
    assert float(torch.tensor(1e-39) * 0.5) > 0, "the smallest numbers count again afterwards"


def test_what_is_traced_is_the_gradient_of_the_last_steps_loss():
    setting = MemorySetting("copy", 3, "lstm", 0, 1, hidden_size=8)
    torch.manual_seed(0)
    network = MemoryNetwork(setting)
    found = memory_network.trace(network, setting)
    inputs, targets = memory_network.tensors(
        network.task.draw(np.random.default_rng([0, 2]), memory_network.TRACED, 3)
    )
    # The derivative by c_T, by hand: h_T = o ⊙ tanh(c_T) goes into the output layer alone.
    _, (h, c) = network.recurrent(network.input(inputs))
    h, c = h[0].detach().requires_grad_(), c[0].detach()
    torch.nn.functional.cross_entropy(network.output(h), targets[-1], reduction="sum").backward()
    by_cell = h.grad * (h.detach() / c.tanh()) * (1 - c.tanh() ** 2)
    value, count = found[memory_network.CELL_GRADIENT, "copy/3/0"]
    assert value == pytest.approx(float(by_cell.norm(dim=1).mean()), rel=1e-4)
    assert count == memory_network.TRACED
    assert (memory_network.CELL_GRADIENT, "copy/3/20") in found
    assert next(network.parameters()).dtype == torch.float32


# Records and resumption


def test_runs_are_recorded_one_by_one_and_never_computed_again(small):
    study, lines = plan(small, "rnn", "lstm"), []
    assert runner.execute(study, Here(), log=lines.append) == {}
    assert len(lines) == 8 and "adding problem, mean squared error" in "".join(lines)
    table = measurements.read("memory")
    lstm = table[table["cell"] == "lstm"]
    assert set(lstm["measure"]) == {
        *("accuracy, although-but", "adding problem, mean squared error", "copy, accuracy"),
        *(memory_network.LEARNT, memory_network.TAKEN),
        *(f"{memory_network.CELL_GRADIENT}{when}" for when in ("", memory_network.BEFORE)),
    }  # fmt: skip
    rnn = table[table["cell"] == "rnn"]
    assert not rnn["measure"].str.contains("gradient").any()
    score = lstm[lstm["measure"] == "adding problem, mean squared error"]
    assert set(score["condition"]) == {"4", "6"}
    places = lstm[lstm["measure"] == memory_network.CELL_GRADIENT]["condition"]
    assert {"adding/6/0", "adding/6/5", "copy/2/10"} <= set(places)
    assert not list(paths.RUNS.rglob("*.json"))

    again = Here()
    runner.execute(study, again)
    assert again.done == []
    run_id, lost = list(study.planned().items())[3]
    table[table["run_id"] != run_id].to_csv(measurements.path_of("memory"), index=False)
    runner.execute(study, again, log=lines.append)
    assert again.done == [run_id] and lines[-1].startswith(lost.name)
    after = measurements.read("memory")
    np.testing.assert_allclose(after["value"], table["value"], rtol=1e-4)
    assert "without memory" in study.summary()


def test_a_run_whose_driver_was_killed_before_it_was_recorded_is_recorded(small):
    study, done = plan(small, "rnn, adding 4"), Here()
    (planned,) = study.planned().values()
    assert study.job(planned, 1).attempt() is None
    assert [entry.state for entry in runner.entries(study)] == ["finished"]
    runner.execute(study, done)
    assert done.done == [] and len(measurements.read("memory")) == 3


def test_other_settings_under_the_same_name_are_refused(small):
    runner.execute(plan(small, "rnn, adding 4"), Here(), log=str)
    with pytest.raises(UserError, match="'rnn, adding 4' with seed 0 as .* or move the folder"):
        runner.entries(plan(small, "rnn, adding 4", steps=3))


def test_a_run_that_fails_is_told_and_the_others_go_on(small):
    bad, good = plan(small, "rnn, adding 4", learning_rate=1e38, steps=20), plan(small, "rnn")
    lines = []
    failed = runner.execute(bad, Here(), log=lines.append)
    assert list(failed) == list(bad.planned())
    assert "Expected a finite training loss" in lines[0]
    file = paths.RESULTS / "memory" / "failures.csv"
    assert "finite" in file.read_text()
    runner.execute(good, Here(), log=lines.append)
    assert "without memory" in lines[1]
    assert set(measurements.read("memory")["run_id"]) == set(good.planned())


def test_a_worker_computes_what_this_process_does(small):
    study = plan(small, "reslstm, adding 4")
    runner.execute(study, LocalEngine(1), log=str)
    there = measurements.read("memory")
    (planned,) = study.planned().values()
    job = study.job(planned, 1)
    assert job.attempt() is None
    here = measurements.read_found(job.result)
    assert len(here) == len(there)
    for row in there.itertuples():
        assert row.value == pytest.approx(here[row.measure, row.condition][0], rel=1e-3)


# The command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--data built-in", "without --data"),
        ("--profile smoke", "without --profile"),
        ("--epochs 2", "without --epochs"),
        ("--engine ray", "without --engine"),
        ("--workers 0", "between 1 worker and"),
        ("--seeds 0", "at least one seed"),
        ("--only gru", "Unknown cell 'gru'"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(small, monkeypatch, capsys, words, message):
    code, _, errors = command(monkeypatch, capsys, f"study memory {words}")
    assert code == 2 and message in errors
    assert not paths.RESULTS.exists()


def test_a_dry_run_lists_and_estimates_and_runs_nothing(small, monkeypatch, capsys):
    code, output, _ = command(monkeypatch, capsys, "study memory --seeds 2 --only rnn --dry-run")
    assert code == 0
    assert output.count("missing") == 8 and "Estimate: " in output and "8 runs to do" in output
    assert not paths.RESULTS.exists()


def test_the_command_runs_the_study(small, monkeypatch, capsys):
    monkeypatch.setattr("lstm_report.studies.workers.LocalEngine", lambda workers: Here())
    code, output, _ = command(monkeypatch, capsys, "study memory --seeds 1 --only rnn")
    assert code == 0 and "Records: results/memory" in output
    code, output, _ = command(monkeypatch, capsys, "study memory --seeds 1 --only rnn --dry-run")
    assert "Nothing is left to run." in output
