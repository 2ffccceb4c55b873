"""Accuracy against cost: one point a cell."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, PercentFormatter

from lstm_report import style
from lstm_report.config import KINDS
from lstm_report.errors import UserError

LINEAR, AVERAGED = "linear", "averaged"
"""Kinds of model beside those of `lstm_report.config.KINDS`."""
COSTS = {
    "seconds": "training, seconds × threads",
    "operations": "training of the recurrent layers, floating-point operations",
}
LOOKS = {
    LINEAR: ("linear model", style.PALETTE["black"], "P"),
    AVERAGED: ("network averaged with n-grams", style.PALETTE["orange"], "*"),
}
TICKS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99)
LEAST_ERROR = 1e-4
"""What is drawn for a model without errors, whose logarithm there is not."""
WIDE, HIGH = 11, 9
"""Points that a number needs beside and above another."""


def _height(accuracy: Any) -> Any:
    """Return how high an accuracy is drawn: by the logarithm of the errors."""
    return -np.log(np.maximum(1 - np.asarray(accuracy), LEAST_ERROR))


def _accuracy(height: Any) -> Any:
    """Return the accuracy that is drawn at a height."""
    return 1 - np.exp(-np.asarray(height))


def _look(kind: str) -> tuple[str, str, str]:
    """Return name, colour and marker of a kind of model."""
    if kind in LOOKS:
        return LOOKS[kind]
    return style.name_of(kind), style.colour_of(kind, 0), style.MODEL_MARKERS.get(kind, "o")


@style.apply()
def accuracy_against_cost(found: pd.DataFrame, cost: str = "seconds") -> Figure:
    """Draw the test accuracy of every cell against the cost of its training.

    The line joins the cells that no cheaper one reaches, which bear numbers; `numbered` names them.
    A bar goes from the worst seed to the best. Equal steps of height divide the errors alike, so
    that good models do not lie on each other where a bad one is drawn too.

    Args:
        found: from `lstm_report.costs.accuracy_and_cost`; rows without that cost are left out.
        cost: a key of `COSTS`.
    """
    if cost not in COSTS:
        raise UserError(f"Expected a cost out of {', '.join(COSTS)}, got {cost!r}: choose one.")
    drawn = found.dropna(subset=[cost])
    figure, axis = style.figure(height=4.2)
    for kind in sorted(set(drawn["kind"]), key=[*KINDS, *LOOKS].index):
        rows = drawn[drawn["kind"] == kind]
        name, colour, marker = _look(kind)
        reach = np.array([rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]])
        axis.errorbar(
            rows[cost], rows["accuracy"], yerr=np.maximum(reach, 0), linestyle="none",
            color=colour, marker=marker, elinewidth=1, label=name,
        )  # fmt: skip
    best = frontier(drawn, cost)
    axis.step(
        best[cost], best["accuracy"], where="post", color=style.PALETTE["grey"], linewidth=1,
        zorder=1, label="best at its cost",
    )  # fmt: skip
    axis.set(xscale="log", xlabel=COSTS[cost], ylabel="accuracy on the test reviews")
    axis.set_yscale("function", functions=(_height, _accuracy))
    axis.yaxis.set_major_locator(FixedLocator(TICKS))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.margins(y=0.15)
    _number(figure, axis, best[cost].to_numpy(float), best["accuracy"].to_numpy(float))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return style.finish(figure)


def _number(figure: Figure, axis: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Write 1, 2, … above points from left to right, near ones above each other."""
    figure.draw_without_rendering()  # which fixes the size of the axes
    places = axis.transData.transform(np.column_stack([x, y])) * 72 / figure.dpi
    label, before = -np.inf, -np.inf  # the height of the last number, and where it stands
    for number, (point, place) in enumerate(zip(zip(x, y, strict=True), places, strict=True), 1):
        height = place[1] + 5
        if place[0] - before < WIDE:
            height = max(height, label + HIGH)
        label, before = height, place[0]
        axis.annotate(
            str(number), point, xytext=(0, height - place[1]), textcoords="offset points",
            fontsize=8, ha="center",
        )  # fmt: skip


def numbered(found: pd.DataFrame, cost: str = "seconds") -> pd.DataFrame:
    """Return the cells that bear a number in `accuracy_against_cost`.

    Args:
        found: from `lstm_report.costs.accuracy_and_cost`.
        cost: a key of `COSTS`.

    Returns:
        Columns number, study, cell, accuracy, seeds and the cost.
    """
    best = frontier(found, cost)[["study", "cell", "accuracy", "seeds", cost]]
    return best.assign(number=range(1, len(best) + 1)).set_index("number").reset_index()


def frontier(found: pd.DataFrame, cost: str = "seconds") -> pd.DataFrame:
    """Return the rows that no cheaper or equally cheap one reaches in accuracy, cheapest first.

    Args:
        found: from `lstm_report.costs.accuracy_and_cost`.
        cost: the column of the cost; rows without one are left out.
    """
    ordered = found.dropna(subset=[cost]).sort_values([cost, "accuracy"], ascending=[True, False])
    best = ordered["accuracy"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["accuracy"] > best]
