"""What a process is told: to keep freed memory, to wait asleep, to share no small step."""

import platform
import subprocess
import sys

import pytest
import torch

from lstm_report import config, process
from lstm_report.training import loop

PROGRAM = """
import resource, torch
from lstm_report import process
if {keep}:
    assert process.keep_freed()
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

    monkeypatch.setattr(process.ctypes, "CDLL", refuse)
    assert process.keep_freed.__wrapped__() is False


def test_threads_sleep_while_they_wait_unless_the_environment_says_otherwise():
    environment = {}
    process.wait_passively(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE"}
    environment = {"OMP_WAIT_POLICY": "ACTIVE"}
    process.wait_passively(environment)
    assert environment == {"OMP_WAIT_POLICY": "ACTIVE"}


def test_small_steps_compute_with_one_thread_and_large_ones_with_all(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", (threads := [2]).append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with process.threads_for(1e6):
        assert torch.get_num_threads() == 1
    with process.threads_for(1e10):
        assert torch.get_num_threads() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with process.threads_for(1e6):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 2
    sizes = [loop._operations(config.PROFILES[name]) for name in ("smoke", "quick", "source")]
    assert sizes[0] < process.SMALL < sizes[1] < sizes[2]
