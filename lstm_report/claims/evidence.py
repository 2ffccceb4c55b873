"""How parts and figures read the records, and what the source report states of its own runs."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstm_report.claims.admitted import STATED, Missing, View
from lstm_report.claims.parts import Check
from lstm_report.registered_studies import DEPTH, HEADLINE
from lstm_report.stats import Estimate
from lstm_report.unpaired import with_new_reviews

SOURCE_ACCURACY = {"lstm": 0.8145, "reslstm": 0.8030}
"""Test accuracy of each model as the source states it, from one run each."""
SOURCE_DIFFERENCE = SOURCE_ACCURACY["lstm"] - SOURCE_ACCURACY["reslstm"]
SOURCE_BEST_EPOCH = 14
"""The epoch at which both models of the source were at their best."""
Cell = tuple[str, str]
"""The name of a study and of one of its cells."""
LSTM, RESIDUAL, MATCHED = ((HEADLINE, cell) for cell in ("lstm", "reslstm", "lstm matched"))
NAMES = {"lstm": "LSTM", "reslstm": "residual LSTM", "gatedlstm": "gated residual LSTM"}
LEARNT = 0.65
"""From which test accuracy a stack is said to have learnt: halfway from chance to one layer's."""
ONE_LAYER_LEARNS = 0.75
BOTH_LEARN = 0.85
FIRST_ROUND = {HEADLINE: "headline", DEPTH: "depth"}
"""The study of the first round that a figure shows while the second has no runs yet."""


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


def shown_study(view: View, name: str) -> str:
    """Return the study that a figure is drawn from: a registered one, else that before it."""
    return name if view.archive.study(name).records is not None else FIRST_ROUND[name]


def by_layers(view: View, study: str, kind: str, quantity: str = "") -> pd.DataFrame:
    """Return a figure of the stacks of a kind, seeds by number of layers, complete rows only.

    Args:
        view: the records.
        study: of stacks.
        kind: the recurrent layer.
        quantity: of the last epoch; by default the test accuracy.

    Raises:
        Missing: for fewer than two depths.
    """
    columns = {}
    for layers in (1, 2, 4, 6, 8):
        cell = f"{kind} x{layers}"
        with contextlib.suppress(Missing):
            columns[layers] = (
                last_epoch(view, study, cell, quantity) if quantity else accuracy(view, study, cell)
            )
    if len(columns) < 2:
        raise Missing(f"“{kind}” of two or more depths", f"lstm-report study {study}")
    return pd.DataFrame(columns).dropna()


def under(
    view: View, cells: dict[str, Cell], measure: str, conditions: dict[float, str]
) -> dict[str, pd.DataFrame]:
    """Return a measure of several cells, seeds by conditions, for those that have it.

    Args:
        view: the records.
        cells: by the name of a line.
        measure: its name.
        conditions: as they are recorded, by the number that they are drawn at.

    Raises:
        Missing: when no cell has them all.
    """
    found, lacks = {}, []
    for name, cell in cells.items():
        try:
            columns = {
                number: measured(view, *cell, measure, condition)
                for number, condition in conditions.items()
            }
        except Missing as lack:
            lacks.append(lack)
        else:
            found[name] = pd.DataFrame(columns).dropna()
    if not found:
        raise lacks[-1]
    return found


def numbered(view: View, study: str, cell: str, measure: str, prefix: str = "") -> dict[float, str]:
    """Return the conditions of a measure that are a number after a prefix, in increasing order."""
    found = {}
    for name in map(str, view.measured(study, cell, measure).columns):
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.replace(".", "", 1).isdigit():
            found[float(number)] = name
    return dict(sorted(found.items()))


def difference(view: View, what: str, first: Cell, second: Cell) -> Estimate:
    """Return the difference in accuracy of two cells, first minus second, over seeds and reviews.

    Raises:
        Missing: for fewer than two runs of one that is not of one run only.
    """
    kept = [view.archive.study(study).records for study, _ in (first, second)]
    a, b = (judged(view, *cell) for cell in (first, second))
    labels, others = (entry.labels for entry in kept if entry is not None)
    if not np.array_equal(labels, others):
        raise Missing(f"results/{first[0]} and results/{second[0]} hold different test reviews")
    return Estimate(what, with_new_reviews(a, b).interval, "points")


def judged(view: View, study: str, cell: str) -> np.ndarray:
    """Return whether the runs of a cell judge each review rightly, (S, N) of bool.

    A model in which nothing is random has one run, which stands twice: runs of it do not differ.
    """
    if STATED[study].seeds > 1:
        return view.correct(study, cell, view.common([(study, cell)]))
    view.used |= {(study, run_id) for run_id in view.rows(study, cell)["run_id"]}
    return view.correct(study, cell, [0, 0])


def differences(view: View, pairs: dict[str, tuple[Cell, Cell]]) -> list[Estimate]:
    """Return the difference in accuracy of each pair of cells, by name, that is recorded.

    Raises:
        Missing: when none is.
    """
    found = []
    for what, (first, second) in pairs.items():
        with contextlib.suppress(Missing):
            found.append(difference(view, what, first, second))
    if not found:
        raise Missing("comparisons")
    return found


def accuracies(view: View, cells: Sequence[tuple[str, Cell]]) -> dict[str, pd.DataFrame]:
    """Return the test accuracies of cells, by the name of each, as one column of a figure."""
    return {name: accuracy(view, *cell).to_frame("") for name, cell in cells}
