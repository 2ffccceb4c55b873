"""The rule of the claim on the loss, C11, which the predictions of the headline runs decide.

Each function is one part of the claim; its docstring is the rule, fixed before the records were
made.
"""

import numpy as np
import pandas as pd

from lstm_report import seeds
from lstm_report.archive import Missing, View
from lstm_report.evidence import Finding, threshold
from lstm_report.rules import LSTM, RESIDUAL

CONFIDENT = 0.1
"""A judgement is confident when the truth, or its opposite, has less than this probability."""
FAR_MORE = 3.0
"""How many times the gain the penalty has to be. With `CONFIDENT` at 0.1 it cannot be below 2.3,
whatever the predictions, so 3 is the first whole number that the formula does not settle."""


def loss_against_error(logits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return the loss of each prediction beside its error, and the slope of the loss.

    Args:
        logits: (N,).
        labels: (N,) of 0 and 1.

    Returns:
        Columns error |ŷ - y|, loss in nats, and gradient |∂L/∂z|, by a difference quotient.
    """
    z, sign = logits.astype(np.float64), 2.0 * labels - 1

    def loss(logit: np.ndarray) -> np.ndarray:
        return np.logaddexp(0.0, -sign * logit)

    step = 1e-4
    slope = np.abs(loss(z + step) - loss(z - step)) / (2 * step)
    error = np.exp(-np.logaddexp(0.0, sign * z))
    return pd.DataFrame({"error": error, "loss": loss(z), "gradient": slope})


def penalties(view: View) -> pd.DataFrame:
    """Return for each run of both models what confident judgements cost and gain.

    Returns:
        Columns cell, seed, penalty and gain (mean distance of the loss from ln 2, the loss of a
        prediction of one half, of confident errors and of confident right judgements), share (part
        of the whole loss that confident errors make) and rising (whether the mean gradient rises
        from each tenth of the error to the next).
    """
    rows = []
    kept = view.archive.study("headline").records
    seeds_of = view.common([LSTM, RESIDUAL])
    assert kept is not None  # `common` has seen to it
    for cell in (LSTM, RESIDUAL):
        table = view.rows(*cell).loc[seeds_of]
        for seed, row in zip(table.index, table["row"], strict=True):
            frame = loss_against_error(kept.logits[row], kept.labels)
            wrong, right = frame["error"] > 1 - CONFIDENT, frame["error"] < CONFIDENT
            tenth = np.minimum((10 * frame["error"]).astype(int), 9)
            slopes = frame.groupby(tenth)["gradient"].mean()
            rows.append(
                {
                    "cell": cell[1],
                    "seed": seed,
                    "penalty": frame.loc[wrong, "loss"].mean() - np.log(2),
                    "gain": np.log(2) - frame.loc[right, "loss"].mean(),
                    "share": frame.loc[wrong, "loss"].sum() / frame["loss"].sum(),
                    "rising": slopes.is_monotonic_increasing and len(slopes) > 1,
                }
            )
    return pd.DataFrame(rows)


def errors_cost_more(view: View) -> Finding:
    """Hold if a confident error costs more than three times what a confident hit gains.

    Cost and gain are distances of the mean loss from ln 2; an error is confident when the truth has
    a probability below 0.1, a hit when its opposite has. Averaged over both models in each seed.
    """
    table = penalties(view)
    ratio = (table["penalty"] / table["gain"]).groupby(table["seed"]).mean()
    if ratio.isna().any():
        raise Missing("confident errors and confident hits in every run")
    text = f"confident errors make {table['share'].mean():.0%} of the whole loss"
    return threshold(
        seeds.mean_interval(ratio), FAR_MORE, "penalty of a confident error in gains of a hit",
        "factor", yes=text, no=text,
    )  # fmt: skip


def gradient_grows(view: View) -> Finding:
    """Hold if in every run the mean gradient rises from each tenth of the error to the next."""
    table = penalties(view)
    rising = int(table["rising"].sum())
    holds = rising == len(table)
    return Finding(holds, f"the gradient rises with the error in {rising} of {len(table)} runs")
