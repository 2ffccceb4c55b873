"""What was recorded, what it cost, and what does not count, over all studies of the claims."""

import dataclasses
import functools
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from lstm_report import paths
from lstm_report.analysis import ensemble, measurements
from lstm_report.claims.admitted import STATED, WITHOUT_EDITED, Archive, Study, together
from lstm_report.config import ModelConfig
from lstm_report.data.sources import IMDB_CHECKSUM
from lstm_report.figures.costs import AVERAGED, LINEAR
from lstm_report.studies import catalogue, linear, records, tuned
from lstm_report.studies.study import value_of
from lstm_report.texts import Markup

COLUMNS = (
    *("study", "cell", "kind", "seeds", "accuracy", "low", "high"),
    *("seconds", "tokens", "operations", "hardware"),
)
UNSHOWN = {search.tuning for search in tuned.SEARCHES.values()}
"""Its cells serve to choose by validation; the best by test of many trials would be a lucky one."""
NEEDED = ("checksum", "test_accuracy", "train_seconds")
OPERATIONS = 6
"""Of a weight for each token: a product and a sum forwards, and two of each backwards."""


def accuracy_and_cost(left_out: Collection[str] = ()) -> pd.DataFrame:
    """Return accuracy and cost of every cell in `results/` with IMDB's reviews, cheapest first.

    Args:
        left_out: run ids that do not count.

    Returns:
        One row a cell, and one more where it was averaged with n-grams. Columns:

        - study, cell, kind (of layer, or `linear`, or `averaged`), seeds;
        - accuracy on the test reviews, and low and high, the least and the greatest of the seeds;
        - seconds: of training, times the threads it ran with, without validation and test and
          without the learning of word vectors, which several runs share;
        - tokens: of the training part, times the epochs; missing for linear models;
        - operations: `OPERATIONS` for each token and weight of the recurrent layers, twice that
          where the training is adversarial; it does not depend on the machine, and is missing for
          linear models and averages;
        - hardware: what it ran on, as the seconds depend on it.

    Raises:
        UserError: when records are damaged.
    """
    names = sorted({path.parent.name for path in paths.RESULTS.glob("*/runs.csv")} - UNSHOWN)
    rows = [row for name in names for row in _rows(name, left_out)]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.sort_values("seconds", kind="stable", ignore_index=True)


def _rows(name: str, left_out: Collection[str]) -> list[dict[str, Any]]:
    runs, _ = records.tables(name)
    if not {*NEEDED} <= {*runs.columns}:
        return []
    runs = runs[(runs["checksum"] == IMDB_CHECKSUM) & ~runs["run_id"].isin(left_out)]
    tokens = _tokens(name)
    measured = measurements.read(name)
    measured = measured[measured["run_id"].isin(runs["run_id"])]
    rows = []
    for cell, of_cell in runs.groupby("cell", sort=False):
        threads = of_cell.get("threads", 1)
        seconds = of_cell["train_seconds"] * threads
        spent = of_cell["run_id"].map(tokens)
        row = {
            "study": name,
            "cell": cell,
            "kind": of_cell["model.kind"].iloc[0] if "model.kind" in of_cell else LINEAR,
            **_accuracies(of_cell["test_accuracy"]),
            "seconds": seconds.mean(),
            "tokens": spent.mean(),
            "operations": np.nan,
            "hardware": "; ".join(sorted({*of_cell["hardware"].map(str)})),
        }
        if row["kind"] != LINEAR:
            passes = 1 + (of_cell["training.adversarial"].iloc[0] > 0)
            weights = recurrent_weights(_model(of_cell.iloc[0]))
            row["operations"] = OPERATIONS * passes * weights * spent.mean()
        rows.append(row)
        if averaged := _averaged(row, measured[measured["cell"] == cell]):
            rows.append(averaged)
    return rows


def _accuracies(values: pd.Series) -> dict[str, float]:
    return {
        "seeds": len(values),
        "accuracy": values.mean(),
        "low": values.min(),
        "high": values.max(),
    }


def _tokens(name: str) -> pd.Series:
    """Return the tokens that each run was trained on, all epochs together, by run id."""
    epochs = records.epochs(name)
    if epochs.empty:  # linear models have none
        return pd.Series(dtype=float)
    return (epochs["seconds"] * epochs["tokens_per_second"]).groupby(epochs["run_id"]).sum()


