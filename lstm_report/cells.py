"""One time step of each cell, written as its equations: slow, readable, and the tests' oracle.

Shapes: B batch, I input size, H hidden size. Every function also takes vectors without a batch.
σ is the logistic sigmoid, ⊙ the element-wise product.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_report.config import GATES


@dataclass(frozen=True)
class CellParameters:
    """The learned numbers of one cell; the rows of the first four stack the gates i, f, g, o."""

    weight_ih: Tensor  # (4H, I) W_x: from the input
    weight_hh: Tensor  # (4H, H) W_h: from the previous hidden state
    bias_ih: Tensor | None = None  # (4H,)
    bias_hh: Tensor | None = None  # (4H,)
    weight_res: Tensor | None = None  # (H, I) W_res; None stands for the identity


class Step(NamedTuple):
    """Everything one step of an LSTM computes, each of shape (B, H)."""

    i: Tensor  # input gate (the source report's Γ_u), in (0, 1)
    f: Tensor  # forget gate Γ_f, in (0, 1)
    g: Tensor  # candidate c̃, in (-1, 1)
    o: Tensor  # output gate Γ_o, in (0, 1)
    c: Tensor  # cell state
    m: Tensor  # o ⊙ tanh(c), the hidden state of a plain LSTM
    h: Tensor  # hidden state that leaves the cell


def _preactivation(x: Tensor, h: Tensor, parameters: CellParameters) -> Tensor:
    """Return W_x x + W_h h + b, of shape (B, rows)."""
    total = x @ parameters.weight_ih.T + h @ parameters.weight_hh.T
    for bias in (parameters.bias_ih, parameters.bias_hh):
        total = total if bias is None else total + bias
    return total


def rnn_step(x: Tensor, h: Tensor, parameters: CellParameters) -> Tensor:
    """Return h_t = tanh(W_x x_t + W_h h_{t-1} + b) of a plain recurrent network (Elman 1990).

    Args:
        x: input x_t, (B, I).
        h: previous hidden state h_{t-1}, (B, H).
        parameters: with H rows instead of 4H, since there are no gates.
    """
    return torch.tanh(_preactivation(x, h, parameters))


def lstm_step(x: Tensor, h: Tensor, c: Tensor, parameters: CellParameters) -> Step:
    """Return one step of an LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers 2000).

    i = σ(W_xi x + W_hi h + b_i),  f = σ(W_xf x + W_hf h + b_f),
    g = tanh(W_xg x + W_hg h + b_g),  o = σ(W_xo x + W_ho h + b_o),
    c_t = f ⊙ c_{t-1} + i ⊙ g,  h_t = o ⊙ tanh(c_t).

    Args:
        x: input x_t, (B, I).
        h: previous hidden state h_{t-1}, (B, H).
        c: previous cell state c_{t-1}, (B, H).
        parameters: the cell's weights.
    """
    blocks = _preactivation(x, h, parameters).chunk(len(GATES), dim=-1)
    block = dict(zip(GATES, blocks, strict=True))
    i, f, o = (torch.sigmoid(block[name]) for name in ("i", "f", "o"))
    g = torch.tanh(block["g"])
    c = f * c + i * g
    m = o * torch.tanh(c)
    return Step(i, f, g, o, c, m, h=m)


def residual(x: Tensor, parameters: CellParameters) -> Tensor:
    """Return F(x): x itself, or W_res x where the parameters hold a W_res; (B, H)."""
    return x if parameters.weight_res is None else x @ parameters.weight_res.T


def residual_lstm_step(x: Tensor, h: Tensor, c: Tensor, parameters: CellParameters) -> Step:
    """Return one step of the residual LSTM: an LSTM step with h_t = o ⊙ tanh(c_t) + F(x_t).

    The next step's gates read this h_t, residual included. Without a W_res, I must equal H.
    Arguments as in `lstm_step`.
    """
    step = lstm_step(x, h, c, parameters)
    return step._replace(h=step.m + residual(x, parameters))


def gated_residual_lstm_step(x: Tensor, h: Tensor, c: Tensor, parameters: CellParameters) -> Step:
    """Return one step of an LSTM whose shortcut passes the output gate.

    h_t = o ⊙ (tanh(c_t) + F(x_t)), which the next step's gates read.

    Source: Kim, El-Khamy and Lee 2017, "Residual LSTM", equation 11, without its projection of
    tanh(c_t). Arguments as in `lstm_step`; without a W_res, I must equal H.
    """
    step = lstm_step(x, h, c, parameters)
    return step._replace(h=step.m + step.o * residual(x, parameters))
