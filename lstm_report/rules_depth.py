"""The rules of the claims on depth, C5 to C7, which the study `depth` decides.

Each function is one part of a claim; its docstring is the rule, fixed before the records were made.
A cell is named after its kind and layers, as in `lstm x4`; the deepest one is read. Measurements:

| measure | condition | see |
|---|---|---|
| gradient norm, layer | trained/LAYER; layer 1 reads the words | `lstm_report.depth_probes` |
| gradient norm, distance | trained/LAYER/DISTANCE; time steps before the last | the same |
| input word read back | LAYER/DISTANCE; steps between word and state | `lstm_report.read_back` |
"""

import math

import numpy as np
import pandas as pd

from lstm_report import effects, seeds
from lstm_report.archive import Missing, View
from lstm_report.decisions import verdict
from lstm_report.evidence import (
    Estimate,
    Finding,
    advantage,
    by_number,
    compare,
    paired,
    t_test,
    threshold,
    told,
)
from lstm_report.rules import ONE_LAYER, deepest

LAYER_GRADIENT, TIME_GRADIENT = "gradient norm, layer", "gradient norm, distance"
PROBE = "input word read back"
FADES = -np.log10(2)
"""A gradient fades when it falls to less than half, in powers of ten."""
LOSS_MARGIN = 0.01
"""Nats of training loss for each doubling of the layers that do not matter."""
PROBE_MARGIN = 0.05
"""Share of words read back that does not matter."""
FEW = 0.2
"""Share of words read back below which they are called few, in a note without a part in a rule."""


# C5


def _fading(view: View, kind: str, measure: str) -> pd.Series:
    """Return by how many powers of ten a gradient changes from the nearest to the farthest place.

    Nearest is the last time step of the deepest layer, or the deepest layer: there the loss is.
    """
    layers = deepest(view, kind)
    prefix = "trained/" if measure == LAYER_GRADIENT else f"trained/{layers}/"
    by_place = by_number(view.measured("depth", f"{kind} x{layers}", measure), prefix)
    first, last = by_place.columns[0], by_place.columns[-1]
    near, far = (last, first) if measure == LAYER_GRADIENT else (first, last)
    tiny = np.finfo(float).tiny
    ratio = by_place[far].clip(lower=tiny) / by_place[near].clip(lower=tiny)
    return ratio.map(math.log10)


def fades(view: View, measure: str) -> Finding:
    """Hold if the LSTM's gradient falls to less than half; not if it does not."""
    return threshold(
        seeds.mean_interval(_fading(view, "lstm", measure)), float(FADES),
        f"LSTM, {measure.removeprefix('gradient norm, ')}: change of the gradient", "decades",
        yes="the gradient fades", no="the gradient does not fade", above=False,
    )  # fmt: skip


def eases(view: View, measure: str) -> Finding:
    """Hold if the residual LSTM's gradient fades less, by a factor above two (four-way rule)."""
    tables_ = [_fading(view, kind, measure).to_frame("fading") for kind in ("reslstm", "lstm")]
    less = paired(tables_, "depth", view)["fading"]
    what = f"{measure.removeprefix('gradient norm, ')}: residual LSTM minus LSTM"
    return advantage(
        less, float(-FADES), what, "decades",
        yes="the residual LSTM's gradient fades less", no="the residual LSTM's gradient fades more",
    )  # fmt: skip


# C6


def stacking_saturates(view: View) -> Finding:
    """Hold if the deepest LSTM is equal to one layer within the margin, or behind."""
    layers = deepest(view, "lstm")
    found = compare(view, ("depth", f"lstm x{layers}"), ONE_LAYER)
    holds = {"A better": False, "undecided": None}.get(found.outcome, True)
    reason = told(
        found.interval,
        len(found.seeds),
        better=f"{layers} layers judge better than one",
        worse=f"{layers} layers judge worse than one",
        equal=f"{layers} layers and one are equal within the margin",
    )
    what = f"accuracy of the LSTM, {layers} layers minus one"
    return Finding(holds, reason, (Estimate(what, found.interval, "points"),))


