"""Figures of independent runs whose interval is known at every confidence level.

Two models with the same number of a seed share no more than the split of the reviews, and their
results were found not to go together, so nothing here pairs them. The test reviews count as given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions
from statsmodels.stats.proportion import confint_proportions_2indep

from lstm_report.errors import UserError
from lstm_report.statistics.intervals import Interval, proportion_interval


@dataclass(frozen=True)
class Figure:
    """An estimate, and its confidence interval as a function of the level."""

    estimate: float
    at: Callable[[float], Interval]

    @property
    def interval(self) -> Interval:
        """The 95% interval."""
        return self.at(0.95)


def contrast(groups: Sequence[ArrayLike], weights: Sequence[float]) -> Figure:
    """Return Σ_k w_k · mean of group k with Welch's interval.

    With the variances s_k² of groups of n_k, the standard error is √V, V = Σ w_k² s_k² / n_k, and
    Student's t has ν = V² / Σ ((w_k² s_k² / n_k)² / (n_k - 1)) degrees of freedom. Weights (1, -1)
    give the difference of two means, (1, -1, -1, 1) that of two differences, a single group its
    mean.

    Args:
        groups: one number a run, (n_k,) each, n_k at least 2.
        weights: w_k.

    Raises:
        UserError: for a group of fewer than two, or a number that is not finite.

    Source: Welch (1947), Biometrika 34, 28-35; Satterthwaite (1946), Biometrics Bulletin 2,
    110-114.
    """
    arrays = [_numbers(group) for group in groups]
    estimate = float(sum(w * x.mean() for w, x in zip(weights, arrays, strict=True)))
    parts = np.array([w**2 * x.var(ddof=1) / len(x) for w, x in zip(weights, arrays, strict=True)])
    error = float(np.sqrt(parts.sum()))
    below = sum(part**2 / (len(x) - 1) for part, x in zip(parts, arrays, strict=True))
    degrees = float(parts.sum() ** 2 / below) if below > 0 else np.inf

    def at(level: float) -> Interval:
        half = float(distributions.t.ppf((1 + level) / 2, degrees)) * error
        return Interval(estimate, estimate - half, estimate + half)

    return Figure(estimate, at)


def share(successes: int, total: int) -> Figure:
    """Return a share of runs with Wilson's interval, see
    `lstm_report.statistics.intervals.proportion_interval`.

    Raises:
        UserError: for no runs.
    """
    if total < 1:
        raise UserError("Expected at least one run, got none: train some.")
    return Figure(successes / total, lambda level: proportion_interval(successes, total, level))


def share_difference(first: Sequence[bool], second: Sequence[bool]) -> Figure:
    """Return the difference of two shares of runs, first minus second, with Newcombe's interval.

    With the Wilson limits l, u of each share: θ̂ - √((p̂₁ - l₁)² + (u₂ - p̂₂)²) to
    θ̂ + √((u₁ - p̂₁)² + (p̂₂ - l₂)²).

    Args:
        first, second: whether each run succeeded.

    Raises:
        UserError: for no runs in one of them.

    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.
    """
    (a, n), (b, m) = ((int(np.sum(group)), len(group)) for group in (first, second))
    if not n or not m:
        raise UserError("Expected at least one run of each kind, got none of one: train some.")
    estimate = a / n - b / m

    def at(level: float) -> Interval:
        low, high = confint_proportions_2indep(
            a, n, b, m, method="newcomb", compare="diff", alpha=1 - level
        )
        return Interval(estimate, float(low), float(high))

    return Figure(estimate, at)


def shift(first: ArrayLike, second: ArrayLike) -> Figure:
    """Return by how much the first of two groups lies higher, by ranks: Hodges and Lehmann's.

    The median of all differences of a number of the first and one of the second; the interval runs
    from the K-th smallest of them to the K-th largest, K = ⌊n m / 2 - z √(n m (n + m + 1) / 12)⌋,
    which inverts the test of Mann and Whitney. It suits skewed numbers, and those that are only
    known to exceed all others, which count as infinite; two of these do not differ.

    Args:
        first, second: one number a run, (n,) and (m,).

    Raises:
        UserError: for no runs in one of them, or NaN.

    Source: Hodges and Lehmann (1963), Annals of Mathematical Statistics 34, 598-611; Hollander,
    Wolfe and Chicken (2014), Nonparametric Statistical Methods, section 4.3.
    """
    a, b = (np.asarray(group, dtype=np.float64) for group in (first, second))
    if not len(a) or not len(b) or np.isnan(a).any() or np.isnan(b).any():
        raise UserError("Expected one number a run in both groups, got none or NaN: train some.")
    with np.errstate(invalid="ignore"):  # ∞ - ∞, in a difference or between the two in the middle
        differences = np.subtract.outer(a, b).ravel()
        differences = np.sort(np.where(np.isnan(differences), 0.0, differences))
        middle = float(np.median(differences))
    estimate = 0.0 if np.isnan(middle) else middle
    count, spread = len(differences), np.sqrt(len(a) * len(b) * (len(a) + len(b) + 1) / 12)

    def at(level: float) -> Interval:
        place = int(count / 2 - distributions.norm.ppf((1 + level) / 2) * spread)
        if place < 1:
            return Interval(estimate, -np.inf, np.inf)
        return Interval(estimate, float(differences[place - 1]), float(differences[-place]))

    return Figure(estimate, at)


def with_new_reviews(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Figure:
    """Return a difference of accuracies with an interval over seeds and new reviews.

    To Welch's variance over the seeds comes that of the reviews, s² / N of the N differences
    between the shares of runs that classify a review correctly. The official reviews are then a
    sample of such reviews, and not what the accuracy is defined by.

    Args:
        first, second: whether each run classifies each review correctly, (S, N) of bool, the same
            reviews.
    """
    known = contrast([first.mean(axis=1), second.mean(axis=1)], [1, -1])
    by_review = first.mean(axis=0) - second.mean(axis=0)
    of_reviews = float(by_review.var(ddof=1) / by_review.size)

    def at(level: float) -> Interval:
        seeds, quantile = known.at(level), float(distributions.norm.ppf((1 + level) / 2))
        half = np.hypot((seeds.high - seeds.low) / 2, quantile * np.sqrt(of_reviews))
        return Interval(known.estimate, known.estimate - half, known.estimate + half)

    return Figure(known.estimate, at)


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise UserError(
            f"Expected two or more finite numbers, one a run, got {array.tolist()}: train more "
            "runs, or name those that failed."
        )
    return array
