"""What the study `strong` has found: which of two ways of training validation chose, and the goals.

For each kind of layer, and with and without word vectors that were learnt from unlabelled reviews,
the study trains one cell with and one without adversarial training. The one of the higher accuracy
on the validation reviews is chosen; the test reviews have no part in it.
"""

import numpy as np
import pandas as pd

from lstm_report import averaging, measurements, records, scoreboard
from lstm_report.records import Records

NAME = "strong"
GOALS = {"none": 0.919, "in-domain": 0.93}
"""Test accuracy of a single network to be reached, by where its word vectors start from."""


def validation_accuracy(found: Records) -> pd.Series:
    """Return the validation accuracy of each run's selected epoch, by run id."""
    return found.epochs.groupby("run_id")["validation_accuracy"].max()


def chosen(found: Records) -> list[str]:
    """Return the cell that validation chose of each kind of layer and start of the word vectors.

    Cells are compared over the seeds that all of a group have, so that none gains by an easier
    split; a group whose cells share no seed has none chosen. Ties go to the first in the records.
    """
    runs = found.runs.assign(validation=found.runs["run_id"].map(validation_accuracy(found)))
    picked = []
    for _, group in runs.groupby(["training.vectors", "model.kind"], sort=False):
        table = group.pivot(index="seed", columns="cell", values="validation").dropna()
        if len(table):
            picked.append(str(table.mean().idxmax()))
    return picked


def results(name: str = NAME) -> pd.DataFrame:
    """Return what each cell of the study reached, one row a cell.

    Args:
        name: of the records.

    Returns:
        Columns cell, kind, vectors, adversarial (ε), seeds, validation (mean accuracy of the
        selected epochs), chosen (by validation), accuracy, low, high (on test, with the 95%
        interval over seeds and reviews), averaged (mean test accuracy with the n-grams; missing
        where it was not measured), goal, reached (whether accuracy is at least the goal), seconds
        (mean of training).

    Raises:
        UserError: when nothing is recorded, or the records are damaged.
    """
    found = records.read(name)
    selected, validation = chosen(found), validation_accuracy(found)
    measured = measurements.read(name)
    together = measured[measured["measure"] == averaging.ACCURACY[0]].groupby("cell")["value"]
    averaged = together.mean()
    rows = []
    for cell in dict.fromkeys(found.runs["cell"]):
        of_cell = (found.runs["cell"] == cell).to_numpy()
        runs = found.runs[of_cell]
        first, interval = runs.iloc[0], scoreboard.accuracy(found.correct[of_cell])
        goal = GOALS[first["training.vectors"]]
        rows.append(
            {
                "cell": cell,
                "kind": first["model.kind"],
                "vectors": first["training.vectors"],
                "adversarial": first["training.adversarial"],
                "seeds": len(runs),
                "validation": validation[runs["run_id"]].mean(),
                "chosen": cell in selected,
                "accuracy": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "averaged": averaged.get(cell, np.nan),
                "goal": goal,
                "reached": interval.estimate >= goal,
                "seconds": runs["train_seconds"].mean(),
            }
        )
    return pd.DataFrame(rows)
