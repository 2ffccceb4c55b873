"""Linear models over counted words: the bar that a recurrent network has to clear."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_report.stats import Interval, proportion_interval

if TYPE_CHECKING:
    from lstm_report.sources import Reviews

FEATURES = ("bag of words", "tf-idf")
VALIDATION_PART = 0.1
"""Part of the training reviews that is set aside where no validation reviews are given."""
STRENGTHS: Mapping[str, tuple[float, ...]] = {
    "bag of words": (0.003, 0.01, 0.03, 0.1),
    "tf-idf": (1.0, 3.0, 10.0),
}
"""Inverse strengths C of the penalty ½|w|² that the validation reviews choose from."""


@dataclass(frozen=True)
class Baseline:
    """A fitted linear model's result on the test reviews."""

    name: str
    accuracy: Interval
    """Accuracy on the test reviews with its 95% Wilson interval."""
    correct: np.ndarray
    """(N,) for each test review, in order, whether it was judged rightly."""
    seconds: float
    """Wall-clock time of counting, choosing C, fitting and predicting."""
    top_positive: list[tuple[str, float]]
    """The terms of largest weight, largest first."""
    top_negative: list[tuple[str, float]]
    """The terms of smallest weight, smallest first."""
    strength: float
    """The C that was chosen."""


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
        features: `bag of words` (a term's count) or `tf-idf` (its logarithmic count times its
            inverse document frequency, each review scaled to length one).
        ngrams: the least and the greatest number of words in a term.
        top: how many of the most positive and most negative terms are returned.

    Raises:
        ValueError: for unknown features, or training reviews of one label only.

    Source: Wang and Manning (2012), ACL, for linear models as baselines of sentiment; Salton and
    Buckley (1988), Information Processing & Management 24, 513-523, for the weights.
    """
    from sklearn.linear_model import LogisticRegression

    if features not in FEATURES:
        raise ValueError(f"Expected features to be one of {', '.join(FEATURES)}, got {features!r}.")
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

    # liblinear's trust-region Newton method: counts of unequal scale keep L-BFGS for minutes.
    models = [
        LogisticRegression(C=strength, solver="liblinear", tol=0.01).fit(*fitted)
        for strength in STRENGTHS[features]
    ]
    model = max(models, key=lambda model: np.mean(model.predict(held[0]) == held[1]))

    correct = model.predict(vectorizer.transform(test.texts)) == np.asarray(test.labels)
    weights, terms = model.coef_[0], vectorizer.get_feature_names_out()
    order = np.argsort(weights, kind="stable")
    least, greatest = ngrams
    words = f"{least}" if least == greatest else f"{least} to {greatest}"
    return Baseline(
        name=f"{features}, {words} word{'' if greatest == 1 else 's'}",
        accuracy=proportion_interval(int(correct.sum()), len(correct)),
        correct=correct,
        seconds=time.perf_counter() - start,
        top_positive=[(str(terms[k]), float(weights[k])) for k in order[::-1][:top]],
        top_negative=[(str(terms[k]), float(weights[k])) for k in order[:top]],
        strength=float(model.C),
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
    return CountVectorizer(**options)


def _plain(text: str) -> str:
    """Return a review in lower case and without the line breaks that IMDB writes as HTML."""
    return re.sub(r"<br\s*/?>", " ", text.lower())
