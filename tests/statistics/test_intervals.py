"""Intervals keep their level and tests their error rate, on simulated data of known truth."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats

from lstm_report.statistics.intervals import (
    McNemar,
    accuracy_by,
    calibration,
    expected_calibration_error,
    mcnemar,
    paired_difference,
    proportion_interval,
    quantile_edges,
)

ARRAYS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n)] * 2)
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


def test_newcombe_interval_of_the_published_example():
    """Newcombe (1998), table III, method 10 for the counts 36, 12, 2 and 0."""
    both, only_a, only_b, neither = 36, 12, 2, 0
    a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    interval = paired_difference(a, b)
    assert interval.estimate == pytest.approx(0.20)
    assert (interval.low, interval.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_newcombe_interval_corrects_a_positive_correlation():
    """The same formula from the moments of the arrays, with φ less N/2 over the margins' root."""
    both, only_a, only_b, neither = 20, 12, 2, 16
    a = np.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    b = np.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])
    z, total = scipy_stats.norm.ppf(0.975), a.size
    root = total**2 * np.std(a) * np.std(b)
    phi = np.corrcoef(a, b)[0, 1] - total / 2 / root

    def distances(p):
        centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z * np.sqrt(p * (1 - p) / total + (z / (2 * total)) ** 2) / (1 + z**2 / total)
        return p - (centre - half), centre + half - p

    (low_a, high_a), (low_b, high_b) = distances(a.mean()), distances(b.mean())
    correlation = np.array([[1, -phi], [-phi, 1]])
    below, above = (
        np.sqrt(np.array(pair) @ correlation @ np.array(pair))
        for pair in ((low_a, high_b), (high_a, low_b))
    )
    interval = paired_difference(a, b)
    assert phi > 0.1
    assert (interval.low, interval.high) == pytest.approx((0.2 - below, 0.2 + above), abs=1e-9)


@given(ARRAYS)
def test_paired_difference_changes_sign_with_the_order(arrays):
    first, second = arrays
    forth, back = paired_difference(first, second), paired_difference(second, first)
    assert forth.estimate == pytest.approx(np.mean(first) - np.mean(second))
    assert forth.low == pytest.approx(-back.high, abs=1e-9)
    assert -1 - 1e-9 <= forth.low <= forth.estimate <= forth.high <= 1 + 1e-9


def paired_reviews(generator, total, rates):
    """Draw paired truth values; `rates`: both right, only A, only B, neither."""
    kind = generator.choice(4, size=total, p=rates)
    return np.isin(kind, (0, 1)), np.isin(kind, (0, 2))


@pytest.mark.parametrize("rates", [(0.80, 0.06, 0.04, 0.10), (0.40, 0.30, 0.20, 0.10)])
def test_paired_difference_covers_the_truth_at_its_level(rates):
    generator = np.random.default_rng(20)
    truth = rates[1] - rates[2]
    intervals = (paired_difference(*paired_reviews(generator, 500, rates)) for _ in range(1000))
    covered = np.mean([i.low <= truth <= i.high for i in intervals])
    assert covered == pytest.approx(0.95, abs=0.02)  # standard error 0.007


def test_mcnemar_is_the_sum_of_binomial_tails():
    a = [1] * 9 + [0] * 3 + [1] * 20
    b = [0] * 9 + [1] * 3 + [1] * 20
    result = mcnemar(a, b)
    tail = sum(math.comb(12, k) for k in range(4)) / 2**12
    assert (result.only_a, result.only_b) == (9, 3)
    assert result.p_value == pytest.approx(2 * tail)


def test_mcnemar_without_a_difference_has_p_one():
    assert mcnemar([1, 0, 1], [1, 0, 1]) == McNemar(0, 0, 1.0)


def test_mcnemar_keeps_its_error_rate_and_has_power():
    generator = np.random.default_rng(21)

    def rejected(rates):
        pairs = (paired_reviews(generator, 600, rates) for _ in range(1000))
        return np.mean([mcnemar(*pair).p_value < 0.05 for pair in pairs])

    assert 0.02 < rejected((0.80, 0.05, 0.05, 0.10)) <= 0.05 + 0.014  # two standard errors
    assert rejected((0.77, 0.10, 0.03, 0.10)) > 0.95


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


def test_accuracy_by_groups_by_hand():
    table = accuracy_by([1, 10, 20, 29, 30, 99], [1, 0, 1, 1, 0, 1], edges=[1, 10, 20, 30])
    assert table["count"].tolist() == [1, 1, 3]  # the last group holds 30; 99 is left out
    assert table["accuracy"].tolist() == pytest.approx([1.0, 0.0, 2 / 3])
    last = proportion_interval(2, 3)
    assert (table["ci_low"].iloc[2], table["ci_high"].iloc[2]) == (last.low, last.high)
    assert table[["low", "high"]].to_numpy().tolist() == [[1, 10], [10, 20], [20, 30]]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 6))
def test_quantile_edges_make_groups_that_hold_every_review(lengths, groups):
    edges = quantile_edges(lengths, groups)
    table = accuracy_by(lengths, [True] * len(lengths), edges)
    assert 1 <= len(table) <= groups
    assert table["count"].sum() == len(lengths)


def test_quantile_edges_by_hand():
    assert quantile_edges(range(1, 12), 5) == [1, 3, 5, 7, 9, 11]
    assert quantile_edges([7, 7, 7], 5) == [7, 8]
    with pytest.raises(ValueError, match="at least one"):
        quantile_edges([], 5)


def test_accuracy_by_marks_an_empty_group():
    table = accuracy_by([5.0], [1], edges=[0, 1, 10])
    assert table["count"].tolist() == [0, 1]
    assert math.isnan(table["accuracy"].iloc[0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: proportion_interval(3, 2),
        lambda: proportion_interval(-1, 2),
        lambda: proportion_interval(1, 2, level=95),
        lambda: paired_difference([1, 0], [1]),
        lambda: mcnemar([0.5], [1]),
        lambda: mcnemar([[1, 0]], [[1, 0]]),
        lambda: calibration([1.2], [1]),
        lambda: calibration([math.nan], [1]),
        lambda: calibration([0.2], [2]),
        lambda: calibration([0.2], [1], bins=0),
        lambda: accuracy_by([1], [1, 0], [0, 2]),
        lambda: accuracy_by([1], [1], [2, 2]),
        lambda: accuracy_by([1], [1], [2]),
    ],
)
def test_bad_input_is_an_error(call):
    with pytest.raises(ValueError, match="Expected"):
        call()


def test_no_reviews_give_no_estimate():
    for interval in (proportion_interval(0, 0), paired_difference([], [])):
        assert all(map(math.isnan, (interval.estimate, interval.low, interval.high)))


def test_paired_counts_agree_with_a_loop():
    pairs = list(itertools.product([0, 1], repeat=2)) * 2 + [(1, 0)]
    a, b = zip(*pairs, strict=True)
    result = mcnemar(a, b)
    assert (result.only_a, result.only_b) == (pairs.count((1, 0)), pairs.count((0, 1)))
