"""What every model that was tested on IMDB reached, and what its training cost."""

import functools
from typing import Any

import numpy as np
import pandas as pd

from lstm_report import averaging, measurements, paths, records, strong_settings
from lstm_report.config import ModelConfig
from lstm_report.cost_figures import AVERAGED, LINEAR
from lstm_report.sources import IMDB_CHECKSUM

COLUMNS = (
    *("study", "cell", "kind", "seeds", "accuracy", "low", "high"),
    *("seconds", "tokens", "operations", "hardware"),
)
UNSHOWN = {strong_settings.TUNING}
"""Its cells serve to choose by validation; the best by test of many trials would be a lucky one."""
NEEDED = ("checksum", "test_accuracy", "train_seconds")
OPERATIONS = 6
"""Of a weight for each token: a product and a sum forwards, and two of each backwards."""


def accuracy_and_cost() -> pd.DataFrame:
    """Return accuracy and cost of every cell in `results/` with IMDB's reviews, cheapest first.

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
    rows = [row for name in names for row in _rows(name)]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.sort_values("seconds", kind="stable", ignore_index=True)


def _rows(name: str) -> list[dict[str, Any]]:
    runs, _ = records.tables(name)
    if not {*NEEDED} <= {*runs.columns}:
        return []
    runs = runs[runs["checksum"] == IMDB_CHECKSUM]
    tokens = _tokens(name)
    measured = measurements.read(name)
    rows = []
    for cell in dict.fromkeys(runs["cell"]):
        of_cell = runs[runs["cell"] == cell]
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

    accuracy = values(averaging.ACCURACY)
    if accuracy.empty:
        return None
    return row | {
        "cell": f"{row['cell']}, averaged with n-grams",
        "kind": AVERAGED,
        **_accuracies(accuracy),
        "seconds": row["seconds"] + values(averaging.SECONDS).mean(),
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
    from lstm_report.model import SentimentClassifier

    model = SentimentClassifier(2, config)
    layers = [model.recurrent, model.backward_recurrent]
    return sum(weight.numel() for layer in layers if layer for weight in layer.parameters())
