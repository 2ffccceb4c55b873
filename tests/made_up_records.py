"""Records of studies that were never run, written so that a claim is true, false or unclear."""

import dataclasses

import numpy as np
import pandas as pd

from lstm_report import config, paths
from lstm_report.analysis import measurements
from lstm_report.analysis.measurements import Measurement
from lstm_report.claims.admitted import STATED
from lstm_report.studies import catalogue, records
from lstm_report.studies.study import KEYS

REVIEWS, EPOCHS = 2_000, 15
DIFFICULTY = np.random.default_rng(0).permutation(REVIEWS) / REVIEWS
LABELS = np.arange(REVIEWS) % 2
COMMIT = "0123456789ab"
SEEDS = range(10)
FIVE = range(5)


def noise(cell, spread, seeds=SEEDS):
    """Draw one number a seed, of mean 0, the same whenever it is asked for."""
    drawn = np.random.default_rng(sum(map(ord, cell))).normal(size=len(seeds))
    return spread * (drawn - drawn.mean())


def record(study, cells, *, seeds=SEEDS, best=14, curve=None, size=2.5, **columns):
    """Write the records of runs of the given accuracy, by cell; the accuracy may differ by seed.

    A review is judged rightly by a model if it is easy enough for it, so that only few differ.
    """
    folder = paths.RESULTS / study
    rows, epochs = [], []
    former = [folder / "runs.csv", folder / "epochs.csv"]
    if former[0].is_file():
        rows, epochs = ([pd.read_csv(file)] for file in former)
    for cell, accuracy in cells.items():
        accuracies = np.broadcast_to(np.asarray(accuracy, dtype=float), len(seeds))
        for seed, exact in zip(seeds, accuracies, strict=True):
            settings = plan(study, cell, seed)
            run_id = f"{cell.replace(' ', '-')}-seed{seed}"
            right = exact > DIFFICULTY
            logits = np.where(right, 1, -1) * (2 * LABELS - 1) * size
            table = pd.DataFrame({"logit": records.half(logits)})
            (folder / "predictions").mkdir(parents=True, exist_ok=True)
            table.to_parquet(folder / "predictions" / f"{run_id}.parquet", index=False)
            row = {"cell": cell, "seed": seed, "run_id": run_id, **settings}
            loss = np.logaddexp(0, np.where(right, -size, size)).mean()
            row |= {"test_accuracy": right.mean(), "test_accuracy_unseen": right.mean()}
            row |= {"test_loss": loss, "test_reviews": REVIEWS, "best_epoch": best}
            row |= {"parameters": 1000, "train_seconds": 60.0, "test_seconds": 3.0}
            row |= {"checksum": STATED[study].checksum, "commit": COMMIT, "hardware": "a processor"}
            row |= {name: value.get(cell) if isinstance(value, dict) else value
                    for name, value in columns.items()}  # fmt: skip
            rows.append(pd.DataFrame([row]))
            loss = np.asarray(curve(cell, seed) if curve else falling())
            frame = pd.DataFrame({"epoch": range(1, len(loss) + 1), "train_loss": loss})
            frame = frame.assign(validation_loss=loss + 0.1, train_accuracy=1 - loss / 2)
            frame = frame.assign(validation_accuracy=0.95 - loss / 2)
            frame.loc[frame["epoch"] == best, "validation_accuracy"] = 0.96 - loss.min() / 2
            frame = frame.assign(seconds=4.0, tokens_per_second=1000.0)
            epochs.append(frame.assign(cell=cell, seed=seed, run_id=run_id))
    reviews = pd.DataFrame({"label": LABELS.astype(np.int8), "in_train": False})
    reviews.to_parquet(folder / "reviews.parquet", index=False)
    for file, tables in zip(former, (rows, epochs), strict=True):
        pd.concat(tables).to_csv(file, index=False)


def falling(last=0.1, epochs=EPOCHS):
    """A training loss that settles at `last`."""
    return last + 0.6 * 0.6 ** np.arange(epochs)


def plan(study, cell, seed):
    """Return the settings that a study plans, by key, as the records hold them."""
    found = {}
    if study in catalogue.STUDIES:
        planned = dataclasses.replace(catalogue.STUDIES[study], first_seed=seed, seeds=1).runs()
        found = {run.cell: run.config for run in planned}
    chosen = found.get(cell, config.PROFILES["source"])
    parts = {key: key.partition(".") for key in KEYS}
    return {key: getattr(getattr(chosen, part), name) for key, (part, _, name) in parts.items()}


def measure(study, cell, name, values, *, seeds=range(5), spread=0.0):
    """Write measurements: a value by condition; `spread` is the deviation from seed to seed."""
    measurements.add(
        study,
        [
            Measurement(cell, seed, f"{cell.replace(' ', '-')}-seed{seed}", name, str(condition),
                        value + noise(f"{cell}{condition}{name}", spread, seeds)[k], 100, COMMIT)
            for k, seed in enumerate(seeds)
            for condition, value in values.items()
        ],
    )  # fmt: skip
