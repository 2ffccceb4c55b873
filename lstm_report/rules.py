"""The rules of the claims that rest on results and training curves: C1 to C3, C10 and C12.

Each function is one part of a claim; its docstring is the rule, fixed before the records were made.
"""

import numpy as np
import pandas as pd

from lstm_report import source_report, stats, style
from lstm_report.archive import Missing, View
from lstm_report.decisions import MARGIN
from lstm_report.evidence import (
    Cell,
    Comparison,
    Estimate,
    Finding,
    Judge,
    compare,
    in_doubt,
    threshold,
    told,
)

LSTM, RESIDUAL = ("headline", "lstm"), ("headline", "reslstm")
MATCHED, N_GRAMS = ("headline", "lstm matched"), ("baselines", "nb-weighted n-grams")
ONE_LAYER = ("depth", "lstm x1")
OVER_N_GRAMS, OVER_ONE_LAYER = (
    "LSTM minus linear model over n-grams",
    "deepest LSTM minus one layer",
)
SOURCE_DIFFERENCE = source_report.ACCURACY["lstm"] - source_report.ACCURACY["reslstm"]
EPOCHS_AWAY = 1
"""Epochs by which a best epoch may differ from that of the source."""
HALF = 0.5
"""The share of runs that a statement on the runs of a model has to exceed."""
RISE, LAST_STEP = 0.05, 0.05
"""Parts of the whole fall of the training loss: the largest rise, and the largest last change."""
OVERFITTED = 1.1
"""From which multiple of its lowest value the last validation loss is called risen."""
SAME_SIZE = 0.01
"""Largest relative difference of two numbers of parameters that count as equal."""


def _difference(found: Comparison, what: str) -> tuple[Estimate, ...]:
    return (Estimate(what, found.interval, "points"),)


def lstm_ahead(view: View) -> Finding:
    """Hold if LSTM minus residual LSTM is above 0 and reaches 1.15 less the margin; not if below.

    The interval has to lie above 0 and to end at or above that bound; it refutes when all of it is
    below the bound.
    """
    found, bound = compare(view, LSTM, RESIDUAL), SOURCE_DIFFERENCE - MARGIN
    low, high = found.interval.low, found.interval.high
    holds = False if high < bound else True if low > 0 else None
    words = {
        "A better": "the LSTM is ahead, by less than the source states",
        "B better": "the residual LSTM is ahead",
        "equivalent": "the two are equal within the margin",
        "undecided": "the advantage that the source states is ruled out",
    }
    reason = {
        True: "the LSTM is ahead, by about as much as the source states or by more",
        False: words[found.outcome],
        None: in_doubt(found.interval, len(found.seeds), abs(found.interval.estimate - bound)),
    }[holds]
    estimates = _difference(found, "LSTM minus residual LSTM")
    return Finding(holds, reason, estimates, found.p_value, bool(holds))


def best_epoch(cell: Cell) -> Judge:
    """Hold if more than half of a model's runs are at their best within one epoch of 14."""

    def judge(view: View) -> Finding:
        numbers = view.common([cell])
        best = view.rows(*cell).loc[numbers, "best_epoch"]
        near = int((best - source_report.BEST_EPOCH).abs().le(EPOCHS_AWAY).sum())
        last = _epochs(view, cell, "epoch").max(axis=1).loc[numbers]
        at_end = int((best == last).sum())
        count = (
            f"{near} of {len(numbers)} runs of the {style.name_of(cell[1])} are at their best "
            "within an epoch of 14"
        )
        note = f"; {at_end} at the last epoch trained, so perhaps not at their best yet"
        return threshold(
            stats.proportion_interval(near, len(numbers)),
            HALF,
            f"{style.name_of(cell[1])}, runs at their best within an epoch of 14",
            "percent",
            yes=count + (note if at_end else ""),
            no=count + (note if at_end else ""),
        )

    return judge


def _epochs(view: View, cell: Cell, quantity: str) -> pd.DataFrame:
    """Return a quantity of each epoch, seeds by epochs."""
    runs, kept = view.rows(*cell), view.archive.study(cell[0]).records
    assert kept is not None  # `rows` has seen to it
    epochs = kept.epochs[kept.epochs["run_id"].isin(runs["run_id"])]
    values: pd.DataFrame = epochs.assign(number=epochs["epoch"]).pivot(
        index="seed", columns="number", values=quantity
    )
    if values.shape[1] < 2:
        raise Missing(f"two or more epochs of “{cell[1]}” in results/{cell[0]}/epochs.csv")
    return values


