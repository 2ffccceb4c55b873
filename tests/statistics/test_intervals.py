"""Intervals keep their level, on simulated data of known truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats

from lstm_report.statistics.intervals import (
    calibration,
    expected_calibration_error,
    proportion_interval,
)


def test_wilson_interval_solves_the_score_equation():
    """Each end is a p with |p̂ - p| = z √(p (1 - p) / n): found here by a root finder."""
    correct, total, z = 37, 50, scipy_stats.norm.ppf(0.95)
    interval = proportion_interval(correct, total, level=0.90)

    def score(p):
        return (correct / total - p) ** 2 - z**2 * p * (1 - p) / total

    assert interval.estimate == correct / total
    assert interval.low == pytest.approx(optimize.brentq(score, 1e-9, 0.74), abs=1e-9)
    assert interval.high == pytest.approx(optimize.brentq(score, 0.74, 1 - 1e-9), abs=1e-9)


@given(st.integers(1, 30_000), st.data())
def test_wilson_interval_holds_the_estimate_and_mirrors(total, data):
    correct = data.draw(st.integers(0, total))
    right, wrong = (proportion_interval(k, total) for k in (correct, total - correct))
    assert -1e-12 <= right.low <= right.estimate + 1e-12
    assert right.estimate - 1e-12 <= right.high <= 1 + 1e-12
    assert right.low == pytest.approx(1 - wrong.high, abs=1e-9)


def test_wilson_interval_covers_the_truth_at_its_level():
    """Coverage for one truth swings with the whole numbers; over many it is the level."""
    total, seen = 400, np.arange(401)
    intervals = [proportion_interval(int(k), total) for k in seen]
    low, high = (np.array([getattr(i, end) for i in intervals]) for end in ("low", "high"))
    truths = np.linspace(0.75, 0.98, 200)
    covered = [
        scipy_stats.binom.pmf(seen, total, p)[(low <= p) & (p <= high)].sum() for p in truths
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.003)
    assert np.min(covered) > 0.92


def test_calibration_counts_by_hand():
    table = calibration([0.0, 0.05, 0.5, 0.99, 1.0], [0, 1, 1, 1, 0], bins=2)
    assert table["count"].tolist() == [2, 3]
    assert table["confidence"].tolist() == pytest.approx([0.025, (0.5 + 0.99 + 1.0) / 3])
    assert table["accuracy"].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert (table["low"] < table["accuracy"]).all() and (table["accuracy"] < table["high"]).all()
    expected = (2 * abs(0.5 - 0.025) + 3 * abs(2 / 3 - 0.83)) / 5
    error = expected_calibration_error([0.0, 0.05, 0.5, 0.99, 1.0], [0, 1, 1, 1, 0], 2)
    assert error == pytest.approx(expected)


def test_calibration_error_tells_honest_from_boastful():
    generator = np.random.default_rng(22)
    honest = generator.random(20_000)
    label = generator.random(20_000) < honest
    boastful = np.where(honest > 0.5, 0.99, 0.01)
    assert expected_calibration_error(honest, label) < 0.02
    assert expected_calibration_error(boastful, label) == pytest.approx(0.24, abs=0.01)


def test_calibration_leaves_out_empty_bins_and_no_reviews():
    assert len(calibration([0.1, 0.9], [0, 1], bins=10)) == 2
    assert calibration([], []).empty
    assert math.isnan(expected_calibration_error([], []))


@pytest.mark.parametrize(
    "call",
    [
        lambda: proportion_interval(3, 2),
        lambda: proportion_interval(-1, 2),
        lambda: proportion_interval(1, 2, level=95),
        lambda: calibration([1.2], [1]),
        lambda: calibration([math.nan], [1]),
        lambda: calibration([0.2], [2]),
        lambda: calibration([0.2], [1], bins=0),
    ],
)
def test_bad_input_is_an_error(call):
    with pytest.raises(ValueError, match="Expected"):
        call()


def test_no_reviews_give_no_estimate():
    interval = proportion_interval(0, 0)
    assert all(map(math.isnan, (interval.estimate, interval.low, interval.high)))
