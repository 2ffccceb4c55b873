"""Figures that explain the cells and the loss: diagrams and curves."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from lstm_report.figures import style

INK = style.PALETTE["black"]
STATE = style.PALETTE["grey"]
SHORTCUT = style.MODEL_COLOURS["reslstm"]
GATE_COLUMNS = {"f": 2.9, "i": 4.2, "g": 5.5, "o": 6.8}
"""Where each gate stands, from left to right."""
GATE_WORDS = {"f": "forget", "i": "input", "g": "candidate", "o": "output"}
SOURCE_SYMBOLS = {"f": r"\Gamma_f", "i": r"\Gamma_u", "g": r"\tilde{c}", "o": r"\Gamma_o"}
"""What the source report writes for each gate."""
BUS, GATE, MIX, LINE, OUT, RADIUS = 1.55, 2.55, 3.85, 5.0, 8.0, 0.21
"""Heights of h and x, of the gates, of the inner products and of the cell-state line; column and
radius of the output gate's product."""


@style.apply()
def lstm_cell() -> Figure:
    """Draw the LSTM cell: four gates, the cell-state line on top, the hidden state below.

    Source: the equations of `cells.lstm_step`; the source report's Figure 2.
    """
    figure, axis = _canvas(bottom=0.75)
    _cell(axis, bottom=0.75)
    _wire(axis, [(OUT, MIX - RADIUS), (OUT, BUS), (10.7, BUS)])
    _label(axis, 10.75, BUS, "$h_t$", "left")
    return style.finish(figure)


@style.apply()
def residual_lstm_cell() -> Figure:
    """Draw the residual LSTM cell: the LSTM cell with F(x_t) added to what leaves it.

    Source: the equations of `cells.residual_lstm_step`; the source report's Figure 3.
    """
    figure, axis = _canvas(bottom=0.1)
    _cell(axis, bottom=0.1)
    low, column = 0.62, 9.1
    axis.add_patch(Circle((1.75, low), 0.06, color=SHORTCUT, zorder=4))
    _wire(axis, [(1.75, low), (4.2, low)], colour=SHORTCUT, width=2.6)
    _box(axis, 4.85, low, "$F(x_t)$", "", SHORTCUT, width=1.3, height=0.62)
    _wire(axis, [(5.5, low), (column, low), (column, BUS - RADIUS)], colour=SHORTCUT, width=2.6)
    axis.text(7.3, low + 0.12, "residual path", color=SHORTCUT, ha="center", va="bottom", size=9)
    _wire(axis, [(OUT, MIX - RADIUS), (OUT, BUS), (column - RADIUS, BUS)])
    axis.text((OUT + column) / 2 - 0.08, BUS + 0.1, "$m_t$", ha="center", va="bottom", size=12)
    _operation(axis, column, BUS, "+", SHORTCUT)
    _wire(axis, [(column + RADIUS, BUS), (10.7, BUS)])
    _label(axis, 10.75, BUS, "$h_t$", "left")
    return style.finish(figure)


