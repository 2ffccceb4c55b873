"""The reviews without a label that lie beside a data source, for those who learn from them."""

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_report import corpus, readers, sources
from lstm_report.config import RunConfig
from lstm_report.errors import UserError
from lstm_report.readers import Reviews
from lstm_report.sources import HUB_NAME, VARIABLE, Source, normalised

IMDB_CHECKSUM = "0ef9b5974f46b056d278488f2d28de2a17af9df07626102f7f2db37a5dafe062"
"""`checksum` of the 50,000 unlabelled reviews of the Large Movie Review Dataset."""
SPLIT = "unsupervised"
"""The split that holds them, see `lstm_report.sources.SPLITS`."""
BUILT_IN = 4_000
"""How many the built-in grammar writes."""
BUILT_IN_SEED = 3
"""Not one of those that `lstm_report.corpus.default` uses."""


def resolve(config: RunConfig) -> Source:
    """Return the reviews that a run needs, those without a label only where it learns from them.

    Raises:
        UserError: as `lstm_report.sources.resolve` and `attach`.
    """
    source = sources.resolve(config.data.source)
    return source if config.training.vectors == "none" else attach(source, config.data.source)


def attach(source: Source, spec: str = "auto") -> Source:
    """Return a source with its unlabelled reviews, without those whose text also stands in test.

    They are in the order of their digests, so that equal texts mean equal word vectors wherever
    they came from. The checksum stays that of the labelled reviews: for IMDB, which has one set of
    unlabelled reviews, it says all.

    Args:
        source: from `lstm_report.sources.resolve`.
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
    known = {normalised(text) for text in source.test.texts}
    kept = [text for text in found if normalised(text) not in known]
    return dataclasses.replace(source, unlabelled=sorted(kept, key=_digest))


def checksum(texts: list[str]) -> str:
    """Return 64 hexadecimal digits over all texts, independent of their order."""
    return sources.checksum({SPLIT: Reviews(texts, np.full(len(texts), -1))})


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _texts(source: Source, spec: str) -> list[str]:
    if source.built_in:
        return corpus.write_reviews(BUILT_IN, seed=BUILT_IN_SEED).texts
    if spec == "auto":
        spec = os.environ.get(VARIABLE, "")
    return _from_path(Path(spec).expanduser()) if spec else _from_hub()


def _from_path(path: Path) -> list[str]:
    """Return the texts at a path that `lstm_report.sources.resolve` has read the others from."""
    if path.is_dir():
        if files := readers.hub_files(path, SPLIT):
            return [text for file in files for text in _column(file, readers.read_table(file))]
        root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
        folder = root / "train" / "unsup"
        files = [file for file in sorted(folder.glob("[!.]*")) if file.suffix.lower() == ".txt"]
        return [_decoded(file, file.read_bytes()) for file in files]
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        members = readers.archive_files(path).get(("train", "unsup"), {})
        return [_decoded(path / name, members[name]) for name in sorted(members)]
    table = readers.read_table(path)
    splits = sources.splits_of(table, path)
    return [] if splits is None else _column(path, table[splits == SPLIT])


def _column(path: Path, table: pd.DataFrame) -> list[str]:
    column = sources.text_column(table, path)
    flaws = [readers.flaw_of(text) for text in column]
    for row, flaw in enumerate(flaws, start=1):
        if flaw not in (None, readers.EMPTY):
            raise UserError(
                f"Expected a text in each unlabelled row of {path}, but row {row} {flaw}: "
                "mend or remove it."
            )
    return [text for text, flaw in zip(column, flaws, strict=True) if flaw is None]


def _from_hub() -> list[str]:
    """Return the texts from the hub or its local cache, where `sources` has found the others."""
    import datasets

    return list(datasets.load_dataset(HUB_NAME, split=SPLIT)["text"])


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"Expected UTF-8 text in {path}, got other bytes: mend it.") from error
