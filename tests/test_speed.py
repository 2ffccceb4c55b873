"""The committed record of the benchmarks: read, shown as a table and drawn."""

import copy
import json

import numpy as np
import pytest

from lstm_report import bench_figures, paths, speed, style
from lstm_report.errors import UserError


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
    row("Keras / ours", None, "at least", 2),
    row("exponent", (2.0, 1.9, 2.1), details=POINTS,
        seconds={"10": [1.0, 1.0], "20": [4.0, 4.0], "40": [16.0, 16.0]}),
]  # fmt: skip
RECORD = {"finished": "2026", "hardware": "a processor", "threads": 2, "versions": {}, "rows": ROWS}


def test_a_record_is_read_back_and_may_be_missing_or_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    assert speed.read("cpu") is None
    path = tmp_path / "bench" / "cpu.json"
    path.parent.mkdir()
    path.write_text(json.dumps(RECORD))
    assert speed.read("cpu") == RECORD
    for damage, message in (
        ("{", "cannot be read"),
        ("7", "cannot be read"),
        ("{}", "no finished"),
    ):
        path.write_text(damage)
        with pytest.raises(UserError, match=message):
            speed.read("cpu")


def test_the_table_holds_every_goal_and_says_what_was_not_measured():
    table = speed.goal_table(ROWS)
    assert table["measured"].tolist() == ["loop / ours", "ours / peer", "Keras / ours"]
    assert table["goal"].tolist() == ["at least 10", "at most 1", "at least 2"]
    assert table["met"].tolist()[:2] == ["yes", "no"]
    assert table.loc[2, ["figure", "low", "high", "met"]].isna().all()


def test_the_goals_are_drawn_as_parts_of_their_bounds():
    (axis,) = bench_figures.against_goals(ROWS).axes
    places = [container.lines[0].get_xdata()[0] for container in axis.containers]
    np.testing.assert_allclose(places, [1.2, 1 / 1.5])
    reach = axis.containers[1].lines[2][0].get_segments()[0][:, 0]
    np.testing.assert_allclose(reach, [1 / 1.6, 1 / 1.2])
    assert "12 (at least 10)" in [text.get_text() for text in axis.texts]
    assert axis.get_xlabel() and axis.get_ylabel()


def test_scaling_is_drawn_with_its_power():
    axis = bench_figures.scaling(ROWS).axes[0]
    measured, line = axis.lines
    np.testing.assert_allclose(measured.get_ydata(), [1e3, 4e3, 16e3])
    np.testing.assert_allclose(line.get_ydata(), [1e3, 4e3, 16e3])
    assert measured.get_label() == f"{style.name_of('lstm')}: 2.00 (1.90 to 2.10)"
    assert axis.get_xlabel() == "hidden size" and axis.get_ylabel() == "milliseconds"


@pytest.mark.parametrize("draw", [bench_figures.against_goals, bench_figures.scaling])
def test_nothing_to_draw_is_told_in_one_sentence(draw):
    rows = copy.deepcopy(ROWS[2:3])
    with pytest.raises(UserError, match=r"^Expected [^.]*\.$"):
        draw(rows)
