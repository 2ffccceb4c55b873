"""Linear models over counted words: the bar that a recurrent network has to clear."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstm_report.data.tokens import BREAK, WORD
from lstm_report.statistics.intervals import Interval, proportion_interval

if TYPE_CHECKING:
    from lstm_report.data.sources import Reviews

VALIDATION_PART = 0.1
"""Part of the training reviews that is set aside where no validation reviews are given."""
STRENGTHS: Mapping[str, tuple[float, ...]] = {
    "bag of words": (0.003, 0.01, 0.03, 0.1),
    "tf-idf": (1.0, 3.0, 10.0),
    "nb-weighted": (0.03, 0.1, 0.3, 1.0, 3.0),
}
"""Inverse strengths C of the penalty ½|w|² that the validation reviews choose from, by features.

On IMDB the largest of the first two are chosen; of larger ones, up to 1 and 30, none was.
"""
LEAST_REVIEWS = 2
"""Training reviews that a term of `nb-weighted` has to stand in."""


class Linear(NamedTuple):
    """The settings of a linear model, see `linear_baseline`."""

    features: str
    ngrams: tuple[int, int]


LINEAR = {
    "bag of words": Linear("bag of words", (1, 1)),
    "tf-idf": Linear("tf-idf", (1, 1)),
    "nb-weighted n-grams": Linear("nb-weighted", (1, 3)),
}
"""The linear models by the name of their cell."""


@dataclass(frozen=True)
class Baseline:
    """A fitted linear model's result on the test reviews."""

    name: str
    accuracy: Interval
    """Accuracy on the test reviews with its 95% Wilson interval."""
    correct: np.ndarray
    """(N,) for each test review, in order, whether it was judged rightly."""
    logits: np.ndarray
    """(N,) the logarithm of the odds of each test review being positive."""
    judge: Callable[[Sequence[str]], np.ndarray]
    """Returns these logarithms for other texts."""
    terms: int
    """Terms that have a weight."""
    seconds: float
    """Wall-clock time of counting, choosing C, fitting and predicting."""
    top_positive: list[tuple[str, float]]
    """The terms of largest weight, largest first."""
    top_negative: list[tuple[str, float]]
    """The terms of smallest weight, smallest first."""
    strength: float
    """The C that was chosen."""
    test_seconds: float
    """Of `seconds`, those of predicting."""


