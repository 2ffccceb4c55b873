"""One recurrent layer, in one direction, over whole sequences: our operators or PyTorch's.

The operators are registered with `torch.library`, so that PyTorch knows their shapes, types and
derivatives wherever it traces, compiles or transforms a model.

Shapes: T time, B batch, I input size, H hidden size.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_report.config import GATES
from lstm_report.models import cells, kernel
from lstm_report.models.cells import CellParameters, Forward, Layer

_LAYER = (
    "Tensor x, Tensor h_0, Tensor c_0, Tensor weight_ih, Tensor weight_hh, Tensor bias, "
    "Tensor? weight_res"
)
_LIBRARY = torch.library.Library("lstm_report", "DEF")
_LIBRARY.define(
    f"recurrence({_LAYER}, bool residual, ScalarType dtype, bool keep)"
    " -> (Tensor h, Tensor c_n, Tensor joined, Tensor c, Tensor gates)",
    tags=torch.Tag.pt2_compliant_tag,
)
_LIBRARY.define(
    f"recurrence_backward(Tensor d_h, Tensor d_c_n, {_LAYER}, Tensor joined, Tensor c,"
    " Tensor gates, bool residual, ScalarType dtype, bool with_x)"
    " -> (Tensor d_x, Tensor d_h_0, Tensor d_c_0, Tensor d_weight_ih, Tensor d_weight_hh,"
    " Tensor d_bias, Tensor d_weight_res)",
    tags=torch.Tag.pt2_compliant_tag,
)


def check(layer: Layer, residual: bool, dtype: torch.dtype) -> None:
    """Refuse what does not fit together; arguments as those of `cells.forward`.

    Raises:
        ValueError: for a wrong shape, a tensor on another device than x, or another type than a
            floating-point one.
    """
    if layer.x.dim() != 3 or layer.weight_hh.dim() != 2 or len(layer.x) == 0:
        raise ValueError(
            "expected x of shape (T, B, I) with at least one step and weight_hh of shape (4H, H), "
            f"got {tuple(layer.x.shape)} and {tuple(layer.weight_hh.shape)}"
        )
    _, batch, inputs, hidden = layer.sizes()
    rows = len(GATES) * hidden
    if residual and layer.weight_res is None and inputs != hidden:
        raise ValueError(f"expected a weight_res of shape ({hidden}, {inputs}), got none")
    shapes = (
        *(tuple(layer.x.shape), (batch, hidden), (batch, hidden)),
        *((rows, inputs), (rows, hidden), (rows,), (hidden, inputs)),
    )
    for name, tensor, shape in zip(Layer._fields, layer, shapes, strict=True):
        if tensor is None:
            continue
        if tuple(tensor.shape) != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {tuple(tensor.shape)}")
        if tensor.device != layer.x.device:
            raise ValueError(
                f"expected {name} on the device of x, {layer.x.device}, got {tensor.device}: "
                "move one of them with .to()"
            )
        if not tensor.is_floating_point():
            raise ValueError(f"expected {name} of a floating-point type, got {tensor.dtype}")
    if not dtype.is_floating_point:
        raise ValueError(f"expected products of a floating-point type, got {dtype}")


def _runner(layer: Layer, dtype: torch.dtype) -> Any:
    """Return the module whose `forward` and `backward` run this layer: kernel or equations."""
    _, _, inputs, hidden = layer.sizes()
    fits = layer.x.numel() > 0 and kernel.fits(dtype, inputs, hidden)
    return kernel if fits else cells


def _forward(*given: Any) -> Forward:
    *tensors, residual, dtype, keep = given
    layer = Layer(*tensors)
    check(layer, residual, dtype)
    with torch.autocast(layer.x.device.type, enabled=False):
        return _runner(layer, dtype).forward(layer, residual, dtype, keep)


def _fake_forward(*given: Any) -> Forward:
    *tensors, residual, dtype, keep = given
    layer = Layer(*tensors)
    check(layer, residual, dtype)
    return cells.empty(layer, dtype, keep)


def _setup_forward(ctx: Any, inputs: tuple[Any, ...], output: Forward) -> None:
    *tensors, ctx.residual, ctx.dtype, _ = inputs
    ctx.save_for_backward(*tensors, *output[2:])
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)  # no zeros for what is kept


def _gradient(
    ctx: Any, d_h: Tensor | None, d_c_n: Tensor | None, *kept: None
) -> tuple[Tensor | None, ...]:
    *tensors, joined, c, gates = ctx.saved_tensors
    layer = Layer(*tensors)
    steps, batch, _, hidden = layer.sizes()
    if len(gates) == 0:  # nobody knew that a gradient would be asked for
        with torch.no_grad():
            again = torch.ops.lstm_report.recurrence(*layer, ctx.residual, ctx.dtype, True)
            joined, c, gates = again[2:]
    if d_h is None:
        d_h = joined.new_zeros(steps, batch, hidden)
    if d_c_n is None:
        d_c_n = joined.new_zeros(batch, hidden)
    d_x, *rest, d_res = torch.ops.lstm_report.recurrence_backward(
        *(d_h, d_c_n, *layer, joined, c, gates),
        *(ctx.residual, ctx.dtype, ctx.needs_input_grad[0]),
    )
    d_x = d_x if ctx.needs_input_grad[0] else None
    return (d_x, *rest, None if layer.weight_res is None else d_res, None, None, None)


def _check_kept(layer: Layer, tensors: dict[str, Tensor]) -> None:
    """Refuse gradients, or what was kept, of other shapes than those of the layer."""
    steps, batch, inputs, hidden = layer.sizes()
    widths = {"d_h": hidden, "joined": inputs + hidden, "c": hidden, "gates": len(GATES) * hidden}
    for name, tensor in tensors.items():
        shape = (steps, batch, widths[name]) if name in widths else (batch, hidden)
        if tuple(tensor.shape) != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {tuple(tensor.shape)}")


def _backward(*given: Any) -> tuple[Tensor, ...]:
    d_h, d_c_n, *tensors, joined, c, gates, residual, dtype, with_x = given
    layer = Layer(*tensors)
    check(layer, residual, dtype)
    _check_kept(layer, {"d_h": d_h, "d_c_n": d_c_n, "joined": joined, "c": c, "gates": gates})
    with torch.autocast(layer.x.device.type, enabled=False):
        kept = joined, c, gates
        return _runner(layer, dtype).backward(d_h, d_c_n, layer, kept, residual, dtype, with_x)


def _fake_backward(*given: Any) -> tuple[Tensor, ...]:
    _, _, *tensors, _, _, _, residual, dtype, with_x = given
    layer = Layer(*tensors)
    check(layer, residual, dtype)
    d_x, *rest, d_res = (
        layer.weight_hh.new_empty(0, layer.x.shape[-1]) if t is None else t.new_empty(t.shape)
        for t in layer
    )
    return (d_x if with_x else d_x.new_empty(0, *d_x.shape[1:]), *rest, d_res)


def _setup_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, _, _, _, ctx.residual, ctx.dtype, ctx.with_x = inputs
    ctx.save_for_backward(*tensors)
    ctx.arguments = len(inputs)


def _second_gradient(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradient of `recurrence_backward`; what `recurrence` kept depends on x as well."""
    given = [tensor for tensor in ctx.saved_tensors if tensor is not None]  # W_res is the last

    def first(d_h: Tensor, d_c_n: Tensor, *fields: Tensor) -> tuple[Tensor, ...]:
        layer, dtype = Layer(*fields), cells.wide(ctx.dtype)
        kept = cells.forward(layer, ctx.residual, dtype)[2:]
        return cells.backward(d_h, d_c_n, layer, kept, ctx.residual, dtype, ctx.with_x)

    with torch.autocast(gradients[0].device.type, enabled=False):
        found = torch.func.vjp(first, *given)[1](gradients)
    return (*found, *[None] * (ctx.arguments - len(found)))


