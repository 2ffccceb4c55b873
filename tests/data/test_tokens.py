"""From text to batches: vocabulary, split, cutting, padding, cache; and the built-in corpus."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_report import paths
from lstm_report.config import UNK, DataConfig
from lstm_report.data import sources, synthetic
from lstm_report.data.prepared import Split, batches, encode, number_of_batches, prepare, split_rows
from lstm_report.data.readers import Reviews
from lstm_report.data.tokens import Numbering, read_words


def reviews(*texts):
    return Reviews(list(texts), np.arange(len(texts)) % 2)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    train, test = synthetic.write_reviews(120, seed=5), synthetic.write_reviews(30, seed=6)
    test = Reviews([*test.texts, train.texts[0].upper() + "  "], np.append(test.labels, 1))
    source = sources.Source("t", "Test.", train, test, "1" * 64, False, True)
    return prepare(source, DataConfig(max_length=30, min_frequency=1))


def test_vocabulary_is_that_of_the_training_part_by_frequency(prepared):
    counts = Counter(w for text in prepared.train.reviews.texts for w in read_words(text))
    assert prepared.vocabulary[:2] == ["<pad>", "<unk>"]
    assert set(prepared.vocabulary[2:]) == set(counts)
    ranked = [counts[word] for word in prepared.vocabulary[2:]]
    assert ranked == sorted(ranked, reverse=True)


def test_encoding_equals_plain_python(prepared):
    numbers = {word: k for k, word in enumerate(prepared.vocabulary)}
    for split in (prepared.train, prepared.validation, prepared.test):
        for k, text in enumerate(split.reviews.texts):
            words = re.findall(r"\w+(?:'\w+)*|[^\w\s]", text.lower())[-30:]
            assert split.row(k).tolist() == [numbers.get(word, UNK) for word in words]


def test_breaks_apostrophes_ends_and_empty_texts():
    config = DataConfig(max_length=3, min_frequency=1)
    numbering = Numbering()
    tokenizer = numbering.tokenizer(numbering.read(["Don't<br />stop, now"] * 2), config)
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    assert set(vocabulary[2:]) == {"don't", "stop", ",", "now"}

    def read(text, **changes):
        (row,) = encode(tokenizer, [text], DataConfig(max_length=3, **changes))
        return [vocabulary[k] for k in row]

    assert read("don't stop , now") == ["stop", ",", "now"]
    assert read("don't stop , now", keep="head") == ["don't", "stop", ","]
    assert read(" ") == ["<unk>"]
    assert read("other") == ["<unk>"]


def test_a_test_review_that_stands_in_train_is_marked(prepared):
    assert prepared.test_in_train[-1] and prepared.test_in_train.sum() == 1


def test_the_cache_gives_the_same_and_a_broken_off_one_is_not_used(prepared, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("lstm_report.data.prepared.split_rows", None)
        patch.setattr("lstm_report.data.prepared.Numbering", None)
        again = prepare(prepared.source, prepared.config)
    np.testing.assert_array_equal(again.train.tokens, prepared.train.tokens)
    assert again.validation.reviews.texts == prepared.validation.reviews.texts
    np.testing.assert_array_equal(again.test_in_train, prepared.test_in_train)
    (folder,) = tmp_path.iterdir()
    (folder / "tokenizer.txt").unlink()
    third = prepare(prepared.source, prepared.config)
    np.testing.assert_array_equal(third.test.tokens, prepared.test.tokens)
    assert list(tmp_path.iterdir()) == [folder]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a", "A ", "b  c", "B c", "d", "e"]), min_size=2, max_size=40),
       st.integers(0, 5))  # fmt: skip
def test_copies_stay_on_one_side_of_the_validation_split(texts, seed):
    normal = [sources.normalised(text) for text in texts]
    if len(set(normal)) < 2:
        return
    source = sources.Source("t", "Test.", reviews(*texts), reviews("x"), "1" * 64, False, True)
    rows = split_rows(source, DataConfig(validation_fraction=0.2, split_seed=seed))
    train, validation = rows["train-rows"], rows["validation-rows"]
    assert sorted([*train, *validation]) == list(range(len(texts)))
    assert len(train) and len(validation)
    assert not {normal[k] for k in train} & {normal[k] for k in validation}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=50), st.integers(1, 8))
def test_batches_hold_each_review_once_padded_at_the_end(lengths, batch_size):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.arange(2, 2 + offsets[-1], dtype=np.int32)
    split = Split(reviews(*map(str, lengths)), tokens, offsets)

    def draw():
        return list(batches(split, batch_size, generator=torch.Generator().manual_seed(3)))

    first = draw()
    assert len(first) == number_of_batches(split, batch_size)
    assert sorted(k for batch in first for k in batch.index.tolist()) == list(range(len(lengths)))
    for batch, other in zip(first, draw(), strict=True):
        assert torch.equal(batch.tokens, other.tokens)
        for row, length, index, label in zip(
            batch.tokens, batch.lengths, batch.index, batch.labels, strict=True
        ):
            assert row[:length].tolist() == split.row(int(index)).tolist()
            assert not row[length:].any() and label == index % 2


def test_the_corpus_is_seeded_balanced_and_its_contrasts_lie_as_far_apart_as_asked():
    first, second = synthetic.write_reviews(50, seed=1), synthetic.write_reviews(50, seed=1)
    assert first.texts == second.texts and first.labels.sum() == 25
    assert first.texts != synthetic.write_reviews(50, seed=2).texts
    for distance in (0, 5, 100):
        random = np.random.default_rng(0)
        for spoken in (synthetic.contrast(random, k % 2, distance) for k in range(10)):
            commas = [k for k, word in enumerate(spoken) if word == ","]
            assert spoken[0] == "although" and spoken[commas[-1] + 1] == "but"
            assert commas[-1] - commas[0] - 1 == distance


def meaning(text):
    """What most opinions of a review of the corpus say, by the rules of its grammar."""
    opinions = []
    for part in re.split(r" but | \. ", text.removesuffix(" .")):
        words = set(part.split())
        polar = words & {*synthetic.POSITIVE} or words & {*synthetic.NEGATIVE}
        if not polar or part.startswith("although"):
            continue
        negated = any(f" {front} " in f" {part} " for front in synthetic.NEGATION)
        opinions.append(bool(words & {*synthetic.POSITIVE}) != negated)
    assert 3 <= len(opinions) <= 5 and 2 * sum(opinions) != len(opinions)
    return int(2 * sum(opinions) > len(opinions))


def test_rules_read_the_corpus_and_counting_words_does_not():
    train, test = synthetic.write_reviews(2000, seed=1), synthetic.write_reviews(1000, seed=2)
    assert [meaning(text) for text in test.texts] == test.labels.tolist()
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(token_pattern=r"\S+")
    model = LogisticRegression(C=0.05, max_iter=200)
    model.fit(counter.fit_transform(train.texts), train.labels)
    assert model.score(counter.transform(test.texts), test.labels) < 0.8
