"""The plan of the second round for a reader, made from the rules, and their simulated power.

It was written to `results/round2/PLAN.md` and committed before the first run. A test compares the
two, so that no rule changes after that. The power says how often the rules would decide with the
seeds that were chosen: runs are drawn as the first round and the trials before the second suggest,
and a draw that a rule decides as the assumed truth has it is a success.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lstm_report import paths
from lstm_report.claims import verdicts
from lstm_report.claims.evidence import ALPHA, Part, bound, claim_of
from lstm_report.claims.verdicts import TESTED
from lstm_report.statistics.intervals import MARGIN
from lstm_report.statistics.unpaired import Figure, contrast, share, share_difference, shift
from lstm_report.studies import catalogue

DRAWS = 1_000
FILE = paths.REPOSITORY / "results" / "round2" / "power.csv"
Draw = Callable[[np.random.Generator], Figure]


def _means(*groups: tuple[float, float, int, float]) -> Draw:
    """Return a contrast of groups of (mean, deviation, runs, weight)."""
    return lambda random: contrast(
        [random.normal(mean, deviation, runs) for mean, deviation, runs, _ in groups],
        [weight for *_, weight in groups],
    )


def _shares(first: tuple[float, int], second: tuple[float, int]) -> Draw:
    return lambda random: share_difference(
        *((random.random(runs) < p).tolist() for p, runs in (first, second))
    )


def _share(p: float, runs: int) -> Draw:
    return lambda random: share(int((random.random(runs) < p).sum()), runs)


def _bimodal(random: np.random.Generator) -> Figure:
    deep = np.where(random.random(20) < 0.4, random.normal(0.79, 0.01, 20), 0.51)
    return shift(deep, random.normal(0.807, 0.006, 20))


def _steps(random: np.random.Generator) -> Figure:
    return shift(random.normal(9.6, 0.35, 24), random.normal(10.3, 0.35, 24))


LSTM, RESIDUAL, MATCHED = (
    (0.8710, 0.0030, 24), (0.8671, 0.0036, 24), (0.8708, 0.0042, 24)
)  # fmt: skip
ONE, DEEP = (0.8005, 0.0032, 20), (0.7829, 0.0045, 20)
SCENARIOS: dict[str, tuple[bool, Draw]] = {
    "C1a": (True, _means((*LSTM, 1), (*RESIDUAL, -1))),
    "C1b": (False, _means((*LSTM, 1), (*RESIDUAL, -1))),
    "C10a": (True, _means((*RESIDUAL, 1), (*LSTM, -1))),
    "C10b": (True, _means((*MATCHED, 1), (*RESIDUAL, -1))),
    "C12b": (True, _means((0.0469, 0.0030, 24, 1))),
    "C12c": (True, _bimodal),
    "C2": (False, _share(0.20, 48)),
    "C3a": (True, _share(0.95, 24)),
    "C3b": (True, _share(0.95, 24)),
    "C3c": (False, _share(0.05, 48)),
    "C4a": (True, _means((0.1, 0.08, 23, 1))),
    "C4b": (False, _means((-9.0, 0.7, 24, 1))),
    "C4c": (True, _shares((0.95, 24), (0.0, 24))),
    "C8a": (True, _shares((0.97, 24), (0.03, 24))),
    "C8b": (False, _shares((0.03, 24), (0.03, 24))),
    "C8c": (True, _steps),
    "C8d": (False, _means((9.6, 0.35, 24, 1), (10.3, 0.35, 24, -1),
                          (8.3, 0.35, 24, -1), (9.0, 0.35, 24, 1))),
    "C8e": (False, _means((0.0, 0.004, 24, 1), (0.0, 0.004, 24, -1))),
    "C5a": (True, _means((-3.8, 0.12, 20, 1))),
    "C5b": (True, _means((0.22, 0.01, 20, 1), (-3.8, 0.12, 20, -1))),
    "C5c": (True, _means((-11.6, 0.3, 20, 1))),
    "C5d": (False, _means((-11.9, 0.25, 20, 1), (-11.6, 0.3, 20, -1))),
    "C6a": (True, _shares((0.4, 20), (1.0, 20))),
    "C6b": (True, _shares((1.0, 20), (0.4, 20))),
    "C6c": (True, _means((0.208, 0.008, 20, 1), (0.101, 0.015, 20, -1),
                         (0.216, 0.016, 20, -1), (0.181, 0.010, 20, 1))),
    "C7a": (True, _means((0.942, 0.01, 20, 1))),
    "C7b": (False, _means((-0.005, 0.013, 60, 1), (0.0, 0.013, 60, -1))),
    "C7c": (True, _means((0.998, 0.002, 20, 1), (0.12, 0.03, 20, -1))),
    "C7d": (True, _means((1.0, 0.001, 20, 1), (0.12, 0.03, 20, -1))),
    "D2": (True, _means((*DEEP, 1), (*ONE, -1))),
    "D3": (True, _means((0.8049, 0.0071, 15, 1), (0.8033, 0.0038, 15, -1))),
    "C9a": (True, _means((0.0469, 0.0030, 24, 1))),
    "C9b": (False, _means((0.861, 0.0035, 12, 1), (*LSTM, -1))),
    "C9c": (False, _means((-0.07, 0.01, 24, 1))),
    "C11b": (True, _means((0.76, 0.05, 48, 1))),
}  # fmt: skip
"""By part: whether it is true under the assumption, and how its figure is drawn."""


def power(draws: int = DRAWS) -> pd.DataFrame:
    """Return how often each part is decided as its assumption has it.

    Returns:
        One row a part: part, assumed (supported or refuted), median (of the simulated figures),
        alone (share decided so by the 95% interval) and strictest (by an interval of the level that
        Holm's correction demands of the smallest p-value).
    """
    rows = []
    for part in TESTED:
        truth, draw = SCENARIOS[part.identity]
        random = np.random.default_rng([0, sum(map(ord, part.identity))])
        drawn = [draw(random) for _ in range(draws)]
        judged = [part.rule.judge(figure) for figure in drawn]
        rows.append(
            {
                "part": part.identity,
                "assumed": "supported" if truth else part.against,
                "median": float(np.median([figure.estimate for figure in drawn])),
                **{
                    name: float(np.mean([holds is truth and p < alpha for holds, p in judged]))
                    for name, alpha in (("alone", ALPHA), ("strictest", ALPHA / len(TESTED)))
                },
            }
        )
    return pd.DataFrame(rows)


BESIDE_D1 = "Two statements of this report, beside D1."
# The command that the text names is the one by which it was made.
HEAD = """# The second round: what is asked, and by which rules it will be answered

This plan was committed before any run of it was started. It is made from the code
(`python -m lstm_report.round2.plan`), so that the rules below are those that judge. A run counts
only if the commit of the code that made it descends from the commit of this plan.

## Why a second round
The first round is *exploratory*. Its rules were written while runs were seen, three of its verdicts
rest on networks that had learnt nothing, two ask a two-sided question of a one-sided claim, and one
hides direction behind size. What it suggests is asked here again, of new runs with new seeds, by
rules that were fixed beforehand, after a check that each experiment is a test at all. No seed is
added after looking, and no run of the first round is counted again, with one exception: the linear
model over n-grams has nothing random, and is the recorded one.

## What the algebra predicts
With m_t = o_t ⊙ tanh(c_t) and h_t = m_t + F(x_t), where F(x_t) = x_t or W_res x_t:

- **P1, across layers.** h_t of a layer is the input of the next one. The shortcut adds the input to
  it unchanged, so gradients, and what the words are, pass through a stack along the shortcuts.
- **P2, along time.** F(x_t) leads from x_t to h_t alone. From h_{{t-1}} to h_t the residual cell
  has the paths of the LSTM and no other: the gates read
  W_h h_{{t-1}} = W_h m_{{t-1}} + W_h F(x_{{t-1}}), so that one layer is an LSTM over pairs of
  neighbouring words, plus a linear term. Nothing older travels on it: no gain over distance, and
  none to be expected in one layer.
- **P3, depth.** By P1 deep stacks with the shortcut should train where plain ones do not.

The statement of this report, **D1: the shortcut acts across layers and not along time**, is
supported when C5b and C7d are supported and C5d and C7b are refuted; it is refuted when one of the
four is decided the other way.

## How a part is judged
1. Each claim of the source is taken apart into statements that can differ in their truth. A part
   rests on one figure.
2. **The check comes first.** Where it fails, the experiment was no test, and the part is *not
   tested*, whatever the figure says.
3. The part is *supported* or *refuted* when the whole interval of its figure lies in the region
   named, at the level that Holm's correction asks for; else it is *undecided*. Where settings that
   the source does not state may be the reason, the opposite is called *not reproduced*. What
   follows from a calculation is *true by calculation* and not measured.
4. The p-value of a part is the smallest α whose (1 - α) interval decides it. Holm's correction runs
   over all {tested} parts listed below at {alpha:.0%}, those without records or with a failed check
   included.
5. A claim is *supported* when all of its parts are, *refuted* (or *not reproduced*) when all that
   are decided are against it, and *partly supported* when they differ.
6. Differences in accuracy of less than {margin:.1f} points do not matter in practice; a direction
   and a size are separate parts.

**What is estimated.** The expected difference over seeds, on the official 25,000 test reviews taken
as given: this is what the source speaks of. Intervals for new reviews stand beside it and decide
nothing. Runs are not paired by seed: in the first round the accuracies of two models with the same
seed did not go together (correlation -0.56 over ten seeds), so that pairing would cost degrees of
freedom and buy nothing.

**Statistics.** Means and their contrasts: Welch. Shares of runs: Wilson; differences of shares:
Newcombe. Skewed or two-humped figures, and steps that were not enough: Hodges and Lehmann, with the
interval of Mann and Whitney's test. Their coverage and false-positive rates at these sizes are
tests of the code.

## Experiments and sizes
Seeds count from {first}. No seed so high was used in the first round.

| study | question | cells | seeds of each |
|---|---|---|---|
{studies}

Order of running: memory, depth, quick, headline, phrases, gated. `round2/quick` decides no part: it
shows among which pairs of runs a reader's own pair of the quick profile falls.
Trials with seeds 0 to 2 chose the step size and the budgets of the sentences in `round2/memory`, so
that the shortest distance can be learnt; they are not recorded and do not count.
What is recorded beside is exploratory and called so: gradients after training, other distances and
depths, how often one pair of runs shows 1.15 points (all pairs of the headline runs), and which
setting gives the 81% of the source.

"""


def _studies() -> str:
    memory = {
        "question": "What do small networks keep over a distance, and do they learn it?",
        "cells": catalogue.MEMORY_CELLS,
        "seeds": catalogue.MEMORY_SEEDS,
    }
    return "\n".join(
        f"| {name} | {study['question']} | {', '.join(study['cells'])} | {study['seeds']} |"
        for name, study in {catalogue.MEMORY: memory, **catalogue.REGISTERED}.items()
    )


def _part(part: Part, chance: Mapping[Hashable, Any]) -> str:
    rule = part.rule.text(part.unit, part.against)
    shared = (
        f" The hypothesis is that of {part.shares}, and is counted once." if part.shares else ""
    )
    lines = [
        f"### {part.identity}: {part.statement}",
        f"- *Prediction.* {part.prediction}",
        f"- *Experiment.* {part.experiment[0].upper()}{part.experiment[1:]}.",
        f"- *Figure.* {part.what[0].upper()}{part.what[1:]}.",
        f"- *Check.* {part.must[0].upper()}{part.must[1:]}.",
        f"- *Rule.* {rule[0].upper()}{rule[1:]}{shared}",
        f"- *Supported would mean:* {part.if_supported} *{part.against.capitalize()} would mean:* "
        f"{part.if_refuted}",
    ]
    if not part.shares:
        lines.append(
            f"- *Power.* Were the truth {bound(chance['median'], part.unit)}: "
            f"{chance['assumed']} in {chance['alone']:.0%} of studies by its own interval, in "
            f"{chance['strictest']:.0%} at the strictest level of Holm's correction."
        )
    return "\n".join(lines)


def text() -> str:
    """Return the plan in Markdown; its power is read from `results/round2/power.csv`."""
    chances = pd.read_csv(FILE).set_index("part").to_dict("index")
    pieces = [
        HEAD.format(
            tested=len(verdicts.TESTED),
            alpha=ALPHA,
            margin=100 * MARGIN,
            first=catalogue.FIRST_SEED,
            studies=_studies(),
        )
    ]
    titles = {claim.identity: claim.statement for claim in verdicts.CLAIMS} | {"D": BESIDE_D1}
    for identity, title in titles.items():
        pieces.append(f"## {identity}. {title}\n")
        for part in (part for part in verdicts.PARTS if claim_of(part) == identity):
            if isinstance(part, Part):
                pieces.append(_part(part, chances[part.shares or part.identity]))
            else:
                pieces.append(
                    f"### {part.identity}: {part.statement}\nTrue by calculation: {part.where}."
                )
            pieces.append("")
    pieces.append(
        f"## Holm's family\n{len(verdicts.TESTED)} hypotheses: "
        + ", ".join(part.identity for part in verdicts.TESTED)
        + ".\n"
    )
    pieces.append(
        "## Where the power is below nine in ten\n"
        + "".join(
            f"- {name}: {row['alone']:.0%} under the assumption above.\n"
            for name, row in chances.items()
            if row["alone"] < 0.9
        )
        + "More runs of the headline study would cost hours each; these parts may stay undecided, "
        "and no seed is added for them.\n"
    )
    return "\n".join(pieces)


if __name__ == "__main__":
    with paths.atomic_write(FILE) as temporary:
        power().to_csv(temporary, index=False, float_format="%.4g", lineterminator="\n")
