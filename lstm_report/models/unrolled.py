"""Recurrent layers run step by step by their equations, so that every state can be looked at.

Shapes: T time, B batch, I input size, H hidden size, L layers.

A kernel runs a whole layer at once and hands out no state between its steps to differentiate by;
the same weights in `lstm_report.models.cells` do, at several times the cost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lstm_report.models.cells import (
    Step,
    gated_residual_lstm_step,
    lstm_step,
    residual,
    residual_lstm_step,
    rnn_step,
)
from lstm_report.models.layers import GatedResLSTM, ResLSTM, SkipLSTM, cell_parameters


@dataclass
class Layer:
    """Every state of one layer, one entry of shape (B, H) for each of the T steps."""

    hidden: list[Tensor] = field(default_factory=list)
    """The hidden state that the gates of the next step read."""
    output: list[Tensor] = field(default_factory=list)
    """What the next layer reads: the hidden state, but with `SkipLSTM` that and the shortcut."""
    steps: list[Step] = field(default_factory=list)
    """Gates and cell state, by their equations; none in a plain network, which has no gates."""


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
    if isinstance(recurrent, GatedResLSTM):
        advance = gated_residual_lstm_step
    else:
        advance = residual_lstm_step if isinstance(recurrent, ResLSTM) else lstm_step
    layers, inputs = [], list(x.unbind())
    for k in range(int(recurrent.num_layers)):  # type: ignore[arg-type]
        parameters = cell_parameters(recurrent, k)
        h = c = x.new_zeros(x.shape[1], parameters.weight_hh.shape[1])
        layer = Layer()
        for x_t in inputs:
            if isinstance(recurrent, nn.RNN):
                h = rnn_step(x_t, h, parameters)
            else:
                step = advance(x_t, h, c, parameters)
                h, c = step.h, step.c
                layer.steps.append(step)
            layer.hidden.append(h)
            skips = isinstance(recurrent, SkipLSTM)
            layer.output.append(h + residual(x_t, parameters) if skips else h)
        layers.append(layer)
        inputs = layer.output
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
