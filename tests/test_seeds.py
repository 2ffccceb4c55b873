"""Statistics over seeds, on simulated studies of known truth and on examples worked by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as scipy_stats

from lstm_report import decisions, effects, seeds, stats
from lstm_report.errors import UserError
from lstm_report.stats import Interval

SEEDS, REVIEWS, TRUTH = 6, 300, 0.05
PAIRS = st.integers(2, 8).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 9), min_size=n, max_size=n)] * 2)
)
"""Scores of two models, as whole tenths so that ties occur."""


def study(generator, varying):
    """Draw correctness of two models, 0.85 and 0.80 accurate, of which one thing varies."""
    shape = {
        "seeds": (1, REVIEWS),
        "reviews": (1, REVIEWS),
        "rest": (SEEDS, REVIEWS),
    }[varying]
    chance = generator.random(shape)
    other = chance if varying == "seeds" else generator.random(shape)
    deviation = 0.04 if varying == "seeds" else 0.0
    shift = deviation * generator.normal(size=(2, SEEDS, 1))
    return (
        np.broadcast_to(chance < 0.85 + shift[0], (SEEDS, REVIEWS)),
        np.broadcast_to(other < 0.85 - TRUTH + shift[1], (SEEDS, REVIEWS)),
    )


def covers(interval, truth):
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize(
    ("varying", "share", "uncorrected"),
    [("seeds", (0.7, 1.0), (0.80, 0.93)), ("reviews", (0.0, 1e-9), (0.92, 0.98))]
    + [("rest", (0.0, 0.3), (0.985, 1.0))],
)
def test_bootstrap_interval_covers_the_truth_at_its_level(varying, share, uncorrected):
    """Whatever varies; the percentiles miss the level where seeds do, and where the rest does."""
    generator = np.random.default_rng(30)
    results = [
        seeds.difference_over_seeds(*study(generator, varying), draws=200, seed=k)
        for k in range(500)
    ]
    covered = np.mean([covers(result.interval, TRUTH) for result in results])
    assert covered == pytest.approx(0.95, abs=0.03)  # standard error 0.01
    low, high = uncorrected
    assert low <= np.mean([covers(result.percentile, TRUTH) for result in results]) <= high
    variance = np.var([result.interval.estimate for result in results])
    assert np.mean([r.standard_error**2 for r in results]) == pytest.approx(variance, rel=0.2)
    assert share[0] <= np.mean([result.seed_share for result in results]) <= share[1]


def test_degrees_of_freedom_lie_between_those_of_seeds_and_of_reviews():
    generator = np.random.default_rng(31)
    degrees = {
        varying: seeds.difference_over_seeds(*study(generator, varying), draws=2).degrees_of_freedom
        for varying in ("seeds", "reviews")
    }
    assert degrees["seeds"] == pytest.approx(SEEDS - 1, abs=1)
    assert degrees["reviews"] > 1e6


def test_bootstrap_interval_by_hand_where_all_reviews_agree():
    """Two seeds, one of them right throughout: the draws are 0, ½ and 1, the width is t's."""
    a = np.array([[True] * 4, [False] * 4])
    result = seeds.difference_over_seeds(a, np.zeros_like(a), draws=4000)
    assert (result.percentile.low, result.percentile.high) == (0, 1)
    assert (result.standard_error, result.degrees_of_freedom) == (0.5, 1)
    # The draws have variance 1/8; t with one degree of freedom has the quantile 12.7.
    widening = scipy_stats.t.ppf(0.975, 1) / scipy_stats.norm.ppf(0.975) * 0.5 / math.sqrt(1 / 8)
    assert result.interval.high == pytest.approx(0.5 + 0.5 * widening, rel=0.02)
    assert (result.interval.estimate, result.seed_share) == (0.5, 1)


def test_bootstrap_interval_of_a_constant_has_no_width():
    same = np.ones((3, 5), dtype=bool)
    result = seeds.difference_over_seeds(same, ~same)
    assert result.interval == result.percentile == Interval(1, 1, 1)
    assert math.isnan(result.seed_share)


