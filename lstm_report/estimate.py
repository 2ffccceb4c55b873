"""How long a study will take, from the speed of a few training steps on this machine."""

import heapq
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_report import config as configuration
from lstm_report import data as reviews
from lstm_report import runs
from lstm_report.config import RunConfig
from lstm_report.engines import LocalEngine
from lstm_report.studies import SEED_KEYS, Planned, change

if TYPE_CHECKING:
    from lstm_report.engines import Engine
    from lstm_report.sources import Source

BATCHES = 8
"""Batches of the measured epoch; one of as many goes before it to warm up."""


@dataclass(frozen=True)
class Speed:
    """What one kind of run costs, measured."""

    training: float
    """Tokens per second, with as many runs at the same time as the study will have."""
    judging: float
    """Tokens per second of validation and test."""
    start: float
    """Seconds until a worker begins to train."""


@dataclass(frozen=True)
class Estimate:
    """How long the runs that are not finished will take together."""

    seconds: float
    """From the first start to the last end."""
    speeds: dict[RunConfig, Speed]
    """The measured speed of each kind of run, by its configuration with seed 0."""
    unmeasured: dict[RunConfig, str]
    """Why the speed of a kind of run could not be measured; its runs are not in `seconds`."""


def kind_of(config: RunConfig) -> RunConfig:
    """Return the configuration with seed 0: runs of one kind differ in their seed alone."""
    return change(config, dict.fromkeys(SEED_KEYS, 0))


def measure(kind: RunConfig, source: "Source", copies: int, threads: int) -> Speed | str:
    """Train a few batches, in as many processes at the same time as the study will have.

    Args:
        kind: of run.
        source: the reviews.
        copies: processes at the same time.
        threads: of each.

    Returns:
        The speed, averaged over the processes, or one line about why it could not be measured.
    """
    engine = LocalEngine(copies, sample=BATCHES * kind.training.batch_size)
    engine.threads = threads
    changes = {"training.epochs": 2}
    configs = [change(kind, changes | {"training.seed": number}) for number in range(copies)]
    training, judging, start = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for outcome in engine.execute(configs, source, Path(folder)):
            if outcome.error is not None:
                return outcome.error
            run_id = configuration.run_id(outcome.config, source.checksum)
            run = runs.read_run(Path(folder) / run_id)
            spent = run.summary["train_seconds"] + 2 * run.summary["test_seconds"]
            training.append(run.metrics["tokens_per_second"].iloc[-1])
            judging.append(run.predictions["length"].sum() / run.summary["test_seconds"])
            start.append(max(outcome.seconds - spent, 0.0))
    return Speed(*(float(sum(values) / copies) for values in (training, judging, start)))


def estimate(
    left: Sequence[tuple[Planned, int]],
    source: "Source",
    engine: "Engine",
    *,
    log: Callable[[str], None] = print,
) -> Estimate:
    """Return how long runs will take, as if every worker were one of this machine.

    Args:
        left: runs that are not finished, in the order in which they are started, each with the
            number of epochs still to compute.
        source: the reviews.
        engine: where they are to be computed; it computes nothing here.
        log: called with one line for each measurement.
    """
    copies = min(engine.workers, len(left)) if isinstance(engine, LocalEngine) else 1
    speeds: dict[RunConfig, Speed] = {}
    unmeasured: dict[RunConfig, str] = {}
    seconds = []
    for planned, epochs in left:
        kind = kind_of(planned.config)
        if kind not in speeds and kind not in unmeasured:
            speed = measure(kind, source, copies, engine.threads)
            if isinstance(speed, str):
                unmeasured[kind] = speed
                log(f"{planned.cell}: not measured ({speed})")
            else:
                speeds[kind] = speed
                log(f"{planned.cell}: {speed.training:,.0f} tokens per second")
        if kind in speeds:
            seconds.append(_seconds(kind, source, speeds[kind], epochs))
    return Estimate(together(seconds, engine.workers), speeds, unmeasured)


def _seconds(kind: RunConfig, source: "Source", speed: Speed, epochs: int) -> float:
    """Return how long one run takes."""
    data = reviews.prepare(source, kind.data)
    train, validation, test = (
        float(part.lengths.sum()) for part in (data.train, data.validation, data.test)
    )
    epoch = train / speed.training + validation / speed.judging
    return speed.start + epochs * epoch + test / speed.judging


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
