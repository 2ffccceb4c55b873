"""Evidence of n-grams: its formula, one review left out, and that no label leaks."""

import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_report.config import PAD
from lstm_report.models.evidence import LEAST_REVIEWS, Evidence

V = 6
REVIEWS = st.lists(
    st.tuples(st.lists(st.integers(1, V - 1), min_size=1, max_size=7), st.booleans()),
    min_size=2, max_size=9,
)  # fmt: skip


def counted(reviews, longest=3):
    evidence = Evidence(V, longest, 4)
    rows = [torch.tensor(words) for words, _ in reviews]
    offsets = torch.tensor([0, *np.cumsum([len(row) for row in rows])])
    labels = torch.tensor([float(label) for _, label in reviews])
    evidence.count(torch.cat(rows), offsets, labels)
    return evidence


def grams(words, longest=3):
    """The n-grams that end at each word, None where the review has not that many words yet."""
    return [
        [tuple(words[end - n : end]) if end >= n else None for n in range(1, longest + 1)]
        for end in range(1, len(words) + 1)
    ]


def expected(words, reviews, longest=3):
    """The evidence by its formula, of reviews as sets of n-grams."""
    positive, negative = defaultdict(int), defaultdict(int)
    for other, label in reviews:
        for gram in {gram for row in grams(other, longest) for gram in row if gram}:
            (positive if label else negative)[gram] += 1
    n_positive = sum(label for _, label in reviews)
    n_negative = len(reviews) - n_positive

    def ratio(gram):
        p, q = positive[gram], negative[gram]
        if not p + q:
            return 0.0
        return math.log((p + 1) / (n_positive + 2)) - math.log((q + 1) / (n_negative + 2))

    return [[0.0 if gram is None else ratio(gram) for gram in row] for row in grams(words, longest)]


@given(REVIEWS, st.integers(1, 3))
@settings(deadline=None)
def test_a_counted_review_is_read_by_the_counts_of_the_others(reviews, longest):
    evidence = counted(reviews, longest)
    for k, (words, label) in enumerate(reviews):
        others = [*reviews[:k], *reviews[k + 1 :]]
        found = evidence.ratios(torch.tensor([[*words, PAD]]), torch.tensor([float(label)]))
        np.testing.assert_allclose(
            found[0].numpy(), [*expected(words, others, longest), [0.0] * longest], atol=1e-5
        )


@given(REVIEWS, st.lists(st.integers(1, V - 1), min_size=1, max_size=7))
@settings(deadline=None)
def test_a_new_review_is_read_by_the_counts_of_all(reviews, words):
    often = defaultdict(int)
    for other, _ in reviews:
        for gram in {gram for row in grams(other) for gram in row if gram}:
            often[gram] += 1
    wanted = np.array(expected(words, reviews))
    for row, names in zip(wanted, grams(words), strict=True):
        row[[gram is None or often[gram] < LEAST_REVIEWS for gram in names]] = 0
    found = counted(reviews).ratios(torch.tensor([words]))
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-5)


def test_shuffled_labels_say_nothing_of_other_reviews_and_nothing_of_their_own():
    """Of reviews without any sense, the evidence may not tell the label: that would be a leak."""
    random = np.random.default_rng(0)
    reviews = [
        (random.integers(1, V, 12).tolist(), bool(label)) for label in random.permutation(400) % 2
    ]
    evidence = counted(reviews[:300])

    def right(rows, own):
        tokens = torch.tensor([words for words, _ in rows])
        labels = torch.tensor([float(label) for _, label in rows])
        said = evidence.ratios(tokens, labels if own else None).sum((1, 2))
        return ((said > 0) == (labels > 0.5)).float().mean().item()

    assert right(reviews[:300], own=False) > 0.6  # which is the leak, if it is let through
    assert right(reviews[:300], own=True) < 0.55
    assert 0.38 < right(reviews[300:], own=False) < 0.62


def test_soft_labels_count_by_their_parts():
    rows, labels = [[1, 2], [1, 3], [1, 2]], torch.tensor([0.25, 1.0, 0.5])
    evidence = Evidence(V, 1, 4)
    evidence.count(torch.tensor(sum(rows, [])), torch.tensor([0, 2, 4, 6]), labels)
    p, q = 1.75, 1.25
    one = math.log((p + 1) / (p + 2)) - math.log((q + 1) / (q + 2))
    assert evidence.ratios(torch.tensor([[1]])).item() == pytest.approx(one, abs=1e-6)
    alone = evidence.ratios(torch.tensor([[1]]), torch.tensor([0.25])).item()
    p, q = 1.5, 0.5
    assert alone == pytest.approx(math.log((p + 1) / (p + 2)) - math.log((q + 1) / (q + 2)))


def test_the_counts_are_kept_with_the_weights():
    evidence = counted([([1, 2, 3], True), ([1, 2], False), ([2, 3, 1], True)])
    other = Evidence(V, 3, 4)
    other.load_state_dict(evidence.state_dict())
    tokens = torch.tensor([[1, 2, 3, PAD]])
    assert torch.equal(other(tokens), evidence(tokens)) and other(tokens)[0, :3].abs().sum() > 0
    assert not other(tokens)[0, 3].any() and other(tokens).shape == (1, 4, 4)
