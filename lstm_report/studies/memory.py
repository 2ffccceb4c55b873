"""The studies of memory: small networks on tasks that cannot be solved without it.

Their runs are not classifiers of reviews, so they are no grid of `lstm_report.studies.study`: each
run leaves the figures of `lstm_report.analysis.memory.measure` in `results/NAME/measurements.csv`.
"""

import dataclasses
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lstm_report import paths, progress, provenance, texts
from lstm_report.analysis import measurements
from lstm_report.config import unknown
from lstm_report.data.memory_tasks import TASKS, MemorySetting
from lstm_report.errors import UserError
from lstm_report.studies import catalogue
from lstm_report.studies.workers import LocalEngine, error_of

NAME = "memory"
SEEDS = 5
CELLS: Mapping[str, dict[str, str]] = MappingProxyType(
    {
        "rnn": {"kind": "rnn"},
        "lstm": {"kind": "lstm"},
        "reslstm": {"kind": "reslstm"},
        "lstm chrono": {"kind": "lstm", "start": "chrono"},
        "reslstm chrono": {"kind": "reslstm", "start": "chrono"},
    }
)
"""What is compared; `chrono` starts with gates that remember, see
`lstm_report.data.memory_tasks.STARTS`."""
LENGTHS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "although-but": (5, 20, 50, 100, 200, 400),
        "adding": (10, 20, 50, 100, 200),
        "copy": (5, 10, 20, 50, 100),
    }
)
STEPS: Mapping[str, int] = MappingProxyType({"although-but": 800, "adding": 1000, "copy": 1500})
"""Steps of the optimiser, the same for every length: what is learnt within a fixed budget."""
LEARNING_RATE = 5e-3
Log = Callable[[str], None]


@dataclass(frozen=True)
class MemoryStudy:
    """A named set of runs: every network with every seed."""

    name: str
    """The folder of its records in `results/`."""
    seeds: int
    """How many seeds."""
    networks: tuple[tuple[str, dict[str, Any]], ...]
    """Name of the cell and fields of `MemorySetting` but for the seed, in the order of running."""
    first_seed: int = 0
    """The number of the first seed."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The names of its cells."""
        return tuple(dict.fromkeys(cell for cell, _ in self.networks))


def _round_one() -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(
        (cell, {"task": task, "length": length, "steps": STEPS[task],
                "learning_rate": LEARNING_RATE, **settings})
        for task in TASKS
        for length, (cell, settings) in itertools.product(LENGTHS[task], CELLS.items())
    )  # fmt: skip


def _round_two() -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(
        (cell, {"length": length} | {key: settings[key] for key in settings if key != "lengths"})
        for cell, settings in catalogue.MEMORY_CELLS.items()
        for length in settings["lengths"]
    )


STUDIES: Mapping[str, MemoryStudy] = MappingProxyType(
    {
        NAME: MemoryStudy(NAME, SEEDS, _round_one()),
        catalogue.MEMORY: MemoryStudy(
            catalogue.MEMORY,
            catalogue.MEMORY_SEEDS,
            _round_two(),
            first_seed=catalogue.FIRST_SEED,
        ),
    }
)
"""The studies by name."""


@dataclass(frozen=True)
class Planned:
    """One run of the study."""

    cell: str
    setting: MemorySetting
    study: str = NAME

    @property
    def label(self) -> str:
        """What it is called apart from its seed."""
        return f"{self.cell}, {self.setting.task} {self.setting.length}"

    @property
    def name(self) -> str:
        """What it is called for people."""
        return f"{self.label}, seed {self.setting.seed}"


@dataclass(frozen=True)
class Job:
    """A run as a worker gets it, see `lstm_report.studies.workers.Job`."""

    planned: Planned
    threads: int
    directory: Path

    @property
    def result(self) -> Path:
        """The file that the worker leaves its figures in."""
        return self.directory / f"{self.planned.setting.run_id()}.json"

    def attempt(self) -> str | None:
        """Train and measure, and write the figures: measure, condition, value, count of each."""

        def compute() -> None:
            import torch

            from lstm_report.analysis.memory import measure

            torch.set_num_threads(self.threads)
            # A task whose training ends when it is learnt is a question of how soon, not of gates.
            setting = self.planned.setting
            found = measure(setting, traced=not setting.stop_when_learnt)
            rows = [[*key, *entry] for key, entry in found.items()]
            with paths.atomic_write(self.result) as temporary:
                temporary.write_text(json.dumps(rows), encoding="utf-8")

        return error_of(compute)


def plan(
    seeds: int | None = None,
    only: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    *,
    study: MemoryStudy | None = None,
) -> list[Planned]:
    """Return all runs of a study: seed by seed, and the short lengths first.

    Args:
        seeds: how many; by default those of the study.
        only: cells to keep; all for none.
        changes: fields of `MemorySetting` to set otherwise, as for a trial.
        study: one of `STUDIES`, by default that of the first round.

    Raises:
        UserError: for an unknown cell, or less than one seed.
    """
    study = STUDIES[NAME] if study is None else study
    seeds = study.seeds if seeds is None else seeds
    if seeds < 1:
        raise UserError(f"Expected at least one seed, got {seeds}: choose --seeds accordingly.")
    for cell in only:
        if cell not in study.cells:
            raise unknown("cell", cell, study.cells)
    return [
        Planned(cell, MemorySetting(**{"seed": seed, **settings, **(changes or {})}), study.name)
        for seed in range(study.first_seed, study.first_seed + seeds)
        for cell, settings in study.networks
        if not only or cell in only
    ]


