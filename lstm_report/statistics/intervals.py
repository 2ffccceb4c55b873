"""Intervals of proportions, figures with intervals in words, and calibration, on top of scipy."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from lstm_report.texts import cell as shown

MARGIN = 0.005
"""Differences in accuracy within ± this, half a point, do not matter in practice."""
UNITS = {
    "points": (100, "+", 2, "{} points"),
    "percent": (100, "", 0, "{}%"),
    "doublings": (1, "+", 2, "{} doublings"),
    "decades": (1, "+", 2, "{} powers of ten"),
    "nats": (1, "+", 4, "{} nats"),
}
"""How a figure is written: what it is multiplied by, its sign, its decimals, and with its unit."""


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
        interval, form = self.interval, UNITS[self.unit][3]
        estimate, low, high = (
            in_unit(end, self.unit) for end in (interval.estimate, interval.low, interval.high)
        )
        return f"{form.format(estimate)} ({low} to {high})"


def in_unit(value: float, unit: str) -> str:
    """Return a number as it is written in a unit, one of `UNITS`, without the unit."""
    scale, sign, decimals, _ = UNITS[unit]
    number = round(scale * value, decimals) + 0.0  # no negative zero
    return shown(number, f"{{:{sign}.{decimals}f}}")


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
    if not 0 < level < 1:
        raise ValueError(f"Expected a confidence level between 0 and 1, got {level}.")
    if not 0 <= correct <= total:
        raise ValueError(f"Expected 0 <= correct <= total, got {correct} of {total}.")
    if total == 0:
        return Interval(math.nan, math.nan, math.nan)
    interval = stats.binomtest(correct, total).proportion_ci(level, method="wilson")
    return Interval(correct / total, float(interval.low), float(interval.high))


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
    predicted, positive = np.asarray(probability, dtype=np.float64), np.asarray(label)
    if positive.ndim != 1 or not np.isin(positive, (0, 1)).all():
        raise ValueError("Expected a one-dimensional array of zeros and ones.")
    if predicted.shape != positive.shape or bins < 1:
        raise ValueError("Expected one probability for each label, and at least one bin.")
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("Expected probabilities between 0 and 1.")
    number = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    rows = []
    for chosen in (number == k for k in np.unique(number)):
        confidence, count = float(predicted[chosen].mean()), int(chosen.sum())
        interval = proportion_interval(int(positive[chosen].sum()), count, level)
        rows.append((confidence, interval.estimate, count, interval.low, interval.high))
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
