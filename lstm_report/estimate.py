"""How long a study will take, by the recorded times of runs like its own."""

import heapq
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_report import paths, records
from lstm_report.config import RunConfig
from lstm_report.studies import KEYS, SEED_KEYS, Planned
from lstm_report.tables import missing

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
        if value is None or missing(value):
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