def test_bootstrap_interval_depends_on_neither_order():
    """Swapping the models negates it; the order of the seeds only changes the draws."""
    a, b = study(np.random.default_rng(32), "seeds")
    forth, back = seeds.difference_over_seeds(a, b), seeds.difference_over_seeds(b, a)
    assert forth.interval.estimate == pytest.approx(-back.interval.estimate)
    assert forth.interval.low == pytest.approx(-back.interval.high, abs=1e-12)
    assert forth.percentile.low == pytest.approx(-back.percentile.high, abs=1e-12)
    order = np.random.default_rng(33).permutation(SEEDS)
    other = seeds.difference_over_seeds(a[order], b[order])
    assert other.interval.estimate == pytest.approx(forth.interval.estimate)
    assert other.standard_error == pytest.approx(forth.standard_error)
    assert other.interval.low == pytest.approx(forth.interval.low, abs=0.1 * forth.standard_error)


def test_bootstrap_draws_follow_their_seed():
    a, b = study(np.random.default_rng(34), "rest")
    first, again, other = (seeds.difference_over_seeds(a, b, seed=k) for k in (1, 1, 2))
    assert first == again
    assert first.interval != other.interval


def test_mean_interval_of_the_published_example():
    """Student (1908): hours of sleep gained; mean 1.58, 95% interval 0.70 to 2.46."""
    interval = seeds.mean_interval([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    assert (interval.estimate, interval.low, interval.high) == pytest.approx(
        (1.58, 0.70, 2.46), abs=5e-3
    )


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=7))
def test_sign_flip_test_agrees_with_a_loop(whole):
    """In tenths, whose sums are not exact: equal sums still count as equal."""
    patterns = itertools.product([-1, 1], repeat=len(whole))
    sums = [abs(sum(s * d for s, d in zip(signs, whole, strict=True))) for signs in patterns]
    expected = np.mean(np.array(sums) >= abs(sum(whole)))
    result = seeds.sign_flip_test([d / 10 for d in whole])
    assert result.p_value == pytest.approx(expected)
    assert result.smallest <= result.p_value + 1e-12
    every = seeds.sign_flip_test([abs(d) / 10 for d in whole])
    assert every.p_value == pytest.approx(every.smallest)


def test_sign_flip_test_reaches_its_smallest_p():
    assert seeds.sign_flip_test([1.0] * 5).smallest == 0.0625
    assert seeds.sign_flip_test([0.3, 0.2, 0.1, 0.0]).smallest == 0.25  # one seed cannot count
    many = seeds.sign_flip_test(np.linspace(1, 2, 20))
    assert many.p_value == many.smallest == 2 / (2**15 + 1)


def test_sign_flip_test_takes_sums_that_differ_by_rounding_as_equal():
    differences = np.array([-1, 4, 5, 2, -4, -6]) / 10
    assert np.mean(differences / 0.6) != 0
    assert seeds.sign_flip_test(differences).p_value == 1


def test_sign_flip_test_draws_patterns_above_15_seeds():
    generator = np.random.default_rng(35)
    patterns = np.array(list(itertools.product([-1, 1], repeat=16)))
    for shift in (0.0, 0.3, 0.6):
        differences = generator.normal(shift, 1, 16)
        expected = np.mean(np.abs(patterns @ differences) >= abs(differences.sum()) - 1e-12)
        found = seeds.sign_flip_test(differences).p_value
        error = 2 * math.sqrt(expected * (1 - expected) / seeds.SIGN_FLIPS)
        assert found == pytest.approx(expected, abs=3 * error)
    assert seeds.sign_flip_test(differences) == seeds.sign_flip_test(differences)
    assert seeds.sign_flip_test(differences, seed=1) != seeds.sign_flip_test(differences)


def test_sign_flip_test_keeps_its_error_rate_and_has_power():
    """At 8 seeds p is a multiple of 1/128, so the rate is 6/128; the tails are heavy."""
    studies = np.random.default_rng(36).standard_t(3, size=(1000, 8))
    rejected = [seeds.sign_flip_test(row).p_value <= 0.05 for row in studies]
    assert np.mean(rejected) == pytest.approx(6 / 128, abs=3 * 0.0067)
    assert np.mean(rejected) <= 0.05 + 2 * 0.007
    shifted = [seeds.sign_flip_test(row + 4).p_value <= 0.05 for row in studies[:100]]
    assert np.mean(shifted) > 0.9


