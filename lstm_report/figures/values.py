"""The numbers that a figure shows, read from what Matplotlib drew; the page offers them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.category import StrCategoryFormatter, StrCategoryLocator
from matplotlib.collections import (
    FillBetweenPolyCollection,
    LineCollection,
    PathCollection,
    QuadMesh,
)
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

COLUMNS = ("panel", "series", "mark", "x", "y", "low", "high", "value", "x axis", "y axis")
"""What stands in the table; `low` and `high` are the ends of an interval, a band or a bar."""
NAMED = (FixedFormatter, FuncFormatter, StrCategoryFormatter)
"""What writes names beside an axis, at ticks that are set."""
SIGNS = {
    "\\partial": "∂",
    "\\sigma": "σ",
    "\\tanh": "tanh",
    "\\|": "‖",
    "{-}": "-",
    "$": "",
    "\\": "",
}
DIGITS = 7
NEAR = 0.45
"""How far from a named tick a mark may stand and still belong to it."""

Row = dict[str, Any]


def as_table(figure: Figure) -> pd.DataFrame:
    """Return every mark of a figure, one row each, with those of `COLUMNS` that hold something.

    `mark` is line, point, bar, interval, band, cell, or a level or span through the whole panel.
    Where an axis has names instead of numbers, x or y are these names. A drawing without axes has
    no rows.
    """
    rows: list[Row] = []
    panels = [axis for axis in figure.axes if axis.axison and axis.get_label() != "<colorbar>"]
    for number, axis in enumerate(panels, start=1):
        title = axis.get_title("left") or axis.get_title() or (number if len(panels) > 1 else "")
        names = _series(figure, axis)
        place = {"panel": _plain(str(title)), "x axis": _plain(axis.get_xlabel())}
        place["y axis"] = _plain(axis.get_ylabel())
        for artist, row in _marks(axis):
            label = _plain(str(artist.get_label()))
            known = label if not label.startswith("_") else names.get(_colour(artist), "")
            rows.append(_named(axis, {"series": known, **place, **row}))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.dropna(axis="columns", how="all").loc[:, lambda kept: (kept != "").any()]


def as_csv(figure: Figure) -> str:
    """Return `as_table` as CSV, or an empty text for a figure without numbers."""
    table = as_table(figure)
    return "" if table.empty else table.to_csv(index=False, float_format=f"%.{DIGITS}g")


def _plain(text: str) -> str:
    """Return a label in one line, without the marks of mathematics."""
    text = text.replace("\n", " ")
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    return text


def _colour(artist: Any) -> str:
    """Return the colour by which a series is known."""
    for name in ("get_color", "get_facecolor", "get_edgecolor"):
        if (found := getattr(artist, name, None)) is not None:
            colours = to_rgba_array(found())
            if len(colours):
                return to_hex(colours[0])
    return ""


def _series(figure: Figure, axis: Axes) -> dict[str, str]:
    """Return the names of a panel by colour, for marks that have no name of their own."""
    legends = [*figure.legends, *filter(None, [axis.get_legend()])]
    found: dict[str, str] = {}
    for artist in (*axis.lines, *axis.collections):
        label = str(artist.get_label())
        if not label.startswith("_"):
            found.setdefault(_colour(artist), _plain(label))
    for legend in legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if handle is not None:
                found.setdefault(_colour(handle), _plain(text.get_text()))
    return found


def _marks(axis: Axes) -> Iterator[tuple[Any, Row]]:
    """Yield each mark of a panel with its numbers."""
    done: set[int] = set()
    for container in axis.containers:
        if isinstance(container, ErrorbarContainer):
            line, caps, bars = container
            done |= {id(part) for part in (line, *caps, *bars)}
            yield from ((_Named(container, line, bars), row) for row in _intervals(container))
        elif isinstance(container, BarContainer):
            done |= {id(part) for part in container.patches}
            if container.errorbar is not None:
                done |= {id(part) for part in container.errorbar.lines[1]}
            beside = sum(isinstance(other, BarContainer) for other in axis.containers) > 1
            for bar in container.patches:
                row = _bar(bar, container.orientation == "horizontal")
                if beside:  # several bars stand around the whole number to which they belong
                    row |= {"x": float(round(row["x"])), "low": None, "high": None}
                yield _Named(container, bar, ()), row
    for line in axis.lines:
        if id(line) not in done:
            yield from ((line, row) for row in _line(axis, line))
    for patch in axis.patches:
        if id(patch) not in done and isinstance(patch, Rectangle):
            whole = patch.get_data_transform() != axis.transData
            yield patch, _span(axis, patch) if whole else _bar(patch, False)
    for shape in axis.collections:
        if id(shape) not in done:
            yield from ((shape, row) for row in _collection(shape))


class _Named:
    """A part of a container: its name is the container's, its colour its own."""

    def __init__(self, container: Any, part: Any, others: Any) -> None:
        self.label = container.get_label()
        self.part = part if part is not None else others[0]

    def get_label(self) -> str:
        return self.label or "_"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.part, name)


