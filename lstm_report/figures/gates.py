"""A cell of one unit with one gate set by hand: figures, and a slider for notebooks and page."""

import base64
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_report.analysis.gates import follow_gates
from lstm_report.config import GATES
from lstm_report.figures import style

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
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


@dataclass(frozen=True)
class OneGate:
    """A cell of one unit whose gates are set by hand, but for one gate, which is left free."""

    symbol: str
    """Of the free gate, in TeX."""
    steps: tuple[Mapping[str, float | None], ...]
    """The values of i, f, g and o at each step; `None` where the gate is free."""
    c: float
    """The cell state before the first step."""
    quantity: str
    """What is looked at: `c` or `h`."""

    @property
    def name(self) -> str:
        """What the vertical axis is called."""
        return {"c": "cell state", "h": "hidden state"}[self.quantity]

    def follow(self, value: float) -> pd.DataFrame:
        """Return what the cell does when the free gate has this value, see `follow_gates`."""
        filled = [
            {gate: value if kept is None else kept for gate, kept in step.items()}
            for step in self.steps
        ]
        return follow_gates(filled, c=self.c)

    def __call__(self, *values: float) -> Figure:
        """Draw the state over the steps, one curve for each value of the free gate, 0 to 1."""
        runs = {f"${self.symbol} = {value:g}$": self.follow(value) for value in values}
        name = f"{self.name} ${self.quantity}_t$"
        return state_over_time(runs, quantity=self.quantity, name=name)

    def live(self, *values: float) -> dict[str, Any]:
        """Return what the page is told for a slider over the free gate, beside these values."""
        gate, _, place = self.symbol.partition("_")
        return {
            "part": "gate",
            "gates": GATES,
            "symbol": gate + place.translate(SUBSCRIPTS),
            "steps": [dict(step) for step in self.steps],
            "c": self.c,
            "quantity": self.quantity,
            "name": self.name,
            "values": values,
        }


def live_story(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the page is told for sliders over all gates of a story.

    Args:
        steps: at each word `word` and the values of i, f, g and o.
    """
    return {"part": "story", "gates": GATES, "story": [dict(step) for step in steps]}


def _steps(count: int, **gates: float | None) -> tuple[Mapping[str, float | None], ...]:
    return (gates,) * count


forget_gate = OneGate("f", _steps(30, i=0, f=None, g=0, o=1), c=1.0, quantity="c")
"""A cell state of 1 fades when nothing is written and the forget gate stays at f."""
input_gate = OneGate(
    "i_5",
    (
        *_steps(4, i=0, f=1, g=0.9, o=1),
        *_steps(1, i=None, f=1, g=0.9, o=1),
        *_steps(10, i=0, f=1, g=0.9, o=1),
    ),
    c=0.0,
    quantity="c",
)
"""A candidate of 0.9 is offered at every step, and the input gate opens at the fifth alone."""
output_gate = OneGate("o", _steps(15, i=1, f=1, g=0.15, o=None), c=0.0, quantity="h")
"""How much of a cell state that grows by 0.15 a step is shown when the gate stays at o."""


@style.apply()
def state_over_time(runs: Mapping[str, pd.DataFrame], *, quantity: str, name: str) -> Figure:
    """Draw the cell state or the hidden state of a one-unit cell over time.

    Args:
        runs: per label, columns step and `quantity`, as from `gates.follow_gates`.
        quantity: the column that is drawn, `c` or `h`.
        name: how the vertical axis is called.
    """
    colours = [style.PALETTE[key] for key in ("blue", "vermilion", "green", "purple", "orange")]
    figure, axis = style.figure(height=2.2, width=5.8)
    for position, (label, frame) in enumerate(runs.items()):
        axis.plot(
            frame["step"], frame[quantity], marker="os^Dv"[position % 5], label=label,
            color=colours[position % 5], markersize=4,
        )  # fmt: skip
    axis.set(xlabel="time step $t$", ylabel=name, ylim=(-0.05, 1.05))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside right upper")
    return style.finish(figure)


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