def test_superiority_by_hand():
    result = effects.superiority([0.9, 0.8, 0.7, 0.6], [0.8, 0.8, 0.6, 0.7])
    assert result.paired.estimate == (1 + 0.5 + 1 + 0) / 4
    # 0.9 beats four; 0.8 one and two ties; 0.7 one and a tie; 0.6 only ties.
    assert result.unpaired == (4 + 3 + 1.5 + 0.5) / 16
    assert result.cliffs_delta == pytest.approx(2 * 9 / 16 - 1)
    ahead = effects.superiority(np.arange(10) + 20, np.arange(10))
    wilson = stats.proportion_interval(10, 10)
    assert (ahead.paired.low, ahead.paired.high) == pytest.approx((wilson.low, wilson.high))
    assert (ahead.unpaired, ahead.cliffs_delta) == (1, 1)


@given(PAIRS, st.randoms(use_true_random=False))
def test_effects_mirror_and_ignore_the_order_of_seeds(pair, random):
    a, b = np.array(pair) / 10
    forth, back = effects.superiority(a, b), effects.superiority(b, a)
    assert forth.paired.estimate == pytest.approx(1 - back.paired.estimate)
    assert forth.paired.low == pytest.approx(1 - back.paired.high, abs=1e-9)
    assert forth.cliffs_delta == pytest.approx(-back.cliffs_delta)
    order = random.sample(range(len(a)), len(a))
    assert effects.superiority(a[order], b[order]) == forth
    whole, shuffled = (seeds.sign_flip_test(d) for d in (a - b, (b - a)[order]))
    assert whole.p_value == pytest.approx(shuffled.p_value)
    violations = [
        effects.almost_stochastic_order(*ab, draws=2).violation for ab in ((a, b), (b, a))
    ]
    assert sum(violations) == pytest.approx(1)
    again = effects.almost_stochastic_order(a[order], b, draws=2).violation
    assert again == pytest.approx(violations[0])


def test_superiority_interval_covers_the_truth():
    generator = np.random.default_rng(36)
    truth = scipy_stats.norm.cdf(1 / math.sqrt(2))
    scores = generator.normal([[[1.0]], [[0.0]]], size=(2, 600, 10))
    covered = [
        covers(effects.superiority(a, b).paired, truth) for a, b in zip(*scores, strict=True)
    ]
    assert 0.93 < np.mean(covered) <= 1


def test_stochastic_order_by_hand():
    # Ordered, B less A is 1 and -2: one part in five lies where A is below.
    assert effects.almost_stochastic_order([3, 0], [1, 1]).violation == pytest.approx(0.2)
    assert effects.almost_stochastic_order([1, 2, 3], [3, 1, 2]).violation == 0.5
    above = effects.almost_stochastic_order([5, 6, 7], [1, 2, 3])
    assert (above.violation, above.epsilon_min) == (0, 0)
    mostly_below = effects.almost_stochastic_order([1, 2, 3.2], [2, 3, 3])
    assert 0.9 < mostly_below.violation < mostly_below.epsilon_min == 1
    below = effects.almost_stochastic_order([1, 2, 3], [5, 6, 7])
    assert (below.violation, below.epsilon_min) == (1, 1)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 2.0), (0.5, 2.0), (1.0, 1.5)])
def test_stochastic_order_of_normal_distributions(shift, scale):
    """The quantiles of N(shift, scale²) less those of N(0, 1) are shift + (scale - 1) z."""

    def squared(z):
        return (shift + (scale - 1) * z) ** 2 * scipy_stats.norm.pdf(z)

    crossing = -shift / (scale - 1)
    expected = integrate.quad(squared, -9, crossing)[0] / integrate.quad(squared, -9, 9)[0]
    generator = np.random.default_rng(37)
    a, b = generator.normal(shift, scale, 40_000), generator.normal(0, 1, 40_000)
    found = effects.almost_stochastic_order(a, b, draws=40)
    assert found.violation == pytest.approx(expected, abs=0.02)
    assert found.violation < found.epsilon_min < found.violation + 0.05


