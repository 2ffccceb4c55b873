"""A network averaged with the linear model over n-grams, by a weight that validation chooses.

z = (1 - w) z₁ + w z₂ of the logits z₁ of a network and z₂ of the linear model, which was fitted on
the same training reviews. Source: Mesnil et al. (2015), ICLR workshop, for the idea and the grid.
"""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lstm_report.analysis.measurements import Entry, Key
from lstm_report.config import DataConfig
from lstm_report.data.prepared import prepare, split_rows
from lstm_report.data.sources import Source
from lstm_report.training import baselines
from lstm_report.training.baselines import LINEAR
from lstm_report.training.runs import Run

CELL = "nb-weighted n-grams"
"""The linear model, a key of `lstm_report.training.baselines.LINEAR`."""
WEIGHTS = np.linspace(0, 1, 21)
"""The weights w that are tried."""
VALIDATION = "validation accuracy, averaged with n-grams"
"""Its condition is the weight w."""
WEIGHT: Key = ("weight of the n-grams", "")
SECONDS: Key = ("seconds of training, n-grams", "")
ACCURACY: Key = ("accuracy, averaged with n-grams", "")
"""On the test reviews, by the chosen weight."""


class Linear(NamedTuple):
    """What the linear model of a split says, in logits."""

    validation: np.ndarray
    """(M,) of the validation reviews."""
    test: np.ndarray
    """(N,) of the test reviews."""
    seconds: float
    """How long it took to fit."""


class Choice(NamedTuple):
    """A weight, and what it was chosen by."""

    weight: float
    accuracies: np.ndarray
    """Accuracy on the validation reviews by each of `WEIGHTS`."""


def average(network: np.ndarray, linear: np.ndarray, weight: float) -> np.ndarray:
    """Return (1 - w) z₁ + w z₂ of two arrays of logits of the same shape."""
    return (1 - weight) * network + weight * linear


def choose(network: np.ndarray, linear: np.ndarray, labels: np.ndarray) -> Choice:
    """Return the weight of `WEIGHTS` whose average judges the most reviews rightly.

    Among equals the one of the least cross-entropy is taken, and the smallest of those.

    Args:
        network, linear: logits of the validation reviews, (M,).
        labels: (M,) of 0 and 1.
    """
    signs = 2 * np.asarray(labels) - 1
    logits = np.stack([average(network, linear, weight) for weight in WEIGHTS])
    right = ((logits > 0) == (signs > 0)).sum(axis=1)
    loss = np.logaddexp(0, -signs * logits).mean(axis=1)
    best = np.lexsort((WEIGHTS, loss, -right))[0]
    return Choice(float(WEIGHTS[best]), right / len(signs))


class NGrams:
    """The linear model of each split, fitted once."""

    def __init__(self, source: Source) -> None:
        """Take the reviews that the runs were trained with."""
        self.source = source
        self._fitted: dict[DataConfig, Linear] = {}

    def fitted(self, config: DataConfig) -> Linear:
        """Return the model of the split of a configuration."""
        # Of a configuration only the split matters: the linear model reads whole reviews.
        keys = "validation_fraction", "train_limit", "split_seed"
        key = dataclasses.replace(DataConfig(), **{name: getattr(config, name) for name in keys})
        if key not in self._fitted:
            rows = split_rows(self.source, config)
            train = self.source.train.take(rows["train-rows"])
            validation = self.source.train.take(rows["validation-rows"])
            model = baselines.linear_baseline(
                train, validation, self.source.test, **LINEAR[CELL]._asdict()
            )
            said, seconds = model.judge(validation.texts), model.seconds - model.test_seconds
            self._fitted[key] = Linear(said, model.logits, seconds)
        return self._fitted[key]


def measures(run: Run, n_grams: NGrams) -> Iterator[Entry]:
    """Yield what comes of averaging a run with the n-grams; `ACCURACY` is the last.

    The validation reviews choose the weight, and the test reviews are judged with that one alone.
    """
    from lstm_report.training.evaluate import logits_of

    prepared = prepare(n_grams.source, run.config.data)
    network = logits_of(run.load_model(), prepared.validation).numpy().astype(np.float64)
    linear = n_grams.fitted(run.config.data)
    labels = np.asarray(prepared.validation.reviews.labels)
    choice = choose(network, linear.validation, labels)
    for weight, accuracy in zip(WEIGHTS, choice.accuracies, strict=True):
        yield (VALIDATION, f"{weight:.2f}"), (float(accuracy), len(labels))
    yield SECONDS, (linear.seconds, len(prepared.train))
    yield WEIGHT, (choice.weight, len(labels))
    test = average(run.predictions["logit"].to_numpy(np.float64), linear.test, choice.weight)
    right = (test > 0) == (run.predictions["label"].to_numpy() == 1)
    yield ACCURACY, (float(right.mean()), len(right))
