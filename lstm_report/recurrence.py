"""One recurrent layer, in one direction, over whole sequences: through either kernel.

Shapes: T time, B batch, I input size, H hidden size.
"""

import dataclasses
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_report import kernel
from lstm_report.cells import GATES, CellParameters


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
    if torch.is_autocast_enabled(x.device.type):
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype


def usable(x: Tensor, parameters: CellParameters) -> bool:
    """Return whether the kernel can run a layer of these parameters over `x`, (T, B, I)."""
    hidden, inputs = parameters.weight_hh.shape[1], x.shape[-1]
    return (
        x.device.type == "cpu"
        and x.numel() > 0
        and parameters.weight_hh.dtype == torch.float32
        and x.dtype in (torch.float32, product_type(x))
        and not torch.compiler.is_compiling()
        and kernel.fits(product_type(x), inputs, hidden)
    )


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
    tensors = x, h_0, c_0, p.weight_ih, p.weight_hh, total, p.weight_res
    # Asked here: within the function no gradient is ever recorded.
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    return _Recurrence.apply(*tensors, residual, keep)


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


class _Recurrence(torch.autograd.Function):
    """The kernel as a differentiable function; PyTorch multiplies what spans all steps."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h_0: Tensor,
        c_0: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        weight_res: Tensor | None,
        residual: bool,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        dtype, (steps, batch, inputs), hidden = product_type(x), x.shape, weight_hh.shape[1]
        width = kernel.panel(inputs, hidden)
        assert width is not None
        sizes = {"T": steps, "B": batch, "I": inputs, "H": hidden, "P": width}
        sizes["residual"] = int(residual)

        def states(features: int, kind: torch.dtype) -> Tensor:
            return torch.empty(steps, batch, features, dtype=kind)

        stacked = torch.cat((weight_ih, weight_hh), dim=1).to(dtype)  # (4H, I+H)
        shortcut = None if weight_res is None else kernel.pack(weight_res.to(dtype).T, width)
        arrays: dict[str, Tensor | None] = {
            "x": x.to(dtype).contiguous(),
            "w": kernel.pack(stacked.T, width),
            "w_x": shortcut,
            "bias": bias.float().contiguous(),
            "h_0": h_0.float().contiguous(),
            "c_0": c_0.float().contiguous(),
            "h": (h := states(hidden, dtype)),
            "joined": (joined := states(inputs + hidden, dtype) if keep else None),
            "c": (c := states(hidden, torch.float32) if keep else torch.empty(batch, hidden)),
            "gates": (gates := states(len(GATES) * hidden, dtype) if keep else None),
        }
        kernel.run(dtype, False, arrays, **sizes)
        ctx.save_for_backward(weight_ih, weight_hh, weight_res, joined, c, gates, arrays["c_0"])
        ctx.sizes, ctx.types = sizes, (dtype, x.dtype, h_0.dtype, c_0.dtype)
        return h, (c[-1].clone() if keep else c).to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor, d_c_n: Tensor) -> tuple[Tensor | None, ...]:
        weight_ih, weight_hh, weight_res, joined, c, gates, c_0 = ctx.saved_tensors
        dtype, *types = ctx.types
        width, inputs, hidden = (ctx.sizes[name] for name in ("P", "I", "H"))
        from_input = weight_ih if weight_res is None else torch.cat((weight_ih, weight_res))
        shape = joined.shape[:2]
        d_a = torch.empty_like(gates)
        d_state = None if weight_res is None else torch.empty(*shape, hidden, dtype=dtype)
        d_x = torch.empty(*shape, inputs) if ctx.needs_input_grad[0] else None
        # A kernel's thread adds the biases' gradient into a row of its own.
        d_bias = torch.zeros(torch.get_num_threads(), len(GATES) * hidden)
        d_h_0 = torch.empty_like(c_0)
        d_c_0 = d_c_n.to(torch.float32, copy=True).contiguous()
        arrays = {
            "w": kernel.pack(weight_hh.to(dtype), width),
            "w_x": kernel.pack(from_input.to(dtype), width),
            "c_0": c_0,
            "h": d_h.to(dtype).contiguous(),
            "c": c,
            "gates": gates,
            "d_a": d_a,
            "d_h": d_state,
            "d_x": d_x,
            "d_bias": d_bias,
            "d_h_0": d_h_0,
            "d_c_0": d_c_0,
        }
        kernel.run(dtype, True, arrays, **ctx.sizes)
        read = joined.flatten(0, 1)  # (T·B, I+H): x_t and h_{t-1}
        d_weight = (d_a.flatten(0, 1).T @ read).float()
        d_weight_ih, d_weight_hh = d_weight.split((inputs, hidden), dim=1)
        d_res = None
        if d_state is not None:
            d_res = (d_state.flatten(0, 1).T @ read[:, :inputs]).float()
        d_inputs = (d_x, d_h_0, d_c_0)
        first = [
            None if entry is None else entry.to(kind)
            for entry, kind in zip(d_inputs, types, strict=True)
        ]
        return (*first, d_weight_ih, d_weight_hh, d_bias.sum(0), d_res, None, None)
