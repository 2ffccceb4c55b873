"""What a claim is made of, and how its parts and figures read the records.

A part rests on one figure with an interval. Its check says whether the experiment was a test at
all: where it fails, the part is *not tested*, whatever the figure. Its rule names the region in
which the figure has to lie, with all of its interval, for the part to be supported or refuted.
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lstm_report.claims.admitted import Missing, View
from lstm_report.figures import evidence as figures
from lstm_report.figures.evidence import Shown
from lstm_report.statistics.intervals import MARGIN, UNITS, Estimate, Interval, in_unit
from lstm_report.statistics.unpaired import Figure, contrast, with_new_reviews
from lstm_report.studies.catalogue import DEPTH, HEADLINE, REGISTERED

Outcome = Literal[
    "supported", "refuted", "not reproduced", "partly supported", "undecided", "not tested",
    "true by calculation", "not measured yet",
]  # fmt: skip
ALPHA = 0.05
"""The probability with which one or more parts may be called wrongly, after Holm's correction."""
SMALLEST = 1e-12
"""The smallest p-value that is told from 0."""


def bound(value: float, unit: str) -> str:
    """Return a bound of a rule with its unit, and nothing for none; 0 has no sign."""
    if not math.isfinite(value):
        return ""
    text = in_unit(value, unit)
    return UNITS[unit][3].format(text.removeprefix("+") if not text.strip("+0.") else text)


def _sides(above: str, below: str, *, either: bool) -> str:
    """Return on which side of which bound an interval lies, of `either` bound or of both."""
    if above and below:
        both = f"above {above} and below {below}"
        return f"above {above} or below {below}" if either else both
    return f"above {above}" if above else f"below {below}"


@dataclass(frozen=True)
class Rule:
    """Where the figure of a part has to lie; the ends belong to neither region."""

    above: float = -math.inf
    """Supported where the whole interval lies above this …"""
    below: float = math.inf
    """… and below this."""
    refuted_below: float = -math.inf
    """Else refuted where the whole interval lies below this …"""
    refuted_above: float = math.inf
    """… or above this."""

    def holds(self, interval: Interval) -> bool | None:
        """Return whether a part is supported, refuted, or (None) undecided by an interval."""
        if self.above < interval.low and interval.high < self.below:
            return True
        if interval.high < self.refuted_below or interval.low > self.refuted_above:
            return False
        return None

    def region(self, unit: str) -> str:
        """Return where the whole interval has to lie for the part to be supported."""
        return _sides(bound(self.above, unit), bound(self.below, unit), either=False)

    def text(self, unit: str, against: str) -> str:
        """Return the rule in words; `against` is the verdict on the other side."""
        ends = bound(self.refuted_above, unit), bound(self.refuted_below, unit)
        other = _sides(*ends, either=True)
        return (
            f"supported if the whole interval lies {self.region(unit)}; else {against} if it lies "
            f"{other}."
        )

    def judge(self, figure: Figure) -> tuple[bool | None, float]:
        """Return the verdict of a figure, and the p-value with which it is reached.

        The p-value is the smallest α whose (1 - α) interval decides the part. Where none does, as
        for a figure that lies in neither region, the part is undecided with 1.
        """
        if (found := self.holds(figure.at(1 - SMALLEST))) is not None:
            return found, SMALLEST
        low, high = math.log(SMALLEST), math.log(1 - SMALLEST)
        found = self.holds(figure.at(SMALLEST))
        if found is None:
            return None, 1.0
        while high - low > 1e-4:
            middle = (low + high) / 2
            if (here := self.holds(figure.at(1 - math.exp(middle)))) is None:
                low = middle
            else:
                high, found = middle, here
        return found, math.exp(high)


def at_least(bound: float) -> Rule:
    """Return the rule of a figure that has to lie above a bound, and is refuted below it."""
    return Rule(above=bound, refuted_below=bound)


def at_most(bound: float) -> Rule:
    """Return the rule of a figure that has to lie below a bound, and is refuted above it."""
    return Rule(below=bound, refuted_above=bound)


def inside(low: float, high: float) -> Rule:
    """Return the rule of a figure that has to lie between two bounds, and is refuted beyond."""
    return Rule(above=low, below=high, refuted_below=low, refuted_above=high)


def more_often(margin: float) -> Rule:
    """Return the rule of a share that has to exceed another, refuted if by less than a margin."""
    return Rule(above=0.0, refuted_below=margin)


@dataclass(frozen=True)
class Check:
    """Whether an experiment was a test of what it is to tell, and by which figures."""

    holds: bool
    text: str


def by_ranks(what: str) -> str:
    """Return what a figure is, and that it goes by ranks."""
    return f"{what} (by ranks)"