def test_stochastic_order_bound_is_the_normal_one_of_a_bootstrap():
    generator = np.random.default_rng(38)
    a, b = np.array([0, 2, 5, 6, 8, 9]), np.array([1, 3, 4, 5, 6, 7])
    result = effects.almost_stochastic_order(a, b, draws=4000)
    drawn = []
    for _ in range(4000):
        gap = np.sort(generator.choice(b, 6)) - np.sort(generator.choice(a, 6))
        drawn.append((gap[gap > 0] ** 2).sum() / (gap**2).sum() if gap.any() else 0.5)
    expected = result.violation + scipy_stats.norm.ppf(0.95) * np.std(drawn)
    assert 0.1 < expected < 0.9
    assert result.epsilon_min == pytest.approx(expected, abs=0.02)


def test_stochastic_order_of_equal_models_rarely_falls_below_the_bound():
    """As the docstring says: one study in twenty lies below 0.2, about one in five below ½."""
    generator = np.random.default_rng(39)
    bounds = np.array(
        [
            effects.almost_stochastic_order(*generator.normal(size=(2, 10)), draws=200).epsilon_min
            for _ in range(800)
        ]
    )
    assert np.mean(bounds < 0.2) <= 0.05 + 2 * 0.008
    assert 0.1 < np.mean(bounds < 0.5) < 0.25


def test_seed_table_is_the_comparison_within_each_seed():
    a, b = study(np.random.default_rng(40), "rest")
    table = seeds.seed_table(a, b, seeds=range(10, 10 + SEEDS))
    assert table["seed"].tolist() == list(range(10, 10 + SEEDS))
    row, test = table.iloc[2], stats.mcnemar(a[2], b[2])
    interval = stats.paired_difference(a[2], b[2])
    assert (row["only_a"], row["only_b"], row["p_value"]) == (
        test.only_a,
        test.only_b,
        test.p_value,
    )
    assert (row["difference"], row["low"], row["high"]) == (
        interval.estimate,
        interval.low,
        interval.high,
    )
    assert (table["accuracy_a"] - table["accuracy_b"]).tolist() == pytest.approx(
        table["difference"].tolist()
    )


@pytest.mark.parametrize(
    ("low", "high", "outcome", "real", "beyond"),
    [
        (0.006, 0.015, "A better", True, True),
        (0.001, 0.015, "A better", True, False),
        (-0.015, -0.006, "B better", True, True),
        (-0.015, -0.001, "B better", True, False),
        (0.001, 0.004, "equivalent", True, False),
        (-0.004, -0.001, "equivalent", True, False),
        (-0.004, 0.004, "equivalent", False, False),
        (-0.004, 0.006, "undecided", False, False),
        (-0.020, 0.020, "undecided", False, False),
        # An end on 0 or on the margin counts against the stronger statement.
        (0.0, 0.004, "equivalent", False, False),
        (0.0, 0.010, "undecided", False, False),
        (-0.005, 0.004, "undecided", False, False),
        (0.001, 0.005, "A better", True, False),
        (0.005, 0.010, "A better", True, False),
    ],
)
def test_the_four_way_rule(low, high, outcome, real, beyond):
    found = decisions.verdict(Interval((low + high) / 2, low, high))
    assert found == decisions.Verdict(outcome, real, outcome == "equivalent", beyond)


@given(st.tuples(*[st.floats(-0.02, 0.02)] * 2), st.floats(0.001, 0.01))
def test_the_rule_mirrors(ends, margin):
    low, high = sorted(ends)
    forth = decisions.verdict(Interval(0, low, high), margin)
    back = decisions.verdict(Interval(0, -high, -low), margin)
    other = {"A better": "B better", "B better": "A better"}
    assert back.outcome == other.get(forth.outcome, forth.outcome)
    assert (back.real, back.beyond) == (forth.real, forth.beyond)


@given(PAIRS)
def test_equivalence_is_a_90_percent_interval_inside_the_margin(pair):
    a, b = np.array(pair) / 1000
    interval = seeds.mean_interval(a - b, level=0.90)
    inside = max(abs(interval.low), abs(interval.high)) - decisions.MARGIN
    p_value = decisions.equivalence_p_value(a, b)
    assert (p_value < 0.05) == (inside < 0) or abs(inside) < 1e-9
    assert p_value == pytest.approx(decisions.equivalence_p_value(b, a))


