"""Estimates and tests for two models that were each trained with several seeds.

Seed s of model A is paired with seed s of model B; S is the number of seeds, N that of reviews.
"Correct" is, for each seed and review, whether the model judged the review rightly: (S, N) of
bool, the same reviews in the same order in every row. Differences are A minus B.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions

from lstm_report import stats
from lstm_report.errors import UserError
from lstm_report.stats import Interval

SIGN_FLIPS = 2**15
"""Up to this many sign patterns, that is up to 15 seeds, the sign-flip test lists them all."""


@dataclass(frozen=True)
class SeedDifference:
    """A mean difference in accuracy over seeds and reviews, and what its uncertainty is made of.

    `interval` is the one to report; `percentile` is the uncorrected bootstrap interval.
    `seed_share` is the part of the variance that more seeds would shrink and more reviews would
    not, from 0 to 1; NaN where nothing varies.
    """

    interval: Interval
    percentile: Interval
    standard_error: float
    degrees_of_freedom: float
    seed_share: float


@dataclass(frozen=True)
class SignFlip:
    """A two-sided p-value, and the smallest one that a test of so many seeds can give."""

    p_value: float
    smallest: float


def difference_over_seeds(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 0,
) -> SeedDifference:
    """Return accuracy of A minus accuracy of B with an interval over seeds and reviews.

    Every seed judges the same reviews, so the two factors are crossed. With d_si in {-1, 0, 1}
    the difference of seed s on review i, θ̂ its mean and σ_s², σ_r², σ_e² the variances of the
    seeds, the reviews and the rest, Var(θ̂) = σ_s² / S + σ_r² / N + σ_e² / (S N). A draw of the
    bootstrap resamples seeds and, independently, reviews; both models keep the pairing.

    With few seeds the percentiles of the draws miss their level either way: they replace σ_s² / S
    by (S - 1) / S of it and Student's t by the normal, and count σ_e² three times. So the draws
    give the shape, and the analysis of variance gives the width: with the mean squares M of d,

        V = (M_s + max(M_r - M_e, 0)) / (S N),    ν = (S N V)² / (M_s² / (S - 1)),

    the distance of either percentile from θ̂ is multiplied by (t_ν / z) √V / √Var(draws). In the
    simulations of the tests this covers the truth at its level; the percentiles do not.

    Args:
        correct_a, correct_b: (S, N) of bool, paired by seed and review; S and N at least 2.
        level: confidence level, between 0 and 1.
        draws: number of bootstrap draws.
        seed: seed of the draws.

    Raises:
        UserError: for arrays of other or different shapes, or that do not hold truth values.
        ValueError: for a level outside (0, 1) or fewer than 2 draws.

    Source: Owen (2007), Annals of Applied Statistics 1, 386-411 (the pigeonhole bootstrap and
    its factor 3); Sellam et al. (2022), ICLR, section 3 (the same for paired seeds); Hillis
    (2007), Statistics in Medicine 26, 596-619 (V and ν, for readers crossed with cases).
    """
    check_level(level)
    if draws < 2:
        raise ValueError(f"Expected at least 2 draws, got {draws}.")
    a, b = _paired_truth(correct_a, correct_b)
    difference = a.astype(np.float64) - b
    seeds, reviews = difference.shape
    mean, rows, columns = difference.mean(), difference.mean(axis=1), difference.mean(axis=0)
    of_seeds = reviews * np.sum((rows - mean) ** 2) / (seeds - 1)
    of_reviews = seeds * np.sum((columns - mean) ** 2) / (reviews - 1)
    rest = difference - rows[:, None] - columns + mean
    of_rest = np.sum(rest**2) / ((seeds - 1) * (reviews - 1))
    total = of_seeds + max(of_reviews - of_rest, 0.0)
    error = float(np.sqrt(total / (seeds * reviews)))
    degrees = float(total**2 / (of_seeds**2 / (seeds - 1))) if of_seeds else np.inf

    generator = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for k in range(draws):
        review = np.bincount(generator.integers(reviews, size=reviews), minlength=reviews)
        row = generator.integers(seeds, size=seeds)
        drawn[k] = (difference @ review)[row].sum() / (seeds * reviews)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    spread, widening = drawn.std(ddof=1), 1.0
    if spread:
        student = distributions.t.ppf(1 - tail, degrees) / distributions.norm.ppf(1 - tail)
        widening = student * error / spread
    widened = (float(mean + widening * (end - mean)) for end in (low, high))
    return SeedDifference(
        Interval(float(mean), *widened),
        Interval(float(mean), float(low), float(high)),
        error,
        degrees,
        float(max(of_seeds - of_rest, 0.0) / total) if total else np.nan,
    )


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean of one number a seed with Student's t interval.

    Args:
        values: (S,) finite numbers, S at least 2.
        level: confidence level, between 0 and 1.

    Raises:
        UserError: for another shape, or numbers that are not finite.
        ValueError: for a level outside (0, 1).

    Source: Student (1908), Biometrika 6, 1-25.
    """
    check_level(level)
    number = _scores(values)
    half = distributions.t.ppf((1 + level) / 2, number.size - 1) * distributions.sem(number)
    return Interval(float(number.mean()), float(number.mean() - half), float(number.mean() + half))


