"""Intervals and paired tests for accuracies, on top of scipy.

Every interval is two-sided. "Correct" is, for each review, whether a model judged it rightly;
paired arrays hold the same reviews in the same order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from lstm_report.texts import cell as shown

MARGIN = 0.005
"""Differences in accuracy within ± this, half a point, do not matter in practice."""
UNITS = {
    "points": (100, "+", 2, " points"),
    "percent": (100, "", 0, "%"),
    "doublings": (1, "+", 2, " doublings"),
    "decades": (1, "+", 2, " powers of ten"),
    "nats": (1, "+", 4, " nats"),
}
"""How a figure is written: what it is multiplied by, its sign, its decimals, and its unit."""


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its confidence interval; NaN where there is no data."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A figure with its name and its 95% interval."""

    what: str
    interval: Interval
    unit: str
    """One of `UNITS`."""

    @property
    def text(self) -> str:
        """The figure and its interval, as in `+0.12 points (-0.30 to +0.55)`."""
        interval, unit = self.interval, UNITS[self.unit][3]
        estimate, low, high = (
            in_unit(end, self.unit) for end in (interval.estimate, interval.low, interval.high)
        )
        return f"{estimate}{unit} ({low} to {high})"


def in_unit(value: float, unit: str) -> str:
    """Return a number as it is written in a unit, one of `UNITS`, without the unit."""
    scale, sign, decimals, _ = UNITS[unit]
    number = round(scale * value, decimals) + 0.0  # no negative zero
    return shown(number, f"{{:{sign}.{decimals}f}}")


@dataclass(frozen=True)
class McNemar:
    """How many reviews only one of two models judged rightly, and McNemar's exact p-value."""

    only_a: int
    only_b: int
    p_value: float


def proportion_interval(correct: int, total: int, level: float = 0.95) -> Interval:
    """Return a proportion with its Wilson score interval.

    The interval holds every proportion p that a score test does not reject, that is
    |p̂ - p| <= z √(p (1 - p) / n); unlike p̂ ± z √(p̂ (1 - p̂) / n) it keeps its level for p̂ near
    0 or 1 and small n.

    Args:
        correct: number of successes, from 0 to `total`.
        total: number of trials; with 0 the interval is NaN.
        level: confidence level, between 0 and 1.

    Raises:
        ValueError: for counts or a level outside these ranges.

    Source: Wilson (1927), JASA 22, 209-212; Brown, Cai and DasGupta (2001), Statistical Science
    16, 101-133, who recommend it.
    """
    _check_level(level)
    if not 0 <= correct <= total:
        raise ValueError(f"Expected 0 <= correct <= total, got {correct} of {total}.")
    if total == 0:
        return Interval(math.nan, math.nan, math.nan)
    interval = stats.binomtest(int(correct), int(total)).proportion_ci(level, method="wilson")
    return Interval(correct / total, float(interval.low), float(interval.high))


