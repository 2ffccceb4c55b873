"""The numbers of a figure are those that it was drawn from."""

import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lstm_report.figures import evidence, gates, style, theory, training, values
from lstm_report.statistics.intervals import Estimate, Interval


def of(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name.replace("_", " ")] == value]
    return table


def test_lines_keep_their_names_and_numbers():
    table = values.as_table(gates.forget_gate(0.5, 0.9))
    for f in (0.5, 0.9):
        found = of(table, series=f"f = {f}", mark="line")
        np.testing.assert_allclose(found["y"], f ** np.arange(31))
        assert list(found["x"]) == list(range(31))
    assert {*table["x axis"]} == {"time step t"} and {*table["y axis"]} == {"cell state c_t"}


def test_bands_have_their_ends_and_the_name_of_their_line():
    frame = pd.DataFrame(
        {"distance": [0, 1] * 2, "norm": [1.0, 0.1, 3.0, 0.3], "seed": [0, 0, 1, 1], "kind": "lstm"}
    )
    table = values.as_table(theory.gradient_against_distance({"one": frame, "two": frame}))
    for panel in ("one", "two"):
        band = of(table, panel=panel, mark="band")
        assert {*band["series"]} == {"LSTM"}
        np.testing.assert_allclose(band[["x", "low", "high"]], [[0, 1, 3], [1, 0.1, 0.3]])


def test_intervals_have_their_middle_and_their_ends():
    bins = pd.DataFrame(
        {"confidence": [0.2, 0.7], "accuracy": [0.3, 0.6], "low": [0.1, 0.5], "high": [0.4, 0.8],
         "count": [9, 8]}
    )  # fmt: skip
    table = values.as_table(training.calibration({"lstm": bins}))
    found = of(table, mark="interval", series="LSTM")
    np.testing.assert_allclose(
        found[["x", "y", "low", "high"]], bins[["confidence", "accuracy", "low", "high"]]
    )
    assert of(table, mark="line", series="perfect")["x"].tolist() == [0, 1]


def test_a_band_of_what_does_not_matter_goes_through_the_whole_panel():
    what = "what is long, so that it stands in two lines, minus b"
    shown = evidence.differences(
        [Estimate(what, Interval(1.0, 0.4, 1.6), "points")], {"points": 0.005}
    )
    table = values.as_table(shown)
    (span,) = of(table, mark="span").to_dict("records")
    assert (span["low"], span["high"]) == pytest.approx((-0.5, 0.5))
    assert of(table, mark="interval")["y"].tolist() == [what]


def test_bars_of_a_histogram_have_their_edges_and_heights():
    lengths = [1, 1, 2, 3, 3, 3, 40]
    words = Counter({"so": 2, "good": 1})
    table = values.as_table(training.words_and_lengths(words, words, 2, lengths, 2))
    bars = of(table, mark="bar")
    assert bars["y"].sum() == len(lengths)
    assert (bars["low"] < bars["high"]).all()
    assert of(table, mark="level", series="cut at 2 tokens")["x"].tolist() == [2]


def test_bars_that_stand_side_by_side_belong_to_their_number():
    table = values.as_table(evidence.best_epochs({"lstm": [3, 3], "reslstm": [4]}, 14, 15))
    for kind, expected in (("lstm", {3: 2}), ("reslstm", {4: 1})):
        bars = of(table, mark="bar", series=style.name_of(kind))
        assert {x: y for x, y in zip(bars["x"], bars["y"], strict=True) if y} == expected
    assert of(table, mark="level")["x"].tolist() == [14]


def test_the_cells_of_a_heat_map_have_names_and_values():
    trace = pd.DataFrame({"i": [0.1, 0.2], "f": [0.9, 0.8], "g": [0.3, 0.4], "o": [0.5, 0.6]})
    table = values.as_table(
        training.gate_activations({"lstm": trace, "reslstm": trace + 0.05}, ["so", "$x$"])
    )
    assert of(table, x="so", y="forget gate f")["value"].tolist() == pytest.approx([0.9, 0.95])
    assert table["panel"].tolist() == ["LSTM"] * 8 + ["residual LSTM"] * 8


def test_names_on_an_axis_of_words_stand_for_its_numbers():
    figure = Figure()
    figure.subplots().plot(["5", "all"], [0.7, 0.8], label="a")
    assert values.as_table(figure)["x"].tolist() == ["5", "all"]


def test_a_diagram_has_no_numbers_and_a_table_reads_back():
    assert values.as_csv(theory.lstm_cell()) == ""
    read = pd.read_csv(io.StringIO(values.as_csv(theory.loss_penalty())))
    curve = read[(read["panel"] == "Loss") & (read["mark"] == "line")]
    np.testing.assert_allclose(curve["y"], np.logaddexp(0, -curve["x"]), rtol=1e-6)