def by_depth(view: View, kind: str, quantity: str) -> pd.DataFrame:
    """Return a figure of a kind's runs in `depth`, seeds by number of layers, complete rows only.

    Args:
        view: the records.
        kind: the recurrent layer.
        quantity: a column of the runs, or `train_loss`, that of the last epoch.

    Raises:
        Missing: when there is none.
    """
    kept = view.archive.study("depth").records
    runs = pd.DataFrame(columns=["cell"]) if kept is None else kept.runs
    runs = runs[runs["cell"].str.startswith(f"{kind} x")]
    if kept is None or runs.empty:
        raise Missing(f"no run of “{kind}” of any depth", "lstm-report study depth")
    if quantity == "train_loss":
        last = kept.epochs.sort_values("epoch").groupby("run_id")[quantity].last()
        runs = runs.assign(train_loss=runs["run_id"].map(last))
    layers = runs["cell"].str.removeprefix(f"{kind} x").astype(int)
    view.used |= {("depth", run_id) for run_id in runs["run_id"]}
    table: pd.DataFrame = runs.assign(layers=layers).pivot(
        index="seed", columns="layers", values=quantity
    )
    return table.dropna()


def gain(view: View, kind: str, quantity: str) -> pd.DataFrame:
    """Return what a residual kind gains over the LSTM, seeds by number of layers.

    Args:
        view: the records.
        kind: the recurrent layer.
        quantity: as for `by_depth`; a loss gains where it is lower.

    Raises:
        Missing: unless both have two or more seeds and depths in common.
    """
    lstm, form = (by_depth(view, name, quantity) for name in ("lstm", kind))
    found = paired((lstm, form) if quantity == "train_loss" else (form, lstm), "depth", view)
    if found.shape[1] < 2:
        raise Missing("both kinds at two or more depths", "lstm-report study depth")
    return found


def per_doubling(gained: pd.DataFrame) -> effects.DepthTrend:
    """Return by how much a gain, from `gain`, changes with each doubling of the layers."""
    layers = [int(str(name)) for name in gained.columns]
    return effects.depth_trend(gained, np.zeros(gained.shape), layers)


def easier_at_depth(view: View) -> Finding:
    """Hold if the LSTM's training loss exceeds the residual's more at each doubling of the layers.

    By the four-way rule on the slope of the difference in the logarithm of the layers, with a
    margin of 0.01 nats; the loss is that of the last epoch.
    """
    trend = per_doubling(gain(view, "reslstm", "train_loss"))
    outcome = verdict(trend.interval, LOSS_MARGIN).outcome
    of_accuracy = per_doubling(gain(view, "reslstm", "test_accuracy"))
    return Finding(
        {"A better": True, "undecided": None}.get(outcome, False),
        told(
            trend.interval,
            len(trend.slopes),
            LOSS_MARGIN,
            better="the residual form gains as layers are added",
            worse="the residual form loses as layers are added",
            equal="the number of layers does not change the difference",
        ),
        (
            Estimate(
                "training loss per doubling, LSTM minus residual LSTM", trend.interval, "nats"
            ),
            Estimate(
                "accuracy per doubling, residual LSTM minus LSTM", of_accuracy.interval, "points"
            ),
        ),
        t_test(trend.slopes),
        outcome in ("A better", "B better"),
    )


# C7


def words_are_drowned(view: View) -> Finding:
    """Hold if a probe of the deepest layer reads back over 5 points fewer words far back than near.

    Of the LSTM; near is the smallest distance, far the largest. Not if it reads less than that.
    What is found is told with a note where it reads few words even there.
    """
    layers = deepest(view, "lstm")
    by_distance = by_number(view.measured("depth", f"lstm x{layers}", PROBE), f"{layers}/")
    near = by_distance.iloc[:, 0]
    fall = near - by_distance.iloc[:, -1]
    few = seeds.mean_interval(near).high < FEW
    return threshold(
        seeds.mean_interval(fall), PROBE_MARGIN, "LSTM, words read back: nearest minus farthest",
        "points", yes="far words are read back less often", no="far words are read back as well",
        note=f"even a word just read is read back in {near.mean():.0%} of cases, so that words are "
        "lost over the layers already" if few else "",
    )  # fmt: skip


def shortcut_keeps_words(view: View) -> Finding:
    """Hold if the residual LSTM's deepest layer gives back more of the words that it just read.

    By the four-way rule with a margin of 5 points.
    """
    top = []
    for kind in ("reslstm", "lstm"):
        layers = deepest(view, kind)
        measured = view.measured("depth", f"{kind} x{layers}", PROBE)
        top.append(by_number(measured, f"{layers}/").iloc[:, 0].to_frame("top"))
    more = paired(top, "depth", view)["top"]
    what = "words read back from the deepest layer, residual LSTM minus LSTM"
    return advantage(
        more, PROBE_MARGIN, what, "points",
        yes="the residual LSTM gives back more", no="the LSTM gives back more",
    )  # fmt: skip
