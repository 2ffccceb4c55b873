"""The text decides what is encoded: not its source, not the words a tokeniser reserves."""

import dataclasses
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import trainers

from lstm_report import paths
from lstm_report.config import PAD, UNK, DataConfig
from lstm_report.data import sources, synthetic, tokens
from lstm_report.data.prepared import encode, prepare
from lstm_report.data.readers import Reviews
from lstm_report.data.tokens import SPECIAL, read_words

CONFIG = DataConfig(max_length=40, min_frequency=1)


def tokenizer_for(texts, config=CONFIG):
    """The tokeniser whose vocabulary are the most frequent tokens of the texts."""
    numbering = tokens.Numbering()
    return numbering.tokenizer(numbering.read(texts), config)


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
    (folder / "tokenizer.txt").write_text(tokenizer_for(["another plot"]).to_str())
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


TOKENIZER = tokenizer_for(["The plot <BR /> isn't bad, it's the plot."])


@given(st.text() | st.sampled_from(["<pad>", "a <unk> b", "<PAD><pad>"]))
def test_no_text_reads_as_padding(text):
    (row,) = encode(TOKENIZER, [text], CONFIG)
    assert len(row) >= 1 and (row > PAD).all()


def library_words(text):
    """The words as the library cuts them, whatever is in `tokens.ALIKE`."""
    cutter = tokens.tokenizer_of([])
    pieces = cutter.pre_tokenizer.pre_tokenize_str(cutter.normalizer.normalize_str(text))
    return [piece for piece, _ in pieces]


@given(st.text() | st.text(st.characters(max_codepoint=0x2FF)))
def test_words_are_cut_as_the_tokeniser_cuts_them(text):
    assert read_words(text) == library_words(text)


def test_python_and_the_library_agree_on_every_character_of_alike_texts():
    """Words, marks, white space and lower case belong to single characters, so to all texts."""
    alike = [c for c in map(chr, range(0x110000)) if tokens.ALIKE.fullmatch(c)]
    assert len(alike) > 700 and tokens.ALIKE.fullmatch("“Déjà vu” – so-so…")
    for character in alike:
        text = f"a{character}b'{character}'"
        assert read_words(text) == library_words(text), hex(ord(character))
    assert not tokens.ALIKE.fullmatch("I\u0307") and not tokens.ALIKE.fullmatch("ΟΔΟΣ")


def test_the_vocabulary_is_the_one_that_the_library_counts():
    odd = ["é É e\u0301 zz zz b b <br/> a a ' '", *["<br>"] * 4]
    texts = [*synthetic.write_reviews(80, seed=3).texts, *odd]
    for size, least in ((7, 1), (60, 1), (60, 3), (5_000, 2)):
        library = tokens.tokenizer_of([])
        trainer = trainers.WordLevelTrainer(
            vocab_size=size - 2, min_frequency=least, show_progress=False
        )
        library.train_from_iterator(texts, trainer)
        ours = tokenizer_for(texts, DataConfig(vocabulary_size=size, min_frequency=least))
        found = {word: number - 2 for word, number in ours.get_vocab().items()}
        del found["<pad>"], found["<unk>"]
        assert found == library.get_vocab()


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


def test_breaks_in_any_case_are_no_words():
    assert set(TOKENIZER.get_vocab()) == {
        *SPECIAL,
        *("the", "plot", "isn't", "bad", ",", "it's", "."),
    }


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_vocabulary_keeps_to_its_size(size):
    tokenizer = tokenizer_for(["a a a b b c"], DataConfig(vocabulary_size=size, min_frequency=1))
    assert tokenizer.get_vocab_size() == max(2, size)
    assert [tokenizer.id_to_token(k) for k in range(max(2, size))] == [
        *SPECIAL,
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
    prepared = prepare(sources._source("n", "Test.", parts), CONFIG)
    held = {text.split()[0] for text in prepared.validation.reviews.texts} | {"strange"}
    assert len(held) > 1 and not held & set(prepared.vocabulary)
    assert {text.split()[0] for text in prepared.train.reviews.texts} < set(prepared.vocabulary)
