"""Figures of the evidence on the claims: recorded numbers in, `matplotlib` figure out.

Where a table has one row a seed, every seed is drawn faintly, and the means over the seeds in bold
with their 95% intervals (Student's). On a logarithmic axis both are those of the logarithms, so
that the mean is the geometric one.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lstm_report.figures import style
from lstm_report.statistics.intervals import UNITS, Estimate, Interval
from lstm_report.statistics.unpaired import contrast

POINT = 100
"""A fraction times this is in points."""
LONGEST_NAME = 40
"""Characters in a line of the name of a comparison."""
CROSS = style.PALETTE["grey"]
FAINT: Mapping[str, Any] = {"alpha": 0.25, "linewidth": 0.7}
"""How a single seed is drawn."""


@dataclass(frozen=True)
class Shown:
    """A figure with what `display.show_figure` needs."""

    figure: Figure
    caption: str
    alt: str
    live: dict[str, Any] | None = None
    """What its live part on the page is told, if it has one."""


@dataclass(frozen=True)
class Panel:
    """One panel of `over_conditions`."""

    title: str
    x: str
    y: str
    lines: Mapping[str, pd.DataFrame]
    """Per model, seeds by conditions; the conditions are numbers, or texts in their order."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Passed on to `Axes.set`, as in `{"yscale": "log"}`."""
    percent: bool = False
    """Whether the values are fractions to be read as percentages."""
    level: tuple[str, float] | None = None
    """A value to compare with, and its name."""
    joined: bool = True
    """Whether the conditions are steps of one quantity, so that a line may lead through them."""
    learnt: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Per model, as `lines`: whether a run learnt. Means are then over those that did, since the
    mean of runs that learnt and of others is that of neither; the others are crosses."""

    def of_those_that_learnt(self, kind: str) -> pd.DataFrame:
        """Return the line of a model without the values of runs that did not learn."""
        table = self.lines[kind]
        if kind not in self.learnt:
            return table
        return table.where(self.learnt[kind].reindex(table.index, fill_value=False))


def _percent(axis: Axes) -> None:
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}%"))


def _mean(values: np.ndarray) -> Interval:
    """Return the mean of one number a seed with Student's interval, if there are two or more."""
    if len(values) < 2:
        return Interval(float(values[0]), float(values[0]), float(values[0]))
    return contrast([values], [1]).interval