def in_powers(what: str) -> str:
    """Return what a figure is, and that it counts powers of ten."""
    return f"{what}, in powers of ten"


def in_a_sentence(what: str) -> str:
    """Return what a figure is, without the two, which its unit tells as well."""
    return what.removesuffix(by_ranks("")).removesuffix(in_powers(""))


@dataclass(frozen=True)
class Part:
    """One statement of a claim, the experiment that can refute it, and its rule."""

    identity: str
    """As in `C5a`."""
    statement: str
    prediction: str
    """What the algebra of chapter 1, or an exploratory run, predicts."""
    experiment: str
    what: str
    """The name of the figure."""
    unit: str
    """One of `lstm_report.statistics.intervals.UNITS`."""
    figure: Callable[[View], Figure]
    rule: Rule
    check: Callable[[View], Check]
    must: str
    """What the check demands, in words."""
    if_supported: str
    if_refuted: str
    against: Literal["refuted", "not reproduced"] = "refuted"
    """What the opposite is called: settings that the source does not state may be the reason."""
    shares: str = ""
    """The part whose hypothesis this is too, so that it is counted once."""


@dataclass(frozen=True)
class Calculated:
    """A statement that follows from a calculation in the text and is not measured."""

    identity: str
    statement: str
    where: str
    """Where the calculation stands."""


@dataclass(frozen=True)
class Claim:
    """A claim of the source report, taken apart into statements that can differ in their truth."""

    identity: str
    """`C1` to `C12`."""
    name: str
    """The claim in a few words."""
    statement: str
    """The claim in the words of the source, in English."""
    changed: str
    """What the second round asks otherwise than the first, so that its verdict may differ."""
    figures: tuple[Callable[[View], Shown], ...]
    """What is drawn of the records that the parts rest on."""
    beside: tuple[Callable[[View], Shown], ...] = ()
    """What is drawn beside, from exploratory records, and has no part in a verdict."""


def claim_of(part: Part | Calculated) -> str:
    """Return the claim that a part belongs to, `C1` to `C12`, or `D` for the report's own."""
    return "D" if part.identity.startswith("D") else part.identity.rstrip("abcdefgh")


SOURCE_ACCURACY = {"lstm": 0.8145, "reslstm": 0.8030}
"""Test accuracy of each model as the source states it, from one run each."""
SOURCE_DIFFERENCE = SOURCE_ACCURACY["lstm"] - SOURCE_ACCURACY["reslstm"]
SOURCE_BEST_EPOCH = 14
"""The epoch at which both models of the source were at their best."""
Cell = tuple[str, str]
"""The name of a study and of one of its cells."""
LSTM, RESIDUAL, MATCHED = ((HEADLINE, cell) for cell in ("lstm", "reslstm", "lstm matched"))
LEARNT = 0.65
"""From which test accuracy a stack is said to have learnt: halfway from chance to one layer's."""
ONE_LAYER_LEARNS, ONE_LAYER = 0.75, "a mean accuracy above 75% of one layer of both kinds"
BOTH_LEARN, BOTH_MODELS = 0.85, "a mean accuracy above 85% of both models"
"""What `one_layer_learns` and `both_learn` demand, in numbers and in words."""
FIRST_ROUND = {HEADLINE: "headline", DEPTH: "depth"}
"""The study of the first round that a figure shows while the second has too few runs."""
SHOWN_FROM = 3


def accuracy(view: View, study: str, cell: str) -> pd.Series:
    """Return the test accuracy of each run of a cell, by seed."""
    found: pd.Series = view.counted(study, cell)["test_accuracy"].astype(float)
    return found


def lead(first: Cell, second: Cell) -> Callable[[View], Figure]:
    """Return what computes the difference in accuracy of two cells, first minus second."""

    def figure(view: View) -> Figure:
        return contrast([accuracy(view, *cell) for cell in (first, second)], [1, -1])

    return figure


def stack(view: View, kind: str, layers: int) -> pd.Series:
    """Return the test accuracy of each stack of a kind in the study of depth, by seed."""
    return accuracy(view, DEPTH, f"{kind} x{layers}")


def learnt(accuracies: pd.Series) -> pd.Series:
    """Return whether each stack has learnt, by seed."""
    return accuracies > LEARNT


def epochs(view: View, study: str, cell: str, quantity: str) -> pd.DataFrame:
    """Return a quantity of each epoch of the runs of a cell, seeds by epochs.

    Raises:
        Missing: for a run without all of its epochs.
    """
    values = view.epochs(study, cell).pivot(index="seed", columns="epoch", values=quantity)
    if values.shape[1] < 2 or values.isna().any(axis=None):
        raise Missing(f"every epoch of “{cell}” in results/{study}/epochs.csv")
    return values


