"""Figures of the evidence: every seed, means with intervals, differences by unit."""

import numpy as np
import pandas as pd
import pytest

from lstm_report.figures import evidence
from lstm_report.statistics.intervals import Estimate, Interval


def test_lines_are_all_seeds_and_their_mean_with_students_interval():
    table = pd.DataFrame({1: [0.2, 0.4, 0.6], 2: [0.5, 0.5, 0.5]})
    panel = evidence.Panel("", "x", "y", {"lstm": table})
    (axis,) = evidence.over_conditions([panel]).axes
    *seeds, mean = [line.get_ydata() for line in axis.lines]
    np.testing.assert_allclose(seeds, table.to_numpy())
    np.testing.assert_allclose(mean, [0.4, 0.5])
    ends = axis.collections[0].get_paths()[0].vertices[:, 1]
    half = 4.303 * 0.2 / np.sqrt(3)  # the 97.5% quantile of Student's t with 2 degrees of freedom
    assert (ends.min(), ends.max()) == pytest.approx((0.4 - half, 0.4 + half), rel=1e-3)


def test_points_are_all_seeds_and_conditions_stand_in_their_order():
    table = pd.DataFrame({5.0: [0.2, 0.4], 20.0: [0.6, np.nan]})
    panel = evidence.Panel("", "x", "y", {"lstm": table}, joined=False)
    (axis,) = evidence.over_conditions([panel]).axes
    drawn = axis.lines[0].get_ydata()
    assert sorted(drawn[np.isfinite(drawn)]) == [0.2, 0.4, 0.6]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["5", "20"]
    (bars,) = axis.containers
    np.testing.assert_allclose(np.asarray(bars.lines[0].get_ydata(), float), [0.3, 0.6])


def test_differences_of_one_unit_share_a_panel_with_its_margin():
    interval = Interval(0.01, 0.0, 0.02)
    estimates = [Estimate("a", interval, "points"), Estimate("b", Interval(2, 1, 3), "decades"),
                 Estimate("c", interval, "points")]  # fmt: skip
    figure = evidence.differences(estimates, {"points": 0.005, "decades": 0.3})
    names = [[label.get_text() for label in axis.get_yticklabels()] for axis in figure.axes]
    assert names == [["a", "c"], ["b"]]
    points, decades = (axis.containers[0].lines[0].get_xdata() for axis in figure.axes)
    np.testing.assert_allclose(points, [1, 1])
    np.testing.assert_allclose(decades, [2])
    bands = [axis.patches[0].get_x() + axis.patches[0].get_width() for axis in figure.axes]
    np.testing.assert_allclose(bands, [0.5, 0.3])


def test_all_pairs_of_runs_are_counted():
    (axis,) = evidence.pairs(np.array([0.9, 0.8]), np.array([0.8, 0.7]), 0.0115).axes
    assert sum(patch.get_height() for patch in axis.patches) == 4


def test_best_epochs_are_counted():
    figure = evidence.best_epochs({"lstm": [2, 3, 3], "reslstm": [3, 3, 3]}, 3, 4)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == [0, 0, 1, 2, 0, 0, 0, 0, 3, 0]
