"""Read reviews from the formats in which people keep them; every flaw is told in one sentence."""

import csv
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from pyarrow import parquet

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
    (table,) = _pieces(path, None)
    return table


def table_chunks(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    """Yield a file's table in pieces, in order and at least one, with bounded memory.

    A piece has the columns and types that its own rows call for, so that pieces of a JSONL or
    Parquet file can differ in them.

    Args:
        path: a file as for `read_table`.
        rows: the most rows of a piece.

    Raises:
        UserError: as for `read_table`, where the flaw stands.
    """
    found = False
    for piece in _pieces(path, rows):
        found = True
        yield piece
    if not found:
        yield read_table(path)


def _pieces(path: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    """Yield the table whole, or in pieces of at most `rows` rows."""
    ending = path.suffix.lower()
    if ending not in TABLES:
        raise UserError(
            f"Expected a file ending in {', '.join(TABLES)}, got {path}: convert it or rename it."
        )
    if not path.is_file():
        raise UserError(f"Expected a file to read, but {path} is not there: check the path.")
    try:
        yield from (_parquet_pieces if ending == ".parquet" else _text_pieces)(path, rows)
    # Every flaw of a file ends here: pandas and its parsers share no base for what they raise.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"Expected {path} to be a readable UTF-8 {ending[1:]} table, but reading it "
            f"failed ({reason}): mend the file."
        ) from error


def _parquet_pieces(path: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    if rows is None:
        stored = parquet.read_table(path)
        stored.validate(full=True)  # bytes that are no UTF-8 would only fail when looked at
        yield stored.to_pandas()
        return
    with parquet.ParquetFile(path, buffer_size=1 << 20) as file:
        for batch in file.iter_batches(rows):
            batch.validate(full=True)
            # Else pandas would make all categories of the file anew for each piece.
            plain = [
                field.with_type(field.type.value_type)
                if pyarrow.types.is_dictionary(field.type)
                else field
                for field in batch.schema
            ]
            yield batch.cast(pyarrow.schema(plain, batch.schema.metadata)).to_pandas()


def _text_pieces(path: Path, rows: int | None) -> Iterator[pd.DataFrame]:
    ending = path.suffix.lower()
    if ending == ".jsonl":
        lines: Any = pd.read_json(path, lines=True, dtype=False, chunksize=rows)
        yield from [lines] if rows is None else lines
        return
    options: dict[str, Any] = {"sep": "\t", "quoting": csv.QUOTE_NONE} if ending == ".tsv" else {}
    read: Any = pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=rows, **options)
    for table in [read] if rows is None else read:
        if not isinstance(table.index, pd.RangeIndex):
            # pandas would take the first cell of every row as its name and shift the columns.
            raise ValueError("its rows have more cells than its heading")
        yield table


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
            held = (
                f"holds {str(text)[:40]!r}" if text and not isinstance(text, float) else "is empty"
            )
            raise UserError(
                f"Expected a text in every row of {where}, but row {row} {held}: "
                "fill it in or remove it."
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"Expected UTF-8 text in every row of {where}, but row {row} holds half of a "
                "surrogate pair: mend or remove it."
            ) from error
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


def _reviews_of_files(
    files: Mapping[tuple[str, str], Mapping[str, bytes]], where: str
) -> Mapping[str, Reviews] | None:
    """Return train and test of files by (split, `neg` or `pos`) and name; None when some lack."""
    parts = {}
    for split in ("train", "test"):
        texts, labels = [], []
        for label, name in enumerate(("neg", "pos")):
            found = files.get((split, name), {})
            if not found:
                return None
            for file in sorted(found):
                place = f"{split}/{name}/{file} of {where}"
                try:
                    # Bytes, as reading in text mode would rewrite line ends and the checksum.
                    texts.append(found[file].decode("utf-8"))
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"Expected UTF-8 text in {place}, got other bytes: mend the file."
                    ) from error
                if not texts[-1].strip():
                    raise UserError(f"Expected a review in {place}, but it is empty: remove it.")
            labels += [label] * len(found)
        parts[split] = Reviews(texts, np.array(labels, dtype=np.int64))
    return parts


def read_acl_folder(path: Path) -> Mapping[str, Reviews] | None:
    """Return train and test of the original `aclImdb` folder; None for another layout.

    Raises:
        UserError: for a file that is empty, cannot be read or is not UTF-8.
    """
    root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
    try:
        files = {
            (split, name): {
                file.name: file.read_bytes()
                for file in (root / split / name).glob("*.txt")
                if not file.name.startswith(".")
            }
            for split in ("train", "test")
            for name in ("neg", "pos")
        }
    except OSError as error:
        raise UserError(
            f"Expected to be able to read {error.filename}, but it is refused "
            f"({error.strerror}): change its permissions."
        ) from error
    return _reviews_of_files(files, str(path))


def read_acl_archive(path: Path) -> Mapping[str, Reviews] | None:
    """Return train and test of the original `.tar.gz`; None when it holds another layout.

    Raises:
        UserError: as `archive_files`, and for a file that is empty or not UTF-8.
    """
    return _reviews_of_files(archive_files(path), str(path))


def archive_files(path: Path) -> dict[tuple[str, str], dict[str, bytes]]:
    """Return the texts in the original `.tar.gz` by (split, folder) and name.

    Nothing is extracted to disk.

    Raises:
        UserError: for an archive that is truncated, is none, or has members that are links or
            point outside.
    """
    files: dict[tuple[str, str], dict[str, bytes]] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if (
                    name.is_absolute()
                    or ".." in name.parts
                    or not (member.isreg() or member.isdir())
                ):
                    raise UserError(
                        f"Expected an archive of plain files that stay inside it, but {path} holds "
                        f"{member.name!r}, a link or a path that points outside: get the archive "
                        "from its authors."
                    )
                inner = name.parts[1:] if name.parts[:1] == ("aclImdb",) else name.parts
                if member.isreg() and len(inner) == 3 and name.suffix == ".txt":
                    split, label, file = inner
                    stream = archive.extractfile(member)
                    if stream is not None and not file.startswith("."):
                        files.setdefault((split, label), {})[file] = stream.read()
            # A damaged header ends the loop quietly; reading on to the check sum reveals it.
            while archive.fileobj is not None and archive.fileobj.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"Expected a complete .tar.gz archive at {path}, but it is damaged or of another "
            "kind: download it again."
        ) from error
    return files
