"""From reviews to batches: vocabulary, split, cutting, padding, cache."""

import dataclasses
import json
import re
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_report import paths
from lstm_report.config import PAD, UNK, DataConfig
from lstm_report.data import sources, synthetic
from lstm_report.data.prepared import Split, batches, encode, number_of_batches, prepare, split_rows
from lstm_report.data.readers import Reviews
from lstm_report.data.tokens import read_words, tokenizer_of

CONFIG = DataConfig(max_length=40, min_frequency=1)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    return tmp_path


def resolved(rows):
    whole = synthetic.write_reviews(60, seed=4)
    parts = {"train": whole.take(rows), "test": synthetic.write_reviews(20, seed=9)}
    return sources._source("n", "Test.", parts)


def test_the_cache_serves_the_same_reviews_in_another_order(cache):
    for order in (np.arange(60), np.arange(60)[::-1]):
        prepared = prepare(resolved(order), CONFIG)
        for split in (prepared.train, prepared.validation, prepared.test):
            encoded = encode(prepared.tokenizer, split.reviews.texts, CONFIG)
            assert [row.tolist() for row in encoded] == [
                split.row(k).tolist() for k in range(len(split))
            ]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "damage", ["train-tokens.npy", "test-offsets.npy", "tokenizer.txt", "checksums.json"]
)
def test_a_damaged_cache_is_made_again(cache, damage):
    source = resolved(np.arange(60))
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    (folder / damage).write_bytes((folder / damage).read_bytes()[:-9])
    again = prepare(source, CONFIG)
    np.testing.assert_array_equal(again.train.tokens, first.train.tokens)
    np.testing.assert_array_equal(again.test.offsets, first.test.offsets)


def test_a_cache_that_fits_no_longer_is_made_again(cache):
    source = resolved(np.arange(60))
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    np.save(folder / "train-tokens.npy", first.train.tokens[:-1])
    np.testing.assert_array_equal(prepare(source, CONFIG).train.tokens, first.train.tokens)


@pytest.mark.parametrize("name", ["train-tokens", "validation-rows", "test-in-train"])
def test_a_cache_of_the_right_form_with_other_numbers_is_made_again(cache, name):
    source = resolved(np.arange(60))
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    kept = np.load(folder / f"{name}.npy")
    np.save(folder / f"{name}.npy", np.full_like(kept, 5))
    again = prepare(source, CONFIG)
    np.testing.assert_array_equal(again.train.tokens, first.train.tokens)
    assert again.validation.reviews.texts == first.validation.reviews.texts
    np.testing.assert_array_equal(again.test_in_train, first.test_in_train)


def test_a_cache_with_the_tokenizer_of_other_reviews_is_made_again(cache):
    source = resolved(np.arange(60))
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    (folder / "tokenizer.txt").write_text(tokenizer_of(["another", "plot"]).to_str())
    assert prepare(source, CONFIG).vocabulary == first.vocabulary


@pytest.mark.parametrize("missing", ["train-tokens.npy", "tokenizer.txt", None])
def test_a_cache_whose_list_of_files_is_cut_too_is_made_again(cache, missing):
    source = resolved(np.arange(60))
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    listed = json.loads((folder / paths.SEAL).read_text())
    kept = {name: entry for name, entry in listed.items() if missing and name != missing}
    (folder / paths.SEAL).write_text(json.dumps(kept))
    again = prepare(source, CONFIG)
    np.testing.assert_array_equal(again.train.tokens, first.train.tokens)
    assert json.loads((folder / paths.SEAL).read_text()) == listed


def test_a_whole_cache_under_the_name_of_another_is_made_again(cache):
    source, other = resolved(np.arange(60)), dataclasses.replace(CONFIG, split_seed=5)
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    prepare(source, other)
    (second,) = {*cache.iterdir()} - {folder}
    shutil.rmtree(folder)
    shutil.copytree(second, folder)
    again = prepare(source, CONFIG)
    assert again.train.reviews.texts == first.train.reviews.texts
    assert again.vocabulary == first.vocabulary


def test_pickled_arrays_are_never_loaded(cache):
    source = resolved(np.arange(60))
    first = prepare(source, CONFIG)
    (folder,) = cache.iterdir()
    np.save(folder / "train-tokens.npy", first.train.tokens.astype(object), allow_pickle=True)
    assert prepare(source, CONFIG).train.tokens.dtype == np.int32


