"""Reviews without a label, and the word vectors that are learnt from them.

The vectors are those of skip-grams with negative samples, learnt from the texts of the task itself.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstm_report import paths
from lstm_report.config import UNK, RunConfig
from lstm_report.data import readers, sources, synthetic
from lstm_report.data.prepared import PreparedData
from lstm_report.data.readers import Reviews
from lstm_report.data.sources import HUB_NAME, VARIABLE, Source, normalised
from lstm_report.data.tokens import token_numbers
from lstm_report.errors import UserError

IMDB_CHECKSUM = "0ef9b5974f46b056d278488f2d28de2a17af9df07626102f7f2db37a5dafe062"
"""`checksum` of the 50,000 unlabelled reviews of the Large Movie Review Dataset."""
SPLIT = "unsupervised"
"""The split that holds them, see `lstm_report.data.sources.SPLITS`."""
PLACE = ("train", "unsup")
"""Where they stand in the original `aclImdb`."""
BUILT_IN = 4_000
"""How many the built-in grammar writes."""
BUILT_IN_SEED = 3
"""Not one of those that `lstm_report.data.synthetic.default` uses."""


def resolve(config: RunConfig) -> Source:
    """Return the reviews that a run needs, those without a label only where it learns from them.

    Raises:
        UserError: as `lstm_report.data.sources.resolve` and `attach`.
    """
    source = sources.resolve(config.data.source)
    return attach(source, config.data.source) if config.reads_unlabelled else source


def attach(source: Source, spec: str = "auto") -> Source:
    """Return a source with its unlabelled reviews, without those whose text also stands in test.

    They are in the order of their digests, so that equal texts mean equal word vectors wherever
    they came from. The checksum stays that of the labelled reviews: for IMDB, which has one set of
    unlabelled reviews, it says all.

    Args:
        source: from `lstm_report.data.sources.resolve`.
        spec: what it was resolved from.

    Raises:
        UserError: when there are none, or those of IMDB are not all there.
    """
    found = _texts(source, spec)
    if not found:
        raise UserError(
            f"Expected unlabelled reviews beside those of {source.name}, got none: name data with "
            f"a split `{SPLIT}`, or a study without word vectors learnt from it."
        )
    if source.is_imdb and checksum(found) != IMDB_CHECKSUM:
        raise UserError(
            f"Expected the 50,000 unlabelled reviews of IMDB, got {len(found):,} others: get the "
            "whole data set again."
        )
    kept = sorted(_outside(found, source.test), key=_digest)
    return dataclasses.replace(source, unlabelled=kept)


def checksum(texts: list[str]) -> str:
    """Return 64 hexadecimal digits over all texts, independent of their order."""
    return sources.checksum({SPLIT: Reviews(texts, np.full(len(texts), -1))})


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _texts(source: Source, spec: str) -> list[str]:
    if source.built_in:
        return synthetic.write_reviews(BUILT_IN, seed=BUILT_IN_SEED).texts
    if spec == "auto":
        spec = os.environ.get(VARIABLE, "")
    if spec:
        return _from_path(Path(spec).expanduser())
    import datasets  # in whose cache, or on the hub, `sources` has found the others

    return list(datasets.load_dataset(HUB_NAME, split=SPLIT)["text"])


def _from_path(path: Path) -> list[str]:
    """Return the texts at a path that `lstm_report.data.sources.resolve` has read the others
    from."""
    if path.is_dir():
        if files := readers.hub_files(path, SPLIT):
            return [text for file in files for text in _column(file, readers.read_table(file))]
        return _decoded(path, readers.folder_files(path, [PLACE]))
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        return _decoded(path, readers.archive_files(path))
    table = readers.read_table(path)
    splits = sources.splits_of(table, path)
    return [] if splits is None else _column(path, table[splits == SPLIT])


def _column(path: Path, table: pd.DataFrame) -> list[str]:
    texts = []
    for row, text in enumerate(sources.text_column(table, path), start=1):
        flaw = readers.flaw_of(text)
        if flaw is None:
            texts.append(text)
        elif flaw != readers.EMPTY:
            raise UserError(
                f"Expected a text in each unlabelled row of {path}, but row {row} {flaw}: "
                "mend or remove it."
            )
    return texts


def _decoded(path: Path, files: Mapping[tuple[str, str], Mapping[str, bytes]]) -> list[str]:
    """Return the unlabelled texts among the files of `aclImdb`, in the order of their names."""
    texts = []
    for name, content in sorted(files.get(PLACE, {}).items()):
        try:
            texts.append(content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise UserError(
                f"Expected UTF-8 text in {path / name}, got other bytes: mend it."
            ) from error
    return texts


SETTINGS: dict[str, Any] = {
    "sg": 1,  # skip-grams
    "window": 5,  # at most as many words on either side
    "negative": 5,  # drawn words for each true one
    "sample": 1e-4,  # words more frequent than this are left out now and then
    "epochs": 5,
}
"""Of word2vec, by the names of the library gensim: those of the paper, section 2 and 3."""
VERSION = 1
"""Part of the cache's key: raise it when the texts, or how they are cut, change."""


