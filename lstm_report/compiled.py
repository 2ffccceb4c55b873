"""Build `kernel.cpp` with the compiler of this machine, load it, and call it from several threads.

Nothing fails where it cannot be had: `library` is None there.
"""

import ctypes
import functools
import hashlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lstm_report import paths
from lstm_report.config import GATES
from lstm_report.errors import UserError

SOURCE = Path(__file__).with_name("kernel.cpp")
FLAGS = (
    *("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC"),
    "-Wl,--no-undefined",  # a PyTorch without these products is found out here, not in training
)
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


def _capabilities() -> Mapping[str, Any]:
    """Return what PyTorch knows of the processor; nothing with a PyTorch that does not say."""
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


def supports(dtype: torch.dtype) -> bool:
    """Return whether this processor has the instructions for products of this type."""
    capabilities = _capabilities()
    needed = {torch.float32: ("avx512_f",), torch.bfloat16: ("avx512_f", "avx512_bf16")}
    return dtype in needed and all(capabilities.get(name) for name in needed[dtype])


@functools.cache
def library() -> ctypes.CDLL | None:
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
        built = ctypes.CDLL(str(target))
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
    parts = [(*pair, place) for place, pair in enumerate(itertools.pairwise(cuts))]
    if count == 1:
        failed = call(*parts[0])
    else:
        jobs = [_threads(os.getpid(), count).submit(call, *part) for part in parts]
        failed = max(job.result() for job in jobs)
    if failed:
        raise RuntimeError("the compiled kernel failed: set LSTM_REPORT_KERNEL=off to do without")