def sign_flip_test(differences: ArrayLike, seed: int = 0) -> SignFlip:
    """Test whether paired differences lie symmetrically about 0, by flipping their signs.

    The p-value is the part of all 2^S sign patterns whose mean is at least as far from 0. Above
    15 seeds 2^15 patterns are drawn. It can be no smaller than 2^(1 - S), less seeds without a
    difference: 0.0625 for 5 seeds, 0.002 for 10. The test reviews count as given.

    Args:
        differences: (S,) finite numbers, A minus B of each seed; S at least 2.
        seed: seed of the draws, where the patterns are too many.

    Raises:
        UserError: for another shape, or numbers that are not finite.

    Source: Fisher (1935), The Design of Experiments, section 21; Dror et al. (2018), ACL,
    1383-1392, for language processing.
    """
    number = _scores(differences)
    largest = np.abs(number).max()
    if not largest:
        return SignFlip(1.0, 1.0)

    def mean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.round(values.mean(axis=axis), 10)  # equal means stay equal in any order

    result = distributions.permutation_test(
        (number / largest,),
        mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=SIGN_FLIPS,
        random_state=seed,
    )
    patterns = 2.0 ** int(np.count_nonzero(number))
    if number.size > np.log2(SIGN_FLIPS):
        patterns = min(patterns, SIGN_FLIPS + 1)
    return SignFlip(float(result.pvalue), 2 / patterns)


def seed_table(
    correct_a: ArrayLike, correct_b: ArrayLike, seeds: Sequence[int], level: float = 0.95
) -> pd.DataFrame:
    """Return the comparison within each seed: Newcombe's interval and McNemar's exact test.

    Args:
        correct_a, correct_b: (S, N) of bool, paired by seed and review; S and N at least 2.
        seeds: (S,) the seeds, in the order of the rows.
        level: confidence level, between 0 and 1.

    Returns:
        S rows: seed, accuracy_a, accuracy_b, difference, low, high, only_a and only_b (how many
        reviews only that model judged rightly) and p_value.

    Raises:
        UserError: for arrays of other or different shapes, or that do not hold truth values.
        ValueError: for a level outside (0, 1) or another number of seeds.

    Source: `stats.paired_difference` and `stats.mcnemar`.
    """
    a, b = _paired_truth(correct_a, correct_b)
    if len(seeds) != len(a):
        raise ValueError(f"Expected {len(a)} seeds, one a row, got {len(seeds)}.")
    rows = []
    for number, first, second in zip(seeds, a, b, strict=True):
        interval, test = stats.paired_difference(first, second, level), stats.mcnemar(first, second)
        rows.append(
            {
                "seed": number,
                "accuracy_a": first.mean(),
                "accuracy_b": second.mean(),
                "difference": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "only_a": test.only_a,
                "only_b": test.only_b,
                "p_value": test.p_value,
            }
        )
    return pd.DataFrame(rows)


def check_level(level: float) -> None:
    """Raise ValueError for a confidence level outside (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"Expected a confidence level between 0 and 1, got {level}.")


def paired_scores(
    scores_a: ArrayLike, scores_b: ArrayLike, dimensions: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of two models as arrays of one shape, seeds first.

    Raises:
        UserError: for other or different shapes, fewer than two seeds, or scores not finite.
    """
    a, b = _scores(scores_a, dimensions), _scores(scores_b, dimensions)
    _check_pairs(a, b)
    return a, b


def _scores(values: ArrayLike, dimensions: int = 1) -> NDArray[np.float64]:
    number = np.asarray(values, dtype=np.float64)
    if number.ndim != dimensions:
        raise UserError(
            f"Expected an array of {dimensions} dimension(s), seeds first, got shape "
            f"{number.shape}: pass one score for each seed."
        )
    _check_seeds(len(number))
    if not np.isfinite(number).all():
        raise UserError(
            "Expected finite scores, got NaN or infinity: decide which score a run that diverged "
            "counts as."
        )
    return number


def _paired_truth(
    correct_a: ArrayLike, correct_b: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a, b = np.asarray(correct_a), np.asarray(correct_b)
    for array in (a, b):
        if array.ndim != 2 or array.dtype != np.bool_:
            raise UserError(
                f"Expected truth values of shape (seeds, reviews), got {array.dtype} of shape "
                f"{array.shape}: compare the predictions with the labels first."
            )
    _check_pairs(a, b)
    _check_seeds(len(a))
    if a.shape[1] < 2:
        raise UserError(f"Expected at least 2 reviews, got {a.shape[1]}: test on more reviews.")
    return a, b


def _check_seeds(seeds: int) -> None:
    if seeds < 2:
        raise UserError(f"Expected at least 2 seeds, got {seeds}: train with more seeds.")


def _check_pairs(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise UserError(
            f"Expected both models to have the same seeds and reviews, got shapes {a.shape} and "
            f"{b.shape}: train and test both on the same ones."
        )
