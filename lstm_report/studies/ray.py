"""The runs of a study on a Ray cluster, whose nodes need not share a disk.

Every node needs the packages that this project requires, but not the project itself: its code is
sent along. Ray keeps one copy of the reviews on each node, and the files of a finished run come
back over the network.
"""

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstm_report import paths, provenance
from lstm_report.config import RunConfig
from lstm_report.data.sources import Source
from lstm_report.errors import UserError
from lstm_report.studies.workers import RETRIES, Outcomes, Task
from lstm_report.training.runs import FILES, PROVENANCE

SECONDS = 20.0
"""How long a cluster may take to answer."""
KEPT_SECONDS = 3600
"""How long a node keeps the folder of a finished run, in case that its files did not arrive."""
TASK = "lstm-report run"
"""What Ray calls the tasks, in its own listings and as the names of their processes."""
NO_RAY = (
    "Expected the package ray for --engine ray, but it is not installed: install this project with "
    "its extra `cluster`, as in `pip install --constraint constraints.txt --editable '.[cluster]'`."
)


def _out_of_reach(address: str, why: str) -> UserError:
    return UserError(
        f"Expected a Ray cluster at {address}, but {why}: start one with `ray start --head` and "
        "give --address HOST:PORT as it prints, on a machine of the cluster."
    )


def check_address(address: str) -> None:
    """Find out within `SECONDS` whether a Ray cluster answers; connecting itself can hang.

    Args:
        address: `host:port`, or `auto` for the cluster that runs on this machine.

    Raises:
        UserError: when none does.
    """
    if address != "auto":
        if not (parts := re.fullmatch(r"([\w.-]+|\[[\da-fA-F:]+\]):(\d{1,5})", address)):
            raise UserError(f"Expected --address HOST:PORT, got {address!r}: write it that way.")
        try:
            socket.create_connection((parts[1].strip("[]"), int(parts[2])), SECONDS / 4).close()
        except (OSError, OverflowError) as error:
            raise _out_of_reach(address, f"nothing answers there ({error})") from error
    command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise _out_of_reach(address, "what answers there is not Ray") from error
    if answer.returncode:
        raise _out_of_reach(address, "none answers there")


class RayEngine:
    """Tasks on a Ray cluster, one for each run."""

    def __init__(self, workers: int | None, *, address: str | None, cpus: int, gpus: float) -> None:
        """Connect to the cluster; see `lstm_report.studies.runner.choose_engine`.

        Raises:
            UserError: when Ray is not installed, no cluster answers, or it has too little.
        """
        try:
            import ray
        except ImportError as error:
            raise UserError(NO_RAY) from error
        if cpus < 1 or gpus < 0 or (gpus > 1 and gpus != int(gpus)):
            raise UserError(
                f"Expected --cpus of at least 1 and --gpus of at least 0, whole above 1, got "
                f"{cpus} and {gpus:g}: change them."
            )
        address = address or "auto"
        check_address(address)
        try:
            ray.init(
                address=address,
                logging_level=logging.ERROR,
                log_to_driver=False,
                runtime_env={
                    "py_modules": [str(Path(__file__).resolve().parent.parent)],
                    "env_vars": {provenance.COMMIT: provenance.commit() or ""},
                },
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise _out_of_reach(address, f"it refuses ({why})") from error
        self.limit = workers
        self.threads = cpus
        self.resources = {"num_cpus": cpus, "num_gpus": gpus}
        try:
            self.workers = self._places(workers, cpus, gpus)
        except UserError:
            self.close()
            raise

    @staticmethod
    def _places(workers: int | None, cpus: int, gpus: float) -> int:
        """Return how many runs may go on at the same time."""
        import ray

        places = 0
        for node in ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                fit = int(has.get("CPU", 0) // cpus)
                if gpus:
                    fit = min(fit, int(has.get("GPU", 0) / gpus + 1e-6))
                places += fit
        if not 1 <= (places if workers is None else workers) <= places:
            raise UserError(
                f"Expected room for {'a worker' if workers is None else f'{workers} workers'} of "
                f"{cpus} cores and {gpus:g} GPUs each, but the cluster has room for {places}: "
                "change --workers, --cpus or --gpus, or add nodes with `ray start --address`."
            )
        return workers or places

    def compute(self, jobs: Sequence[Any]) -> Outcomes[Any]:
        """Compute the runs, see `lstm_report.studies.workers.Engine`.

        Ray tries again those of lost workers. What is to be measured on them is left to who asks.

        Args:
            jobs: of `Task`, on the same reviews.
        """
        import ray

        task = ray.remote(_train).options(
            **self.resources, max_retries=RETRIES, retry_exceptions=False, name=TASK
        )
        placed = ray.put(jobs[0].source)
        waiting = list(reversed(jobs))
        running: dict[ray.ObjectRef, Task] = {}
        try:
            while waiting or running:
                while waiting and len(running) < (self.limit or len(jobs)):
                    job = waiting.pop()
                    running[task.remote(placed, job.config, self.threads)] = job
                (reference,), _ = ray.wait(list(running), num_returns=1)
                job = running.pop(reference)
                error, files, seconds = _answer(reference)
                if error is None:
                    _write(job.folder, files)
                yield job, error, seconds
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def close(self) -> None:
        """Disconnect from the cluster."""
        import ray

        ray.shutdown()


Answer = tuple[str | None, dict[str, bytes], float]
"""Of a task: the error, or None; the files of the run by name; the seconds it took."""


def _answer(reference: Any) -> Answer:
    """Return what a task that has ended came to, also when its workers were lost."""
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return " ".join(f"{type(error).__name__}: {error}".split()), {}, float("nan")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a finished run in one step."""
    with paths.atomic_write(folder, directory=True) as temporary:
        for name, content in files.items():
            (temporary / name).write_bytes(content)


def _train(source: Source, config: RunConfig, threads: int) -> Answer:
    """Compute one run on a node."""
    started = time.perf_counter()
    place = Path(tempfile.gettempdir()) / f"lstm-report-{os.getuid()}"
    directory = place / "runs"
    task = Task(config, source, threads, directory, place / "cache")
    folder = task.folder
    for marker in directory.glob(f"*/{PROVENANCE}"):
        other, age = marker.parent, time.time() - marker.stat().st_mtime
        if other != folder and age > KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    error = task.attempt()
    names = (*FILES, PROVENANCE) if error is None else ()
    files = {name: (folder / name).read_bytes() for name in names}
    return error, files, time.perf_counter() - started
