"""C9: whether IMDB rests on local features, needs order over a distance, or evidence from all over.

On the headline runs, by `lstm_report.locality`: accuracy on the last words of each review.
"""

from lstm_report.archive import View
from lstm_report.decisions import MARGIN
from lstm_report.locality import INTACT, LAST
from lstm_report.round2 import evidence
from lstm_report.round2.accuracy import BOTH_MODELS, n_grams_minus_lstm
from lstm_report.round2.evidence import LSTM, both_learn
from lstm_report.round2.parts import Check, Part, at_least
from lstm_report.round2.settings import PHRASE, PHRASES
from lstm_report.unpaired import Figure, contrast

SHUFFLED = (PHRASES, "lstm phrases")
FEW = "50"
"""Words of a review's end that are few beside the 256 that the models read."""
LEARNS = 0.8


def _phrases(view: View) -> Figure:
    return contrast([evidence.accuracy(view, *cell) for cell in (SHUFFLED, LSTM)], [1, -1])


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
        _phrases, at_least(-MARGIN), _phrases_are_learnt,
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
