"""The studies that look for good settings of one recurrent layer, and those that were taken.

Each trial is made of both kinds of layer, with one seed. The best of each kind by validation, with
and without the unlabelled reviews, goes on to more seeds and is then read on the test reviews.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_report.config import MODELS, RunConfig
from lstm_report.studies.study import Cell, Study, change

STRONG_SETTINGS: dict[str, Any] = {
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
"""What all runs share, unless a trial sets it otherwise."""

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
STRONG_TRIALS: dict[str, dict[str, Any]] = {
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

TOP_SETTINGS: dict[str, Any] = {
    **{key: value for key, value in STRONG_SETTINGS.items() if key != "model.normalised_embedding"},
    # As many words as in the linear model that it is to be better than.
    "model.evidence": 3,
    "model.readout": "mean and max",
    "training.average": 0.995,
    "training.epochs": 4,
}
_TAUGHT = {
    "model.embedding_dropout": 0.3,
    "model.evidence_dropout": 0.1,
    "training.learning_rate": 2e-3,
}
_ONCE, _TWICE = ({**_TAUGHT, "training.self_training": rounds} for rounds in (1, 2))
TOP_TRIALS: dict[str, dict[str, Any]] = {
    "evidence": {},
    "evidence, last weights": {"training.average": 0.0},
    "evidence + more dropout": {"model.embedding_dropout": 0.5, "model.evidence_dropout": 0.2},
    "evidence + whole review": WHOLE,
    "evidence + short steps": {"training.learning_rate": 1e-3, "training.epochs": 6},
    "evidence + adversarial": {
        **ADVERSARIAL, "model.normalised_embedding": True, "training.epochs": 6,
    },
    "taught once": _ONCE,
    "taught twice": _TWICE,
    "taught twice + whole review": {**_TWICE, **WHOLE},
}  # fmt: skip


@dataclass(frozen=True)
class Search:
    """Trials of settings, those that were taken, and what they were to reach."""

    name: str
    """The study of what was taken."""
    tuning: str
    """The study of the trials."""
    question: str
    settings: Mapping[str, Any]
    """What all runs of both studies share, unless a trial sets it otherwise."""
    trials: Mapping[str, Mapping[str, Any]]
    """What was tried of each kind of layer, with one seed."""
    chosen: Mapping[str, Mapping[bool, str]]
    """The trial of the highest validation accuracy by kind, without and with the unlabelled
    reviews."""
    labels: tuple[str, str]
    """How what was taken is called, without and with the unlabelled reviews."""
    goals: tuple[float, float]
    """Test accuracy of a single network to be reached, without and with them."""
    words: Mapping[str, str]
    """What the words in the names of the trials mean."""
    shared: str = ""
    """The word that stands in the names for what all trials have."""

    def reads_unlabelled(self, trial: str) -> bool:
        """Return whether the runs of a trial learn from the unlabelled reviews."""
        return change(RunConfig(), {**self.settings, **self.trials[trial]}).reads_unlabelled

    def words_of(self, trial: str) -> list[str]:
        """Return the words in the name of a trial, without the one that all share."""
        return [word for word in re.split(r" \+ |, ", trial) if word != self.shared]

    def studies(self) -> tuple[Study, Study]:
        """Return the study of the trials, and that of what was taken."""
        trials = tuple(
            Cell(f"{kind} {trial}", {"model.kind": kind, **settings})
            for trial, settings in self.trials.items()
            for kind in MODELS
        )
        taken = tuple(
            Cell(f"{kind} {label}", {"model.kind": kind, **self.trials[self.chosen[kind][with_]]})
            for with_, label in zip((False, True), self.labels, strict=True)
            for kind in MODELS
        )
        tried = "Which settings of one recurrent layer does validation prefer?"
        return (
            Study(self.tuning, tried, "source", trials, seeds=1, settings=self.settings),
            Study(self.name, self.question, "source", taken, seeds=3, settings=self.settings),
        )


_USUAL, _DROPPED = STRONG_SETTINGS, TOP_TRIALS["evidence + more dropout"]
_WHOLE = f"up to {WHOLE['data.max_length']:,} tokens, else {STRONG_SETTINGS['data.max_length']}"
_STEP, _EPOCHS = "training.learning_rate", "training.epochs"


def _short(steps: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    return f"{steps[_STEP]:g}, else {usual[_STEP]:g}, and {steps[_EPOCHS]} epochs"


STRONG = Search(
    name="strong",
    tuning="tuning",
    question="How far does one recurrent layer go without outside data?",
    settings=STRONG_SETTINGS,
    trials=STRONG_TRIALS,
    chosen={
        "lstm": {
            False: "mean + whole review + adversarial + longer",
            True: "vectors + max + whole review + more dropout",
        },
        "reslstm": {
            False: "mean + whole review + adversarial + longer",
            True: "vectors + mean + whole review + more dropout + adversarial + longer",
        },
    },
    labels=("tuned", "vectors"),
    goals=(0.919, 0.93),
    words={
        "max, mean": "what is read of all states",
        "more dropout": f"{MORE_DROPOUT['model.embedding_dropout']:.0%} of the coordinates and "
        f"{MORE_DROPOUT['model.word_dropout']:.0%} of the words are dropped, "
        f"else {_USUAL['model.embedding_dropout']:.0%} and none",
        "whole review": _WHOLE,
        "longer": f"{LONGER[_EPOCHS]} epochs, else {_USUAL[_EPOCHS]}",
        "short steps": _short(SHORT_STEPS, _USUAL),
    },
)
TOP = Search(
    name="top",
    tuning="top-tuning",
    question="Does one recurrent layer pass the linear model whose evidence it reads?",
    settings=TOP_SETTINGS,
    trials=TOP_TRIALS,
    chosen={kind: {False: "evidence", True: "taught once"} for kind in MODELS},
    labels=("evidence", "self-trained"),
    goals=(0.925, 0.935),
    shared="evidence",
    words={
        "evidence": "that of n-grams of up to three words is added to the word vectors, and the "
        f"weights are averaged with a decay of {TOP_SETTINGS['training.average']:g}",
        "last weights": "they are not averaged",
        "more dropout": f"{_DROPPED['model.embedding_dropout']:.0%} of the coordinates and "
        f"{_DROPPED['model.evidence_dropout']:.0%} of the evidence are dropped, "
        f"else {TOP_SETTINGS['model.embedding_dropout']:.0%} and none",
        "whole review": _WHOLE,
        "short steps": _short(TOP_TRIALS["evidence + short steps"], TOP_SETTINGS),
        "taught once, twice": "how often a model labels the unlabelled reviews for the next one; "
        f"with steps of {_TAUGHT[_STEP]:g}, {_TAUGHT['model.embedding_dropout']:.0%} of the "
        f"coordinates and {_TAUGHT['model.evidence_dropout']:.0%} of the evidence dropped",
    },
)
SEARCHES = {search.name: search for search in (STRONG, TOP)}
