"""C4 and C8: what a cell state keeps, and whether the shortcut helps over long distances.

Small networks, 24 runs of each, measured by `lstm_report.analysis.memory`:

| measure | condition |
|---|---|
| learnt; steps taken | TASK/LENGTH: 1 if learnt within the budget; steps of the optimiser |
| gradient norm of the cell state, distance | adding/LENGTH/STEPS, also “, before training” |

On the headline runs, by `lstm_report.analysis.perturbations`: accuracy, reviews with and without
contrast.
"""

import contextlib
import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from lstm_report.claims import evidence
from lstm_report.claims.admitted import Missing, View
from lstm_report.claims.depth import HALF, LOG, SHARE_MARGIN, decades
from lstm_report.claims.evidence import (
    LSTM,
    RESIDUAL,
    Cell,
    Check,
    Claim,
    Part,
    Rule,
    at_least,
    both_learn,
    by_number,
    by_ranks,
    in_powers,
    inside,
    more_often,
)
from lstm_report.config import MODELS
from lstm_report.data.memory_tasks import TASKS
from lstm_report.figures.evidence import Panel, Shown, shown
from lstm_report.statistics.intervals import MARGIN, Estimate
from lstm_report.statistics.unpaired import Figure, contrast, share_difference, shift
from lstm_report.studies.catalogue import HEADLINE, MEMORY

LEARNT, TAKEN = "learnt", "steps taken"
LEARNT_IN_FIRST_ROUND = 0.95
"""Accuracy from which a run of the first round is drawn as one that learnt."""
ALTHOUGH_BUT, COPY = "accuracy, although-but", TASKS["copy"].measure
ADDING, GUESSED = "adding problem, mean squared error", 1 / 6
CELL_GRADIENT, BEFORE = "gradient norm of the cell state, distance", ", before training"
FARTHEST = 50
"""Steps back at which the gradient by the cell state was measured last in sequences of 100."""
SOONER = -math.log2(1.5)
"""A saving of a third of the steps, in doublings; a smaller one hardly matters."""
SOLVED = 0.9
"""Share of runs that have to learn a task at its shortest."""
CLOSED, OPEN = "{} sentences", "{} sentences, open gates"


def learns(view: View, cell: str, task: str, length: int) -> pd.Series:
    """Return whether each run learnt a task at a length within its budget, by seed."""
    return evidence.measured(view, MEMORY, cell, LEARNT, f"{task}/{length}") == 1


def steps(view: View, cell: str, length: int) -> pd.Series:
    """Return log2 of the steps after which each run had learnt the sentences; infinite if never."""
    taken = evidence.measured(view, MEMORY, cell, TAKEN, f"although-but/{length}")
    found: pd.Series = np.log2(taken).where(learns(view, cell, "although-but", length), np.inf)
    return found


def kept_by_cell_state(view: View, when: str = "") -> pd.Series:
    """Return log10 of the LSTM's gradient by the cell state far back, by that of the last step.

    In the adding problem of 100 steps; after training, of the runs that learnt it.
    """
    places = "adding/100/0", f"adding/100/{FARTHEST}"
    found = decades(view, (MEMORY, "lstm"), CELL_GRADIENT + when, *places)
    if when:
        return found
    return found[learns(view, "lstm", "adding", 100).reindex(found.index, fill_value=False)]


def _share(view: View, cells: tuple[str, ...], task: str, length: int) -> list[float]:
    return [float(learns(view, cell, task, length).mean()) for cell in cells]


def _short_sums_are_learnt(view: View) -> Check:
    shares = _share(view, ("lstm", "rnn"), "adding", 10)
    return Check(
        min(shares) >= SOLVED,
        f"of 10 steps, {shares[0]:.0%} of the LSTMs and {shares[1]:.0%} of the plain networks "
        "learn the adding problem",
    )


