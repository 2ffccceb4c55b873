"""What every figure must have, and that it draws the numbers it was given."""

import base64
import io
import re
from collections.abc import Callable

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from lstm_report import config, diagrams, figures, sliders, style, theory_figures

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
    "learning curves": lambda: figures.learning_curves({"lstm": METRICS, "reslstm": METRICS}),
    "confusion matrix": lambda: figures.confusion_matrix([0, 1, 1], [0, 1, 0]),
    "gate activations": lambda: figures.gate_activations(TRACE, ["so", "good"]),
    "results": lambda: figures.results_against_source(RESULTS, {"lstm": 0.8145}),
    "accuracy by length": lambda: figures.accuracy_by_length({"lstm": LENGTHS}),
    "calibration": lambda: figures.calibration({"lstm": BINS}),
    "disagreement": lambda: figures.disagreement([1, 0], [1, 1], ("lstm", "reslstm")),
    "gate functions": theory_figures.gate_functions,
    "gradients": lambda: theory_figures.gradient_against_distance({"one": GRADIENTS}),
    "loss": theory_figures.loss_penalty,
    "hidden state": lambda: theory_figures.largest_hidden_state(STATES),
    "forget gate": lambda: sliders.forget_gate(0.5, 0.9),
    "input gate": lambda: sliders.input_gate(0.5),
    "output gate": lambda: sliders.output_gate(0.5),
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


@pytest.mark.parametrize("draw", [diagrams.lstm_cell, diagrams.residual_lstm_cell])
def test_diagrams_are_vector_graphics_that_come_out_the_same(draw: Callable[[], Figure]) -> None:
    first, second = (_svg(draw()) for _ in range(2))
    assert first == second
    assert "<image" not in first


def test_only_the_residual_diagram_shows_the_residual_path() -> None:
    plain, residual = (
        {text.get_text() for text in draw().axes[0].texts}
        for draw in (diagrams.lstm_cell, diagrams.residual_lstm_cell)
    )
    assert residual - plain == {"$F(x_t)$", "residual path", "$m_t$"}
    assert {"forget", "input", "candidate", "output", "$c_t$", "$h_t$"} <= plain


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    with style.apply():
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def test_learning_curves_draw_the_metrics_of_each_model() -> None:
    loss, accuracy = figures.learning_curves({"lstm": METRICS}).axes
    lines = {line.get_label(): line.get_ydata() for line in loss.lines}
    np.testing.assert_array_equal(lines["LSTM, train"], METRICS["train_loss"])
    np.testing.assert_array_equal(lines["LSTM, validation"], METRICS["validation_loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), METRICS["validation_accuracy"])


def test_confusion_matrix_counts_in_rows_of_the_actual_label() -> None:
    axis = figures.confusion_matrix([0, 0, 0, 1, 1], [0, 0, 1, 0, 0]).axes[0]
    shown = [text.get_text() for text in axis.texts]
    assert shown == ["2\n66.7%", "1\n33.3%", "2\n100.0%", "0\n0.0%"]


def test_disagreement_counts_each_outcome_once() -> None:
    axis = figures.disagreement(
        [1] * 4 + [1] * 3 + [0] * 2 + [0], [1] * 4 + [0] * 3 + [1] * 2 + [0], ("lstm", "reslstm")
    ).axes[0]
    assert [bar.get_width() for bar in axis.patches] == [4, 3, 2, 1]


def test_gradient_figure_shows_the_median_on_a_logarithmic_axis() -> None:
    axis = theory_figures.gradient_against_distance({"one": GRADIENTS}).axes[0]
    assert axis.get_yscale() == "log"
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [2.0, 0.2])


def test_loss_and_its_gradient_meet_their_definitions() -> None:
    loss, gradient = theory_figures.loss_penalty().axes
    z = np.concatenate([line.get_xdata() for line in loss.lines[:2]])
    drawn = np.concatenate([line.get_ydata() for line in loss.lines[:2]])
    slope = np.concatenate([line.get_ydata() for line in gradient.lines[:2]])
    np.testing.assert_allclose(drawn, -np.log(1 / (1 + np.exp(-z))), atol=1e-12)
    step = 1e-6
    numeric = (np.log1p(np.exp(-(z + step))) - np.log1p(np.exp(-(z - step)))) / (2 * step)
    np.testing.assert_allclose(slope, numeric, atol=1e-8)


def test_gate_activations_show_words_as_they_are() -> None:
    axis = figures.gate_activations(TRACE, ["$5", "$x$"]).axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["$5", "$x$"]
    assert not any(tick.get_parse_math() for tick in axis.get_xticklabels())
    np.testing.assert_allclose(
        axis.collections[0].get_array().reshape(4, 2), TRACE[list("ifgo")].to_numpy().T
    )


def test_a_slider_needs_no_kernel_and_leaves_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list = []
    monkeypatch.setattr(
        "IPython.display.display", lambda content, **options: shown.append((content, options))
    )
    for name in ("f", "<i> at t = 5"):
        sliders.explore(sliders.forget_gate, name, start=0.2)
    content, options = shown[0]
    assert options == {"raw": True, "metadata": {"report": {"kind": "live"}}}
    assert set(content) == {"text/html", "image/png", "text/plain"}
    assert base64.b64decode(content["image/png"]).startswith(b"\x89PNG")
    page = content["text/html"]
    assert content["image/png"] in page
    assert 'data-lm-suppress-shortcuts="true"' in page  # else JupyterLab takes its arrow keys
    curves = re.findall(r'<g id="curve-f-(\d+)"( style="display: none")?>', page)
    assert [int(number) for number, _ in curves] == list(range(21))
    assert [number for number, hidden in curves if not hidden] == ["4"]
    assert "<i>" not in shown[1][0]["text/html"]
    assert len(re.findall(r'<g id="curve-i-at-t-5-\d+"', shown[1][0]["text/html"])) == 21


def test_slider_figures_follow_the_cell() -> None:
    axis = sliders.forget_gate(0.5).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), 0.5 ** np.arange(31), atol=1e-12)
    axis = sliders.input_gate(0.5).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [0] * 5 + [0.45] * 11, atol=1e-12)
    axis = sliders.output_gate(0.5).axes[0]
    expected = 0.5 * np.tanh(0.15 * np.arange(1, 16))
    np.testing.assert_allclose(axis.lines[0].get_ydata()[1:], expected, atol=1e-12)


def test_every_model_and_gate_has_a_colour_of_its_own() -> None:
    assert set(style.MODEL_COLOURS) == set(style.MODEL_NAMES) == set(config.KINDS)
    assert len(set(style.MODEL_COLOURS.values())) == len(style.MODEL_COLOURS)
    assert len(set(style.GATE_COLOURS.values())) == 4
