"""Resolve a data source: a path, the hub or the built-in corpus; check what came."""

import hashlib
import http.client
import os
import sys
import threading
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_report import progress
from lstm_report.data import readers, synthetic
from lstm_report.data.readers import Reviews
from lstm_report.data.table_files import plain_name
from lstm_report.errors import UserError

__all__ = ["Reviews", "Source", "checksum", "normalised", "resolve"]

VARIABLE = "LSTM_REPORT_DATA"
HUB_NAME = "stanfordnlp/imdb"
HUB_ADDRESS = "https://huggingface.co"
NETWORK_SECONDS = 5.0
IMDB_CHECKSUM = "3d37a068c1edc37856d994f2e75a4ef98b95bbb86c5cfed21730f699c3ff2839"
"""`checksum` of the 25,000 training and 25,000 test reviews of the Large Movie Review Dataset."""

SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("validation", "valid", "val", "dev"),
    "unsupervised": ("unsupervised", "unlabelled", "unlabeled", "unsup"),
}
"""What the column `split` of a table may hold, by the part that is meant."""

Log = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """Reviews with their official split, and where they came from."""

    name: str
    """`IMDB`, `built-in corpus`, or the name of the file or folder."""
    origin: str
    """One sentence: how the source was resolved."""
    train: Reviews
    test: Reviews
    checksum: str
    """64 hexadecimal digits over all reviews, independent of their order."""
    is_imdb: bool
    """Whether counts, balance and checksum are those of IMDB."""
    built_in: bool
    """Whether this is the corpus that the package writes itself."""
    unlabelled: list[str] = field(default_factory=list)
    """Further texts without a label, none of which stands in test; see
    `lstm_report.data.unlabelled`."""


def text_column(table: pd.DataFrame, where: Path) -> pd.Series:
    """Return the column of a table that is named as in `readers.TEXT_COLUMNS`, in any case.

    Raises:
        UserError: when it has none or several; the message names `where` it was read from.
    """
    column = readers.find_column(table.columns, readers.TEXT_COLUMNS, str(where))
    if column is None:
        raise UserError(
            f"Expected {where} to have a column of texts ({', '.join(readers.TEXT_COLUMNS)}), got "
            f"{readers.listed(table.columns)}: rename the column."
        )
    return table[column]


def normalised(text: str) -> str:
    """Return a text in lower case with single spaces; equal results count as duplicates."""
    return " ".join(text.lower().split())


def _digests(split: str, reviews: Reviews) -> list[bytes]:
    """Return the SHA-256 of (split, label, text) of each review."""
    return [
        hashlib.sha256(f"{split}\0{label}\0{text}".encode()).digest()
        for text, label in zip(reviews.texts, reviews.labels, strict=True)
    ]


def checksum(parts: Mapping[str, Reviews]) -> str:
    """Return the sum, modulo 2^256, of the SHA-256 of every (split, label, text).

    A sum does not depend on the order of its terms, and unlike an exclusive or it does not cancel
    a review that stands twice.
    """
    digests = (digest for split, part in parts.items() for digest in _digests(split, part))
    return f"{sum(int.from_bytes(digest, 'big') for digest in digests) % 2**256:064x}"


def _ordered(split: str, reviews: Reviews) -> Reviews:
    """Return the reviews in the order of their digests.

    The hub and the original archive keep the same reviews in different orders. Row numbers decide
    the validation split, the cache of tokens and the rows of predictions, all of which are known
    by the checksum alone, so equal checksums must mean equal rows.
    """
    digests = _digests(split, reviews)
    return reviews.take(np.array(sorted(range(len(digests)), key=digests.__getitem__)))


def _source(name: str, origin: str, parts: Mapping[str, Reviews], built_in: bool = False) -> Source:
    if len(np.unique(parts["train"].labels)) < 2:
        raise UserError(
            f"Expected training reviews of both labels in {name}, got only label "
            f"{parts['train'].labels[0]}: add reviews of the other."
        )
    parts = {split: _ordered(split, reviews) for split, reviews in parts.items()}
    digits = checksum(parts)
    is_imdb = digits == IMDB_CHECKSUM and all(
        len(part) == 25_000 and part.labels.sum() == 12_500 for part in parts.values()
    )
    name = "IMDB" if is_imdb else name
    return Source(name, origin, parts["train"], parts["test"], digits, is_imdb, built_in)


def _split_by_hash(reviews: Reviews, where: str) -> Mapping[str, Reviews]:
    """Set a fifth of the reviews aside as test, by the hash of the text: copies stay together."""
    keys = [hashlib.sha256(normalised(text).encode()).digest() for text in reviews.texts]
    is_test = np.array([int.from_bytes(key[:8], "big") % 5 == 0 for key in keys])
    parts = {
        "train": reviews.take(np.flatnonzero(~is_test)),
        "test": reviews.take(np.flatnonzero(is_test)),
    }
    if any(len(np.unique(part.labels)) < 2 for part in parts.values()):
        raise UserError(
            f"Expected enough reviews of both labels in {where} to set a fifth aside as test "
            f"split, got {len(reviews)} rows: add reviews."
        )
    return parts


