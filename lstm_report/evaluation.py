"""What a classifier says about a set of reviews, and on which device and precision it computes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from lstm_report.data import Split, batch_of
from lstm_report.errors import UserError
from lstm_report.model import SentimentClassifier

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
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(entry for entry, there in available.items() if there)
    if not available[name]:
        there = ", ".join(entry for entry, is_there in available.items() if is_there)
        raise UserError(f"Device {name!r} is not available here: choose auto or one of {there}.")
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the hardware multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False


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
    """Return the logits, mean binary cross-entropy and accuracy of `model` on `split`.

    Args:
        model: the classifier, on the device where it is to compute.
        split: encoded reviews; their order is the order of the logits.
    """
    logits = logits_of(model, split)
    labels = torch.from_numpy(np.asarray(split.reviews.labels)).float()
    loss = functional.binary_cross_entropy_with_logits(logits.double(), labels.double())
    accuracy = ((logits > 0) == labels.bool()).double().mean()
    return Evaluation(logits.numpy(), loss.item(), accuracy.item())
