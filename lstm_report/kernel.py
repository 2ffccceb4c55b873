"""Build `kernel.cpp` with the compiler of this machine, load it, and call it from several threads.

It is an extra: where there is no compiler, no suitable processor or no such PyTorch, `available`
says so, and `lstm_report.layers` uses PyTorch's own kernel, with the same results up to rounding.
"""

import ctypes
import functools
import hashlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lstm_report import paths
from lstm_report.cells import GATES
from lstm_report.errors import UserError

SOURCE = Path(__file__).with_name("kernel.cpp")
SWITCH = "LSTM_REPORT_KERNEL"
"""The environment variable that switches the kernel off when it is `off`."""
FLAGS = (
    *("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC"),
    "-Wl,--no-undefined",  # a PyTorch without these products is found out here, not in training
)
PANELS = (64, 32)
"""Widths of a panel of a packed weight; the sizes of a layer must be multiples of one."""
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


def _capabilities() -> Mapping[str, Any]:
    """Return what PyTorch knows of the processor; nothing with a PyTorch that does not say."""
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


def supports(dtype: torch.dtype) -> bool:
    """Return whether this processor has the instructions for products of this type."""
    capabilities = _capabilities()
    needed = {torch.float32: ("avx512_f",), torch.bfloat16: ("avx512_f", "avx512_bf16")}
    return dtype in needed and all(capabilities.get(name) for name in needed[dtype])


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Return the built kernel, from the cache when it was built before; None without one."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None or not supports(torch.float32):
        return None
    libraries = Path(torch.__file__).parent / "lib"
    gates = [f"-DGATE_{name}={place}" for place, name in enumerate(GATES)]
    linked = [f"-L{libraries}", "-ltorch_cpu", f"-Wl,-rpath,{libraries}"]
    key = [SOURCE.read_text(), *FLAGS, *gates, str(libraries), torch.__version__, compiler]
    key.append(str(_capabilities()))
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()[:16]
    target = paths.CACHE / f"kernel-{digest}.so"
    try:
        if not target.is_file():
            with paths.atomic_write(target) as temporary:
                subprocess.run(
                    [compiler, *FLAGS, *gates, str(SOURCE), "-o", str(temporary), *linked],
                    check=True,
                    capture_output=True,
                    timeout=120,
                )
        library = ctypes.CDLL(str(target))
        library.lstm_report_run.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 5]
        return library
    except (OSError, subprocess.SubprocessError, AttributeError, UserError):
        return None


def available(dtype: torch.dtype) -> bool:
    """Return whether the kernel can be used for this type on this machine, now.

    The first call builds it, which takes about a second; the file is kept in the cache.
    """
    return os.environ.get(SWITCH) != "off" and supports(dtype) and _library() is not None


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


def fits(dtype: torch.dtype, *sizes: int) -> bool:
    """Return whether the kernel can run layers of these sizes here, with products of this type."""
    return panel(*sizes) is not None and available(dtype)


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
    library = _library()
    assert library is not None
    pointers = {name: None if array is None else array.data_ptr() for name, array in arrays.items()}
    call: Callable[..., int] = functools.partial(
        library.lstm_report_run,
        ctypes.byref(Sequences(**sizes, **pointers)),
        dtype == torch.bfloat16,
        backward,
    )
    batch, count = sizes["B"], min(torch.get_num_threads(), sizes["B"])
    cuts = [batch * place // count for place in range(count + 1)]
    parts = [(*pair, place) for place, pair in enumerate(itertools.pairwise(cuts))]
    if count == 1:
        failed = call(*parts[0])
    else:
        jobs = [_threads(os.getpid(), count).submit(call, *part) for part in parts]
        failed = max(job.result() for job in jobs)
    if failed:
        raise RuntimeError("the compiled kernel failed: set LSTM_REPORT_KERNEL=off to do without")