def _band(axis: Axes, x: Any, table: pd.DataFrame, kind: str, position: int) -> None:
    """Draw the rows of a table, (seeds, conditions), their mean and its interval."""
    colour, values = style.colour_of(kind, position), table.to_numpy(dtype=float)
    axis.plot(x, values.T, color=colour, **FAINT)
    logarithmic = axis.get_yscale() == "log"
    found = [_mean(np.log10(column) if logarithmic else column) for column in values.T]
    ends = np.array([[end.estimate, end.low, end.high] for end in found])
    middle, low, high = (10**ends if logarithmic else ends).T
    axis.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    axis.plot(
        x, middle, color=colour, label=style.name_of(kind),
        marker=style.MODEL_MARKERS.get(kind, "o"), markevery=max(1, len(x) // 12),
        **style.layered(kind),
    )  # fmt: skip


def _bands(axis: Axes, lines: Mapping[str, pd.DataFrame]) -> None:
    """Draw the seeds and their mean against the conditions, a line for each model."""
    for position, (kind, table) in enumerate(lines.items()):
        numeric = all(isinstance(name, int | float) for name in table.columns)
        columns = list(table.columns) if numeric else list(map(str, table.columns))
        _band(axis, columns, table, kind, position)


def _points(axis: Axes, panel: Panel) -> None:
    """Draw every seed of each condition, and the mean with its interval, models side by side."""
    lines = panel.lines
    names = list(dict.fromkeys(name for table in lines.values() for name in table.columns))
    for position, (kind, table) in enumerate(lines.items()):
        colour = style.colour_of(kind, position)
        values = panel.of_those_that_learnt(kind).to_numpy(dtype=float)
        others = np.where(np.isfinite(values), np.nan, table.to_numpy(dtype=float))
        shift = 0.24 * (position - (len(lines) - 1) / 2)
        places = np.array([names.index(name) + shift for name in table.columns])
        spread = np.linspace(-0.05, 0.05, len(values))[:, None]  # beside each other, in their order
        axis.plot(
            (places + spread).ravel(), values.ravel(), linestyle="", marker="o", markersize=3,
            color=colour, alpha=0.5, markeredgewidth=0,
        )  # fmt: skip
        if np.isfinite(others).any():
            axis.plot(
                (places + spread).ravel(), others.ravel(), linestyle="", marker="x", markersize=4,
                color=colour, alpha=0.8, markeredgewidth=0.9,
            )  # fmt: skip
        some = np.isfinite(values).any(axis=0)
        found = [_mean(column[np.isfinite(column)]) for column in values.T[some]]
        reach = [[e.estimate - e.low for e in found], [e.high - e.estimate for e in found]]
        axis.errorbar(
            places[some] + 0.09, [e.estimate for e in found], yerr=reach, capsize=3, linestyle="",
            color=colour, label=style.name_of(kind), marker=style.MODEL_MARKERS.get(kind, "o"),
        )  # fmt: skip
    axis.set_xticks(
        range(len(names)), [f"{name:g}" if isinstance(name, float) else f"{name}" for name in names]
    )
    axis.set_xlim(-0.6, len(names) - 0.4)
    axis.grid(axis="x", visible=False)


@style.apply()
def over_conditions(panels: Sequence[Panel]) -> Figure:
    """Draw one line a model against a condition, in one panel for each measure."""
    figure, axes = style.figure(
        1, len(panels), height=2.7, width=style.WIDTH if len(panels) > 1 else 5.2, squeeze=False
    )
    for axis, panel in zip(axes[0], panels, strict=True):
        axis.set(title=panel.title, xlabel=panel.x, ylabel=panel.y, **panel.options)
        if panel.joined:
            _bands(axis, panel.lines)
        else:
            _points(axis, panel)
        if panel.level is not None:
            name, value = panel.level
            axis.axhline(value, color=style.PALETTE["grey"], linestyle=":", label=name)
        if panel.percent:
            _percent(axis)
            low, high = axis.get_ylim()
            axis.set_ylim(max(low, -0.02), min(high, 1.02))  # Student's intervals know no bounds
        low, high = axis.get_ylim()
        if axis.get_yscale() == "log" and high < 100 * low:  # so few powers of ten need more ticks
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            axis.yaxis.set_minor_locator(NullLocator())
        if panel.joined and axis.get_xscale() == "log":
            ticks = [float(name) for name in next(iter(panel.lines.values())).columns]
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.xaxis.set_minor_locator(NullLocator())
    handles = {
        label: handle
        for axis in axes[0]
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if any(not table.all(axis=None) for panel in panels for table in panel.learnt.values()):
        handles["did not learn"] = Line2D([], [], linestyle="", marker="x", color=CROSS)
    in_a_row = 4 if len(panels) > 1 and len(handles) == 4 else 3
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=in_a_row)
    return style.finish(figure)


def shown(panels: Sequence[Panel], caption: str) -> Shown:
    """Return the figure of `over_conditions` with its caption, and with its finding in words."""
    return Shown(over_conditions(panels), caption, " ".join(map(in_words, panels)))


def in_words(panel: Panel) -> str:
    """Return what a panel shows to who cannot see it: each line's means, its ends if it is long."""

    def written(value: float) -> str:
        if panel.percent:
            return f"{100 * value:.1f}%"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}".replace("e-0", "e-")

    def at(name: Any) -> str:
        return f"{name:g}" if isinstance(name, float) else str(name)

    lines = []
    for kind in panel.lines:
        table = panel.of_those_that_learnt(kind)
        means, counts = table.mean(), table.notna().sum().to_dict()
        if panel.options.get("yscale") == "log":
            means = 10 ** np.log10(table).mean()
        known = kind in panel.learnt
        chosen = means if len(means) <= (1 if panel.joined else 4) else means.iloc[[0, -1]]
        said = []
        for name, value in chosen.items():
            told = written(value) if counts[name] else "none"
            told = f"{told} at {at(name)}" if at(name) else told
            some = known and counts[name] < len(table)
            said.append(f"{told} ({counts[name]} of {len(table)} learnt)" if some else told)
        both = panel.joined and len(said) == 2
        lines.append(
            f"{style.name_of(kind)}: {f'from {said[0]} to {said[1]}' if both else ', '.join(said)}"
        )
    if panel.level:
        lines.append(f"{panel.level[0]} is {written(panel.level[1])}")
    title = f"{panel.title}, {panel.y}" if panel.title else panel.y
    title = f"{title[0].upper()}{title[1:]}"
    if any(f"{name}" for table in panel.lines.values() for name in table):
        title = f"{title} by {panel.x}"
    return f"{title}, means over the seeds: {'; '.join(lines)}."


