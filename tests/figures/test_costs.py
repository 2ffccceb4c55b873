"""The committed record of the benchmarks: read, shown as a table and drawn."""

import json

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import small_studies

from lstm_report import paths
from lstm_report.claims import inventory
from lstm_report.errors import UserError
from lstm_report.figures import costs, style
from lstm_report.notebook import display, pages

places = pytest.fixture(small_studies.places)
recorded_costs = pytest.fixture(small_studies.recorded_costs)


def row(what, figure, word=None, bound=None, met=None, **more):
    names = ("median", "low", "high")
    return {
        "section": "s", "what": what, "seconds": {}, "word": word, "bound": bound, "note": "",
        "figure": figure and dict(zip(names, figure, strict=True)), "details": {}, "met": met,
    } | more  # fmt: skip


POINTS = {"kind": "lstm", "axis": "hidden size", "points": [10, 20, 40], "expected": 1.5}
ROWS = [
    row("loop / ours", (12.0, 11.0, 14.0), "at least", 10, True),
    row("ours / peer", (1.5, 1.2, 1.6), "at most", 1.0, False),
    row("Keras / ours", None, "at least", 2, note="not installed"),
    row("exponent", (2.0, 1.9, 2.1), details=POINTS,
        seconds={"10": [1.0, 1.0], "20": [4.0, 4.0], "40": [16.0, 16.0]}),
]  # fmt: skip
RECORD = {"finished": "2026", "hardware": "a processor", "threads": 2, "versions": {}, "rows": ROWS}


def test_a_record_is_read_back_and_may_be_missing_or_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    assert costs.read("cpu") is None
    path = tmp_path / "bench" / "cpu.json"
    path.parent.mkdir()
    path.write_text(json.dumps(RECORD))
    assert costs.read("cpu") == RECORD
    for damage, message in (
        ("{", "cannot be read"),
        ("7", "cannot be read"),
        ("{}", "no finished"),
    ):
        path.write_text(damage)
        with pytest.raises(UserError, match=message):
            costs.read("cpu")


def test_the_table_holds_every_goal_that_was_measured():
    table = costs.goal_table(ROWS)
    assert table["measured"].tolist() == ["loop / ours", "ours / peer"]
    assert table["goal"].tolist() == ["≥\N{NO-BREAK SPACE}10", "≤\N{NO-BREAK SPACE}1"]
    assert table["met"].tolist() == ["yes", "no"]
    assert table.loc[1, ["figure", "low", "high"]].tolist() == [1.5, 1.2, 1.6]


def test_the_chapter_shows_all_that_was_measured_and_names_the_rest(monkeypatch):
    shown = []
    further = [row("rate", (3.0, 2.0, 4.0)), row("two / one", None, note="needs 2 cores")]
    record = RECORD | {"versions": {"torch": "2"}, "rows": [*ROWS, *further]}
    monkeypatch.setattr(costs, "read", lambda device: record if device == "cpu" else None)
    monkeypatch.setattr(display, "show_figure", lambda *_, **__: None)
    monkeypatch.setattr(display, "say", lambda text, **values: shown.append(text.format(**values)))
    monkeypatch.setattr(
        display,
        "show_table",
        lambda table, label, **_: shown.append((label, table["measured"].tolist())),
    )
    pages.show_speed()
    assert "1 of 3 goals are met" in shown[0]
    assert shown[1:] == [
        ("goals-cpu", ["loop / ours", "ours / peer"]),
        "Not measured: Keras / ours (not installed); two / one (needs 2 cores).",
        ("speed-cpu", ["rate"]),
        "There is no record of `make bench` from a GPU.",
    ]


def test_scaling_is_drawn_with_its_power():
    axis = costs.scaling(ROWS).axes[0]
    measured, line = axis.lines
    np.testing.assert_allclose(measured.get_ydata(), [1e3, 4e3, 16e3])
    np.testing.assert_allclose(line.get_ydata(), [1e3, 4e3, 16e3])
    assert measured.get_label() == f"{style.name_of('lstm')}: 2.00 (1.90 to 2.10)"
    assert axis.get_xlabel() == "hidden size" and axis.get_ylabel() == "milliseconds"


def test_the_frontier_is_what_nothing_cheaper_reaches(recorded_costs):
    table = pd.DataFrame(
        {"seconds": [4, 1, 2, 2, 3, 5], "accuracy": [0.8, 0.5, 0.6, 0.7, 0.65, 0.8]}
    )
    assert list(costs.frontier(table).index) == [1, 3, 0]
    found = inventory.accuracy_and_cost()
    assert list(costs.numbered(found)["cell"]) == ["bag of words", "one",
                                                   "one, averaged with n-grams"]  # fmt: skip
    assert list(costs.numbered(found, "operations")["cell"]) == ["two", "one"]


@pytest.mark.parametrize("cost", costs.COSTS)
def test_the_curve_shows_every_cell_once(recorded_costs, cost):
    found = inventory.accuracy_and_cost()
    figure = costs.accuracy_against_cost(found, cost)
    assert isinstance(figure, matplotlib.figure.Figure)
    (axis,) = figure.axes
    shown = np.concatenate([
        np.stack(lines.lines[0].get_data(), axis=1) for lines in axis.containers
    ])  # fmt: skip
    expected = found.dropna(subset=[cost])[[cost, "accuracy"]].to_numpy(float)
    assert sorted(map(tuple, shown)) == sorted(map(tuple, expected))
    numbers = [entry.get_text() for entry in axis.texts]
    assert numbers == [str(k + 1) for k in range(len(costs.frontier(found, cost)))]


def test_equal_steps_of_height_halve_the_errors_and_no_error_is_drawn_too(recorded_costs):
    found = inventory.accuracy_and_cost()
    (axis,) = costs.accuracy_against_cost(found.assign(accuracy=1.0)).axes
    x = found["seconds"].iloc[0]
    heights = [axis.transData.transform((x, y))[1] for y in (0.5, 0.75, 0.875, 1.0)]
    assert (
        heights[2] - heights[1] == pytest.approx(heights[1] - heights[0])
        and heights[1] > heights[0]
    )
    assert np.isfinite(heights).all() and np.isfinite(axis.get_ylim()).all()


def test_without_records_there_is_nothing_to_draw(places):
    assert list(inventory.accuracy_and_cost().columns) == list(inventory.COLUMNS)
    with pytest.raises(UserError, match="Expected a cost out of seconds, operations, got 'money'"):
        costs.accuracy_against_cost(inventory.accuracy_and_cost(), "money")
