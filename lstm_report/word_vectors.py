"""Word vectors learnt from the texts of the task itself, with skip-grams and negative samples."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from lstm_report import cache, paths, unlabelled
from lstm_report import data as reviews
from lstm_report.config import UNK, RunConfig
from lstm_report.data import PreparedData
from lstm_report.errors import UserError
from lstm_report.sources import normalised

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
NO_GENSIM = (
    "Expected the package gensim for word vectors learnt from the reviews, but it is not "
    "installed: install this project with its extra `vectors`, as in `pip install --constraint "
    "constraints.txt --editable '.[vectors]'`."
)


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
    those that also stand in the validation part; `lstm_report.unlabelled` has taken out those that
    stand in test. Labels play no part. Tokens outside the vocabulary are read as the unknown token,
    so that it has a vector too; that of the padding token is zero. One thread learns, and the seed
    of the split is that of the draws, so that all runs of a split start from the same vectors.

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
            f"{data.source.name}: resolve the data with `lstm_report.unlabelled.attach`."
        )
    folder = _cache(data, size)
    if (kept := cache.read(folder)) is not None:
        return kept[0]["vectors"]
    found = _learnt(data, size)
    cache.write(folder, {"vectors": found}, {})
    return found


def _cache(data: PreparedData, size: int) -> Path:
    config = data.config
    values = [VERSION, data.source.checksum, unlabelled.checksum(data.source.unlabelled), SETTINGS]
    values += [config.validation_fraction, config.train_limit, config.split_seed, size]
    values.append(data.vocabulary)
    key = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
    return paths.CACHE / f"vectors-{key}"


def _sentences(data: PreparedData) -> list[str]:
    """Return what the vectors are learnt from."""
    rows = reviews.split_rows(data.source, data.config)
    held = {normalised(data.source.train.texts[row]) for row in rows["validation-rows"]}
    return [
        *(data.source.train.texts[row] for row in rows["train-rows"]),
        *(text for text in data.source.unlabelled if normalised(text) not in held),
    ]


def _learnt(data: PreparedData, size: int) -> np.ndarray:
    try:
        from gensim.models import Word2Vec
        from gensim.models.word2vec import MAX_WORDS_IN_BATCH as LONGEST
    except ImportError as error:
        raise UserError(NO_GENSIM) from error
    texts = _sentences(data)
    with paths.scratch() as folder:
        path = folder / "reviews.txt"
        with path.open("w", encoding="ascii") as file:  # a review a line, its tokens as numbers
            for start in range(0, len(texts), 5_000):
                for encoding in data.tokenizer.encode_batch_fast(texts[start : start + 5_000]):
                    file.write(" ".join(map(str, encoding.ids[:LONGEST])) + "\n")
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
