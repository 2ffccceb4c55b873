"""How the parts read the records of the second round."""

import pandas as pd

from lstm_report.archive import Missing, View
from lstm_report.round2.parts import Check
from lstm_report.round2.settings import DEPTH, HEADLINE

LSTM, RESIDUAL, MATCHED = ((HEADLINE, cell) for cell in ("lstm", "reslstm", "lstm matched"))
NAMES = {"lstm": "LSTM", "reslstm": "residual LSTM", "gatedlstm": "gated residual LSTM"}
LEARNT = 0.65
"""From which test accuracy a stack is said to have learnt: halfway from chance to one layer's."""
ONE_LAYER_LEARNS = 0.75
BOTH_LEARN = 0.85


def accuracy(view: View, study: str, cell: str) -> pd.Series:
    """Return the test accuracy of each run of a cell, by seed."""
    seeds = view.common([(study, cell)])
    found: pd.Series = view.rows(study, cell).loc[seeds, "test_accuracy"].astype(float)
    return found


def stack(view: View, kind: str, layers: int) -> pd.Series:
    """Return the test accuracy of each stack of a kind in the study of depth, by seed."""
    return accuracy(view, DEPTH, f"{kind} x{layers}")


def learnt(accuracies: pd.Series) -> pd.Series:
    """Return whether each stack has learnt, by seed."""
    return accuracies > LEARNT


def last_epoch(view: View, study: str, cell: str, quantity: str) -> pd.Series:
    """Return a quantity of the last epoch of each run of a cell, by seed."""
    table = epochs(view, study, cell, quantity)
    return table.iloc[:, -1]


def epochs(view: View, study: str, cell: str, quantity: str) -> pd.DataFrame:
    """Return a quantity of each epoch of the runs of a cell, seeds by epochs.

    Raises:
        Missing: for a run without all of its epochs.
    """
    seeds = view.common([(study, cell)])
    runs, kept = view.rows(study, cell).loc[seeds], view.archive.study(study).records
    assert kept is not None  # `rows` has seen to it
    table = kept.epochs[kept.epochs["run_id"].isin(runs["run_id"])]
    values: pd.DataFrame = table.pivot(index="seed", columns="epoch", values=quantity).loc[seeds]
    if values.shape[1] < 2 or values.isna().any(axis=None):
        raise Missing(f"every epoch of “{cell}” in results/{study}/epochs.csv")
    return values


def measured(view: View, study: str, cell: str, measure: str, condition: str) -> pd.Series:
    """Return what was measured on each run of a cell under a condition, by seed.

    Raises:
        Missing: when nothing was.
    """
    table = view.measured(study, cell, measure)
    if condition not in table:
        raise Missing(f"“{measure}” of “{cell}” at {condition} in results/{study}")
    found: pd.Series = table[condition]
    return found


def both_learn(view: View) -> Check:
    """Demand a mean accuracy above 85% of both models of the headline study."""
    means = [accuracy(view, *cell).mean() for cell in (LSTM, RESIDUAL)]
    return Check(
        min(means) > BOTH_LEARN,
        f"mean accuracies {means[0]:.1%} (LSTM) and {means[1]:.1%} (residual LSTM), "
        f"{BOTH_LEARN:.0%} demanded of both",
    )


def one_layer_learns(view: View) -> Check:
    """Demand a mean accuracy above 75% of one layer of both kinds."""
    means = [stack(view, kind, 1).mean() for kind in ("lstm", "reslstm")]
    return Check(
        min(means) > ONE_LAYER_LEARNS,
        f"mean accuracies of one layer {means[0]:.1%} (LSTM) and {means[1]:.1%} (residual LSTM), "
        f"{ONE_LAYER_LEARNS:.0%} demanded of both",
    )
