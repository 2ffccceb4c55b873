"""The way of measuring, not the measurements: turns, ratios, peers that are the same model."""

import importlib
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from lstm_report import config, paths
from lstm_report.models.layers import LSTM, ResLSTM
from lstm_report.studies import study

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
NAMES = ("timing", "material", "peers", "pipeline", "scaling", "memory_use", "bench", "workers")
NAMES += ("curves",)


@pytest.fixture
def modules(monkeypatch):
    """The modules of the benchmarks, by name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return {name: importlib.import_module(name) for name in NAMES}


def test_the_ways_take_turns_and_the_first_round_does_not_count(modules):
    calls = []
    ways = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = modules["timing"].side_by_side(ways, 3)
    assert calls == ["a", "b"] * 4
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_taken_round_by_round(modules):
    timing = modules["timing"]
    slow_rounds = np.array([1.0, 50.0, 1.0, 7.0, 2.0])
    found = timing.ratio(list(3 * slow_rounds), list(slow_rounds))
    assert (found.median, found.low, found.high) == pytest.approx((3, 3, 3))
    found = timing.ratio([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5)
    assert found.low < found.median == 3 < found.high


def test_an_exponent_is_that_of_the_power_law_and_its_interval_that_of_the_rounds(modules):
    points = [1.0, 2.0, 5.0, 9.0]
    exact = [[4 * point**1.5] * 6 for point in points]
    assert modules["timing"].exponent(points, exact) == pytest.approx((1.5, 1.5, 1.5))
    noise = np.exp(np.random.default_rng(0).normal(0, 0.1, (4, 6)))
    found = modules["timing"].exponent(points, (np.array(exact) * noise).tolist())
    assert found.low < 1.5 < found.high
    assert found.low < found.median < found.high


def test_a_goal_is_met_or_not_or_not_measured(modules):
    timing = modules["timing"]
    figure = timing.Figure(2.0, 1.9, 2.1)
    cases = {
        ("at least", 2): True,
        ("under", 2): False,
        ("at most", 2): True,
        ("at least", 3): False,
    }
    for goal, met in cases.items():
        assert timing.Row("what", figure, {}, *goal).met is met
    assert timing.Row("what", figure, {}).met is None
    assert timing.Row("what", None, {}, "at least", 2, note="why").met is None


@pytest.mark.parametrize("kind", [LSTM, ResLSTM])
def test_the_loops_that_are_measured_are_the_layers(modules, kind):
    loop = modules["peers"].Loop(5, 4, kind is ResLSTM).double()
    layer = kind(5, 4, batch_first=True).double()
    for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(layer, f"{part}_l0").data.copy_(getattr(loop.cell, part).data)
    if kind is ResLSTM:
        layer.weight_res_l0.data.copy_(loop.shortcut.weight.data)
    x = torch.randn(3, 7, 5, dtype=torch.float64)
    torch.testing.assert_close(loop(x)[0], layer(x)[0])


def test_the_peers_are_the_same_classifier_and_learn(modules):
    """Packed or padded, the last real token is read; an epoch changes the weights."""
    peers, settings = modules["peers"], config.profile("smoke")
    sizes = settings.model.embedding_size, settings.model.hidden_size
    packed = peers.Classifier(50, settings.model, nn.LSTM(*sizes, batch_first=True)).eval()
    loop = peers.Classifier(50, settings.model, peers.Loop(*sizes, residual=False)).eval()
    state = packed.state_dict()
    renamed = {
        name.replace("recurrent.", "recurrent.cell.").replace("_l0", ""): value
        for name, value in state.items()
    }
    loop.load_state_dict(renamed)
    tokens, lengths = torch.randint(1, 50, (6, 9)), torch.tensor([9, 3, 1, 5, 9, 2])
    tokens[torch.arange(9) >= lengths[:, None]] = 0
    torch.testing.assert_close(packed(tokens, lengths), loop(tokens, lengths))
    arrays = tokens.numpy(), lengths.numpy(), np.array([0, 1, 0, 1, 0, 1], np.float32)
    before = packed.output.weight.detach().clone()
    values = {"learning_rate": 0.1, "clip": 1.0, "batch": 4, "precision": "float32"}
    peers.Torch(packed, values, arrays, arrays)()
    assert not torch.equal(packed.output.weight, before)


class Peer:
    """A peer in no process of its own, which does nothing."""

    closed: ClassVar[list] = []

    def __init__(self, worker, values, train, test):
        self.values = values

    def __call__(self):
        assert not self.closed

    def close(self):
        self.closed.append(self.values)


def test_a_missing_peer_has_its_line_in_the_table(modules, monkeypatch):
    peers, pipeline, timing = (modules[name] for name in ("peers", "pipeline", "timing"))
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(peers, "Process", Peer)
    assert peers.missing() == "keras: not installed, pip install -e '.[bench]'"
    monkeypatch.setattr(pipeline, "TRAIN", 128)
    monkeypatch.setattr(pipeline, "TEST", 64)
    monkeypatch.setattr(pipeline, "SIDE", 64)
    small = config.profile("smoke", data="built-in")
    monkeypatch.setattr(pipeline.config, "profile", lambda *_, **__: small)
    monkeypatch.setattr(pipeline, "products", lambda: dict.fromkeys(
        ("product float32", "product bfloat16"), lambda: None
    ))  # fmt: skip
    auto = pipeline.choose_precision("auto", pipeline.choose_device("cpu"))
    rows = list(pipeline.pipeline(1))
    assert [entry["tuned"] for entry in Peer.closed] == [False] * 3 + [True] * 2
    assert {row.what for row in rows if row.word is None} == {
        *(f"epoch, {name} {auto}, thousand real tokens a second" for name in ("LSTM", "ResLSTM")),
        *(f"epoch, {name} with this project's process settings / LSTM {auto}"
          for name in ("source-style loop", "packed nn.LSTM")),
    }  # fmt: skip
    absent = [row for row in rows if row.figure is None]
    assert [row.note for row in absent] == [peers.missing()] * 2
    assert all("Keras" in row.what and row.bound == 2 for row in absent)
    assert all(isinstance(row, timing.Row) and row.figure.median > 0 for row in rows if row.figure)


@pytest.mark.parametrize("name", ["keras", "torch"])
def test_peers_train_in_a_process_of_their_own(modules, name):
    if name == "keras":
        pytest.importorskip("jax", reason="of the extra bench")
    tokens, lengths, labels = np.ones((8, 5), np.int64), np.full(8, 5), np.zeros(8, np.float32)
    values = {"vocabulary": 9, "embedding": 3, "hidden": 4, "dropout": 0.1, "learning_rate": 0.1,
              "clip": 1.0, "batch": 4, "threads": 1, "precision": "float32", "tuned": True,
              "recurrent": "packed"}  # fmt: skip
    part = tokens, lengths, labels
    process = modules["peers"].Process(name, values, part, part)
    process()
    process()
    process.close()
    assert process.process.returncode == 0


def test_a_peer_that_ends_is_told(modules, capfd):
    part = np.ones((8, 5), np.int64), np.full(8, 5), np.zeros(8, np.float32)
    process = modules["peers"].Process("torch", {"threads": 1}, part, part)
    with pytest.raises(RuntimeError, match="the process of torch ended"):
        process()
    process.process.wait()
    assert "KeyError: 'tuned'" in capfd.readouterr().err
    process.folder.cleanup()


class Engine:
    """An engine whose runs are finished at once, or fail."""

    made: ClassVar[list] = []

    def __init__(self, workers, error=None):
        self.workers, self.error, self.threads = workers, error, None

    def compute(self, jobs):
        self.made.append((self.workers, self.threads, paths.CACHE, jobs[0].directory))
        yield from ((job, self.error, 1.0) for job in jobs)


@pytest.fixture
def instant(modules, monkeypatch):
    """The module of the section workers, with runs that train 100 and 300 tokens a second."""
    workers, rates = modules["workers"], {"lstm": 100.0, "reslstm": 300.0}
    monkeypatch.setattr(Engine, "made", [])
    monkeypatch.setattr(workers.engines, "LocalEngine", Engine)
    monkeypatch.setattr(workers.config, "run_id", lambda entry, checksum: entry.model.kind)
    monkeypatch.setattr(
        workers.runs,
        "read_run",
        lambda folder: SimpleNamespace(summary={"tokens_per_second": rates[folder.name]}),
    )
    return workers


def test_two_workers_of_one_thread_are_compared_with_one_of_two(instant, monkeypatch):
    monkeypatch.setattr(instant.provenance, "cores", lambda: 2)
    cache = paths.CACHE
    tokens, seconds = instant.workers(5)
    assert {entry[:2] for entry in Engine.made} == {(1, 2), (2, 1)} and len(Engine.made) == 12
    assert len({entry[2] for entry in Engine.made}) == 1 and Engine.made[0][2] != cache
    assert len({entry[3] for entry in Engine.made}) == 12 and cache == paths.CACHE
    # Equal work at 100 and 300 a second, one after the other, is done at 150 a second.
    assert tokens.figure.median == 2 and tokens.word is None
    assert tokens.seconds["one worker of two threads"] == [pytest.approx(150)] * 5
    assert tokens.seconds["two workers of one thread"] == [pytest.approx(300)] * 5
    assert seconds.figure.median > 0 and len(seconds.seconds["one worker of two threads"]) == 5


def test_too_few_cores_are_told_and_a_run_that_fails_ends_the_section(instant, monkeypatch):
    monkeypatch.setattr(instant.provenance, "cores", lambda: 1)
    rows = list(instant.workers(5))
    assert [(row.figure, row.note) for row in rows] == [
        (None, "needs 2 cores, this process may use 1")
    ] * 2
    assert not Engine.made
    monkeypatch.setattr(
        instant.engines, "LocalEngine", lambda workers: Engine(workers, "It broke.")
    )
    with pytest.raises(RuntimeError, match=r"It broke\."):
        instant.train([config.profile("smoke")], SimpleNamespace(checksum=""), 1, [])


def test_curves_of_two_kernels_are_compared_with_those_of_two_seeds(modules):
    first = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    shift = np.array([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]])
    figure, of_kernels, of_seeds = modules["curves"].compared(first, first - shift)
    assert figure.median == pytest.approx(1) and figure.low < 0 < 2 < figure.high
    assert of_kernels == pytest.approx(1)
    assert of_seeds == pytest.approx(np.mean([2, 4, 2, 3, 3, 0]))


@pytest.mark.parametrize("there", [True, False])
def test_runs_are_trained_through_both_kernels(modules, monkeypatch, tmp_path, there):
    curves = modules["curves"]
    if there and not curves.kernel.available(torch.float32):
        pytest.skip("there is no compiled kernel here")
    if not there:
        monkeypatch.setenv(curves.kernel.SWITCH, "off")
    small = study.change(
        config.profile("smoke"),
        {"model.embedding_size": 32, "model.hidden_size": 32, "training.epochs": 1,
         "data.train_limit": 64},
    )  # fmt: skip
    monkeypatch.setattr(curves.config, "profile", lambda name: small)
    monkeypatch.setattr(curves.sources, "resolve", lambda: modules["material"].reviews(100, 20))
    monkeypatch.setattr(curves, "SEEDS", 2)
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    rows = list(curves.curves(5))
    assert len(rows) == 4
    if not there:
        assert {row.note for row in rows} == {"there is no compiled kernel here"}
        return
    for row in rows:
        assert row.figure.low <= row.figure.median <= row.figure.high
        assert np.shape(row.details["curves"]["PyTorch"]) == (2, 1)
    loss = rows[1].details["curves"]
    np.testing.assert_allclose(loss["compiled"], loss["PyTorch"], atol=0.02)
    assert loss["compiled"] != loss["PyTorch"]


def test_reviews_are_as_long_as_those_of_imdb_and_differ(modules):
    source = modules["material"].reviews(3_000, 100)
    lengths = np.array([len(text.split()) for text in source.train.texts])
    assert 185 < np.median(lengths) < 215
    assert 0.32 < np.mean(lengths >= 256) < 0.4  # of IMDB 36%
    assert lengths.max() > 1_000
    assert len(set(source.train.texts)) == 3_000
    assert source.checksum == modules["material"].reviews(3_000, 100).checksum


def test_the_vocabulary_is_filled_up_and_means_the_same(modules):
    material, settings = modules["material"], config.DataConfig(vocabulary_size=3_000)
    source = material.reviews(200, 50)
    filled = material.prepared(source, settings)
    assert filled.vocabulary_size == 3_000
    ids = filled.tokenizer.encode(source.test.texts[0]).ids[-256:]
    assert ids == filled.test.row(0).tolist() and max(ids) < 1_000


def test_the_arithmetic_of_training_is_that_of_the_weights(modules):
    count = modules["pipeline"].arithmetic
    for kind, layer in (
        ("lstm", nn.LSTM(5, 4, bias=False)),
        ("reslstm", ResLSTM(5, 4, bias=False)),
    ):
        weights = sum(parameter.numel() for parameter in layer.parameters())
        assert count(kind, 5, 4) == 6 * weights
    assert count("reslstm", 4, 4) == count("lstm", 4, 4)
    operations = modules["scaling"].operations
    assert operations("lstm", 2, 3, 8, 2) == 6 * (count("lstm", 128, 8) + count("lstm", 8, 8))


def test_unknown_sections_and_too_few_repeats_are_refused(modules, monkeypatch):
    cases = (
        (["--only", "speed"], "predict, curves, got speed"),
        (["--repeats", "2"], "at least 5"),
    )
    assert "curves" not in modules["bench"].SECTIONS
    for arguments, message in cases:
        monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
        with pytest.raises(SystemExit, match=message):
            modules["bench"].main()


def test_the_record_and_its_figures_are_written(modules, monkeypatch, tmp_path):
    bench, timing, scaling = (modules[name] for name in ("bench", "timing", "scaling"))
    figure = timing.Figure(2.0, 1.5, 2.5)
    rows = [
        timing.Row("a / b [x]", figure, {"a": [1.0]}, "at least", 1.5),
        timing.Row("c / b", None, {}, "at least", 1.5, note="c: not installed, '.[bench]'"),
    ]
    monkeypatch.setattr(scaling, "BASE", {"batch": 2, "steps": 3, "hidden": 8, "layers": 1})
    monkeypatch.setattr(scaling, "AXES", {"steps": ("steps", [2, 4])})
    smallest = []

    def made(repeats):
        smallest.append(float(torch.tensor(3e-308, dtype=torch.float64) / 10))
        yield from rows

    sections = {"made": made, "scaling": scaling.scaling}
    monkeypatch.setattr(bench, "SECTIONS", sections)
    monkeypatch.setattr(bench, "TARGET", tmp_path / "bench.json")
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--repeats", "5"])
    said = io.StringIO()
    monkeypatch.setattr(bench, "Console", lambda: Console(file=said, width=200))
    bench.main()
    assert smallest == [0] or not torch.set_flush_denormal(False)
    assert float(torch.tensor(3e-308, dtype=torch.float64) / 10) > 0
    assert "a / b [x]: 2.00" in said.getvalue() and "1 of 2 goals are met" in said.getvalue()
    assert "c / b: not measured (c: not installed, '.[bench]')" in said.getvalue()
    record = json.loads((tmp_path / "bench.json").read_text())
    assert [row["met"] for row in record["rows"]] == [True, None, None, None]
    assert record["rows"][0]["figure"] == {"median": 2.0, "low": 1.5, "high": 2.5}
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {"bench.json", "bench-scaling.svg", "bench-scaling.png"}
