"""The recurrence over whole sequences through the compiled kernel, where it can be had.

It is an extra: where there is no compiler, no suitable processor or no such PyTorch, `available`
says so, and `lstm_report.models.layers` uses PyTorch's own kernel, with the same results up to
rounding. PyTorch does not promise the products that the kernel takes from it. So it is compared
with its equations before its first use, and not used where it differs.

Shapes: T time, B batch, I input size, H hidden size.
"""

import ctypes
import functools
import hashlib
import math
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lstm_report import paths
from lstm_report.config import GATES
from lstm_report.errors import UserError
from lstm_report.models import cells
from lstm_report.models.cells import Forward, Kept, Layer

SOURCE = Path(__file__).with_name("kernel.cpp")
FLAGS = (
    *("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC"),
    "-Wl,--no-undefined",  # a PyTorch without these products is found out here, not in training
)
BUILT = "kernel.so"
SWITCH = "LSTM_REPORT_KERNEL"
"""The environment variable that switches the kernel off when it is `off`."""
PANELS = (64, 32)
"""Widths of a panel of a packed weight; the sizes of a layer must be multiples of one."""
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
"""How far it may be from its equations, relative to the largest number of each result."""
POINTERS = (
    *("x", "w", "w_x", "bias", "h_0", "c_0", "h", "joined", "c", "gates"),
    *("d_a", "d_h", "d_x", "d_bias", "d_h_0", "d_c_0"),
)


