"""Counterfactual edits: reviews that a person changed just enough to turn their label.

Their originals are training reviews of IMDB, so what is measured on them needs models that were
trained without these. The layout is that of Kaushik, Hovy and Lipton (2020), ICLR: the folders
`orig` and `new` with `train.tsv`, `dev.tsv` and `test.tsv` each, columns `Sentiment` and `Text`.
"""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm_report.data import readers, sources
from lstm_report.data.readers import Reviews
from lstm_report.data.sources import Source
from lstm_report.data.tokens import BREAK
from lstm_report.errors import UserError

PARTS = ("train", "dev", "test")
OPENING = 100
"""Letters and digits by which a review is known again, see `opening`."""


class Pairs(NamedTuple):
    """Row k of both is one review before and after it was edited."""

    originals: Reviews
    edits: Reviews


def opening(text: str) -> str:
    """Return the first `OPENING` letters and digits of a text in lower case, without line breaks.

    Copies of a review differ in markup, white space, quotes and single words; two reviews whose
    openings are equal are taken for one.
    """
    without_breaks = re.sub(BREAK, " ", text.lower())
    return re.sub(r"[\W_]+", "", without_breaks)[:OPENING]


def read_texts(path: Path) -> list[str]:
    """Return the texts of a table, or of every table in a folder and in those below it.

    Raises:
        UserError: when nothing is there, or a table without a column of texts.
    """
    if not path.exists():
        raise UserError(f"Expected a file or folder of reviews, but {path} is not there: check it.")
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in readers.TABLES)
    if not files:
        raise UserError(
            f"Expected a folder with files ending in {', '.join(readers.TABLES)}, got none in "
            f"{path}: check the path."
        )
    texts: list[str] = []
    for file in files:
        texts += map(str, sources.text_column(readers.read_table(file), file))
    return texts


def without(source: Source, path: Path) -> Source:
    """Return a source without the training reviews that stand in a file or folder of tables.

    What remains has a checksum of its own, which enters the name of every run trained on it, so
    that no configuration has to hold the path. The test reviews stay.

    Raises:
        UserError: when nothing can be read there, or too little remains.
    """
    left_out = {opening(text) for text in read_texts(path)}
    known = np.array([opening(text) in left_out for text in source.train.texts])
    train = source.train.take(np.flatnonzero(~known))
    if len(np.unique(train.labels)) < 2:
        raise UserError(
            f"Expected {path} to leave training reviews of both labels, but it holds all of one: "
            "name the reviews to leave out alone."
        )
    name = path.resolve().name
    return dataclasses.replace(
        source,
        name=f"{source.name} without {name}",
        origin=f"{source.origin} {known.sum():,} training reviews that stand in {name} are left "
        f"out; {len(train):,} remain.",
        train=train,
        checksum=sources.checksum({"train": train, "test": source.test}),
        is_imdb=False,
    )


def read_pairs(path: Path) -> Pairs:
    """Return the originals and their edits, row by row, of all parts.

    The two files of a part hold their rows in different orders, so that each edit is found by its
    words: the pairs are those whose cosine similarity of TF-IDF weights (terms of one to three
    words) is the greatest for both of them.

    Args:
        path: the folder that holds `orig` and `new`.

    Raises:
        UserError: for another layout, or a review without an edit of the other label.
    """
    parts = [_pair(path / "orig" / f"{part}.tsv", path / "new" / f"{part}.tsv") for part in PARTS]
    return Pairs(*(_join(side) for side in zip(*parts, strict=True)))


def _pair(original: Path, edited: Path) -> Pairs:
    from sklearn.feature_extraction.text import TfidfVectorizer

    before, after = (_reviews(file) for file in (original, edited))
    if len(before) == len(after):
        vectorizer = TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True)
        weights = vectorizer.fit_transform([*before.texts, *after.texts])
        likeness = (weights[: len(before)] @ weights[len(before) :].T).toarray()
        nearest, back = likeness.argmax(axis=1), likeness.argmax(axis=0)
        mutual = (back[nearest] == np.arange(len(before))).all()
        if mutual and (before.labels != after.labels[nearest]).all():
            return Pairs(before, after.take(nearest))
    raise UserError(
        f"Expected {edited} to hold one edit of the other label for each review of {original}, "
        "but they do not match: get both from their authors."
    )


def _reviews(path: Path) -> Reviews:
    """Return the reviews of a file; where a text is quoted, the quotes are taken away."""
    reviews = readers.reviews_of(readers.read_table(path), str(path))
    quoted = r'"(.*)"'
    texts = [
        found[1].replace('""', '"') if (found := re.fullmatch(quoted, text, re.DOTALL)) else text
        for text in reviews.texts
    ]
    return Reviews(texts, reviews.labels)


def _join(parts: Sequence[Reviews]) -> Reviews:
    texts = [text for part in parts for text in part.texts]
    return Reviews(texts, np.concatenate([part.labels for part in parts]))