def _short_sentences(form: str) -> Callable[[View], Check]:
    def check(view: View) -> Check:
        shares = _share(view, (form.format("lstm"), form.format("reslstm")), "although-but", 5)
        return Check(
            min(shares) >= SOLVED,
            f"with 5 words between the halves, {shares[0]:.0%} of the LSTMs and {shares[1]:.0%} of "
            "the residual LSTMs learn the sentences",
        )

    return check


def _sooner(view: View) -> Figure:
    return shift(*(steps(view, OPEN.format(kind), 100) for kind in ("reslstm", "lstm")))


def _sooner_the_farther(view: View) -> Figure:
    groups = [
        steps(view, OPEN.format(kind), length)
        for length in (100, 5)
        for kind in ("reslstm", "lstm")
    ]
    finite = [group[np.isfinite(group)] for group in groups]
    return contrast(finite, [1, -1, -1, 1])


def contrast_advantage(view: View) -> Figure:
    """Return the residual's lead on reviews with a word of contrast less that on the others."""
    gains = []
    for cell in (RESIDUAL, LSTM):
        with_, without = (
            evidence.measured(view, *cell, f"accuracy, reviews {word} contrast", "")
            for word in ("with", "without")
        )
        gains.append(with_ - without)
    return contrast(gains, [1, -1])


Lines = dict[str, pd.DataFrame]
GROUPS = ("with contrast", "without contrast", "with negation", "without negation")


def _learnt(view: View, cells: dict[str, Cell], task: str) -> Lines:
    """Return whether each run of several cells learnt a task, seeds by the length of the task."""
    found = by_number(view, cells, LEARNT, f"{task}/")
    return {name: table == 1 for name, table in found.items()}


def _sentences(view: View) -> Shown:
    """Draw what was learnt of "although ... but ..." by distance, and after how many steps."""
    x = "words in between"
    panels = []
    for title, form in (("Usual start", CLOSED), ("Gates that start open", OPEN)):
        cells = {kind: (MEMORY, form.format(kind)) for kind in MODELS}
        learnt = _learnt(view, cells, "although-but")
        panels.append(
            Panel(title, x, "accuracy", by_number(view, cells, ALTHOUGH_BUT), percent=True,
                  joined=False, level=("guessing", 0.5), learnt=learnt)
        )  # fmt: skip
    taken = by_number(view, cells, TAKEN, "although-but/")
    panels.append(
        Panel("Gates that start open", x, "steps until learnt", taken, LOG, joined=False,
              learnt=learnt)
    )  # fmt: skip
    return shown(
        panels,
        "Accuracy of every run on sentences “although …, …, but …” by the words between their "
        f"halves (`results/{MEMORY}`), and means of those that learnt, with 95% intervals. Right: "
        "the steps of the optimiser that the runs with open gates took; one that never learnt "
        "stands at its budget of 4,800.",
    )


def _memory(view: View) -> Shown:
    tasks = {kind: (MEMORY, kind) for kind in ("rnn", "lstm")}
    errors = by_number(view, tasks, ADDING)
    gradients: Lines = {}
    for name, when in (("after training", ""), ("at the usual start", BEFORE)):
        gradients |= by_number(view, {name: (MEMORY, "lstm")}, CELL_GRADIENT + when, "adding/100/")
    panels = [
        Panel("Adding problem", "time steps", "mean squared error", errors, joined=False,
              level=("guessing", GUESSED), learnt=_learnt(view, tasks, "adding")),
        Panel("Cell state of the LSTM", "time steps before the last", "norm of the gradient",
              gradients, LOG),
    ]  # fmt: skip
    return shown(
        panels,
        "Error of every run in the adding problem by its length, and the gradient by the LSTM’s "
        f"cell state in sequences of 100 (`results/{MEMORY}`), with means and 95% intervals; those "
        "of errors are of the runs that learnt, and those of gradients are geometric.",
    )


