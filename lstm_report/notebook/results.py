"""Tables of the reviews and of finished runs: what the notebooks show of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lstm_report.data.prepared import PreparedData
from lstm_report.data.readers import Reviews
from lstm_report.data.sources import normalised
from lstm_report.data.tokens import read_words
from lstm_report.errors import UserError
from lstm_report.figures.style import name_of
from lstm_report.models.classifier import SentimentClassifier
from lstm_report.statistics import intervals
from lstm_report.statistics.intervals import Interval
from lstm_report.training.baselines import Baseline
from lstm_report.training.runs import Run

LETTERS = 16
"""Letters a word that an excerpt shows at most, on average."""


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


def count_words(reviews: Reviews) -> Counter[str]:
    """Return how often each token stands in the reviews."""
    counts: Counter[str] = Counter()
    for text in reviews.texts:
        counts.update(read_words(text))
    return counts


def balance(parts: Mapping[str, Reviews]) -> pd.DataFrame:
    """Return the number of reviews of each label in each part.

    Returns:
        Columns part, negative, positive, share positive.
    """
    return pd.DataFrame(
        {
            "part": name,
            "negative": int((reviews.labels == 0).sum()),
            "positive": int((reviews.labels == 1).sum()),
            "share positive": float(reviews.labels.mean()),
        }
        for name, reviews in parts.items()
    )


def coverage_in_words(
    train: Counter[str], test: Counter[str], size: int, lengths: Sequence[int], cut: int
) -> str:
    """Return what `figures.words_and_lengths` shows, of the same arguments, in words."""
    known = [word for word, _ in train.most_common(size)]
    shares = [sum(counts[word] for word in known) / counts.total() for counts in (train, test)]
    middle, long = np.quantile(lengths, (0.5, 0.99))
    return (
        f"The {size:,} most frequent words cover {shares[0]:.1%} of the running words of the "
        f"training reviews and {shares[1]:.1%} of those of the test reviews. Half of the training "
        f"reviews have up to {middle:,.0f} tokens, one in a hundred has more than {long:,.0f}; "
        f"they are cut at {cut}."
    )


def unseen_in_words(run: Run) -> str:
    """Return the accuracy of a run without the test reviews that stand in the training part too."""
    known = int(run.predictions["in_train"].sum())
    if not known:
        return "No text of a test review also stands in the training part."
    return (
        f"Without the {known:,} test reviews whose text also stands in the training part, the "
        f"accuracy is {accuracy(run, without_known=True).estimate:.2%}."
    )


def course_in_words(runs: Mapping[str, pd.DataFrame]) -> str:
    """Return what `figures.learning_curves` shows, of the same argument, in words."""
    told = []
    for kind, metrics in runs.items():
        first, last = metrics.iloc[0], metrics.iloc[-1]
        best = metrics.sort_values("validation_accuracy", kind="stable", ascending=False).iloc[0]
        told.append(
            f"{name_of(kind)}: the training loss goes from {first.train_loss:.3f} to "
            f"{last.train_loss:.3f}, the validation loss from {first.validation_loss:.3f} to "
            f"{last.validation_loss:.3f}; the validation accuracy is highest in epoch "
            f"{int(best.epoch)}, at {best.validation_accuracy:.1%}."
        )
    return " ".join(told)


def duplicates(train: Reviews, test: Reviews) -> dict[str, int]:
    """Return how many reviews are copies, after white space and case are made equal.

    Returns:
        `train` and `test`: copies beyond the first within the part; `across`: test reviews whose
        text also stands in train.
    """
    keys = {
        name: [normalised(text) for text in part.texts]
        for name, part in (("train", train), ("test", test))
    }
    known = set(keys["train"])
    return {
        **{name: len(entries) - len(set(entries)) for name, entries in keys.items()},
        "across": sum(key in known for key in keys["test"]),
    }


def polar_words(
    reviews: Reviews, *, count: int = 10, smallest: int = 50, smoothing: float = 1.0
) -> pd.DataFrame:
    """Return the words whose presence says most about the label.

    The measure is the log odds ratio ln[(n₊ + s) / (N₊ - n₊ + s)] - ln[(n₋ + s) / (N₋ - n₋ + s)],
    where n of the N reviews of a label contain the word and s smooths.

    Args:
        reviews: the training reviews.
        count: words per side.
        smallest: reviews that must contain a word.
        smoothing: s.

    Returns:
        Columns positive word, its log odds, negative word, its log odds; strongest first.
    """
    holding = {label: Counter[str]() for label in (0, 1)}
    for text, label in zip(reviews.texts, reviews.labels, strict=True):
        holding[int(label)].update(set(read_words(text)))
    totals = {label: int((reviews.labels == label).sum()) for label in (0, 1)}

    def log_odds(word: str, label: int) -> float:
        inside = holding[label][word] + smoothing
        return float(np.log(inside / (totals[label] - holding[label][word] + smoothing)))

    scores = {
        word: log_odds(word, 1) - log_odds(word, 0)
        for word in holding[0] | holding[1]
        if word[0].isalpha() and holding[0][word] + holding[1][word] >= smallest
    }
    ranked = sorted(scores, key=lambda word: scores[word])
    pairs = zip(reversed(ranked[-count:]), ranked[:count], strict=True)
    return pd.DataFrame(
        [
            {
                "positive word": good,
                "log odds": scores[good],
                "negative word": bad,
                "log odds ": scores[bad],
            }
            for good, bad in pairs
        ]
    )


def baseline_table(baselines: Sequence[Baseline]) -> pd.DataFrame:
    """Return the test accuracy of linear baselines with their intervals.

    Returns:
        Columns model, test accuracy, low, high, seconds.
    """
    return pd.DataFrame(
        {
            "model": entry.name,
            "test accuracy": entry.accuracy.estimate,
            "low": entry.accuracy.low,
            "high": entry.accuracy.high,
            "seconds": entry.seconds,
        }
        for entry in baselines
    )
