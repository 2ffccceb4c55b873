"""Figures that explain the cells and the loss: data in, `matplotlib` figure out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_report import style


@style.apply()
def gate_functions() -> Figure:
    """Draw the two functions of the gates: the logistic sigmoid σ and the hyperbolic tangent."""
    z = np.linspace(-6, 6, 241)
    figure, axis = style.figure(height=2.6, width=5.4)
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
            as from `probes.gradient_by_distance`, for one or more kinds of cell.
    """
    figure, axes = style.figure(
        1, len(panels), height=3.3, width=max(4.6, style.WIDTH * min(1, len(panels) / 2)),
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
                markevery=(4 * position, 12), label=style.name_of(kind),
            )  # fmt: skip
        axis.set(xlabel="distance $k$ (time steps)", title=title, yscale="log")
    axes[0, 0].set_ylabel(r"$\|\partial h_T/\partial x_{T-k}\|$ (no unit)")
    axes[0, 0].legend(loc="lower left")
    return style.finish(figure)


@style.apply()
def state_over_time(runs: Mapping[str, pd.DataFrame], *, quantity: str, name: str) -> Figure:
    """Draw the cell state or the hidden state of a one-unit cell over time.

    Args:
        runs: per label, columns step and `quantity`, as from `probes.follow_gates`.
        quantity: the column that is drawn, `c` or `h`.
        name: how the vertical axis is called.
    """
    colours = [style.PALETTE[key] for key in ("blue", "vermilion", "green", "purple", "orange")]
    figure, axis = style.figure(height=2.6, width=5.8)
    for position, (label, frame) in enumerate(runs.items()):
        axis.plot(
            frame["step"], frame[quantity], marker="os^Dv"[position % 5], label=label,
            color=colours[position % 5], markersize=4,
        )  # fmt: skip
    axis.set(xlabel="time step $t$", ylabel=name, ylim=(-0.05, 1.05))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside right upper")
    return style.finish(figure)


@style.apply()
def largest_hidden_state(trace: pd.DataFrame) -> Figure:
    """Draw the largest |h_t| over the hidden units at each step, with the LSTM's bound of 1.

    Args:
        trace: columns step, kind and largest, as from `probes.largest_hidden_state`.
    """
    figure, axis = style.figure(height=2.6)
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
        "Gradient": (-1 / (1 + np.exp(z)), r"derivative of the loss by $z$ (nats)"),
    }
    figure, axes = style.figure(1, 2, height=2.9)
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
