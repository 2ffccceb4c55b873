"""What a model says about reviews: those of a part of the data, one text, or a column of a file."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
import torch
from torch.nn import functional

from lstm_report import paths
from lstm_report.data.prepared import Split, batch_of, encode_reviews
from lstm_report.data.readers import TEXT_COLUMNS, Reviews, find_column, flaw_of, listed
from lstm_report.data.table_files import TABLES, Survey, pieces, plain_name, survey
from lstm_report.data.table_writers import free_name, writer
from lstm_report.errors import UserError
from lstm_report.models import kernel
from lstm_report.models.classifier import SentimentClassifier
from lstm_report.process import keep_freed
from lstm_report.progress import bar as progress_bar
from lstm_report.training.runs import Trained

EVALUATION_BATCH = 256
"""Reviews read together."""
EVALUATION_TOKENS = 128 * 256
"""Tokens read together at most, padding included: fewer long texts share a batch."""


class Evaluation(NamedTuple):
    """The logits of a split in its own order, (N,), and the mean loss and accuracy over it."""

    logits: np.ndarray
    loss: float
    accuracy: float


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: when the device is not there.
    """
    known = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    available = [*(entry for entry, is_there in known.items() if is_there), "cpu"]
    if name == "auto":
        name = available[0]
    if name not in available:
        there = ", ".join(available)
        raise UserError(f"Device {name!r} is not available here: choose auto or one of {there}.")
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the hardware multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    there = kernel.capabilities()
    return device.type == "cpu" and any(there.get(name) for name in ("avx512_bf16", "amx_bf16"))


def choose_precision(name: str, device: torch.device) -> str:
    """Return `float32` or `bfloat16`; `auto` takes bfloat16 where the hardware has it."""
    if name != "auto":
        return name
    return "bfloat16" if has_fast_bfloat16(device) else "float32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Return the context in which matrix products run in the given precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


@contextmanager
def inference(model: SentimentClassifier) -> Iterator[None]:
    """Switch dropout and gradients off, and the former mode of the model back on afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def _by_length(lengths: np.ndarray) -> Iterator[torch.Tensor]:
    """Yield the rows of every text once, in batches of like length, shortest first."""
    order = np.argsort(lengths, kind="stable")
    while len(order):
        longest = lengths[order[:EVALUATION_BATCH]]  # of the first 1, 2, ... texts
        padded = longest * np.arange(1, len(longest) + 1)
        count = max(1, int((padded <= EVALUATION_TOKENS).sum()))
        yield torch.from_numpy(order[:count])
        order = order[count:]


def logits_of(model: SentimentClassifier, split: Split) -> torch.Tensor:
    """Return the logit of each review being positive, (N,) on the CPU, in the split's order.

    Always in float32, whatever the weights were trained with: the same weights then give the same
    judgements on every machine. Memory does not grow with the length of the reviews, but for the
    longest review alone.

    Args:
        model: the classifier, on the device where it is to compute.
        split: encoded reviews; their labels do not count.
    """
    device = next(model.parameters()).device
    logits = torch.empty(len(split))
    with inference(model):
        for index in _by_length(split.lengths):
            batch = batch_of(split, index)
            output = model(batch.tokens.to(device), batch.lengths.to(device))
            logits[index] = output.float().cpu()
    return logits


def evaluate(model: SentimentClassifier, split: Split) -> Evaluation:
    """Return the logits, mean binary cross-entropy and accuracy of `model` on `split`."""
    logits = logits_of(model, split)
    labels = torch.from_numpy(np.asarray(split.reviews.labels)).float()
    loss = functional.binary_cross_entropy_with_logits(logits.double(), labels.double())
    accuracy = ((logits > 0) == labels.bool()).double().mean()
    return Evaluation(logits.numpy(), loss.item(), accuracy.item())


CHUNK = 2048
"""Texts held at a time; within a chunk, texts of like length share a batch."""

Log = Callable[[str], None]


class _Judge:
    """A loaded model that takes texts chunk by chunk and counts them."""

    def __init__(self, run: Trained) -> None:
        keep_freed()
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


def probabilities(run: Trained, texts: Iterable[str]) -> Iterator[float]:
    """Yield the probability of each text being positive, in order, with bounded memory.

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
    run: Trained, source: Path, target: Path, column: str | None = None, *, log: Log | None = None
) -> int:
    """Write the rows of `source`, as they stand, with two columns added to `target`.

    The columns are `probability`, of the text being positive, and `label`; one that the file has
    already stays, and the new one is then called `predicted_probability` or `predicted_label`.
    Rows are read, judged and written chunk by chunk, so that memory does not grow with the file.

    Args:
        run: a finished run, or a shipped model.
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
