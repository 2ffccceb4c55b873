"""One recurrent layer, in one direction, over whole sequences: our operator or PyTorch's.

Shapes: T time, B batch, I input size, H hidden size.
"""

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_report import equations, kernel, operators  # noqa: F401  these are torch.ops.lstm_report
from lstm_report.cells import CellParameters
from lstm_report.equations import Layer


class Given(NamedTuple):
    """What one direction of one layer computes from."""

    x: Tensor
    """Inputs, (T, B, I)."""
    h_0: Tensor
    """First hidden state, (B, H)."""
    c_0: Tensor
    """First cell state, (B, H)."""
    parameters: CellParameters
    lengths: Tensor | None
    """Real steps of each sequence, falling, (B,); None when all have T."""


Computed = tuple[Tensor, Tensor, Tensor]
"""What it computes: hidden states (T, B, H), and the last hidden and cell state, (B, H)."""


def product_type(x: Tensor) -> torch.dtype:
    """Return the type in which products with `x` are computed: its own, or that of autocast."""
    if torch.is_autocast_enabled(x.device.type) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype


def usable(x: Tensor, parameters: CellParameters) -> bool:
    """Return whether `recurrence` is to run a layer of these parameters over `x`, (T, B, I).

    That is where the compiled kernel can; in a graph that is being compiled, which asks for the
    kernel when it runs; and in transforms, some of which PyTorch's fused kernel refuses. But what
    is traced or exported is to run without this package.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_exporting()  # type: ignore[attr-defined]
    if traced or x.device.type != "cpu" or x.numel() == 0:
        return False
    if transformed() or torch.compiler.is_compiling():
        return True
    hidden, dtype = parameters.weight_hh.shape[1], product_type(x)
    return (
        parameters.weight_hh.dtype == torch.float32
        and x.dtype in (torch.float32, dtype)
        and kernel.fits(dtype, x.shape[-1], hidden)
    )


def transformed() -> bool:
    """Return whether a transform of `torch.func` or forward-mode differentiation is under way."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def recurrence(
    x: Tensor, h_0: Tensor, c_0: Tensor, parameters: CellParameters, residual: bool
) -> tuple[Tensor, Tensor]:
    """Return the hidden states, (T, B, H), and the last cell state, (B, H), of one layer.

    Args:
        x: inputs, (T, B, I).
        h_0: first hidden state, (B, H).
        c_0: first cell state, (B, H).
        parameters: the weights; without a W_res, a residual layer must have I = H.
        residual: whether h_t = o_t ⊙ tanh(c_t) + F(x_t) instead of o_t ⊙ tanh(c_t).
    """
    p = parameters
    bias = [entry for entry in (p.bias_ih, p.bias_hh) if entry is not None]
    total = sum(bias[1:], bias[0]) if bias else p.weight_hh.new_zeros(len(p.weight_hh))
    layer = Layer(x, h_0, c_0, p.weight_ih, p.weight_hh, total, p.weight_res)
    dtype = product_type(x)
    if transformed():
        with torch.autocast("cpu", enabled=False):
            h, c_n, *_ = equations.forward(layer, residual, dtype, keep=False)
        return h, c_n
    # Asked here: within the operator no gradient is ever recorded.
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in layer)
    h, c_n, *_ = torch.ops.lstm_report.recurrence(*layer, residual, dtype, keep)
    return h, c_n


def last(states: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the states (B, H) at the last real step of each sequence, of all states (T, B, H)."""
    if lengths is None:
        return states[-1]
    return states[
        lengths.to(states.device) - 1, torch.arange(states.shape[1], device=states.device)
    ]


def plain(given: Given) -> Computed:
    """Run one direction of an LSTM layer; a W_res among its parameters plays no part."""
    x, h_0, c_0, parameters, lengths = given
    if lengths is None and usable(x, parameters):
        without = dataclasses.replace(parameters, weight_res=None)
        output, c_n = recurrence(x, h_0, c_0, without, residual=False)
        return output, output[-1], c_n
    return fused(x, h_0, c_0, parameters, parameters.weight_ih, lengths)


def fused(
    x: Tensor,
    h_0: Tensor,
    c_0: Tensor,
    parameters: CellParameters,
    weight_ih: Tensor,
    lengths: Tensor | None,
) -> Computed:
    """Run PyTorch's fused LSTM kernel with the given weights over one layer and direction."""
    weights = [weight_ih, parameters.weight_hh]
    if parameters.bias_ih is not None and parameters.bias_hh is not None:
        weights += [parameters.bias_ih, parameters.bias_hh]
    state = [h_0.unsqueeze(0).contiguous(), c_0.unsqueeze(0).contiguous()]
    has_bias = len(weights) == 4
    if lengths is None:
        output, h_n, c_n = torch.lstm(x, state, weights, has_bias, 1, 0.0, False, False, False)
    else:
        packed = pack_padded_sequence(x, lengths)
        data, h_n, c_n = torch.lstm(
            packed.data, packed.batch_sizes, state, weights, has_bias, 1, 0.0, False, False
        )
        output, _ = pad_packed_sequence(PackedSequence(data, packed.batch_sizes))
    return output, h_n[0], c_n[0]


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return `x` (T, B, features) with each sequence reversed, its padding left in place."""
    if lengths is None:
        return x.flip(0)
    steps = torch.arange(x.shape[0], device=x.device).unsqueeze(1)  # (T, 1)
    last = lengths.to(x.device).unsqueeze(0) - 1  # (1, B)
    index = torch.where(steps <= last, last - steps, steps)
    return x.gather(0, index.unsqueeze(-1).expand_as(x))
