"""Turn reviews into numbered tokens: vocabulary, validation split, encoding, batches.

Shapes: N reviews, B batch, T time.
"""

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from lstm_report import paths
from lstm_report.config import PAD, UNK, DataConfig
from lstm_report.data.readers import Reviews
from lstm_report.data.sources import Source, normalised
from lstm_report.data.tokens import Numbering, Rows, token_numbers
from lstm_report.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WIDTH = 32
"""Batches are padded to a multiple of it: memory freed by one batch then fits another."""
POOL = 50
"""Batches whose reviews are sorted by length together when the order is random."""
VERSION = 4
"""Part of the cache's key: raise it when encoding, or what the cache holds, changes."""


@dataclass(frozen=True)
class Split:
    """Encoded reviews; review k is `tokens[offsets[k]:offsets[k + 1]]`."""

    reviews: Reviews
    tokens: np.ndarray  # int32, all reviews one after the other
    offsets: np.ndarray  # (N + 1,) int64

    def __len__(self) -> int:
        return len(self.reviews)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each review, (N,)."""
        return np.diff(self.offsets)

    def row(self, index: int) -> np.ndarray:
        """Return the token numbers of one review, (T,)."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]


@dataclass(frozen=True)
class PreparedData:
    """Everything training needs to know about the reviews."""

    source: Source
    config: DataConfig
    tokenizer: Tokenizer
    train: Split
    validation: Split
    test: Split
    test_in_train: np.ndarray
    """For each test review, whether its normalised text stands in the official training part."""

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens with a number, padding and unknown token included."""
        return self.tokenizer.get_vocab_size()

    @property
    def vocabulary(self) -> list[str]:
        """The tokens in the order of their numbers."""
        numbers = self.tokenizer.get_vocab()
        return sorted(numbers, key=lambda token: numbers[token])


@dataclass(frozen=True)
class Batch:
    """Reviews padded at the end to a common length."""

    tokens: "Tensor"  # (B, T) int64
    lengths: "Tensor"  # (B,) int64, real tokens
    labels: "Tensor"  # (B,) float32
    index: "Tensor"  # (B,) int64, rows of the split


def _split_validation(
    texts: Sequence[str], fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the training and of the validation part; equal texts stay together."""
    groups, different = pd.factorize(np.array(texts, object))
    if len(different) < 2:
        raise UserError(
            f"Expected at least two different training reviews, got {len(different)}: add reviews."
        )
    order = np.random.default_rng(seed).permutation(len(different))
    sizes = np.bincount(groups)[order]
    count = int(np.searchsorted(np.cumsum(sizes), fraction * len(texts))) + 1
    chosen = np.isin(groups, order[: min(count, len(different) - 1)])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def reading(config: DataConfig) -> slice:
    """Return which words of a text are read: all, or `max_length` from the end that is kept."""
    head, tail = slice(None, config.max_length), slice(-config.max_length, None)
    return head if config.keep == "head" else tail


def shuffle_windows(row: np.ndarray, width: int, generator: np.random.Generator) -> np.ndarray:
    """Return the words of a text with its consecutive windows in random order.

    The text is cut from its first word into windows of `width` words, of which the last may be
    shorter; the order inside a window stays. A width of 1 keeps no order, and one of at least the
    length keeps all of it.

    Args:
        row: (T,) of anything.
        width: words in a window, at least 1.
        generator: draws the order of the windows.
    """
    starts = np.arange(0, len(row), width)
    windows = [row[start : start + width] for start in generator.permutation(starts)]
    return np.concatenate(windows) if windows else row


def as_read(row: np.ndarray, config: DataConfig) -> np.ndarray:
    """Return a text as it is read: its phrases in random order, filled up with padding, or itself.

    What is drawn comes from the token numbers alone, so that a text reads the same wherever it
    stands.
    """
    if config.phrase:
        draw = np.random.default_rng(zlib.crc32(row.tobytes()))
        row = shuffle_windows(row, config.phrase, draw)
    if config.padded:
        row = np.pad(row, (0, config.max_length - len(row)), constant_values=PAD)
    return row


def encode(tokenizer: Tokenizer, texts: Sequence[str], config: DataConfig) -> list[np.ndarray]:
    """Return the token numbers of each text, cut to `config.max_length`, at least one each.

    Args:
        tokenizer: of a run, or of prepared reviews.
        texts: any number of texts.
        config: which end of a longer text is kept, and how much of it.
    """
    kept = reading(config)
    return [
        as_read(np.array(numbers[kept] or [UNK], dtype=np.int32), config)
        for numbers in token_numbers(tokenizer, texts)
    ]