@style.apply()
def epoch_bands(epochs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss (in training and in validation) and validation accuracy over the epochs.

    Args:
        epochs: per model, columns seed, epoch, train_loss, validation_loss and
            validation_accuracy, one row a run and epoch.
    """
    columns = ("seed", "epoch", "train_loss", "validation_loss", "validation_accuracy")
    figure, axes = style.figure(1, 3, height=2.6)
    for position, (kind, frame) in enumerate(epochs.items()):
        for axis, quantity in zip(axes, columns[2:], strict=True):
            table = frame.pivot(index="seed", columns="epoch", values=quantity).dropna()
            _band(axis, list(table.columns), table, kind, position)
    for axis, title in zip(axes, ("Training", "Validation", "Validation"), strict=True):
        axis.set(title=title, xlabel="epoch", ylabel="loss (nats per review)")
        axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes[2].set(ylabel="accuracy")
    _percent(axes[2])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return style.finish(figure)


@style.apply()
def best_epochs(best: Mapping[str, Sequence[int]], stated: int, last: int) -> Figure:
    """Draw how many runs of each model were at their best at each epoch.

    Args:
        best: per model, the epoch of highest validation accuracy of each run.
        stated: the epoch that the source states.
        last: the last epoch that was trained.
    """
    figure, axis = style.figure(height=2.2, width=5.8)
    width = 0.8 / len(best)
    for position, (kind, values) in enumerate(best.items()):
        counts = np.bincount(np.asarray(values, dtype=int), minlength=last + 1)[: last + 1]
        place = np.arange(last + 1) + width * (position - (len(best) - 1) / 2)
        axis.bar(place, counts, width, color=style.colour_of(kind, position),
                 label=style.name_of(kind))  # fmt: skip
    axis.axvline(stated, color=style.PALETTE["black"], linestyle=":", label="source report")
    axis.set(xlabel="epoch of highest validation accuracy", ylabel="runs", xlim=(0.4, last + 0.6))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(axis="x", visible=False)
    axis.legend(loc="upper left")
    return style.finish(figure)


@style.apply()
def runs_and_pairs(lines: Mapping[str, pd.DataFrame], stated: float) -> Figure:
    """Draw every run of some models, and the differences of all pairs of a run of each of two.

    Args:
        lines: per model, the accuracies of its runs, one a row; among them `lstm` and `reslstm`,
            whose differences (the first minus the second) are drawn.
        stated: the difference that the source states for its one pair, a fraction.
    """
    figure, (runs, pairs) = style.figure(1, 2, height=2.9)
    _points(runs, Panel("", "", "", lines))
    runs.set(title="Every run", xticks=[], ylabel="test accuracy")
    _percent(runs)
    first, second = (lines[kind].to_numpy(dtype=float) for kind in ("lstm", "reslstm"))
    differences = POINT * np.subtract.outer(first.ravel(), second.ravel()).ravel()
    pairs.hist(differences, bins=30, color=style.PALETTE["grey"], alpha=0.6)
    pairs.axvline(0, color=style.PALETTE["black"], linewidth=0.8)
    pairs.axvline(
        POINT * stated, color=style.PALETTE["purple"], linestyle=":", label="source report"
    )
    pairs.axvline(differences.mean(), color=style.PALETTE["black"], label="mean of all pairs")
    pairs.set(
        title="Every pair", xlabel="LSTM minus residual LSTM (points)", ylabel="pairs of runs"
    )
    figure.legend(loc="outside lower center", ncols=3)
    return style.finish(figure)


@style.apply()
def differences(estimates: Sequence[Estimate], margins: Mapping[str, float]) -> Figure:
    """Draw several differences, each with its interval, in one panel for each unit."""
    groups: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        groups.setdefault(estimate.unit, []).append(estimate)
    heights = [len(group) + 1 for group in groups.values()]
    figure, axes = style.figure(
        len(groups), height=0.6 * len(groups) + 0.28 * len(estimates) + 0.4, squeeze=False,
        height_ratios=heights,
    )  # fmt: skip
    for axis, (unit, group) in zip(axes[:, 0], groups.items(), strict=True):
        scale, _, _, name = UNITS[unit]
        ends = scale * np.array([[getattr(e.interval, part) for part in ("estimate", "low", "high")]
                                 for e in group])  # fmt: skip
        axis.axvspan(-scale * margins[unit], scale * margins[unit], color=style.GREYS["grid"],
                     linewidth=0, label="does not matter in practice")  # fmt: skip
        axis.axvline(0, color=style.PALETTE["black"], linewidth=0.8)
        reach = np.maximum([ends[:, 0] - ends[:, 1], ends[:, 2] - ends[:, 0]], 0)
        axis.errorbar(
            ends[:, 0], range(len(group)), xerr=reach, fmt="o", color=style.PALETTE["black"],
            capsize=3, markersize=6, label="95% interval",
        )  # fmt: skip
        names = [textwrap.fill(estimate.what, LONGEST_NAME) for estimate in group]
        axis.set_yticks(range(len(group)), names)
        axis.set_ylim(len(group) - 0.5, -0.5)
        axis.set_xlabel(f"difference ({name.format('').strip()})")
        axis.grid(axis="y", visible=False)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return style.finish(figure)


@style.apply()
def loss_by_error(groups: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw which part of the whole loss of real predictions comes from which error.

    Args:
        groups: per model, columns error (0 to 1) and loss (nats), one row a prediction.
    """
    figure, axis = style.figure(height=2.6, width=5.2)
    middle = np.linspace(0.05, 0.95, 10)
    for position, (kind, frame) in enumerate(groups.items()):
        tenth = np.minimum((10 * frame["error"]).astype(int), 9)
        part = frame.groupby(tenth)["loss"].sum().reindex(range(10), fill_value=0)
        axis.plot(
            middle, part / part.sum(), color=style.colour_of(kind, position),
            label=style.name_of(kind), marker=style.MODEL_MARKERS.get(kind, "o"),
            fillstyle="none" if position else "full", markersize=7 + 2 * position,
        )  # fmt: skip
    _percent(axis)
    axis.set(xlabel=r"error $|\hat y - y|$", ylabel="part of the whole loss", xlim=(-0.03, 1.03))
    axis.legend(loc="upper left")
    return style.finish(figure)