def test_equivalence_errs_at_its_level_on_the_margin():
    generator = np.random.default_rng(41)
    scores = generator.normal(decisions.MARGIN, 0.003, size=(1000, 10))
    found = np.mean([decisions.equivalence_p_value(row, 0 * row) < 0.05 for row in scores])
    assert found == pytest.approx(0.05, abs=0.02)  # standard error 0.007


def test_equivalence_of_seeds_that_do_not_vary():
    assert decisions.equivalence_p_value([0.5, 0.5], [0.5, 0.5]) == 0
    assert decisions.equivalence_p_value([0.5, 0.5], [0.25, 0.25]) == 1
    assert decisions.equivalence_p_value([0.5, 0.5], [0.25, 0.25], margin=0.25) == 1


def test_holm_by_hand():
    table = decisions.holm({"C1": 0.01, "C5": 0.04, "C6": 0.03, "C10": 0.6})
    assert table["claim"].tolist() == ["C1", "C5", "C6", "C10"]
    # In order 0.01 · 4, 0.03 · 3, 0.04 · 2 raised to the one before, 0.6 · 1.
    assert table["adjusted"].tolist() == pytest.approx([0.04, 0.09, 0.09, 0.6])
    assert table["rejected"].tolist() == [True, False, False, False]
    strict, lax = (
        decisions.holm({"C1": 0.02, "C6": 0.03}, alpha)["rejected"].tolist()
        for alpha in (0.02, 0.10)
    )
    assert (strict, lax) == ([False, False], [True, True])


@pytest.mark.parametrize(("number", "alpha", "power"), [(5, 0.05, 0.8), (10, 0.05 / 12, 0.9)])
def test_detectable_difference_is_found_with_its_power(number, alpha, power):
    generator = np.random.default_rng(42)
    difference = decisions.detectable_difference(0.004, number, alpha, power)
    studies = generator.normal(difference, 0.004, size=(20_000, number))
    test = scipy_stats.ttest_1samp(studies, 0, axis=1)
    found = np.mean((test.pvalue < alpha) & (test.statistic > 0))
    assert found == pytest.approx(power, abs=0.01)  # standard error 0.003


def test_seeds_needed_of_the_published_tables():
    """Cohen (1988), and every program since: 34 pairs for 0.5, 15 for 0.8, 199 for 0.2."""
    assert [decisions.seeds_needed(d, 1) for d in (0.2, 0.5, 0.8)] == [199, 34, 15]


@given(
    st.integers(2, 60),
    st.floats(1e-4, 10),
    st.sampled_from([0.05, 0.05 / 12]),
    st.sampled_from([0.5, 0.8, 0.95]),
)
@settings(max_examples=40)
def test_seeds_needed_undoes_the_detectable_difference(number, deviation, alpha, power):
    difference = decisions.detectable_difference(deviation, number, alpha, power)
    slightly_more, slightly_less = difference * 1.0001, difference * 0.9999
    assert decisions.seeds_needed(slightly_more, deviation, alpha, power) == number
    assert decisions.seeds_needed(slightly_less, deviation, alpha, power) == number + 1


def test_depth_trend_by_hand():
    layers = [1, 2, 4, 8]
    slope = np.array([0.01, 0.02, 0.03])
    a = 0.8 + np.outer(slope, np.log2(layers))
    trend = effects.depth_trend(a, np.full((3, 4), 0.8), layers)
    assert trend.slopes == pytest.approx(slope)
    expected = seeds.mean_interval(slope)
    assert (trend.interval.low, trend.interval.high) == pytest.approx((expected.low, expected.high))
    assert trend.sign_flip.p_value == 0.25
    order = [2, 0, 3, 1]
    other = effects.depth_trend(np.full((3, 4), 0.8), a[:, order], np.array(layers)[order])
    assert other.slopes == pytest.approx(-slope)