class Sequences(ctypes.Structure):
    """Sizes and arrays of one call, as `Sequences` in `kernel.cpp`."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("T", "B", "I", "H", "P", "residual")),
        *((name, ctypes.c_void_p) for name in POINTERS),
    ]


def capabilities() -> Mapping[str, Any]:
    """Return what PyTorch knows of the processor; nothing with a PyTorch that does not say."""
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


def supports(dtype: torch.dtype) -> bool:
    """Return whether this processor has the instructions for products of this type."""
    there = capabilities()
    needed = {torch.float32: ("avx512_f",), torch.bfloat16: ("avx512_f", "avx512_bf16")}
    return dtype in needed and all(there.get(name) for name in needed[dtype])


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the built kernel, from the cache when it was built before; None without one."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    libraries = Path(torch.__file__).parent / "lib"
    gates = [f"-DGATE_{name}={place}" for place, name in enumerate(GATES)]
    linked = [f"-L{libraries}", "-ltorch_cpu", f"-Wl,-rpath,{libraries}"]
    key = [SOURCE.read_text(encoding="utf-8"), *FLAGS, *gates, str(libraries)]
    key += [torch.__version__, compiler, str(capabilities())]
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()[:16]
    folder = paths.CACHE / f"kernel-{digest}"
    try:
        if not paths.sealed(folder):  # the system ends a process that runs a damaged library
            with paths.atomic_write(folder, directory=True) as temporary:
                subprocess.run(
                    [compiler, *FLAGS, *gates, str(SOURCE), "-o", str(temporary / BUILT), *linked],
                    check=True,
                    capture_output=True,
                    timeout=120,
                )
                paths.seal(temporary)
        built = ctypes.CDLL(str(folder / BUILT))
        built.lstm_report_run.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 5]
        return built
    except (OSError, subprocess.SubprocessError, AttributeError, UserError):
        return None


@functools.lru_cache(maxsize=1)
def _threads(process: int, count: int) -> ThreadPoolExecutor:
    """Return the threads of this process; a forked one must not use those of its parent."""
    return ThreadPoolExecutor(count, thread_name_prefix="lstm-report-kernel")


def run(dtype: torch.dtype, backward: bool, arrays: dict[str, Tensor | None], **sizes: int) -> None:
    """Run the kernel over all sequences, divided between as many threads as PyTorch uses.

    Args:
        dtype: of the products, float32 or bfloat16.
        backward: whether to run backwards through time.
        arrays: the arrays that `Sequences` names; they are read and written in place.
        sizes: T, B, I, H, P and residual of `Sequences`.

    Raises:
        RuntimeError: when the kernel fails; an available one does not.
    """
    built = library()
    assert built is not None
    pointers = {name: None if array is None else array.data_ptr() for name, array in arrays.items()}
    call: Callable[..., int] = functools.partial(
        built.lstm_report_run,
        ctypes.byref(Sequences(**sizes, **pointers)),
        dtype == torch.bfloat16,
        backward,
    )
    batch, count = sizes["B"], min(torch.get_num_threads(), sizes["B"])
    cuts = [batch * place // count for place in range(count + 1)]
    parts = [(cuts[place], cuts[place + 1], place) for place in range(count)]
    if count == 1:
        failed = call(*parts[0])
    else:
        jobs = [_threads(os.getpid(), count).submit(call, *part) for part in parts]
        failed = max(job.result() for job in jobs)
    if failed:
        raise RuntimeError(f"the compiled kernel failed: set {SWITCH}=off to do without")


def panel(*sizes: int) -> int | None:
    """Return the width of the panels that weights of these sizes are cut into, or None."""
    return next((width for width in PANELS if all(size % width == 0 for size in sizes)), None)


def pack(weight: Tensor, width: int) -> Tensor:
    """Return a weight (K, N) cut into panels of `width` columns, as told in `kernel.cpp`."""
    rows, columns = weight.shape
    if weight.dtype == torch.bfloat16:
        pairs = weight.reshape(rows // 2, 2, columns // width, width)
        return pairs.permute(2, 0, 3, 1).contiguous()
    return weight.reshape(rows, columns // width, width).transpose(0, 1).contiguous()


def available(dtype: torch.dtype) -> bool:
    """Return whether the kernel can be used for this type on this machine, now.

    The first call builds it, which takes about a second; the file is kept in the cache. The first
    in a process warns if it does not compute what its equations say, and then it is not available.
    """
    if os.environ.get(SWITCH) == "off" or not supports(dtype):
        return False
    return library() is not None and _is_right(dtype)


def fits(dtype: torch.dtype, *sizes: int) -> bool:
    """Return whether the kernel can run layers of these sizes here, with products of this type."""
    return panel(*sizes) is not None and available(dtype)


@functools.cache
def _is_right(dtype: torch.dtype) -> bool:
    """Return whether the kernel gives what its equations say, up to rounding; if not, warn."""
    # In a thread of its own, since PyTorch's modes (fake tensors, transforms, autocast, a default
    # device) hold for the thread that set them.
    with ThreadPoolExecutor(1) as apart:
        error = max(apart.map(functools.partial(_error, dtype), (32, 64)))
    if error <= TOLERANCE[dtype]:
        return True
    warnings.warn(
        f"the compiled kernel is off its equations by {error:.1e} in {dtype}, as built for "
        f"PyTorch {torch.__version__}, so PyTorch's own is used; {SWITCH}=off does so unasked",
        stacklevel=2,
    )
    return False


def _error(dtype: torch.dtype, inputs: int, hidden: int = 64) -> float:
    """Return the error of a small residual layer, forward and backward, as in `TOLERANCE`."""
    source, rows = torch.Generator().manual_seed(0), len(GATES) * hidden

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float32, device="cpu")

    x, d_h = some(3, 5, inputs), some(3, 5, hidden)
    h_0, c_0, d_c_n = some(3, 5, hidden)
    weights = some(rows, inputs) / 8, some(rows, hidden) / 8, some(rows)
    layer = Layer(x, h_0, c_0, *weights, None if inputs == hidden else some(hidden, inputs) / 8)
    expected = cells.forward(layer, True, dtype)
    truth = *expected, *cells.backward(d_h, d_c_n, layer, expected[2:], True, dtype)
    found = *forward(layer, True, dtype), *backward(d_h, d_c_n, layer, expected[2:], True, dtype)
    errors = [
        float((ours.float() - theirs.float()).abs().max() / theirs.float().abs().max())
        for ours, theirs in zip(found, truth, strict=True)
        if theirs.numel()
    ]
    return max(math.inf if math.isnan(error) else error for error in errors)


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Let numbers below 1e-38 count as zero, as gradients that fade over many steps become.

    Arithmetic with them is some 20 times slower. The compiled kernel does so by itself.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def forward(layer: Layer, residual: bool, dtype: torch.dtype, keep: bool = True) -> Forward:
    """Return `cells.forward` of the layer, for sizes that fit; arguments as there."""
    sizes, width = _sizes(layer, residual)
    # An array without elements is a null pointer to the kernel.
    h, c_n, joined, c, gates = cells.empty(layer, dtype, keep)
    last = c[-1] if keep else torch.empty_like(c_n, dtype=torch.float32)
    stacked = torch.cat((layer.weight_ih, layer.weight_hh), dim=1).to(dtype)  # (4H, I+H)
    shortcut = layer.weight_res
    arrays = {
        "x": layer.x.to(dtype).contiguous(),
        "w": pack(stacked.T, width),
        "w_x": None if shortcut is None else pack(shortcut.to(dtype).T, width),
        "bias": layer.bias.float().contiguous(),
        "h_0": layer.h_0.float().contiguous(),
        "c_0": layer.c_0.float().contiguous(),
        "h": h,
        "joined": joined,
        "c": c if keep else last,
        "gates": gates,
    }
    run(dtype, False, arrays, **sizes)
    return h, c_n.copy_(last), joined, c, gates


def backward(
    d_h: Tensor,
    d_c_n: Tensor,
    layer: Layer,
    kept: Kept,
    residual: bool,
    dtype: torch.dtype,
    with_x: bool = True,
) -> tuple[Tensor, ...]:
    """Return `cells.backward` of the layer, for sizes that fit; arguments as there."""
    sizes, width = _sizes(layer, residual)
    steps, batch, inputs, hidden = layer.sizes()
    joined, c, gates = kept

    def empty(*shape: int, kind: torch.dtype = torch.float32) -> Tensor:
        return layer.x.new_empty(shape, dtype=kind)

    from_input, w_res = layer.weight_ih, layer.weight_res
    if w_res is not None:
        from_input = torch.cat((from_input, w_res))
    d_a = torch.empty_like(gates)
    d_state = empty(0 if w_res is None else steps, batch, hidden, kind=dtype)
    d_x = empty(steps if with_x else 0, batch, inputs)
    # A kernel's thread adds the biases' gradient into a row of its own.
    d_bias = empty(torch.get_num_threads(), len(GATES) * hidden).zero_()
    d_h_0, d_c_0 = empty(batch, hidden), d_c_n.to(torch.float32, copy=True).contiguous()
    arrays: dict[str, Tensor | None] = {
        "w": pack(layer.weight_hh.to(dtype), width),
        "w_x": pack(from_input.to(dtype), width),
        "c_0": layer.c_0.float().contiguous(),
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
    run(dtype, True, arrays, **sizes)
    read = joined.flatten(0, 1)  # (T·B, I+H): x_t and h_{t-1}
    # PyTorch multiplies what spans all steps.
    d_weight = d_a.flatten(0, 1).T @ read
    d_res = None if w_res is None else d_state.flatten(0, 1).T @ read[:, :inputs]
    return layer.gradients(d_x, d_h_0, d_c_0, d_weight, d_bias.sum(0), d_res)


def _sizes(layer: Layer, residual: bool) -> tuple[dict[str, int], int]:
    """Return the sizes that the kernel is told, and the width of its panels."""
    steps, batch, inputs, hidden = layer.sizes()
    width = panel(inputs, hidden)
    assert width is not None
    sizes = {"T": steps, "B": batch, "I": inputs, "H": hidden, "P": width}
    return sizes | {"residual": int(residual)}, width