def linear_baseline(
    train: "Reviews",
    validation: "Reviews | None",
    test: "Reviews",
    *,
    features: str = "bag of words",
    ngrams: tuple[int, int] = (1, 1),
    top: int = 15,
) -> Baseline:
    """Fit logistic regression on counted words and test it once.

    The penalty is chosen by accuracy on the validation reviews, ties to the stronger penalty; the
    chosen model then reads the training reviews alone, as the networks do.

    Args:
        train: reviews that terms and weights are learned from; both labels must occur.
        validation: reviews that choose the penalty; `None` sets aside a tenth of `train`.
        test: reviews the accuracy is measured on.
        features: `bag of words` (a term's count); `tf-idf` (its logarithmic count times its inverse
            document frequency, each review scaled to length one); or `nb-weighted` (whether it
            occurs, times its weight in naive Bayes, see `naive_bayes_weights`; punctuation marks
            are terms too, as the networks read them).
        ngrams: the least and the greatest number of words in a term.
        top: how many of the most positive and most negative terms are returned.

    Raises:
        ValueError: for unknown features, or training reviews of one label only.

    Source: Wang and Manning (2012), ACL, for linear models as baselines of sentiment and for the
    weights of naive Bayes; Salton and Buckley (1988), Information Processing & Management 24,
    513-523, for those of TF-IDF.
    """
    from sklearn.linear_model import LogisticRegression

    if features not in STRENGTHS:
        known = ", ".join(STRENGTHS)
        raise ValueError(f"Expected features to be one of {known}, got {features!r}.")
    if len(np.unique(train.labels)) != 2:
        raise ValueError("Expected training reviews of both labels.")
    start = time.perf_counter()
    vectorizer = _vectorizer(features, ngrams)
    counts, labels = vectorizer.fit_transform(train.texts), np.asarray(train.labels)
    if validation is None:
        chosen = np.random.default_rng(0).random(len(labels)) < VALIDATION_PART
        fitted, held = (counts[~chosen], labels[~chosen]), (counts[chosen], labels[chosen])
    else:
        fitted = (counts, labels)
        held = (vectorizer.transform(validation.texts), np.asarray(validation.labels))

    ratio = naive_bayes_weights(*fitted) if features == "nb-weighted" else None

    def weighted(table: Any) -> Any:
        return table if ratio is None else table.multiply(ratio).tocsr()

    fitted, held = ((weighted(table), truth) for table, truth in (fitted, held))

    # liblinear's trust-region Newton method: counts of unequal scale keep L-BFGS for minutes. With
    # many times more terms than reviews its dual coordinate descent is the quicker and the exacter.
    models = [
        LogisticRegression(
            C=strength, solver="liblinear", tol=0.01, dual=ratio is not None, random_state=0
        ).fit(*fitted)
        for strength in STRENGTHS[features]
    ]
    model = max(models, key=lambda model: np.mean(model.predict(held[0]) == held[1]))

    def judge(texts: Sequence[str]) -> np.ndarray:
        return model.decision_function(weighted(vectorizer.transform(texts)))

    judged = time.perf_counter()
    logits = judge(test.texts)
    test_seconds = time.perf_counter() - judged
    correct = (logits > 0) == (np.asarray(test.labels) == 1)
    weights = model.coef_[0] if ratio is None else model.coef_[0] * ratio
    terms = vectorizer.get_feature_names_out()
    order = np.argsort(weights, kind="stable")
    least, greatest = ngrams
    words = f"{least} words" if least == greatest else f"{least} to {greatest} words"
    return Baseline(
        name=f"{features}, {'1 word' if greatest == 1 else words}",
        accuracy=proportion_interval(int(correct.sum()), len(correct)),
        correct=correct,
        logits=logits,
        judge=judge,
        terms=len(terms),
        seconds=time.perf_counter() - start,
        top_positive=[(str(terms[k]), float(weights[k])) for k in order[::-1][:top]],
        top_negative=[(str(terms[k]), float(weights[k])) for k in order[:top]],
        strength=float(model.C),
        test_seconds=test_seconds,
    )


def _vectorizer(features: str, ngrams: tuple[int, int]) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    options: dict[str, Any] = {
        "preprocessor": _plain,
        "token_pattern": r"[^\W_]+(?:['’][^\W_]+)*",
        "ngram_range": ngrams,
        "dtype": np.float64,
    }
    if features == "tf-idf":
        return TfidfVectorizer(sublinear_tf=True, **options)
    if features == "nb-weighted":
        options |= {"token_pattern": WORD, "binary": True, "min_df": LEAST_REVIEWS}
    return CountVectorizer(**options)


def naive_bayes_weights(occurs: Any, labels: np.ndarray) -> np.ndarray:
    """Return the weight of each term in naive Bayes, (F,).

    r = log((p / |p|₁) / (q / |q|₁)), where p and q are 1 plus the number of positive and of
    negative reviews in which each term occurs.

    Args:
        occurs: (N, F) sparse, 1 where a term occurs in a review.
        labels: (N,) of 0 and 1.

    Source: Wang and Manning (2012), ACL, equation 2 with α = 1.
    """
    positive, negative = (
        1 + np.asarray(occurs[labels == label].sum(axis=0)).ravel() for label in (1, 0)
    )
    return np.log(positive / positive.sum()) - np.log(negative / negative.sum())


def _plain(text: str) -> str:
    """Return a review in lower case and without the line breaks that IMDB writes as HTML."""
    return re.sub(BREAK, " ", text.lower())