def test_a_difference_without_a_trend_has_none():
    """A difference that is the same at every depth has slope 0, not one of rounding errors."""
    a = np.random.default_rng(43).random((5, 4))
    trend = effects.depth_trend(a + 0.1, a, [1, 2, 4, 8])
    assert trend.slopes.tolist() == [0] * 5
    assert trend.sign_flip.p_value == 1


def test_depth_trend_covers_the_truth_and_keeps_its_error_rate():
    generator = np.random.default_rng(44)
    layers = [1, 2, 3, 4]
    scores = generator.normal(0, 0.01, size=(2, 500, 8, 4))
    scores[0] += 0.03  # A is ahead at every depth, which is no trend
    trends = [effects.depth_trend(a, b, layers) for a, b in zip(*scores, strict=True)]
    assert np.mean([covers(t.interval, 0) for t in trends]) == pytest.approx(0.95, abs=0.03)
    assert np.mean([t.sign_flip.p_value <= 0.05 for t in trends]) <= 0.05 + 2 * 0.01


GOOD = np.array([[True, False, True], [True, True, False]])


@pytest.mark.parametrize(
    "call",
    [
        lambda: seeds.difference_over_seeds(GOOD, GOOD[:, :2]),
        lambda: seeds.difference_over_seeds(GOOD, GOOD[:1]),
        lambda: seeds.difference_over_seeds(GOOD[:1], GOOD[:1]),
        lambda: seeds.difference_over_seeds(GOOD[:, :1], GOOD[:, :1]),
        lambda: seeds.difference_over_seeds(GOOD.astype(float), GOOD),
        lambda: seeds.difference_over_seeds(GOOD[0], GOOD[0]),
        lambda: seeds.seed_table(GOOD, GOOD * 0.9, [0, 1]),
        lambda: seeds.mean_interval([0.5]),
        lambda: seeds.mean_interval([0.5, math.nan]),
        lambda: seeds.sign_flip_test([[0.5, 0.4]]),
        lambda: effects.superiority([0.5, 0.6], [0.5, 0.6, 0.7]),
        lambda: effects.almost_stochastic_order([0.5], [0.5]),
        lambda: effects.depth_trend([0.5, 0.6], [0.5, 0.6], [1, 2]),
        lambda: decisions.equivalence_p_value([0.5, math.inf], [0.5, 0.6]),
    ],
)
def test_bad_runs_are_told_in_one_sentence(call):
    with pytest.raises(UserError, match=r"^Expected [^.]+, got [^:]+: [^:]+\.$"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: seeds.difference_over_seeds(GOOD, GOOD, level=95),
        lambda: seeds.difference_over_seeds(GOOD, GOOD, draws=1),
        lambda: seeds.mean_interval([0.5, 0.6], level=0),
        lambda: seeds.seed_table(GOOD, GOOD, [0, 1, 2]),
        lambda: effects.superiority([0.5, 0.6], [0.5, 0.6], level=1),
        lambda: effects.almost_stochastic_order([0.5, 0.6], [0.5, 0.6], level=1),
        lambda: effects.depth_trend(GOOD, GOOD, [1, 2]),
        lambda: effects.depth_trend(GOOD, GOOD, [0, 1, 2]),
        lambda: effects.depth_trend(GOOD, GOOD, [2, 2, 2]),
        lambda: decisions.verdict(Interval(0, -1, 1), margin=0),
        lambda: decisions.verdict(Interval(0, math.nan, 1)),
        lambda: decisions.equivalence_p_value([0.5, 0.6], [0.5, 0.6], margin=-0.1),
        lambda: decisions.holm({}),
        lambda: decisions.holm({"C1": 1.5}),
        lambda: decisions.holm({"C1": math.nan}),
        lambda: decisions.holm({"C1": 0.5}, alpha=0),
        lambda: decisions.detectable_difference(0, 5),
        lambda: decisions.detectable_difference(0.1, 1),
        lambda: decisions.detectable_difference(0.1, 5, alpha=0.9),
        lambda: decisions.seeds_needed(0, 0.1),
        lambda: decisions.seeds_needed(0.1, -0.1),
        lambda: decisions.seeds_needed(0.1, 0.1, power=1),
    ],
)
def test_bad_settings_are_errors(call):
    with pytest.raises(ValueError, match=r"^Expected .*\.$"):
        call()
