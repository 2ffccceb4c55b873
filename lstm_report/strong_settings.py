"""What the study `strong` compares: one recurrent layer per direction, with what is known to help.

Both kinds of layer have the same settings, none of which was tried on the test reviews, and so the
same budget. Each can be trained on the labelled reviews alone or from word vectors that were learnt
from the unlabelled ones too, and each of these with and without adversarial training: which of the
two, is chosen on validation, see `lstm_report.strong`.
"""

from typing import Any

from lstm_report.config import MODELS

EPSILON = 5.0
"""ε of adversarial training on normalised word vectors; Miyato et al. (2017), section 4.1."""

SETTINGS: dict[str, Any] = {
    # The last 400 tokens of a review and half of the embedding dropped: Miyato et al. (2017),
    # section 4.1. The vocabulary, both directions and the maximum over time: Johnson and Zhang
    # (2016), ICML.
    "data.max_length": 400,
    "data.vocabulary_size": 30_000,
    "model.bidirectional": True,
    "model.readout": "max",
    "model.normalised_embedding": True,
    "model.embedding_dropout": 0.5,
    "model.word_dropout": 0.1,
    "model.dropout": 0.5,
    # I = H, so that F(x) = x, and both kinds of layer have the same number of weights.
    "model.embedding_size": 128,
    "model.hidden_size": 128,
    "training.schedule": "linear",
    "training.epochs": 12,
}


def _cells() -> dict[str, dict[str, Any]]:
    found = {}
    for words, vectors in (("", {}), (" vectors", {"training.vectors": "in-domain"})):
        for more, adversarial in (("", {}), (" adversarial", {"training.adversarial": EPSILON})):
            for kind in MODELS:
                found[f"{kind}{words}{more}"] = {"model.kind": kind, **vectors, **adversarial}
    return found


CELLS = _cells()
"""The settings of each cell by its label."""
