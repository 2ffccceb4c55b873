"""What a finished run says about new texts: one text, or a column of a file, in its order."""

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow
import torch
from pyarrow import parquet

from lstm_report import memory, paths
from lstm_report.data import encode_reviews
from lstm_report.errors import UserError
from lstm_report.evaluation import logits_of
from lstm_report.progress import bar as progress_bar
from lstm_report.readers import TABLES, Reviews, table_chunks
from lstm_report.runs import Run

CHUNK = 2048
"""Texts held at a time; within a chunk, texts of like length share a batch."""


class _Judge:
    """A loaded model that takes texts chunk by chunk and counts them."""

    def __init__(self, run: Run) -> None:
        memory.keep_freed()
        self.model, self.tokenizer = run.load_model(), run.load_tokenizer()
        self.config, self.count = run.config.data, 0

    def __call__(self, texts: Sequence[str]) -> list[float]:
        """Return the probability of each text being positive."""
        if not len(texts):
            return []
        for number, text in enumerate(texts, start=self.count + 1):
            if not isinstance(text, str) or not text.strip():
                raise UserError(
                    f"Expected a text to judge, but text {number} is empty: "
                    "give at least one word, or remove the row."
                )
        self.count += len(texts)
        reviews = Reviews(list(texts), np.zeros(len(texts), np.int64))
        split = encode_reviews(reviews, self.tokenizer, self.config)
        return torch.sigmoid(logits_of(self.model, split).double()).tolist()


def probabilities(run: Run, texts: Iterable[str]) -> Iterator[float]:
    """Yield the probability of each text being positive, in order, with bounded memory.

    Args:
        run: a finished run.
        texts: any number of texts.

    Raises:
        UserError: for a text that is not a text, or is empty.
    """
    judge, remaining = _Judge(run), iter(texts)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        yield from judge(chunk)


def label_of(probability: float) -> str:
    """Return `positive` or `negative`, the likelier of the two."""
    return "positive" if probability > 0.5 else "negative"


class _Layout(NamedTuple):
    """What the pieces of a file have in common."""

    rows: int
    types: pd.Series  # of every column of the whole file
    schema: pyarrow.Schema | None  # of the output, where it is a Parquet file


def _layout(source: Path, target: Path) -> _Layout:
    """Read a file to its end once; this costs little beside judging its texts."""
    rows, first, schema = 0, pd.DataFrame(), None
    for number, piece in enumerate(table_chunks(source, CHUNK)):
        rows += len(piece)
        # Joined, one row of each piece has the types of the whole.
        first = (pd.concat([first, piece.iloc[:1]]) if number else piece).iloc[:1]
        if target.suffix == ".parquet":
            schema = _schema(piece, schema, source)
    if schema is not None:
        for name, kind in (("probability", pyarrow.float64()), ("label", pyarrow.string())):
            place, field = schema.get_field_index(name), pyarrow.field(name, kind)
            schema = schema.append(field) if place < 0 else schema.set(place, field)
    return _Layout(rows, first.dtypes, schema)


def _schema(piece: pd.DataFrame, known: pyarrow.Schema | None, source: Path) -> pyarrow.Schema:
    """Return the schema that fits a piece and those before it."""
    try:
        found = pyarrow.Schema.from_pandas(piece, preserve_index=False)
        if known is not None:
            found = pyarrow.unify_schemas([known, found], promote_options="permissive")
        return found
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise UserError(
            f"Expected values of one kind in each column of {source}, as Parquet needs them, got "
            f"others ({str(error).splitlines()[0]}): write to a .jsonl file."
        ) from error


@contextmanager
def _writer(path: Path, schema: pyarrow.Schema | None) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Give a function that appends rows to a new file, whose ending chooses the format."""
    if schema is not None:
        with parquet.ParquetWriter(path, schema) as file:
            yield lambda table: file.write_table(
                pyarrow.Table.from_pandas(table, schema, preserve_index=False)
            )
        return
    with path.open("w", encoding="utf-8", newline="") as file:

        def write(table: pd.DataFrame) -> None:
            options: dict[str, Any] = {"index": False, "header": not file.tell()}
            if path.suffix == ".jsonl":
                table.to_json(file, orient="records", lines=True, force_ascii=False)
            elif path.suffix == ".tsv":  # read without quoting, so no field may hold a break
                flat = table.replace(r"[\t\r\n]+", " ", regex=True)
                flat.to_csv(file, sep="\t", quoting=csv.QUOTE_NONE, **options)
            else:
                table.to_csv(file, **options)

        yield write


def predict_file(run: Run, source: Path, target: Path, column: str = "text") -> int:
    """Write the rows of `source` with the columns `label` and `probability` added to `target`.

    Rows are read, judged and written chunk by chunk, so that memory does not grow with the file.

    Args:
        run: a finished run.
        source: a CSV, TSV, JSONL or Parquet file with a column of texts.
        target: the file to write; its ending chooses the format.
        column: the name of the column of texts.

    Returns:
        The number of rows.

    Raises:
        UserError: for a file, column or text that cannot be used; `target` is then not written.
    """
    if target.suffix not in TABLES:
        raise UserError(
            f"Expected an output ending in {', '.join(TABLES)}, got {target}: rename the output."
        )
    layout = _layout(source, target)
    if column not in layout.types:
        raise UserError(
            f"Expected a column {column!r} in {source}, got "
            f"{', '.join(map(str, layout.types.index))}: name the column of texts with --column."
        )
    judge = _Judge(run)
    with (
        paths.atomic_write(target) as temporary,
        _writer(temporary, layout.schema) as write,
        progress_bar((), total=layout.rows, unit="text") as bar,
    ):
        for piece in table_chunks(source, CHUNK):
            table = piece.reindex(columns=layout.types.index).astype(layout.types)
            table["probability"] = judge(table[column].tolist())
            table["label"] = [label_of(value) for value in table["probability"]]
            write(table)
            bar.update(len(table))
    return layout.rows
