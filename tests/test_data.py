"""The text decides what is encoded: not its source, not the words a tokeniser reserves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_report import corpus, data, paths, sources
from lstm_report.config import DataConfig
from lstm_report.readers import Reviews

CONFIG = DataConfig(max_length=40, min_frequency=1)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    return tmp_path


def resolved(rows):
    whole = corpus.write_reviews(60, seed=4)
    parts = {"train": whole.take(rows), "test": corpus.write_reviews(20, seed=9)}
    return sources._source("n", "Test.", parts)


def test_the_cache_serves_the_same_reviews_in_another_order(cache):
    for order in (np.arange(60), np.arange(60)[::-1]):
        prepared = data.prepare(resolved(order), CONFIG)
        for split in (prepared.train, prepared.validation, prepared.test):
            encoded = data.encode(prepared.tokenizer, split.reviews.texts, CONFIG)
            assert [row.tolist() for row in encoded] == [
                split.row(k).tolist() for k in range(len(split))
            ]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("damage", ["train-tokens.npy", "test-offsets.npy", "tokenizer.json"])
def test_a_damaged_cache_is_made_again(cache, damage):
    source = resolved(np.arange(60))
    first = data.prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    (folder / damage).write_bytes((folder / damage).read_bytes()[:-9])
    again = data.prepare(source, CONFIG)
    np.testing.assert_array_equal(again.train.tokens, first.train.tokens)
    np.testing.assert_array_equal(again.test.offsets, first.test.offsets)


def test_a_cache_that_fits_no_longer_is_made_again(cache):
    source = resolved(np.arange(60))
    first = data.prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    np.save(folder / "train-tokens.npy", first.train.tokens[:-1])
    np.testing.assert_array_equal(data.prepare(source, CONFIG).train.tokens, first.train.tokens)


def test_pickled_arrays_are_never_loaded(cache):
    source = resolved(np.arange(60))
    first = data.prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    np.save(folder / "train-tokens.npy", first.train.tokens.astype(object), allow_pickle=True)
    assert data.prepare(source, CONFIG).train.tokens.dtype == np.int32


TOKENIZER = data.train_tokenizer(["The plot <BR /> isn't bad, it's the plot."], CONFIG)


@given(st.text() | st.sampled_from(["<pad>", "a <unk> b", "<PAD><pad>"]))
def test_no_text_reads_as_padding(text):
    (row,) = data.encode(TOKENIZER, [text], CONFIG)
    assert len(row) >= 1 and (row > data.PAD).all()


@given(st.text(st.characters(codec="latin-1")))
def test_words_are_cut_as_the_tokeniser_cuts_them(text):
    vocabulary = data.train_tokenizer([text], CONFIG)
    tokens = [vocabulary.id_to_token(k) for k in vocabulary.encode(text).ids]
    assert tokens == data.read_words(text)


def test_breaks_in_any_case_are_no_words():
    assert set(TOKENIZER.get_vocab()) == {
        *data.SPECIAL,
        *("the", "plot", "isn't", "bad", ",", "it's", "."),
    }


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_vocabulary_keeps_to_its_size(size):
    tokenizer = data.train_tokenizer(
        ["a a a b b c"], DataConfig(vocabulary_size=size, min_frequency=1)
    )
    assert tokenizer.get_vocab_size() == max(2, size)
    assert [tokenizer.id_to_token(k) for k in range(max(2, size))] == [
        *data.SPECIAL,
        "a",
        "b",
        "c",
    ][: max(2, size)]


def test_words_of_validation_and_test_get_no_number(cache):
    texts = [f"only{k} word" for k in range(40)]
    parts = {
        "train": Reviews(texts, np.arange(40) % 2),
        "test": Reviews(["strange word"] * 2, np.arange(2)),
    }
    prepared = data.prepare(sources._source("n", "Test.", parts), CONFIG)
    held = {text.split()[0] for text in prepared.validation.reviews.texts} | {"strange"}
    assert len(held) > 1 and not held & set(prepared.vocabulary)
    assert {text.split()[0] for text in prepared.train.reviews.texts} < set(prepared.vocabulary)
