"""What the benchmarks read: reviews as long as those of IMDB, and data prepared from them."""

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lstm_report import paths
from lstm_report.config import MODELS, DataConfig
from lstm_report.data import prepared as data
from lstm_report.data import synthetic
from lstm_report.data.prepared import PreparedData
from lstm_report.data.readers import Reviews
from lstm_report.data.sources import Source, checksum
from lstm_report.data.tokens import SPECIAL, tokenizer_of
from lstm_report.models.classifier import LAYERS

NAMES = {kind: LAYERS[kind].__name__ for kind in MODELS}
MEDIAN, SPREAD = 200, 0.65
"""Median length in tokens, and standard deviation of its logarithm, both as in IMDB."""


def reviews(train: int, test: int) -> Source:
    """Return a source of reviews as long as those of IMDB, cut from the built-in corpus.

    Lengths are drawn from a log-normal distribution. A review starts anywhere in the corpus and its
    label is drawn, since only time is measured.
    """
    words = " ".join(synthetic.write_reviews(4_000, seed=11).texts).split()
    random = np.random.default_rng(12)
    parts = {}
    for split, count in (("train", train), ("test", test)):
        lengths = random.lognormal(np.log(MEDIAN), SPREAD, count).astype(int).clip(10, 2_500)
        starts = random.integers(0, len(words) - lengths)
        texts = [" ".join(words[a : a + n]) for a, n in zip(starts, lengths, strict=True)]
        parts[split] = Reviews(texts, np.arange(count) % 2)
    name = "built-in corpus"
    return Source(name, name, parts["train"], parts["test"], checksum(parts), False, True)


@contextmanager
def empty_cache() -> Iterator[None]:
    """Let what is prepared go to a new folder, which is removed afterwards."""
    former = paths.CACHE
    try:
        with tempfile.TemporaryDirectory() as folder:
            paths.CACHE = Path(folder)
            yield
    finally:
        paths.CACHE = former


def prepared(source: Source, settings: DataConfig) -> PreparedData:
    """Return the encoded reviews with a vocabulary filled up to `settings.vocabulary_size`.

    The corpus has some hundred words. Numbers that stand for none make the embedding as large, and
    a step of the optimiser as long, as with IMDB.
    """
    with empty_cache():
        made = data.prepare(source, settings)
    known = made.vocabulary
    unused = [f"<unused {number}>" for number in range(len(known), settings.vocabulary_size)]
    tokenizer = tokenizer_of([*known[len(SPECIAL) :], *unused])
    return dataclasses.replace(made, tokenizer=tokenizer)
