"""Studies of memory: small networks on tasks that cannot be solved without it.

Their runs are not classifiers of reviews, so they are no grid of `lstm_report.studies.study`: each
run leaves the figures of `lstm_report.analysis.memory.measure` in `results/NAME/measurements.csv`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_report import paths, provenance, texts
from lstm_report.analysis import measurements
from lstm_report.data.memory_tasks import TASKS, MemorySetting
from lstm_report.studies import runner
from lstm_report.studies.runner import Entry, Times
from lstm_report.studies.study import MemoryStudy, Planned
from lstm_report.studies.workers import Job

if TYPE_CHECKING:
    from lstm_report.training.loop import OnEpoch


@dataclass(frozen=True)
class Training(Job):
    """The training of a network, as a worker gets it."""

    setting: MemorySetting
    threads: int
    directory: Path

    @property
    def result(self) -> Path:
        """The file that the worker leaves its figures in."""
        return self.directory / f"{self.setting.run_id()}.json"

    def compute(self) -> None:
        """Train and measure, and write the figures."""
        import torch

        from lstm_report.analysis.memory import measure

        torch.set_num_threads(self.threads)
        # A task whose training ends when it is learnt is a question of how soon, not of gates.
        found = measure(self.setting, traced=not self.setting.stop_when_learnt)
        measurements.write_found(self.result, found)


class Networks(runner.Plan):
    """The runs of a study of memory."""

    form = "{:.4f}"

    def __init__(self, study: MemoryStudy) -> None:
        """Take a study."""
        self.study, self.name = study, study.name
        self.measure = TASKS[study.runs()[0].config.task].measure

    def planned(self) -> dict[str, Planned[MemorySetting]]:
        """Return the runs by id."""
        return {run.config.run_id(): run for run in self.study.runs()}

    def _scored(self) -> list[tuple[str, int, str, float]]:
        """Return label, seed, id and score of every recorded run."""
        by_measure = {task.measure: task.name for task in TASKS.values()}
        table = measurements.read(self.name)
        scored = table.loc[table["measure"].isin(by_measure), [*measurements.KEY, "value"]]
        return [
            (f"{cell}, {by_measure[measure]} {length}", seed, run_id, value)
            for cell, seed, run_id, measure, length, value in scored.to_numpy()
        ]  # fmt: skip

    def recorded(self) -> Sequence[tuple[str, int, str]]:
        """Return what stands in measurements.csv."""
        return [row[:3] for row in self._scored()]

    def progress(self, run_id: str, planned: Planned[MemorySetting]) -> tuple[str, int]:
        """Return whether the figures are there: a run is not taken up in the middle."""
        there = self.job(planned, 1).result.is_file()
        return (runner.FINISHED if there else runner.MISSING), 0

    def job(self, planned: Planned[MemorySetting], threads: int) -> Training:
        """Return the run as a worker gets it."""
        return Training(planned.config, threads, paths.RUNS / self.name)

    def record(self, entry: Entry, job: Training) -> str:
        """Take the figures of a finished run over into the records."""
        found, setting = measurements.read_found(job.result), entry.planned.config
        self.add_measurements(entry, found, provenance.commit())
        job.result.unlink()
        task = TASKS[setting.task]
        value, _ = found[task.measure, str(setting.length)]
        return f"{task.measure} {value:.4f}, {task.chance:.4f} without memory"

    def times(self, left: Sequence[Entry], threads: int) -> Times:
        """Return how long runs will take, by a few steps of each kind on this machine."""
        from lstm_report.analysis.memory import seconds_per_run

        settings = [
            dataclasses.replace(entry.planned.config, seed=0, start="default") for entry in left
        ]
        seconds = {kind: seconds_per_run(kind, threads) for kind in dict.fromkeys(settings)}
        source = "the speed of a few steps of each kind on this machine"
        return Times([seconds[kind] for kind in settings], (), source)

    def summary(self) -> str:
        """Return the mean score over seeds by task, length and cell."""
        table = measurements.read(self.name)
        rows = []
        for task in TASKS.values():
            scores = table[table["measure"] == task.measure]
            for length, of_length in scores.groupby(scores["condition"].astype(int)):
                means = of_length.groupby("cell")["value"].mean()
                shown = [texts.cell(means.get(cell), "{:.3f}") for cell in self.study.cells]
                seeds = str(of_length["seed"].nunique())
                rows.append([task.measure, str(length), seeds, *shown, f"{task.chance:.3f}"])
        head = ["measure", "length", "seeds", *self.study.cells, "without memory"]
        return texts.as_text(head, rows, [False] + [True] * (len(head) - 1))

    def repeat(self, planned: Planned[MemorySetting], on_epoch: "OnEpoch | None") -> float:
        """Train a network and score it; there are no epochs to tell."""
        import torch

        from lstm_report.analysis.memory import measure

        torch.set_num_threads(1)
        found = measure(planned.config, traced=False)
        return found[self.measure, str(planned.config.length)][0]

    def scores(self, label: str) -> Mapping[int, float]:
        """Return the recorded score of each seed of a network."""
        return {seed: value for what, seed, _, value in self._scored() if what == label}
