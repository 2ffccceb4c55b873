"""Time several ways of doing the same work side by side, and compare them as ratios."""

import operator
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

REPEATS = 7
HOLDS = {"at most": operator.le, "under": operator.lt, "at least": operator.ge}


class Figure(NamedTuple):
    """A measured figure over all rounds: its median, and an interval."""

    median: float
    low: float
    high: float


class Row(NamedTuple):
    """One line of the table: what was measured, and the goal, a word of `HOLDS` and a bound."""

    what: str
    figure: Figure | None
    """None where it could not be measured; `note` then says why."""
    seconds: dict[str, list[float]]
    word: str | None = None
    """None where there is no goal."""
    bound: float | None = None
    note: str = ""
    details: dict[str, Any] = {}
    """What a figure needs beyond the row itself."""

    @property
    def met(self) -> bool | None:
        """Whether the figure reaches the goal; None without a figure or a goal."""
        if self.figure is None or self.word is None:
            return None
        return bool(HOLDS[self.word](self.figure.median, self.bound))


def side_by_side(
    ways: Mapping[str, Callable[[], object]], repeats: int = REPEATS
) -> dict[str, list[float]]:
    """Return the seconds of each way in each round, after one round that is not counted.

    The ways take turns within a round, so that a slow moment of the machine meets all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(repeats + 1):
        for name, work in ways.items():
            start = time.perf_counter()
            work()
            if round_:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def draws(rounds: int) -> np.ndarray:
    """Return 2,000 bootstrap samples (Efron 1979) of the numbers of the rounds."""
    return np.random.default_rng(0).choice(rounds, (2_000, rounds))


def ratio(first: list[float], second: list[float]) -> Figure:
    """Return how many times as long the first way takes as the second, round by round.

    The interval is the bootstrap's for the median, 95%, over rounds.
    """
    ratios = np.array(first) / np.array(second)
    low, high = np.quantile(np.median(ratios[draws(len(ratios))], axis=1), [0.025, 0.975])
    return Figure(float(np.median(ratios)), float(low), float(high))


def exponent(points: list[float], seconds: list[list[float]]) -> Figure:
    """Return the power of the points with which the time grows, by least squares of logarithms.

    Args:
        points: P sizes of the work.
        seconds: for each point the seconds of each round, (P, rounds).

    Returns:
        The exponent of the medians, and its 95% bootstrap interval over rounds.
    """
    logs = np.log(points) - np.log(points).mean()

    def slope(times: np.ndarray) -> np.ndarray:
        return np.log(times) @ logs / (logs @ logs)

    table = np.array(seconds)
    resampled = np.median(table[:, draws(table.shape[1])], axis=2)  # (P, draws)
    low, high = np.quantile(slope(resampled.T), [0.025, 0.975])
    return Figure(float(slope(np.median(table, axis=1))), float(low), float(high))


def spread(values: list[float]) -> Figure:
    """Return the median of single figures, between the least and the greatest of them."""
    return Figure(float(np.median(values)), min(values), max(values))