@pytest.mark.parametrize(("keep", "length"), [("head", 3), ("tail", 3), ("tail", 1), ("head", 99)])
def test_prepared_reviews_are_numbered_as_the_tokeniser_numbers_them(cache, keep, length):
    odd = ["<br />", "I\u0307stanbul e\u0301 good", "<pad> good", "plain good words here", "<BR/>x"]
    parts = {
        "train": Reviews(odd * 3 + [f"word{k} good" for k in range(9)], np.arange(24) % 2),
        "test": Reviews([*odd, "unseen good \N{SNOWMAN}"], np.arange(6) % 2),
    }
    source = sources._source("n", "Test.", parts)
    prepared = prepare(source, DataConfig(keep=keep, max_length=length, min_frequency=2))
    seen = Counter()
    for split in (prepared.train, prepared.validation, prepared.test):
        for k, text in enumerate(split.reviews.texts):
            whole = prepared.tokenizer.encode(text).ids or [UNK]
            assert split.row(k).tolist() == (whole[:length] if keep == "head" else whole[-length:])
            seen.update(split.row(k).tolist())
    assert len(seen) > 3 and split.tokens.dtype == np.int32 and not seen[PAD]


def test_padding_that_is_read_stands_after_the_words_of_a_shorter_review(cache):
    base = dataclasses.replace(CONFIG, max_length=90)
    config = dataclasses.replace(base, padded=True)
    plain, padded = (prepare(resolved(np.arange(60)), chosen) for chosen in (base, config))
    assert {*padded.test.lengths} == {90} and plain.test.lengths.min() < 80
    for k in range(len(plain.test)):
        row = plain.test.row(k).tolist()
        assert padded.test.row(k).tolist() == row + [PAD] * (90 - len(row))
    encoded = encode(padded.tokenizer, padded.test.reviews.texts, config)
    np.testing.assert_array_equal(np.concatenate(encoded), padded.test.tokens)


def test_phrases_stay_together_in_an_order_that_the_review_alone_decides(cache):
    config = dataclasses.replace(CONFIG, phrase=3)
    plain, shuffled = (prepare(resolved(np.arange(60)), chosen) for chosen in (CONFIG, config))
    moved = 0
    for k in range(len(plain.train)):
        row, mixed = plain.train.row(k).tolist(), shuffled.train.row(k).tolist()
        for start in range(0, len(row), 3):
            phrase = row[start : start + 3]
            assert phrase in [mixed[at : at + len(phrase)] for at in range(len(mixed))]
        assert sorted(row) == sorted(mixed)
        moved += row != mixed
    assert moved > len(plain.train) / 2
    encoded = encode(shuffled.tokenizer, shuffled.train.reviews.texts, config)
    np.testing.assert_array_equal(np.concatenate(encoded), shuffled.train.tokens)


def test_words_of_validation_and_test_get_no_number(cache):
    texts = [f"only{k} word" for k in range(40)]
    parts = {
        "train": Reviews(texts, np.arange(40) % 2),
        "test": Reviews(["strange word"] * 2, np.arange(2)),
    }
    prepared = prepare(sources._source("n", "Test.", parts), CONFIG)
    held = {text.split()[0] for text in prepared.validation.reviews.texts} | {"strange"}
    assert len(held) > 1 and not held & set(prepared.vocabulary)
    assert {text.split()[0] for text in prepared.train.reviews.texts} < set(prepared.vocabulary)


def reviews(*texts):
    return Reviews(list(texts), np.arange(len(texts)) % 2)


@pytest.fixture
def prepared(cache):
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


def test_a_test_review_that_stands_in_train_is_marked(prepared):
    assert prepared.test_in_train[-1] and prepared.test_in_train.sum() == 1


def test_the_cache_gives_the_same_and_a_broken_off_one_is_not_used(prepared, cache, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("lstm_report.data.prepared.split_rows", None)
        patch.setattr("lstm_report.data.prepared.Numbering", None)
        again = prepare(prepared.source, prepared.config)
    np.testing.assert_array_equal(again.train.tokens, prepared.train.tokens)
    assert again.validation.reviews.texts == prepared.validation.reviews.texts
    np.testing.assert_array_equal(again.test_in_train, prepared.test_in_train)
    (folder,) = cache.iterdir()
    (folder / "tokenizer.txt").unlink()
    third = prepare(prepared.source, prepared.config)
    np.testing.assert_array_equal(third.test.tokens, prepared.test.tokens)
    assert list(cache.iterdir()) == [folder]


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
