"""The way of measuring, not the measurements: turns, ratios, peers that are the same model."""

import importlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from lstm_report import config, paths
from lstm_report.layers import LSTM, ResLSTM

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
NAMES = ("timing", "material", "peers", "pipeline", "scaling", "memory_use", "bench")


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
    peers.Torch(packed, settings.training, arrays, arrays)()
    assert not torch.equal(packed.output.weight, before)


def test_a_missing_peer_has_its_line_in_the_table(modules, monkeypatch):
    peers, pipeline, timing = (modules[name] for name in ("peers", "pipeline", "timing"))
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    assert peers.missing() == "keras: not installed, pip install -e '.[bench]'"
    monkeypatch.setattr(pipeline, "TRAIN", 128)
    monkeypatch.setattr(pipeline, "TEST", 64)
    monkeypatch.setattr(pipeline, "SIDE", 64)
    small = config.profile("smoke", data="built-in")
    monkeypatch.setattr(pipeline.config, "profile", lambda *_, **__: small)
    monkeypatch.setattr(pipeline, "products", lambda: dict.fromkeys(
        ("product float32", "product bfloat16"), lambda: None
    ))  # fmt: skip
    rows = list(pipeline.pipeline(1))
    absent = [row for row in rows if row.figure is None]
    assert [row.note for row in absent] == [peers.missing()] * 2
    assert all("Keras" in row.what and row.goal == "at least 2" for row in absent)
    assert all(isinstance(row, timing.Row) and row.figure.median > 0 for row in rows if row.figure)


def test_keras_trains_in_a_process_of_its_own(modules):
    pytest.importorskip("jax", reason="of the extra bench")
    peers = modules["peers"]
    tokens, labels = np.ones((8, 5), np.int64), np.zeros(8, np.float32)
    values = {"vocabulary": 9, "embedding": 3, "hidden": 4, "dropout": 0.1, "learning_rate": 0.1,
              "clip": 1.0, "batch": 4, "threads": 1}  # fmt: skip
    keras = peers.Keras(values, (tokens, labels, labels), (tokens, labels, labels))
    keras()
    keras()
    keras.close()
    assert keras.process.returncode == 0


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
    for arguments, message in ((["--only", "speed"], "speed"), (["--repeats", "2"], "at least 5")):
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
    sections = {"made": lambda repeats: iter(rows), "scaling": scaling.scaling}
    monkeypatch.setattr(bench, "SECTIONS", sections)
    monkeypatch.setattr(bench, "TARGET", tmp_path / "bench.json")
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--repeats", "5"])
    said = io.StringIO()
    monkeypatch.setattr(bench, "Console", lambda: Console(file=said, width=200))
    bench.main()
    assert "a / b [x]: 2.00" in said.getvalue() and "1 of 2 goals are met" in said.getvalue()
    assert "c / b: not measured (c: not installed, '.[bench]')" in said.getvalue()
    record = json.loads((tmp_path / "bench.json").read_text())
    assert [row["met"] for row in record["rows"]] == [True, None, None, None]
    assert record["rows"][0]["figure"] == {"median": 2.0, "low": 1.5, "high": 2.5}
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {"bench.json"} | {
        f"bench-{name}.{kind}" for name in ("goals", "scaling") for kind in ("svg", "png")
    }