@style.apply()
def shortcuts() -> Figure:
    """Draw where three shortcuts lead: the source's, one between layers, one behind a gate.

    Source: `cells.residual_lstm_step`; Wu et al. (2016) and Prakash et al. (2016), as in
    `layers.SkipLSTM`; Kim, El-Khamy and Lee (2017), as in `cells.gated_residual_lstm_step`.
    """
    figure, axes = style.figure(1, 3, height=3.5)
    # The column of what is computed; the heights of the two operations, and of what leaves them.
    up, inner, outer, above = 2.0, 4.2, 5.8, 6.65
    for axis, (title, sum_at, read_at) in zip(
        axes,
        (
            ("of the source", outer, above),
            ("between layers", outer, (inner + outer) / 2),
            ("behind the output gate", inner, above),
        ),
        strict=True,
    ):
        gated_at = inner + outer - sum_at
        axis.set(xlim=(-0.6, 5.5), ylim=(-0.5, 8.0), aspect="equal", title=title)
        axis.axis("off")
        _label(axis, up, -0.15, "$x_t$", "center")
        _wire(axis, [(up, 0.2), (up, 1.75)])
        _box(axis, 2.55, 2.25, "gates, $c_t$", "", STATE, width=2.6, height=1.0, size=10)
        for start, end in (
            (2.75, inner - RADIUS), (inner + RADIUS, outer - RADIUS), (outer + RADIUS, 7.3),
        ):  # fmt: skip
            _wire(axis, [(up, start), (up, end)])
        _wire(axis, [(3.3, 2.75), (3.3, gated_at), (up + RADIUS, gated_at)])
        axis.text(1.9, 3.15, r"$\tanh$", ha="right", va="center", size=9)
        axis.text(3.4, 3.15, "$o_t$", ha="left", va="center", size=10)
        axis.add_patch(Circle((up, 0.85), 0.08, color=SHORTCUT, zorder=4))
        path = [(up, 0.85), (0.35, 0.85), (0.35, sum_at), (up - RADIUS, sum_at)]
        _wire(axis, path, colour=SHORTCUT, width=2.2)
        axis.text(0.0, 2.25, "$F(x_t)$", color=SHORTCUT, ha="center", va="center", size=9,
                  rotation=90)  # fmt: skip
        axis.add_patch(Circle((up, read_at), 0.08, color=INK, zorder=4))
        back = [(up, read_at), (5.0, read_at), (5.0, 2.25), (3.85, 2.25)]
        _wire(axis, back, line="--")
        _operation(axis, up, gated_at, "×", INK)
        _operation(axis, up, sum_at, "+", SHORTCUT)
        _label(axis, up, 7.6, "$h_t$", "center")
    return style.finish(figure)


def _canvas(bottom: float) -> tuple[Figure, Axes]:
    figure, axis = style.figure(height=0.6 * (6.9 - bottom))
    axis.set(xlim=(-0.25, 11.45), ylim=(bottom - 1.05, 5.85), aspect="equal")
    axis.axis("off")
    body = FancyBboxPatch(
        (1.15, bottom), 8.6, 5.65 - bottom, boxstyle="round,pad=0,rounding_size=0.35",
        facecolor=style.GREYS["panel"], edgecolor=style.GREYS["rim"], linewidth=1.2, zorder=0,
    )  # fmt: skip
    axis.add_patch(body)
    return figure, axis


def _cell(axis: Axes, bottom: float) -> None:
    """Draw what both cells share: everything up to m_t = o ⊙ tanh(c)."""
    f, i, g, o = (GATE_COLUMNS[gate] for gate in ("f", "i", "g", "o"))
    # The cell state runs straight through, with one product and one sum on its way.
    for start, end in ((0.3, f - RADIUS), (f + RADIUS, g - RADIUS)):
        _wire(axis, [(start, LINE), (end, LINE)], width=2.6)
    _wire(axis, [(g + RADIUS, LINE), (10.7, LINE)], width=2.6)
    _label(axis, 0.22, LINE, "$c_{t{-}1}$", "right")
    _label(axis, 10.75, LINE, "$c_t$", "left")
    # h and x meet on a bus that every gate reads.
    _wire(axis, [(0.3, BUS), (o, BUS), (o, GATE - 0.42)])
    for column in (f, i, g):
        _wire(axis, [(column, BUS), (column, GATE - 0.42)])
        axis.add_patch(Circle((column, BUS), 0.06, color=INK, zorder=4))
    _wire(axis, [(1.75, bottom - 0.5), (1.75, BUS)], arrow=False)
    axis.add_patch(Circle((1.75, BUS), 0.06, color=INK, zorder=4))
    _label(axis, 0.22, BUS, "$h_{t{-}1}$", "right")
    axis.text(1.75, bottom - 0.58, "$x_t$", ha="center", va="top", size=14)
    for gate, column in GATE_COLUMNS.items():
        symbol = "tanh" if gate == "g" else r"$\sigma$"
        _box(axis, column, GATE, symbol, GATE_WORDS[gate], style.GATE_COLOURS[gate])
    top = GATE + 0.42
    _wire(axis, [(f, top), (f, LINE - RADIUS)])
    _wire(axis, [(i, top), (i, MIX), (g - RADIUS, MIX)])
    _wire(axis, [(g, top), (g, MIX - RADIUS)])
    _wire(axis, [(g, MIX + RADIUS), (g, LINE - RADIUS)])
    _wire(axis, [(o, top), (o, MIX), (OUT - RADIUS, MIX)])
    _wire(axis, [(OUT, LINE), (OUT, MIX + RADIUS)])
    axis.add_patch(Circle((OUT, LINE), 0.06, color=INK, zorder=4))
    _box(axis, OUT, MIX + 0.74, "tanh", "", STATE, width=0.84, height=0.36, size=9)
    for gate, column in GATE_COLUMNS.items():
        axis.text(column + 0.09, top + 0.06, f"${gate}_t$", ha="left", va="bottom", size=12)
        axis.text(column - 0.09, top + 0.06, f"${SOURCE_SYMBOLS[gate]}$", ha="right", va="bottom",
                  size=9, color=STATE)  # fmt: skip
    for column, height, symbol in (
        (f, LINE, "×"), (g, LINE, "+"), (g, MIX, "×"), (OUT, MIX, "×"),
    ):  # fmt: skip
        _operation(axis, column, height, symbol, INK)


