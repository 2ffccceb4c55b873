"""C11: what the loss makes of errors. Its penalty is calculated; how much it counts is measured."""

import numpy as np

from lstm_report.archive import Missing, View
from lstm_report.round2.accuracy import BOTH_MODELS
from lstm_report.round2.evidence import LSTM, RESIDUAL, both_learn
from lstm_report.round2.parts import Calculated, Part, at_least
from lstm_report.unpaired import Figure, contrast

CONFIDENT = 0.1
"""A judgement is a confident error where the truth has less than this probability."""


def share_of_confident_errors(view: View) -> list[np.ndarray]:
    """Return the share of the test loss that confident errors make, a run, for both models."""
    found = []
    for cell in (LSTM, RESIDUAL):
        seeds, kept = view.common([cell]), view.archive.study(cell[0]).records
        if kept is None:
            raise Missing("no run", f"lstm-report study {cell[0]}")
        rows = view.rows(*cell).loc[seeds, "row"].to_numpy()
        margin = kept.logits[rows].astype(np.float64) * (2.0 * kept.labels - 1)
        loss = np.logaddexp(0.0, -margin)
        wrong = margin < -np.log(1 / CONFIDENT - 1)
        found.append((loss * wrong).sum(axis=1) / loss.sum(axis=1))
    return found


def _share(view: View) -> Figure:
    return contrast(share_of_confident_errors(view), [0.5, 0.5])


PARTS = (
    Calculated(
        "C11a", "a confident error costs far more than a confident hit gains, and the gradient "
        "grows with the error",
        "chapter 3: |∂L/∂z| = |ŷ - y|, and from ln 2 the loss rises without bound but falls by "
        "ln 2 at most",
    ),
    Part(
        "C11b", "confident errors make most of the loss",
        "Supported: they made 76% of the exploratory runs' test loss.",
        "the test reviews of the headline runs, 24 of each model; the truth has a probability "
        "below 0.1", "share of the test loss, mean of both models", "percent",
        _share, at_least(0.5), both_learn, BOTH_MODELS,
        "What the loss speaks of is mainly a few confident errors.",
        "Confident errors are not the larger part of the loss.",
    ),
)  # fmt: skip
"""The parts of the claim."""
