"""Read reviews from the formats in which people keep them; every flaw is told in one sentence."""

import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_report.errors import UserError

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
TEXT_COLUMNS = ("text", "review", "sentence")
LABEL_COLUMNS = ("label", "sentiment")
LABELS = {"0": 0, "1": 1, "neg": 0, "pos": 1, "negative": 0, "positive": 1}


@dataclass(frozen=True)
class Reviews:
    """Texts and their labels, 0 for negative and 1 for positive."""

    texts: list[str]
    labels: np.ndarray  # (N,) int64

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Reviews":
        """Return the reviews of the given row numbers, in that order."""
        return Reviews([self.texts[row] for row in rows], self.labels[rows])


def read_table(path: Path) -> pd.DataFrame:
    """Return the table in a CSV, TSV (read without quoting), JSONL or Parquet file.

    Raises:
        UserError: for another ending, a missing file, or one that cannot be read.
    """
    if path.suffix not in TABLES:
        raise UserError(
            f"Expected a file ending in {', '.join(TABLES)}, got {path}: convert it or rename it."
        )
    if not path.is_file():
        raise UserError(f"Expected a file to read, but {path} is not there: check the path.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".jsonl":
            return pd.read_json(path, lines=True, dtype=False)
        if path.suffix == ".tsv":
            return pd.read_csv(path, sep="\t", quoting=3, dtype=str, keep_default_na=False)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:  # UnicodeDecodeError and ParserError are ValueErrors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"Expected {path} to be a readable UTF-8 {path.suffix[1:]} table, but reading it "
            f"failed ({reason}): mend the file."
        ) from error


def reviews_of(table: pd.DataFrame, where: str) -> Reviews:
    """Return the reviews in a table's column of texts and column of labels.

    Args:
        table: with a column named as in `TEXT_COLUMNS` and one as in `LABEL_COLUMNS`, in any case.
        where: the name of the file, for messages.

    Raises:
        UserError: without these columns or rows, for an empty text or a label that is not binary.
    """
    names = {str(name).lower(): name for name in table.columns}
    found = [
        next((names[name] for name in wanted if name in names), None)
        for wanted in (TEXT_COLUMNS, LABEL_COLUMNS)
    ]
    if None in found:
        raise UserError(
            f"Expected {where} to have a column of texts ({', '.join(TEXT_COLUMNS)}) and one of "
            f"labels ({', '.join(LABEL_COLUMNS)}), got {', '.join(map(str, table.columns))}: "
            "rename the columns."
        )
    texts, raw = table[found[0]].tolist(), table[found[1]].tolist()
    if not texts:
        raise UserError(f"Expected at least one review in {where}, got no rows: add some.")
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str) or not text.strip():
            raise UserError(
                f"Expected a text in every row of {where}, but row {row} is empty: "
                "fill it in or remove it."
            )
    labels = np.empty(len(raw), dtype=np.int64)
    for row, value in enumerate(raw):
        name = str(value).strip().lower().removesuffix(".0")
        if name not in LABELS:
            raise UserError(
                f"Expected binary labels (0/1, neg/pos, negative/positive) in {where}, "
                f"got {value!r} in row {row + 1}: recode or remove it."
            )
        labels[row] = LABELS[name]
    return Reviews(texts, labels)


def read_hub_folder(path: Path) -> Mapping[str, Reviews] | None:
    """Return train and test of a folder in the hub's layout; None for another layout."""
    parts = {}
    for split in ("train", "test"):
        files = sorted([*path.glob(f"{split}-*.parquet"), *path.glob(f"*/{split}-*.parquet")])
        if not files:
            return None
        table = pd.concat([read_table(file) for file in files], ignore_index=True)
        parts[split] = reviews_of(table, f"{path} ({split})")
    return parts


def read_acl_folder(path: Path) -> Mapping[str, Reviews] | None:
    """Return train and test of the original `aclImdb` folder; None for another layout."""
    root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
    parts = {}
    for split in ("train", "test"):
        texts, labels = [], []
        for label, name in enumerate(("neg", "pos")):
            files = sorted((root / split / name).glob("*.txt"))
            if not files:
                return None
            for file in files:
                try:
                    texts.append(file.read_text(encoding="utf-8"))
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"Expected UTF-8 text in {file}, got other bytes: mend the file."
                    ) from error
                if not texts[-1].strip():
                    raise UserError(f"Expected a review in {file}, but it is empty: remove it.")
            labels += [label] * len(files)
        parts[split] = Reviews(texts, np.array(labels, dtype=np.int64))
    return parts


def read_acl_archive(path: Path) -> Mapping[str, Reviews] | None:
    """Return train and test of the original `.tar.gz`; None when it holds another layout.

    Raises:
        UserError: for an archive that is truncated, is none, or has members that point outside.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(path, "r:gz") as archive:
                archive.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise UserError(
                f"Expected an archive whose members stay inside it, but {path} holds "
                f"{error.tarinfo.name!r}, which points outside: get the archive from its authors."
            ) from error
        except (tarfile.TarError, EOFError, OSError) as error:
            raise UserError(
                f"Expected a complete .tar.gz archive at {path}, but it is damaged or of another "
                "kind: download it again."
            ) from error
        return read_acl_folder(Path(folder))
