"""The records of a study: small files in `results/` that are committed, without weights or texts.

| file | content |
|---|---|
| runs.csv | one row per finished run: cell, seed, settings, result, cost, what it was made with |
| epochs.csv | one row per run and epoch |
| reviews.parquet | one row per test review: label, in_train |
| predictions/RUN_ID.parquet | one row per test review: the logit, in half precision |
| failures.csv | one row per run that failed and has not been finished since |

A run counts as recorded once its row stands in runs.csv, which is written last.
"""

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lstm_report import config, paths, provenance
from lstm_report.config import RunConfig
from lstm_report.errors import UserError
from lstm_report.studies.study import KEYS, Planned, value_of
from lstm_report.training.runs import Run

LATER = {
    f"{part}.{name}": default
    for part, values in vars(RunConfig()).items()
    for name, default in config.later(type(values)).items()
}
"""The settings that came after runs had been recorded, by key, with what those runs did."""
KEY = ["cell", "seed", "run_id"]
FAILURE = ["error", "time"]
SUMMARY = (
    *("test_accuracy", "test_accuracy_unseen", "test_loss", "test_reviews", "best_epoch"),
    *("parameters", "train_seconds", "test_seconds", "tokens_per_second"),
)
"""What is taken over from the summary of a run, see `lstm_report.training.loop.fit`."""
RUN_COLUMNS = (
    *("cell", "seed", "run_id", "checksum", "commit", "hardware"),
    *("test_accuracy", "parameters", "train_seconds", "test_seconds"),
)
"""What every row of runs.csv has, of linear models too."""
RUN_NUMBERS = (*SUMMARY, "seed")
EPOCH_NUMBERS = ("seed", "epoch", "train_loss", "validation_loss", "validation_accuracy")
"""Columns of numbers; what is no number in them is read as missing."""
MADE_WITH = ("finished", "commit", "hardware", "device", "threads", "precision")


@dataclass(frozen=True)
class Records:
    """The finished runs of a study, in the order of cell and seed; R runs, N test reviews."""

    runs: pd.DataFrame
    """R rows: cell, seed, run_id, settings by key, result, cost, what it was made with."""
    epochs: pd.DataFrame
    """One row per run and epoch: cell, seed, run_id and `lstm_report.training.loop.COLUMNS`."""
    logits: np.ndarray
    """(R, N) float32 of half precision: above 0 the run judges a review positive."""
    labels: np.ndarray
    """(N,) of 0 and 1."""
    in_train: np.ndarray
    """(N,) of bool: whether the test review stands in the training part too."""

    @functools.cached_property
    def correct(self) -> np.ndarray:
        """Whether each run judges each review rightly, (R, N) of bool."""
        return (self.logits > 0) == (self.labels == 1)


def _read_text(path: Path, columns: list[str]) -> pd.DataFrame:
    """Return a table as the texts it is written in, so that writing it again changes nothing."""
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    try:
        table = _texts(path).astype({"seed": int})
        table = table[_key_first(table)]
        if (table["seed"] < 0).any():
            raise ValueError("a seed below 0")
        return table
    except (ValueError, KeyError, OSError) as error:
        raise _damaged(path) from error


def _key_first(table: pd.DataFrame) -> list[str]:
    return [*KEY, *(name for name in table.columns if name not in KEY)]


def _damaged(path: Path) -> UserError:
    return UserError(
        f"Expected a table that a study wrote at {path}, but it is damaged: restore it with git, "
        "or delete the folder and run the study again."
    )


def _write(path: Path, table: pd.DataFrame) -> None:
    ordered = table.sort_values(["cell", "seed"], kind="stable")
    with paths.atomic_write(path) as temporary:
        ordered.to_csv(temporary, index=False, lineterminator="\n")


def recorded(name: str) -> pd.DataFrame:
    """Return cell, seed, run_id and checksum of every recorded run; seed is a number.

    Raises:
        UserError: when the table is damaged.
    """
    columns, path = [*KEY, "checksum"], paths.RESULTS / name / "runs.csv"
    table = _read_text(path, columns)
    if not {*columns} <= {*table.columns}:
        raise _damaged(path)
    return table[columns]


def check(name: str, checksum: str) -> None:
    """Refuse to add to records of other reviews than those of this checksum."""
    table = recorded(name)
    if len(table) and (table["checksum"] != checksum).any():
        raise UserError(
            f"Expected the reviews that results/{name} was recorded with (checksum "
            f"{table['checksum'].iloc[0][:12]}), got others ({checksum[:12]}): name the same with "
            "--data, or move the folder away."
        )


