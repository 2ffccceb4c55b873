"""A reference shows its figure, table or equation to the mouse and to the keyboard."""

import re

import pytest
from chromium import opened
from nbformat.v4 import new_markdown_cell
from playwright.sync_api import expect
from sample_report import SAMPLE, notebook

from lstm_report.report.html import ReportHTMLExporter


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    cells = [*SAMPLE, new_markdown_cell("Filling.\n\n" * 60 + "See @fig:line, far below.")]
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(ReportHTMLExporter().from_notebook_node(notebook(*cells))[0], encoding="utf-8")
    return file


@pytest.fixture
def page(browser, file):
    with opened(browser, file, offline=True) as page:
        yield page


def link(page, anchor):
    return page.locator(f'article a[href="#{anchor}"]').first


def words(locator):
    return " ".join(locator.inner_text().split())


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("fig-line", "Figure 1. A line,"),
        ("tbl-numbers", "Table 1. Numbers. a b one 1"),
        ("equation-1.2", "(1.2)"),
    ],
)
def test_what_is_pointed_at_shows_what_it_refers_to(page, anchor, expected):
    preview = page.locator(".preview")
    expect(preview).to_be_hidden()
    link(page, anchor).hover()
    expect(preview).to_be_visible()
    assert words(preview).startswith(expected)
    drawn = preview.locator("svg:visible, table:visible")
    assert drawn.count() >= 1 and drawn.first.bounding_box()["width"] > 5
    page.mouse.move(0, 0)
    expect(preview).to_be_hidden()


def test_the_pointer_may_move_onto_what_is_shown(page):
    preview = page.locator(".preview")
    link(page, "fig-line").hover()
    expect(preview).to_be_visible()
    preview.hover()
    page.wait_for_timeout(400)
    expect(preview).to_be_visible()


def test_the_focus_shows_it_escape_hides_it_and_a_reader_hears_of_it(page):
    preview, reference = page.locator(".preview"), link(page, "tbl-numbers")
    reference.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(reference).to_be_focused()
    expect(preview).to_be_visible()
    assert reference.get_attribute("aria-describedby") == preview.get_attribute("id")
    page.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    expect(reference).to_be_focused()
    assert reference.get_attribute("aria-describedby") is None
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(preview).to_be_visible()
    page.keyboard.press("Enter")
    expect(preview).to_be_hidden()
    assert page.url.endswith("#tbl-numbers")


def test_what_the_keyboard_reaches_out_of_sight_is_shown_too(page):
    last = page.locator('article a[href="#fig-line"]').last
    last.evaluate("link => link.focus({focusVisible: true})")
    expect(last).to_be_in_viewport()
    expect(page.locator(".preview")).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator(".preview")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_it_stands_within_the_window_and_no_name_stands_twice(browser, file, width):
    with opened(browser, file, width=width) as page:
        for anchor in ("fig-line", "tbl-numbers", "equation-1.2"):
            link(page, anchor).hover()
            preview = page.locator(".preview")
            expect(preview).to_be_visible()
            box = preview.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width
            assert box["y"] >= 0 and box["y"] + box["height"] <= 900
            names = page.locator("[id]").evaluate_all("all => all.map(element => element.id)")
            assert len(names) == len({*names})
            page.mouse.move(0, 0)
            expect(preview).to_be_hidden()


def test_without_scripts_a_reference_is_a_link(browser, file):
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.locator(".preview").count() == 0
        link(page, "fig-line").click()
        assert re.search("#fig-line$", page.url)