def _open_gates(view: View) -> Shown:
    """Draw accuracy against distance of cells that start with gates that remember."""
    panels = []
    for measure, x, title, chance in (
        (ALTHOUGH_BUT, "words between the two halves", "although …, but …", 0.5),
        (COPY, "words to wait", "Copying", TASKS["copy"].chance),
    ):
        cells = {kind: ("memory", f"{kind} chrono") for kind in MODELS}
        lines = by_number(view, cells, measure)
        learnt = {kind: table >= LEARNT_IN_FIRST_ROUND for kind, table in lines.items()}
        level = f"guessing, {chance:.3g}", chance
        panels.append(
            Panel(title, x, "accuracy", lines, {}, True, level, joined=False, learnt=learnt)
        )
    return shown(
        panels,
        "Exploratory runs of the first round, five a model: the same task, and copying, from gates "
        "that start open (Tallec and Ollivier 2018). Every run, and means of those that learnt, to "
        f"{LEARNT_IN_FIRST_ROUND:.0%}, with 95% intervals.",
    )


def _groups(view: View) -> Shown:
    """Draw what the residual does in reviews with contrast or negation, and in the others."""
    study = evidence.shown_study(view, HEADLINE)
    found = []
    for group in GROUPS:
        with contextlib.suppress(Missing):
            values = [
                evidence.measured(view, study, kind, f"accuracy, reviews {group}", "")
                for kind in reversed(MODELS)
            ]
            interval = contrast(values, [1, -1]).interval
            found.append(Estimate(f"reviews {group}", interval, "points"))
    if not found:
        raise Missing("accuracy on reviews with contrast", f"lstm-report study {study}")
    return evidence.forest(
        found,
        "Accuracy of the residual LSTM minus that of the LSTM on test reviews with and without a "
        "word of contrast (*although*, *but*, *however*, …) or negation in what is read "
        f"(`results/{study}`), with 95% intervals over the seeds.",
    )


