"""Read tables row by row as they stand in CSV, TSV, JSONL and Parquet files, in bounded memory.

Every value keeps its spelling. A file that could be read in two ways is refused in one sentence.
"""

import codecs
import csv
import itertools
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
from pyarrow import parquet

from lstm_report.errors import FileWarning, UserError, reason

DIALECTS: dict[str, dict[str, Any]] = {
    ".csv": {"delimiter": ","},
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
}
"""How the module `csv` reads each of them; in TSV a quote is a character like any other."""
LABEL_COLUMNS = ("label", "sentiment")
LABELS = {"0": 0, "1": 1, "neg": 0, "pos": 1, "negative": 0, "positive": 1}
LONGEST_CELL = 1 << 24
"""Characters after which a cell is taken for a quote that is never closed."""
SUSPICIOUS = 3
"""Lines within one cell that could be rows of their own, where no label tells for certain."""
SUSPICIOUS_BREAKS = 10
"""The same in a table with one column, where every line could be a row."""


def plain_name(name: object) -> str:
    """Return a heading without blanks and marks of byte order around it, in small letters."""
    return str(name).strip("\ufeff\xa0 \t\r\n").lower()


def _refuse_twins(names: Sequence[str]) -> None:
    """Refuse a heading that stands twice; empty ones, as of commas at the end, may."""
    seen: set[str] = set()
    for name in names:
        if name.strip() and name in seen:
            raise ValueError(f"the column {name[:40]!r} stands twice")
        seen.add(name)


def _delimited_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each row, with its line end, and its cells; first those of the headings.

    A blank line is no row, except between the rows of a table with one column, where it is an
    empty cell. The text of a row starts with the blank lines before it.
    """
    csv.field_size_limit(LONGEST_CELL)
    dialect = DIALECTS[path.suffix.lower()]
    row, names, blank, suspects = 0, list[str](), list[str](), list[int]()
    returns = False
    with path.open(encoding="utf-8-sig", newline="") as file:
        held: list[str] = []  # the lines that the reader has taken for the row it is at
        reader = csv.reader(_noted(file, held), strict=True, **dialect)
        while (cells := _next(reader, row + len(blank) + 1 if names else 0)) is not None:
            if not cells:
                if len(names) == 1:
                    blank.append("".join(held))
                    held.clear()
                continue
            text = "".join(held)
            held.clear()
            if not names:
                _refuse_twins(cells)
                names, returns = cells, text.endswith("\r")
                yield text, cells
                continue
            yield from ((line, [""]) for line in blank)
            row += len(blank) + 1
            blank = []
            if len(cells) != len(names):
                amount = "more" if len(cells) > len(names) else "fewer"
                raise ValueError(f"row {row} has {amount} cells than its heading")
            if text.endswith(("\r", "\n")) and text.endswith("\r") != returns:
                raise ValueError(f"row {row} has another line end than its heading")
            if dialect is DIALECTS[".csv"] and _swallows(cells, names):
                suspects.append(row)
            yield text, cells
    if not names:
        raise ValueError("it is empty")
    if suspects:
        others = f" and {len(suspects) - 1:,} more" if len(suspects) > 1 else ""
        warnings.warn(
            f"Row {suspects[0]}{others} of {path.name} holds lines that read like rows: "
            "look for a quote that is not closed.",
            FileWarning,
            stacklevel=1,  # one place, so that reading the file again does not tell it again
        )


def _noted(lines: Iterator[str], held: list[str]) -> Iterator[str]:
    for line in lines:
        held.append(line)
        yield line


def _next(reader: Iterator[list[str]], row: int) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        place = f"row {row}" if row else "the heading"
        raise ValueError(f"{place} has a quote out of place or without end, {error}") from error


def _swallows(cells: list[str], names: list[str]) -> bool:
    """Return whether a cell holds lines that were probably meant to be rows."""
    labels = [place for place, name in enumerate(names) if plain_name(name) in LABEL_COLUMNS]
    for cell in cells:
        lines = re.split(r"\r\n?|\n", cell)
        if len(lines) == 1:
            continue
        if len(names) == 1:
            return len(lines) > SUSPICIOUS_BREAKS
        rows = [row for row in csv.reader(lines, quoting=csv.QUOTE_NONE) if len(row) == len(names)]
        known = [row for row in rows if any(row[k].strip().lower() in LABELS for k in labels)]
        if known or len(rows) >= SUSPICIOUS:
            return True
    return False


TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""With what a file in UTF-16 or UTF-32 begins; the fourth of them begins with the first."""
PIECE = 2048
"""Rows held at a time."""


class Number(float):
    """A number of a JSON file with a point or an exponent; as text it is what was written."""

    written: str

    def __new__(cls, written: str) -> "Number":
        """Return the number that `written` stands for."""
        number = super().__new__(cls, written)
        number.written = written
        return number

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True)
class Piece:
    """Some rows of a file, one after the other."""

    kept: Any
    """The rows as they stand in the file: a list of their texts with line ends, or a batch."""
    _records: Sequence[dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self.kept)

    def column(self, name: str) -> list[Any]:
        """Return the values of one column, `None` where a row has none."""
        if self._records is None:
            return self.kept.column(name).to_pylist()
        return [record.get(name) for record in self._records]

    def records(self) -> Sequence[dict[str, Any]]:
        """Return the values of each row by heading: texts in CSV and TSV, else of their types."""
        if self._records is None:
            return self.kept.to_pylist()
        return self._records


