"""Effects over seeds beyond a mean: how often A is ahead, at every quantile, and with depth.

A score is one number a seed, (S,) for S seeds, larger is better, and seed s of model A is paired
with seed s of model B. Differences are A minus B.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions
from statsmodels.stats.proportion import proportion_confint

from lstm_report.seeds import SignFlip, check_level, mean_interval, paired_scores, sign_flip_test
from lstm_report.stats import Interval


@dataclass(frozen=True)
class Superiority:
    """How often A is ahead: within a seed, with its interval, and between any two seeds."""

    paired: Interval
    unpaired: float
    cliffs_delta: float


@dataclass(frozen=True)
class StochasticOrder:
    """How far A is from being stochastically larger than B, and the upper bound of that."""

    violation: float
    epsilon_min: float


@dataclass(frozen=True)
class DepthTrend:
    """How a difference between two models changes with each doubling of the layers.

    `slopes` holds one slope a seed, (S,).
    """

    slopes: NDArray[np.float64]
    interval: Interval
    sign_flip: SignFlip


def superiority(scores_a: ArrayLike, scores_b: ArrayLike, level: float = 0.95) -> Superiority:
    """Return the probability that A scores higher than B; an equal score counts half.

    The primary figure is the paired one: the part of seeds in which A is ahead, with Wilson's
    interval, which stays wide when A is ahead in all of a few seeds. The unpaired one compares
    each seed of A with each of B, U / S² of the Mann-Whitney test: what someone may expect who
    trains each model once. Cliff's delta is twice that, less 1.

    Args:
        scores_a, scores_b: (S,) finite scores, paired by seed; S at least 2.
        level: confidence level, between 0 and 1.

    Raises:
        UserError: for other or different shapes, or scores that are not finite.
        ValueError: for a level outside (0, 1).

    Source: Bouthillier et al. (2021), MLSys (paired); Mann and Whitney (1947), Annals
    of Mathematical Statistics 18, 50-60; Cliff (1993), Psychological Bulletin 114, 494-509.
    """
    check_level(level)
    a, b = paired_scores(scores_a, scores_b)
    wins = np.sum(a > b) + np.sum(a == b) / 2
    low, high = proportion_confint(wins, a.size, 1 - level, method="wilson")
    unpaired = float(distributions.mannwhitneyu(a, b).statistic) / a.size**2
    return Superiority(
        Interval(float(wins / a.size), float(low), float(high)), unpaired, 2 * unpaired - 1
    )


def almost_stochastic_order(
    scores_a: ArrayLike, scores_b: ArrayLike, level: float = 0.95, draws: int = 1000, seed: int = 0
) -> StochasticOrder:
    """Return how far A is from being stochastically larger than B.

    A is stochastically larger when each quantile of its scores is at least that of B. With a_(k)
    and b_(k) the ordered scores, the violation is the part of the squared distance between the
    two that lies where A is below:

        ε = Σ_k max(b_(k) - a_(k), 0)² / Σ_k (b_(k) - a_(k))²,   ε_min = ε + z √Var(ε of draws),

    with z the `level` quantile of the normal, and draws that resample either model. 0 means that
    A is larger at every quantile, 1 that B is; ½ where the two are equal. The paper calls A better
    where ε_min < ½. With few seeds that errs more often than 1 - level: of simulated studies of
    5 to 20 seeds of equal models about one in five had ε_min < ½, and one in twenty ε_min < 0.2.
    So read 0.2 as the bound. The pairing of seeds is not used.

    Args:
        scores_a, scores_b: (S,) finite scores; S at least 2.
        level: one-sided confidence level, between 0 and 1.
        draws: number of bootstrap draws.
        seed: seed of the draws.

    Returns:
        ε, and ε_min kept within [0, 1].

    Raises:
        UserError: for other or different shapes, or scores that are not finite.
        ValueError: for a level outside (0, 1).

    Source: del Barrio, Cuesta-Albertos and Matrán (2018), The Mathematics of the Uncertain,
    33-44; Dror, Shlomov and Reichart (2019), ACL, 2773-2785; the bound 0.2 is that of Ulmer,
    Hardmeier and Frellsen (2022), arXiv:2204.06815.
    """
    check_level(level)
    a, b = paired_scores(scores_a, scores_b)

    def violation(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = np.sort(second, axis=-1) - np.sort(first, axis=-1)
        whole = np.sum(gap**2, axis=-1)
        below = np.sum(np.maximum(gap, 0) ** 2, axis=-1)
        return np.divide(below, whole, out=np.full_like(whole, 0.5), where=whole > 0)

    generator = np.random.default_rng(seed)
    rows = generator.integers(a.size, size=(2, draws, a.size))
    spread = np.std(violation(a[rows[0]], b[rows[1]]), ddof=1)
    estimate = float(violation(a[None], b[None])[0])
    bound = estimate + distributions.norm.ppf(level) * spread
    return StochasticOrder(estimate, float(np.clip(bound, 0.0, 1.0)))


def depth_trend(
    scores_a: ArrayLike, scores_b: ArrayLike, layers: Sequence[int], level: float = 0.95
) -> DepthTrend:
    """Return the interaction of model and depth: whether the difference grows with the layers.

    In each seed the difference A minus B is fitted by least squares with a line in log2 of the
    number of layers. Its slope is one number a seed: the change of the difference for each
    doubling of the depth. The slopes get Student's t interval and the sign-flip test. Depths at
    which a model fails to train belong in, at the score that they reached.

    Args:
        scores_a, scores_b: (S, L) finite scores of each seed at each depth; S at least 2.
        layers: (L,) numbers of layers, at least 1, of which two or more differ.
        level: confidence level, between 0 and 1.

    Raises:
        UserError: for other or different shapes, or scores that are not finite.
        ValueError: for a level or layers outside these ranges.

    Source: summary measures for repeated measurements, Matthews et al. (1990), BMJ 300, 230-235.
    """
    a, b = paired_scores(scores_a, scores_b, dimensions=2)
    depth = np.asarray(layers, dtype=np.float64)
    if depth.shape != a.shape[1:] or not (depth >= 1).all() or len(np.unique(depth)) < 2:
        raise ValueError(f"Expected {a.shape[1]} numbers of layers, got {list(layers)}.")
    slopes = np.polyfit(np.log2(depth), (a - b).T, deg=1)[0]
    slopes = np.round(slopes, 12)  # what lies below is rounding error, and has no sign
    return DepthTrend(slopes, mean_interval(slopes, level), sign_flip_test(slopes))
