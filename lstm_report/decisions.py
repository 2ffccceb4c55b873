"""What to conclude about two models over several seeds, and what could have been seen.

A score is one number a seed, (S,) for S seeds, larger is better, and seed s of model A is paired
with seed s of model B. Differences are A minus B. The rule for a claim, fixed beforehand, is
`verdict`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize
from scipy import stats as distributions
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from lstm_report.seeds import check_level, paired_scores
from lstm_report.stats import Interval

MARGIN = 0.005
"""Differences in accuracy within ± this, half a point, do not matter in practice."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of the four-way interval rule, and the three facts behind it.

    `real`: the interval excludes 0. `within`: it lies inside the margin. `beyond`: all of it lies
    outside the margin, on one side.
    """

    outcome: Literal["A better", "B better", "equivalent", "undecided"]
    real: bool
    within: bool
    beyond: bool


def verdict(interval: Interval, margin: float = MARGIN) -> Verdict:
    """Judge a difference by the four-way interval rule.

    | interval of A - B | outcome |
    |---|---|
    | inside (-margin, margin) | "equivalent" |
    | otherwise, all above 0 | "A better" |
    | otherwise, all below 0 | "B better" |
    | otherwise: holds 0 and leaves the margin | "undecided" |

    A difference that is real but smaller than the margin is "equivalent", with `real` true: it
    was found and does not matter. "A better" says that A is ahead and that the difference was not
    shown to be too small to matter; with `beyond` true it was shown to exceed the margin. An end
    that falls on 0 or on the margin counts against the stronger statement. With a 95% interval
    each statement errs in at most 5% of studies, an equivalence in at most 2.5%.

    Args:
        interval: the difference with its interval, as from `seeds.difference_over_seeds`.
        margin: the largest difference that does not matter, in the same unit; above 0.

    Raises:
        ValueError: for a margin that is not positive, or an interval with NaN.

    Source: Lakens, Scheel and Isager (2018), Advances in Methods and Practices in Psychological
    Science 1, 259-269, figure 1 (the four outcomes); Schuirmann (1987), Journal of
    Pharmacokinetics and Biopharmaceutics 15, 657-680 (the interval form of equivalence).
    """
    _check_margin(margin)
    low, high = interval.low, interval.high
    if math.isnan(low) or math.isnan(high):
        raise ValueError("Expected an interval with two ends, got NaN.")
    within = -margin < low and high < margin
    ahead, behind = low > 0, high < 0
    beyond = low > margin or high < -margin
    if within:
        return Verdict("equivalent", ahead or behind, within, beyond)
    if ahead or behind:
        return Verdict("A better" if ahead else "B better", True, within, beyond)
    return Verdict("undecided", False, within, beyond)


def equivalence_p_value(scores_a: ArrayLike, scores_b: ArrayLike, margin: float = MARGIN) -> float:
    """Test whether the mean difference over seeds is smaller than the margin (TOST).

    Two one-sided t tests of the paired differences, against -margin and against margin; the
    p-value is the larger of the two. It is below α where the (1 - 2 α) t interval lies inside the
    margin. The test reviews count as given; `verdict` on `seeds.difference_over_seeds` lets them
    vary too.

    Args:
        scores_a, scores_b: (S,) finite scores, paired by seed; S at least 2.
        margin: the largest difference that does not matter, in the unit of the scores; above 0.

    Raises:
        UserError: for other or different shapes, or scores that are not finite.
        ValueError: for a margin that is not positive.

    Source: Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680.
    """
    _check_margin(margin)
    a, b = paired_scores(scores_a, scores_b)
    with np.errstate(divide="ignore", invalid="ignore"):  # all seeds may have one difference
        p_value = float(DescrStatsW(a - b).ttost_mean(-margin, margin)[0])
    return 1.0 if math.isnan(p_value) else p_value


def holm(p_values: Mapping[str, float], alpha: float = 0.05) -> pd.DataFrame:
    """Correct the p-values of several claims so that any false one is accepted in α of studies.

    With the p-values in increasing order, the adjusted p_(k) is the largest of
    (m - j + 1) p_(j) over j <= k, at most 1. It needs no independence of the claims.

    Args:
        p_values: the p-value of each claim; at least one.
        alpha: the probability to accept one or more false claims, between 0 and 1.

    Returns:
        One row a claim, in the order given: claim, p_value, adjusted and rejected (whether the
        null hypothesis of that claim is).

    Raises:
        ValueError: for no claims, values outside [0, 1], or alpha.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    check_level(alpha)
    values = np.array(list(p_values.values()), dtype=np.float64)
    if not values.size or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"Expected p-values between 0 and 1, got {list(p_values.values())}.")
    rejected, adjusted, _, _ = multipletests(values, alpha, method="holm")
    columns = {"claim": list(p_values), "p_value": values, "adjusted": adjusted}
    return pd.DataFrame({**columns, "rejected": rejected})


def detectable_difference(
    deviation: float, seeds: int, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the smallest true difference that a paired t test over the seeds would find.

    Args:
        deviation: standard deviation of the paired differences from seed to seed, above 0; the
            result has its unit.
        seeds: number of seeds, at least 2.
        alpha: two-sided level of the test, between 0 and 1.
        power: probability to find the difference, with its right sign; from `alpha` to 1.

    Raises:
        ValueError: for values outside these ranges.

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.
    """
    _check_design(deviation, alpha, power)
    if seeds < 2:
        raise ValueError(f"Expected at least 2 seeds, got {seeds}.")

    def missing(effect: float) -> float:
        return power - _power(effect, seeds, alpha)

    # statsmodels' own solver stops at wrong effects for few seeds, so the root is bracketed here.
    upper = 0.1 / math.sqrt(seeds)
    while missing(upper) > 0:
        upper *= 1.25
    return deviation * float(optimize.brentq(missing, 0.0, upper))


def seeds_needed(
    difference: float, deviation: float, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many paired seeds find a true difference with a given power.

    Args:
        difference: the true difference, in the unit of `deviation`; above 0.
        deviation, alpha, power: as for `detectable_difference`.

    Raises:
        ValueError: for values outside these ranges.

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.
    """
    _check_design(deviation, alpha, power)
    if not difference > 0:
        raise ValueError(f"Expected a difference above 0, got {difference}.")
    # The t test needs more seeds than the normal test, but only a few more.
    normal = distributions.norm.isf(alpha / 2) + distributions.norm.ppf(power)
    seeds = max(2, math.floor((normal * deviation / difference) ** 2))
    while _power(difference / deviation, seeds, alpha) < power:
        seeds += 1
    return seeds


def _power(effect: float, seeds: int, alpha: float) -> float:
    """Return the probability that a two-sided t test finds an effect, with its right sign.

    The tail of the wrong sign is left out: it is not a find, and scipy gives NaN for it where it
    is tiny.
    """
    return float(TTestPower().power(effect, seeds, alpha / 2, alternative="larger"))


def _check_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"Expected a margin above 0, got {margin}.")


def _check_design(deviation: float, alpha: float, power: float) -> None:
    if not (deviation > 0 and 0 < alpha < power < 1):
        raise ValueError(
            "Expected a deviation above 0 and 0 < alpha < power < 1, got "
            f"deviation {deviation}, alpha {alpha} and power {power}."
        )