def add(name: str, planned: Planned[RunConfig], run: Run) -> None:
    """Record a finished run; the same run recorded again changes nothing.

    Raises:
        UserError: when its test reviews are not those of the records, or the disk is full.
    """
    folder, run_id = paths.RESULTS / name, run.directory.name
    key = {"cell": planned.cell, "seed": planned.seed, "run_id": run_id}
    _add_predictions(folder, run_id, run.predictions)
    metrics = run.metrics.map(lambda value: f"{value:.6g}")  # six digits say all, in a third less
    metrics.insert(0, "seed", planned.seed)
    _replace(folder / "epochs.csv", metrics.assign(cell=planned.cell, run_id=run_id), run_id)
    origin = run.provenance
    row = key | {key: value_of(run.config, key) for key in KEYS}
    row |= {entry: run.summary[entry] for entry in SUMMARY}
    row |= {"data": origin["data"]["name"], "checksum": origin["data"]["checksum"]}
    row |= {entry: origin[entry] for entry in MADE_WITH}
    row |= {entry: origin["versions"][entry] for entry in ("python", "torch")}
    _replace(folder / "runs.csv", pd.DataFrame([row]), run_id)


def add_judgements(name: str, row: dict[str, Any], predictions: pd.DataFrame) -> None:
    """Record a model that is no run: a row of runs.csv, and its predictions.

    Raises:
        UserError: as for `add`.
    """
    folder = paths.RESULTS / name
    _add_predictions(folder, row["run_id"], predictions)
    _replace(folder / "runs.csv", pd.DataFrame([row]), row["run_id"])


def _replace(path: Path, rows: pd.DataFrame, run_id: str) -> None:
    """Write `rows` in the place of those of the same run."""
    columns = _key_first(rows)
    with paths.only_writer(path.parent):
        table = _read_text(path, columns)
        _write(path, pd.concat([table[table["run_id"] != run_id], rows[columns]]))


def half(logits: np.ndarray) -> np.ndarray:
    """Return logits in half precision, with the sign, and so the judgement, of each kept."""
    limits = np.finfo(np.float16)
    rounded = np.clip(logits, limits.min, limits.max).astype(np.float16)
    rounded[(logits > 0) & (rounded <= 0)] = limits.smallest_subnormal
    return rounded


def _add_predictions(folder: Path, run_id: str, table: pd.DataFrame) -> None:
    reviews = pd.DataFrame(
        {"label": table["label"].astype(np.int8), "in_train": table["in_train"].astype(bool)}
    )
    path = folder / "reviews.parquet"
    if not path.is_file():
        with paths.atomic_write(path) as temporary:
            reviews.to_parquet(temporary, index=False)
    elif not _read_parquet(path).equals(reviews):
        raise UserError(
            f"Expected the test reviews of results/{folder.name}, got others in "
            f"{run_id}: move the folder away and run the study again."
        )
    logits = pd.DataFrame({"logit": half(table["logit"].to_numpy())})
    with paths.atomic_write(folder / "predictions" / f"{run_id}.parquet") as temporary:
        logits.to_parquet(temporary, index=False, compression="zstd")


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # of pyarrow too
        raise _damaged(path) from error


def add_failure(name: str, planned: Planned[Any], run_id: str, error: str, time: str) -> None:
    """Record that a run failed, in the place of an earlier failure of the same run."""
    error = error.replace(f"{paths.ROOT}/", "")
    values = [[planned.label, planned.seed, run_id, error, time]]
    rows = pd.DataFrame(values, columns=[*KEY, *FAILURE])
    _replace(paths.RESULTS / name / "failures.csv", rows, run_id)


def forget_failure(name: str, run_id: str) -> None:
    """Remove the failure of a run that is finished now, where there is one."""
    path = paths.RESULTS / name / "failures.csv"
    if not path.is_file():
        return
    with paths.only_writer(path.parent):
        table = _read_text(path, KEY)
        if len(kept := table[table["run_id"] != run_id]):
            _write(path, kept)
        else:
            path.unlink(missing_ok=True)


