"""The gates of a one-unit cell, one at a time: as a figure for given values, and with a slider."""

import base64
import html
import io
import re
from collections.abc import Callable

from matplotlib.figure import Figure

from lstm_report import style
from lstm_report.probes import follow_gates
from lstm_report.theory_figures import state_over_time

STEPS = 20
"""Into how many steps a slider divides the way from 0 to 1."""
HTML = """<div>
<img src="data:image/png;base64,{still}" alt="The curve for {name} = {start:g}"
 onload="this.hidden = true; this.nextElementSibling.style.display = ''">
<div style="display: none">
<label style="display: block">{name} <input type="range" max="{steps}" value="{at:g}"
 data-lm-suppress-shortcuts="true" oninput="
 const box = this.closest('div');
 box.querySelector('output').value = (this.value / {steps}).toFixed(2);
 box.querySelectorAll('[id^={key}-]').forEach(
  (curve, number) => curve.style.display = number == this.value ? '' : 'none')">
<output>{start:.2f}</output></label>
{curves}
</div></div>"""
"""A slider over a drawing, and the picture that stands for both where scripts are not allowed."""


def forget_gate(*values: float) -> Figure:
    """Draw how a cell state of 1 fades when nothing is written and the forget gate stays at f.

    Args:
        values: one or more values of f, from 0 to 1; one curve each.
    """
    runs = {
        f"$f = {f:g}$": follow_gates([{"i": 0, "f": f, "g": 0, "o": 1}] * 30, c=1.0) for f in values
    }
    return state_over_time(runs, quantity="c", name="cell state $c_t$")


def input_gate(*values: float) -> Figure:
    """Draw what a candidate of 0.9 at step 5 leaves in the cell when the input gate is at i then.

    At every other step the input gate is shut; the forget gate is always 1.

    Args:
        values: one or more values of i, from 0 to 1; one curve each.
    """
    runs = {}
    for i in values:
        gates = [{"i": i if step == 5 else 0, "f": 1, "g": 0.9, "o": 1} for step in range(1, 16)]
        runs[f"$i_5 = {i:g}$"] = follow_gates(gates)
    return state_over_time(runs, quantity="c", name="cell state $c_t$")


def output_gate(*values: float) -> Figure:
    """Draw how much of a cell state that grows by 0.15 a step is shown when the gate is at o.

    Args:
        values: one or more values of o, from 0 to 1; one curve each.
    """
    runs = {
        f"$o = {o:g}$": follow_gates([{"i": 1, "f": 1, "g": 0.15, "o": o}] * 15) for o in values
    }
    return state_over_time(runs, quantity="h", name="hidden state $h_t$")


def explore(draw: Callable[..., Figure], name: str, *, start: float = 0.9) -> None:
    """Display a slider from 0 to 1 that shows the curve of a figure for its value.

    All curves stand in the output, and the slider only chooses one: it needs no kernel, so that it
    still moves when the notebook is saved and opened again. Where a reader of notebooks allows no
    script, the curve for `start` is shown. The rendered report leaves the output out: show a
    figure as well.

    Args:
        draw: returns a figure with a curve for each value it is given, as `forget_gate` does.
        name: the symbol beside the slider.
        start: the value shown first, a multiple of 0.05.
    """
    from IPython.display import display

    key = "-".join(["curve", *re.findall(r"\w+", name)])
    curves = _curves(draw(*(step / STEPS for step in range(STEPS + 1))), key, round(start * STEPS))
    still = base64.b64encode(_drawn(draw(start), "png")).decode()
    content = {
        "text/html": HTML.format(
            name=html.escape(name), key=key, start=start, at=start * STEPS, steps=STEPS,
            still=still, curves=curves,
        ),
        "image/png": still,
        "text/plain": f"The curve for {name} = {start:g}.",
    }  # fmt: skip
    display(content, raw=True, metadata={"report": {"kind": "live"}})


def _curves(figure: Figure, key: str, first: int) -> str:
    """Return a figure as SVG in which only one curve is seen; their identifiers begin with key."""
    for legend in figure.legends:
        legend.remove()
    for number, line in enumerate(figure.axes[0].lines):
        line.set(gid=f"{key}-{number}", color=style.PALETTE["blue"], marker="o")
    drawing = _drawn(figure, "svg").decode()
    drawing = re.sub(rf'(<g id="{key}-(?!{first}")\d+")', r'\1 style="display: none"', drawing)
    return drawing[drawing.index("<svg") :]


@style.apply()
def _drawn(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    without = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(stream, format=kind, dpi=100, metadata=without)
    return stream.getvalue()
