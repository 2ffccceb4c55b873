"""What was measured on trained models, beside the records of a study: one number a row.

A study that has such measurements keeps them in `results/NAME/measurements.csv`: which run, what
was measured, under which condition, and the value.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lstm_report import paths
from lstm_report.errors import UserError


class Measurement(NamedTuple):
    """One number, measured on one trained model."""

    cell: str
    """The cell of the study that the model belongs to."""
    seed: int
    """The seed of the model."""
    run_id: str
    """The run of the model; see `lstm_report.config.run_id`."""
    measure: str
    """What was measured, such as `accuracy, words shuffled in windows`."""
    condition: str
    """Under which condition, such as `5`; empty when there is only one."""
    value: float
    """The number."""
    count: int  # type: ignore[assignment]  # hides the method of tuples, which nobody needs
    """How many reviews, sequences or tokens it is taken over."""
    commit: str
    """The commit of the code that measured, see `lstm_report.provenance.commit`."""


KEY = ["cell", "seed", "run_id", "measure", "condition"]
Key = tuple[str, str]
"""Measure and condition."""
Entry = tuple[Key, tuple[float, int]]
"""Measure and condition, value and count."""
Found = dict[Key, tuple[float, int]]
"""What was measured on one model: value and count by measure and condition."""


def of_run(
    cell: str, seed: int, run_id: str, found: Found, commit: str | None
) -> list[Measurement]:
    """Return what was found on one run as measurements."""
    return [
        Measurement(cell, seed, run_id, *key, *entry, commit or "") for key, entry in found.items()
    ]


def write_found(path: Path, found: Found) -> None:
    """Write what was found to a file: measure, condition, value and count of each number."""
    paths.write_text(path, json.dumps([[*key, *entry] for key, entry in found.items()]))


def read_found(path: Path) -> Found:
    """Return what `write_found` wrote."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {(measure, condition): (value, count) for measure, condition, value, count in rows}


def path_of(name: str) -> Path:
    """Return the file of the measurements of a study."""
    return paths.RESULTS / name / "measurements.csv"


def read(name: str) -> pd.DataFrame:
    """Return the measurements of a study, one row each; no row when there are none.

    Raises:
        UserError: when the file is damaged.
    """
    path = path_of(name)
    if not path.is_file():
        return pd.DataFrame(columns=list(Measurement._fields))
    texts = dict.fromkeys(("cell", "run_id", "measure", "condition", "commit"), str)
    try:
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={"value": [""]})
        return table[list(Measurement._fields)]
    except (ValueError, KeyError, OSError) as error:
        raise UserError(
            f"Expected a table of measurements at {path}, but it is damaged: restore it with git, "
            "or delete it and measure again."
        ) from error


def add(name: str, measurements: Iterable[Measurement]) -> None:
    """Add measurements to those of a study; one of the same key takes the place of the earlier.

    Raises:
        UserError: when the file is damaged or cannot be written.
    """
    new = pd.DataFrame(list(measurements), columns=list(Measurement._fields))
    path = path_of(name)
    with paths.only_writer(path.parent), paths.atomic_write(path) as temporary:
        former = read(name)
        table = pd.concat([former, new]) if len(former) else new
        table = table.drop_duplicates(KEY, keep="last").sort_values(KEY, kind="stable")
        table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.6g")
