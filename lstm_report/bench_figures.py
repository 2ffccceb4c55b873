"""Figures of the benchmarks: rows of a record in, `Figure` out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lstm_report import speed, style
from lstm_report.speed import Row


def _plain(value: float, _: int = 0) -> str:
    return f"{value:g}"


@style.apply()
def against_goals(rows: Sequence[Row]) -> Figure:
    """Draw how many times over each goal is reached: from 1 on it is met.

    A figure that has to be at least so much is divided by its bound; of one that may be at most so
    much, the bound is divided by the figure, up to a hundredfold. The numbers beside the points are
    the figures.

    Args:
        rows: of a record; those without a goal or a figure are left out.
    """
    drawn = [row for row in speed.goals(rows) if row["figure"] is not None]
    figure, axis = style.figure(height=0.9 + 0.24 * len(drawn))
    colours = {True: style.PALETTE["green"], False: style.PALETTE["vermilion"]}
    for place, row in enumerate(drawn):
        found, bound = row["figure"], row["bound"]
        values = np.array([found["median"], found["low"], found["high"]])
        times = values / bound if row["word"] == "at least" else bound / values.clip(bound / 100)
        middle, (low, high) = times[0], np.sort(times[1:])
        axis.errorbar(
            middle, place, xerr=[[max(middle - low, 0)], [max(high - middle, 0)]], capsize=2,
            marker="o" if row["met"] else "X", linestyle="none", color=colours[row["met"]],
        )  # fmt: skip
        axis.annotate(
            f"{found['median']:.3g} ({speed.goal(row)})", (1.01, place), va="center",
            xycoords=("axes fraction", "data"), fontsize=7.5, annotation_clip=False,
        )  # fmt: skip
    axis.axvline(1, color=style.PALETTE["black"], linewidth=1)
    axis.set_yticks(range(len(drawn)), [row["what"] for row in drawn], fontsize=7.5)
    axis.set(xscale="log", xlabel="times the goal (from 1 on it is met)", ylabel="what is measured")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(_plain))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_ylim(len(drawn) - 0.5, -0.5)
    return style.finish(figure)


@style.apply()
def scaling(rows: Sequence[Row]) -> Figure:
    """Draw seconds against the size of the work along each axis, with the fitted powers.

    Args:
        rows: of a record; those of other sections are left out.
    """
    drawn = speed.scaling_rows(rows)
    titles = list(dict.fromkeys(row["details"]["axis"] for row in drawn))
    figure, axes = style.figure(-(-len(titles) // 2), 2, height=5.6, squeeze=False)
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
        axis.set(xscale="log", yscale="log", xlabel=title, ylabel="milliseconds")
        axis.set_xticks(points, [_plain(point) for point in points])
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(_plain))
        axis.legend(title="exponent (95% interval)", fontsize=8, title_fontsize=8)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    return style.finish(figure)
