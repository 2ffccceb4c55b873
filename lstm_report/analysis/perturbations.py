"""What a trained classifier needs of a review: its order, its length, its ends, its residual.

Words are tokens as the tokeniser cuts them, so that a punctuation mark is one too. What is drawn
comes from `SEED` and the number of the test review alone: every model reads the same texts.
"""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lstm_report.analysis.measurements import Entry, Found, Key
from lstm_report.config import DataConfig, RunConfig
from lstm_report.data.counterfactual import Pairs
from lstm_report.data.prepared import (
    Split,
    as_read,
    encode,
    encode_reviews,
    joined,
    reading,
    shuffle_windows,
)
from lstm_report.data.readers import Reviews
from lstm_report.data.tokens import read_words
from lstm_report.training.runs import Run

if TYPE_CHECKING:
    from lstm_report.models.classifier import SentimentClassifier

SEED = 0
LIMIT = 5_000
"""Test reviews that are read under each condition, unless another number is given."""
WINDOWS = (1, 2, 3, 5, 10, 20)
"""Words that stay together when the order is shuffled."""
KEPT = (5, 10, 20, 50, 100, 200)
"""Words kept of a review's beginning or end."""
CONTRAST = frozenset(
    "albeit although but despite however nevertheless nonetheless notwithstanding though whereas "
    "yet".split()
)
"""Words that set one statement against another: connectives of comparison and concession.

Source: those without a second, frequent meaning in Prasad et al. (2008), LREC, and `yet`.
"""
NEGATION = frozenset(
    "barely cannot hardly neither never no nobody none nor not nothing nowhere scarcely "
    "without".split()
)
"""Words that negate, beside every word that ends in n't.

Source: Councill, McDonald and Velikovich (2010), table 1, less compounds and spelling variants.
"""
SHUFFLED = "accuracy, shuffled in windows"
FIRST, LAST = "accuracy, first words", "accuracy, last words"
BRANCH_CUT, FEEDBACK_CUT = "accuracy, residual branch cut", "accuracy, residual feedback cut"
CUTS = {
    "reslstm": {BRANCH_CUT: "lstm", FEEDBACK_CUT: "skiplstm"},
    "skiplstm": {BRANCH_CUT: "lstm"},
    "gatedlstm": {BRANCH_CUT: "lstm"},
}
"""By kind of model, which kind computes with its weights what remains when something is cut."""
INTACT: Key = (SHUFFLED, "all")
ORIGINALS: Key = ("accuracy, counterfactual originals", "")
EDITS: Key = ("accuracy, counterfactual edits", "")
CONSISTENCY: Key = ("consistency, counterfactual pairs", "")
WHOLE = 1 << 30
"""A length that no review reaches."""


def subset(reviews: int, limit: int) -> np.ndarray:
    """Return the rows of `limit` of so many test reviews, drawn by `SEED`, or all of them."""
    if limit >= reviews:
        return np.arange(reviews)
    return np.sort(np.random.default_rng(SEED).choice(reviews, limit, replace=False))


def conditions(config: RunConfig) -> list[Key]:
    """Return what is measured with the weights of a run, by measure and condition.

    - `accuracy, shuffled in windows`: what the model reads of each review, see
      `lstm_report.data.prepared.shuffle_windows`; under `all` as it stands, which is the accuracy
      to compare all others with.
    - `accuracy, first words` and `accuracy, last words`: the first or last words of the whole
      review, up to as many as the model reads.
    - `accuracy, residual branch cut`: a residual model with F(x) = 0 in every layer.
    - `accuracy, residual feedback cut`: the residual still leaves each layer, but its gates read
      the state without it, as in `lstm_report.models.layers.SkipLSTM`.
    """
    kept = [str(words) for words in KEPT if words <= config.data.max_length]
    return [
        INTACT,
        *((SHUFFLED, str(width)) for width in WINDOWS),
        *((measure, words) for measure in (FIRST, LAST) for words in kept),
        *((measure, "") for measure in CUTS.get(config.model.kind, {})),
    ]


def changed(key: Key, whole: np.ndarray, read: np.ndarray, row: int) -> np.ndarray:
    """Return the words of a review as a condition leaves them, at least one.

    Args:
        key: measure and condition, see `conditions`.
        whole: (T,) all words of the review.
        read: those that the model reads of it.
        row: the number of the test review, which seeds the shuffling.
    """
    measure, condition = key
    if measure == FIRST:
        return whole[: int(condition)]
    if measure == LAST:
        return whole[-int(condition) :]
    if measure == SHUFFLED and key != INTACT:
        width = int(condition)
        return shuffle_windows(read, width, np.random.default_rng([SEED, row, width]))
    return read


