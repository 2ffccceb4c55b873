"""C9: whether IMDB rests on local features, needs order over a distance, or evidence from all over.

On the headline runs, by `lstm_report.analysis.perturbations`: accuracy on the last words of each
review.
"""

import contextlib

import pandas as pd

from lstm_report.analysis import perturbations
from lstm_report.analysis.perturbations import INTACT, LAST
from lstm_report.claims import evidence
from lstm_report.claims.accuracy import N_GRAMS, n_grams_minus_lstm
from lstm_report.claims.admitted import Missing, View
from lstm_report.claims.evidence import (
    BOTH_MODELS,
    LSTM,
    Check,
    Claim,
    Part,
    at_least,
    both_learn,
    lead,
)
from lstm_report.figures.evidence import Panel, Shown, shown
from lstm_report.statistics.intervals import MARGIN
from lstm_report.statistics.unpaired import Figure, contrast
from lstm_report.studies.catalogue import HEADLINE, PHRASE, PHRASES

SHUFFLED = (PHRASES, "lstm phrases")
FEW = "50"
"""Words of a review's end that are few beside the 256 that the models read."""
LEARNS = 0.8


def _phrases_are_learnt(view: View) -> Check:
    mean = evidence.accuracy(view, *SHUFFLED).mean()
    known = both_learn(view)
    return Check(
        known.holds and mean > LEARNS,
        f"{known.text}; on shuffled phrases {mean:.1%}, {LEARNS:.0%} demanded",
    )


def _last_words(view: View) -> Figure:
    few, whole = (evidence.measured(view, *LSTM, *key) for key in ((LAST, FEW), INTACT))
    return contrast([few - whole], [1])


def _ends(view: View) -> Shown:
    """Draw the accuracy on the first or last words of each review."""
    study = evidence.shown_study(view, HEADLINE)
    cells = {kind: (study, kind) for kind in ("lstm", "reslstm")}
    panels = []
    for measure, title in (
        (perturbations.FIRST, "First words"),
        (perturbations.LAST, "Last words"),
    ):
        with contextlib.suppress(Missing):
            lines = evidence.by_number(view, cells, measure)
            panels.append(
                Panel(title, "words kept", "accuracy", lines, {"xscale": "log"}, percent=True)
            )
    if not panels:
        raise Missing(perturbations.LAST, f"lstm-report study {study}")
    return shown(
        panels,
        "Accuracy when only the first or the last words of a review are read "
        f"(`results/{study}`). Every seed, and means with 95% intervals.",
    )


def _order(view: View) -> Shown:
    names = {"in order": LSTM, "phrases in random order": SHUFFLED}
    found = pd.DataFrame({name: evidence.accuracy(view, *cell) for name, cell in names.items()})
    panel = Panel("", "reviews", "test accuracy", {"lstm": found}, percent=True, joined=False,
                  level=("linear model over n-grams", _linear(view)))  # fmt: skip
    return shown(
        [panel],
        f"Test accuracy of every LSTM that was trained and tested on reviews in order, or with "
        f"phrases of {PHRASE} words in random order, and means with 95% intervals.",
    )


def _linear(view: View) -> float:
    return float(view.rows(*N_GRAMS)["test_accuracy"].iloc[0])


def _windows(view: View) -> Shown:
    """Draw the accuracy of models trained on reviews in order, on windows in random order."""
    lines = {}
    for kind in ("lstm", "reslstm"):
        table = view.measured("headline", kind, perturbations.SHUFFLED)
        order = sorted(map(str, table), key=lambda name: (name == "all", name.zfill(9)))
        lines[kind] = table[order]
    panel = Panel("", "words that stay together", "accuracy", lines, percent=True,
                  level=("linear model over n-grams", _linear(view)))  # fmt: skip
    return shown(
        [panel],
        "Accuracy when a review is cut into windows of so many words, which are read in random "
        "order, by models trained on reviews in order; *all* is the review as it stands "
        "(`results/headline`). Every seed, and means with 95% intervals.",
    )


def _edits(view: View) -> Shown:
    """Draw the accuracy on reviews before and after a person turned them."""
    names = {
        "before": perturbations.ORIGINALS,
        "after": perturbations.EDITS,
        "both of a pair": perturbations.CONSISTENCY,
    }
    lines = {
        kind: pd.DataFrame(
            {name: evidence.measured(view, "locality", kind, *key) for name, key in names.items()}
        )
        for kind in ("lstm", "reslstm")
    }
    panel = Panel("", "reviews judged", "right", lines, percent=True, joined=False)
    return shown(
        [panel],
        "Reviews that a person edited, a few words each, until their label turned (Kaushik et al. "
        "2020): accuracy before and after, and pairs with both right, by models trained without "
        "them. Every run, and means over the seeds with 95% intervals.",
    )


PARTS = (
    Part(
        "C9a", "words and short phrases are enough",
        "Supported: they were ahead of the LSTM by 4.7 points, and of the tuned one by 0.7.",
        "a linear model over 1- to 3-grams of whole reviews beside the LSTM of the source's "
        "setting", "accuracy, linear model over n-grams minus LSTM", "points",
        n_grams_minus_lstm, at_least(-MARGIN), both_learn, BOTH_MODELS,
        "Nothing that the LSTM reads beyond short phrases is needed to reach its accuracy.",
        "Short phrases do not reach what the LSTM reaches.",
    ),
    Part(
        "C9b", "the order over a longer distance matters little",
        "Open: an LSTM trained on reviews in order lost 3.1 points on shuffled phrases, but had "
        "never seen such; one that is trained on them may lose less.",
        f"LSTMs trained and tested on reviews whose phrases of {PHRASE} words stand in random "
        "order, 12 runs, beside the LSTM on reviews in order, 24 runs",
        "accuracy of the LSTM, shuffled phrases minus reviews in order", "points",
        lead(SHUFFLED, LSTM), at_least(-MARGIN), _phrases_are_learnt,
        BOTH_MODELS + ", and above 80% on shuffled phrases",
        "Order beyond five words is worth less than half a point.",
        "Order beyond five words is worth more than half a point.",
    ),
    Part(
        "C9c", "evidence need not be gathered over a long way",
        "Refuted: with the last 50 of 256 words the exploratory runs lost 7 points.",
        f"the headline LSTMs, which read the last {FEW} words or all 256, on 5,000 test reviews",
        f"accuracy of the LSTM, last {FEW} words minus all", "points",
        _last_words, at_least(-MARGIN), both_learn, BOTH_MODELS,
        "The end of a review is enough.",
        "Single words decide, but they have to be gathered over the whole review, which is memory.",
    ),
)  # fmt: skip
"""The parts of the claim."""
CLAIMS = (
    Claim(
        "C9",
        "IMDB rests on local features",
        "IMDB sentiment rests mainly on local features, words such as “great performance” or "
        "“terrible plot”, and needs little long-range memory.",
        "Order was asked for and called memory, of a model that had never seen shuffled phrases. "
        "Now one is trained on them, and gathering evidence over the review, which is memory, is "
        "a part of its own.",
        (_order, _ends),
        (_windows, _edits),
    ),
)
"""The claim."""