def _from_path(path: Path) -> Source:
    """Return the source at a path; see `resolve`."""
    try:
        path = path.expanduser()
        there = path.exists()
    except (OSError, RuntimeError):  # a name too long, or the home of an unknown user
        there = False
    if not there:
        raise UserError(
            f"Expected a folder or file of reviews, but {path} is not there: check the path."
        )
    if path.is_dir():
        parts = readers.read_hub_folder(path) or readers.reviews_of_files(
            readers.folder_files(path), str(path)
        )
        if parts is None:
            raise UserError(
                f"Expected {path} to hold train-*.parquet and test-*.parquet, or "
                "{train,test}/{neg,pos}/*.txt, got neither: choose such a folder."
            )
        return _source(path.name, f"Read from the folder {path.name}.", parts)
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        parts = readers.reviews_of_files(readers.archive_files(path), str(path))
        if parts is None:
            raise UserError(
                f"Expected the archive {path} to hold {{train,test}}/{{neg,pos}}/*.txt, got "
                "another layout: choose aclImdb_v1.tar.gz."
            )
        return _source(path.name, f"Read from the archive {path.name}.", parts)
    return _from_table(path)


def _from_table(path: Path) -> Source:
    """Return the source in one file, with its own split where it has one."""
    table = readers.read_table(path)
    names = splits_of(table, path)
    if names is None:
        parts = _split_by_hash(readers.reviews_of(table, str(path)), str(path))
        origin = f"Read from the file {path.name}; a fifth of it was set aside as test."
        return _source(path.name, origin, parts)
    if not {"train", "test"} <= set(names):
        raise UserError(
            f"Expected rows of both train and test in the column split of {path}, got only "
            f"{', '.join(sorted(set(names))) or 'no rows'}: add the other part, or remove the "
            "column to have a fifth set aside."
        )
    parts = {
        split: readers.reviews_of(table[names == split], f"{path} ({split})")
        for split in ("train", "test")
    }
    left = int((~names.isin(["train", "test"])).sum())
    rest = f"; {left:,} rows of other splits were left out" if left else ""
    return _source(path.name, f"Read from the file {path.name} with its own split{rest}.", parts)


def splits_of(table: pd.DataFrame, where: Path) -> pd.Series | None:
    """Return the split of each row, one of the names in `SPLITS`; None without a column `split`.

    Args:
        table: with a column `split`, or without.
        where: the file that it was read from, for messages.

    Raises:
        UserError: for two such columns, or a value that stands for no split.
    """
    column = readers.find_column(table.columns, ["split"], str(where))
    if column is None:
        return None
    known = {value: split for split, values in SPLITS.items() for value in values}
    names = []
    for row, value in enumerate(table[column].tolist(), start=1):
        name = plain_name(value)
        if name not in known:
            raise UserError(
                f"Expected {', '.join(SPLITS)} in the column split of {where}, got "
                f"{repr(value)[:40]} in row {row}: rename it, or rename the column."
            )
        names.append(known[name])
    return pd.Series(names, table.index)


def _network_is_there() -> bool:
    """Return whether the hub answers, after `NETWORK_SECONDS` at most; proxies are honoured."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    address = f"{os.environ.get('HF_ENDPOINT', HUB_ADDRESS)}/api/datasets/{HUB_NAME}"
    reached = threading.Event()

    def connect() -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            urllib.request.urlopen(address, timeout=NETWORK_SECONDS).close()
            reached.set()

    # A look-up of a name has no time limit of its own, so it runs in a thread that may be left.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(NETWORK_SECONDS)
    return reached.is_set()


def _from_hub() -> Source | None:
    """Return IMDB from the local Hugging Face cache or the hub; None when neither has it."""
    online = _network_is_there()
    if not online:  # read when `datasets` is first imported; keeps it from waiting for the network
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if progress.KERNEL in sys.modules:  # bars that are widgets are gone in a saved notebook
        for library in ("HF_HUB", "HF_DATASETS"):
            os.environ.setdefault(f"{library}_DISABLE_PROGRESS_BARS", "1")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # of tqdm, for lack of widgets
        import datasets

    datasets.utils.logging.set_verbosity_error()
    try:
        loaded = datasets.load_dataset(HUB_NAME)
        parts = {
            split: Reviews(list(loaded[split]["text"]), np.asarray(loaded[split]["label"]))
            for split in ("train", "test")
        }
    except Exception:  # the library documents no common base of what a missing data set raises
        return None
    place = "hub or its local cache" if online else "local cache"
    return _source(HUB_NAME, f"Loaded as {HUB_NAME} from the Hugging Face {place}.", parts)


def _built_in(reason: str = "") -> Source:
    origin = f"{reason}Written by the built-in grammar; these are not reviews of IMDB."
    return _source("built-in corpus", origin, synthetic.default(), built_in=True)


def resolve(spec: str = "auto", *, log: Log | None = None) -> Source:
    """Return the reviews of a source, and say which one it was.

    Args:
        spec: `built-in`; a path: a folder in the hub's layout, the original `aclImdb` folder or its
            `.tar.gz`, a CSV, TSV, JSONL or Parquet file; or `auto`, which takes the path in the
            environment variable `LSTM_REPORT_DATA`, else IMDB from the Hugging Face cache or hub,
            else the built-in corpus.
        log: called with one sentence about what was taken.

    Raises:
        UserError: for a path that is not there or does not hold usable reviews.
    """
    if spec == "built-in":
        source = _built_in()
    elif spec != "auto":
        source = _from_path(Path(spec))
    elif path := os.environ.get(VARIABLE):
        source = _from_path(Path(path))
    else:
        source = _from_hub() or _built_in("IMDB is neither cached nor within reach. ")
    if log is not None:
        log(f"Data: {source.name}. {source.origin}")
    return source
