"""Figures of independent runs: against other calculations, and their coverage at the sizes used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lstm_report.errors import UserError
from lstm_report.statistics import unpaired

RUNS = 600
"""Simulated studies; the standard error of a share of 5% is 0.9 points."""


def covers(figure, truth, level=0.95):
    interval = figure.at(level)
    return interval.low <= truth <= interval.high


def share_of(draw, truth, runs=RUNS, level=0.95):
    random = np.random.default_rng(5)
    return np.mean([covers(draw(random), truth, level) for _ in range(runs)])


def test_a_contrast_of_two_groups_is_welchs_interval():
    random = np.random.default_rng(1)
    a, b = random.normal(1, 2, 24), random.normal(0, 0.5, 12)
    known = stats.ttest_ind(a, b, equal_var=False)
    found = unpaired.contrast([a, b], [1, -1])
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    for level in (0.8, 0.95, 0.999):
        interval, limits = found.at(level), known.confidence_interval(level)
        assert (interval.low, interval.high) == pytest.approx((limits.low, limits.high))
    one = unpaired.contrast([a], [1]).interval
    half = stats.t.ppf(0.975, 23) * stats.sem(a)
    assert (one.low, one.high) == pytest.approx((a.mean() - half, a.mean() + half))


def test_newcombes_interval_gives_the_values_of_his_paper():
    # Newcombe (1998), table II, method 10: 56/70 - 48/80, and 10/10 - 0/20.
    def yes(count, total):
        return [True] * count + [False] * (total - count)

    found = unpaired.share_difference(yes(56, 70), yes(48, 80)).interval
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    found = unpaired.share_difference(yes(10, 10), yes(0, 20)).interval
    assert (found.low, found.high) == pytest.approx((0.6791, 1.0), abs=1e-4)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "total"), [(0, 5), (3, 7), (40, 48), (12, 12)])
def test_a_share_has_wilsons_interval_of_any_level(successes, total, level):
    found = unpaired.share(successes, total)
    other = stats.binomtest(successes, total).proportion_ci(level, method="wilson")
    assert found.estimate == successes / total
    assert (found.at(level).low, found.at(level).high) == pytest.approx((other.low, other.high))


@given(
    st.lists(st.floats(-9, 9), min_size=4, max_size=12),
    st.lists(st.floats(-9, 9), min_size=4, max_size=12),
)
def test_a_shift_by_ranks_moves_with_its_group_and_turns_with_the_order(a, b):
    first, other = unpaired.shift(a, b), unpaired.shift(b, a)
    assert first.estimate == pytest.approx(-other.estimate, abs=1e-9)
    moved = unpaired.shift(np.add(a, 100.0), b)
    assert moved.estimate == pytest.approx(first.estimate + 100)
    inner, outer = first.at(0.5), first.at(0.99)
    assert outer.low <= inner.low <= first.estimate + 1e-9
    assert first.estimate - 1e-9 <= inner.high <= outer.high


def test_what_never_came_counts_as_later_than_all_that_did():
    inf = np.inf
    found = unpaired.shift([1.0] * 20, [2.0] * 5 + [inf] * 15)
    assert found.estimate == -inf and found.interval.high < 0
    assert unpaired.shift([inf] * 10, [inf] * 10).estimate == 0
    even = unpaired.shift([inf] * 10, [inf] * 10).interval
    assert even.low <= 0 <= even.high
    with pytest.raises(UserError, match="NaN"):
        unpaired.shift([np.nan], [1.0])


@pytest.mark.parametrize("sizes", [(24, 24), (24, 12), (15, 15)])
def test_intervals_of_means_cover_at_their_level(sizes):
    n, m = sizes

    def draw(random):
        return unpaired.contrast([random.normal(0, 1, n), random.normal(0, 2, m)], [1, -1])

    assert 0.93 < share_of(draw, 0.0) < 0.97


@pytest.mark.parametrize("p, q, size", [(1.0, 0.4, 20), (0.97, 0.03, 24), (0.5, 0.5, 20)])
def test_intervals_of_shares_cover_at_their_level(p, q, size):
    def draw(random):
        return unpaired.share_difference(*((random.random(size) < x).tolist() for x in (p, q)))

    assert share_of(draw, p - q) > 0.93


def test_a_direction_is_called_wrongly_in_one_of_twenty_studies_even_of_two_humps():
    """Runs that fail half of the time, as deep stacks do, in both groups alike."""

    def humps(random, size):
        return np.where(random.random(size) < 0.5, 0.5, random.normal(0.8, 0.01, size))

    def draw(random):
        return unpaired.shift(humps(random, 20), humps(random, 20))

    assert share_of(draw, 0.0) > 0.93
    # The plain interval of the mean holds here too, but reaches beyond what any run has.
    wide = unpaired.contrast([humps(np.random.default_rng(2), 20)], [1])
    assert wide.interval.high - wide.interval.low > 0.1


def test_new_reviews_make_an_interval_wider_and_it_covers_both():
    random = np.random.default_rng(3)
    hard = random.random(400)
    first = random.random((10, 400)) > hard
    second = random.random((10, 400)) > hard
    seeds = unpaired.contrast([first.mean(axis=1), second.mean(axis=1)], [1, -1]).interval
    both = unpaired.with_new_reviews(first, second).interval
    assert both.low < seeds.low < seeds.high < both.high and both.estimate == seeds.estimate


@pytest.mark.parametrize("groups", [[[1.0]], [[1.0, np.inf]], [[1.0, np.nan]], [[]]])
def test_too_few_or_unusable_numbers_are_refused(groups):
    with pytest.raises(UserError, match="two or more finite numbers"):
        unpaired.contrast(groups, [1])
    with pytest.raises(UserError, match="at least one run"):
        unpaired.share_difference([], [True])
    with pytest.raises(UserError, match="at least one run"):
        unpaired.share(0, 0)
