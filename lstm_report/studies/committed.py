"""Whether records still are what was committed, where there is a git clone to compare with.

Times, machines, epochs and measurements follow from nothing else that is recorded, so that git
alone can tell that one was edited. What was edited and then committed stands in its history.
"""

import io
from pathlib import Path

import pandas as pd

from lstm_report import paths, provenance
from lstm_report.studies.records import KEY

TABLES = ("runs.csv", "epochs.csv", "measurements.csv")


def altered(name: str) -> pd.DataFrame:
    """Return the runs of a study whose records are not what was last committed.

    What was added since is no such change: studies and measurements only ever add rows.

    Args:
        name: of the study.

    Returns:
        One row a run and file: cell, seed, run_id, file (in the study's folder) and reason.

    Raises:
        UserError: when a table is damaged.
    """
    folder, found = paths.RESULTS / name, []
    for file in provenance.altered(folder):
        inside = file.relative_to(folder).as_posix()
        if inside in TABLES:
            rows, what = _changed(file), f"its rows in {inside} are"
        elif file.suffix == ".parquet" and (runs := provenance.committed(folder / "runs.csv")):
            rows, what = _texts(runs), f"{inside} is"
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
    former = _texts(provenance.committed(file))
    now = _texts(file.read_text(encoding="utf-8")) if file.is_file() else former[:0]
    kept = {*now.reindex(columns=former.columns).itertuples(index=False, name=None)}
    return former[[row not in kept for row in former.itertuples(index=False, name=None)]]


def _texts(content: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(content), dtype=str, keep_default_na=False)
