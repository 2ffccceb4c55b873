"""Read the rows of CSV and TSV files as they stand, and ask about those that a quote swallows."""

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lstm_report.errors import FileWarning

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


def refuse_twins(names: Sequence[str]) -> None:
    """Refuse a heading that stands twice; empty ones, as of commas at the end, may.

    Raises:
        ValueError: when one does.
    """
    seen: set[str] = set()
    for name in names:
        if name.strip() and name in seen:
            raise ValueError(f"the column {name[:40]!r} stands twice")
        seen.add(name)


def delimited_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each row, with its line end, and its cells; first those of the headings.

    A blank line is no row, except between the rows of a table with one column, where it is an
    empty cell. The text of a row starts with the blank lines before it.

    Args:
        path: a file in UTF-8 whose ending is one of `DIALECTS`, in small or capital letters.

    Raises:
        ValueError: for a file without headings, a heading that stands twice, a row with more or
            fewer cells, a quote out of place, or a carriage return where other rows have none.
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
                refuse_twins(cells)
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
