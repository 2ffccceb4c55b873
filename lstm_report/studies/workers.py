"""The processes of this machine: what a worker does, and the engine that keeps them at work.

A worker is `python -m lstm_report.studies.workers`. It gets one job through its standard input.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from lstm_report import config, paths, process, provenance
from lstm_report.config import RunConfig
from lstm_report.data import unlabelled
from lstm_report.data.prepared import prepare
from lstm_report.data.sources import Source
from lstm_report.errors import UserError

RETRIES = 2
"""How often a run is taken up again whose worker was killed."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Job(ABC):
    """Something that a worker computes; it is pickled on the way there."""

    threads: int
    """Threads that the worker computes with."""

    def prepare(self) -> None:  # noqa: B027  most have nothing to prepare
        """Do what other jobs need too; one job at a time does, before its worker is started."""

    @abstractmethod
    def compute(self) -> None:
        """Compute it, and leave the result where it is looked for."""

    def attempt(self) -> str | None:
        """Compute it, and return one line about what went wrong, or None."""
        try:
            self.compute()
        except UserError as error:
            return " ".join(str(error).split())
        except Exception as error:  # whatever it is, the other runs of the study go on
            traceback.print_exc()
            return " ".join(f"{type(error).__name__}: {error}".split())
        return None


@dataclass(frozen=True)
class Task(Job):
    """The training of a run, as a worker gets it."""

    config: RunConfig
    source: Source
    threads: int
    """Threads that the worker computes with."""
    directory: Path
    """Where run folders are, on the worker's machine."""
    cache: Path
    """Where prepared reviews are, on the worker's machine."""
    measures: tuple[str, ...] = ()
    """What to measure on the trained run, see `lstm_report.studies.measure`."""

    @property
    def folder(self) -> Path:
        """The folder of the run, on the worker's machine."""
        return self.directory / config.run_id(self.config, self.source.checksum)

    def prepare(self) -> None:
        """Prepare the reviews, and word vectors that are learnt, in the cache."""
        unlabelled.prepare(prepare(self.source, self.config.data), self.config)

    def compute(self) -> None:
        """Train the run to its end, from its last epoch where it was begun."""
        import torch

        from lstm_report.training.loop import fit

        torch.set_num_threads(self.threads)
        paths.CACHE = self.cache
        prepared = prepare(self.source, self.config.data)
        run = fit(self.config, data=prepared, progress=False, directory=self.directory)
        if self.measures:
            from lstm_report.studies import measure

            measure.keep(run, prepared, self.measures)


def _end_with_the_driver() -> None:
    """End this process when its standard input closes, as it does when its driver is gone."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock would be held when Python ends
        pass
    os._exit(1)


def main() -> None:
    """Read a job from the process that started this one, and answer it."""
    process.wait_passively()
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not the answer
    job: Job = pickle.load(sys.stdin.buffer)  # from the driver, through a pipe of its own
    threading.Thread(target=_end_with_the_driver, daemon=True).start()
    answer.write(job.attempt() or "")
    answer.flush()


AnyJob = TypeVar("AnyJob", bound=Job)
Outcomes = Generator[tuple[AnyJob, str | None, float], None, None]
"""Jobs that have ended, each with its error in one line, or None, and the seconds that it took."""


class Engine(Protocol):
    """Something that computes runs."""

    workers: int
    """Runs at the same time."""
    threads: int
    """Threads that each of them computes with."""

    def compute(self, jobs: Sequence[AnyJob]) -> Outcomes[AnyJob]:
        """Compute jobs in this order, and yield each when its result is here, or it has failed.

        When the generator is closed before its end, as by Ctrl-C, what is computing is ended.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds; it computes nothing afterwards."""
        ...


def given_threads() -> int | None:
    """Return the number of threads that the environment asks for, or `None`."""
    text = os.environ.get(THREAD_VARIABLES[0], "").partition(",")[0]
    return int(text) if text.isdecimal() and int(text) else None


class LocalEngine:
    """Processes of this machine, one for each run, which share the cores evenly."""

    def __init__(self, workers: int = 1) -> None:
        """Set the number of workers.

        Args:
            workers: runs at the same time. Each computes with its share of the cores, or with as
                many threads as `OMP_NUM_THREADS` says.

        Raises:
            UserError: when there are more workers than cores, or none.
        """
        cores = provenance.cores()
        if not 1 <= workers <= cores:
            raise UserError(
                f"Expected between 1 worker and {cores}, one for each core that this process "
                f"may use, got {workers}: choose --workers accordingly."
            )
        self.workers = workers
        self.threads = given_threads() or cores // workers
        self._preparing = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopping = threading.Event()

    def compute(self, jobs: Sequence[AnyJob]) -> Outcomes[AnyJob]:
        """Compute the jobs, see `Engine`; a worker that is killed is replaced `RETRIES` times."""
        self._stopping.clear()
        pool = ThreadPoolExecutor(self.workers)
        try:
            futures = [pool.submit(self._timed, job) for job in jobs]
            for future in as_completed(futures):
                yield future.result()
        finally:
            self._stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in list(self._processes):
                worker.kill()
            pool.shutdown()

    def close(self) -> None:
        """Do nothing: the processes have ended with `compute`."""

    def _timed(self, job: AnyJob) -> tuple[AnyJob, str | None, float]:
        started = time.perf_counter()
        try:
            with self._preparing:
                job.prepare()
            error = self._tried(job)
        except UserError as problem:
            error = str(problem)
        return job, error, time.perf_counter() - started

    def _tried(self, job: Job) -> str | None:
        """Return the error of a job, or None; a worker that is killed is replaced."""
        error: str | None = None
        for _ in range(1 + RETRIES):
            code, answer = self._work(job)
            if code >= 0:
                return answer or (f"The worker ended with code {code}." if code else None)
            name = signal.Signals(-code).name
            error = f"The worker was killed by {name}, {1 + RETRIES} times in a row."
            if self._stopping.is_set():
                break
        return error

    def _work(self, job: Job) -> tuple[int, str]:
        """Start a worker, wait for its end, and return its exit code and its answer."""
        worker = subprocess.Popen(
            [sys.executable, "-m", "lstm_report.studies.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(job.threads)),
            start_new_session=True,  # a Ctrl-C is for the driver, which ends its workers itself
        )
        assert worker.stdin is not None and worker.stdout is not None
        self._processes.add(worker)
        if self._stopping.is_set():
            worker.kill()
        with suppress(BrokenPipeError):  # of a worker that is killed before it has read its job
            pickle.dump(job, worker.stdin)
            worker.stdin.flush()
        answer = worker.stdout.read().decode()
        code = worker.wait()
        self._processes.discard(worker)
        with suppress(BrokenPipeError):
            worker.stdin.close()
        worker.stdout.close()
        return code, answer


if __name__ == "__main__":
    main()
