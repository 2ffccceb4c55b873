"""Figures of cost: accuracy against it, and the record of the benchmarks of speed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    PercentFormatter,
)

from lstm_report import paths
from lstm_report.config import KINDS
from lstm_report.errors import UserError
from lstm_report.figures import style

Row = Mapping[str, Any]
"""One figure of a record, see `benchmarks/timing.py`."""
SIGNS = {"at most": "\N{LESS-THAN OR EQUAL TO}", "under": "<",
         "at least": "\N{GREATER-THAN OR EQUAL TO}"}  # fmt: skip
"""For the words of a goal."""
PARTS = ("finished", "hardware", "threads", "versions", "rows")


def read(device: str) -> dict[str, Any] | None:
    """Return the record of `make bench` that is committed for a device, None when there is none.

    Args:
        device: `cpu` or `gpu`.

    Returns:
        Among others `hardware`, `threads`, `versions`, `finished` and `rows`, a list of `Row`.

    Raises:
        UserError: when the record cannot be read.
    """
    path = paths.RESULTS / "bench" / f"{device}.json"
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in PARTS if name not in record]
    except (ValueError, TypeError) as error:
        raise UserError(
            f"Expected a record of `make bench` at {path}, but it cannot be read: "
            "copy build/bench.json there anew."
        ) from error
    if missing:
        raise UserError(
            f"Expected a record of `make bench` at {path}, but it has no {', '.join(missing)}: "
            "copy build/bench.json there anew."
        )
    return record


def goals(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a goal, measured or not."""
    return [row for row in rows if row["word"] is not None]


def goal(row: Row) -> str:
    """Return the goal of a row, such as `≤ 1.05`, without a place to break the line; or nothing."""
    if row["word"] is None:
        return ""
    return f"{SIGNS[row['word']]}\N{NO-BREAK SPACE}{row['bound']:g}"


def goal_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the goals with what was measured; goals without a figure are in `absent`.

    Returns:
        Columns measured, figure, low, high (the interval over rounds), goal and met.
    """
    return pd.DataFrame(
        {**_measured(row), "goal": goal(row), "met": "yes" if row["met"] else "no"}
        for row in goals(rows)
        if row["figure"] is not None
    )


def further_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return what was measured without a goal, but for how cost grows.

    Returns:
        Columns measured, figure, low and high, as of `goal_table`.
    """
    return pd.DataFrame(
        _measured(row)
        for row in rows
        if row["word"] is None and row["figure"] is not None and "points" not in row["details"]
    )


def absent(rows: Sequence[Row]) -> list[str]:
    """Return what could not be measured, each with the reason."""
    return [f"{row['what']} ({row['note']})" for row in rows if row["figure"] is None]


def _measured(row: Row) -> dict[str, Any]:
    figure = row["figure"]
    return {"measured": row["what"]} | {
        name: figure[key] for name, key in (("figure", "median"), ("low", "low"), ("high", "high"))
    }


def scaling_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that tell how cost grows with the work."""
    return [row for row in rows if row["details"].get("points")]


def _plain(value: float, _: int = 0) -> str:
    return f"{value:g}"


@style.apply()
def scaling(rows: Sequence[Row]) -> Figure:
    """Draw seconds against the size of the work along each axis, with the fitted powers."""
    drawn = scaling_rows(rows)
    titles = list(dict.fromkeys(row["details"]["axis"] for row in drawn))
    figure, axes = style.figure(-(-len(titles) // 2), 2, height=7.0, squeeze=False)
    for axis, title in zip(axes.flat, titles, strict=False):
        for row in (row for row in drawn if row["details"]["axis"] == title):
            kind, points = row["details"]["kind"], np.array(row["details"]["points"], float)
            seconds = np.array([np.median(row["seconds"][f"{point:g}"]) for point in points])
            power, low, high = (row["figure"][name] for name in ("median", "low", "high"))
            height = np.exp(np.mean(np.log(seconds) - power * np.log(points)))
            colour = style.colour_of(kind, 0)
            axis.plot(
                points, 1e3 * seconds, marker=style.MODEL_MARKERS.get(kind, "o"), color=colour,
                linestyle="none",
                label=f"{style.name_of(kind)}: {power:.2f} ({low:.2f} to {high:.2f})",
            )  # fmt: skip
            axis.plot(points, 1e3 * height * points**power, color=colour, linewidth=1.2)
        # What is counted are the sequences, or their steps, by which the tokens grow.
        name = title.removeprefix("tokens, by ")
        axis.set(xscale="log", yscale="log", xlabel=name, ylabel="milliseconds")
        axis.set_xticks(points, [_plain(point) for point in points])
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(_plain))
        axis.legend(
            title="exponent (95% interval)", fontsize=8, title_fontsize=8,
            loc="upper left", bbox_to_anchor=(0, -0.25),
        )  # fmt: skip
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    return style.finish(figure)


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

    Returns:
        Columns number, study, cell, accuracy, seeds and the cost.
    """
    best = frontier(found, cost)[["study", "cell", "accuracy", "seeds", cost]]
    return best.assign(number=range(1, len(best) + 1)).set_index("number").reset_index()


def frontier(found: pd.DataFrame, cost: str = "seconds") -> pd.DataFrame:
    """Return the rows that no cheaper or equally cheap one reaches in accuracy, cheapest first."""
    ordered = found.dropna(subset=[cost]).sort_values([cost, "accuracy"], ascending=[True, False])
    best = ordered["accuracy"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["accuracy"] > best]
