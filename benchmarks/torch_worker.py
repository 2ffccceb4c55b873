"""Train and evaluate a peer in plain PyTorch, once for each line on standard input.

Usage: torch_worker.py REVIEWS.npz SETTINGS (JSON), see `peers.Process`
"""

import json
import sys
from contextlib import nullcontext
from typing import Any

import numpy as np
import peers
import torch
from torch import nn

from lstm_report import process
from lstm_report.config import ModelConfig
from lstm_report.models import kernel


def work(path: str, settings: dict[str, Any]) -> None:
    """Train one epoch and evaluate, for each line."""
    sizes = settings["embedding"], settings["hidden"]
    model = ModelConfig(embedding_size=sizes[0], hidden_size=sizes[1], dropout=settings["dropout"])
    recurrent = (
        nn.LSTM(*sizes, batch_first=True)
        if settings["recurrent"] == "packed"
        else peers.Loop(*sizes, residual=settings["recurrent"] == "loop ResLSTM")
    )
    with np.load(path) as arrays:
        parts = [arrays[f"arr_{k}"] for k in range(6)]
    classifier = peers.Classifier(settings["vocabulary"], model, recurrent)
    epoch = peers.Torch(
        classifier, settings, (parts[0], parts[1], parts[2]), (parts[3], parts[4], parts[5])
    )
    for _ in sys.stdin:
        epoch()
        print("done", flush=True)


def main() -> None:
    """Work with the settings of the process that `lstm_report.training.loop` makes, or without."""
    settings = json.loads(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    if tuned := settings["tuned"]:
        process.keep_freed()
    with kernel.denormals_as_zero() if tuned else nullcontext():  # before a thread is started
        work(sys.argv[1], settings)


if __name__ == "__main__":
    main()
