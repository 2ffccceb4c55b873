"""What every figure must have, and that it draws the numbers it was given."""

from collections.abc import Callable

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from lstm_report import config
from lstm_report.figures import style, theory, training

METRICS = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "train_loss": [0.7, 0.5, 0.3],
        "train_accuracy": [0.5, 0.7, 0.9],
        "validation_loss": [0.69, 0.55, 0.5],
        "validation_accuracy": [0.52, 0.71, 0.78],
    }
)
RESULTS = pd.DataFrame(
    {"model": ["lstm", "reslstm"], "accuracy": [0.86, 0.85], "low": [0.84, 0.83],
     "high": [0.88, 0.87]}
)  # fmt: skip
LENGTHS = pd.DataFrame(
    {"low": [1, 100], "high": [100, np.inf], "accuracy": [0.9, 0.8], "ci_low": [0.85, 0.75],
     "ci_high": [0.95, 0.85], "count": [40, 60]}
)  # fmt: skip
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
    "confusion matrix": lambda: training.confusion_matrix([0, 1, 1], [0, 1, 0]),
    "gate activations": lambda: training.gate_activations(TRACE, ["so", "good"]),
    "results": lambda: training.results_against_source(RESULTS, {"lstm": 0.8145}),
    "accuracy by length": lambda: training.accuracy_by_length({"lstm": LENGTHS}),
    "calibration": lambda: training.calibration({"lstm": BINS}),
    "disagreement": lambda: training.disagreement([1, 0], [1, 1], ("lstm", "reslstm")),
    "gate functions": theory.gate_functions,
    "gradients": lambda: theory.gradient_against_distance({"one": GRADIENTS}),
    "loss": theory.loss_penalty,
    "hidden state": lambda: theory.largest_hidden_state(STATES),
    "forget gate": lambda: theory.forget_gate(0.5, 0.9),
    "input gate": lambda: theory.input_gate(0.5),
    "output gate": lambda: theory.output_gate(0.5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_axes_are_labelled_and_nothing_outside_the_figure_changes(name: str) -> None:
    before = dict(matplotlib.rcParams)
    figure = DRAWN[name]()
    for axis in figure.axes:
        if axis.get_label() == "<colorbar>":
            assert axis.get_ylabel()
            continue
        assert axis.get_xlabel(), "the horizontal axis has no label"
        assert axis.get_ylabel(), "the vertical axis has no label"
    assert figure.get_figwidth() <= style.WIDTH
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_learning_curves_draw_the_metrics_of_each_model() -> None:
    loss, accuracy = training.learning_curves({"lstm": METRICS}).axes
    lines = {line.get_label(): line.get_ydata() for line in loss.lines}
    np.testing.assert_array_equal(lines["LSTM, train"], METRICS["train_loss"])
    np.testing.assert_array_equal(lines["LSTM, validation"], METRICS["validation_loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), METRICS["validation_accuracy"])


def test_confusion_matrix_counts_in_rows_of_the_actual_label() -> None:
    axis = training.confusion_matrix([0, 0, 0, 1, 1], [0, 0, 1, 0, 0]).axes[0]
    shown = [text.get_text() for text in axis.texts]
    assert shown == ["2\n66.7%", "1\n33.3%", "2\n100.0%", "0\n0.0%"]


def test_disagreement_counts_each_outcome_once() -> None:
    axis = training.disagreement(
        [1] * 4 + [1] * 3 + [0] * 2 + [0], [1] * 4 + [0] * 3 + [1] * 2 + [0], ("lstm", "reslstm")
    ).axes[0]
    assert [bar.get_width() for bar in axis.patches] == [4, 3, 2, 1]


def test_gate_activations_show_words_as_they_are() -> None:
    axis = training.gate_activations(TRACE, ["$5", "$x$"]).axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["$5", "$x$"]
    assert not any(tick.get_parse_math() for tick in axis.get_xticklabels())
    np.testing.assert_allclose(
        axis.collections[0].get_array().reshape(4, 2), TRACE[list("ifgo")].to_numpy().T
    )


def test_every_model_and_gate_has_a_colour_of_its_own() -> None:
    assert set(style.MODEL_COLOURS) == set(style.MODEL_NAMES) == set(config.KINDS)
    assert len(set(style.MODEL_COLOURS.values())) == len(style.MODEL_COLOURS)
    assert len(set(style.GATE_COLOURS.values())) == 4
