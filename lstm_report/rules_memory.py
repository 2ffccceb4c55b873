"""The rules of the claims on memory and on order: C4, C8 and C9.

Each function is one part of a claim; its docstring is the rule, fixed before the records were made.
They read, besides predictions, these measurements:

| study | measure | condition |
|---|---|---|
| memory | gradient norm of the cell state, distance | adding/LENGTH/DISTANCE |
| memory | adding problem, mean squared error | length |
| memory | accuracy, although-but | words between the halves |
| headline | accuracy, shuffled in windows | words that stay together, or `all`: as it stands |
"""

import numpy as np
import pandas as pd

from lstm_report import seeds
from lstm_report.archive import Missing, View
from lstm_report.decisions import MARGIN
from lstm_report.evidence import Finding, advantage, by_number, compare, paired, threshold
from lstm_report.rules import LSTM, N_GRAMS

CELL_GRADIENT = "gradient norm of the cell state, distance"
ADDING, ADDING_BY_CHANCE = "adding problem, mean squared error", 1 / 6
ALTHOUGH_BUT = "accuracy, although-but"
SHUFFLED = "accuracy, shuffled in windows"
KEPT_PER_STEP = 0.95
"""From which factor per time step a cell state is called nearly unchanged."""
ADDING_MARGIN = ADDING_BY_CHANCE / 10
LONG = 50
"""Words between the halves from which a distance is called long."""
MAINLY, LITTLE = 0.5, 0.1
"""Of the accuracy above chance: the shares that are most of it, and little of it."""
SINGLE, LOCAL, INTACT = "1", "5", "all"
"""Words that stay together in their order: none, a phrase, and the whole review."""


# C4


def cell_state_keeps(view: View) -> Finding:
    """Hold if the gradient by the LSTM's cell state keeps 0.95 or more a step; not if less.

    In the adding problem, trained, from the last step to the largest distance, in the geometric
    mean over the lengths.
    """
    table = view.measured("memory", "lstm", CELL_GRADIENT)
    factors = []
    places = [str(name) for name in table if str(name).startswith("adding/")]
    for length in sorted({place.split("/")[1] for place in places}):
        by_distance = by_number(table, f"adding/{length}/")
        first, *_, last = (float(str(name)) for name in by_distance)
        ratio = by_distance.iloc[:, -1].clip(lower=np.finfo(float).tiny) / by_distance.iloc[:, 0]
        factors.append(np.log(ratio) / (last - first))
    if not factors:
        raise Missing(f"“{CELL_GRADIENT}” of the adding problem in results/memory/measurements.csv")
    kept = np.exp(np.mean(factors, axis=0))
    return threshold(
        seeds.mean_interval(kept), KEPT_PER_STEP, "LSTM, part of the gradient kept per step",
        "factor", yes="what a step loses is small", no="each step loses more than a twentieth",
    )  # fmt: skip


def plain_network_loses(view: View) -> Finding:
    """Hold if the plain RNN's error in the adding problem exceeds the LSTM's by a tenth of chance.

    By the four-way rule with a margin of 1/60, in the mean over the lengths; chance is 1/6.
    """
    errors = [view.measured("memory", kind, ADDING) for kind in ("rnn", "lstm")]
    worse = paired(errors, "memory", view).to_numpy().mean(axis=1)
    what = "error in the adding problem, plain RNN minus LSTM"
    return advantage(
        worse, ADDING_MARGIN, what, "error", yes="the plain RNN errs more", no="the LSTM errs more"
    )


# C8


def distance_is_hard(view: View) -> Finding:
    """Hold if the LSTM's accuracy on "although … but …" falls by more than the margin.

    What is found is told with a note where it does not judge better than chance at the shortest.
    """
    by_distance = by_number(view.measured("memory", "lstm", ALTHOUGH_BUT))
    near = by_distance.iloc[:, 0]
    learnt = seeds.mean_interval(near).low > 0.5
    return threshold(
        seeds.mean_interval(near - by_distance.iloc[:, -1]), MARGIN,
        "LSTM, accuracy: shortest minus longest distance", "points",
        yes="the LSTM loses accuracy with distance", no="the LSTM loses none",
        note="" if learnt else f"even at the shortest it judges {near.mean():.1%} rightly, which "
        "is chance, so there is nothing to lose",
    )  # fmt: skip


def residual_recognises_better(view: View) -> Finding:
    """Hold if the residual LSTM is ahead, in the mean over all distances of 50 words or more."""
    accuracies = [view.measured("memory", kind, ALTHOUGH_BUT) for kind in ("reslstm", "lstm")]
    gain = by_number(paired(accuracies, "memory", view))
    long = gain.to_numpy()[:, np.array(gain.columns, dtype=float) >= LONG]
    if not long.shape[1]:
        raise Missing(f"“{ALTHOUGH_BUT}” at {LONG} words or more")
    what = f"accuracy at {LONG} words and more, residual LSTM minus LSTM"
    return advantage(
        long.mean(axis=1), MARGIN, what, "points",
        yes="the residual LSTM is ahead", no="the LSTM is ahead",
    )  # fmt: skip


# C9


def local_features_suffice(view: View) -> Finding:
    """Hold if a linear model over n-grams is at most the margin behind the LSTM; not if further."""
    found = compare(view, N_GRAMS, LSTM)
    what = "linear model over n-grams minus LSTM"
    return threshold(
        found.interval, -MARGIN, what, "points", yes="words and short phrases are enough",
        no="words and short phrases are not enough",
    )  # fmt: skip


def _kept(view: View, window: str) -> pd.Series:
    """Return which part of its accuracy above chance the LSTM keeps, by seed, in random windows."""
    table = view.measured(*LSTM, SHUFFLED)
    if lacking := [name for name in (window, INTACT) if name not in table]:
        raise Missing(f"“{SHUFFLED}” at {' and '.join(lacking)}")
    part: pd.Series = (table[window] - 0.5) / (table[INTACT] - 0.5)
    return part


def words_are_most(view: View) -> Finding:
    """Hold if the LSTM keeps most of its accuracy above chance when no two words stay together."""
    return threshold(
        seeds.mean_interval(_kept(view, SINGLE)), MAINLY,
        "LSTM, part of the accuracy above chance kept without any order", "percent",
        yes="most of it is in the words themselves", no="most of it is in their order",
    )  # fmt: skip


def long_order_is_little(view: View) -> Finding:
    """Hold if less than a tenth of it is lost with phrases of five words in random order."""
    return threshold(
        seeds.mean_interval(1 - _kept(view, LOCAL)), LITTLE,
        f"LSTM, part of the accuracy above chance lost with the order beyond {LOCAL} words",
        "percent", yes=f"the order beyond {LOCAL} words matters little",
        no=f"the order beyond {LOCAL} words matters", above=False,
    )  # fmt: skip
