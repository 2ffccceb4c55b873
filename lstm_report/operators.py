"""The recurrence as operators of PyTorch, `torch.ops.lstm_report`: with checks, fakes, gradients.

`recurrence` is `equations.forward` of one layer and `recurrence_backward` its gradient, through the
compiled kernel where it can be had and fits. As operators they appear in PyTorch's graphs, and run
there; the gradient has a gradient itself, that of the equations, computed in at least float32.
Forward-mode derivatives and the transforms of `torch.func` cannot see into them: with those,
`lstm_report.recurrence` takes the equations.

Shapes: T time, B batch, I input size, H hidden size.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_report import equations, kernel
from lstm_report.config import GATES
from lstm_report.equations import Forward, Layer

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
    """Refuse what does not fit together; arguments as those of `equations.forward`.

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
    return kernel if fits else equations


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
    steps, batch, inputs, hidden = layer.sizes()

    def states(features: int, kind: torch.dtype, kept: bool) -> Tensor:
        return layer.x.new_empty(steps if kept else 0, batch, features, dtype=kind)

    return (
        states(hidden, dtype, True),
        layer.x.new_empty(batch, hidden, dtype=dtype),
        states(inputs + hidden, dtype, keep),
        states(hidden, equations.wide(dtype), keep),
        states(len(GATES) * hidden, dtype, keep),
    )


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
        layer, dtype = Layer(*fields), equations.wide(ctx.dtype)
        kept = equations.forward(layer, ctx.residual, dtype)[2:]
        return equations.backward(d_h, d_c_n, layer, kept, ctx.residual, dtype, ctx.with_x)

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