def _averaged(row: dict[str, Any], measured: pd.DataFrame) -> dict[str, Any] | None:
    """Return the row of a cell averaged with the n-grams, where that was measured."""

    def values(key: tuple[str, str]) -> pd.Series:
        return measured.loc[measured["measure"] == key[0], "value"]

    accuracy = values(ensemble.ACCURACY)
    if accuracy.empty:
        return None
    return row | {
        "cell": f"{row['cell']}, averaged with n-grams",
        "kind": AVERAGED,
        **_accuracies(accuracy),
        "seconds": row["seconds"] + values(ensemble.SECONDS).mean(),
        "operations": np.nan,
    }


def _model(row: pd.Series) -> ModelConfig:
    return ModelConfig(
        kind=row["model.kind"],
        embedding_size=int(row["model.embedding_size"]),
        hidden_size=int(row["model.hidden_size"]),
        num_layers=int(row["model.num_layers"]),
        bidirectional=bool(row["model.bidirectional"]),
    )


@functools.cache
def recurrent_weights(config: ModelConfig) -> int:
    """Return the number of weights of the recurrent layers, in both directions together."""
    from lstm_report.models.classifier import SentimentClassifier

    model = SentimentClassifier(2, config)
    layers = [model.recurrent, model.backward_recurrent]
    return sum(weight.numel() for layer in layers if layer for weight in layer.parameters())


NAMED = 20
"""Cells of a study that are named one by one."""
FAILED = ["study", *records.KEY, *records.FAILURE]


def opened(archive: Archive) -> list[Study]:
    """Return all studies that the claims rest on."""
    return [archive.study(name) for name in STATED]


def left_out(archive: Archive) -> pd.DataFrame:
    """Return the runs and measurements that do not count, and why; columns of `LEFT_OUT`."""
    return together(*(study.left_out for study in opened(archive)))


def failures(archive: Archive) -> pd.DataFrame:
    """Return the runs that failed and have not been finished since."""
    return together(*(records.tables(name)[1].assign(study=name)[FAILED] for name in STATED))


def notes(archive: Archive) -> list[str]:
    """Return in sentences what a reader should know of the records."""
    found = [
        f"results/{study.name}: {remark}" for study in opened(archive) for remark in study.remarks
    ]
    found += [
        f"results/{row.study}: {row.cell}, seed {row.seed}, does not count: {row.reason}."
        for row in left_out(archive).itertuples()
    ]
    found += [
        f"results/{row.study}: {row.cell}, seed {row.seed}, failed: {row.error}"
        for row in failures(archive).itertuples()
    ]
    return found


def recorded(archive: Archive) -> pd.DataFrame:
    """Return what is recorded, one row a study and cell, those planned but not recorded included.

    Returns:
        Columns study, cell, seeds (that count), demanded, figures measured (rows) and hours (of
        training and testing).
    """
    rows = []
    for study in opened(archive):
        named = list(study.runs["cell"])
        if study.name in catalogue.STUDIES:
            named += [cell.label for cell in catalogue.STUDIES[study.name].cells]
        named += list(study.measured["cell"])
        for cell in dict.fromkeys(named):
            of_cell = study.runs[study.runs["cell"] == cell]
            measured = study.measured[study.measured["cell"] == cell]
            rows.append(
                {
                    "study": study.name,
                    "cell": cell,
                    "seeds": len({*measured["seed"], *of_cell["seed"]}),
                    "demanded": STATED[study.name].seeds,
                    "figures measured": len(measured),
                    "hours": _hours(of_cell),
                }
            )
    columns = ["study", "cell", "seeds", "demanded", "figures measured", "hours"]
    return pd.DataFrame(rows, columns=columns)


SETTINGS = {
    "training reviews": "data.train_limit",
    "words": "data.max_length",
    "V": "data.vocabulary_size",
    "E": "model.embedding_size",
    "H": "model.hidden_size",
    "epochs": "training.epochs",
    "step size": "training.learning_rate",
    "batch": "training.batch_size",
    "dropout": "model.dropout",
}
"""The settings that the text tells of each study, by the heading of their column."""
WHOLE = 22_500
"""Training reviews of a study without a limit: nine tenths of the official ones."""


def settings() -> pd.DataFrame:
    """Return what each study of classifiers trains, one row a study.

    Returns:
        Columns study, models (how many kinds of them), seeds, and those of `SETTINGS`; a setting
        that differs between the cells is given as `least–most`.
    """
    rows = []
    for study in catalogue.STUDIES.values():
        if study.name not in STATED:
            continue
        one = dataclasses.replace(study, seeds=1).runs()
        row: dict[str, Any] = {"study": study.name, "models": len(one), "seeds": study.seeds}
        for heading, key in SETTINGS.items():
            values = sorted({WHOLE if value is None else value
                             for value in (value_of(run.config, key) for run in one)})  # fmt: skip
            row[heading] = "–".join(
                f"{value:,g}" for value in dict.fromkeys((values[0], values[-1]))
            )
        rows.append(row)
    return pd.DataFrame(rows)