def measured(view: View, study: str, cell: str, measure: str, condition: str) -> pd.Series:
    """Return what was measured on each run of a cell under a condition, by seed.

    Raises:
        Missing: when nothing was.
    """
    table = view.measured(study, cell, measure)
    if condition not in table:
        raise Missing(f"“{measure}” of “{cell}” at {condition} in results/{study}")
    found: pd.Series = table[condition]
    return found


def both_learn(view: View) -> Check:
    """Demand a mean accuracy above 85% of both models of the headline study."""
    means = [accuracy(view, *cell).mean() for cell in (LSTM, RESIDUAL)]
    return Check(
        min(means) > BOTH_LEARN,
        f"mean accuracies {means[0]:.1%} (LSTM) and {means[1]:.1%} (residual LSTM), "
        f"{BOTH_LEARN:.0%} demanded of both",
    )


def one_layer_learns(view: View) -> Check:
    """Demand a mean accuracy above 75% of one layer of both kinds."""
    means = [stack(view, kind, 1).mean() for kind in ("lstm", "reslstm")]
    return Check(
        min(means) > ONE_LAYER_LEARNS,
        f"mean accuracies of one layer {means[0]:.1%} (LSTM) and {means[1]:.1%} (residual LSTM), "
        f"{ONE_LAYER_LEARNS:.0%} demanded of both",
    )


def shown_study(view: View, name: str) -> str:
    """Return the study that a figure is drawn from: a registered one, else that before it.

    A registered one is drawn once each of its cells has `SHOWN_FROM` runs.
    """
    runs = list(view.archive.study(name).runs["cell"])
    counts = [runs.count(cell) for cell in REGISTERED[name]["cells"]]
    return name if min(counts) >= SHOWN_FROM else FIRST_ROUND[name]


def by_layers(view: View, study: str, kind: str, quantity: str = "") -> pd.DataFrame:
    """Return a figure of the stacks of a kind, seeds by number of layers, complete rows only.

    Raises:
        Missing: for fewer than two depths.
    """
    columns = {}
    for layers in (1, 2, 4, 6, 8):
        cell = f"{kind} x{layers}"
        with contextlib.suppress(Missing):
            columns[layers] = (
                epochs(view, study, cell, quantity).iloc[:, -1]
                if quantity
                else accuracy(view, study, cell)
            )
    if len(columns) < 2:
        raise Missing(f"“{kind}” of two or more depths", f"lstm-report study {study}")
    return pd.DataFrame(columns).dropna()


def by_number(
    view: View, cells: dict[str, Cell], measure: str, prefix: str = ""
) -> dict[str, pd.DataFrame]:
    """Return a measure of several cells, seeds by number, for those that have it.

    The numbers are those that follow a prefix in the conditions of the first cell, in their order.

    Raises:
        Missing: when the first cell has no such measure, or no cell has all numbers.
    """
    conditions, found, lacks = {}, {}, []
    for condition in map(str, view.measured(*next(iter(cells.values())), measure)):
        number = condition.removeprefix(prefix)
        if condition.startswith(prefix) and number.replace(".", "", 1).isdigit():
            conditions[float(number)] = condition
    if not conditions:
        raise Missing(f"“{measure}” at conditions {prefix}…")
    for name, cell in cells.items():
        try:
            columns = {
                number: measured(view, *cell, measure, conditions[number])
                for number in sorted(conditions)
            }
        except Missing as lack:
            lacks.append(lack)
        else:
            found[name] = pd.DataFrame(columns).dropna()
    if not found:
        raise lacks[-1]
    return found


def difference(view: View, what: str, first: Cell, second: Cell) -> Estimate:
    """Return the difference in accuracy of two cells, first minus second, over seeds and reviews.

    Raises:
        Missing: for fewer than two runs of one that is not of one run only.
    """
    a, b = (view.correct(*cell) for cell in (first, second))
    labels, others = (view.records(study).labels for study, _ in (first, second))
    if not np.array_equal(labels, others):
        raise Missing(f"results/{first[0]} and results/{second[0]} hold different test reviews")
    return Estimate(what, with_new_reviews(a, b).interval, "points")


def differences(view: View, pairs: dict[str, tuple[Cell, Cell]]) -> list[Estimate]:
    """Return the difference in accuracy of each pair of cells, by name, that is recorded.

    Raises:
        Missing: when none is.
    """
    found = []
    for what, (first, second) in pairs.items():
        with contextlib.suppress(Missing):
            found.append(difference(view, what, first, second))
    if not found:
        raise Missing("comparisons")
    return found


def forest(found: Sequence[Estimate], caption: str) -> Shown:
    """Return the figure of differences in accuracy with its caption, and what it shows in words."""
    alt = "; ".join(f"{entry.what}: {entry.text}" for entry in found) + "."
    return Shown(figures.differences(found, {"points": MARGIN}), caption, alt)