def _read_table(path: Path, columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table with its numbers as numbers; a cell may be named `None` or `2`."""
    if not path.is_file():
        return pd.DataFrame(columns=[*dict.fromkeys([*KEY, *FAILURE, *SUMMARY, *columns])])
    texts = dict.fromkeys(("cell", "run_id", "checksum", "commit", "error"), str)
    try:
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:
        raise _damaged(path) from error
    if not {*columns} <= {*table.columns}:
        raise _damaged(path)
    for name in (entry for entry in numbers if entry in table):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def completed(runs: pd.DataFrame) -> pd.DataFrame:
    """Return recorded runs with a value for every setting that came later.

    Args:
        runs: rows of a runs.csv; those of models that have no such settings stay as they are.
    """
    if "model.kind" not in runs:
        return runs
    found = runs.copy()
    for key, default in LATER.items():
        known = found[key] if key in found else pd.Series(index=found.index, dtype=object)
        found[key] = known.where(known.notna(), default)
    return found


def tables(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the finished and of the failed runs; none is no error.

    Returns:
        Those of the finished as in `Records`; of the failed cell, seed, run_id, error and time.

    Raises:
        UserError: when a table is damaged.
    """
    folder = paths.RESULTS / name
    finished = _read_table(folder / "runs.csv", RUN_COLUMNS, RUN_NUMBERS)
    if "model.kind" in finished and "best_epoch" not in finished:
        raise _damaged(folder / "runs.csv")
    failed = _read_table(folder / "failures.csv", [*KEY, *FAILURE])
    return completed(finished), failed


def epochs(name: str) -> pd.DataFrame:
    """Return the rows of all epochs, as in `Records`; none is no error.

    Raises:
        UserError: when the table is damaged.
    """
    columns = [*KEY, *EPOCH_NUMBERS]
    return _read_table(paths.RESULTS / name / "epochs.csv", columns, EPOCH_NUMBERS)


def read(name: str) -> Records:
    """Return the records of a study.

    Raises:
        UserError: when there are none, or they are damaged.
    """
    folder = paths.RESULTS / name
    if not len(recorded(name)):
        raise UserError(
            f"Expected the records of study {name!r} in results/{name}, but there are none: "
            f"run `lstm-report study {name}` first."
        )
    finished, _ = tables(name)
    reviews = _read_parquet(folder / "reviews.parquet")
    if not {"label", "in_train"} <= {*reviews} or not reviews["label"].isin((0, 1)).all():
        raise _damaged(folder / "reviews.parquet")
    rows = []
    for run_id in finished["run_id"]:
        path = folder / "predictions" / f"{run_id}.parquet"
        try:
            rows.append(_read_parquet(path)["logit"].to_numpy().astype(np.float32))
        except (KeyError, ValueError) as error:
            raise _damaged(path) from error
        if len(rows[-1]) != len(reviews) or not np.isfinite(rows[-1]).all():
            raise _damaged(path)
    return Records(
        finished,
        epochs(name),
        logits=np.stack(rows),
        labels=reviews["label"].to_numpy(),
        in_train=reviews["in_train"].to_numpy(),
    )


COMMITTED = ("runs.csv", "epochs.csv", "measurements.csv")
"""The tables that are compared with what was committed."""


def altered(name: str) -> pd.DataFrame:
    """Return the runs of a study whose records are not what was last committed.

    Times, machines, epochs and measurements follow from nothing else that is recorded, so that git
    alone can tell that one was edited. What was edited and then committed stands in its history;
    outside a clone nothing is compared. What was added since is no such change: studies and
    measurements only ever add rows.

    Returns:
        One row a run and file: cell, seed, run_id, file (in the study's folder) and reason.

    Raises:
        UserError: when a table is damaged.
    """
    folder, found = paths.RESULTS / name, []
    for file in provenance.altered(folder):
        inside = file.relative_to(folder).as_posix()
        if inside in COMMITTED:
            rows, what = _changed(file), f"its rows in {inside} are"
        elif file.suffix == ".parquet" and (runs := provenance.committed(folder / "runs.csv")):
            rows, what = _texts(io.StringIO(runs)), f"{inside} is"
            if file.parent != folder:
                rows = rows[rows["run_id"] == file.stem]
        else:
            continue
        reason = f"{what} not what was committed"
        found.append(rows[KEY].drop_duplicates("run_id").assign(file=inside, reason=reason))
    if not found:
        return pd.DataFrame(columns=[*KEY, "file", "reason"])
    return pd.concat(found, ignore_index=True).astype({"seed": int})


def _changed(file: Path) -> pd.DataFrame:
    """Return the committed rows of a table that it holds no longer as they were."""
    former = _texts(io.StringIO(provenance.committed(file)))
    now = _read_text(file, [*former.columns]).astype(str)
    kept = {*now.reindex(columns=former.columns).itertuples(index=False, name=None)}
    return former[[row not in kept for row in former.itertuples(index=False, name=None)]]


def _texts(source: Path | io.StringIO) -> pd.DataFrame:
    """Return a table as the texts it is written in."""
    return pd.read_csv(source, dtype=str, keep_default_na=False)
