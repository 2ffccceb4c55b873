"""A network averaged with the linear model over n-grams, by a weight that validation chooses.

z = (1 - w) z₁ + w z₂ of the logits z₁ of a network and z₂ of the linear model, which was fitted on
the same training reviews. Source: Mesnil et al. (2015), ICLR workshop, for the idea and the grid.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lstm_report.analysis.perturbations import Entry, Key
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


class Logits(NamedTuple):
    """What a model says of the validation and of the test reviews, (M,) and (N,)."""

    validation: np.ndarray
    test: np.ndarray


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
        self._fitted: dict[DataConfig, tuple[Logits, float]] = {}

    def fitted(self, config: DataConfig) -> tuple[Logits, float]:
        """Return the logits for the split of a configuration, and the seconds it took to fit."""
        # Of a configuration only the split matters: the linear model reads whole reviews.
        keys = "validation_fraction", "train_limit", "split_seed"
        key = dataclasses.replace(DataConfig(), **{name: getattr(config, name) for name in keys})
        if key not in self._fitted:
            rows, linear = split_rows(self.source, config), LINEAR[CELL]
            train, validation = (
                self.source.train.take(rows[part]) for part in ("train-rows", "validation-rows")
            )
            started = time.perf_counter()
            model = baselines.linear_baseline(
                train,
                validation,
                self.source.test,
                features=linear.features,
                ngrams=linear.ngrams,
            )
            seconds = time.perf_counter() - started - model.test_seconds
            self._fitted[key] = Logits(model.judge(validation.texts), model.logits), seconds
        return self._fitted[key]


def measures(run: Run, n_grams: NGrams) -> Iterator[Entry]:
    """Yield what comes of averaging a run with the n-grams; `ACCURACY` is the last.

    The validation reviews choose the weight, and the test reviews are judged with that one alone.
    """
    from lstm_report.training.evaluate import logits_of

    prepared = prepare(n_grams.source, run.config.data)
    validation = logits_of(run.load_model(), prepared.validation).numpy().astype(np.float64)
    network = Logits(validation, run.predictions["logit"].to_numpy(np.float64))
    linear, seconds = n_grams.fitted(run.config.data)
    labels = np.asarray(prepared.validation.reviews.labels)
    choice = choose(network.validation, linear.validation, labels)
    for weight, accuracy in zip(WEIGHTS, choice.accuracies, strict=True):
        yield (VALIDATION, f"{weight:.2f}"), (float(accuracy), len(labels))
    yield SECONDS, (seconds, len(prepared.train))
    yield WEIGHT, (choice.weight, len(labels))
    right = (average(network.test, linear.test, choice.weight) > 0) == (
        run.predictions["label"].to_numpy() == 1
    )
    yield ACCURACY, (float(right.mean()), len(right))
