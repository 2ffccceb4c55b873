"""Records that were made before a setting existed: what the runs did without it."""

import pandas as pd

from lstm_report import config as configuration
from lstm_report.config import RunConfig

LATER = {
    f"{part}.{name}": default
    for part, values in vars(RunConfig()).items()
    for name, default in configuration.later(type(values)).items()
}
"""The settings that came after runs had been recorded, by key, with what those runs did."""


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
