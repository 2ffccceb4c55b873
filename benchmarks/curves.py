"""Section `curves`, on demand: do runs train alike through the compiled kernel and PyTorch's?

It trains the quick profile in full with every seed, through either kernel: a quarter of an hour.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from material import NAMES
from timing import Figure, Row

from lstm_report import config
from lstm_report.config import RunConfig
from lstm_report.data import prepared as data
from lstm_report.data import sources
from lstm_report.data.prepared import PreparedData
from lstm_report.models import kernel
from lstm_report.statistics.unpaired import contrast
from lstm_report.studies import study
from lstm_report.training import loop as training
from lstm_report.training.evaluate import choose_device, choose_precision

SEEDS = 3
KERNELS = {"compiled": "on", "PyTorch": "off"}
"""What the environment variable `kernel.SWITCH` is set to for each."""
MEASURES = {"validation_accuracy": ("points", 100), "validation_loss": ("nats", 1)}


def curve(settings: RunConfig, prepared: PreparedData, name: str) -> dict[str, np.ndarray]:
    """Return each measure of a new run after each epoch, (epochs,), through the kernel named."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {kernel.SWITCH: KERNELS[name]}),
    ):
        run = training.fit(settings, data=prepared, progress=False, directory=Path(folder))
        table = run.metrics
    if run.provenance["kernel"] != name:
        raise RuntimeError(f"the run went through the kernel {run.provenance['kernel']}")
    return {measure: table[measure].to_numpy() * MEASURES[measure][1] for measure in MEASURES}


def compared(first: np.ndarray, second: np.ndarray) -> tuple[Figure, float, float]:
    """Return how far apart the curves of two kernels are.

    Args:
        first, second: the curves of the same seeds, (seeds, epochs).

    Returns:
        The mean difference over epochs and seeds with Student's 95% interval over seeds; how far
        two curves of one seed are apart, and how far two curves of one kernel are, both as means
        of absolute differences over epochs and pairs.
    """
    found = contrast([(first - second).mean(axis=1)], [1]).interval
    pairs = list(itertools.combinations(range(len(first)), 2))
    between = [np.abs(part[a] - part[b]).mean() for part in (first, second) for a, b in pairs]
    figure = Figure(found.estimate, found.low, found.high)
    return figure, float(np.abs(first - second).mean()), float(np.mean(between))


def curves(repeats: int) -> Iterator[Row]:
    """Compare the curves of validation of both kernels with those of other seeds."""
    precision = choose_precision("auto", choose_device("cpu"))
    base = study.change(config.profile("quick"), {"training.device": "cpu"})
    sizes = base.model.embedding_size, base.model.hidden_size
    there = kernel.fits(getattr(torch, precision), *sizes)
    source = sources.resolve() if there else None
    for kind in config.MODELS:
        titles = {
            measure: f"compiled − PyTorch's kernel, {measure.replace('_', ' ')}, {NAMES[kind]}, "
            f"{precision}, {unit}"
            for measure, (unit, _) in MEASURES.items()
        }
        if source is None:
            for title in titles.values():
                yield Row(title, None, {}, note="there is no compiled kernel here")
            continue
        made: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in KERNELS}
        for seed in range(SEEDS):
            settings = study.change(base, {"model.kind": kind, "training.seed": seed})
            prepared = data.prepare(source, settings.data)
            for name, found in made.items():
                found.append(curve(settings, prepared, name))
        for measure, title in titles.items():
            values = {name: np.array([run[measure] for run in made[name]]) for name in KERNELS}
            figure, of_kernels, of_seeds = compared(*values.values())
            yield Row(
                title, figure, {},
                note=f"{source.name}, {SEEDS} seeds: two kernels are {of_kernels:.3f} apart, two "
                f"seeds {of_seeds:.3f}",
                details={"curves": {name: table.tolist() for name, table in values.items()}},
            )  # fmt: skip
