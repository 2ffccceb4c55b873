"""The figure of each claim, drawn from the records; none where they are missing."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lstm_report import evidence_figures, source_report
from lstm_report import rules_depth as depth
from lstm_report import rules_memory as memory
from lstm_report.archive import Archive, Missing, View
from lstm_report.comparison import differences
from lstm_report.decisions import MARGIN
from lstm_report.evidence import Cell, by_number, compare
from lstm_report.evidence_figures import Panel
from lstm_report.rules import (
    LSTM,
    MATCHED,
    N_GRAMS,
    ONE_LAYER,
    OVER_N_GRAMS,
    OVER_ONE_LAYER,
    RESIDUAL,
    SOURCE_DIFFERENCE,
    deepest,
)
from lstm_report.rules_loss import loss_against_error
from lstm_report.seeds import seed_table

KINDS = ("rnn", "lstm", "reslstm", "skiplstm", "gatedlstm")
SKIP = ("headline", "skiplstm")


@dataclass(frozen=True)
class Shown:
    """A figure with what `notebook.show_figure` needs."""

    figure: Figure
    caption: str
    alt: str


def draw(identity: str, archive: Archive) -> Shown | None:
    """Return the figure of a claim, or `None` without the records that it needs."""
    try:
        return FIGURES[identity](View(archive))
    except Missing:
        return None


def _differences_by_seed(view: View) -> Shown:
    found = compare(view, LSTM, RESIDUAL)
    a, b = (view.correct(*cell, found.seeds) for cell in (LSTM, RESIDUAL))
    table = seed_table(a, b, found.seeds)
    names = ("the LSTM", "the residual LSTM")
    return Shown(
        evidence_figures.paired_differences(
            table, found.interval, margin=MARGIN, names=names, stated=SOURCE_DIFFERENCE
        ),
        "Accuracy of the LSTM minus that of the residual LSTM in each seed, and its mean, with 95% "
        "intervals. The grey band holds what does not matter in practice.",
        "One point with an interval for each seed, and one for the mean, beside a band around 0.",
    )


def _headline_epochs(view: View) -> dict[str, pd.DataFrame]:
    kept = view.archive.study("headline").records
    seeds = view.common([LSTM, RESIDUAL])
    assert kept is not None  # `common` has seen to it
    epochs = kept.epochs[kept.epochs["seed"].isin(seeds)]
    return {kind: epochs[epochs["cell"] == kind] for _, kind in (LSTM, RESIDUAL)}


def _best_epochs(view: View) -> Shown:
    epochs = _headline_epochs(view)
    best = {cell[1]: view.rows(*cell)["best_epoch"].tolist() for cell in (LSTM, RESIDUAL)}
    last = int(max(frame["epoch"].max() for frame in epochs.values()))
    return Shown(
        evidence_figures.best_epochs(best, source_report.BEST_EPOCH, last),
        "Runs by the epoch at which their validation accuracy was highest.",
        "Bars of the number of runs at each epoch for both models, with a line at epoch 14.",
    )


def _curves(view: View) -> Shown:
    return Shown(
        evidence_figures.epoch_bands(_headline_epochs(view)),
        "Loss and validation accuracy over the epochs: means over the seeds with 95% intervals.",
        "Three panels over the epochs with a line and a band for each model.",
    )


def _measured(
    view: View, study: str, measure: str, prefix: str = "", *, layers: bool = False
) -> dict[str, pd.DataFrame]:
    """Return a measure by kind, seeds by numbers; with `layers` of the deepest stack of each.

    Raises:
        Missing: when no kind has it.
    """
    found, lacks = {}, [Missing("")]
    for kind in KINDS:
        try:
            number = deepest(view, kind) if layers else 0
            cell = f"{kind} x{number}" if layers else kind
            table = view.measured(study, cell, measure)
            found[kind] = by_number(table, prefix.replace("TOP", str(number)))
        except Missing as lack:
            lacks.append(lack)
    if not found:
        raise lacks[-1]
    return found


def _memory(view: View) -> Shown:
    length = _longest(view)
    gradients = _measured(view, "memory", memory.CELL_GRADIENT, f"adding/{length}/")
    errors = _measured(view, "memory", memory.ADDING)
    chance = ("without memory", memory.ADDING_BY_CHANCE)
    panels = [
        Panel("Adding problem", "length", "mean squared error", errors, {"xscale": "log"},
              level=chance),
        Panel(f"Cell state, length {length}", "distance (time steps)", "norm of the gradient",
              gradients, {"yscale": "log"}),
    ]  # fmt: skip
    return Shown(
        evidence_figures.over_conditions(panels),
        "Error in the adding problem against its length, and the gradient by the cell state "
        "against its distance from the end. Means over the seeds with 95% intervals.",
        "Two panels with a line and a band for each kind of cell.",
    )


def _longest(view: View) -> str:
    names = map(str, view.measured("memory", "lstm", memory.CELL_GRADIENT).columns)
    lengths = {int(name.split("/")[1]) for name in names if name.startswith("adding/")}
    if not lengths:
        raise Missing(memory.CELL_GRADIENT)
    return str(max(lengths))


def _gradients(view: View) -> Shown:
    by_layer = _measured(view, "depth", depth.LAYER_GRADIENT, "trained/", layers=True)
    by_time = _measured(view, "depth", depth.TIME_GRADIENT, "trained/TOP/", layers=True)
    log = {"yscale": "log"}
    panels = [
        Panel("Over layers", "layer, the deepest at the right", "norm of the gradient", by_layer,
              log),
        Panel("Over time", "distance from the end (time steps)", "norm of the gradient", by_time,
              log),
    ]  # fmt: skip
    return Shown(
        evidence_figures.over_conditions(panels),
        "Gradient of the loss by the hidden states of the deepest trained stack of each kind: by "
        "layer, and in its deepest layer by time step. Means over the seeds with 95% intervals.",
        "Two panels on a logarithmic axis with a line and a band for each kind of layer.",
    )


def _depths(view: View) -> Shown:
    lines: dict[str, dict[str, pd.DataFrame]] = {"train_loss": {}, "test_accuracy": {}}
    for kind in KINDS:
        for quantity, tables in lines.items():
            try:
                tables[kind] = depth.by_depth(view, kind, quantity)
            except Missing:
                continue
    if not all(lines.values()):
        raise Missing("depths")
    log = {"xscale": "log"}
    panels = [
        Panel("Training loss", "layers", "loss at the last epoch (nats)", lines["train_loss"], log),
        Panel("Test accuracy", "layers", "accuracy", lines["test_accuracy"], log, percent=True),
    ]
    return Shown(
        evidence_figures.over_conditions(panels),
        "Training loss and test accuracy against the number of layers. Means over the seeds with "
        "95% intervals.",
        "Two panels against the number of layers with a line and a band for each kind of layer.",
    )


def _probes(view: View) -> Shown:
    words = _measured(view, "depth", depth.PROBE, "TOP/", layers=True)
    panel = Panel("", "time steps between word and state", "words read back", words, percent=True)
    return Shown(
        evidence_figures.over_conditions([panel]),
        "How often a linear probe tells from the deepest layer's state which word was read so many "
        "time steps before. Means over the seeds with 95% intervals.",
        "A line and a band for each kind of layer against the distance of the word.",
    )


def _although_but(view: View) -> Shown:
    accuracy = _measured(view, "memory", memory.ALTHOUGH_BUT)
    panel = Panel("", "words between the two halves", "accuracy", accuracy, {"xscale": "log"},
                  percent=True, level=("without memory", 0.5))  # fmt: skip
    return Shown(
        evidence_figures.over_conditions([panel]),
        "Accuracy on sentences “although …, …, but …” against the number of words between their "
        "halves. Means over the seeds with 95% intervals.",
        "A line and a band for each kind of cell against the distance.",
    )


def _windows(view: View) -> Shown:
    lines, level = {}, None
    for cell in (LSTM, RESIDUAL):
        try:
            table = view.measured(*cell, memory.SHUFFLED)
        except Missing:
            continue
        order = sorted(map(str, table), key=lambda name: (name == "all", name.zfill(9)))
        lines[cell[1]] = table[order]
    if not lines:
        raise Missing(memory.SHUFFLED)
    with contextlib.suppress(Missing):
        level = ("linear model over n-grams", float(view.rows(*N_GRAMS)["test_accuracy"].iloc[0]))
    panel = Panel("", "words that stay together", "accuracy", lines, percent=True,
                  level=level)  # fmt: skip
    return Shown(
        evidence_figures.over_conditions([panel]),
        "Accuracy when a review is cut into windows of so many words, which are read in random "
        "order; *all* is the review as it stands. Means over the seeds with 95% intervals.",
        "A line and a band for each model against the size of the window.",
    )


def _forest(view: View, pairs: dict[str, tuple[Cell, Cell]]) -> Shown:
    return Shown(
        evidence_figures.differences(differences(view, pairs), MARGIN),
        "Differences in test accuracy with their 95% intervals over seeds and reviews. The grey "
        "band holds what does not matter in practice.",
        "One point with an interval for each comparison, beside a band around 0.",
    )


def _one_layer(view: View) -> Shown:
    return _forest(
        view,
        {
            "residual LSTM minus LSTM": (RESIDUAL, LSTM),
            "LSTM of equal size minus residual LSTM": (MATCHED, RESIDUAL),
            "residual LSTM minus LSTM with skip": (RESIDUAL, SKIP),
            "LSTM with skip minus LSTM": (SKIP, LSTM),
        },
    )


def _complexity(view: View) -> Shown:
    pairs = {"residual LSTM minus LSTM": (RESIDUAL, LSTM), OVER_N_GRAMS: (LSTM, N_GRAMS)}
    with contextlib.suppress(Missing):
        pairs[OVER_ONE_LAYER] = (("depth", f"lstm x{deepest(view, 'lstm')}"), ONE_LAYER)
    return _forest(view, pairs)


def _loss(view: View) -> Shown:
    kept, seeds = view.archive.study("headline").records, view.common([LSTM, RESIDUAL])
    assert kept is not None  # `common` has seen to it
    groups = {}
    for cell in (LSTM, RESIDUAL):
        rows = view.rows(*cell).loc[seeds, "row"].to_numpy()
        logits = kept.logits[rows].ravel()
        groups[cell[1]] = loss_against_error(logits, np.tile(kept.labels, len(rows)))
    return Shown(
        evidence_figures.loss_by_error(groups),
        "Loss, gradient and part of the whole loss of all recorded test predictions, in tenths of "
        "their error.",
        "Three panels against the error with a line for each model: all rise.",
    )


FIGURES: dict[str, Callable[[View], Shown]] = {
    "C1": _differences_by_seed,
    "C2": _best_epochs,
    "C3": _curves,
    "C4": _memory,
    "C5": _gradients,
    "C6": _depths,
    "C7": _probes,
    "C8": _although_but,
    "C9": _windows,
    "C10": _one_layer,
    "C11": _loss,
    "C12": _complexity,
}
