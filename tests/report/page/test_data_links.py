"""Each figure with numbers offers them as a file, without a server and without scripts."""

import numpy as np
import pandas as pd
import pytest
from chromium import opened
from live_page import write_page
from matplotlib.figure import Figure
from playwright.sync_api import expect

from lstm_report import figures, notebook

NAME = '50% of "a" & <b>, #1 é'


def show():
    figure = Figure()
    figure.subplots().plot([0, 1], [1, 0], label=NAME)
    notebook.show_figure(figures.forget_gate(0.5), label="forget-gate", caption="C, #1.", alt="A.")
    notebook.show_figure(figure, label="odd", caption="E.", alt="C.")
    notebook.show_figure(figures.lstm_cell(), label="cell", caption="D.", alt="B.")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), show)


def saved(page, label, target):
    with page.expect_download() as started:
        page.locator(f"#fig-{label} a.data").click()
    started.value.save_as(target)
    assert started.value.suggested_filename == f"{label}.csv"
    return pd.read_csv(target, encoding="utf-8")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_figure_offers_its_numbers_as_csv(browser, file, scripts, tmp_path):
    with opened(browser, file, offline=True, java_script_enabled=scripts) as page:
        link = page.locator("#fig-forget-gate a.data")
        expect(link).to_have_text("Data of Figure\N{NO-BREAK SPACE}1 (CSV)")
        table = saved(page, "forget-gate", tmp_path / "data.csv")
        assert page.locator("#fig-cell a.data").count() == 0
    np.testing.assert_allclose(table["y"], 0.5 ** np.arange(31), rtol=1e-6)
    assert {*table["series"]} == {"f = 0.5"} and {*table["x axis"]} == {"time step t"}


def test_the_names_of_series_arrive_whatever_is_in_them(browser, file, tmp_path):
    with opened(browser, file) as page:
        table = saved(page, "odd", tmp_path / "data.csv")
    assert table.to_dict("list") == {
        "series": [NAME] * 2, "mark": ["line"] * 2, "x": [0, 1], "y": [1, 0]
    }  # fmt: skip


def test_the_link_is_not_printed(browser, file):
    with opened(browser, file) as page:
        page.emulate_media(media="print")
        expect(page.locator("a.data").first).to_be_hidden()