def curve_converges(cell: Cell) -> Judge:
    """Hold if the training loss settles without rising in more than half of a model's runs.

    A run does so when no epoch raises its training loss by more than a twentieth of its whole fall,
    and the last one changes it by no more than that.
    """

    def judge(view: View) -> Finding:
        numbers = view.common([cell])
        loss = _epochs(view, cell, "train_loss").loc[numbers].to_numpy()
        fall, steps = loss[:, 0] - loss.min(axis=1), np.diff(loss, axis=1)
        calm = (steps.max(axis=1) <= RISE * fall) & (np.abs(steps[:, -1]) <= LAST_STEP * fall)
        validation = _epochs(view, cell, "validation_loss").loc[numbers].to_numpy()
        risen = int((validation[:, -1] > OVERFITTED * validation.min(axis=1)).sum())
        count = (
            f"the training loss of {calm.sum()} of {len(numbers)} runs of the "
            f"{style.name_of(cell[1])} settles without rising, and the validation loss of {risen} "
            "ends more than a tenth above its lowest"
        )
        return threshold(
            stats.proportion_interval(int(calm.sum()), len(numbers)),
            HALF,
            f"{style.name_of(cell[1])}, runs whose training loss settles",
            "percent",
            yes=count,
            no=count,
        )

    return judge


def _not_better(found: Comparison, what: str, *, first: str) -> Finding:
    """Hold if the first of two is equal within the margin or worse."""
    holds = {"A better": False, "undecided": None}.get(found.outcome, True)
    reason = told(
        found.interval,
        len(found.seeds),
        better=f"the {first} is ahead",
        worse=f"the {first} is behind",
    )
    directional = found.outcome in ("A better", "B better")
    return Finding(holds, reason, _difference(found, what), found.p_value, directional)


def residual_no_better(view: View) -> Finding:
    """Hold if the residual LSTM is equal to the LSTM within the margin, or behind."""
    found = compare(view, RESIDUAL, LSTM)
    return _not_better(found, "residual LSTM minus LSTM", first="residual LSTM")


def matched_better(view: View) -> Finding:
    """Hold if an LSTM with as many parameters is ahead of the residual LSTM beyond the margin rule.

    Equal within the margin, or behind, refutes it.
    """
    found = compare(view, MATCHED, RESIDUAL)
    sizes = [view.rows(*cell)["parameters"].iloc[0] for cell in (MATCHED, RESIDUAL)]
    if abs(sizes[0] / sizes[1] - 1) > SAME_SIZE:
        raise Missing(f"the two have {sizes[0]:,} and {sizes[1]:,} parameters, not equally many")
    holds = {"A better": True, "undecided": None}.get(found.outcome, False)
    reason = told(
        found.interval,
        len(found.seeds),
        better="at equal size the LSTM is ahead",
        worse="at equal size the residual LSTM is ahead",
        equal="at equal size the two are equal within the margin",
    )
    estimates = _difference(found, "LSTM of equal size minus residual LSTM")
    directional = found.outcome in ("A better", "B better")
    return Finding(holds, reason, estimates, found.p_value, directional)


def deepest(view: View, kind: str) -> int:
    """Return the largest number of layers of a kind in `depth`, of at least four.

    Raises:
        Missing: when there is none.
    """
    kept = view.archive.study("depth").records
    cells = set() if kept is None else set(kept.runs["cell"])
    layers = [int(cell.split(" x")[1]) for cell in cells if cell.startswith(f"{kind} x")]
    if max(layers, default=0) < 4:
        raise Missing(f"no run of “{kind} x4” or deeper", "lstm-report study depth")
    return max(layers)


def complexity_hurts(view: View) -> Finding:
    """Hold if one of two more complex models is behind its simpler one; not if neither can be.

    The two are the LSTM against a linear model over n-grams, and the deepest stack of LSTM layers
    against one layer. The smaller p-value counts twice.
    """
    found: dict[str, Comparison] = {}
    lacking: list[Missing] = []
    for what in (OVER_N_GRAMS, OVER_ONE_LAYER):
        inner = View(view.archive)  # seeds that one of the two lacks do not hold up the other
        try:
            if what == OVER_N_GRAMS:
                pair = compare(inner, LSTM, N_GRAMS)
            else:
                pair = compare(inner, ("depth", f"lstm x{deepest(view, 'lstm')}"), ONE_LAYER)
        except Missing as lack:
            lacking.append(lack)
            continue
        view.used |= inner.used
        lacking += inner.lacking
        if not inner.lacking:
            found[what] = pair
    if not found:
        view.lacking += lacking[1:]
        raise lacking[0]
    estimates = tuple(Estimate(what, pair.interval, "points") for what, pair in found.items())
    worse = {what: pair for what, pair in found.items() if pair.outcome == "B better"}
    p_value = min(1.0, 2 * min(pair.p_value for pair in (worse or found).values()))
    if worse:
        text = f"negative: {' and '.join(worse)}"
        return Finding(True, text, estimates, p_value, directional=True)
    view.lacking += lacking
    if all(pair.outcome != "undecided" for pair in found.values()):
        return Finding(False, "neither more complex model is behind", estimates, p_value)
    return Finding(None, "the intervals leave it open", estimates, p_value)