def _intervals(container: ErrorbarContainer) -> Iterator[Row]:
    line, _, bars = container
    (horizontal,) = {container.has_xerr and not container.has_yerr}
    for segment in bars[0].get_segments():
        (x, y), ends = segment.mean(0), segment[:, 0 if horizontal else 1]
        if line is not None:
            places = np.asarray(line.get_xydata(), dtype=float)
            across = 1 if horizontal else 0
            nearest = np.argmin(np.abs(places[:, across] - segment[0, across]))
            x, y = places[nearest]
        yield {"mark": "interval", "x": x, "y": y, "low": ends.min(), "high": ends.max()}


def _bar(bar: Rectangle, horizontal: bool) -> Row:
    (left, bottom), width, height = bar.get_xy(), bar.get_width(), bar.get_height()
    if horizontal:
        return {"mark": "bar", "x": left + width, "y": bottom + height / 2}
    ends = {"low": left, "high": left + width}
    return {"mark": "bar", "x": left + width / 2, "y": bottom + height, **ends}


def _span(axis: Axes, patch: Rectangle) -> Row:
    """Return a band that goes through the whole panel, by its ends along the other axis."""
    upright = patch.get_data_transform() == axis.get_xaxis_transform(which="grid")
    start, size = (
        (patch.get_x(), patch.get_width()) if upright else (patch.get_y(), patch.get_height())
    )
    return {"mark": "span", "low": start, "high": start + size}


def _line(axis: Axes, line: Line2D) -> Iterator[Row]:
    x, y = (np.asarray(values, dtype=float) for values in line.get_data(orig=False))
    if line.get_transform() != axis.transData:
        if not str(line.get_label()).startswith("_") and len({*x}) == 1:
            yield {"mark": "level", "x": x[0]}
        elif not str(line.get_label()).startswith("_") and len({*y}) == 1:
            yield {"mark": "level", "y": y[0]}
        return
    mark = "point" if line.get_linestyle() in ("None", "none", "") else "line"
    for one, other in zip(x, y, strict=True):
        if np.isfinite(other):
            yield {"mark": mark, "x": one, "y": other}


def _collection(shape: Any) -> Iterator[Row]:
    if isinstance(shape, FillBetweenPolyCollection):
        for path in shape.get_paths():
            corners = pd.DataFrame(np.asarray(path.vertices), columns=["x", "y"]).groupby("x")["y"]
            for x, low, high in corners.agg(["min", "max"]).itertuples():
                yield {"mark": "band", "x": x, "low": low, "high": high}
    elif isinstance(shape, QuadMesh):
        values = np.asarray(shape.get_array())
        for row, column in np.ndindex(values.shape):
            yield {"mark": "cell", "x": column + 0.5, "y": row + 0.5, "value": values[row, column]}
    elif isinstance(shape, PathCollection):
        for x, y in np.ma.getdata(shape.get_offsets()):
            yield {"mark": "point", "x": x, "y": y}
    elif isinstance(shape, LineCollection):
        for segment in shape.get_segments():
            (left, low), (right, high) = segment.min(0), segment.max(0)
            ends = (left, right) if low == high else (low, high)
            yield {"mark": "interval", "x": (left + right) / 2, "y": (low + high) / 2,
                   "low": ends[0], "high": ends[1]}  # fmt: skip


def _named(axis: Axes, row: Row) -> Row:
    """Return a row in which names stand where the axes have names instead of numbers."""
    for name, side in (("x", axis.xaxis), ("y", axis.yaxis)):
        formatter, locator = side.get_major_formatter(), side.get_major_locator()
        if name not in row or not isinstance(formatter, NAMED):
            continue
        if isinstance(locator, FixedLocator | StrCategoryLocator):
            ticks = np.asarray(side.get_majorticklocs(), dtype=float)
            texts = formatter.format_ticks(ticks.tolist())
            near = int(np.argmin(np.abs(ticks - row[name]))) if len(ticks) else -1
            if near >= 0 and abs(ticks[near] - row[name]) <= NEAR:
                row[name] = _plain(str(texts[near])) or None
    return row
