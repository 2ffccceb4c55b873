"""Compute one recorded run again, apart from the records, and compare it with them."""

import dataclasses
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as distributions

from lstm_report import paths, texts
from lstm_report.analysis import measurements
from lstm_report.data.memory_tasks import TASKS
from lstm_report.errors import UserError
from lstm_report.statistics.intervals import Interval
from lstm_report.studies import memory as memory_study
from lstm_report.studies import records
from lstm_report.studies.study import Study

if TYPE_CHECKING:
    from lstm_report.data.sources import Source
    from lstm_report.training.loop import OnEpoch


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
        """Whether the run lies where one more run of its cell is to be expected."""
        return self.interval is None or self.interval.low <= self.now <= self.interval.high

    @property
    def text(self) -> str:
        """The comparison in one sentence."""
        now, recorded = (texts.cell(value, self.form) for value in (self.now, self.recorded))
        before = f"recorded {recorded}" if self.recorded is not None else "this seed not recorded"
        if self.interval is None:
            place = "fewer than two seeds are recorded, so there is no interval"
        else:
            low, high = (
                texts.cell(end, self.form) for end in (self.interval.low, self.interval.high)
            )
            place = (
                f"{'inside' if self.within else 'OUTSIDE'} {low} to {high}, where 95% of the runs "
                "of this cell are to be expected"
            )
        return f"{self.what} {now}, {before}; {place}."


def next_run(values: ArrayLike, level: float = 0.95) -> Interval | None:
    """Return the interval in which one more run is to be expected, by those that were recorded.

    Mean ± t s √(1 + 1/S), with Student's t of S - 1 degrees of freedom.

    Args:
        values: (S,) one number a seed, taken as draws from a normal distribution.
        level: the probability that the next one lies inside, between 0 and 1.

    Returns:
        `None` for fewer than two numbers.

    Source: Hahn and Meeker (1991), Statistical Intervals, section 4.7.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size < 2:
        return None
    mean, deviation = float(numbers.mean()), float(numbers.std(ddof=1))
    student = float(distributions.t.ppf((1 + level) / 2, numbers.size - 1))
    half = student * deviation * math.sqrt(1 + 1 / numbers.size)
    return Interval(mean, mean - half, mean + half)


def classifier(
    study: Study,
    cell: str,
    seed: int,
    source: "Source",
    *,
    on_epoch: "OnEpoch | None" = None,
) -> Again:
    """Train a run of a study of classifiers again, in a folder that is removed afterwards.

    It computes with as many threads as the recorded run did, so that it is the same to the last
    bit on a machine of the same kind.

    Args:
        study: the study.
        cell: the label of one of its cells.
        seed: the number of the seed, from 0.
        source: the reviews that it was recorded with.
        on_epoch: as for `lstm_report.training.loop.fit`.

    Raises:
        UserError: for an unknown cell, a seed below 0, or other reviews than those of the records.
    """
    _check_seed(seed)
    (planned,) = dataclasses.replace(study, first_seed=seed, seeds=1).only([cell]).runs()
    kept = records.recorded(study.name)
    if len(kept):
        kept = records.read(study.name).runs
    of_cell = kept[kept["cell"] == cell]
    if len(of_cell) and source.checksum not in set(of_cell["checksum"]):
        raise UserError(
            f"Expected the reviews that results/{study.name} was recorded with (checksum "
            f"{of_cell['checksum'].iloc[0][:12]}), got others ({source.checksum[:12]}): name the "
            "same with --data, and what they were trained without with --exclude."
        )
    same = of_cell[of_cell["seed"] == seed]
    import torch

    from lstm_report.data.prepared import prepare
    from lstm_report.training.loop import fit

    if len(same):
        torch.set_num_threads(int(same["threads"].iloc[0]))
    paths.RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".again-", dir=paths.RUNS) as folder:
        run = fit(
            planned.config,
            data=prepare(source, planned.config.data),
            on_epoch=on_epoch,
            directory=Path(folder),
        )
        now = float(run.summary["test_accuracy"])
    accuracies = of_cell["test_accuracy"].tolist() if len(of_cell) else []
    recorded = float(same["test_accuracy"].iloc[0]) if len(same) else None
    return Again("test accuracy", "{:.2%}", now, recorded, next_run(accuracies))


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise UserError(f"Expected a seed of at least 0, got {seed}: give a whole number.")


def memory(cell: str, seed: int, study: str = memory_study.NAME) -> Again:
    """Train a network of a study of memory again and score it.

    Args:
        cell: what the study calls it, such as `lstm, adding 50`.
        seed: the number of the seed, from 0.
        study: one of `lstm_report.studies.memory.STUDIES`.

    Raises:
        UserError: for an unknown network, or a seed below 0.
    """
    _check_seed(seed)
    chosen = dataclasses.replace(memory_study.STUDIES[study], first_seed=seed, seeds=1)
    plan = memory_study.plan(study=chosen)
    by_name = {run.label: run for run in plan}
    if cell not in by_name:
        raise UserError(
            f"Unknown network {cell!r}: expected a cell, a task and one of its lengths, as in "
            f"{min(by_name)!r}; `lstm-report study {study} --dry-run` lists them."
        )
    planned = by_name[cell]
    import torch

    from lstm_report.analysis import memory as memory_network

    torch.set_num_threads(1)
    measure, length = TASKS[planned.setting.task].measure, str(planned.setting.length)
    now, _ = memory_network.measure(planned.setting, traced=False)[measure, length]
    table = measurements.read(study)
    of_cell = table[
        (table["cell"] == planned.cell)
        & (table["measure"] == measure)
        & (table["condition"] == length)
    ].set_index("seed")["value"]
    recorded = float(of_cell[seed]) if seed in of_cell.index else None
    return Again(measure, "{:.4f}", now, recorded, next_run(of_cell))
