"""Run a study: compute what is missing on one of the engines, and record each run as it ends.

And say beforehand how long it will take, by the recorded times of runs like its own.
"""

import heapq
import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstm_report import config, paths, progress, provenance, texts
from lstm_report.analysis import measurements
from lstm_report.config import RunConfig
from lstm_report.errors import UserError
from lstm_report.studies import records
from lstm_report.studies.study import KEYS, SEED_KEYS, Planned, Study
from lstm_report.studies.workers import Engine, LocalEngine
from lstm_report.training.runs import CHECKPOINT, Run, is_finished, read_run

if TYPE_CHECKING:
    from lstm_report.data.sources import Source


ALIKE = tuple(key for key in KEYS if key not in (*SEED_KEYS, "training.epochs"))
"""Settings in which runs of one kind agree; they differ in their seed and number of epochs."""


@dataclass(frozen=True)
class Estimate:
    """How long runs will take together, as far as runs like them are recorded."""

    seconds: float
    """From the first start to the last end, of the runs that are known."""
    unknown: tuple[str, ...]
    """The cells of which no run is recorded; theirs are not in `seconds`."""
    hardware: tuple[str, ...]
    """The machines that the times were recorded on."""


def _kind(values: Mapping[Any, object]) -> tuple[str, ...]:
    """Return settings by key as texts that compare equal however a table spells a number."""

    def plain(value: object) -> str:
        if value is None or texts.missing(value):
            return ""
        try:
            return repr(float(str(value)))
        except ValueError:
            return str(value)

    return tuple(plain(values.get(key)) for key in ALIKE)


def _settings(config: RunConfig) -> dict[str, object]:
    parts = {key: key.partition(".") for key in ALIKE}
    return {key: getattr(getattr(config, part), name) for key, (part, _, name) in parts.items()}


def estimate(left: Sequence[tuple[Planned, int]], checksum: str, workers: int) -> Estimate:
    """Return how long runs will take.

    Args:
        left: runs that are not finished, in the order in which they are started, each with the
            number of epochs still to compute.
        checksum: of the reviews; the time on others tells nothing.
        workers: runs at the same time.
    """
    epochs, tests = defaultdict(list), defaultdict(list)
    machines = defaultdict(set)
    for file in sorted(paths.RESULTS.rglob("runs.csv")):
        table, _ = records.tables(file.parent.relative_to(paths.RESULTS).as_posix())
        for row in table.to_dict("records"):
            if row.get("checksum") == checksum and row.get("training.epochs"):
                kind = _kind(row)
                epochs[kind].append(row["train_seconds"] / row["training.epochs"])
                tests[kind].append(row["test_seconds"])
                machines[kind].add(str(row["hardware"]))
    seconds, unknown, hardware = [], [], set()
    for planned, to_do in left:
        kind = _kind(_settings(planned.config))
        if kind in epochs:
            test = statistics.median(tests[kind])
            seconds.append(to_do * statistics.median(epochs[kind]) + test)
            hardware |= machines[kind]
        else:
            unknown.append(planned.cell)
    return Estimate(
        together(seconds, workers), tuple(dict.fromkeys(unknown)), tuple(sorted(hardware))
    )


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


FINISHED, BEGUN, MISSING = "finished", "begun", "missing"
ENGINES = ("local", "ray")
Log = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """One run of a study, and how far it is."""

    planned: Planned
    run_id: str
    state: str
    """`finished`, `begun` (with a checkpoint on this machine) or `missing`."""
    epochs_done: int
    """Epochs that need not be computed again."""


@dataclass(frozen=True)
class Result:
    """What a call of `execute` came to."""

    finished: list[Entry]
    """Runs that were finished by this call."""
    failed: dict[str, str]
    """The error of each run that failed, by run id."""


