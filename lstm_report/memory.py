"""The memory of the process: keep what tensors free, instead of asking the system for it again."""

import ctypes
import functools

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
