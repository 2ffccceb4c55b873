"""Figures of training and evaluation: data in, `matplotlib` figure out.

Where a function takes one entry per model, the key is a kind of model (`lstm`, `reslstm`), which
settles colour, marker and name, or any other text, which is shown as it is.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from lstm_report.config import GATES
from lstm_report.figures import style

CLASSES = ("negative", "positive")


def _percent(axis: Axes, which: str = "y") -> None:
    getattr(axis, f"{which}axis").set_major_formatter(PercentFormatter(1))


@style.apply()
def learning_curves(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss and accuracy per epoch, training (dashed) and validation (solid).

    Args:
        runs: per model, the metrics of its run with the columns epoch, train_loss,
            train_accuracy, validation_loss and validation_accuracy.
    """
    figure, axes = style.figure(1, 2, height=2.9)
    for position, (kind, metrics) in enumerate(runs.items()):
        colour = style.colour_of(kind, position)
        for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            for part, line in (("train", "--"), ("validation", "-")):
                axis.plot(
                    metrics["epoch"],
                    metrics[f"{part}_{quantity}"],
                    line,
                    color=colour,
                    marker=style.MODEL_MARKERS.get(kind, "o"),
                    markerfacecolor=colour if part == "validation" else "white",
                    label=f"{style.name_of(kind)}, {part}",
                )
    axes[0].set(xlabel="epoch", ylabel="loss (nats per review)", title="Loss")
    axes[1].set(xlabel="epoch", ylabel="accuracy", title="Accuracy")
    _percent(axes[1])
    for axis in axes:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return style.finish(figure)


@style.apply()
def confusion_matrix(label: ArrayLike, prediction: ArrayLike) -> Figure:
    """Draw how many reviews of each class were given each label, and the share of their class.

    Args:
        label, prediction: 0 for negative and 1 for positive, one of each per review.
    """
    actual, given = np.asarray(label, int), np.asarray(prediction, int)
    counts = np.array([[np.sum((actual == a) & (given == b)) for b in (0, 1)] for a in (0, 1)])
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    text = [
        [f"{n:,}\n{s:.1%}" for n, s in zip(*row, strict=True)]
        for row in zip(counts, share, strict=True)
    ]
    figure, axis = style.figure(height=3.0, width=3.8)
    seaborn.heatmap(
        share, annot=np.array(text), fmt="", cmap="Blues", vmin=0, vmax=1, square=True, ax=axis,
        linewidths=2, xticklabels=CLASSES, yticklabels=CLASSES,
        cbar_kws={"label": "share of the actual class", "format": PercentFormatter(1)},
    )  # fmt: skip
    axis.set(xlabel="predicted label", ylabel="actual label")
    axis.tick_params(length=0)
    return style.finish(figure)


@style.apply()
def gate_activations(trace: pd.DataFrame, words: Sequence[str]) -> Figure:
    """Draw the mean activation of each gate at each word as a heat map.

    Args:
        trace: from `gates.gate_trace`, one row per word.
        words: the words, as many as rows.
    """
    labels = [style.label(word) for word in words]
    figure, axis = style.figure(height=2.5 + 0.05 * max(map(len, labels)))
    names = [f"{style.GATE_NAMES[gate]} ${gate}$" for gate in GATES]
    names[GATES.index("g")] = "candidate $|g|$"
    seaborn.heatmap(
        trace[list(GATES)].to_numpy().T, cmap="cividis", vmin=0, vmax=1, ax=axis,
        xticklabels=False, yticklabels=names,
        cbar_kws={"label": "mean over hidden units", "pad": 0.01},
    )  # fmt: skip
    size = float(np.clip(340 / len(words), 5, 9))
    axis.set_xticks(
        np.arange(len(labels)) + 0.5, labels, rotation=90 if len(words) > 12 else 45, fontsize=size,
        ha="center" if len(words) > 12 else "right",
        rotation_mode="default" if len(words) > 12 else "anchor", parse_math=False,
        fontfamily=style.families(),
    )  # fmt: skip
    axis.tick_params(length=0)
    axis.set(xlabel="word of the review, in reading order", ylabel="gate")
    return style.finish(figure)


