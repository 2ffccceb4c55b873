"""One look for every figure: colours, sizes and line widths, applied without global effects.

And texts as labels: data short and in a font that has its letters, all in the reader's language.
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
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from lstm_report import language, texts

PALETTE = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#B97A00",
    "sky": "#2E8BC9",
    "grey": "#6B7280",
    "black": "#1F2933",
}
"""Colours that readers with any colour vision can tell apart (Okabe and Ito 2008), and greys.

Orange and sky blue are darker than theirs, for a contrast of 3 to 1 with white paper.
"""
GREYS = {
    "paper": "#FFFFFF",
    "label": "#52606D",
    "edge": "#9AA5B1",
    "grid": "#E4E7EB",
    "panel": "#F5F7FA",
    "rim": "#CBD2D9",
}
"""What frames and backs the curves."""
DARK = {
    "blue": "#4FA8E0",
    "vermilion": "#F07A2B",
    "green": "#2DBE93",
    "purple": "#DA93BB",
    "orange": "#E6A93A",
    "sky": "#7CC4F2",
    "grey": "#9AA3AF",
    "black": "#DCDCD8",
    "paper": "#16181C",
    "label": "#A0A5AD",
    "edge": "#5B626C",
    "grid": "#2C3036",
    "panel": "#1F2227",
    "rim": "#3F454E",
}
"""What stands for each of these colours on a dark page."""

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
    "axes.edgecolor": GREYS["edge"],
    "axes.facecolor": GREYS["paper"],
    "axes.grid": True,
    "axes.labelcolor": PALETTE["black"],
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=list(PALETTE.values())),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.facecolor": GREYS["paper"],
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": GREYS["grid"],
    "grid.linewidth": 0.7,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "mathtext.fontset": "cm",
    "savefig.facecolor": GREYS["paper"],
    "svg.fonttype": "path",
    "svg.hashsalt": "lstm-report",
    "text.color": PALETTE["black"],
    "xtick.color": GREYS["label"],
    "xtick.labelsize": 9,
    "ytick.color": GREYS["label"],
    "ytick.labelsize": 9,
}


BETWEEN = 0.12
"""Inches left blank on either side of a panel."""


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
    """
    made = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=BETWEEN))
    return made, made.subplots(rows, columns, **options)


def finish(made: Figure) -> Figure:
    """Return the figure after laying it out, which fixes its ticks in the style now applied."""
    made.draw_without_rendering()
    return made


def name_of(kind: str) -> str:
    """Return how a model is called in figures; a name that is no kind of model stays as it is."""
    return MODEL_NAMES.get(kind, kind)


def layered(kind: str) -> dict[str, Any]:
    """Return how wide a line is, so that the LSTM's is seen where another model's lies on it."""
    return {"linewidth": 3.2, "markersize": 7} if kind == "lstm" else {}


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
    """Return a text with the number of each character of which no font has a sign."""
    has = _covered() if covered is None else covered
    missing = [letter for letter in dict.fromkeys(text) if ord(letter) not in has]
    if missing:
        _warn()
    return texts.numbered(text, missing)


def label(text: str) -> str:
    """Return a word as the label of a figure."""
    return texts.visible(without_sign(texts.visible(text, LONGEST)), 2 * LONGEST)


def translate(made: Figure) -> None:
    """Translate what stands in a figure into the language that is chosen, but for data.

    Ticks are written anew whenever a figure is drawn, so that those with words are set for good.
    """
    if language.chosen() == "en":
        return
    made.draw_without_rendering()
    for axes in made.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [tick for tick in axis.get_ticklabels() if tick.get_parse_math()]
            words = [_shown(tick.get_text()) for tick in ticks]
            if any(tick.get_text() != word for tick, word in zip(ticks, words, strict=True)):
                axis.set_ticks(axis.get_ticklocs(), words)
    for text in made.findobj(Text):
        if isinstance(text, Text) and text.get_parse_math():
            text.set_text(_shown(text.get_text()))
            # Beside mathematics Matplotlib takes the letters of the first family alone.
            mixed = "$" in text.get_text() and not text.get_text().isascii()
            text.set_fontfamily([*families()[1:], USUAL] if mixed else families())


def _shown(text: str) -> str:
    """Return a label in the language that is chosen, where its lines may be broken otherwise."""
    line = " ".join(text.split())
    found = language.known(line)
    return text if found == line else found
