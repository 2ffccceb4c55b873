"""The sliders of the first chapter move the cell's equations, in reach of the keyboard."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from chromium import EXCESS, opened
from live_page import give_modules, write_page
from playwright.sync_api import expect

from lstm_report import figures, notebook
from lstm_report.analysis.gates import follow_gates
from lstm_report.config import GATES

STORY = [
    {"word": "not", "i": 1.0, "f": 0.0, "g": -0.9, "o": 0.0},
    {"word": "good", "i": 0.0, "f": 1.0, "g": 0.8, "o": 1.0},
]
MOVED = {
    "forget-gate": (figures.forget_gate, "forget gate f"),
    "input-gate": (figures.input_gate, "input gate i₅"),
    "output-gate": (figures.output_gate, "output gate o"),
}


def show():
    for label, (gate, _) in MOVED.items():
        notebook.show_figure(
            gate(0.0, 0.5), label=label, caption="C.", alt="A.", live=gate.live(0.0, 0.5)
        )
    notebook.show_table(
        pd.DataFrame(STORY), label="story", caption="C.", live=figures.live_story(STORY)
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), show)


@pytest.fixture
def page(browser, file):
    with opened(browser, file, offline=True) as page:
        yield page


def drawn(part, kind, low, high):
    """Return the values of a line of a chart, read from the heights of its points."""
    points = part.locator(f".{kind} polyline").last.get_attribute("points").split()
    heights = [float(point.split(",")[1]) for point in points]
    grid = [float(line.get_attribute("y1")) for line in part.locator(".chart .grid").all()]
    bottom, top = max(grid), min(grid)
    return [low + (bottom - y) / (bottom - top) * (high - low) for y in heights]


@pytest.mark.parametrize("c", [0.0, -0.7])
def test_gates_set_by_hand_give_the_states_of_python(page, c):
    values = (0.0, 0.25, 1.0)
    wanted = [
        {"i": i, "f": f, "g": g, "o": o}
        for i, f, g, o in itertools.product(values, values, (-1.0, 0.3, 1.0), values)
    ]
    give_modules(page)
    made = page.evaluate(
        """([wanted, c, gates]) => modules.cells.followGates(wanted, c, gates)
          .map(step => ['i', 'f', 'g', 'o', 'c', 'h'].map(name => step[name][0]))""",
        [wanted, c, GATES],
    )
    expected = follow_gates(wanted, c=c).iloc[1:][[*"ifgoch"]]
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("label", MOVED)
def test_a_slider_moves_the_curve_of_the_equations(page, label):
    gate, name = MOVED[label]
    part = page.locator(f"#fig-{label}")
    slider = part.get_by_role("slider", name=name)
    for value in ("0.3", "1"):
        slider.fill(value)
        expected = gate.follow(float(value))[gate.quantity].dropna()
        np.testing.assert_allclose(drawn(part, "moved", 0, 1), expected, atol=1e-3)
        expect(part.get_by_role("status")).to_contain_text(f"{expected.iloc[-1]:.3f} after")


def test_the_keyboard_moves_a_slider_by_a_hundredth(page):
    part = page.locator("#fig-forget-gate")
    slider = part.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(part.locator(".value")).to_have_text("0.89")
    expect(part.get_by_role("status")).to_contain_text("With f = 0.89")


def test_the_gates_of_a_word_change_what_later_words_show(page):
    part = page.locator("#tbl-story")
    expect(part.locator(".scroll table")).to_be_visible()
    part.get_by_label("Set the gates at the word").select_option("1. not")
    expect(part.get_by_role("slider", name="candidate g")).to_have_value("-0.9")
    part.get_by_role("slider", name="candidate g").fill("0.5")
    expected = follow_gates([{**STORY[0], "g": 0.5}, STORY[1]]).iloc[1:]
    np.testing.assert_allclose(drawn(part, "cell", -1, 1), expected["c"], atol=2e-3)
    np.testing.assert_allclose(drawn(part, "hidden", -1, 1), expected["h"], atol=2e-3)
    expect(part.get_by_role("status")).to_contain_text("good (c = 0.50, h = 0.46)")
    part.get_by_role("button", name="As in the table").click()
    expect(part.get_by_role("status")).to_contain_text("good (c = −0.90, h = −0.72)")


def test_without_scripts_the_figures_and_the_table_stay(browser, file):
    with opened(browser, file, java_script_enabled=False) as page:
        for label in MOVED:
            expect(page.locator(f"#fig-{label} > .scroll")).to_be_visible()
        expect(page.locator("#tbl-story table")).to_be_visible()
        assert page.locator(".live").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_the_sliders_fit_the_window(browser, file, width):
    with opened(browser, file, width=width) as page:
        expect(page.locator(".chart").last).to_be_visible()
        assert page.evaluate(EXCESS) == 0
        names = page.get_by_role("slider").evaluate_all(
            "sliders => sliders.map(slider => slider.labels[0].textContent)"
        )
    assert len(names) == 7 and all(
        re.match("(forget|input|output) gate|candidate", n) for n in names
    )
