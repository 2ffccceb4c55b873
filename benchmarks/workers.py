"""Section `workers`: two runs of a study at the same time, or one after the other."""

import functools
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import material
from timing import Row, ratio, side_by_side

from lstm_report import config, paths, provenance
from lstm_report.config import RunConfig
from lstm_report.data.sources import Source
from lstm_report.studies import study
from lstm_report.studies import workers as engines
from lstm_report.training import runs as runs

CORES, EPOCHS = 2, 3
TRAIN, TEST = 1_100, 100


def train(configs: list[RunConfig], source: Source, workers: int, rates: list[float]) -> None:
    """Compute runs as `lstm-report study --workers` does, on two cores.

    Args:
        configs: the runs.
        source: the reviews.
        workers: runs at the same time.
        rates: given one more figure, the real tokens a second that are trained in all workers
            together, while they train.
    """
    engine = engines.LocalEngine(workers)
    engine.threads = CORES // workers
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            engines.Task(entry, source, engine.threads, Path(folder), paths.CACHE)
            for entry in configs
        ]
        for _, error, _ in engine.compute(jobs):
            if error is not None:
                raise RuntimeError(f"a run of the section workers failed: {error}")
        found = [runs.read_run(job.folder) for job in jobs]
    each = statistics.harmonic_mean(run.summary["tokens_per_second"] for run in found)
    rates.append(workers * each)


def workers(repeats: int) -> Iterator[Row]:
    """Compare two workers of one thread with one worker of two threads, two runs each."""
    names = {1: "one worker of two threads", 2: "two workers of one thread"}
    titles = (
        f"{names[2]} / {names[1]}, real tokens a second in training",
        f"{names[1]} / {names[2]}, seconds of a study of two short runs, starts included",
    )
    if (there := provenance.cores()) < CORES:
        for title in titles:
            yield Row(title, None, {}, note=f"needs {CORES} cores, this process may use {there}")
        return
    base = config.profile("source", data="built-in", epochs=EPOCHS)
    changes = {"training.device": "cpu"}
    configs = [study.change(base, {**changes, "model.kind": kind}) for kind in config.MODELS]
    source = material.reviews(TRAIN, TEST)
    rates: dict[int, list[float]] = {1: [], 2: []}
    with material.empty_cache():  # filled in the round that is not counted
        seconds = side_by_side(
            {
                names[count]: functools.partial(train, configs, source, count, rates[count])
                for count in names
            },
            min(repeats, 5),
        )
    counted = {count: values[1:] for count, values in rates.items()}
    thousands = {count: statistics.median(values) / 1e3 for count, values in counted.items()}
    yield Row(
        titles[0],
        ratio(counted[2], counted[1]),
        {names[count]: values for count, values in counted.items()},
        note=f"{thousands[2]:.0f} and {thousands[1]:.0f} thousand",
    )
    yield Row(titles[1], ratio(seconds[names[1]], seconds[names[2]]), seconds)