def memory_settings() -> Markup:
    """Return what the networks of the studies of memory are trained with, in words."""
    planned = [run.config for study in catalogue.MEMORY_STUDIES.values() for run in study.runs()]
    (units,), (batch,) = ({getattr(one, key) for one in planned} for key in
                          ("hidden_size", "batch_size"))  # fmt: skip
    rates = " or ".join(f"{rate:g}" for rate in sorted({one.learning_rate for one in planned}))
    steps = sorted({one.steps for one in planned})
    return Markup(
        f"The small networks of {' and '.join(f'`{name}`' for name in catalogue.MEMORY_STUDIES)} "
        f"have {units} units; they are trained with Adam on batches of {batch} sequences, all "
        f"newly drawn, with a step size of {rates}, for {steps[0]:,} to {steps[-1]:,} steps."
    )


def by_seeds(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `recorded`, the cells of a study with equally many seeds in one.

    Returns:
        Columns study, cells (their names, or how many they are), seeds (as in `3 of 10`), figures
        and hours (sums, and missing where no time is recorded).
    """
    rows = [
        {
            "study": study,
            "cells": _names(list(group["cell"])),
            "seeds": f"{seeds} of {group['demanded'].iloc[0]}",
            "figures": group["figures measured"].sum(),
            "hours": group["hours"].sum(min_count=1) if seeds else 0.0,
        }
        for (study, seeds), group in found.groupby(["study", "seeds"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["study", "cells", "seeds", "figures", "hours"])


def _names(cells: list[str]) -> str:
    if len(cells) > NAMED:
        return f"{len(cells)} cells, from {cells[0]} to {cells[-1]}"
    return ", ".join(cells)


def _hours(runs: pd.DataFrame) -> float | None:
    if not len(runs):
        return None
    return float((runs["train_seconds"] + runs["test_seconds"]).sum()) / 3600


def runs(archive: Archive) -> int:
    """Return how many runs of the studies count."""
    return sum(len(study.runs) for study in opened(archive))


def hours(archive: Archive) -> float:
    """Return the hours of training and testing of all runs that count."""
    return float(sum(recorded(archive)["hours"].dropna()))


def checklist(archive: Archive) -> pd.DataFrame:
    """Return what it takes to get the same figures again, and where each stands.

    Returns:
        Columns item and state.
    """
    made = together(*(study.runs for study in opened(archive)))

    def listed(column: str, between: str = ", ") -> str:
        names = made[column].dropna().unique() if column in made else ()
        return between.join(sorted(map(str, names))) or "not recorded"

    rows = {
        "Data": f"IMDB, by the checksum {IMDB_CHECKSUM[:12]} of all reviews; other reviews do not "
        "count",
        "Splits and seeds": "one number a run sets weights, batches, dropout and the validation "
        "split; the test split is the official one: it chose nothing within a run, and every run "
        "has read it once, so that later studies were planned in the knowledge of earlier ones",
        "Code": f"commit {listed('commit')}",
        "Versions": f"PyTorch {listed('torch')}; all packages in constraints.txt",
        "Hardware": listed("hardware", " and "),
        "Settings": "each in its row of runs.csv, checked against what is planned in the code",
        "Predictions": "every test review of every run, in half precision",
        "Rules": "results/round2/PLAN.md, in code in lstm_report/claims; `claims` judges anew",
        "Computing": f"{hours(archive):.2f} hours of training and testing in {runs(archive)} runs",
        "Weights": "not recorded; training a run again makes them",
    }
    return pd.DataFrame({"item": list(rows), "state": list(rows.values())})


def commands(archive: Archive) -> list[str]:
    """Return for each study with repeatable runs a command that computes one of them again.

    It is the first recorded run of the study, or the first one planned.
    """
    found = []
    for study in map(archive.study, STATED):
        options = " --exclude PATH" if STATED[study.name].checksum == WITHOUT_EDITED else ""
        if len(study.runs) and study.name in (*catalogue.STUDIES, linear.NAME):
            row = study.runs.iloc[0]
            cell, seed = row["cell"], row["seed"]
        elif study.name in (*catalogue.STUDIES, *catalogue.MEMORY_STUDIES):
            first = catalogue.find(study.name).runs()[0]
            cell, seed = first.label, first.seed
        else:
            continue
        found.append(f'lstm-report again {study.name} "{cell}" --seed {seed}{options}')
    return found
