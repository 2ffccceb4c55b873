"""Structure diagrams of the LSTM cell and of the residual LSTM cell, as vector graphics.

Coordinates are in units of the drawing, which is 11 wide; time runs from left to right.
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from lstm_report import style

INK = style.PALETTE["black"]
STATE = style.PALETTE["grey"]
SHORTCUT = style.MODEL_COLOURS["reslstm"]
GATE_COLUMNS = {"f": 2.9, "i": 4.2, "g": 5.5, "o": 6.8}
"""Where each gate stands, from left to right."""
GATE_WORDS = {"f": "forget", "i": "input", "g": "candidate", "o": "output"}
BUS, GATE, MIX, LINE = 1.55, 2.55, 3.85, 5.0
"""Heights of h and x, of the gates, of the inner products and of the cell-state line."""
OUT = 8.0
"""Column of the output gate's product."""
RADIUS = 0.21


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


def _canvas(bottom: float) -> tuple[Figure, Axes]:
    figure, axis = style.figure(height=0.6 * (6.9 - bottom))
    axis.set(xlim=(-0.25, 11.45), ylim=(bottom - 1.05, 5.85), aspect="equal")
    axis.axis("off")
    body = FancyBboxPatch(
        (1.15, bottom), 8.6, 5.65 - bottom, boxstyle="round,pad=0,rounding_size=0.35",
        facecolor="#F5F7FA", edgecolor="#CBD2D9", linewidth=1.2, zorder=0,
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
) -> None:
    """Draw a line through the points, with a head at its end."""
    head = "-|>,head_length=0.5,head_width=0.22" if arrow else "-"
    wire = FancyArrowPatch(
        path=Path(points), arrowstyle=head, mutation_scale=10, color=colour, linewidth=width,
        capstyle="round", joinstyle="miter", snap=False, zorder=2,
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
