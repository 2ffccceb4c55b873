"""Measurements inside the cells: how far gradients reach, and what the gates do at each word.

Shapes: T time, I input size, H hidden size.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from lstm_report import config
from lstm_report.cells import CellParameters, lstm_step, residual_lstm_step, rnn_step
from lstm_report.config import GATES
from lstm_report.errors import UserError
from lstm_report.model import SentimentClassifier
from lstm_report.unrolled import unroll

STEPS = {"lstm": lstm_step, "reslstm": residual_lstm_step}
"""The steps of the cells with gates that are looked at untrained, by kind."""
KINDS = ("rnn", *STEPS)


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
        raise config.unknown("kind of cell", str(kind), KINDS)
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if size < 1:
            raise UserError(f"Expected {name} to be at least 1, got {size}: choose such a size.")

    def draw(*shape: int) -> Tensor:
        unit = torch.rand(shape, generator=generator, dtype=torch.float64)
        return (2 * unit - 1) / math.sqrt(hidden_size)

    rows = hidden_size if kind == "rnn" else len(GATES) * hidden_size
    weights = draw(rows, input_size), draw(rows, hidden_size), draw(rows), draw(rows)
    if kind != "rnn":
        start = GATES.index("f") * hidden_size
        weights[2][start : start + hidden_size] += forget_bias
    mapped = kind == "reslstm" and input_size != hidden_size
    return CellParameters(*weights, draw(hidden_size, input_size) if mapped else None)


def last_hidden_state(kind: str, x: Tensor, parameters: CellParameters) -> Tensor:
    """Return h_T after reading the inputs x_1 … x_T from zero states.

    Args:
        kind: `rnn`, `lstm` or `reslstm`.
        x: the inputs, (T, I) or (T, B, I).
        parameters: the cell's weights.
    """
    h = c = x.new_zeros(*x.shape[1:-1], parameters.weight_hh.shape[1])
    for x_t in x.unbind(0):
        if kind == "rnn":
            h = rnn_step(x_t, h, parameters)
        else:
            step = STEPS[kind](x_t, h, c, parameters)
            h, c = step.h, step.c
    return h


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
        h = last_hidden_state(kind, copies, parameters)  # (H, H)
        (gradient,) = torch.autograd.grad(h.diagonal().sum(), copies)  # (T, H, I)
        norm = gradient.flatten(1).norm(dim=1).flip(0)
        frames.append(pd.DataFrame({"distance": range(steps), "norm": norm.numpy(), "seed": seed}))
    if not frames:
        raise UserError("Expected at least one seed, got none: pass some seeds.")
    return pd.concat(frames, ignore_index=True).assign(kind=kind)


@torch.no_grad()
def gate_trace(
    model: SentimentClassifier, tokens: Iterable[int], *, layer: int = 0
) -> pd.DataFrame:
    """Return what the gates of a trained classifier do at each word of one review.

    The cell is run step by step, without dropout, by the equations of `lstm_report.cells`. Of a
    bidirectional classifier, it is the direction that reads the review from its first word.

    Args:
        model: the classifier, of any kind that has gates.
        tokens: the token numbers of the review, in order, without padding.
        layer: which of the stacked recurrent layers, from 0.

    Returns:
        One row per word: position (from 0), token, then means over the H hidden units of i, f
        and o (each in (0, 1)), of |g| (in (0, 1); the signs of g would cancel), of |c|, and of
        |h|, of what leaves the layer: of a `skiplstm`, with its shortcut, which its gates do not
        read.

    Raises:
        UserError: for a review without tokens, a layer that the model does not have, or a plain
            network, which has no gates.
    """
    if model.config.kind == "rnn":
        raise UserError(
            "Expected a model with gates, got the kind rnn: trace one of "
            f"{', '.join(kind for kind in config.KINDS if kind != 'rnn')}."
        )
    numbers = [int(token) for token in tokens]
    if not numbers:
        raise UserError("Expected a review with at least one word, got none: pass some text.")
    if not 0 <= layer < model.config.num_layers:
        raise UserError(
            f"Expected a layer from 0 to {model.config.num_layers - 1}, got {layer}: choose one."
        )
    words = model.embedding(torch.tensor(numbers, device=model.embedding.weight.device))
    traced = unroll(model.recurrent, words.unsqueeze(1))[layer]
    columns = {name: [getattr(step, name) for step in traced.steps] for name in (*GATES, "c")}
    columns["h"] = traced.output  # one (1, H) per word, as in the others
    means = {
        name: torch.stack(values).abs().mean((1, 2)).tolist() for name, values in columns.items()
    }
    return pd.DataFrame({"position": range(len(numbers)), "token": numbers} | means)


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
    rows = []
    for kind, advance in STEPS.items():
        h = c = inputs.new_zeros(size)
        for t, x in enumerate(inputs, start=1):
            step = advance(x, h, c, parameters)
            h, c = step.h, step.c
            rows.append({"step": t, "kind": kind, "largest": float(h.abs().max())})
    return pd.DataFrame(rows)


def follow_gates(gates: Iterable[Mapping[str, Any]], *, c: float = 0.0) -> pd.DataFrame:
    """Run an LSTM cell of one unit whose gates are set by hand.

    The weights are zero and the biases are chosen so that `cells.lstm_step` computes the wanted
    values, so the result is that of the real cell.

    Args:
        gates: at each step the values of i, f and o, from 0 to 1, and g, from -1 to 1.
        c: the cell state before the first step.

    Returns:
        One row per step, and a row 0 before them: step, i, f, g, o (NaN at step 0), c, h (at step 0
        NaN too).

    Raises:
        UserError: for a value outside its range.
    """
    zero, state = torch.zeros(1, dtype=torch.float64), torch.tensor([float(c)], dtype=torch.float64)
    weight = torch.zeros(len(GATES), 1, dtype=torch.float64)
    rows: list[dict[str, float]] = [{"step": 0, "c": float(c)}]
    for position, values in enumerate(gates, start=1):
        for name in GATES:
            if not (-1 if name == "g" else 0) <= values[name] <= 1:
                raise UserError(
                    f"Expected i, f and o from 0 to 1 and g from -1 to 1, got {name} = "
                    f"{values[name]}: choose a value in its range."
                )
        wanted = {name: torch.tensor(float(values[name]), dtype=torch.float64) for name in GATES}
        bias = [wanted[name].atanh() if name == "g" else wanted[name].logit() for name in GATES]
        step = lstm_step(zero, zero, state, CellParameters(weight, weight, torch.stack(bias)))
        state = step.c
        rows.append({"step": position} | {name: float(getattr(step, name)) for name in "ifgoch"})
    return pd.DataFrame(rows, columns=["step", *GATES, "c", "h"])
