"""Figures of the evidence: every seed, means with intervals, differences by unit."""

import dataclasses

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


def test_a_panel_is_told_in_words_with_its_means():
    table = pd.DataFrame({5.0: [0.2, 0.4], 20.0: [0.6, np.nan]})
    panel = evidence.Panel("A task", "words", "accuracy", {"lstm": table}, percent=True,
                           joined=False, level=("guessing", 0.5))  # fmt: skip
    assert evidence.shown([panel], "").alt == (
        "A task, accuracy by words, means over the seeds: LSTM: 30.0% at 5, 60.0% at 20; guessing "
        "is 50.0%."
    )
    long = pd.DataFrame({k: [1000.0 * k, 2e-8] for k in range(9)})
    assert evidence.in_words(evidence.Panel("", "layer", "norm", {"reslstm": long})) == (
        "Norm by layer, means over the seeds: residual LSTM: from 1e-8 at 0 to 4,000 at 8."
    )
    alone = evidence.Panel("", "model", "accuracy", {"lstm": pd.DataFrame({"": [0.5, 0.7]})})
    assert evidence.in_words(alone).startswith("Accuracy, means over the seeds: LSTM: 0.6")


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


def test_runs_that_did_not_learn_are_crosses_and_outside_the_mean():
    table = pd.DataFrame({5: [0.9, 0.8, 0.5], 10: [0.5, 0.51, 0.49]})
    panel = evidence.Panel(
        "", "words", "accuracy", {"lstm": table}, joined=False, learnt={"lstm": table > 0.65}
    )
    figure = evidence.over_conditions([panel])
    (axis,) = figure.axes
    dots, crosses = (
        [line for line in axis.lines if line.get_marker() == sign and len(line.get_xdata()) == 6]
        for sign in ("o", "x")
    )
    assert sorted(y for y in dots[0].get_ydata() if y == y) == [0.8, 0.9]
    assert sorted(y for y in crosses[0].get_ydata() if y == y) == [0.49, 0.5, 0.5, 0.51]
    (mean,) = axis.containers[0].lines[0].get_ydata()
    assert mean == pytest.approx(0.85)
    assert "did not learn" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert evidence.in_words(panel).endswith(
        "LSTM: 0.85 at 5 (2 of 3 learnt), none at 10 (0 of 3 learnt)."
    )
    whole = evidence.over_conditions([dataclasses.replace(panel, learnt={"lstm": table > 0})])
    assert [text.get_text() for text in whole.legends[0].get_texts()] == ["LSTM"]


def test_all_pairs_of_runs_are_counted():
    lines = {"lstm": [0.9, 0.8], "other": [0.85, 0.85], "reslstm": [0.8, 0.7]}
    tables = {name: pd.DataFrame({"": values}) for name, values in lines.items()}
    runs, pairs = evidence.runs_and_pairs(tables, 0.0115).axes
    assert sum(patch.get_height() for patch in pairs.patches) == 4
    drawn = [sorted(line.get_ydata()) for line in runs.lines if len(line.get_ydata()) == 2]
    assert drawn == [sorted(values) for values in lines.values()]
    stated, mean = [line.get_xdata()[0] for line in pairs.lines[1:]]
    assert (stated, mean) == (pytest.approx(1.15), pytest.approx(10))


def test_best_epochs_are_counted():
    figure = evidence.best_epochs({"lstm": [2, 3, 3], "reslstm": [3, 3, 3]}, 3, 4)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == [0, 0, 1, 2, 0, 0, 0, 0, 3, 0]
