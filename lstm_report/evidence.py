"""What a rule of a claim is made of: parts that hold or not, their figures, and their tests.

A part holds (`True`), does not (`False`), or cannot be told (`None`). Differences of two models are
judged by `lstm_report.decisions.verdict`; other figures by whether their interval lies on one side
of a bound that was fixed beforehand. Accuracies are fractions; a point is 0.01.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions

from lstm_report import decisions, seeds
from lstm_report.archive import Archive, Missing, View
from lstm_report.decisions import MARGIN
from lstm_report.stats import Interval
from lstm_report.tables import cell as shown

DRAWS = 2000
"""Draws of the bootstrap of each comparison."""
MANY = 20
"""From how many times the seeds at hand on their number is not stated."""
UNITS = {
    "points": (100, "+", 2, " points"),
    "percent": (100, "", 0, "%"),
    "factor": (1, "", 2, ""),
    "doublings": (1, "+", 2, " doublings"),
    "decades": (1, "+", 2, " powers of ten"),
    "nats": (1, "+", 4, " nats"),
    "error": (1, "+", 4, ""),
}
"""How a figure is written: what it is multiplied by, its sign, its decimals, and its unit."""

Cell = tuple[str, str]
"""The name of a study and of one of its cells."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval."""

    what: str
    interval: Interval
    unit: str
    """One of `UNITS`."""

    @property
    def text(self) -> str:
        """The figure and its interval, as in `+0.12 points (-0.30 to +0.55)`."""
        scale, sign, decimals, unit = UNITS[self.unit]
        estimate, low, high = (
            shown(
                round(scale * end, decimals) + 0.0, f"{{:{sign}.{decimals}f}}"
            )  # no negative zero
            for end in (self.interval.estimate, self.interval.low, self.interval.high)
        )
        return f"{estimate}{unit} ({low} to {high})"


@dataclass(frozen=True)
class Finding:
    """What the records say about one part of a claim."""

    holds: bool | None
    reason: str
    estimates: tuple[Estimate, ...] = ()
    p_value: float | None = None
    directional: bool = False
    """Whether `holds` rests on a direction, so that the p-value has to bear it out."""


Judge = Callable[[View], Finding]


@dataclass(frozen=True)
class Part:
    """One of the statements that a claim makes."""

    statement: str
    judge: Judge
    tested: bool = False
    """Whether it is tested, so that its claim takes part in Holm's correction."""


@dataclass(frozen=True)
class Judged:
    """A part with what was found, and the records it was found in."""

    statement: str
    finding: Finding
    runs: tuple[Cell, ...] = ()
    """Study and run id of each run."""
    lacking: tuple[Missing, ...] = ()
    """What is not recorded."""


def judge(part: Part, archive: Archive) -> Judged:
    """Return what the records say about a part; with fewer seeds than stated, it stays open."""
    view = View(archive)
    try:
        finding = part.judge(view)
    except Missing as lack:
        finding = Finding(None, "")
        view.lacking.append(lack)
    else:
        if view.lacking:
            so_far = f"so far, {finding.reason}"
            finding = Finding(None, so_far, finding.estimates, finding.p_value)
    return Judged(part.statement, finding, tuple(sorted(view.used)), tuple(view.lacking))


@dataclass(frozen=True)
class Comparison:
    """Two cells over the seeds they share; differences are first minus second."""

    seeds: list[int]
    interval: Interval
    """Over seeds and reviews, see `seeds.difference_over_seeds`."""
    differences: NDArray[np.float64]
    """(S,) differences in accuracy."""
    p_value: float
    """Of the sign-flip test."""

    @property
    def outcome(self) -> str:
        """The outcome of the four-way rule."""
        return decisions.verdict(self.interval).outcome


def compare(view: View, first: Cell, second: Cell) -> Comparison:
    """Return the difference in test accuracy of two cells.

    Raises:
        Missing: for fewer than two common seeds, or other test reviews.
    """
    numbers = view.common([first, second])
    a, b = view.correct(*first, numbers), view.correct(*second, numbers)
    kept = [view.archive.study(study).records for study, _ in (first, second)]
    labels, others = (entry.labels for entry in kept if entry is not None)
    if not np.array_equal(labels, others):
        raise Missing(f"results/{first[0]} and results/{second[0]} hold different test reviews")
    interval, p_value = _compared(a.tobytes(), b.tobytes(), a.shape)
    return Comparison(numbers, interval, a.mean(axis=1) - b.mean(axis=1), p_value)


@functools.lru_cache(maxsize=32)
def _compared(a: bytes, b: bytes, shape: tuple[int, int]) -> tuple[Interval, float]:
    first, second = (np.frombuffer(entry, dtype=bool).reshape(shape) for entry in (a, b))
    found = seeds.difference_over_seeds(first, second, draws=DRAWS)
    test = seeds.sign_flip_test(first.mean(axis=1) - second.mean(axis=1))
    return found.interval, test.p_value


