"""Freed memory stays with the process, and elsewhere than with glibc nothing happens."""

import platform
import subprocess
import sys

import pytest

from lstm_report import memory

PROGRAM = """
import resource, torch
from lstm_report import memory
if {keep}:
    assert memory.keep_freed()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    torch.empty(20_000_000).fill_(1.0)  # 80 MB, freed at once
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_kept_memory_is_not_asked_for_again():
    counts = [
        int(subprocess.check_output([sys.executable, "-c", PROGRAM.format(keep=keep)], text=True))
        for keep in (False, True)
    ]
    assert counts[0] > 100_000  # pages that the system had to clear
    assert counts[1] < counts[0] / 2


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_c_library_is_left_alone(error, monkeypatch):
    def refuse(name):
        raise error

    monkeypatch.setattr(memory.ctypes, "CDLL", refuse)
    assert memory.keep_freed.__wrapped__() is False