def encode_reviews(reviews: Reviews, tokenizer: Tokenizer, config: DataConfig) -> Split:
    """Return reviews with the token numbers that `encode` gives their texts."""
    return Split(reviews, *joined(encode(tokenizer, reviews.texts, config)))


def joined(rows: Sequence[np.ndarray]) -> Rows:
    """Return texts one after another, with where each begins and ends."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Rows(np.concatenate(rows), offsets)


def _cache(source: Source, config: DataConfig) -> Path:
    values = dataclasses.asdict(config)
    del values["source"]
    key = json.dumps([VERSION, source.checksum, values], sort_keys=True)
    return paths.CACHE / f"prepared-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def split_rows(source: Source, config: DataConfig) -> dict[str, np.ndarray]:
    """Return the official training rows of both parts, and which test reviews stand in train.

    Raises:
        UserError: when there are too few different training reviews.
    """
    texts = [normalised(text) for text in source.train.texts]
    train, validation = _split_validation(texts, config.validation_fraction, config.split_seed)
    if config.train_limit is not None and config.train_limit < len(train):
        draw = np.random.default_rng([config.split_seed, 1])
        train = np.sort(draw.choice(train, config.train_limit, replace=False))
    known = set(texts)
    in_train = np.array([normalised(text) in known for text in source.test.texts])
    return {"train-rows": train, "validation-rows": validation, "test-in-train": in_train}


def _parts(source: Source, rows: Mapping[str, np.ndarray]) -> dict[str, Reviews]:
    return {
        "train": source.train.take(rows["train-rows"]),
        "validation": source.train.take(rows["validation-rows"]),
        "test": source.test,
    }


def _encoded(source: Source, config: DataConfig) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the arrays and texts that the cache keeps."""
    arrays, numbering = split_rows(source, config), Numbering()
    read = {name: numbering.read(part.texts) for name, part in _parts(source, arrays).items()}
    tokenizer = numbering.tokenizer(read["train"], config)
    for name, whole in read.items():
        kept = whole.cut(config.max_length, config.keep)
        tokens, ends = numbering.renumbered(kept, tokenizer)
        rows = joined([as_read(row, config) for row in np.split(tokens, ends[1:-1])])
        arrays |= {f"{name}-tokens": rows.tokens, f"{name}-offsets": rows.offsets}
    return arrays, {"tokenizer": tokenizer.to_str()}


def prepare(source: Source, config: DataConfig) -> PreparedData:
    """Return the encoded training, validation and test reviews, from the disk cache when there.

    The vocabulary is that of the training part alone.

    Args:
        source: from `lstm_report.data.sources.resolve`.
        config: split, vocabulary and length.

    Raises:
        UserError: when there are too few reviews, or the disk is full.
    """
    folder = _cache(source, config)
    kept = paths.read_cache(folder)
    if kept is None or len(kept[0]["test-in-train"]) != len(source.test):  # another's by its name
        kept = _encoded(source, config)
        paths.write_cache(folder, *kept)
    arrays, texts = kept
    splits = {
        name: Split(part, arrays[f"{name}-tokens"], arrays[f"{name}-offsets"])
        for name, part in _parts(source, arrays).items()
    }
    tokenizer = Tokenizer.from_str(texts["tokenizer"])
    return PreparedData(source, config, tokenizer, **splits, test_in_train=arrays["test-in-train"])


def number_of_batches(split: Split, batch_size: int) -> int:
    """Return how many batches `batches` yields."""
    return -(-len(split) // batch_size)


def batch_of(split: Split, index: "Tensor") -> Batch:
    """Return the reviews of the given rows, (B,), as one batch."""
    import torch

    lengths = split.lengths
    length = torch.from_numpy(lengths[index.numpy()])
    width = min(-(-int(length.max()) // WIDTH) * WIDTH, int(lengths.max()))
    tokens = torch.full((len(index), width), PAD)
    for place, row in enumerate(index.tolist()):
        tokens[place, : int(length[place])] = torch.from_numpy(split.row(row).astype(np.int64))
    labels = torch.from_numpy(split.reviews.labels[index.numpy()]).float()
    return Batch(tokens, length, labels, index)


def batches(split: Split, batch_size: int, *, generator: "torch.Generator") -> Iterator[Batch]:
    """Yield every review once, in batches of reviews of like length.

    Args:
        split: encoded reviews.
        batch_size: B; the last batch may be smaller.
        generator: draws a random order, the same for the same state of the generator.
    """
    import torch

    lengths = torch.from_numpy(split.lengths)
    groups = []
    for pool in torch.randperm(len(split), generator=generator).split(POOL * batch_size):
        ordered = pool[torch.argsort(lengths[pool], stable=True)]
        groups.extend(ordered.split(batch_size))
    for k in torch.randperm(len(groups), generator=generator).tolist():
        yield batch_of(split, groups[k])