def _wire(
    axis: Axes,
    points: list[tuple[float, float]],
    *,
    colour: str = INK,
    width: float = 1.5,
    arrow: bool = True,
    line: str = "-",
) -> None:
    """Draw a line through the points, with a head at its end."""
    head = "-|>,head_length=0.5,head_width=0.22" if arrow else "-"
    wire = FancyArrowPatch(
        path=Path(points), arrowstyle=head, mutation_scale=10, color=colour, linewidth=width,
        linestyle=line, capstyle="round", joinstyle="miter", snap=False, zorder=2,
    )  # fmt: skip
    axis.add_patch(wire)


def _box(
    axis: Axes,
    x: float,
    y: float,
    symbol: str,
    word: str,
    colour: str,
    *,
    width: float = 1.04,
    height: float = 0.84,
    size: float = 12,
) -> None:
    """Draw a learned layer or a function as a rounded box centred at (x, y)."""
    for face, opacity in (("white", 1.0), (colour, 0.16)):
        patch = FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, linewidth=0, zorder=3,
            boxstyle="round,pad=0,rounding_size=0.12", facecolor=face, alpha=opacity,
        )  # fmt: skip
        axis.add_patch(patch)
    outline = FancyBboxPatch(
        (x - width / 2, y - height / 2), width, height, linewidth=1.5, zorder=4,
        boxstyle="round,pad=0,rounding_size=0.12", facecolor="none", edgecolor=colour,
    )  # fmt: skip
    axis.add_patch(outline)
    lift = 0.14 if word else 0.0
    plain = not symbol.startswith("$")
    axis.text(x, y + lift, symbol, ha="center", va="center_baseline" if plain else "center",
              size=size - 1 if plain and word else size, zorder=5)  # fmt: skip
    if word:
        axis.text(x, y - 0.22, word, ha="center", va="center", size=7.5, zorder=5)


def _operation(axis: Axes, x: float, y: float, symbol: str, colour: str) -> None:
    """Draw an element-wise product or sum as a circle with crossed strokes."""
    axis.add_patch(
        Circle((x, y), RADIUS, facecolor="white", edgecolor=colour, linewidth=1.5, zorder=5)
    )
    reach = 0.12
    slant = reach * 0.75
    strokes = (
        [((-reach, 0), (reach, 0)), ((0, -reach), (0, reach))]
        if symbol == "+"
        else [((-slant, -slant), (slant, slant)), ((-slant, slant), (slant, -slant))]
    )
    for (x0, y0), (x1, y1) in strokes:
        axis.plot([x + x0, x + x1], [y + y0, y + y1], color=colour, linewidth=1.5, zorder=6)


def _label(axis: Axes, x: float, y: float, text: str, side: str) -> None:
    axis.text(x, y, text, ha=side, va="center", size=14)


@style.apply()
def gate_functions() -> Figure:
    """Draw the two functions of the gates: the logistic sigmoid σ and the hyperbolic tangent."""
    z = np.linspace(-6, 6, 241)
    figure, axis = style.figure(height=2.2, width=5.4)
    axis.plot(z, 1 / (1 + np.exp(-z)), color=style.PALETTE["blue"], label=r"$\sigma(z)$")
    axis.plot(z, np.tanh(z), "--", color=style.PALETTE["orange"], label=r"$\tanh(z)$")
    axis.set(xlabel="$z$, the weighted sum that the gate receives", ylabel="value of the function")
    axis.legend()
    return style.finish(figure)


