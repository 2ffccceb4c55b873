"""One look for every figure: colours, sizes and line widths, applied without global effects.

And texts that are data as labels: short, and in a font that has their letters.
"""

import contextlib
import functools
import logging
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from lstm_report import texts

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


USUAL = "DejaVu Sans"
FURTHER = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK KR"),
    *("Noto Sans SC", "Noto Sans JP", "Noto Sans TC", "Noto Sans KR", "Source Han Sans SC"),
    *("Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("IPAexGothic", "IPAGothic", "VL Gothic", "TakaoGothic", "NanumGothic", "UnDotum"),
    *("AR PL UMing CN", "AR PL UKai CN", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo"),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "Meiryo", "MS Gothic", "Malgun Gothic"),
    *("Arial Unicode MS", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"),
    *("Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Symbols"),
    *("Noto Sans Symbols 2", "Noto Emoji", "Symbola", "FreeSans", "FreeSerif", "Unifont"),
)
"""Families with letters that the usual one lacks; the first that is installed and has one wins."""
LONGEST = 24
"""Letters of a word that a label shows."""


@functools.cache
def families() -> list[str]:
    """Return the usual family and those of `FURTHER` that are installed."""
    manager = font_manager.fontManager
    # Matplotlib keeps its list from one process to the next and misses what was installed since.
    for file in {*font_manager.findSystemFonts()} - {entry.fname for entry in manager.ttflist}:
        with contextlib.suppress(Exception):  # as Matplotlib passes over a file that is no font
            manager.addfont(file)
    installed = {entry.name for entry in manager.ttflist}
    return [USUAL, *(name for name in FURTHER if name in installed)]


@functools.cache
def _covered() -> frozenset[int]:
    """Return the code points of which the families have a sign."""
    files = [font_manager.findfont(name) for name in families()]
    return frozenset().union(*(FT2Font(file).get_charmap() for file in files))


@functools.cache
def _warn() -> None:
    logging.getLogger("lstm_report").warning(
        "No font that is installed has a sign for some letters, so figures show their numbers, "
        "such as U+9000: install one, such as Noto Sans CJK."
    )


def without_sign(text: str, covered: Container[int] | None = None) -> str:
    """Return a text with the number of each character of which no font has a sign.

    Args:
        text: any text.
        covered: the code points that fonts have; by default those that are installed.
    """
    has = _covered() if covered is None else covered
    missing = [letter for letter in dict.fromkeys(text) if ord(letter) not in has]
    if missing:
        _warn()
    return texts.numbered(text, missing)


def label(text: str) -> str:
    """Return a word as the label of a figure."""
    return texts.visible(without_sign(texts.visible(text, LONGEST)), 2 * LONGEST)
