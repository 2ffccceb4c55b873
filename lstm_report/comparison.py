"""Cells compared over their seeds: the headline study by every statistic, and pairs by name."""

import pandas as pd

from lstm_report import decisions, effects, seeds
from lstm_report.archive import Missing, View
from lstm_report.decisions import MARGIN
from lstm_report.evidence import Cell, Estimate, compare
from lstm_report.rules import LSTM, RESIDUAL

LEVEL = 0.05
"""Below which the test within one seed is counted."""


def table(view: View) -> pd.DataFrame:
    """Return the statistics of LSTM minus residual LSTM over the seeds of the headline study.

    Returns:
        Columns statistic, figure and meaning, all texts.

    Raises:
        Missing: for fewer than two common seeds.
    """
    found = compare(view, LSTM, RESIDUAL)
    first, second = (view.correct(*cell, found.seeds) for cell in (LSTM, RESIDUAL))
    a, b = first.mean(axis=1), second.mean(axis=1)
    count = len(found.seeds)
    flips = seeds.sign_flip_test(found.differences)
    ahead, order = effects.superiority(a, b), effects.almost_stochastic_order(a, b)
    within = seeds.seed_table(first, second, found.seeds)
    deviation = float(found.differences.std(ddof=1))
    seen = within[within["p_value"] < LEVEL]
    rows = [
        ("mean difference", Estimate("", found.interval, "points").text,
         "over seeds and reviews; positive: the LSTM is ahead"),
        ("sign-flip test", f"p = {flips.p_value:.2g}",
         f"of no difference; {count} seeds cannot go below {flips.smallest:.2g}"),
        ("LSTM ahead in", Estimate("", ahead.paired, "percent").text,
         f"of the seeds; of any two seeds in {ahead.unpaired:.0%} "
         f"(Cliff's delta {ahead.cliffs_delta:+.2f})"),
        (r"$\varepsilon_{\min}$", f"{order.epsilon_min:.2f}",
         "almost stochastic order (Dror et al. 2019); below 0.2 says that the LSTM is ahead at "
         "nearly every quantile"),
        ("equivalence", f"p = {decisions.equivalence_p_value(a, b):.2g}",
         f"two one-sided t tests against ±{100 * MARGIN:.1f} points"),
        ("spread", f"{100 * a.std(ddof=1):.2f} and {100 * b.std(ddof=1):.2f} points",
         "standard deviation over the seeds, LSTM and residual LSTM"),
    ]  # fmt: skip
    if deviation:
        least = decisions.detectable_difference(deviation, count)
        text = f"smallest true difference that {count} seeds find in four of five studies"
        rows.append(("detectable", f"{100 * least:.2f} points", text))
    rows.append(
        (
            "McNemar's test",
            f"LSTM {(seen['difference'] > 0).sum()}, residual {(seen['difference'] < 0).sum()}",
            f"of {count} seeds with p < {LEVEL}; it compares two sets of weights, not two models",
        )
    )
    return pd.DataFrame(rows, columns=["statistic", "figure", "meaning"])


def differences(view: View, pairs: dict[str, tuple[Cell, Cell]]) -> list[Estimate]:
    """Return the difference in accuracy of each pair of cells, by name, that is recorded.

    Raises:
        Missing: when none is.
    """
    found = []
    for what, (first, second) in pairs.items():
        try:
            found.append(Estimate(what, compare(view, first, second).interval, "points"))
        except Missing:
            continue
    if not found:
        raise Missing("comparisons")
    return found
