"""The equations: one time step of each cell, and the recurrence over whole sequences.

A step is written as its equations stand in the text, slow and readable: the oracle of the tests.
The recurrence and its gradient over whole sequences are what `kernel.cpp` computes, in PyTorch's
own operations, for every type and size: the kernel is compared with it, second derivatives go
through it, and compiled graphs run it where there is no kernel.

Shapes: T time, B batch, I input size, H hidden size. The functions of one step also take vectors
without a batch. σ is the logistic sigmoid, ⊙ the element-wise product. Over sequences, products are
of numbers rounded to `dtype`, with sums of at least float32; all else is at least float32.
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


class Layer(NamedTuple):
    """What one direction of one layer computes from."""

    x: Tensor
    """Inputs, (T, B, I)."""
    h_0: Tensor
    """First hidden state, (B, H)."""
    c_0: Tensor
    """First cell state, (B, H)."""
    weight_ih: Tensor
    """W_x, (4H, I)."""
    weight_hh: Tensor
    """W_h, (4H, H)."""
    bias: Tensor
    """The sum of the biases, (4H,)."""
    weight_res: Tensor | None = None
    """W_res, (H, I); None for the identity, or where there is no residual."""

    def sizes(self) -> tuple[int, int, int, int]:
        """Return T, B, I and H."""
        steps, batch, inputs = self.x.shape
        return steps, batch, inputs, self.weight_hh.shape[1]

    def gradients(
        self,
        d_x: Tensor,
        d_h_0: Tensor,
        d_c_0: Tensor,
        d_weight: Tensor,
        d_bias: Tensor,
        d_res: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """Return the gradients in the order and types of the fields, none a view of another.

        Args:
            d_x, d_h_0, d_c_0, d_bias, d_res: those of the fields; None stands for an empty one.
            d_weight: that of [W_x, W_h], (4H, I+H).
        """
        inputs, hidden = self.x.shape[-1], self.weight_hh.shape[1]
        parts = d_weight.split((inputs, hidden), dim=1)
        d_weight_ih, d_weight_hh = (
            part.to(weight.dtype, copy=True, memory_format=torch.contiguous_format)
            for weight, part in zip((self.weight_ih, self.weight_hh), parts, strict=True)
        )
        if self.weight_res is None or d_res is None:
            d_res = self.weight_hh.new_empty(0, inputs)
        else:
            d_res = d_res.to(self.weight_res.dtype)
        return (
            d_x.to(self.x.dtype),
            d_h_0.to(self.h_0.dtype),
            d_c_0.to(self.c_0.dtype),
            d_weight_ih,
            d_weight_hh,
            d_bias.to(self.bias.dtype),
            d_res,
        )


Kept = tuple[Tensor, Tensor, Tensor]
"""What the gradient needs: x_t and h_{t-1} (T, B, I+H), cell states (T, B, H), gates (T, B, 4H)."""
Forward = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Hidden states (T, B, H), the last cell state (B, H), and what is kept for the gradient."""


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the type of what stands between two products of this type, at least float32."""
    return torch.promote_types(dtype, torch.float32)


def empty(layer: Layer, dtype: torch.dtype, keep: bool) -> Forward:
    """Return tensors of the shapes and types of `forward`, not yet filled; arguments as there."""
    steps, batch, inputs, hidden = layer.sizes()
    kept = steps if keep else 0

    def states(*shape: int, kind: torch.dtype = dtype) -> Tensor:
        return layer.x.new_empty(shape, dtype=kind)

    return (
        states(steps, batch, hidden),
        states(batch, hidden),
        states(kept, batch, inputs + hidden),
        states(kept, batch, hidden, kind=wide(dtype)),
        states(kept, batch, len(GATES) * hidden),
    )


def forward(layer: Layer, residual: bool, dtype: torch.dtype, keep: bool = True) -> Forward:
    """Return all states of one layer, h_t = o_t ⊙ tanh(c_t) [+ F(x_t)], in ways to differentiate.

    Args:
        layer: what it computes from; without a W_res, a residual layer must have I = H.
        residual: whether F(x_t), that is x_t or W_res x_t, is part of h_t.
        dtype: of the products.
        keep: whether to return what the gradient needs; else these tensors have no steps.
    """

    def rounded(tensor: Tensor) -> Tensor:
        return tensor.to(dtype).to(wide(dtype))

    x, h_0, c_0, weight_ih, weight_hh, bias, weight_res = layer
    weight = rounded(torch.cat((weight_ih, weight_hh), dim=1)).T  # (I+H, 4H)
    inputs, h, c = rounded(x), rounded(h_0), c_0.to(wide(dtype))
    shortcut = inputs if weight_res is None else inputs @ rounded(weight_res).T
    joined, hidden, cells, gates = [], [], [], []
    for t, x_t in enumerate(inputs.unbind()):
        read = torch.cat((x_t, h), dim=-1)
        blocks = (read @ weight + bias).chunk(len(GATES), dim=-1)
        gate = {
            name: block.tanh() if name == "g" else block.sigmoid()
            for name, block in zip(GATES, blocks, strict=True)
        }
        c = gate["f"] * c + gate["i"] * gate["g"]
        m = gate["o"] * c.tanh()
        h = rounded(m + shortcut[t] if residual else m)
        joined.append(read)
        hidden.append(h)
        cells.append(c)
        gates.append(torch.cat([gate[name] for name in GATES], dim=-1))

    def kept(states: list[Tensor]) -> Tensor:
        return torch.stack(states) if keep else x.new_empty(0, *states[0].shape)

    every = torch.stack(hidden).to(dtype)
    return (
        every,
        c.to(dtype),
        kept(joined).to(dtype),
        kept(cells).to(c.dtype),
        kept(gates).to(dtype),
    )


def backward(
    d_h: Tensor,
    d_c_n: Tensor,
    layer: Layer,
    kept: Kept,
    residual: bool,
    dtype: torch.dtype,
    with_x: bool = True,
) -> tuple[Tensor, ...]:
    """Return the gradients by all tensors of the layer, in ways to differentiate.

    Args:
        d_h: gradient of the hidden states, (T, B, H).
        d_c_n: gradient of the last cell state, (B, H).
        layer, residual, dtype: as given to `forward`.
        kept: what it returned for the gradient.
        with_x: whether the gradient by x is asked for; else it has no steps. That by a W_res that
            is None has no rows.
    """

    def rounded(tensor: Tensor) -> Tensor:
        return tensor.to(dtype).to(wide(dtype))

    x, h_0, c_0, weight_ih, weight_hh, bias, weight_res = layer
    joined, cells, gates = (entry.to(wide(dtype)) for entry in kept)
    before = torch.cat((c_0.to(wide(dtype)).unsqueeze(0), cells[:-1]))  # c_{t-1}
    w_x, w_h = rounded(weight_ih), rounded(weight_hh)
    outer, d_state, d_cell = rounded(d_h), torch.zeros_like(before[0]), d_c_n.to(wide(dtype))
    rows: list[Tensor] = []
    totals: list[Tensor] = []
    for t in reversed(range(len(x))):
        gate = dict(zip(GATES, gates[t].chunk(len(GATES), dim=-1), strict=True))
        i, f, g, o = (gate[name] for name in ("i", "f", "g", "o"))
        squashed, total = cells[t].tanh(), d_state + outer[t]
        inner = d_cell + total * o * (1 - squashed.square())
        by_gate = {
            "i": inner * g * i * (1 - i),
            "f": inner * before[t] * f * (1 - f),
            "g": inner * i * (1 - g.square()),
            "o": total * squashed * o * (1 - o),
        }
        row = torch.cat([by_gate[name] for name in GATES], dim=-1)
        d_cell, d_state = inner * f, rounded(row) @ w_h
        rows.insert(0, row)
        totals.insert(0, total)
    d_a, d_total = torch.stack(rows), torch.stack(totals)  # (T, B, 4H), (T, B, H)
    flat, read, d_res = rounded(d_a).flatten(0, 1), joined.flatten(0, 1), None
    d_x = rounded(d_a) @ w_x if with_x else x.new_empty(0, *x.shape[1:])
    if weight_res is not None:
        d_res = rounded(d_total).flatten(0, 1).T @ read[:, : x.shape[-1]]
    if with_x and residual:
        d_x = d_x + (d_total if weight_res is None else rounded(d_total) @ rounded(weight_res))
    return layer.gradients(d_x, d_state, d_cell, flat.T @ read, d_a.sum((0, 1)), d_res)
