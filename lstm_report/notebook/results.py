"""Tables of finished runs: what the notebooks show of one run, and of two side by side."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lstm_report.claims import evidence
from lstm_report.data.prepared import PreparedData
from lstm_report.errors import UserError
from lstm_report.figures.style import name_of
from lstm_report.models.classifier import SentimentClassifier
from lstm_report.statistics import intervals
from lstm_report.statistics.intervals import Interval
from lstm_report.texts import Markup
from lstm_report.training.runs import Run

SOURCE_ACCURACY = evidence.SOURCE_ACCURACY
SOURCE_BEST_EPOCH = evidence.SOURCE_BEST_EPOCH
LETTERS = 16
"""Letters a word that an excerpt shows at most, on average."""
NOT_COMPARABLE = Markup(
    " **The reviews used here are not those of IMDB**, so the two sets of figures cannot be "
    "compared at all."
)


def correct(run: Run) -> np.ndarray:
    """Return for each test review whether the run judged it rightly, (N,) of bool."""
    predictions = run.predictions
    return ((predictions["logit"] > 0) == (predictions["label"] == 1)).to_numpy()


def accuracy(run: Run, *, without_known: bool = False) -> Interval:
    """Return the test accuracy with its 95% Wilson interval.

    Args:
        run: a finished run.
        without_known: whether to leave out the test reviews that also stand in train.
    """
    right = correct(run)
    if without_known:
        right = right[~run.predictions["in_train"].to_numpy()]
    return intervals.proportion_interval(int(right.sum()), len(right))


def model_table(model: SentimentClassifier) -> pd.DataFrame:
    """Return every learned array of the classifier: name, shape and number of parameters.

    Returns:
        Columns parameter, shape and count; the last row is the total.
    """
    rows = [
        (name, " × ".join(map(str, value.shape)), value.numel())
        for name, value in model.named_parameters()
    ]
    total = ("total", "", sum(count for _, _, count in rows))
    return pd.DataFrame([*rows, total], columns=["parameter", "shape", "count"])


def result_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return what each run reached and cost, one row per model.

    Args:
        runs: the finished run of each kind of model.

    Returns:
        Columns model, best epoch, test accuracy, low and high (95% Wilson interval), unseen
        (accuracy without the test reviews that stand in train), test loss, parameters, training
        seconds and tokens per second.
    """
    rows = []
    for kind, run in runs.items():
        interval, summary = accuracy(run), run.summary
        rows.append(
            {
                "model": name_of(kind),
                "best epoch": summary["best_epoch"],
                "test accuracy": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "unseen": accuracy(run, without_known=True).estimate,
                "test loss": summary["test_loss"],
                "parameters": summary["parameters"],
                "training seconds": summary["train_seconds"],
                "tokens per second": summary["tokens_per_second"],
            }
        )
    return pd.DataFrame(rows)


def excerpt(text: str, words: int = 40) -> str:
    """Return the last `words` words of a review, line breaks removed, or less of very long ones."""
    kept = text.replace("<br />", " ").split()
    end, longest = " ".join(kept[-words:]), LETTERS * words
    return ("… " if len(kept) > words or len(end) > longest else "") + end[-longest:]


def disagreements(first: Run, second: Run, data: PreparedData, count: int = 6) -> pd.DataFrame:
    """Return the test reviews on which two runs differ most.

    Args:
        first, second: runs on the same test split.
        data: the reviews.
        count: how many to return, the largest difference in probability first.

    Returns:
        Columns review (its end), label, and the probability of `positive` by each model.

    Raises:
        UserError: when the runs were not made on the same test split.
    """
    a, b = first.predictions, second.predictions
    if len(a) != len(b) or (a["label"] != b["label"]).any():
        raise UserError(
            "Expected two runs on the same test reviews, got different ones: "
            "train both models on the same data."
        )
    differ = correct(first) != correct(second)
    distance = (a["probability"] - b["probability"]).abs().where(differ)
    rows = distance.dropna().nlargest(count).index
    texts = data.test.reviews.texts
    return pd.DataFrame(
        {
            "review": [excerpt(texts[row]) for row in rows],
            "label": np.where(a["label"].loc[rows] == 1, "positive", "negative"),
            f"P(positive), {name_of(first.config.model.kind)}": a["probability"].loc[rows],
            f"P(positive), {name_of(second.config.model.kind)}": b["probability"].loc[rows],
        }
    ).reset_index(drop=True)


def short_review(data: PreparedData, label: int, tokens: int = 24) -> int:
    """Return the row of the test review of that label whose length is nearest to `tokens`."""
    lengths, labels = data.test.lengths, np.asarray(data.test.reviews.labels)
    rows = np.flatnonzero(labels == label)
    if not len(rows):
        raise UserError(f"Expected a test review of label {label}, got none: use other data.")
    return int(rows[np.argmin(np.abs(lengths[rows] - tokens))])


def words(data: PreparedData, row: int) -> list[str]:
    """Return the tokens of a test review as the model reads them."""
    return [data.vocabulary[token] for token in data.test.row(row)]
