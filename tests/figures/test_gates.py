"""The gates set by hand: what is drawn, and the sliders of notebooks and page."""

import base64
import re

import numpy as np
import pytest

from lstm_report.figures import gates


def test_a_slider_needs_no_kernel_and_leaves_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list = []
    monkeypatch.setattr(
        "IPython.display.display", lambda content, **options: shown.append((content, options))
    )
    for name in ("f", "<i> at t = 5"):
        gates.explore(gates.forget_gate, name, start=0.2)
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
    axis = gates.forget_gate(0.5).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), 0.5 ** np.arange(31), atol=1e-12)
    axis = gates.input_gate(0.5).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [0] * 5 + [0.45] * 11, atol=1e-12)
    axis = gates.output_gate(0.5).axes[0]
    expected = 0.5 * np.tanh(0.15 * np.arange(1, 16))
    np.testing.assert_allclose(axis.lines[0].get_ydata()[1:], expected, atol=1e-12)


def test_the_page_is_told_the_steps_that_are_drawn() -> None:
    told = gates.input_gate.live(0.0, 0.5)
    assert [step["i"] for step in told["steps"]] == [0] * 4 + [None] + [0] * 10
    assert (told["c"], told["quantity"], told["values"]) == (0.0, "c", (0.0, 0.5))
