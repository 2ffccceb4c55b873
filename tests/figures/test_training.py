"""What every figure must have, and that it draws the numbers it was given."""

from collections import Counter
from collections.abc import Callable

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from lstm_report import config
from lstm_report.figures import gates, style, theory, training

METRICS = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "train_loss": [0.7, 0.5, 0.3],
        "train_accuracy": [0.5, 0.7, 0.9],
        "validation_loss": [0.69, 0.55, 0.5],
        "validation_accuracy": [0.52, 0.71, 0.78],
    }
)
BINS = pd.DataFrame(
    {"confidence": [0.1, 0.5, 0.9], "accuracy": [0.2, np.nan, 0.8], "low": [0.1, np.nan, 0.7],
     "high": [0.3, np.nan, 0.9], "count": [10, 0, 10]}
)  # fmt: skip
TRACE = pd.DataFrame(
    {"i": [0.1, 0.2], "f": [0.9, 0.8], "g": [0.3, 0.4], "o": [0.5, 0.6]}
)  # fmt: skip
GRADIENTS = pd.DataFrame(
    {"distance": [0, 1, 0, 1], "norm": [1.0, 0.1, 3.0, 0.3], "seed": [0, 0, 1, 1], "kind": "lstm"}
)
STATES = pd.DataFrame({"step": [0, 1], "c": [1.0, 0.5], "kind": "lstm", "largest": [0.1, 0.2]})

DRAWN: dict[str, Callable[[], Figure]] = {
    "learning curves": lambda: training.learning_curves({"lstm": METRICS, "reslstm": METRICS}),
    "gate activations": lambda: training.gate_activations(
        {"lstm": TRACE, "reslstm": TRACE}, ["so", "good"]
    ),
    "word by word": lambda: training.word_by_word(["so", "good"], {"lstm": [0.4, 0.9]}),
    "calibration": lambda: training.calibration({"lstm": BINS}),
    "gate functions": theory.gate_functions,
    "gradients": lambda: theory.gradient_against_distance({"one": GRADIENTS}),
    "loss": theory.loss_penalty,
    "hidden state": lambda: theory.largest_hidden_state(STATES),
    "forget gate": lambda: gates.forget_gate(0.5, 0.9),
    "input gate": lambda: gates.input_gate(0.5),
    "output gate": lambda: gates.output_gate(0.5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_axes_are_labelled_and_nothing_outside_the_figure_changes(name: str) -> None:
    before = dict(matplotlib.rcParams)
    figure = DRAWN[name]()
    for axis in figure.axes:
        if axis.get_label() == "<colorbar>":
            assert axis.get_ylabel()
            continue
        if axis.get_subplotspec().is_last_row():
            assert axis.get_xlabel(), "the horizontal axis has no label"
        names = any(tick.get_text()[:2].isalpha() for tick in axis.get_yticklabels())
        assert axis.get_ylabel() or names, "the vertical axis has neither a label nor names"
    assert figure.get_figwidth() <= style.WIDTH
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_learning_curves_draw_the_metrics_of_each_model() -> None:
    loss, accuracy = training.learning_curves({"lstm": METRICS}).axes
    lines = {line.get_label(): line.get_ydata() for line in loss.lines}
    np.testing.assert_array_equal(lines["LSTM, train"], METRICS["train_loss"])
    np.testing.assert_array_equal(lines["LSTM, validation"], METRICS["validation_loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), METRICS["validation_accuracy"])


def test_gate_activations_show_words_as_they_are() -> None:
    half = TRACE / 2
    drawn = training.gate_activations({"lstm": half, "reslstm": TRACE}, ["$5", "$x$"])
    first, axis, _ = drawn.axes
    np.testing.assert_allclose(
        axis.collections[0].get_array(), 2 * first.collections[0].get_array()
    )
    assert [first.get_title("left"), axis.get_title("left")] == ["LSTM", "residual LSTM"]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["$5", "$x$"]
    assert not any(tick.get_parse_math() for tick in axis.get_xticklabels())
    np.testing.assert_allclose(
        axis.collections[0].get_array().reshape(4, 2), TRACE[list("ifgo")].to_numpy().T
    )


def test_every_model_and_gate_has_a_colour_of_its_own() -> None:
    assert set(style.MODEL_COLOURS) == set(style.MODEL_NAMES) == set(config.KINDS)
    assert len(set(style.MODEL_COLOURS.values())) == len(style.MODEL_COLOURS)
    assert len(set(style.GATE_COLOURS.values())) == 4


def test_coverage_is_the_share_of_running_words_at_each_size_that_is_drawn() -> None:
    train = Counter({f"word{k}": 2_000 - k for k in range(1_500)})
    test = Counter({"word0": 3, "word99": 1, "unheard": 4})
    axis, lengths = training.words_and_lengths(train, test, 100, [1, 1, 2, 3, 40], 2).axes
    assert sum(bar.get_height() for bar in lengths.patches) == 5
    first, second = axis.lines[:2]
    ranks = np.asarray(first.get_xdata())
    assert {1, 100, 1_500} <= {*ranks} and len(ranks) <= training.POINTS + 1
    shares = np.cumsum(sorted(train.values(), reverse=True)) / train.total()
    np.testing.assert_allclose(first.get_ydata(), shares[ranks - 1])
    expected = np.where(ranks < 100, 3 / 8, 4 / 8)
    np.testing.assert_allclose(second.get_ydata(), expected)
