"""Linear probes: which words a classifier's states still hold, some layers above and steps later.

Shapes: B batch, T time, E embedding, H hidden size. Layers are numbered from 1, the one that reads
the word vectors, which count as layer 0.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lstm_report.analysis.gates import Layer, unroll
from lstm_report.analysis.measurements import Found
from lstm_report.config import UNK
from lstm_report.data.prepared import Batch, PreparedData, Split, batch_of
from lstm_report.models.classifier import SentimentClassifier

READ_BACK = (0, 1, 2, 5, 10)
"""Steps between a word and the state that is to give it back."""
WORDS = 20
"""The most frequent words, which the probe of words tells apart."""
PROBED = 3_000
"""Reviews that the probes read; a third of them is held out."""
TOGETHER = 250
"""Reviews whose states are computed together."""
WORD = "input word read back"
EACH = (90, 45)
"""States of each word that a probe learns from, and is tested on."""


def some(split: Split, count: int) -> Batch:
    """Return at most `count` reviews, spread evenly: IMDB's test reviews are sorted by label."""
    rows = np.linspace(0, len(split) - 1, min(count, len(split))).astype(int)
    return batch_of(split, torch.from_numpy(rows))


def states(model: SentimentClassifier, batch: Batch) -> tuple[Tensor, list[Layer]]:
    """Return the word vectors, (T, B, E), and every state of every layer; see `unroll`.

    Without dropout. T is the length of the longest review of the batch.
    """
    words = model.embed(batch.tokens[:, : int(batch.lengths.max())]).transpose(0, 1)
    return words, unroll(model.recurrent, words)


class Places(NamedTuple):
    """Words that stand in reviews and the states some steps later; M of them."""

    review: np.ndarray
    """(M,) the review, by its row in a batch."""
    step: np.ndarray
    """(M,) the step of the state that is to give the word back."""
    label: np.ndarray
    """(M,) what is to be told: the class of the word."""
    classes: int
    """How many classes there are."""


def places(batch: Batch, classes: Mapping[int, int], distance: int) -> Places:
    """Return every state that has a word of the given classes `distance` steps before it.

    Args:
        batch: reviews.
        classes: class, from 0, of each token number that counts.
        distance: steps between the word and the state, 0 for the state that has just read it.
    """
    tokens, lengths = batch.tokens.numpy(), batch.lengths.numpy()
    table = np.full(int(tokens.max()) + 1, -1)
    for token, entry in classes.items():
        if token < len(table):
            table[token] = entry
    width = max(tokens.shape[1], distance)
    of_word = table[tokens[:, : width - distance]]  # (B, T - distance)
    step = np.arange(distance, width)
    review, column = np.nonzero((of_word >= 0) & (step < lengths[:, None]))
    label = of_word[review, column]
    return Places(review, step[column], label, max(classes.values(), default=-1) + 1)


def probe(
    features: np.ndarray, found: Places, each: tuple[int, int], random: np.random.Generator
) -> tuple[float, int] | None:
    """Return how often a linear probe tells the class of a word from a state, on unseen reviews.

    Multinomial logistic regression on standardised features, with as many states of each class in
    training, and as many in the test, so that a guess is right once in as many times as there are
    classes. A third of the reviews is held out: the probe is tested on no review that it has learnt
    from.

    Args:
        features: the states, (B, T, features).
        found: from `places`.
        each: states of each class in training, and in the test.
        random: draws reviews and states.

    Returns:
        The accuracy, and the states it was tested on; None where a class is too rare.

    Source: Alain and Bengio 2016, "Understanding intermediate layers using linear classifier
    probes".
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    held = random.random(len(features)) < 1 / 3
    chosen: list[list[np.ndarray]] = [[], []]
    for label in range(found.classes):
        for part, (kept, count) in enumerate(zip((~held, held), each, strict=True)):
            rows = np.flatnonzero((found.label == label) & kept[found.review])
            if len(rows) < count:
                return None
            chosen[part].append(random.choice(rows, count, replace=False))
    (x, y), (x_test, y_test) = (
        (features[found.review[rows], found.step[rows]].astype(np.float64), found.label[rows])
        for rows in map(np.concatenate, chosen)
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2_000))
    model.fit(x, y)
    return float(np.mean(model.predict(x_test) == y_test)), len(y_test)


def frequent_words(split: Split, vocabulary_size: int) -> dict[int, int]:
    """Return the class of each of the `WORDS` most frequent tokens, padding and unknown aside."""
    counts = np.bincount(split.tokens, minlength=vocabulary_size)[UNK + 1 :]
    order = np.argsort(-counts, kind="stable")[:WORDS] + UNK + 1
    return {int(token): place for place, token in enumerate(order)}


@torch.no_grad()
def outputs_by_level(model: SentimentClassifier, batch: Batch) -> list[np.ndarray]:
    """Return the word vectors, (B, T, E), and what leaves each layer, (B, T, H) each, in float16.

    Half precision: all states of all layers are kept at once.
    """
    parts: list[list[Tensor]] = []
    for rows in torch.arange(len(batch.lengths)).split(TOGETHER):
        part = Batch(*(tensor[rows] for tensor in vars(batch).values()))
        words, layers = states(model, part)
        levels = [words, *(torch.stack(layer.output) for layer in layers)]
        parts.append([level.half() for level in levels])
    width = max(len(levels[0]) for levels in parts)
    return [
        torch.cat([functional.pad(x, (0, 0, 0, 0, 0, width - len(x))) for x in level], dim=1)
        .transpose(0, 1)
        .numpy()
        for level in zip(*parts, strict=True)
    ]


def probe_measures(
    model: SentimentClassifier, data: PreparedData, seed: int, *, only_top: bool = False
) -> Found:
    """Return how well a linear probe reads words back from each layer.

    Returns:
        `input word read back` at `LAYER/DISTANCE`, the accuracy among the `WORDS` most frequent
        words, where a guess is right once in `WORDS`. LAYER 0 is the vector of the word at that
        step, with no network at all: what neighbouring words tell of each other. A condition whose
        words are too rare in these reviews is left out.
    """
    batch = some(data.test, PROBED)
    outputs = outputs_by_level(model, batch)
    classes = frequent_words(data.test, data.vocabulary_size)
    found: Found = {}
    for distance in READ_BACK:
        there = places(batch, classes, distance)
        for level in range(0, len(outputs), len(outputs) - 1 if only_top else 1):
            random = np.random.default_rng([seed, distance])  # the same states in each layer
            if (result := probe(outputs[level], there, EACH, random)) is not None:
                found[WORD, f"{level}/{distance}"] = result
    return found
