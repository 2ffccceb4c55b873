"""Run a study: compute what is missing on one of the engines, and record each run as it ends.

And say beforehand how long it will take, and compute a recorded run again beside its records. What
differs between the kinds of runs is told by their `Plan`, in `classifiers`, `memory` and `linear`.
"""

import heapq
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lstm_report import config, progress, provenance, texts
from lstm_report.analysis import measurements
from lstm_report.analysis.measurements import Found
from lstm_report.errors import UserError
from lstm_report.statistics.intervals import Interval
from lstm_report.studies import records
from lstm_report.studies.study import Planned
from lstm_report.studies.workers import Engine, Job, LocalEngine

if TYPE_CHECKING:
    from lstm_report.training.loop import OnEpoch

FINISHED, BEGUN, MISSING = "finished", "begun", "missing"
ENGINES = ("local", "ray")
Log = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """One run of a study, and how far it is."""

    planned: Planned[Any]
    run_id: str
    state: str
    """`finished`, `begun` (with a checkpoint on this machine) or `missing`."""
    epochs_done: int = 0
    """Epochs that need not be computed again."""
    recorded: bool = False
    """Whether it stands in the records."""


@dataclass(frozen=True)
class Times:
    """How long runs will take, as far as that is known."""

    seconds: Sequence[float]
    """Of the runs that are known, in the order of starting."""
    unknown: tuple[str, ...]
    """The cells of which nothing is known."""
    source: str
    """What it is known by."""


class Plan(ABC):
    """The runs of one study of one kind: how each is computed, recorded and told."""

    name: str
    """The folder of its records in `results/`."""
    measure: str
    """What a run is scored by."""
    form: str
    """How a score is written."""

    @abstractmethod
    def planned(self) -> dict[str, Planned[Any]]:
        """Return every run by its id, in the order in which they are started."""

    @abstractmethod
    def recorded(self) -> Sequence[tuple[str, int, str]]:
        """Return label, seed and id of every recorded run, where these are of the same reviews."""

    def progress(self, run_id: str, planned: Planned[Any]) -> tuple[str, int]:
        """Return how far a run is that is not recorded: its state, and its epochs."""
        return MISSING, 0

    @abstractmethod
    def job(self, planned: Planned[Any], threads: int) -> Job:
        """Return what a worker is to compute."""

    @abstractmethod
    def record(self, entry: Entry, job: Any) -> str:
        """Record a run that is finished, and return its result in words."""

    def add_measurements(self, entry: Entry, found: Found, commit: str | None) -> None:
        """Add to the records what was measured on a run, by the code of a commit."""
        key = entry.planned.cell, entry.planned.seed, entry.run_id
        measurements.add(self.name, measurements.of_run(*key, found, commit))

    def times(self, left: Sequence[Entry], threads: int) -> Times:
        """Return how long runs that are not finished will take."""
        return Times([], tuple(dict.fromkeys(entry.planned.label for entry in left)), "")

    @abstractmethod
    def summary(self) -> str:
        """Return what has been found so far as a table for a terminal."""

    @abstractmethod
    def repeat(self, planned: Planned[Any], on_epoch: "OnEpoch | None") -> float:
        """Compute a run anew, apart from the records, and return its score."""

    @abstractmethod
    def scores(self, label: str) -> Mapping[int, float]:
        """Return the recorded score of each seed of a cell."""


def choose_engine(
    name: str, workers: int | None, *, address: str | None = None, cpus: int = 1, gpus: float = 0.0
) -> Engine:
    """Return the engine of that name, ready to compute.

    Args:
        name: `local` or `ray`.
        workers: runs at the same time; by default 1 here, and on a Ray cluster as many as fit, on
            nodes added later too.
        address: of the Ray cluster, `host:port`; by default the one that runs on this machine.
        cpus: cores, and threads, that Ray sets aside for each run.
        gpus: GPUs likewise; a part of 1 lets several runs share one.

    Raises:
        UserError: for an unknown engine, a cluster out of reach, or more than there is.
    """
    if name not in ENGINES:
        raise config.unknown("engine", name, ENGINES)
    if name == "ray":
        from lstm_report.studies.ray import RayEngine

        return RayEngine(workers, address=address, cpus=cpus, gpus=gpus)
    if address is not None or cpus != 1 or gpus:
        raise UserError(
            "Expected --address, --cpus and --gpus together with --engine ray, got them with "
            "local processes: add --engine ray, or leave them out."
        )
    return LocalEngine(1 if workers is None else workers)


def entries(plan: Plan) -> list[Entry]:
    """Return every run of a study in the order in which they are started, with its state.

    Raises:
        UserError: when the records hold other reviews or settings, or are damaged.
    """
    planned, recorded = plan.planned(), plan.recorded()
    known = {run_id for _, _, run_id in recorded}
    ids = {(run.label, run.seed): run_id for run_id, run in planned.items()}
    for label, seed, run_id in recorded:
        if ids.get((label, seed), run_id) != run_id:
            raise UserError(
                f"Expected cell {label!r} with seed {seed} as it stands in results/{plan.name}, "
                "got other settings under the same name: rename the cell, or move the folder away."
            )
    return [
        Entry(run, run_id, FINISHED, recorded=True)
        if run_id in known
        else Entry(run, run_id, *plan.progress(run_id, run))
        for run_id, run in planned.items()
    ]


