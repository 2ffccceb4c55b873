"""One look for every figure: colours, sizes and line widths, applied without global effects."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

PALETTE = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "grey": "#6B7280",
    "black": "#1F2933",
}
"""Colours that readers with any colour vision can tell apart (Okabe and Ito 2008), and greys."""

MODEL_NAMES = {
    "rnn": "plain RNN",
    "lstm": "LSTM",
    "reslstm": "residual LSTM",
    "skiplstm": "LSTM with skip",
    "gatedlstm": "gated residual LSTM",
}
MODEL_COLOURS = {
    "rnn": PALETTE["grey"],
    "lstm": PALETTE["blue"],
    "reslstm": PALETTE["vermilion"],
    "skiplstm": PALETTE["green"],
    "gatedlstm": PALETTE["purple"],
}
MODEL_MARKERS = {"rnn": "^", "lstm": "o", "reslstm": "s", "skiplstm": "D", "gatedlstm": "v"}
GATE_COLOURS = {
    "i": PALETTE["green"],
    "f": PALETTE["blue"],
    "g": PALETTE["orange"],
    "o": PALETTE["purple"],
}
GATE_NAMES = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}

WIDTH = 7.0
"""Width of a figure in inches: the width of the text in the rendered report."""

SETTINGS: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#9AA5B1",
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": PALETTE["black"],
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=list(PALETTE.values())),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": "#E4E7EB",
    "grid.linewidth": 0.7,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "mathtext.fontset": "cm",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "lstm-report",
    "text.color": PALETTE["black"],
    "xtick.color": "#52606D",
    "xtick.labelsize": 9,
    "ytick.color": "#52606D",
    "ytick.labelsize": 9,
}


@contextmanager
def apply() -> Iterator[None]:
    """Apply the style inside a `with` block, or to a function as the decorator `@apply()`."""
    with matplotlib.rc_context(SETTINGS):
        yield


def figure(
    rows: int = 1, columns: int = 1, *, height: float = 3.0, width: float = WIDTH, **options: Any
) -> tuple[Figure, Any]:
    """Return a figure and its axes (one, or an array), as `matplotlib.pyplot.subplots` does.

    The figure is not registered with pyplot, so that none stays open. Call it inside `apply`.

    Args:
        rows, columns: the grid of axes.
        height, width: size in inches.
        options: passed on to `Figure.subplots`.
    """
    made = Figure(figsize=(width, height), layout="constrained")
    return made, made.subplots(rows, columns, **options)


def finish(made: Figure) -> Figure:
    """Return the figure after laying it out, which fixes its ticks in the style now applied."""
    made.draw_without_rendering()
    return made


def name_of(kind: str) -> str:
    """Return how a model is called in figures; a name that is no kind of model stays as it is."""
    return MODEL_NAMES.get(kind, kind)


def colour_of(kind: str, position: int) -> str:
    """Return the colour of a model, or of the other series number `position`."""
    spare = list(PALETTE.values())[2:]
    return MODEL_COLOURS.get(kind, spare[position % len(spare)])
