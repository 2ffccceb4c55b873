"""What the project is compared with: the same models as people write them, and Keras."""

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

from lstm_report.config import ModelConfig

PACKAGES = ("keras", "jax")
MISSING = "{}: not installed, pip install -e '.[bench]'"


class Loop(nn.Module):
    """An LSTM, or a residual one, as people write it: a loop over indexed steps of one cell."""

    def __init__(self, input_size: int, hidden_size: int, residual: bool) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.shortcut = nn.Linear(input_size, hidden_size, bias=False) if residual else None

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Return the hidden states, (B, T, H), of inputs (B, T, I)."""
        h = c = x.new_zeros(len(x), self.cell.hidden_size)
        states = []
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
            if self.shortcut is not None:
                h = h + self.shortcut(x[:, t])
            states.append(h)
        return torch.stack(states, 1), None


class Classifier(nn.Module):
    """Embedding, recurrent layer, state of the last real token, dropout, one logit."""

    def __init__(self, vocabulary_size: int, config: ModelConfig, recurrent: nn.Module) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size, padding_idx=0)
        self.recurrent = recurrent
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size, 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits, (B,), of token numbers (B, T) with (B,) real tokens each."""
        words = self.embedding(tokens)
        if isinstance(self.recurrent, nn.LSTM):
            packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
            last = self.recurrent(packed)[1][0][-1]
        else:
            last = self.recurrent(words)[0][torch.arange(len(tokens)), lengths - 1]
        return self.output(self.dropout(last)).squeeze(-1)


Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Token numbers padded to one length (N, T), real tokens (N,), labels (N,)."""


class Torch:
    """One epoch and an evaluation in plain PyTorch: shuffled batches, Adam, no more.

    Args:
        model: a `Classifier`.
        settings: learning_rate, clip (largest norm of the gradient), batch, and precision.
        train, test: the reviews.
    """

    def __init__(
        self, model: nn.Module, settings: dict[str, Any], train: Arrays, test: Arrays
    ) -> None:
        self.model, self.settings = model, settings
        self.sets = [TensorDataset(*map(torch.from_numpy, part)) for part in (train, test)]
        self.optimiser = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])
        self.loss = nn.BCEWithLogitsLoss()
        self.bfloat16 = settings["precision"] == "bfloat16"

    def __call__(self) -> None:
        """Train one epoch and evaluate."""
        train, test = self.sets
        self.model.train()
        for tokens, lengths, labels in DataLoader(train, self.settings["batch"], shuffle=True):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                logits = self.model(tokens, lengths)
            loss = self.loss(logits.float(), labels)
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings["clip"])
            self.optimiser.step()
        self.model.eval()
        correct = 0
        with torch.no_grad():
            for tokens, lengths, labels in DataLoader(test, self.settings["batch"]):
                correct += int(((self.model(tokens, lengths) > 0) == labels.bool()).sum())


def missing() -> str | None:
    """Return the line that says which package is missing, None when all are there."""
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return MISSING.format(absent[0]) if absent else None


def versions() -> dict[str, str]:
    """Return the versions of the packages that are compared with, where they are installed."""
    return {} if missing() else {name: importlib.metadata.version(name) for name in PACKAGES}


class Process:
    """One epoch and an evaluation in a process of its own, which waits while others take turns.

    So its threads do not get into the way, and settings of this process do not reach it.

    Args:
        name: `keras` or `torch`, of the worker that is run.
        settings: what the worker reads, as JSON.
        train, test: the reviews.
    """

    def __init__(self, name: str, settings: dict[str, Any], train: Arrays, test: Arrays) -> None:
        self.name, self.folder = name, tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "reviews.npz"
        np.savez(path, *train, *test)
        worker = Path(__file__).with_name(f"{name}_worker.py")
        self.process = subprocess.Popen(
            [sys.executable, worker, path, json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self) -> None:
        """Train one epoch and evaluate."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            raise RuntimeError(f"the process of {self.name} ended: its error is printed above")

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
        self.folder.cleanup()