def execute(plan: Plan, engine: Engine, *, log: Log = print) -> dict[str, str]:
    """Compute the runs that are missing, and record each as soon as it is finished.

    Finished runs that are not recorded yet, as after a driver was killed, are recorded first.

    Returns:
        The error of each run that failed, by run id.

    Raises:
        UserError: when a finished run is damaged, or the disk is full; what is recorded stays.
        KeyboardInterrupt: after Ctrl-C, once everything that was computing has been ended.
    """
    runs = entries(plan)
    for entry in runs:
        if entry.state == FINISHED and not entry.recorded:
            plan.record(entry, plan.job(entry.planned, engine.threads))
            records.forget_failure(plan.name, entry.run_id)
    waiting = [entry for entry in runs if entry.state != FINISHED]
    jobs = [plan.job(entry.planned, engine.threads) for entry in waiting]
    failed: dict[str, str] = {}
    if not jobs:
        return failed
    by_job = dict(zip(map(id, jobs), waiting, strict=True))
    outcomes = engine.compute(jobs)
    with (
        closing(outcomes),
        progress.bar(outcomes, total=len(jobs), desc=plan.name, unit="run") as bar,
    ):
        for job, error, seconds in bar:
            entry = by_job[id(job)]
            run_id, planned = entry.run_id, entry.planned
            if error is None:
                text = plan.record(entry, job)
                records.forget_failure(plan.name, run_id)
            else:
                text = f"failed: {error}"
                records.add_failure(plan.name, planned, run_id, error, provenance.now())
                failed[run_id] = error
            bar.clear()
            log(f"{planned.name}: {text} ({texts.cell(seconds, '{:.0f} s')})")
    return failed


def listing(runs: Sequence[Entry]) -> str:
    """Return a table for a terminal of the runs of a study and how far each is."""
    rows = []
    for entry in runs:
        state = (
            f"{entry.state}, {entry.epochs_done} epochs" if entry.state == BEGUN else entry.state
        )
        rows.append([entry.planned.label, str(entry.planned.seed), entry.run_id, state])
    return texts.as_text(["cell", "seed", "run", "state"], rows, [False, True, False, False])


def forecast(plan: Plan, engine: Engine) -> str:
    """Return what would run and an estimate of the time, for a terminal; nothing is run."""
    runs = entries(plan)
    left = [entry for entry in runs if entry.state != FINISHED]
    text = listing(runs)
    if not left:
        return f"{text}\nNothing is left to run."
    found = plan.times(left, engine.threads)
    runs_left = "1 run" if len(left) == 1 else f"{len(left)} runs"
    text += f"\n{runs_left} to do, {engine.workers} at the same time."
    if found.seconds:
        seconds = together(found.seconds, engine.workers)
        text += f" Estimate: {in_words(seconds)}, by {found.source}."
    if found.unknown:
        text += f" No time is recorded for {', '.join(found.unknown)} with these reviews."
    return text


def together(seconds: Sequence[float], workers: int) -> float:
    """Return when the last run ends, if each is started as soon as a worker is free."""
    ends = [0.0] * workers
    for run in seconds:
        heapq.heapreplace(ends, ends[0] + run)
    return max(ends)


def in_words(seconds: float) -> str:
    """Return a time as a person would say it, as in `3 h 20 min`."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True)
class Again:
    """A run that was computed again, beside the recorded ones of its cell."""

    what: str
    """What was measured."""
    form: str
    """How it is written."""
    now: float
    recorded: float | None
    """The record of the same seed; `None` where there is none."""
    interval: Interval | None
    """Where one more run of the cell lies; `None` for fewer than two recorded seeds."""

    @property
    def within(self) -> bool:
        """Whether the run is as recorded, or lies where one more run of its cell is expected.

        Of the recorded runs themselves, one in twenty lies elsewhere.
        """
        if self.interval is None or self._written(self.now) == self._written(self.recorded):
            return True
        return self.interval.low <= self.now <= self.interval.high

    def _written(self, value: float | None) -> str:
        return texts.cell(value, self.form)

    @property
    def text(self) -> str:
        """The comparison in one sentence."""
        now, recorded = self._written(self.now), self._written(self.recorded)
        before = f"recorded {recorded}" if self.recorded is not None else "this seed not recorded"
        if self.interval is None:
            place = "fewer than two seeds are recorded, so there is no interval"
        else:
            low, high = map(self._written, (self.interval.low, self.interval.high))
            expected = f"{low} to {high}, where 95% of the runs of this cell are to be expected"
            if self.recorded is not None and now == recorded:
                place = f"the same, beside {expected}"
            else:
                place = f"{'inside' if self.within else 'OUTSIDE'} {expected}"
        return f"{self.what} {now}, {before}; {place}."


def again(plan: Plan, on_epoch: "OnEpoch | None" = None) -> Again:
    """Compute the one run of a plan again, apart from the records, and compare it with them.

    Raises:
        UserError: for several runs, or other reviews than those of the records.
    """
    planned, *others = plan.planned().values()
    if others:
        raise UserError(
            f"Expected one run, got {1 + len(others)} of {planned.cell!r}: name one of them, as in "
            f"{planned.label!r}."
        )
    values = plan.scores(planned.label)
    now = plan.repeat(planned, on_epoch)
    recorded = values.get(planned.seed)
    return Again(plan.measure, plan.form, now, recorded, next_run([*values.values()]))


def next_run(values: ArrayLike) -> Interval | None:
    """Return the interval in which 95% of further runs are to be expected, by those recorded.

    Mean ± t s √(1 + 1/S), with Student's t of S - 1 degrees of freedom.

    Args:
        values: (S,) one number a seed, taken as draws from a normal distribution.

    Returns:
        `None` for fewer than two numbers.

    Source: Hahn and Meeker (1991), Statistical Intervals, section 4.7.
    """
    from scipy import stats as distributions

    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size < 2:
        return None
    mean, deviation = float(numbers.mean()), float(numbers.std(ddof=1))
    student = float(distributions.t.ppf((1 + 0.95) / 2, numbers.size - 1))
    half = student * deviation * math.sqrt(1 + 1 / numbers.size)
    return Interval(mean, mean - half, mean + half)