@dataclass(frozen=True)
class Survey:
    """What a file holds, read once from beginning to end."""

    path: Path
    ending: str
    """In small letters."""
    names: list[str]
    """The headings; in JSONL the keys of all rows in the order in which they are met."""
    rows: int
    heading: str = ""
    """The headings of CSV and TSV as they stand, after a mark of byte order where there is one."""
    schema: pyarrow.Schema | None = None
    """That of a Parquet file."""


def survey(path: Path) -> Survey:
    """Return what a file holds after reading it once.

    Raises:
        UserError: for another ending, a missing file, or one that cannot be read.
    """
    ending = ending_of(path)
    with _told(path):
        if ending == ".parquet":
            with _opened(path) as file:
                rows = sum(len(batch) for batch in _batches(file, PIECE))
                schema = file.schema_arrow
            return Survey(path, ending, schema.names, rows, schema=schema)
        if ending == ".jsonl":
            names: dict[str, None] = {}
            rows = 0
            for _, record in _json_rows(path):
                names |= dict.fromkeys(record)
                rows += 1
            return Survey(path, ending, list(names), rows)
        lines = _delimited_rows(path)
        heading, cells = next(lines)
        mark = "\ufeff" if _first_bytes(path, 3) == codecs.BOM_UTF8 else ""
        return Survey(path, ending, cells, sum(1 for _ in lines), mark + heading)


def pieces(path: Path, rows: int = PIECE) -> Iterator[Piece]:
    """Yield the rows of a file in pieces, in order.

    Args:
        path: a file ending in one of `TABLES`, in small or capital letters.
        rows: the most rows of a piece.

    Raises:
        UserError: as for `survey`, where the flaw stands.
    """
    ending = ending_of(path)
    with _told(path):
        if ending == ".parquet":
            with _opened(path) as file:
                for batch in _batches(file, rows):
                    yield Piece(batch)
            return
        found = _json_rows(path) if ending == ".jsonl" else _named_rows(path)
        while taken := list(itertools.islice(found, rows)):
            texts, records = zip(*taken, strict=True)
            yield Piece(texts, records)


def read_table(path: Path) -> pd.DataFrame:
    """Return a whole file as a table whose values are as in `Piece.records`.

    Raises:
        UserError: as for `survey`.
    """
    if ending_of(path) == ".parquet":
        with _told(path), _opened(path) as file:
            stored = file.read()
            stored.validate(full=True)  # bytes that are no UTF-8 would only fail when looked at
            return stored.to_pandas(ignore_metadata=True)
    names = list(dict.fromkeys(survey(path).names))
    records = [record for piece in pieces(path) for record in piece.records()]
    return pd.DataFrame(records, columns=pd.Index(names, dtype=object), dtype=object)


def ending_of(path: Path) -> str:
    """Return the ending of the name of a table in small letters.

    Raises:
        UserError: when it is none of `TABLES`.
    """
    ending = path.suffix.lower()
    if ending not in TABLES:
        raise UserError(
            f"Expected a file ending in {', '.join(TABLES)}, got {path}: convert it or rename it."
        )
    return ending


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell every flaw of a file in one sentence."""
    if not path.is_file():
        raise UserError(f"Expected a file to read, but {path} is not there: check the path.")
    try:
        if _first_bytes(path, 4).startswith(OTHER_MARKS):
            raise ValueError("it is UTF-16 or UTF-32, to be saved as UTF-8")
        yield
    except UserError:
        raise
    # Every flaw of a file ends here: the parsers share no base for what they raise.
    except Exception as error:
        raise UserError(
            f"Expected {path} to be a readable UTF-8 {path.suffix.lower()[1:]} table, but reading "
            f"it failed ({reason(error)}): mend the file."
        ) from error


def _first_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _opened(path: Path) -> Any:
    file = parquet.ParquetFile(path, buffer_size=1 << 20)
    _refuse_twins(file.schema_arrow.names)
    return file


def _batches(file: Any, rows: int) -> Iterator[Any]:
    for batch in file.iter_batches(rows):
        batch.validate(full=True)
        yield batch


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line that is not blank, and the object in it."""
    row = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row, line in enumerate((line for line in file if line.strip()), start=1):
            try:
                record = json.loads(line, parse_float=Number, object_pairs_hook=_object)
                if not isinstance(record, dict):
                    raise ValueError(f"got a {'list' if isinstance(record, list) else 'value'}")
            except (ValueError, RecursionError) as error:
                raise ValueError(f"row {row} is not one JSON object on a line: {error}") from error
            yield line, record
    if not row:
        raise ValueError("it is empty")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        _refuse_twins([key for key, _ in pairs])
        raise ValueError("an empty key stands twice")
    return record


def _named_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    rows = _delimited_rows(path)
    _, names = next(rows)
    for text, cells in rows:
        yield text, dict(zip(names, cells, strict=True))
