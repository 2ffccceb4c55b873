"""The diagrams, sliders and curves of the theory: what they show."""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lstm_report.figures import style, theory

GRADIENTS = pd.DataFrame(
    {"distance": [0, 1, 0, 1], "norm": [1.0, 0.1, 3.0, 0.3], "seed": [0, 0, 1, 1], "kind": "lstm"}
)


@pytest.mark.parametrize("draw", [theory.lstm_cell, theory.residual_lstm_cell, theory.shortcuts])
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
    assert {r"$\Gamma_f$", r"$\Gamma_u$", r"$\tilde{c}$", r"$\Gamma_o$"} <= plain


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
