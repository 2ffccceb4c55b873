"""Write the rows of a table again, as they stand, with columns added at the end."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
from pyarrow import parquet

from lstm_report.data.table_files import (
    DIALECTS,
    PIECE,
    Piece,
    Survey,
    ending_of,
    pieces,
    plain_name,
)
from lstm_report.errors import UserError, reason

Write = Callable[[Piece, Mapping[str, Sequence[Any]]], None]
"""Takes some rows of the old table and the values of the new columns in them."""

UNFIT = (ValueError, TypeError, OverflowError, NotImplementedError, RecursionError) + (
    pyarrow.ArrowException,
)
"""What pyarrow and the codecs raise for values that another format cannot hold."""


def free_name(name: str, taken: Sequence[str]) -> str:
    """Return `name`, or a longer one when a column bears it, in whatever case."""
    known = {plain_name(other) for other in taken}
    candidate, number = name, 1
    while candidate in known:
        candidate = f"predicted_{name}" + (f"_{number}" if number > 1 else "")
        number += 1
    return candidate


@contextmanager
def writer(target: Path, old: Survey, added: pyarrow.Schema) -> Iterator[Write]:
    """Give a function that appends rows to a new file, whose ending chooses the format.

    In the format of the old file each row stays as it is: cells with their quotes, the text of
    JSON values, types and metadata. In another format, text stays text, CSV and TSV take other
    values as JSON writes them and nothing for null, TSV has a blank for tabs and line breaks in a
    cell, and JSONL text for what JSON has no type for. Numbers that are not finite, which JSON has
    not, are refused there.

    Args:
        target: the file to write, in the end or at first under another name of the same ending.
        old: what the old file holds.
        added: names and types of the new columns.

    Raises:
        UserError: for values that the other format cannot hold.
    """
    ending = ending_of(target)
    names = [*old.names, *added.names]
    if ending != old.ending and len(set(names)) < len(names):
        raise UserError(
            f"Expected a heading of its own for each column of {old.path}, got several empty ones: "
            f"fill them in, or write to a {old.ending} file."
        )
    with ExitStack() as stack:
        with _refusing(old, ending):
            if ending == ".parquet":
                schema = _schema(old, added)
                file = stack.enter_context(parquet.ParquetWriter(target, schema))
                write = _parquet(file, schema, old)
            else:
                file = stack.enter_context(target.open("w", encoding="utf-8", newline=""))
                if ending == old.ending:
                    write = _spliced(file, old, added.names)
                else:
                    write = _jsonl(file) if ending == ".jsonl" else _delimited(file, ending, names)

        def write_or_refuse(piece: Piece, new: Mapping[str, Sequence[Any]]) -> None:
            with _refusing(old, ending):
                write(piece, new)

        yield write_or_refuse


@contextmanager
def _refusing(old: Survey, ending: str) -> Iterator[None]:
    try:
        yield
    except UNFIT as error:
        raise UserError(
            f"Expected values of one kind in each column of {old.path}, and such as {ending} has, "
            f"got others ({reason(error)[:100]}): write to a {old.ending} file."
        ) from error


def _spliced(file: Any, old: Survey, names: Sequence[str]) -> Write:
    """Add to the text of each row, which stays as it is."""

    def add(text: str, values: Sequence[Any]) -> None:
        if old.ending == ".jsonl":
            body = text.rstrip()
            cells = json.dumps(dict(zip(names, values, strict=True)))
            file.write(f"{body[:-1].rstrip()}, {cells[1:]}")
        else:
            body = text.rstrip("\r\n")
            file.write(DIALECTS[old.ending]["delimiter"].join([body, *map(str, values)]))
        file.write(text[len(body) :] or "\n")

    if old.heading:
        add(old.heading, names)

    def write(piece: Piece, new: Mapping[str, Sequence[Any]]) -> None:
        for text, values in zip(piece.kept, zip(*new.values(), strict=True), strict=True):
            add(text, values)

    return write


def _jsonl(file: Any) -> Write:
    def write(piece: Piece, new: Mapping[str, Sequence[Any]]) -> None:
        for row in _rows(piece, new):
            file.write(_json(row) + "\n")

    return write


def _delimited(file: Any, ending: str, names: Sequence[str]) -> Write:
    def line(values: Sequence[Any]) -> None:
        cells = [_text(value) for value in values]
        if ending == ".tsv":  # read without quoting, so no cell may hold a break
            file.write("\t".join(re.sub(r"[\t\r\n]+", " ", cell) for cell in cells) + "\n")
        else:
            csv.writer(file, lineterminator="\n").writerow(cells)

    line(names)

    def write(piece: Piece, new: Mapping[str, Sequence[Any]]) -> None:
        for row in _rows(piece, new):
            line([row.get(name) for name in names])

    return write


def _parquet(file: Any, schema: pyarrow.Schema, old: Survey) -> Write:
    def write(piece: Piece, new: Mapping[str, Sequence[Any]]) -> None:
        if old.schema is not None:
            kept = [_compact(column) for column in piece.kept.columns]
        else:
            kept = [
                pyarrow.array(piece.column(name), schema.field(name).type) for name in old.names
            ]
        more = [pyarrow.array(values, schema.field(name).type) for name, values in new.items()]
        file.write_batch(pyarrow.RecordBatch.from_arrays([*kept, *more], schema=schema))

    return write


def _schema(old: Survey, added: pyarrow.Schema) -> pyarrow.Schema:
    """Return the schema of a Parquet file that holds the old columns and the new ones."""
    schema = old.schema
    if old.ending == ".jsonl":
        schema = pyarrow.schema([(name, pyarrow.null()) for name in old.names])
        for piece in pieces(old.path):
            types = [(name, pyarrow.array(piece.column(name)).type) for name in old.names]
            schemas = [schema, pyarrow.schema(types)]
            schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
    elif schema is None:
        schema = pyarrow.schema([(name, pyarrow.string()) for name in old.names])
    for field in added:
        schema = schema.append(field)
    return schema


def _compact(column: Any) -> Any:
    """Return a column without the categories that none of its rows has, where these are many.

    Else each piece of a column of different texts would hold those of the whole file.
    """
    if not pyarrow.types.is_dictionary(column.type) or len(column.dictionary) <= PIECE:
        return column
    used = column.indices.drop_null().unique().sort()
    indices = pyarrow.compute.index_in(column.indices, used).cast(column.type.index_type)
    return pyarrow.DictionaryArray.from_arrays(
        indices, column.dictionary.take(used), ordered=column.type.ordered
    )


def _rows(piece: Piece, new: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for record, values in zip(piece.records(), zip(*new.values(), strict=True), strict=True):
        yield record | dict(zip(new, values, strict=True))


def _plain(value: Any) -> Any:
    """Return a value in the types of JSON; see `writer`."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, bytes):
        return value.decode()
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _json(value: Any) -> str:
    """Return a value as JSON; a number that is not finite, which it has not, is a `ValueError`."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _text(value: Any) -> str:
    """Return a value as the cell of a CSV or TSV file; see `writer`."""
    if value is None:
        return ""
    if isinstance(value, (dict, list, bool, bytes)):
        return value.decode() if isinstance(value, bytes) else _json(value)
    return str(value)
