"""The inventory of the records: what each cell reached, and at what cost."""

import numpy as np
import pytest
import small_studies

from lstm_report.claims import inventory
from lstm_report.studies import catalogue

places = pytest.fixture(small_studies.places)
recorded_costs = pytest.fixture(small_studies.recorded_costs)


def test_costs_are_those_of_the_records(recorded_costs):
    table = inventory.accuracy_and_cost()
    assert list(table["cell"]) == ["bag of words", "one", "one, averaged with n-grams", "two"]
    assert list(table["kind"]) == ["linear", "reslstm", "averaged", "reslstm"]
    one, together, two = (table.iloc[k] for k in (1, 2, 3))
    assert one["seeds"] == 2 and one["accuracy"] == pytest.approx(0.82)
    assert (one["low"], one["high"]) == (0.80, 0.84)
    assert one["seconds"] == 2 * 12 and one["tokens"] == (200 + 400) / 2
    # Two layers of four gates with two biases, and W_res of the first alone.
    weights = 4 * 4 * (6 + 4 + 2) + 4 * 6 + 4 * 4 * (4 + 4 + 2)
    assert one["operations"] == 6 * weights * 300
    assert two["operations"] == 6 * 2 * (2 * weights) * 50  # both directions, two passes
    assert together["accuracy"] == pytest.approx(0.87) and together["seconds"] == 24 + 3
    assert np.isnan(together["operations"]) and table["operations"].isna().sum() == 2
    assert set(table["hardware"]) == {"machine"}


def test_what_the_caption_of_the_settings_says_of_all_studies_is_so():
    for study in catalogue.STUDIES.values():
        for run in study.runs():
            assert (run.config.training.optimiser, run.config.training.clip_norm) == ("adam", 1.0)


def test_the_small_networks_are_told_as_they_are_planned():
    assert "64 units" in inventory.memory_settings()
    assert "a step size of 0.001 or 0.005, for 800 to 9,600 steps" in inventory.memory_settings()
