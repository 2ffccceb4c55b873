"""What the process is told before it computes: to keep freed memory, and how to share its cores."""

import ctypes
import functools
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # of glibc's malloc.h
LARGEST = 1 << 30  # bytes


@functools.cache
def keep_freed() -> bool:
    """Let the process keep the memory that large tensors free, where its C library can be told to.

    A training step frees some hundred megabytes and needs as many in the next step. By default
    glibc gives such pieces back, and the system clears every page again when it is first touched;
    that took a third of the time of training, see `benchmarks/NOTES.md`.

    Returns:
        Whether it could be done; elsewhere than with glibc nothing happens.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(bool(set_option(name, LARGEST)) for name in (MMAP_THRESHOLD, TRIM_THRESHOLD))


SMALL = 2e8
"""Operations of a training step from which a second thread pays."""


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let waiting threads sleep, unless the environment says otherwise; before torch is loaded.

    By default threads of OpenMP that have nothing to do spin, and where another process keeps a
    core busy, each wait then lasts until that process gives way.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def threads_for(operations: float) -> Iterator[None]:
    """Compute with one thread meanwhile, where a step is too small for two to gain.

    A number of threads that `OMP_NUM_THREADS` sets is left alone.

    Args:
        operations: multiplications and additions of a training step.
    """
    import torch

    before = torch.get_num_threads()
    if operations < SMALL and not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