@style.apply()
def results_against_source(results: pd.DataFrame, source: Mapping[str, float]) -> Figure:
    """Draw each model's test accuracy with its interval beside the figure the source states.

    Args:
        results: columns model (a kind), accuracy, low, high; fractions.
        source: per kind of model, the accuracy that the source report states.
    """
    figure, axis = style.figure(height=0.9 + 0.55 * len(results))
    for row, (_, entry) in enumerate(results.iterrows()):
        kind = str(entry["model"])
        colour = style.colour_of(kind, row)
        reach = [
            [entry["accuracy"] - entry["low"]],
            [entry["high"] - entry["accuracy"]],
        ]
        axis.errorbar(
            entry["accuracy"], row - 0.1, xerr=reach, color=colour, capsize=4, markersize=7,
            marker=style.MODEL_MARKERS.get(kind, "o"), label="this report, 95% interval",
        )  # fmt: skip
        if kind in source:
            axis.plot(
                source[kind], row + 0.2, marker="D", markersize=6, linestyle="none",
                color=style.PALETTE["black"], markerfacecolor="white", label="source report",
            )  # fmt: skip
    axis.set_yticks(range(len(results)), [style.name_of(str(kind)) for kind in results["model"]])
    axis.set(xlabel="accuracy on the test reviews", ylabel="model")
    axis.set_ylim(len(results) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    return style.finish(figure)


@style.apply()
def accuracy_by_length(groups: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the accuracy on reviews of each range of lengths, with intervals.

    Args:
        groups: per model, columns low, high (tokens), accuracy, ci_low, ci_high and count, as
            from `intervals.accuracy_by`; the same ranges for every model.
    """
    figure, axis = style.figure(height=3.0)
    for position, (kind, frame) in enumerate(groups.items()):
        reach = [frame["accuracy"] - frame["ci_low"], frame["ci_high"] - frame["accuracy"]]
        axis.errorbar(
            np.arange(len(frame)) + 0.12 * (position - (len(groups) - 1) / 2),
            frame["accuracy"], yerr=reach, capsize=3, color=style.colour_of(kind, position),
            marker=style.MODEL_MARKERS.get(kind, "o"), linestyle=":", label=style.name_of(kind),
        )  # fmt: skip
    ticks = [
        f"{low:.0f} to {high:.0f}\n({count:,.0f})"
        if np.isfinite(high)
        else f"{low:.0f} and more\n({count:,.0f})"
        for low, high, count in zip(frame["low"], frame["high"], frame["count"], strict=True)
    ]
    axis.set_xticks(range(len(ticks)), ticks)
    axis.set(xlabel="length of the review in tokens (number of reviews)", ylabel="accuracy")
    axis.grid(axis="x", visible=False)
    _percent(axis)
    axis.legend()
    return style.finish(figure)


@style.apply()
def calibration(groups: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw a reliability diagram: how often a prediction of a given probability comes true.

    Args:
        groups: per model, columns confidence (mean predicted probability of a bin), accuracy
            (observed share), low, high (its interval) and count, as from `intervals.calibration`.
    """
    figure, axis = style.figure(height=3.8, width=4.6)
    axis.plot([0, 1], [0, 1], "--", color=style.PALETTE["grey"], linewidth=1, label="perfect")
    for position, (kind, frame) in enumerate(groups.items()):
        frame = frame.dropna(subset=["accuracy"])
        reach = [frame["accuracy"] - frame["low"], frame["high"] - frame["accuracy"]]
        axis.errorbar(
            frame["confidence"], frame["accuracy"], yerr=np.maximum(reach, 0), capsize=2,
            color=style.colour_of(kind, position), marker=style.MODEL_MARKERS.get(kind, "o"),
            label=style.name_of(kind),
        )  # fmt: skip
    axis.set(xlabel="predicted probability of “positive”", ylabel="observed share of positive")
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    _percent(axis)
    _percent(axis, "x")
    axis.legend(loc="upper left")
    return style.finish(figure)


@style.apply()
def disagreement(correct_a: ArrayLike, correct_b: ArrayLike, kinds: tuple[str, str]) -> Figure:
    """Draw on how many reviews both, only one, or neither of two models is right.

    Args:
        correct_a, correct_b: whether each model is right on each review, the same reviews.
        kinds: the two models.
    """
    a, b = np.asarray(correct_a, bool), np.asarray(correct_b, bool)
    first, second = (style.name_of(kind) for kind in kinds)
    bars = {
        "both right": (np.sum(a & b), style.PALETTE["green"]),
        f"only {first} right": (np.sum(a & ~b), style.colour_of(kinds[0], 0)),
        f"only {second} right": (np.sum(~a & b), style.colour_of(kinds[1], 1)),
        "both wrong": (np.sum(~a & ~b), style.PALETTE["grey"]),
    }
    figure, axis = style.figure(height=2.2)
    counts = [int(count) for count, _ in bars.values()]
    drawn = axis.barh(list(bars), counts, color=[colour for _, colour in bars.values()], height=0.6)
    axis.bar_label(drawn, [f"{count:,} ({count / a.size:.1%})" for count in counts], padding=4)
    axis.set(xlabel="number of test reviews", ylabel="outcome", xlim=(0, 1.18 * max(counts)))
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    return style.finish(figure)
