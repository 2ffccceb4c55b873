"""How far gradients reach: through time in single cells, and through the layers of a classifier.

Shapes: B batch, T time, I input size, H hidden size, L layers. Layers are numbered from 1, the one
that reads the word vectors; distances are time steps before the last real token of a review.
"""

import math
from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from lstm_report import config as configuration
from lstm_report.analysis.gates import gradient_norms, in_double, run_cell
from lstm_report.analysis.linear_probe import probe_measures, some, states
from lstm_report.analysis.measurements import Found
from lstm_report.config import GATES, MODELS, RunConfig
from lstm_report.data.prepared import Batch, PreparedData, Split
from lstm_report.errors import UserError
from lstm_report.models.cells import CellParameters
from lstm_report.models.classifier import SentimentClassifier, read_out
from lstm_report.training.runs import Run

KINDS = ("rnn", *MODELS)
"""The cells that are looked at untrained."""
DISTANCES = (0, 1, 2, 5, 10, 20, 50)
"""Steps before the last real token at which gradients are measured."""
LAYER = "gradient norm, layer"
REVIEWS = 64
"""Reviews that gradients are averaged over."""


def initial_parameters(
    kind: str,
    input_size: int,
    hidden_size: int,
    generator: torch.Generator,
    *,
    forget_bias: float = 0.0,
) -> CellParameters:
    """Return a cell's parameters as before training, in float64.

    Every number is drawn uniformly from ±1/√H, as `torch.nn.LSTM` and `torch.nn.RNN` do.

    Args:
        kind: `rnn`, `lstm` or `reslstm`. The last has a W_res where I and H differ.
        input_size, hidden_size: I and H, at least 1.
        generator: where the randomness comes from.
        forget_bias: added to the bias of the forget gate; no effect on `rnn`.

    Raises:
        UserError: for an unknown kind, or a size below 1.
    """
    if kind not in KINDS:
        raise configuration.unknown("kind of cell", str(kind), KINDS)
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if size < 1:
            raise UserError(f"Expected {name} to be at least 1, got {size}: choose such a size.")

    def draw(*shape: int) -> Tensor:
        unit = torch.rand(shape, generator=generator, dtype=torch.float64)
        return (2 * unit - 1) / math.sqrt(hidden_size)

    rows = hidden_size if kind == "rnn" else len(GATES) * hidden_size
    weights = draw(rows, input_size), draw(rows, hidden_size), draw(rows), draw(rows)
    if kind != "rnn":
        weights[2].chunk(len(GATES))[GATES.index("f")].add_(forget_bias)
    mapped = kind == "reslstm" and input_size != hidden_size
    return CellParameters(*weights, draw(hidden_size, input_size) if mapped else None)


def gradient_by_distance(
    kind: str,
    *,
    steps: int = 60,
    input_size: int = 32,
    hidden_size: int = 32,
    seeds: Iterable[int] = range(5),
    forget_bias: float = 0.0,
) -> pd.DataFrame:
    """Measure how strongly the last hidden state depends on the input k steps earlier.

    The measure is the Frobenius norm ‖∂h_T/∂x_{T-k}‖, the root of the summed squares of the H·I
    partial derivatives. It is exact: the sequence is read H times side by side and copy j is
    differentiated from element j of h_T. Weights are those of an untrained cell
    (`initial_parameters`), inputs are drawn from the standard normal distribution, as the rows of
    an untrained `torch.nn.Embedding` are. See Pascanu, Mikolov and Bengio 2013 for why the norm of
    a plain network falls (or grows) geometrically.

    Args:
        kind: `rnn`, `lstm` or `reslstm`.
        steps: T, at least 1.
        input_size, hidden_size: I and H.
        seeds: one network and one input sequence per seed.
        forget_bias: added to the bias of the forget gate.

    Returns:
        Columns distance (k, from 0 to T-1), norm, seed, kind.

    Raises:
        UserError: for an unknown kind, a size or number of steps below 1, or no seeds.
    """
    if steps < 1:
        raise UserError(f"Expected steps to be at least 1, got {steps}: choose such a number.")
    frames = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        parameters = initial_parameters(
            kind, input_size, hidden_size, generator, forget_bias=forget_bias
        )
        x = torch.randn(steps, input_size, generator=generator, dtype=torch.float64)
        copies = x.unsqueeze(1).repeat(1, hidden_size, 1).requires_grad_()  # (T, H, I)
        h = run_cell(kind, copies.unbind(), parameters).hidden[-1]  # (H, H)
        (gradient,) = torch.autograd.grad(h.diagonal().sum(), copies)  # (T, H, I)
        norm = gradient.flatten(1).norm(dim=1).flip(0)
        frames.append(pd.DataFrame({"distance": range(steps), "norm": norm.numpy(), "seed": seed}))
    if not frames:
        raise UserError("Expected at least one seed, got none: pass some seeds.")
    return pd.concat(frames, ignore_index=True).assign(kind=kind)


