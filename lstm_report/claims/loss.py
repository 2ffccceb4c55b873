"""C11: what the loss makes of errors. Its penalty is calculated; how much it counts is measured."""

import numpy as np
import pandas as pd

from lstm_report.claims import evidence
from lstm_report.claims.admitted import View
from lstm_report.claims.evidence import (
    BOTH_MODELS,
    LSTM,
    RESIDUAL,
    Calculated,
    Claim,
    Part,
    at_least,
    both_learn,
)
from lstm_report.config import LOSSES
from lstm_report.figures.evidence import Panel, Shown, loss_by_error, shown
from lstm_report.figures.style import name_of
from lstm_report.statistics.unpaired import Figure, contrast
from lstm_report.studies.catalogue import HEADLINE

CONFIDENT = 0.1
"""A judgement is a confident error where the truth has less than this probability."""


def share_of_confident_errors(view: View) -> Figure:
    """Return the share of the test loss that confident errors make, the mean of both models."""
    found = []
    for cell in (LSTM, RESIDUAL):
        error, loss = _of_runs(view, *cell)
        found.append(np.where(error > 1 - CONFIDENT, loss, 0).sum(axis=1) / loss.sum(axis=1))
    return contrast(found, [0.5, 0.5])


def errors_and_losses(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the error |ŷ - y| and the loss in nats of predictions; logits (…, N), labels (N,)."""
    z = logits.astype(np.float64) * (2.0 * labels - 1)  # above 0 where the prediction is right
    return np.exp(-np.logaddexp(0.0, z)), np.logaddexp(0.0, -z)


def _of_runs(view: View, study: str, cell: str) -> tuple[np.ndarray, np.ndarray]:
    """Return `errors_and_losses` of the predictions of a cell's S runs, (S, N) each."""
    rows, kept = view.counted(study, cell)["row"].to_numpy(), view.records(study)
    return errors_and_losses(kept.logits[rows], kept.labels)


def _loss(view: View) -> Shown:
    study = evidence.shown_study(view, HEADLINE)
    groups = {}
    for kind in ("lstm", "reslstm"):
        error, loss = _of_runs(view, study, kind)
        groups[kind] = pd.DataFrame({"error": error.ravel(), "loss": loss.ravel()})
    return Shown(
        loss_by_error(groups),
        "Which part of the whole loss of all recorded test predictions comes from which error, in "
        f"tenths of the error (`results/{study}`).",
        "; ".join(
            f"{name_of(kind)}: predictions with an error above {1 - CONFIDENT:g} make "
            f"{table.loc[table['error'] > 1 - CONFIDENT, 'loss'].sum() / table['loss'].sum():.0%} "
            "of the loss"
            for kind, table in groups.items()
        )
        + ".",
    )


def _losses(view: View) -> Shown:
    """Draw accuracy and calibration of models trained with other losses."""
    cells = {loss: ("loss", loss) for loss in LOSSES}
    accuracy = {loss: evidence.accuracy(view, *cell) for loss, cell in cells.items()}
    calibration = {
        loss: evidence.measured(view, *cell, "calibration error", "")
        for loss, cell in cells.items()
    }
    panels = [
        Panel("Accuracy", "loss in training", "test accuracy", {"lstm": pd.DataFrame(accuracy)},
              percent=True, joined=False),
        Panel("Calibration", "loss in training", "calibration error",
              {"lstm": pd.DataFrame(calibration)}, joined=False),
    ]  # fmt: skip
    return shown(
        panels,
        "Test accuracy and expected calibration error of the LSTM trained with binary "
        "cross-entropy (*bce*), the same with smoothed labels, and the hinge loss. Every run, and "
        "means over the seeds with 95% intervals.",
    )


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
        share_of_confident_errors, at_least(0.5), both_learn, BOTH_MODELS,
        "What the loss speaks of is mainly a few confident errors.",
        "Confident errors are not the larger part of the loss.",
    ),
)  # fmt: skip
"""The parts of the claim."""
CLAIMS = (
    Claim(
        "C11",
        "the loss punishes confident errors far more",
        "Binary cross-entropy punishes confident wrong predictions far more than it rewards "
        "right ones, and its gradient grows with the error.",
        "Penalty and gradient follow from the formula, whatever the predictions, and are "
        "calculated in chapter 3. How much confident errors count among real predictions is "
        "measured.",
        (_loss,),
        (_losses,),
    ),
)
"""The claim."""
