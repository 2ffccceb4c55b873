"""Records of the linear models, in the form of those of a study, so that both can be paired."""

import dataclasses
import functools
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lstm_report import config as configuration
from lstm_report import provenance
from lstm_report.analysis import measurements, perturbations
from lstm_report.config import DataConfig
from lstm_report.data.counterfactual import Pairs
from lstm_report.data.prepared import split_rows
from lstm_report.data.sources import Source
from lstm_report.errors import UserError
from lstm_report.studies import records
from lstm_report.studies.classifiers import Judges
from lstm_report.studies.runner import Entry
from lstm_report.studies.study import Planned
from lstm_report.studies.workers import AnyJob, Job, Outcomes
from lstm_report.training import baselines

if TYPE_CHECKING:
    from lstm_report.training.loop import OnEpoch

NAME = "baselines"
CELLS = tuple(baselines.LINEAR)
"""The linear models by the name of their cell."""


def name_of(profile: str, left_out: Path | None) -> str:
    """Return the folder in `results/`: one for each profile, and for what was left out."""
    name = NAME if profile == "source" else f"{NAME}-{profile}"
    return name if left_out is None else f"{name}-without-{left_out.resolve().name}"


def run_id(cell: str, config: DataConfig, checksum: str) -> str:
    """Return the name of a linear model: its cell, its split and a digest of what shapes it.

    Args:
        cell: a key of `lstm_report.training.baselines.LINEAR`.
        config: its validation split and number of training reviews; a linear model reads whole
            reviews, whatever else stands there.
        checksum: of the reviews.
    """
    linear = baselines.LINEAR[cell]
    values = [*linear, baselines.STRENGTHS[linear.features], *_split(config).values(), checksum]
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]
    return f"{cell.replace(' ', '-')}-seed{config.split_seed}-{digest}"


def _split(config: DataConfig) -> dict[str, Any]:
    keys = ("validation_fraction", "train_limit", "split_seed")
    return {f"data.{key}": getattr(config, key) for key in keys}


@dataclass(eq=False)
class Fit(Job):
    """The fitting of a linear model; it keeps what it finds."""

    planned: Planned[DataConfig]
    source: Source
    parts: Mapping[str, np.ndarray]
    """Rows of the training and the validation part, from `split_rows`."""
    threads: int = 1
    found: baselines.Baseline | None = None

    def compute(self) -> None:
        """Fit it, and keep it here."""
        train = self.source.train
        self.found = baselines.linear_baseline(
            train.take(self.parts["train-rows"]),
            train.take(self.parts["validation-rows"]),
            self.source.test,
            **baselines.LINEAR[self.planned.cell]._asdict(),
        )


class Here:
    """An engine that computes one job after the other in this process."""

    workers = threads = 1

    def compute(self, jobs: Sequence[AnyJob]) -> Outcomes[AnyJob]:
        """Compute the jobs, see `lstm_report.studies.workers.Engine`."""
        for job in jobs:
            started = time.perf_counter()
            yield job, job.attempt(), time.perf_counter() - started

    def close(self) -> None:
        """Do nothing."""


class LinearModels(Judges):
    """Every linear model on some splits of given reviews."""

    def __init__(
        self,
        source: Source,
        *,
        profile: str = "source",
        cells: Sequence[str] = CELLS,
        seeds: int = 1,
        first_seed: int = 0,
        left_out: Path | None = None,
        pairs: Pairs | None = None,
    ) -> None:
        """Say what is fitted.

        Args:
            source: the reviews, without those that are left out.
            profile: the named profile whose split is used.
            cells: some keys of `lstm_report.training.baselines.LINEAR`.
            seeds: how many splits, numbered from `first_seed`; nothing else is random.
            first_seed: the number of the first.
            left_out: what the source was freed of, for the name.
            pairs: counterfactual edits to measure each model on; then `left_out` has to hold them.

        Raises:
            UserError: for an unknown profile or model, or no seed.
        """
        for cell in cells:
            if cell not in CELLS:
                raise configuration.unknown("cell", cell, CELLS)
        if seeds < 1:
            raise UserError(f"Expected at least one seed, got {seeds}: give a whole number.")
        self.source, self.pairs, self.cells = source, pairs, cells
        self.seeds = range(first_seed, first_seed + seeds)
        self.base, self.name = configuration.profile(profile).data, name_of(profile, left_out)
        self._rows = functools.cache(functools.partial(split_rows, source))

    def planned(self) -> dict[str, Planned[DataConfig]]:
        """Return the models by id, split by split."""
        configs = [dataclasses.replace(self.base, split_seed=seed) for seed in self.seeds]
        return {
            run_id(cell, config, self.source.checksum): Planned(cell, config.split_seed, config)
            for config in configs
            for cell in self.cells
        }

    def recorded(self) -> Sequence[tuple[str, int, str]]:
        """Return the rows of runs.csv, with edits of those that are measured on them."""
        rows = super().recorded()
        if self.pairs is None:
            return rows
        measured = set(measurements.read(self.name)["run_id"])
        return [row for row in rows if row[2] in measured]

    def job(self, planned: Planned[DataConfig], threads: int) -> Fit:
        """Return the model to be fitted."""
        return Fit(planned, self.source, self._rows(planned.config))

    def record(self, entry: Entry, job: Fit) -> str:
        """Record a fitted model, and before it what is to be measured on it."""
        planned, fitted = entry.planned, job.found
        assert fitted is not None
        linear, accuracy = baselines.LINEAR[planned.cell], fitted.accuracy
        commit, versions = provenance.commit(), provenance.versions()
        if self.pairs is not None:
            judged = (fitted.judge(part.texts) for part in self.pairs)
            self.add_measurements(entry, perturbations.consistency(self.pairs, *judged), commit)
        test, in_train = self.source.test, job.parts["test-in-train"]
        signs, unseen = 2 * test.labels - 1, fitted.correct[~in_train]
        row = {
            "cell": planned.cell,
            "seed": planned.seed,
            "run_id": entry.run_id,
            "features": linear.features,
            "ngrams": " to ".join(map(str, linear.ngrams)),
            "strength": fitted.strength,
            "train_reviews": len(job.parts["train-rows"]),
            **_split(planned.config),
            "test_accuracy": accuracy.estimate,
            "test_accuracy_unseen": float(unseen.mean()) if len(unseen) else None,
            "test_loss": float(np.logaddexp(0, -signs * fitted.logits).mean()),
            "test_reviews": len(test),
            "parameters": fitted.terms + 1,
            "train_seconds": fitted.seconds - fitted.test_seconds,
            "test_seconds": fitted.test_seconds,
            "data": self.source.name,
            "checksum": self.source.checksum,
            "finished": provenance.now(),
            "commit": commit,
            "hardware": provenance.processor(),
            "python": versions["python"],
            "scikit-learn": versions["scikit-learn"],
        }
        table = pd.DataFrame({"label": test.labels, "logit": fitted.logits})
        records.add_judgements(self.name, row, table.assign(in_train=in_train))
        return (
            f"test accuracy {accuracy.estimate:.2%} ({accuracy.low:.2%} to {accuracy.high:.2%}), "
            f"C = {fitted.strength:g}, {fitted.terms:,} terms"
        )

    def repeat(self, planned: Planned[DataConfig], on_epoch: "OnEpoch | None") -> float:
        """Fit a model and return its test accuracy; there are no epochs to tell."""
        job = self.job(planned, 1)
        if error := job.attempt():
            raise UserError(error)
        assert job.found is not None
        return job.found.accuracy.estimate