_ADDING = "the adding problem of 100 steps, 24 runs; gradient 50 steps before the last by the last"
_SHORT = "nine of ten runs of both kinds learn the adding problem of 10 steps"
_SENTENCES = (
    "“although the acting was dull, …, but the plot was not”, 24 runs of each, 64 units; learnt is "
    "an accuracy of 95%, guessing 50%"
)
_NEAR = "nine of ten runs of both kinds learn the sentences with 5 words between the halves"
PARTS = (
    Part(
        "C4a", "trained, the cell state passes on nearly all",
        "Supported: where the task is learnt the gates are open, and the forget gate, and with "
        "it ∂c_t/∂c_{t-1} along the linear path, is near 1.",
        _ADDING, in_powers("LSTM that learnt, gradient by the cell state"), "decades",
        lambda view: contrast([kept_by_cell_state(view)], [1]),
        inside(-HALF, HALF), _short_sums_are_learnt, _SHORT,
        "A trained LSTM keeps its gradient over 50 steps, to within a factor of two.",
        "Even a trained LSTM loses, or multiplies, its gradient over 50 steps.",
    ),
    Part(
        "C4b", "at the usual start the cell state passes on nearly all",
        "Refuted: f is about one half, so that 50 steps leave some 10⁻⁸.",
        _ADDING, in_powers("LSTM before training, gradient by the cell state"), "decades",
        lambda view: contrast([kept_by_cell_state(view, BEFORE)], [1]),
        inside(-HALF, HALF), _short_sums_are_learnt, _SHORT,
        "The linear path keeps memory by its form alone.",
        "The linear path makes memory possible; training, or the initial biases, has to open it.",
    ),
    Part(
        "C4c", "a plain recurrent network loses it",
        "Supported: no exploratory plain network learnt 50 steps, every LSTM learnt 100.",
        "the adding problem of 100 steps, 24 runs of each; learnt is an error of a tenth of "
        "guessing", "runs that learn, LSTM minus plain network", "percent",
        lambda view: share_difference(
            *(learns(view, cell, "adding", 100).tolist() for cell in ("lstm", "rnn"))
        ),
        more_often(SHARE_MARGIN), _short_sums_are_learnt, _SHORT,
        "The LSTM remembers where a plain network does not.",
        "A plain network remembers as well.",
    ),
    Part(
        "C8a", "an LSTM struggles with distance",
        "Supported from the usual start: in trials all learnt 5 words and none 20.",
        _SENTENCES + "; usual start, at most 9,600 steps",
        "LSTMs that learn, 5 words between the halves minus 20", "percent",
        lambda view: share_difference(
            *(learns(view, CLOSED.format("lstm"), "although-but", n).tolist() for n in (5, 20))
        ),
        more_often(SHARE_MARGIN), _short_sentences(CLOSED), _NEAR,
        "Some words between the halves keep an LSTM from learning the sentence.",
        "Distance does not keep an LSTM from learning the sentence.",
    ),
    Part(
        "C8b", "the residual LSTM learns more often what lies farther apart",
        "Refuted: nothing older than x_t travels on the shortcut (P2).",
        _SENTENCES + "; usual start, 10 words, at most 9,600 steps",
        "runs that learn 10 words, residual LSTM minus LSTM", "percent",
        lambda view: share_difference(
            *(learns(view, CLOSED.format(kind), "although-but", 10).tolist()
              for kind in ("reslstm", "lstm"))
        ),
        more_often(SHARE_MARGIN), _short_sentences(CLOSED), _NEAR,
        "The shortcut helps over distance.", "The shortcut does not help over distance.",
    ),
    Part(
        "C8c", "the residual LSTM learns them sooner",
        "Supported: in trials with open gates it took 600 to 900 steps where the LSTM took 1,200 "
        "to 1,500, at 100 words. The algebra does not predict it.",
        _SENTENCES + "; gates that start open, 100 words, at most 4,800 steps",
        by_ranks("steps until learnt, residual LSTM by LSTM"), "doublings",
        _sooner, Rule(below=0.0, refuted_above=SOONER), _short_sentences(OPEN), _NEAR,
        "The shortcut speeds learning up.", "The shortcut saves less than a third of the steps.",
    ),
    Part(
        "C8d", "it saves more, the farther apart the halves are",
        "Refuted, if what it saves is no matter of distance; no trial tells.",
        _SENTENCES + "; gates that start open, 100 words and 5, of the runs that learnt",
        "steps until learnt, residual LSTM by LSTM, 100 words minus 5", "doublings",
        _sooner_the_farther, Rule(below=0.0, refuted_above=SOONER), _short_sentences(OPEN), _NEAR,
        "The shortcut shortens the path of what is far away.",
        "What the shortcut saves is no matter of distance.",
    ),
    Part(
        "C8e", "the residual LSTM is ahead where reviews set one thing against another",
        "Refuted: the exploratory runs lost as much on reviews with words of contrast.",
        "the headline runs, test reviews with a word such as “although”, “but”, “however” among "
        "those that are read, and without",
        "accuracy, residual LSTM minus LSTM, with contrast minus without", "points",
        contrast_advantage, at_least(MARGIN), both_learn, "a mean accuracy above 85% of both",
        "On real reviews the shortcut helps with contrast.",
        "On real reviews the shortcut does not help with contrast by half a point.",
    ),
)  # fmt: skip
"""The parts of the two claims."""
CLAIMS = (
    Claim(
        "C4",
        "the cell state keeps memory, a plain RNN does not",
        "The cell state passes information through time nearly unchanged: its linear path keeps "
        "memory. Plain RNNs lose it.",
        "The part that is kept was a mean over lengths that were learnt and one that was not, and "
        "growth counted as keeping. It is judged in runs that learnt now, on both sides, and at "
        "the start of training beside.",
        (_memory,),
    ),
    Claim(
        "C8",
        "the shortcut helps over long distances",
        "LSTMs struggle with long-distance relations such as “although … but …”; the residual "
        "path shortens the information path and recognises them better.",
        "No network had learnt the sentences at any distance, so that nothing was tested. They "
        "train until the shortest distance is learnt now, from the usual start and from open "
        "gates, and runs that learn are counted.",
        (_sentences, _groups),
        (_open_gates,),
    ),
)
"""The two claims."""
