"""Figures of the reviews, of training and of evaluation: data in, `matplotlib` figure out.

Where a function takes one entry per model, the key is a kind of model (`lstm`, `reslstm`), which
settles colour, marker and name, or any other text, which is shown as it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lstm_report.config import GATES
from lstm_report.figures import style

POINTS = 300
"""Of a curve over the words of a vocabulary, which would else have a point for each word."""


def _percent(axis: Axes, which: str = "y") -> None:
    getattr(axis, f"{which}axis").set_major_formatter(PercentFormatter(1))


@style.apply()
def learning_curves(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss and accuracy per epoch, training (dashed) and validation (solid).

    Args:
        runs: per model, the metrics of its run with the columns epoch, train_loss,
            train_accuracy, validation_loss and validation_accuracy.
    """
    figure, axes = style.figure(1, 2, height=2.6)
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
def gate_activations(traces: Mapping[str, pd.DataFrame], words: Sequence[str]) -> Figure:
    """Draw the mean activation of each gate at each word as heat maps, one for each model.

    Args:
        traces: per kind of model, from `gates.gate_trace`, one row per word.
        words: the words, as many as rows.
    """
    labels = [style.label(word) for word in words]
    many = len(words) > 12
    names = [f"{style.GATE_NAMES[gate]} ${gate}$" for gate in GATES]
    names[GATES.index("g")] = "candidate $|g|$"
    figure, axes = style.figure(
        len(traces), height=0.9 + 1.3 * len(traces) + 0.05 * max(map(len, labels)), sharex=True,
        squeeze=False,
    )  # fmt: skip
    for axis, (kind, trace) in zip(axes[:, 0], traces.items(), strict=True):
        seaborn.heatmap(
            trace[list(GATES)].to_numpy().T, cmap="cividis", vmin=0, vmax=1, ax=axis, cbar=False,
            xticklabels=False, yticklabels=names,
        )  # fmt: skip
        axis.set(title=style.name_of(kind))
        axis.tick_params(length=0)
    bottom = axes[-1, 0]
    bottom.set_xticks(
        np.arange(len(labels)) + 0.5, labels, rotation=90 if many else 45,
        fontsize=float(np.clip(340 / len(words), 5, 9)), ha="center" if many else "right",
        rotation_mode="default" if many else "anchor", parse_math=False,
        fontfamily=style.families(),
    )  # fmt: skip
    bottom.set(xlabel="word of the review, in reading order")
    figure.colorbar(bottom.collections[0], ax=axes, label="mean over hidden units", pad=0.01)
    return style.finish(figure)


@style.apply()
def word_by_word(words: Sequence[str], probability: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the probability of `positive` after each word of a text, one line per model.

    Args:
        words: the words, in order.
        probability: per kind of model, one number a word.
    """
    figure, axis = style.figure(height=2.5)
    for position, (kind, values) in enumerate(probability.items()):
        axis.plot(
            range(len(words)), values, color=style.colour_of(kind, position),
            marker=style.MODEL_MARKERS.get(kind, "o"), label=style.name_of(kind),
        )  # fmt: skip
    axis.axhline(0.5, linewidth=1, color=style.PALETTE["grey"])
    axis.set_xticks(
        range(len(words)), [style.label(word) for word in words], rotation=45, ha="right",
        rotation_mode="anchor", parse_math=False, fontfamily=style.families(),
    )  # fmt: skip
    axis.set(xlabel="word, in reading order", ylabel="P(positive) after it", ylim=(-0.03, 1.03))
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
def words_and_lengths(
    train: Counter[str], test: Counter[str], size: int, lengths: Sequence[int], cut: int
) -> Figure:
    """Draw how much of the reviews a vocabulary covers, and how long they are.

    Args:
        train: counts of the training words; their order gives the vocabulary.
        test: counts of the test words.
        size: the size of the vocabulary in use, marked.
        lengths: tokens of each review before cutting.
        cut: tokens kept of a longer review, marked.
    """
    figure, (covering, length) = style.figure(1, 2, height=2.6)
    words = [word for word, _ in train.most_common()]
    spread = np.geomspace(1, max(len(words), 1), POINTS).round().astype(int)
    ranks = np.unique([*spread, size])
    ranks = ranks[(ranks > 0) & (ranks <= len(words))]
    for name, counts, colour, line in (
        ("training", train, "blue", "-"),
        ("test", test, "vermilion", "--"),
    ):
        covered = np.cumsum([counts[word] for word in words]) / max(counts.total(), 1)
        covering.plot(
            ranks, covered[ranks - 1], line, color=style.PALETTE[colour], label=f"{name} reviews"
        )
    covering.axvline(size, color=style.PALETTE["grey"], linewidth=1, label=f"{size:,} words")
    covering.set(xscale="log", xlabel="words in the vocabulary", ylabel="running words covered")
    covering.yaxis.set_major_formatter(PercentFormatter(1))
    last = float(np.quantile(lengths, 0.99))
    length.hist(np.minimum(lengths, last), bins=60, color=style.PALETTE["blue"], alpha=0.8)
    length.axvline(cut, color=style.PALETTE["vermilion"], label=f"cut at {cut} tokens")
    length.set(xlabel="tokens in a training review", ylabel="reviews", xlim=(0, last))
    covering.legend()
    length.legend(loc="upper right")
    return style.finish(figure)
