"""What a finished run says about new texts: one text, or a column of a file, in its order."""

import csv
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from lstm_report import memory, paths
from lstm_report.data import PAD, encode
from lstm_report.errors import UserError
from lstm_report.evaluation import EVALUATION_BATCH, inference
from lstm_report.progress import bar as progress_bar
from lstm_report.readers import TABLES, read_table
from lstm_report.runs import Run

CHUNK = 2048
"""Texts held at a time; within a chunk, texts of like length share a batch."""


def probabilities(run: Run, texts: Iterable[str]) -> Iterator[float]:
    """Yield the probability of each text being positive, in order, with bounded memory.

    Args:
        run: a finished run.
        texts: any number of texts.

    Raises:
        UserError: for a text that is not a text, or is empty.
    """
    memory.keep_freed()
    model, tokenizer = run.load_model(), run.load_tokenizer()
    numbered = enumerate(texts, start=1)
    while chunk := list(itertools.islice(numbered, CHUNK)):
        for number, text in chunk:
            if not isinstance(text, str) or not text.strip():
                raise UserError(
                    f"Expected a text to judge, but text {number} is empty: "
                    "give at least one word, or remove the row."
                )
        rows = encode(tokenizer, [text for _, text in chunk], run.config.data)
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        answer = torch.empty(len(rows), dtype=torch.float64)
        with inference(model):
            for start in range(0, len(order), EVALUATION_BATCH):
                index = order[start : start + EVALUATION_BATCH]
                lengths = torch.tensor([len(rows[entry]) for entry in index])
                tokens = torch.full((len(index), int(lengths.max())), PAD)
                for place, entry in enumerate(index):
                    tokens[place, : len(rows[entry])] = torch.from_numpy(
                        np.asarray(rows[entry], dtype=np.int64)
                    )
                answer[index] = torch.sigmoid(model(tokens, lengths).double())
        yield from answer.tolist()


def label_of(probability: float) -> str:
    """Return `positive` or `negative`, the likelier of the two."""
    return "positive" if probability > 0.5 else "negative"


def predict_file(run: Run, source: Path, target: Path, column: str = "text") -> int:
    """Write the rows of `source` with the columns `label` and `probability` added to `target`.

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
    table = read_table(source)
    if column not in table.columns:
        raise UserError(
            f"Expected a column {column!r} in {source}, got {', '.join(map(str, table.columns))}: "
            "name the column of texts with --column."
        )
    bar = progress_bar(probabilities(run, table[column]), total=len(table), unit="text")
    table["probability"] = list(bar)
    table["label"] = [label_of(value) for value in table["probability"]]
    with paths.atomic_write(target) as temporary:
        if target.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        elif target.suffix == ".jsonl":
            table.to_json(temporary, orient="records", lines=True, force_ascii=False)
        elif target.suffix == ".tsv":  # read without quoting, so no field may hold a break
            flat = table.replace(r"[\t\r\n]+", " ", regex=True)
            flat.to_csv(temporary, index=False, sep="\t", quoting=csv.QUOTE_NONE)
        else:
            table.to_csv(temporary, index=False)
    return len(table)
