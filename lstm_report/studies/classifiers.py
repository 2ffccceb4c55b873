"""Studies of classifiers of reviews: how their runs are computed, recorded and timed."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from lstm_report import config, paths, texts
from lstm_report.config import RunConfig
from lstm_report.studies import records, runner
from lstm_report.studies.runner import Entry, Times
from lstm_report.studies.study import KEYS, SEED_KEYS, Planned, Study, value_of
from lstm_report.studies.workers import Task
from lstm_report.training.runs import CHECKPOINT, is_finished, read_run

if TYPE_CHECKING:
    from lstm_report.data.sources import Source
    from lstm_report.training.loop import OnEpoch

ALIKE = tuple(key for key in KEYS if key not in (*SEED_KEYS, "training.epochs"))
"""Settings in which runs of one kind agree; they differ in their seed and number of epochs."""


class Judges(runner.Plan):
    """Models that judge reviews, each with a row in runs.csv."""

    measure, form = "test accuracy", "{:.2%}"
    source: "Source"
    cells: Sequence[str]
    """The labels of its cells."""

    def recorded(self) -> Sequence[tuple[str, int, str]]:
        """Return the rows of runs.csv; records of other reviews are refused."""
        records.check(self.name, self.source.checksum)
        return [tuple(row) for row in records.recorded(self.name)[records.KEY].to_numpy()]

    def scores(self, label: str) -> Mapping[int, float]:
        """Return the recorded test accuracies of a cell by seed; those of others are refused."""
        records.check(self.name, self.source.checksum)
        table = records.tables(self.name)[0]
        of_cell = table[table["cell"] == label]
        return dict(zip(of_cell["seed"], of_cell["test_accuracy"].astype(float), strict=True))

    def summary(self) -> str:
        """Return what the records say of each cell: its runs, accuracy and seconds."""
        finished, failed = records.tables(self.name)
        rows = []
        for label in self.cells:
            of_cell = finished[finished["cell"] == label]
            accuracy = of_cell["test_accuracy"]
            counts = [str(len(of_cell)), str((failed["cell"] == label).sum())]
            found = [texts.cell(value, "{:.2%}") for value in (accuracy.mean(), accuracy.std())]
            seconds = texts.cell(of_cell["train_seconds"].mean(), "{:,.0f}")
            rows.append([label, *counts, *found, seconds])
        head = ["cell", "finished", "failed", *("mean accuracy", "standard deviation"),
                "seconds a run"]  # fmt: skip
        return texts.as_text(head, rows, [False] + [True] * 5)


class Classifiers(Judges):
    """The runs of a study on given reviews."""

    def __init__(self, study: Study, source: "Source") -> None:
        """Take a study and the reviews that its runs are trained and tested on."""
        self.study, self.source, self.name = study, source, study.name
        self.cells = [cell.label for cell in study.cells]

    def planned(self) -> dict[str, Planned[RunConfig]]:
        """Return the runs seed by seed, so that a study cut off is balanced over its cells."""
        return {config.run_id(run.config, self.source.checksum): run for run in self.study.runs()}

    def progress(self, run_id: str, planned: Planned[RunConfig]) -> tuple[str, int]:
        """Return how far a run is, by its folder."""
        folder = paths.RUNS / run_id
        if is_finished(folder):
            return runner.FINISHED, planned.config.training.epochs
        done = epochs_behind(folder)
        return runner.BEGUN if done else runner.MISSING, done

    def job(self, planned: Planned[RunConfig], threads: int) -> Task:
        """Return the run as a worker gets it."""
        places = paths.RUNS, paths.CACHE
        return Task(planned.config, self.source, threads, *places, self.study.measures)

    def record(self, entry: Entry, job: Task) -> str:
        """Record a finished run, and before it what is to be measured on it."""
        run = read_run(job.folder)
        if self.study.measures:
            from lstm_report.studies import measure

            found = measure.found(run, self.source, self.study.measures)
            self.add_measurements(entry, found, run.provenance["commit"])
        records.add(self.name, entry.planned, run)
        return f"test accuracy {run.summary['test_accuracy']:.2%}"

    def times(self, left: Sequence[Entry], threads: int) -> Times:
        """Return how long runs will take, by the times that such runs took on the same reviews."""
        known = defaultdict(list)
        for file in sorted(paths.RESULTS.rglob("runs.csv")):
            table, _ = records.tables(file.parent.relative_to(paths.RESULTS).as_posix())
            for row in table.to_dict("records"):
                if row.get("checksum") == self.source.checksum and row.get("training.epochs"):
                    known[_kind(row)].append(row)
        seconds, unknown, hardware = [], [], set()
        for entry in left:
            settings = entry.planned.config
            if rows := known.get(_kind({key: value_of(settings, key) for key in ALIKE})):
                epoch = median(row["train_seconds"] / row["training.epochs"] for row in rows)
                test = median(row["test_seconds"] for row in rows)
                seconds.append((settings.training.epochs - entry.epochs_done) * epoch + test)
                hardware |= {str(row["hardware"]) for row in rows}
            else:
                unknown.append(entry.planned.cell)
        source = f"the times that such runs took on {' and '.join(sorted(hardware))}"
        return Times(seconds, tuple(dict.fromkeys(unknown)), source)

    def repeat(self, planned: Planned[RunConfig], on_epoch: "OnEpoch | None") -> float:
        """Train a run, with as many threads as the recorded one had.

        So it is the same to the last bit on a machine of the same kind.
        """
        import torch

        from lstm_report.data.prepared import prepare
        from lstm_report.training.loop import fit

        table = records.tables(self.name)[0]
        same = table[(table["cell"] == planned.cell) & (table["seed"] == planned.seed)]
        if len(same):
            torch.set_num_threads(int(same["threads"].iloc[0]))
        data = prepare(self.source, planned.config.data)
        with paths.scratch() as folder:
            run = fit(planned.config, data=data, on_epoch=on_epoch, directory=folder)
            return float(run.summary["test_accuracy"])


def epochs_behind(folder: Path) -> int:
    """Return how many epochs an unfinished run has behind it."""
    from safetensors import safe_open

    try:
        with safe_open(folder / CHECKPOINT, framework="np") as file:
            return len(json.loads(file.metadata()["rows"]))
    except Exception:  # none there, or a damaged one, which the run itself will name
        return 0


def _kind(values: Mapping[Any, object]) -> tuple[str, ...]:
    """Return settings by key as texts that compare equal however a table spells a number."""

    def plain(value: object) -> str:
        if texts.missing(value):
            return ""
        try:
            return repr(float(str(value)))
        except ValueError:
            return str(value)

    return tuple(plain(values.get(key)) for key in ALIKE)
