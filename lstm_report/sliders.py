"""The gates of a one-unit cell, one at a time: as a figure for given values, and with a slider."""

import io
from collections.abc import Callable

from matplotlib.figure import Figure

from lstm_report import style
from lstm_report.probes import follow_gates
from lstm_report.theory_figures import state_over_time


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


def explore(draw: Callable[[float], Figure], name: str, *, start: float = 0.9) -> None:
    """Display a slider from 0 to 1 that redraws a figure while it is moved.

    The rendered report, where nothing can be moved, leaves it out: show a figure as well.

    Args:
        draw: returns the figure for a value, for example `forget_gate`.
        name: the symbol beside the slider.
        start: the value shown first.
    """
    from IPython.display import display
    from ipywidgets import FloatSlider, Image, VBox

    slider = FloatSlider(start, min=0.0, max=1.0, step=0.01, description=name)
    picture = Image(value=_png(draw(start)), format="png", layout={"max_width": "560px"})
    slider.observe(lambda change: setattr(picture, "value", _png(draw(change["new"]))), "value")
    display(VBox([slider, picture]), metadata={"report": {"kind": "live"}})


@style.apply()
def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()
