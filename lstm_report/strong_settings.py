"""What the study `strong` compares: one recurrent layer per direction, with what is known to help.

The settings are found first. The study `tuning` trains both kinds of layer in each of `TRIALS`, the
same for both, and so with the same budget; what they reach on the validation reviews chooses the
trial of each kind, on the labelled reviews alone and from word vectors that were learnt from the
unlabelled ones too (`CHOSEN`, which `lstm_report.strong.best_trials` finds in the records). The
study `strong` then trains these with more seeds. The test reviews have no part in the choice.
"""

from typing import Any

from lstm_report.config import MODELS

NAME, TUNING = "strong", "tuning"
"""The studies."""

SETTINGS: dict[str, Any] = {
    # The last 400 tokens of a review: Miyato et al. (2017), section 4.1. The vocabulary and both
    # directions: Johnson and Zhang (2016), ICML.
    "data.max_length": 400,
    "data.vocabulary_size": 30_000,
    "model.bidirectional": True,
    "model.normalised_embedding": True,
    "model.embedding_dropout": 0.2,
    "model.dropout": 0.5,
    # I = H, so that F(x) = x, and both kinds of layer have the same number of weights.
    "model.embedding_size": 128,
    "model.hidden_size": 128,
    # Word vectors of variance 1 need long steps: at 0.001 they are learnt too slowly.
    "training.learning_rate": 3e-3,
    "training.schedule": "linear",
    "training.epochs": 5,
}
"""What all runs of both studies share, unless a trial sets it otherwise."""

MAX, MEAN = {"model.readout": "max"}, {"model.readout": "mean"}
# Half of the embedding dropped: Miyato et al. (2017), section 4.1.
MORE_DROPOUT = {"model.embedding_dropout": 0.5, "model.word_dropout": 0.1}
WHOLE = {"data.max_length": 1000}
# ε = 5 on normalised word vectors: Miyato et al. (2017), section 4.1.
ADVERSARIAL = {"training.adversarial": 5.0}
LONGER = {"training.epochs": 8}
# The step size of the source report.
SHORT_STEPS = {"training.learning_rate": 1e-3, "training.epochs": 12}
VECTORS = {"training.vectors": "in-domain"}
TRIALS: dict[str, dict[str, Any]] = {
    "max + more dropout + short steps": {**MAX, **MORE_DROPOUT, **SHORT_STEPS},
    "max": MAX,
    "mean": MEAN,
    "max + whole review": {**MAX, **WHOLE},
    "mean + whole review + more dropout": {**MEAN, **WHOLE, **MORE_DROPOUT},
    "max + adversarial": {**MAX, **ADVERSARIAL},
    "mean + adversarial": {**MEAN, **ADVERSARIAL},
    "mean + whole review + adversarial + longer": {**MEAN, **WHOLE, **ADVERSARIAL, **LONGER},
    "vectors + max": {**VECTORS, **MAX},
    "vectors + mean": {**VECTORS, **MEAN},
    "vectors + max + whole review + more dropout": {**VECTORS, **MAX, **WHOLE, **MORE_DROPOUT},
    "vectors + mean + whole review + adversarial + longer": {
        **VECTORS, **MEAN, **WHOLE, **ADVERSARIAL, **LONGER,
    },
    "vectors + max + whole review + more dropout + adversarial": {
        **VECTORS, **MAX, **WHOLE, **MORE_DROPOUT, **ADVERSARIAL,
    },
    "vectors + mean + whole review + more dropout + adversarial + longer": {
        **VECTORS, **MEAN, **WHOLE, **MORE_DROPOUT, **ADVERSARIAL, **LONGER,
    },
}  # fmt: skip
"""What was tried of each kind of layer, with one seed."""

CHOSEN: dict[str, dict[bool, str]] = {
    "lstm": {
        False: "mean + whole review + adversarial + longer",
        True: "vectors + max + whole review + more dropout",
    },
    "reslstm": {
        False: "mean + whole review + adversarial + longer",
        True: "vectors + mean + whole review + more dropout + adversarial + longer",
    },
}
"""The trial of the highest validation accuracy by kind, without and with word vectors learnt."""


def tuning_cells() -> dict[str, dict[str, Any]]:
    """Return the settings of each cell of the study `tuning` by its label, beside `SETTINGS`."""
    return {
        f"{kind} {trial}": {"model.kind": kind, **settings}
        for trial, settings in TRIALS.items()
        for kind in MODELS
    }


def cells() -> dict[str, dict[str, Any]]:
    """Return the settings of each cell of the study `strong` by its label, beside `SETTINGS`."""
    return {
        f"{kind} {name}": {"model.kind": kind, **TRIALS[CHOSEN[kind][vectors]]}
        for vectors, name in ((False, "tuned"), (True, "vectors"))
        for kind in MODELS
    }
