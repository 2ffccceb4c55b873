"""Recurrent layers step by step, so that every gate and state can be looked at.

Shapes: T time, B batch, I input size, H hidden size, L layers.

A kernel runs a whole layer at once and hands out no state between its steps to differentiate by;
the same weights in `lstm_report.models.cells` do, at several times the cost.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from lstm_report import config
from lstm_report.config import GATES
from lstm_report.errors import UserError
from lstm_report.models.cells import (
    CellParameters,
    Step,
    gated_residual_lstm_step,
    lstm_step,
    residual,
    residual_lstm_step,
    rnn_step,
)
from lstm_report.models.classifier import LAYERS, SentimentClassifier
from lstm_report.models.layers import cell_parameters

STEPS: dict[str, Callable[..., Step]] = {
    "lstm": lstm_step,
    "reslstm": residual_lstm_step,
    "skiplstm": lstm_step,
    "gatedlstm": gated_residual_lstm_step,
}
"""The step of each kind of layer that has gates."""


@dataclass
class Layer:
    """Every state of one layer, one entry of shape (B, H) for each of the T steps."""

    hidden: list[Tensor] = field(default_factory=list)
    """The hidden state that the gates of the next step read."""
    output: list[Tensor] = field(default_factory=list)
    """What the next layer reads: the hidden state, but of a `skiplstm` that and the shortcut."""
    steps: list[Step] = field(default_factory=list)
    """Gates and cell state, by their equations; none in a plain network, which has no gates."""


def run_cell(kind: str, inputs: Sequence[Tensor], parameters: CellParameters) -> Layer:
    """Return every state of one layer from zero states.

    Args:
        kind: one of `lstm_report.config.KINDS`.
        inputs: T inputs of shape (B, I), or (I,).
        parameters: the cell's weights.
    """
    h = c = inputs[0].new_zeros(*inputs[0].shape[:-1], parameters.weight_hh.shape[1])
    layer = Layer()
    for x in inputs:
        if kind == "rnn":
            h = rnn_step(x, h, parameters)
        else:
            step = STEPS[kind](x, h, c, parameters)
            h, c = step.h, step.c
            layer.steps.append(step)
        layer.hidden.append(h)
        layer.output.append(h + residual(x, parameters) if kind == "skiplstm" else h)
    return layer


def unroll(recurrent: nn.Module, x: Tensor) -> list[Layer]:
    """Return every state of stacked layers that read `x` from zero states.

    Args:
        recurrent: one of `lstm_report.models.classifier.LAYERS`, in one direction; dropout between
            its layers plays no part.
        x: inputs, (T, B, I).

    Returns:
        The L layers, the one that reads `x` first. Gradients by every tensor in it, and through
        it, are those of the network.
    """
    kind = next(kind for kind, layer in LAYERS.items() if type(recurrent) is layer)
    layers: list[Layer] = []
    for k in range(int(recurrent.num_layers)):  # type: ignore[arg-type]
        inputs = layers[-1].output if layers else x.unbind()
        layers.append(run_cell(kind, inputs, cell_parameters(recurrent, k)))
    return layers


@contextmanager
def in_double(module: nn.Module) -> Iterator[None]:
    """Compute with a module's weights in float64 meanwhile, so that a faded gradient is not 0."""
    module.double()
    try:
        yield
    finally:
        module.float()


def gradient_norms(loss: Tensor, states: list[Tensor]) -> Tensor:
    """Return the length of the gradient of a loss by each state, for each sequence, (T, B).

    It is the total derivative ‖∂L_b/∂h_t‖: by all paths that lead from the state to the loss, those
    over later steps and over higher layers.

    Args:
        loss: the sum over the batch of what each sequence loses by itself.
        states: T states of shape (B, H) that the loss was computed from.
    """
    gradients = torch.autograd.grad(loss, states, retain_graph=True, materialize_grads=True)
    return torch.stack([gradient.norm(dim=-1) for gradient in gradients])


@torch.no_grad()
def gate_trace(
    model: SentimentClassifier, tokens: Iterable[int], *, layer: int = 0
) -> pd.DataFrame:
    """Return what the gates of a trained classifier do at each word of one review.

    The cell is run step by step, without dropout, by the equations of `lstm_report.models.cells`.
    Of a bidirectional classifier, it is the direction that reads the review from its first word.

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
    words = model.embed(torch.tensor([numbers], device=model.embedding.weight.device))[0]
    traced = unroll(model.recurrent, words.unsqueeze(1))[layer]
    columns = {name: [getattr(step, name) for step in traced.steps] for name in (*GATES, "c")}
    columns["h"] = traced.output  # one (1, H) per word, as in the others
    means = {
        name: torch.stack(values).abs().mean((1, 2)).tolist() for name, values in columns.items()
    }
    return pd.DataFrame({"position": range(len(numbers)), "token": numbers} | means)


@torch.no_grad()
def read_along(model: SentimentClassifier, tokens: Iterable[int]) -> pd.DataFrame:
    """Return what a classifier would say after each word of a review, and from which parts.

    The logit after word t is w·h_t + b = w·m_t + w·F(x_t) + b, where m_t = o_t ⊙ tanh(c_t) and
    F(x_t) is the residual's part of h_t, zero in an LSTM. Computed in float64.

    Args:
        model: an LSTM or residual LSTM of one layer in one direction that reads its last state.
        tokens: the token numbers of the review, in order, without padding, at least one.

    Returns:
        One row per word: position (from 0), token, probability, logit, `from m` and `from F` (the
        parts of the logit), and means over the hidden units: of i, f and o, and of the absolute
        values of g, c, m, F and h.
    """
    numbers = [int(token) for token in tokens]
    with in_double(model):
        words = model.embed(torch.tensor([numbers], device=model.embedding.weight.device))[0]
        (layer,) = unroll(model.recurrent, words.unsqueeze(1))
        weight, bias = model.classifier.weight[0], float(model.classifier.bias[0])
        rows = []
        for position, (token, step) in enumerate(zip(numbers, layer.steps, strict=True)):
            states = {name: getattr(step, name)[0] for name in (*GATES, "c", "m", "h")}
            states["F"] = states["h"] - states["m"]
            parts = {f"from {name}": float(weight @ states[name]) for name in ("m", "F")}
            logit = sum(parts.values()) + bias
            probability = float(torch.tensor(logit, dtype=torch.float64).sigmoid())
            means = {name: float(state.abs().mean()) for name, state in states.items()}
            rows.append(
                {"position": position, "token": token, "probability": probability, "logit": logit}
                | parts
                | means
            )
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
