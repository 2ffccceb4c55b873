"""The committed record of the benchmarks in `results/bench/`: what was measured, and the goals."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lstm_report import paths
from lstm_report.errors import UserError

Row = Mapping[str, Any]
"""One figure of a record, see `benchmarks/timing.py`."""
PARTS = ("finished", "hardware", "threads", "versions", "rows")


def read(device: str) -> dict[str, Any] | None:
    """Return the record of `make bench` that is committed for a device, None when there is none.

    Args:
        device: `cpu` or `gpu`.

    Returns:
        Among others `hardware`, `threads`, `versions`, `finished` and `rows`, a list of `Row`.

    Raises:
        UserError: when the record cannot be read.
    """
    path = paths.RESULTS / "bench" / f"{device}.json"
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in PARTS if name not in record]
    except (ValueError, TypeError) as error:
        raise UserError(
            f"Expected a record of `make bench` at {path}, but it cannot be read: "
            "copy build/bench.json there anew."
        ) from error
    if missing:
        raise UserError(
            f"Expected a record of `make bench` at {path}, but it has no {', '.join(missing)}: "
            "copy build/bench.json there anew."
        )
    return record


def goals(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a goal, measured or not."""
    return [row for row in rows if row["word"] is not None]


def goal_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the goals with what was measured.

    Args:
        rows: of a record.

    Returns:
        Columns measured, figure, low, high (the interval over rounds), goal and met; what was not
        measured is missing.
    """
    return pd.DataFrame(
        {
            "measured": row["what"],
            "figure": row["figure"] and row["figure"]["median"],
            "low": row["figure"] and row["figure"]["low"],
            "high": row["figure"] and row["figure"]["high"],
            "goal": f"{row['word']} {row['bound']:g}",
            "met": {True: "yes", False: "no", None: None}[row["met"]],
        }
        for row in goals(rows)
    )


def scaling(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that tell how cost grows with the work."""
    return [row for row in rows if row["details"].get("points")]