def cut(model: "SentimentClassifier", kind: str) -> "SentimentClassifier":
    """Return a classifier of another kind with the weights of this one, as far as it has them."""
    from lstm_report.models.classifier import SentimentClassifier

    config = dataclasses.replace(model.config, kind=kind)
    reader = SentimentClassifier(model.embedding.num_embeddings, config)
    weights = model.state_dict()
    reader.load_state_dict({name: weights[name] for name in reader.state_dict()})
    return reader.eval()


def with_weights(
    run: Run,
    test: Reviews,
    *,
    limit: int = LIMIT,
    done: Collection[Key] = (),
    only: Collection[Key] | None = None,
) -> Iterator[Entry]:
    """Yield the accuracy of a run under each of its `conditions`."""
    from lstm_report.training.evaluate import evaluate

    wanted = [
        key for key in conditions(run.config) if key not in done and (only is None or key in only)
    ]
    if not wanted:
        return
    rows = subset(len(test), limit)
    reviews, tokenizer = test.take(rows), run.load_tokenizer()
    config = run.config.data
    whole = encode(tokenizer, reviews.texts, DataConfig(max_length=WHOLE, keep=config.keep))
    read = [words[reading(config)] for words in whole]
    model = run.load_model()
    for key in wanted:
        texts = [
            as_read(changed(key, entry, words, row), config)
            for entry, words, row in zip(whole, read, rows.tolist(), strict=True)
        ]
        kind = CUTS.get(run.config.model.kind, {}).get(key[0])
        reader = cut(model, kind) if kind else model
        yield key, (evaluate(reader, Split(reviews, *joined(texts))).accuracy, len(rows))


def with_edits(run: Run, pairs: Pairs, *, done: Collection[Key] = ()) -> Iterator[Entry]:
    """Yield the accuracy of a run on originals and edits, and how often both are right."""
    from lstm_report.training.evaluate import logits_of

    if {ORIGINALS, EDITS, CONSISTENCY} <= {*done}:
        return
    model, tokenizer = run.load_model(), run.load_tokenizer()
    logits = [
        logits_of(model, encode_reviews(part, tokenizer, run.config.data)).numpy() for part in pairs
    ]
    yield from consistency(pairs, *logits).items()


def consistency(pairs: Pairs, originals: np.ndarray, edits: np.ndarray) -> Found:
    """Return the accuracy on originals and edits, and the part of the pairs with both right.

    Args:
        pairs: P reviews before and after.
        originals, edits: (P,) logits; above 0 a review is judged positive.
    """
    first, second = (
        (logits > 0) == (part.labels == 1)
        for logits, part in zip((originals, edits), pairs, strict=True)
    )
    results = {ORIGINALS: first, EDITS: second, CONSISTENCY: first & second}
    return {key: (float(right.mean()), len(right)) for key, right in results.items()}


def has_contrast(words: Sequence[str]) -> bool:
    """Return whether a word of `CONTRAST` stands in a text, in lower case."""
    return not CONTRAST.isdisjoint(words)


def has_negation(words: Sequence[str]) -> bool:
    """Return whether a word of `NEGATION`, or one that ends in n't, stands in a text."""
    return not NEGATION.isdisjoint(words) or any(word.endswith("n't") for word in words)


class Groups:
    """The test reviews in groups, by what the models of one configuration read of them."""

    def __init__(self, test: Reviews, config: DataConfig) -> None:
        """Look at every test review.

        Args:
            test: N reviews.
            config: how much of a review is read; contrast and negation count there alone.
        """
        read = [read_words(text)[reading(config)] for text in test.texts]
        self.groups: dict[Key, np.ndarray] = {}
        for name, has in (("contrast", has_contrast), ("negation", has_negation)):
            found = np.array([has(entry) for entry in read])
            for word, chosen in (("with", found), ("without", ~found)):
                self.groups[f"accuracy, reviews {word} {name}", ""] = chosen

    def measures(self, correct: np.ndarray) -> Found:
        """Return the accuracy in each group that has reviews.

        Args:
            correct: (N,) of bool, whether a model judged each test review rightly.
        """
        return {
            key: (float(correct[chosen].mean()), int(chosen.sum()))
            for key, chosen in self.groups.items()
            if chosen.any()
        }