def decay_per_step(gradients: pd.DataFrame, first: int, last: int) -> pd.Series:
    """Return by what factor a norm changes with each further step of distance.

    It is the geometric mean from distance `first` to `last` of the ratio of neighbouring medians
    over seeds, (norm(last) / norm(first))^(1 / (last - first)); 1 stands for no fading.

    Args:
        gradients: from `gradient_by_distance`, for one or more kinds.
        first, last: two distances that the table holds, first < last.

    Returns:
        One number per kind, in the order of the table.
    """
    median = gradients.groupby(["kind", "distance"], sort=False)["norm"].median().unstack()
    return (median[last] / median[first]) ** (1 / (last - first))


@torch.no_grad()
def largest_hidden_state(*, steps: int = 40, size: int = 32, seed: int = 0) -> pd.DataFrame:
    """Return the largest |h_t| over the hidden units of an LSTM and a residual LSTM at each step.

    Both untrained cells have the same weights, I = H so that F(x) = x, and read the same inputs
    from the standard normal distribution.

    Args:
        steps: T.
        size: I and H.
        seed: seed of weights and inputs.

    Returns:
        Columns step (from 1), kind, largest.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = initial_parameters("lstm", size, size, generator)
    inputs = torch.randn(steps, size, generator=generator, dtype=torch.float64)
    return pd.DataFrame(
        {"step": t, "kind": kind, "largest": float(h.abs().max())}
        for kind in MODELS
        for t, h in enumerate(run_cell(kind, inputs.unbind(), parameters).hidden, start=1)
    )


def initial_classifier(config: RunConfig, vocabulary_size: int) -> SentimentClassifier:
    """Return the classifier as `training.loop.fit` starts with it, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        return SentimentClassifier(vocabulary_size, config.model).eval()


def gradients(model: SentimentClassifier, batch: Batch) -> Tensor:
    """Return ‖∂L/∂h_t^l‖, the length of the gradient of each review's loss by each hidden state.

    It is the total derivative, over all paths from h_t^l to the loss: through later steps of layer
    l and through the layers above it. The layers run step by step (`lstm_report.analysis.gates`),
    since a kernel shows automatic differentiation no state between its steps. In float64, so that a
    gradient that has faded is told from zero.

    Returns:
        (L, T, B), the steps counted back from the last real token of each review, NaN before its
        first.
    """
    with in_double(model):
        _, layers = states(model, batch)
        last = torch.stack(layers[-1].output, dim=1)  # (B, T, H)
        logits = model.classifier(read_out(last, batch.lengths, model.config.readout)).squeeze(-1)
        loss = functional.binary_cross_entropy_with_logits(
            logits, batch.labels.double(), reduction="sum"
        )
        norms = torch.stack([gradient_norms(loss, layer.hidden) for layer in layers])
    steps = torch.arange(norms.shape[1]).unsqueeze(1)  # (T, 1)
    place = batch.lengths.unsqueeze(0) - 1 - steps  # (T, B)
    back = norms.gather(1, place.clamp(min=0).expand_as(norms))
    return back.masked_fill(place < 0, torch.nan)


def gradient_measures(model: SentimentClassifier, split: Split, when: str) -> Found:
    """Return mean gradients by layer, and by layer and distance.

    Returns:
        `gradient norm, layer` at `WHEN/LAYER`, the mean over all real tokens and reviews of
        ‖∂L/∂h_t^l‖, and `gradient norm, distance` at `WHEN/LAYER/DISTANCE`, the mean over the
        reviews that are long enough.
    """
    batch = some(split, REVIEWS)
    found: Found = {}
    for layer, norms in enumerate(gradients(model, batch), start=1):
        real = norms[~norms.isnan()]
        found[LAYER, f"{when}/{layer}"] = float(real.mean()), len(real)
        for distance in (entry for entry in DISTANCES if entry < len(norms)):
            here = norms[distance][~norms[distance].isnan()]
            value = float(here.mean()), len(here)
            found["gradient norm, distance", f"{when}/{layer}/{distance}"] = value
    return found


def measure(run: Run, data: PreparedData, *, only_top: bool = False) -> Found:
    """Measure a finished run: gradients before and after training, and the probes after it.

    Raises:
        UserError: when the reviews are others.
    """
    model, vocabulary = run.load_model(), data.vocabulary_size
    if len(model.embedding.weight) != vocabulary:
        raise UserError(
            f"Expected the reviews that {run.directory.name} was trained on, got others with "
            f"{vocabulary} tokens: give the same with --data."
        )
    start = initial_classifier(run.config, vocabulary)
    found = gradient_measures(start, data.test, "start")
    found |= gradient_measures(model, data.test, "trained")
    return found | probe_measures(model, data, run.config.training.seed, only_top=only_top)
