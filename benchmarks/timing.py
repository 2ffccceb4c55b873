"""Time several ways of doing the same work side by side, and compare them as ratios."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

REPEATS = 7


class Figure(NamedTuple):
    """A measured figure over all rounds: its median, and an interval."""

    median: float
    low: float
    high: float


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


def ratio(first: list[float], second: list[float]) -> Figure:
    """Return how many times as long the first way takes as the second, round by round.

    The interval is the bootstrap's for the median (Efron 1979), 95%, over rounds.
    """
    ratios = np.array(first) / np.array(second)
    draws = np.random.default_rng(0).choice(ratios, (2_000, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return Figure(float(np.median(ratios)), float(low), float(high))


def spread(values: list[float]) -> Figure:
    """Return the median of single figures, between the least and the greatest of them."""
    return Figure(float(np.median(values)), min(values), max(values))