def prepare(data: PreparedData, config: RunConfig) -> None:
    """Learn the vectors that a run starts from, if it does from any, so that the cache has them.

    Raises:
        UserError: as `learn`.
    """
    if config.training.vectors != "none":
        learn(data, config.model.embedding_size)


def learn(data: PreparedData, size: int) -> np.ndarray:
    """Return a vector for each token of the vocabulary, (V, E), from the disk cache when there.

    They are learnt from the whole texts of the training part and of the unlabelled reviews, without
    those that also stand in the validation part; `lstm_report.data.unlabelled` has taken out those
    that stand in test. Labels play no part. Tokens outside the vocabulary are read as the unknown
    token, so that it has a vector too; that of the padding token is zero. One thread learns, and
    the seed of the split is that of the draws, so that all runs of a split start from the same
    vectors.

    Args:
        data: the reviews; their source must have unlabelled ones.
        size: E.

    Raises:
        UserError: without unlabelled reviews, without the library gensim, or when the disk is full.

    Source: Mikolov et al. (2013), NeurIPS, “Distributed representations of words and phrases and
    their compositionality”.
    """
    if not data.source.unlabelled:
        raise UserError(
            f"Expected unlabelled reviews to learn word vectors from, got none with "
            f"{data.source.name}: resolve the data with `lstm_report.data.unlabelled.attach`."
        )
    folder = _cache(data, size)
    if (kept := paths.read_cache(folder)) is not None:
        return kept[0]["vectors"]
    found = _learnt(data, size)
    paths.write_cache(folder, {"vectors": found}, {})
    return found


def _cache(data: PreparedData, size: int) -> Path:
    config = data.config
    reviews = (data.source.checksum, checksum(data.source.unlabelled))
    split = (config.validation_fraction, config.train_limit, config.split_seed)
    values = [VERSION, *reviews, SETTINGS, *split, size, data.vocabulary]
    key = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
    return paths.CACHE / f"vectors-{key}"


def _sentences(data: PreparedData) -> list[str]:
    """Return what the vectors are learnt from."""
    more = _outside(data.source.unlabelled, data.validation.reviews)
    return [*data.train.reviews.texts, *more]


def apart(data: PreparedData) -> list[str]:
    """Return the unlabelled reviews whose text stands in no part of the data.

    Raises:
        UserError: when there are none.
    """
    # `attach` has seen to those of test.
    found = _outside(data.source.unlabelled, data.train.reviews, data.validation.reviews)
    if not found:
        raise UserError(
            f"Expected unlabelled reviews beside those of {data.source.name}, got none: resolve "
            "the data with `lstm_report.data.unlabelled.attach`."
        )
    return found


def _outside(texts: list[str], *parts: Reviews) -> list[str]:
    """Return the texts that stand in none of these parts."""
    known = {normalised(text) for part in parts for text in part.texts}
    return [text for text in texts if normalised(text) not in known]


def _learnt(data: PreparedData, size: int) -> np.ndarray:
    try:
        from gensim.models import Word2Vec
        from gensim.models.word2vec import MAX_WORDS_IN_BATCH as LONGEST
    except ImportError as error:
        raise UserError(
            "Expected the package gensim for word vectors learnt from the reviews, but it is not "
            "installed: install this project with its extra `vectors`, as in `pip install "
            "--constraint constraints.txt --editable '.[vectors]'`."
        ) from error
    with paths.scratch() as folder:
        path = folder / "reviews.txt"
        with path.open("w", encoding="ascii") as file:  # a review a line, its tokens as numbers
            for numbers in token_numbers(data.tokenizer, _sentences(data)):
                file.write(" ".join(map(str, numbers[:LONGEST])) + "\n")
        model = Word2Vec(
            corpus_file=str(path),
            vector_size=size,
            seed=data.config.split_seed,
            workers=1,
            min_count=1,
            **SETTINGS,
        )
    found = np.zeros((data.vocabulary_size, size), dtype=np.float32)
    for number in range(UNK, data.vocabulary_size):
        if str(number) in model.wv:
            found[number] = model.wv[str(number)]
    return found