_LIBRARY.impl("recurrence", _forward, "CPU")
_LIBRARY.impl("recurrence_backward", _backward, "CPU")
for _name, _fake, _formula, _setup in (
    ("recurrence", _fake_forward, _gradient, _setup_forward),
    ("recurrence_backward", _fake_backward, _second_gradient, _setup_backward),
):
    torch.library.register_fake(f"lstm_report::{_name}", _fake, lib=_LIBRARY)
    torch.library.register_autograd(
        f"lstm_report::{_name}", _formula, setup_context=_setup, lib=_LIBRARY
    )


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
        parameters: the weights; without a W_res, a residual layer must have I = H. In a layer
            without a residual, a W_res plays no part.
        residual: whether h_t = o_t ⊙ tanh(c_t) + F(x_t) instead of o_t ⊙ tanh(c_t).
    """
    p = parameters
    bias = [entry for entry in (p.bias_ih, p.bias_hh) if entry is not None]
    total = sum(bias[1:], bias[0]) if bias else p.weight_hh.new_zeros(len(p.weight_hh))
    weight_res = p.weight_res if residual else None
    layer = Layer(x, h_0, c_0, p.weight_ih, p.weight_hh, total, weight_res)
    dtype = product_type(x)
    if transformed():
        with torch.autocast("cpu", enabled=False):
            return cells.forward(layer, residual, dtype, keep=False)[:2]
    # Asked here: within the operator no gradient is ever recorded.
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in layer)
    return torch.ops.lstm_report.recurrence(*layer, residual, dtype, keep)[:2]


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
        output, c_n = recurrence(x, h_0, c_0, parameters, residual=False)
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