def missing(planned: Sequence[Planned]) -> list[Planned]:
    """Return the runs whose figures are not recorded.

    Raises:
        UserError: when the records hold the same cell, seed and length with other settings.
    """
    name = planned[0].study if planned else NAME
    table = measurements.read(name)
    known = set(table["run_id"])
    left = [run for run in planned if run.setting.run_id() not in known]
    scores = {
        (row.cell, row.seed, row.measure, row.condition)
        for row in table.itertuples()
        if row.measure in {task.measure for task in TASKS.values()}
    }
    for run in left:
        measure, length = TASKS[run.setting.task].measure, str(run.setting.length)
        if (run.cell, run.setting.seed, measure, length) in scores:
            raise UserError(
                f"Expected {run.name} as it stands in results/{name}, got other settings under "
                "the same name: move the folder away."
            )
    return left


def execute(planned: Sequence[Planned], engine: LocalEngine, *, log: Log = print) -> dict[str, str]:
    """Compute the runs that are missing, and record each as soon as it is finished.

    Args:
        planned: the runs, from `plan`.
        engine: where to compute.
        log: called with one line for each run.

    Returns:
        The error of each run that failed, by run id.

    Raises:
        UserError: when nothing could be run, or the disk is full; finished runs are kept.
        KeyboardInterrupt: after Ctrl-C, once everything that was computing has been ended.
    """
    jobs = [Job(run, engine.threads, paths.RUNS / run.study) for run in missing(planned)]
    failed: dict[str, str] = {}
    if not jobs:
        return failed
    outcomes = engine.compute(jobs)
    name = jobs[0].planned.study
    with closing(outcomes), progress.bar(outcomes, total=len(jobs), desc=name, unit="run") as bar:
        for job, error, seconds in bar:
            run = job.planned
            if error is None:
                text = _record(job)
            else:
                failed[run.setting.run_id()] = error
                text = f"failed: {error}"
            bar.clear()
            log(f"{run.name}: {text} ({seconds:.0f} s)")
    return failed


def _record(job: Job) -> str:
    """Take the figures of a finished run over into the records, and return its score in words."""
    run = job.planned
    rows = json.loads(job.result.read_text(encoding="utf-8"))
    found = {(measure, condition): (value, count) for measure, condition, value, count in rows}
    made = measurements.of_run(
        run.cell, run.setting.seed, run.setting.run_id(), found, provenance.commit()
    )
    measurements.add(run.study, made)
    job.result.unlink()
    task = TASKS[run.setting.task]
    value, _ = found[task.measure, str(run.setting.length)]
    return f"{task.measure} {value:.4f}, {task.chance:.4f} without memory"


def summary_text(study: MemoryStudy | None = None) -> str:
    """Return the scores so far, their mean over seeds by task, length and cell, for a terminal."""
    study = STUDIES[NAME] if study is None else study
    table = measurements.read(study.name)
    rows = []
    for task in TASKS.values():
        scores = table[table["measure"] == task.measure]
        for length in sorted(set(scores["condition"]), key=int):
            of_length = scores[scores["condition"] == length]
            means = of_length.groupby("cell")["value"].mean()
            shown = [texts.cell(means.get(cell), "{:.3f}") for cell in study.cells]
            seeds = str(of_length["seed"].nunique())
            rows.append([task.measure, length, seeds, *shown, f"{task.chance:.3f}"])
    head = ["measure", "length", "seeds", *study.cells, "without memory"]
    return texts.as_text(head, rows, [False] + [True] * (len(head) - 1))


def forecast(planned: Sequence[Planned], engine: LocalEngine) -> str:
    """Return what would run and an estimate of the time, for a terminal; nothing is run.

    Args:
        planned: the runs, from `plan`.
        engine: where they would be computed.
    """
    from lstm_report.studies.runner import in_words, together

    left = missing(planned)
    waiting = {run.setting.run_id() for run in left}
    rows = [
        [run.cell, run.setting.task, str(run.setting.length), str(run.setting.seed),
         "missing" if run.setting.run_id() in waiting else "finished"]
        for run in planned
    ]  # fmt: skip
    right = [False, False, True, True, False]
    text = texts.as_text(["cell", "task", "length", "seed", "state"], rows, right)
    if not left:
        return f"{text}\nNothing is left to run."
    from lstm_report.analysis.memory import seconds_per_run

    def alike(run: Planned) -> MemorySetting:
        return dataclasses.replace(run.setting, seed=0, start="default")

    kinds = dict.fromkeys(map(alike, left))
    speeds = {kind: seconds_per_run(kind, engine.threads) for kind in kinds}
    seconds = together([speeds[alike(run)] for run in left], engine.workers)
    return (
        f"{text}\n{len(left)} runs to do, {engine.workers} at the same time. Estimate: "
        f"{in_words(seconds)}, by the speed of a few steps of each kind on this machine."
    )
