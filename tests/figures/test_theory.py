"""The diagrams, sliders and curves of the theory: what they show."""

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lstm_report.figures import style, theory

GRADIENTS = pd.DataFrame(
    {"distance": [0, 1, 0, 1], "norm": [1.0, 0.1, 3.0, 0.3], "seed": [0, 0, 1, 1], "kind": "lstm"}
)


@pytest.mark.parametrize("draw", [theory.lstm_cell, theory.residual_lstm_cell])
def test_diagrams_are_vector_graphics_that_come_out_the_same(draw: Callable[[], Figure]) -> None:
    first, second = (_svg(draw()) for _ in range(2))
    assert first == second
    assert "<image" not in first


def test_only_the_residual_diagram_shows_the_residual_path() -> None:
    plain, residual = (
        {text.get_text() for text in draw().axes[0].texts}
        for draw in (theory.lstm_cell, theory.residual_lstm_cell)
    )
    assert residual - plain == {"$F(x_t)$", "residual path", "$m_t$"}
    assert {"forget", "input", "candidate", "output", "$c_t$", "$h_t$"} <= plain


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    with style.apply():
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def test_gradient_figure_shows_the_median_on_a_logarithmic_axis() -> None:
    axis = theory.gradient_against_distance({"one": GRADIENTS}).axes[0]
    assert axis.get_yscale() == "log"
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [2.0, 0.2])


def test_loss_and_its_gradient_meet_their_definitions() -> None:
    loss, gradient = theory.loss_penalty().axes
    z = np.concatenate([line.get_xdata() for line in loss.lines[:2]])
    drawn = np.concatenate([line.get_ydata() for line in loss.lines[:2]])
    slope = np.concatenate([line.get_ydata() for line in gradient.lines[:2]])
    np.testing.assert_allclose(drawn, -np.log(1 / (1 + np.exp(-z))), atol=1e-12)
    step = 1e-6
    numeric = (np.log1p(np.exp(-(z + step))) - np.log1p(np.exp(-(z - step)))) / (2 * step)
    np.testing.assert_allclose(slope, numeric, atol=1e-8)


def test_a_slider_needs_no_kernel_and_leaves_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list = []
    monkeypatch.setattr(
        "IPython.display.display", lambda content, **options: shown.append((content, options))
    )
    for name in ("f", "<i> at t = 5"):
        theory.explore(theory.forget_gate, name, start=0.2)
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
    axis = theory.forget_gate(0.5).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), 0.5 ** np.arange(31), atol=1e-12)
    axis = theory.input_gate(0.5).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [0] * 5 + [0.45] * 11, atol=1e-12)
    axis = theory.output_gate(0.5).axes[0]
    expected = 0.5 * np.tanh(0.15 * np.arange(1, 16))
    np.testing.assert_allclose(axis.lines[0].get_ydata()[1:], expected, atol=1e-12)
