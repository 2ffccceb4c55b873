"""One run of a study in a process of its own: what every engine lets its workers do.

`python -m lstm_report.worker` takes one job from its standard input and answers on its standard
output with an error, or with nothing when the run is finished.
"""

import os
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lstm_report import memory, paths
from lstm_report.config import RunConfig
from lstm_report.errors import UserError
from lstm_report.sources import Source


@dataclass(frozen=True)
class Task:
    """What a worker needs to know."""

    config: RunConfig
    source: Source
    threads: int
    """Threads that the worker computes with."""
    directory: Path
    """Where run folders are, on the worker's machine."""
    cache: Path
    """Where prepared reviews are, on the worker's machine."""
    measures: tuple[str, ...] = ()
    """What to measure on the trained run, see `lstm_report.after_training`."""

    def attempt(self) -> str | None:
        """Train the run, see `attempt`."""
        return attempt(self)


class Job(Protocol):
    """Something that a worker computes; it is pickled on the way there."""

    @property
    def threads(self) -> int:
        """Threads that the worker computes with."""
        ...

    def attempt(self) -> str | None:
        """Compute it, leave the result in a file, and return an error in one line, or None."""
        ...


def attempt(task: Task) -> str | None:
    """Train a run to its end, from its last epoch where it was begun.

    Returns:
        One line about what went wrong, or None for a finished run.
    """

    def train() -> None:
        import torch

        from lstm_report import data, training

        torch.set_num_threads(task.threads)
        paths.CACHE = task.cache
        prepared = data.prepare(task.source, task.config.data)
        run = training.fit(task.config, data=prepared, progress=False, directory=task.directory)
        if task.measures:
            from lstm_report import after_training

            after_training.keep(run, prepared, task.measures)

    return error_of(train)


def error_of(compute: Callable[[], object]) -> str | None:
    """Call a function, and return one line about what went wrong, or None."""
    try:
        compute()
    except UserError as error:
        return " ".join(str(error).split())
    except Exception as error:  # whatever it is, the other runs of the study go on
        traceback.print_exc()
        return " ".join(f"{type(error).__name__}: {error}".split())
    return None


def _end_with_the_driver() -> None:
    """End this process when its standard input closes, as it does when its driver is gone."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock would be held when Python ends
        pass
    os._exit(1)


def main() -> None:
    """Read a job from the process that started this one, and answer it."""
    memory.wait_passively()
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not the answer
    job: Job = pickle.load(sys.stdin.buffer)  # from the driver, through a pipe of its own
    threading.Thread(target=_end_with_the_driver, daemon=True).start()
    answer.write(job.attempt() or "")
    answer.flush()


if __name__ == "__main__":
    main()
