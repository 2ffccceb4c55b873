"""What the studies `tuning` and `strong` have found: what validation chose, and the goals.

For each kind of layer, and with and without word vectors that were learnt from unlabelled reviews,
`tuning` finds the settings, see `lstm_report.strong_settings`, and `strong` trains a cell of more
seeds with them.
"""

import numpy as np
import pandas as pd

from lstm_report import averaging, measurements, records, scoreboard
from lstm_report.config import MODELS
from lstm_report.strong_settings import NAME, TRIALS, TUNING, VECTORS

GOALS = {"none": 0.919, "in-domain": 0.93}
"""Test accuracy of a single network to be reached, by where its word vectors start from."""


def trials(name: str = TUNING) -> pd.DataFrame:
    """Return the validation accuracy of each kind of layer, one column each, in each trial.

    Args:
        name: of the records.

    Returns:
        One row for each of `lstm_report.strong_settings.TRIALS`, by its name and in their order;
        missing where nothing is recorded.

    Raises:
        UserError: when the records are damaged.
    """
    epochs = records.epochs(name)
    reached = epochs.groupby("cell")["validation_accuracy"].max().to_dict() if len(epochs) else {}
    rows = {
        trial: {kind: reached.get(f"{kind} {trial}", np.nan) for kind in MODELS} for trial in TRIALS
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(MODELS), dtype=float)


def best_trials(reached: pd.DataFrame) -> dict[str, dict[bool, str]]:
    """Return the best trial of each kind of layer, without (False) and with word vectors learnt.

    Args:
        reached: from `trials`, with none missing; of equal trials the first is taken.
    """
    learnt = np.array([{*VECTORS} <= {*TRIALS[trial]} for trial in reached.index])
    return {
        kind: {with_: str(reached.loc[learnt == with_, kind].idxmax()) for with_ in (False, True)}
        for kind in reached.columns
    }


def results(name: str = NAME) -> pd.DataFrame:
    """Return what each cell of the study reached, one row a cell.

    Args:
        name: of the records.

    Returns:
        Columns cell, kind, vectors, adversarial (ε), seeds, validation (mean accuracy of the
        selected epochs), accuracy, low, high (on test, with the 95% interval over seeds and
        reviews), averaged (mean test accuracy with the n-grams; missing where it was not measured),
        goal, reached (whether accuracy is at least the goal), seconds (mean of training).

    Raises:
        UserError: when nothing is recorded, or the records are damaged.
    """
    found = records.read(name)
    validation = found.epochs.groupby("run_id")["validation_accuracy"].max()
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
