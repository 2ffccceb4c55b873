"""What a finished run says about new texts: one text, or a column of a file, in its order."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import torch

from lstm_report import memory, paths
from lstm_report.data import encode_reviews
from lstm_report.delimited import plain_name
from lstm_report.errors import UserError
from lstm_report.evaluation import logits_of
from lstm_report.progress import bar as progress_bar
from lstm_report.readers import TEXT_COLUMNS, Reviews, find_column, flaw_of, listed
from lstm_report.runs import Run
from lstm_report.table_files import TABLES, Survey, pieces, survey
from lstm_report.table_writers import free_name, writer

CHUNK = 2048
"""Texts held at a time; within a chunk, texts of like length share a batch."""

Log = Callable[[str], None]


class _Judge:
    """A loaded model that takes texts chunk by chunk and counts them."""

    def __init__(self, run: Run) -> None:
        memory.keep_freed()
        self.model, self.tokenizer = run.load_model(), run.load_tokenizer()
        self.config, self.count, self.place = run.config.data, 0, run.directory

    def __call__(self, texts: Sequence[str]) -> list[float]:
        """Return the probability of each text being positive."""
        if not len(texts):
            return []
        for number, text in enumerate(texts, start=self.count + 1):
            if flaw := flaw_of(text):
                raise UserError(
                    f"Expected a text to judge, but text {number} {flaw}: "
                    "give at least one word, or remove the row."
                )
        self.count += len(texts)
        reviews = Reviews(list(texts), np.zeros(len(texts), np.int64))
        split = encode_reviews(reviews, self.tokenizer, self.config)
        judged = torch.sigmoid(logits_of(self.model, split).double())
        if judged.isnan().any():
            raise UserError(
                f"Expected a probability of each text from {self.place}, got none of some: its "
                "weights are too large, so choose another run."
            )
        return judged.tolist()


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


def predict_file(
    run: Run, source: Path, target: Path, column: str | None = None, *, log: Log | None = None
) -> int:
    """Write the rows of `source`, as they stand, with two columns added to `target`.

    The columns are `probability`, of the text being positive, and `label`; one that the file has
    already stays, and the new one is then called `predicted_probability` or `predicted_label`.
    Rows are read, judged and written chunk by chunk, so that memory does not grow with the file.

    Args:
        run: a finished run.
        source: a CSV, TSV, JSONL or Parquet file with a column of texts.
        target: the file to write; its ending chooses the format, see `table_writers.writer`.
        column: the name of the column of texts; otherwise the one named as in
            `readers.TEXT_COLUMNS`.
        log: called with one sentence about what was written.

    Returns:
        The number of rows.

    Raises:
        UserError: for a file, column or text that cannot be used; `target` is then not written.
    """
    if target.suffix.lower() not in TABLES:
        raise UserError(
            f"Expected an output ending in {', '.join(TABLES)}, got {target}: rename the output."
        )
    table = survey(source)
    texts = _column(table, column)
    added = pyarrow.schema(
        [
            (free_name("probability", table.names), pyarrow.float64()),
            (free_name("label", table.names), pyarrow.string()),
        ]
    )
    judge = _Judge(run)
    with (
        paths.atomic_write(target) as temporary,
        writer(temporary, table, added) as write,
        progress_bar((), total=table.rows, unit="text") as bar,
    ):
        for piece in pieces(source, CHUNK):
            judged = judge(piece.column(texts))
            labels = [label_of(value) for value in judged]
            write(piece, dict(zip(added.names, (judged, labels), strict=True)))
            bar.update(len(piece))
    if log is not None:
        rows = "row" if table.rows == 1 else "rows"
        log(f"{table.rows:,} {rows} written to {target}, with {' and '.join(added.names)} added.")
    return table.rows


def _column(table: Survey, name: str | None) -> str:
    """Return the heading of the column of texts; see `predict_file`."""
    wanted = TEXT_COLUMNS if name is None else (plain_name(name),)
    if name in table.names:
        return name
    advice = "name the column of texts with --column"
    found = find_column(table.names, wanted, str(table.path), advice)
    if found is None:
        raise UserError(
            f"Expected a column {' or '.join(map(repr, wanted))} in {table.path}, got "
            f"{listed(table.names)}: {advice}."
        )
    return found
