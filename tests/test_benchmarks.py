"""The way of measuring, not the measurements: turns, ratios, and a loop that is the same model."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_report.layers import ResLSTM

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def both(monkeypatch):
    """The two modules of the benchmarks."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("timing"), importlib.import_module("bench")


def test_the_ways_take_turns_and_the_first_round_does_not_count(both):
    timing, _ = both
    calls = []
    ways = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = timing.side_by_side(ways, 3)
    assert calls == ["a", "b"] * 4
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_taken_round_by_round(both):
    timing, _ = both
    slow_rounds = np.array([1.0, 50.0, 1.0, 7.0, 2.0])
    found = timing.ratio(list(3 * slow_rounds), list(slow_rounds))
    assert (found.median, found.low, found.high) == pytest.approx((3, 3, 3))
    found = timing.ratio([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5)
    assert found.low < found.median == 3 < found.high


def test_the_loop_that_is_measured_is_the_residual_lstm(both):
    _, bench = both
    loop = bench.LoopResLSTM(5, 4).double()
    layer = ResLSTM(5, 4, batch_first=True).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(layer, f"{name}_l0").data.copy_(getattr(loop.cell, name).data)
    layer.weight_res_l0.data.copy_(loop.shortcut.weight.data)
    x = torch.randn(3, 7, 5, dtype=torch.float64)
    torch.testing.assert_close(loop(x)[0], layer(x)[0])


def test_unknown_sections_and_too_few_repeats_are_refused(both, monkeypatch):
    _, bench = both
    for arguments, message in ((["--only", "speed"], "speed"), (["--repeats", "2"], "at least 5")):
        monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
        with pytest.raises(SystemExit, match=message):
            bench.main()
