"""What is done to a text keeps what it says it keeps; cut residuals are what is left of them."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstm_report import config
from lstm_report.analysis import perturbations
from lstm_report.config import DataConfig, ModelConfig
from lstm_report.data import prepared
from lstm_report.data.counterfactual import Pairs
from lstm_report.data.readers import Reviews
from lstm_report.data.tokens import read_words
from lstm_report.models.classifier import LAYERS, SentimentClassifier

ROWS = st.lists(st.integers(2, 50), max_size=60).map(lambda row: np.array(row, dtype=np.int32))


def windows_of(row, width):
    return sorted(tuple(row[start : start + width]) for start in range(0, len(row), width))


@given(ROWS, st.integers(1, 25), st.integers(0, 5))
def test_shuffling_keeps_the_words_and_each_window(row, width, seed):
    shuffled = prepared.shuffle_windows(row, width, np.random.default_rng(seed))
    assert sorted(shuffled) == sorted(row) and shuffled.dtype == row.dtype
    # Numbered words show which stood where: every full window is still in one piece.
    places = prepared.shuffle_windows(np.arange(len(row)), width, np.random.default_rng(seed))
    np.testing.assert_array_equal(row[places], shuffled)
    pieces, start = [], 0
    while start < len(places):
        first = places[start]
        assert first % width == 0, "a window begins where a window began"
        piece = tuple(places[start : start + min(width, len(row) - first)])
        assert piece == tuple(range(first, first + len(piece)))
        pieces.append(piece)
        start += len(piece)
    assert sorted(pieces) == windows_of(np.arange(len(row)), width)


def test_shuffling_is_uniform_over_the_orders_of_the_windows():
    generator, seen = np.random.default_rng(7), {}
    for _ in range(1200):
        order = tuple(prepared.shuffle_windows(np.arange(6), 2, generator)[::2])
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 6 and min(seen.values()) > 150


def test_a_condition_is_the_same_for_every_model_and_differs_by_review_and_width():
    row = np.arange(40)
    key = (perturbations.SHUFFLED, "2")
    first = perturbations.changed(key, row, row, 5)
    np.testing.assert_array_equal(first, perturbations.changed(key, row, row, 5))
    assert (first != perturbations.changed(key, row, row, 6)).any()
    assert (
        first[::2] != 2 * perturbations.changed((perturbations.SHUFFLED, "1"), row, row, 5)[:20]
    ).any()
    np.testing.assert_array_equal(
        perturbations.changed(perturbations.INTACT, row, row[3:], 5), row[3:]
    )


@given(ROWS.filter(len), st.integers(1, 70))
def test_first_and_last_words_are_those_of_the_whole_review(row, words):
    read = row[-3:]
    first = perturbations.changed((perturbations.FIRST, str(words)), row, read, 0)
    last = perturbations.changed((perturbations.LAST, str(words)), row, read, 0)
    assert list(first) == list(row)[:words]
    assert list(last) == list(row)[max(len(row) - words, 0) :]


def test_no_more_words_are_kept_than_a_model_reads():
    quick = config.PROFILES["quick"]  # reads 100 words
    kept = [
        int(words)
        for measure, words in perturbations.conditions(quick)
        if measure == perturbations.LAST
    ]
    assert max(kept) == 100 and set(kept) < set(perturbations.KEPT)
    whole = [
        entry for entry in perturbations.conditions(quick) if entry[0] == perturbations.SHUFFLED
    ]
    assert [part for _, part in whole] == ["all", "1", "2", "3", "5", "10", "20"]


def test_only_models_with_a_residual_have_it_cut():
    found = {}
    for kind in config.KINDS:
        settings = dataclasses.replace(config.PROFILES["quick"], model=ModelConfig(kind=kind))
        found[kind] = {measure for measure, _ in perturbations.conditions(settings)}
    for measure, kinds in (
        ("accuracy, residual branch cut", {"reslstm", "skiplstm", "gatedlstm"}),
        ("accuracy, residual feedback cut", {"reslstm"}),
    ):
        assert {kind for kind, measures in found.items() if measure in measures} == kinds


def test_the_subset_is_drawn_once_and_never_twice_the_same_review():
    rows = perturbations.subset(1000, 300)
    assert len(set(rows)) == 300 and (np.diff(rows) > 0).all() and rows.max() > 900
    np.testing.assert_array_equal(rows, perturbations.subset(1000, 300))
    np.testing.assert_array_equal(perturbations.subset(10, 300), np.arange(10))


# Words


@pytest.mark.parametrize(
    ("text", "contrast", "negation"),
    [
        ("Although long, it pleased me.", True, False),
        ("It is long BUT good", True, False),
        ("However, nobody came.", True, True),
        ("A butcher throughout, thoughtful, knotty and notable", False, False),
        ("It isn't bad", False, True),
        ("He can't, won't. <br />Never!", False, True),
        ("yet another nothing", True, True),
        ("plain praise", False, False),
    ],
)
def test_contrast_and_negation_are_told_by_whole_words(text, contrast, negation):
    words = read_words(text)
    assert perturbations.has_contrast(words) == contrast
    assert perturbations.has_negation(words) == negation


def test_groups_look_at_what_a_model_reads_and_count():
    texts = ["but " + "good " * 150, "good " * 120 + "not bad", "fine"]
    groups = perturbations.Groups(Reviews(texts, np.ones(3, np.int64)), DataConfig(max_length=50))
    found = groups.measures(np.array([True, False, True]))
    assert found == {
        # The tail of 50 words holds no `but` of the first review.
        ("accuracy, reviews without contrast", ""): (pytest.approx(2 / 3), 3),
        ("accuracy, reviews with negation", ""): (0.0, 1),
        ("accuracy, reviews without negation", ""): (1.0, 2),
    }
    head = perturbations.Groups(Reviews(texts, np.ones(3, np.int64)), DataConfig(keep="head"))
    assert head.measures(np.ones(3, bool))["accuracy, reviews with contrast", ""] == (1.0, 1)


# Cut residuals


def classifier(kind, layers=2, sizes=(6, 5)):
    torch.manual_seed(3)
    settings = ModelConfig(kind=kind, embedding_size=sizes[0], hidden_size=sizes[1],
                           num_layers=layers, readout="mean")  # fmt: skip
    return SentimentClassifier(30, settings).eval()


def logits(model):
    tokens = torch.arange(2, 26).reshape(3, 8)
    with torch.no_grad():
        return model(tokens, torch.tensor([8, 8, 8]))


@pytest.mark.parametrize("kind", perturbations.CUTS)
def test_without_a_residual_to_cut_the_branch_cut_changes_nothing(kind):
    model = classifier(kind, layers=1)
    reader = perturbations.cut(model, "lstm")
    assert isinstance(reader.recurrent, LAYERS["lstm"])
    assert (logits(reader) - logits(model)).abs().max() > 1e-3
    with torch.no_grad():
        model.recurrent.weight_res_l0.zero_()
    torch.testing.assert_close(logits(perturbations.cut(model, "lstm")), logits(model))


def test_the_identity_of_deeper_layers_is_cut_too():
    """With two layers the second one's F is the identity, and has no weight that could be 0."""
    model = classifier("reslstm", layers=2, sizes=(5, 5))
    reader = perturbations.cut(model, "lstm")
    assert (logits(reader) - logits(model)).abs().max() > 1e-3
    plain = torch.nn.LSTM(5, 5, 2, batch_first=True)
    plain.load_state_dict(model.recurrent.state_dict())
    words = model.embedding(torch.arange(2, 26).reshape(3, 8))
    expected = model.classifier(plain(words)[0].mean(1)).squeeze(-1)
    torch.testing.assert_close(logits(reader), expected)


def test_with_the_feedback_cut_the_residual_still_leaves_the_layer():
    """Over one step there is no feedback; over several there is."""
    model = classifier("reslstm", layers=1)
    reader = perturbations.cut(model, "skiplstm")
    tokens, one, eight = torch.arange(2, 26).reshape(3, 8), torch.ones(3), torch.full((3,), 8)
    with torch.no_grad():
        torch.testing.assert_close(
            reader(tokens[:, :1], one.long()), model(tokens[:, :1], one.long())
        )
        assert (reader(tokens, eight) - model(tokens, eight)).abs().max() > 1e-4


def test_consistency_counts_pairs_with_both_right():
    labels = np.array([1, 1, 0, 0])
    pairs = Pairs(Reviews(list("abcd"), labels), Reviews(list("efgh"), 1 - labels))
    found = perturbations.consistency(pairs, np.array([2.0, 2, -1, 3]), np.array([-1.0, 1, 1, 1]))
    assert found == {
        perturbations.ORIGINALS: (0.75, 4),
        perturbations.EDITS: (0.75, 4),
        perturbations.CONSISTENCY: (0.5, 4),
    }
