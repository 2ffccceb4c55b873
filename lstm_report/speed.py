"""The committed record of the benchmarks in `results/bench/`: what was measured, and the goals."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lstm_report import paths
from lstm_report.errors import UserError

Row = Mapping[str, Any]
"""One figure of a record, see `benchmarks/timing.py`."""
SIGNS = {"at most": "\N{LESS-THAN OR EQUAL TO}", "under": "<",
         "at least": "\N{GREATER-THAN OR EQUAL TO}"}  # fmt: skip
"""For the words of a goal."""
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


def goal(row: Row) -> str:
    """Return the goal of a row, such as `≤ 1.05`, without a place to break the line; or nothing."""
    if row["word"] is None:
        return ""
    return f"{SIGNS[row['word']]}\N{NO-BREAK SPACE}{row['bound']:g}"


def goal_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the goals with what was measured; goals without a figure are in `absent`.

    Args:
        rows: of a record.

    Returns:
        Columns measured, figure, low, high (the interval over rounds), goal and met.
    """
    return pd.DataFrame(
        {**_measured(row), "goal": goal(row), "met": "yes" if row["met"] else "no"}
        for row in goals(rows)
        if row["figure"] is not None
    )


def further_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return what was measured without a goal, but for how cost grows.

    Args:
        rows: of a record.

    Returns:
        Columns measured, figure, low and high, as of `goal_table`.
    """
    return pd.DataFrame(
        _measured(row)
        for row in rows
        if row["word"] is None and row["figure"] is not None and "points" not in row["details"]
    )


def absent(rows: Sequence[Row]) -> list[str]:
    """Return what could not be measured, each with the reason."""
    return [f"{row['what']} ({row['note']})" for row in rows if row["figure"] is None]


def _measured(row: Row) -> dict[str, Any]:
    figure = row["figure"]
    return {"measured": row["what"]} | {
        name: figure[key] for name, key in (("figure", "median"), ("low", "low"), ("high", "high"))
    }


def scaling_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that tell how cost grows with the work."""
    return [row for row in rows if row["details"].get("points")]