@style.apply()
def gradient_against_distance(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how the gradient fades with distance: median over seeds, and the range of all seeds.

    Args:
        panels: per title, one table for one panel with the columns distance, norm, seed and kind,
            as from `gates.gradient_by_distance`, for one or more kinds of cell.
    """
    figure, axes = style.figure(
        1, len(panels), height=2.8, width=max(4.6, style.WIDTH * min(1, len(panels) / 2)),
        sharey=True, squeeze=False,
    )  # fmt: skip
    for axis, (title, frame) in zip(axes[0], panels.items(), strict=True):
        for position, (kind, group) in enumerate(frame.groupby("kind", sort=False)):
            kind, norm = str(kind), group.groupby("distance")["norm"]
            colour, middle = style.colour_of(kind, position), norm.median()
            axis.fill_between(
                middle.index, norm.min(), norm.max(), color=colour, alpha=0.18, linewidth=0
            )
            axis.plot(
                middle.index, middle, color=colour, marker=style.MODEL_MARKERS.get(kind, "o"),
                markevery=(4 * position, 12), label=style.name_of(kind), **style.layered(kind),
            )  # fmt: skip
        axis.set(xlabel="distance $k$ (time steps)", title=title, yscale="log")
    axes[0, 0].set_ylabel(r"$\|\partial h_T/\partial x_{T-k}\|$ (no unit)")
    axes[0, 0].legend(loc="lower left")
    return style.finish(figure)


@style.apply()
def largest_hidden_state(trace: pd.DataFrame) -> Figure:
    """Draw the largest |h_t| over the hidden units at each step, with the LSTM's bound of 1.

    Args:
        trace: columns step, kind and largest, as from `gates.largest_hidden_state`.
    """
    figure, axis = style.figure(height=2.3)
    for position, (kind, group) in enumerate(trace.groupby("kind", sort=False)):
        kind = str(kind)
        axis.plot(
            group["step"], group["largest"], color=style.colour_of(kind, position),
            marker=style.MODEL_MARKERS.get(kind, "o"), markersize=4, label=style.name_of(kind),
        )  # fmt: skip
    axis.axhline(1, linestyle="--", linewidth=1, color=style.PALETTE["black"], label="bound of 1")
    axis.set(xlabel="time step $t$", ylabel=r"largest $|h_t|$ over hidden units")
    axis.set_ylim(bottom=0)
    figure.legend(loc="outside right upper")
    return style.finish(figure)


@style.apply()
def loss_penalty(limit: float = 6.0) -> Figure:
    """Draw the binary cross-entropy of a positive review, and its gradient, against the logit z.

    With the label y = 1 the loss is -ln σ(z) and its derivative σ(z) - 1; a negative review gives
    the mirror image. To the left of z = 0 the prediction is wrong, to the right it is right.

    Args:
        limit: the largest |z| shown, more than 0.
    """
    z = np.linspace(-limit, limit, 241)
    curves = {
        "Loss": (np.logaddexp(0, -z), "loss (nats)"),
        "Gradient": (-1 / (1 + np.exp(z)), r"$\partial L/\partial z$ (nats)"),
    }
    figure, axes = style.figure(1, 2, height=2.5)
    for axis, (title, (curve, name)) in zip(axes, curves.items(), strict=True):
        for side, word, colour, line in (
            (z <= 0, "wrong", style.PALETTE["vermilion"], "-"),
            (z >= 0, "right", style.PALETTE["blue"], "--"),
        ):
            axis.plot(z[side], curve[side], line, color=colour, label=f"prediction {word}")
            axis.fill_between(z[side], curve[side], color=colour, alpha=0.1, linewidth=0)
        axis.axvline(0, color=style.PALETTE["grey"], linewidth=0.8)
        axis.set(xlabel="logit $z$ of a positive review", ylabel=name, title=title)
    axes[0].legend()
    return style.finish(figure)
