"""Records of the linear models, in the form of those of a study, so that both can be paired."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from lstm_report.training import baselines

NAME = "baselines"


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


def execute(
    source: Source,
    *,
    profile: str = "source",
    seeds: int = 1,
    left_out: Path | None = None,
    pairs: Pairs | None = None,
    log: Callable[[str], None] = print,
) -> str:
    """Fit and record every linear model that is not recorded yet, and return the folder's name.

    Args:
        source: the reviews, without those that are left out.
        profile: the named profile whose split is used.
        seeds: how many splits, numbered from 0; nothing else is random.
        left_out: what the source was freed of, for the name.
        pairs: counterfactual edits to measure each model on; then `left_out` has to hold them.
        log: called with one line for each model.

    Raises:
        UserError: for an unknown profile, no seed, or records of other reviews.
    """
    if seeds < 1:
        raise UserError(f"Expected at least one seed, got {seeds}: give a whole number.")
    name, base = name_of(profile, left_out), configuration.profile(profile).data
    records.check(name, {}, source.checksum)
    known = set(records.recorded(name)["run_id"])
    measured = measurements.read(name)["run_id"]
    for seed in range(seeds):
        config = dataclasses.replace(base, split_seed=seed)
        parts: dict[str, np.ndarray] = {}
        for cell in baselines.LINEAR:
            identity = run_id(cell, config, source.checksum)
            if identity in known and (pairs is None or (measured == identity).any()):
                log(f"{cell}, split {seed}: recorded already")
                continue
            parts = parts or split_rows(source, config)
            log(f"{cell}, split {seed}: {_record(name, cell, config, source, parts, pairs)}")
    return name


def _record(
    name: str,
    cell: str,
    config: DataConfig,
    source: Source,
    parts: dict[str, np.ndarray],
    pairs: Pairs | None,
) -> str:
    """Fit and record one model, and return its result in words."""
    identity, linear = run_id(cell, config, source.checksum), baselines.LINEAR[cell]
    train, validation = (
        source.train.take(parts[part]) for part in ("train-rows", "validation-rows")
    )
    fitted = baselines.linear_baseline(
        train, validation, source.test, features=linear.features, ngrams=linear.ngrams
    )
    commit, versions = provenance.commit(), provenance.versions()
    if pairs is not None:
        found = perturbations.consistency(pairs, *(fitted.judge(part.texts) for part in pairs))
        rows = measurements.of_run(cell, config.split_seed, identity, found, commit)
        measurements.add(name, rows)
    signs = 2 * source.test.labels - 1
    unseen = fitted.correct[~parts["test-in-train"]]
    row = {"cell": cell, "seed": config.split_seed, "run_id": identity}
    row |= {"features": linear.features, "ngrams": " to ".join(map(str, linear.ngrams))}
    row |= {"strength": fitted.strength, "train_reviews": len(train), **_split(config)}
    row |= {
        "test_accuracy": fitted.accuracy.estimate,
        "test_accuracy_unseen": float(unseen.mean()) if len(unseen) else None,
        "test_loss": float(np.logaddexp(0, -signs * fitted.logits).mean()),
        "test_reviews": len(source.test),
        "parameters": fitted.terms + 1,
        "train_seconds": fitted.seconds - fitted.test_seconds,
        "test_seconds": fitted.test_seconds,
        "data": source.name,
        "checksum": source.checksum,
        "finished": provenance.now(),
        "commit": commit,
        "hardware": provenance.processor(),
        "python": versions["python"],
        "scikit-learn": versions["scikit-learn"],
    }
    table = pd.DataFrame({"label": source.test.labels, "logit": fitted.logits})
    records.add_judgements(name, row, table.assign(in_train=parts["test-in-train"]))
    low, high = fitted.accuracy.low, fitted.accuracy.high
    return (
        f"test accuracy {fitted.accuracy.estimate:.2%} ({low:.2%} to {high:.2%}), "
        f"C = {fitted.strength:g}, {fitted.terms:,} terms ({fitted.seconds:.0f} s)"
    )