def paired_difference(correct_a: ArrayLike, correct_b: ArrayLike, level: float = 0.95) -> Interval:
    """Return accuracy of A minus accuracy of B on the same reviews, with Newcombe's interval.

    With θ̂ = p̂_a - p̂_b, the Wilson limits l, u of each accuracy and the correlation φ of the two
    arrays (Newcombe's method 10, φ with his continuity correction where it is positive):

        low  = θ̂ - √((p̂_a - l_a)² - 2 φ (p̂_a - l_a) (u_b - p̂_b) + (u_b - p̂_b)²)
        high = θ̂ + √((u_a - p̂_a)² - 2 φ (u_a - p̂_a) (p̂_b - l_b) + (p̂_b - l_b)²)

    The interval covers the choice of test reviews, not the choice of the training seed.

    Args:
        correct_a, correct_b: (N,) truth values.
        level: confidence level, between 0 and 1.

    Raises:
        ValueError: for arrays of different length, of values other than 0 and 1, or of level.

    Source: Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10.
    """
    _check_level(level)
    both, only_a, only_b, neither = _paired_counts(correct_a, correct_b)
    total = both + only_a + only_b + neither
    if total == 0:
        return Interval(math.nan, math.nan, math.nan)
    a = proportion_interval(both + only_a, total, level)
    b = proportion_interval(both + only_b, total, level)
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    covariance = float(both * neither - only_a * only_b)
    if covariance > 0:
        covariance = max(covariance - total / 2, 0.0)
    phi = covariance / math.sqrt(margins) if margins else 0.0

    def spread(first: float, second: float) -> float:
        return math.sqrt(max(first**2 - 2 * phi * first * second + second**2, 0.0))

    difference = (only_a - only_b) / total
    return Interval(
        difference,
        difference - spread(a.estimate - a.low, b.high - b.estimate),
        difference + spread(a.high - a.estimate, b.estimate - b.low),
    )


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Test whether two models are equally accurate, from the reviews on which they differ.

    If they are, each review that only one judged rightly is a fair coin; the p-value is the
    two-sided exact binomial one, and 1 where the models never differ.

    Args:
        correct_a, correct_b: (N,) truth values.

    Raises:
        ValueError: for arrays of different length or of values other than 0 and 1.

    Source: McNemar (1947), Psychometrika 12, 153-157; Dietterich (1998), Neural Computation 10,
    1895-1923, for the comparison of classifiers.
    """
    _, only_a, only_b, _ = _paired_counts(correct_a, correct_b)
    different = only_a + only_b
    p_value = float(stats.binomtest(only_a, different).pvalue) if different else 1.0
    return McNemar(only_a, only_b, p_value)


def calibration(
    probability: ArrayLike, label: ArrayLike, bins: int = 10, level: float = 0.95
) -> pd.DataFrame:
    """Return how often reviews are positive, by the probability predicted for "positive".

    Args:
        probability: (N,) predicted probabilities of label 1.
        label: (N,) labels, 0 or 1.
        bins: number of bins of equal width over [0, 1]; each holds its lower edge, the last one
            both. Empty bins are left out.
        level: level of the Wilson intervals.

    Returns:
        One row a bin: `confidence` (mean predicted probability), `accuracy` (fraction of positive
        reviews), `count`, and `low`, `high`, the interval of that fraction.

    Raises:
        ValueError: for probabilities outside [0, 1], other labels, lengths that differ or no bin.

    Source: Niculescu-Mizil and Caruana (2005), ICML, section 4 (reliability diagrams).
    """
    predicted, positive = np.asarray(probability, dtype=np.float64), _truth(label)
    if predicted.shape != positive.shape or bins < 1:
        raise ValueError("Expected one probability for each label, and at least one bin.")
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("Expected probabilities between 0 and 1.")
    number = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    rows: list[dict[str, Any]] = []
    for chosen in (number == k for k in range(bins)):
        if count := int(chosen.sum()):
            interval = proportion_interval(int(positive[chosen].sum()), count, level)
            rows.append(
                {
                    "confidence": float(predicted[chosen].mean()),
                    "accuracy": interval.estimate,
                    "count": count,
                    "low": interval.low,
                    "high": interval.high,
                }
            )
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "count", "low", "high"])


def expected_calibration_error(probability: ArrayLike, label: ArrayLike, bins: int = 10) -> float:
    """Return the mean distance of predicted from observed frequency, weighted by the reviews.

    Σ_k (n_k / N) |accuracy_k - confidence_k| over the bins of `calibration`, of the probability
    of label 1; NaN without reviews.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI, equation 3.
    """
    table = calibration(probability, label, bins)
    if table.empty:
        return math.nan
    distance = (table["accuracy"] - table["confidence"]).abs()
    return float(np.average(distance, weights=table["count"]))


def quantile_edges(values: ArrayLike, groups: int) -> list[float]:
    """Return the edges of groups of about equal size, for `accuracy_by`.

    Args:
        values: (N,) a number for each review.
        groups: how many groups; where many values are equal, fewer come back, but at least one.

    Returns:
        Increasing edges, from the smallest value to the largest.

    Raises:
        ValueError: when there are no values.
    """
    number = np.asarray(values, dtype=np.float64)
    if not number.size:
        raise ValueError("Expected at least one value.")
    quantiles = np.quantile(number, np.linspace(0, 1, groups + 1), method="lower")
    edges = [float(edge) for edge in np.unique(quantiles)]
    return edges if len(edges) > 1 else [*edges, edges[0] + 1]


def accuracy_by(
    values: ArrayLike, correct: ArrayLike, edges: Sequence[float], level: float = 0.95
) -> pd.DataFrame:
    """Return the accuracy of the reviews whose value lies between consecutive edges.

    Args:
        values: (N,) a number for each review, for example its length in tokens.
        correct: (N,) truth values.
        edges: K + 1 increasing edges; group k holds edges[k] <= value < edges[k + 1], the last
            group its upper edge too. Values outside all groups are left out.
        level: level of the Wilson intervals.

    Returns:
        K rows: `low`, `high` (the edges), `accuracy`, `ci_low`, `ci_high`, `count`; NaN and 0
        where a group is empty.

    Raises:
        ValueError: for lengths that differ or edges that do not increase.
    """
    number, right = np.asarray(values, dtype=np.float64), _truth(correct)
    if number.shape != right.shape:
        raise ValueError("Expected one value for each review.")
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"Expected two or more increasing edges, got {list(edges)}.")
    rows: list[dict[str, Any]] = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        below = number <= high if high == edges[-1] else number < high
        chosen = (number >= low) & below
        interval = proportion_interval(int(right[chosen].sum()), int(chosen.sum()), level)
        rows.append(
            {
                "low": low,
                "high": high,
                "accuracy": interval.estimate,
                "ci_low": interval.low,
                "ci_high": interval.high,
                "count": int(chosen.sum()),
            }
        )
    return pd.DataFrame(rows)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"Expected a confidence level between 0 and 1, got {level}.")


def _truth(values: ArrayLike) -> NDArray[np.bool_]:
    """Return 0/1 values, (N,), as booleans; anything else is an error, not a truth value."""
    array = np.asarray(values)
    if array.ndim != 1 or not np.isin(array, (0, 1)).all():
        raise ValueError("Expected a one-dimensional array of zeros and ones.")
    return array.astype(np.bool_)


def _paired_counts(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[int, int, int, int]:
    """Return how many reviews both, only A, only B and neither judged rightly."""
    a, b = _truth(correct_a), _truth(correct_b)
    if a.shape != b.shape:
        raise ValueError(f"Expected paired arrays, got {a.size} and {b.size} reviews.")
    return int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum())
