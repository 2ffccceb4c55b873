"""What a claim is made of: parts, the check of each, the rule it is under, and its figures.

A part rests on one figure with an interval. Its check says whether the experiment was a test at
all: where it fails, the part is *not tested*, whatever the figure. Its rule names the region in
which the figure has to lie, with all of its interval, for the part to be supported or refuted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lstm_report.claims.admitted import View
from lstm_report.evidence_figures import Shown
from lstm_report.stats import Interval
from lstm_report.unpaired import Figure

Outcome = Literal[
    "supported", "refuted", "not reproduced", "partly supported", "undecided", "not tested",
    "true by calculation", "not measured yet",
]  # fmt: skip
ALPHA = 0.05
"""The probability with which one or more parts may be called wrongly, after Holm's correction."""
SMALLEST = 1e-12
"""The smallest p-value that is told from 0."""


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
    """One of `lstm_report.stats.UNITS`."""
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
    parts: tuple[Part | Calculated, ...]
    figures: tuple[Callable[[View], Shown], ...]
    """What is drawn of the records that the parts rest on."""
    beside: tuple[Callable[[View], Shown], ...] = ()
    """What is drawn beside, from exploratory records, and has no part in a verdict."""


def parts_of(identity: str, parts: Sequence[Part | Calculated]) -> tuple[Part | Calculated, ...]:
    """Return those of the parts that belong to a claim, `C1` to `C12`."""
    return tuple(part for part in parts if part.identity.rstrip("abcdefgh") == identity)
