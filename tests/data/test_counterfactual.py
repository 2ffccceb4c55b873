"""Counterfactual edits are paired by their words, and their originals never trained on."""

import numpy as np
import pytest

from lstm_report import paths
from lstm_report.config import DataConfig
from lstm_report.data import counterfactual, sources, synthetic
from lstm_report.data.prepared import prepare
from lstm_report.data.readers import Reviews
from lstm_report.errors import UserError

NAMES = ("Negative", "Positive")


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["Sentiment\tText", *(f"{NAMES[label]}\t{text}" for label, text in rows)]
    path.write_text("\n".join(lines) + "\n")


def turned(text, label):
    """Edit the opinions of a review of the built-in grammar, as a person would."""
    words = (synthetic.NEGATIVE, synthetic.POSITIVE)
    return " ".join(words[1 - label][0] if word in words[label] else word for word in text.split())


@pytest.fixture
def folder(tmp_path):
    """Originals and edits of 60 reviews, the edits in another order, some texts quoted."""
    reviews = synthetic.write_reviews(60, seed=11)
    rows = list(zip(reviews.labels.tolist(), reviews.texts, strict=True))
    changed = [(1 - label, turned(text, label)) for label, text in rows]
    for number, part in enumerate(counterfactual.PARTS):
        own = slice(20 * number, 20 * number + 20)
        before, after = rows[own], changed[own]
        before[0] = (before[0][0], '"' + before[0][1].replace("the", '""the""') + '"')
        write(tmp_path / "cad" / "orig" / f"{part}.tsv", before)
        order = np.random.default_rng(number).permutation(20)
        write(tmp_path / "cad" / "new" / f"{part}.tsv", [after[k] for k in order])
    return tmp_path / "cad"


def test_each_edit_is_found_whatever_the_order_of_the_rows(folder):
    reviews = synthetic.write_reviews(60, seed=11)
    originals, found = counterfactual.read_pairs(folder)
    assert originals.labels.tolist() == reviews.labels.tolist()
    assert found.labels.tolist() == (1 - reviews.labels).tolist()
    expected = [turned(t, k) for t, k in zip(reviews.texts, reviews.labels, strict=True)]
    assert found.texts == expected and len(set(expected)) == 60
    quoted = reviews.texts[0].replace("the", '"the"')
    assert originals.texts[0] == quoted and originals.texts[1:20] == reviews.texts[1:20]


@pytest.mark.parametrize("flaw", ["a row less", "same labels", "other reviews"])
def test_edits_that_do_not_match_are_refused(folder, flaw):
    path = folder / "new" / "dev.tsv"
    lines = path.read_text().splitlines()
    if flaw == "a row less":
        lines.pop()
    elif flaw == "same labels":
        swap = {NAMES[0]: NAMES[1], NAMES[1]: NAMES[0]}
        lines[1:] = ["\t".join([swap[row.split("\t")[0]], row.split("\t")[1]]) for row in lines[1:]]
    else:
        lines[1] = lines[2]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="one edit of the other label for each review"):
        counterfactual.read_pairs(folder)


def test_an_edit_that_stands_twice_is_refused_whatever_its_label(folder):
    path = folder / "new" / "dev.tsv"
    lines = path.read_text().splitlines()
    for first in range(1, 20):
        for second in range(first + 1, 21):
            if lines[first].split("\t")[0] == lines[second].split("\t")[0]:
                changed = [*lines[:second], lines[first], *lines[second + 1 :]]
                path.write_text("\n".join(changed) + "\n")
                with pytest.raises(UserError, match="they do not match"):
                    counterfactual._pair(folder / "orig" / "dev.tsv", path)
                break


def source_of(train):
    test = synthetic.write_reviews(30, seed=2)
    parts = {"train": train, "test": test}
    return sources.Source("reviews", "Written.", train, test, sources.checksum(parts), True, False)


def test_what_is_excluded_is_not_trained_on_however_it_is_written(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    others, originals = synthetic.write_reviews(100, seed=12), synthetic.write_reviews(60, seed=11)
    copies = [
        text.upper().replace(" ", "<br /> ", 3) + (" p.s." if k % 2 else "")
        for k, text in enumerate(originals.texts)
    ]
    train = Reviews(
        [*originals.texts, *others.texts, *copies],
        np.concatenate([originals.labels, others.labels, originals.labels]),
    )
    whole = source_of(train)
    source = counterfactual.without(whole, folder)
    assert source.train.texts == others.texts
    assert source.train.labels.tolist() == others.labels.tolist()
    assert source.test is whole.test and not source.is_imdb
    assert source.name == "reviews without cad" and "120 training reviews" in source.origin
    assert str(folder.parent) not in source.name + source.origin
    assert source.checksum == source_of(others).checksum != whole.checksum
    prepared = prepare(source, DataConfig(max_length=20))
    read = {*prepared.train.reviews.texts, *prepared.validation.reviews.texts}
    assert read == {*others.texts}
    assert counterfactual.without(source, folder).checksum == source.checksum


def test_an_opening_is_letters_and_digits_alone():
    copies = ['"Good."<br /><br />A 7/10_film', "good a 710 FILM", "good.<BR>a 7 10 film!"]
    assert {counterfactual.opening(text) for text in copies} == {"gooda710film"}
    assert counterfactual.opening("é" * 300) == "é" * 100


def test_reviews_that_only_begin_alike_for_a_few_words_stay(tmp_path):
    train = Reviews(["the film was good " + "x " * 99, "the film was bad " + "y " * 99, "z"],
                    np.array([1, 0, 1]))  # fmt: skip
    (tmp_path / "out.csv").write_text("review\nthe film was good " + "x " * 120 + "\n")
    assert (
        counterfactual.without(source_of(train), tmp_path / "out.csv").train.texts
        == train.texts[1:]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not there"),
        ("words\ngood\n", "column of texts"),
        ("text\ngood\nbad\n", "both labels"),
    ],
)
def test_bad_input_is_told_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "out.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        counterfactual.without(source_of(Reviews(["good", "bad"], np.array([1, 0]))), path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_tables_or_parts_is_told(tmp_path):
    with pytest.raises(UserError, match="got none"):
        counterfactual.read_texts(tmp_path)
    with pytest.raises(UserError, match=r"train\.tsv is not there"):
        counterfactual.read_pairs(tmp_path)