def t_test(values: ArrayLike) -> float:
    """Return the two-sided p-value of Student's t test that the mean over seeds, (S,), is 0."""
    numbers = np.asarray(values, dtype=np.float64)
    if np.ptp(numbers) == 0:  # the test is not defined
        return 0.0 if numbers[0] else 1.0
    return float(distributions.ttest_1samp(numbers, 0.0).pvalue)


def paired(tables: Sequence[pd.DataFrame], study: str, view: View) -> pd.DataFrame:
    """Return first minus second where both have a value, of two tables of seeds by conditions.

    Raises:
        Missing: for fewer than two common seeds, or no common condition.
    """
    first, second = tables
    index = first.index.intersection(second.index)
    columns = [name for name in first.columns if name in second.columns]
    view.enough(list(index), study)
    if not columns:
        raise Missing(f"the cells of results/{study} were measured under different conditions")
    return first.loc[index, columns] - second.loc[index, columns]


def by_number(table: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Return the columns whose name is a number after `prefix`, in increasing order, as numbers.

    Raises:
        Missing: when fewer than two are.
    """
    numbers = {}
    for name in map(str, table.columns):
        text = name.removeprefix(prefix)
        if name.startswith(prefix) and text.replace(".", "", 1).isdigit():
            numbers[float(text)] = name
    if len(numbers) < 2:
        raise Missing("two or more conditions have to be measured")
    return table[[numbers[key] for key in sorted(numbers)]].set_axis(sorted(numbers), axis=1)


def advantage(
    values: ArrayLike, margin: float, what: str, unit: str, *, yes: str, no: str
) -> Finding:
    """Return whether the first of two models has more of something, by one difference a seed.

    Args:
        values: (S,) differences, first minus second.
        margin: the largest difference that does not matter.
        what: the name of the difference.
        unit: one of `UNITS`.
        yes, no: what it means when the first has more, or the second.
    """
    interval = seeds.mean_interval(values)
    outcome = decisions.verdict(interval, margin).outcome
    return Finding(
        {"A better": True, "undecided": None}.get(outcome, False),
        told(interval, np.size(values), margin, better=yes, worse=no),
        (Estimate(what, interval, unit),),
        t_test(values),
        outcome in ("A better", "B better"),
    )


def threshold(
    interval: Interval,
    bound: float,
    what: str,
    unit: str,
    *,
    yes: str,
    no: str,
    above: bool = True,
    note: str = "",
) -> Finding:
    """Return whether a figure lies above a bound (or below it) with all of its interval.

    Args:
        interval: the figure.
        bound: fixed beforehand, in the unit of the interval.
        what: the name of the figure.
        unit: one of `UNITS`.
        yes, no: what it means to lie on the wanted side, or on the other.
        above: whether the wanted side is above.
        note: what else has to be known, whatever the outcome.
    """
    higher, lower = interval.low > bound, interval.high < bound
    wanted, other = (higher, lower) if above else (lower, higher)
    holds = True if wanted else False if other else None
    reason = {True: yes, False: no, None: "the interval holds the bound"}[holds]
    text = f"{reason}; {note}" if note else reason
    return Finding(holds, text, (Estimate(what, interval, unit),))


def told(
    interval: Interval,
    number: int,
    margin: float = MARGIN,
    *,
    better: str,
    worse: str,
    equal: str = "the two are equal within the margin",
) -> str:
    """Return what a difference says by the four-way rule, in words.

    Args:
        interval: the difference.
        number: seeds that it was found with.
        margin: the largest difference that does not matter.
        better, worse, equal: what the outcomes mean.
    """
    estimate = abs(interval.estimate)
    return {
        "A better": better,
        "B better": worse,
        "equivalent": equal,
        "undecided": in_doubt(interval, number, max(estimate, margin - estimate)),
    }[decisions.verdict(interval, margin).outcome]


def in_doubt(interval: Interval, number: int, distance: float) -> str:
    """Return that an interval leaves it open, and about how many seeds would not.

    An interval shrinks about as the root of the number of seeds. It decides once it reaches less
    far than the distance to the bound, if the figure stays as it is.

    Args:
        interval: the figure.
        number: seeds that it was found with.
        distance: from the figure to the bound that would be cleared first, in its unit.
    """
    text = "the interval leaves it open"
    reach = (interval.high - interval.low) / 2
    if not distance > 0 or reach <= 0:
        return text
    needed = math.ceil(number * (reach / distance) ** 2)
    if needed > MANY * number:
        return f"{text}: the figure is so close to the bound that {MANY * number} seeds are too few"
    return f"{text}: about {max(needed, number + 1)} seeds would decide it if the figure stayed"