def choose_engine(
    name: str, workers: int | None, *, address: str | None = None, cpus: int = 1, gpus: float = 0.0
) -> Engine:
    """Return the engine of that name, ready to compute.

    Args:
        name: `local` or `ray`.
        workers: runs at the same time; by default 1 here, and as many as fit on a Ray cluster.
        address: of the Ray cluster, `host:port`; by default the one that runs on this machine.
        cpus, gpus: what Ray sets aside for each run; a part of a GPU may be given.

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


def plan(study: Study, source: "Source") -> list[Entry]:
    """Return every run of the study in the order in which they are started, with its state.

    Raises:
        UserError: when the records hold other reviews or settings, or are damaged.
    """
    by_id = {config.run_id(run.config, source.checksum): run for run in study.runs()}
    records.check(study.name, by_id, source.checksum)
    recorded = set(records.recorded(study.name)["run_id"])
    entries = []
    for run_id, planned in by_id.items():
        folder = paths.RUNS / run_id
        if run_id in recorded or is_finished(folder):
            state, done = FINISHED, planned.config.training.epochs
        else:
            done = _epochs(folder)
            state = BEGUN if done else MISSING
        entries.append(Entry(planned, run_id, state, done))
    return entries


def _epochs(folder: Path) -> int:
    """Return how many epochs an unfinished run has behind it."""
    from safetensors import safe_open

    try:
        with safe_open(folder / CHECKPOINT, framework="np") as file:
            return len(json.loads(file.metadata()["rows"]))
    except Exception:  # none there, or a damaged one, which the run itself will name
        return 0


def execute(study: Study, source: "Source", engine: Engine, *, log: Log = print) -> Result:
    """Compute the runs that are missing, and record each as soon as it is finished.

    Finished runs that are not recorded yet, as after a driver was killed, are recorded first.

    Args:
        study: what to run.
        source: the reviews.
        engine: where to compute.
        log: called with one line for each run.

    Returns:
        The runs that were finished or failed in this call.

    Raises:
        UserError: when a finished run is damaged, or the disk is full; what is recorded stays.
        KeyboardInterrupt: after Ctrl-C, once everything that was computing has been ended.
    """
    entries = plan(study, source)
    known = set(records.recorded(study.name)["run_id"])
    for entry in entries:
        if entry.state == FINISHED and entry.run_id not in known:
            _record(study, entry, source)
    waiting = {entry.planned.config: entry for entry in entries if entry.state != FINISHED}
    result = Result([], {})
    if not waiting:
        return result
    outcomes = engine.execute(list(waiting), source, paths.RUNS, study.measures)
    with (
        closing(outcomes),
        progress.bar(outcomes, total=len(waiting), desc=study.name, unit="run") as bar,
    ):
        for outcome in bar:
            entry = waiting[outcome.config]
            name = f"{entry.planned.cell}, seed {entry.planned.seed}"
            if outcome.error is None:
                run = _record(study, entry, source)
                result.finished.append(entry)
                text = f"test accuracy {run.summary['test_accuracy']:.2%}"
            else:
                records.add_failure(
                    study.name, entry.planned, entry.run_id, outcome.error, provenance.now()
                )
                result.failed[entry.run_id] = outcome.error
                text = f"failed: {outcome.error}"
            bar.clear()
            log(f"{name}: {text} ({texts.cell(outcome.seconds, '{:.0f} s')})")
    return result


def _record(study: Study, entry: Entry, source: "Source") -> Run:
    """Record a finished run, and before it what is to be measured on it."""
    run = read_run(paths.RUNS / entry.run_id)
    if study.measures:
        from lstm_report.studies import measure

        found = measure.found(run, source, study.measures)
        planned, commit = entry.planned, run.provenance["commit"]
        measurements.add(
            study.name,
            measurements.of_run(planned.cell, planned.seed, entry.run_id, found, commit),
        )
    records.add(study.name, entry.planned, run)
    return run


def summary(study: Study) -> pd.DataFrame:
    """Return what the study has found so far, one row per cell.

    Returns:
        Columns cell, finished, failed, mean and standard deviation of the test accuracy over the
        seeds, and the mean training seconds; missing where nothing is finished.
    """
    rows = []
    finished, failed = records.tables(study.name)
    for label in (entry.label for entry in study.cells):
        of_cell = finished[finished["cell"] == label]
        accuracy = of_cell["test_accuracy"]
        rows.append(
            {
                "cell": label,
                "finished": len(of_cell),
                "failed": int((failed["cell"] == label).sum()),
                "mean accuracy": accuracy.mean(),
                "standard deviation": accuracy.std(),
                "seconds a run": of_cell["train_seconds"].mean(),
            }
        )
    return pd.DataFrame(rows)


def summary_text(study: Study) -> str:
    """Return `summary` as a table for a terminal."""
    forms = ("{}", "{}", "{}", "{:.2%}", "{:.2%}", "{:,.0f}")
    table = summary(study)
    rows = [
        [texts.cell(value, form) for value, form in zip(row, forms, strict=True)]
        for row in table.itertuples(index=False, name=None)
    ]
    return texts.as_text(list(table.columns), rows, [False] + [True] * 5)


def listing(entries: Sequence[Entry]) -> str:
    """Return a table for a terminal of the runs of a study and how far each is."""
    rows = []
    for entry in entries:
        state = (
            f"{entry.state}, {entry.epochs_done} epochs" if entry.state == BEGUN else entry.state
        )
        rows.append([entry.planned.cell, str(entry.planned.seed), entry.run_id, state])
    return texts.as_text(["cell", "seed", "run", "state"], rows, [False, True, False, False])


def forecast(study: Study, source: "Source", engine: Engine) -> str:
    """Return what would run and an estimate of the time, for a terminal; nothing is run.

    Args:
        study, source, engine: as for `execute`.
    """
    pass

    entries = plan(study, source)
    left = [entry for entry in entries if entry.state != FINISHED]
    text = listing(entries)
    if not left:
        return f"{text}\nNothing is left to run."
    to_do = [
        (entry.planned, entry.planned.config.training.epochs - entry.epochs_done) for entry in left
    ]
    found = estimate(to_do, source.checksum, engine.workers)
    text += f"\n{_count(len(left), 'run')} to do, {engine.workers} at the same time."
    if found.hardware:
        text += (
            f" Estimate: {in_words(found.seconds)}, by the times that such runs took on "
            f"{' and '.join(found.hardware)}."
        )
    if found.unknown:
        text += f" No time is recorded for {', '.join(found.unknown)} with these reviews."
    return text


def _count(number: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
