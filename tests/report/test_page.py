"""The page in a browser: a sample of each kind of block or, with `--report`, a built report."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import EXCESS, opened
from sample_report import SAMPLE, notebook

from lstm_report.report.html import ReportHTMLExporter

PICTURES = """async () => {
  await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
  const drawn = drawing =>  // or a live part has taken its place
    (drawing.getBoundingClientRect().width > 0 || drawing.closest('.is-live') !== null)
    && [...drawing.querySelectorAll('use')].every(
      use => document.getElementById(use.getAttribute('href').slice(1)));
  return [
    ...[...document.images].map(image => [image.naturalWidth > 0, image.alt.trim() !== '']),
    ...[...document.querySelectorAll('svg.drawing')].map(
      drawing => [drawn(drawing), drawing.getAttribute('aria-label').trim() !== '']),
  ];
}"""
FORMULAS = """() => [...document.querySelectorAll('[role=img] svg')]
  .filter(drawing => drawing.checkVisibility())
  .map(drawing => drawing.getBoundingClientRect().width > 0
    && drawing.querySelector('use, path') !== null
    && [...drawing.querySelectorAll('use')].every(
      use => document.getElementById(use.getAttribute('href').slice(1))))"""
STILL = """() => document.querySelectorAll('.is-live')
  .forEach(figure => figure.classList.remove('is-live'))"""
"""Brings the pictures back whose places live figures have taken."""
NESTED = """() => [...document.querySelectorAll('ol, ul')]
  .flatMap(list => [...list.children].map(child => child.tagName)).filter(name => name !== 'LI')"""
LOST = """() => [...document.querySelectorAll('a[href^="#"]')]
  .map(link => link.getAttribute('href').slice(1)).filter(name => !document.getElementById(name))"""


@pytest.fixture(scope="module")
def report(request, tmp_path_factory) -> Path:
    """Return the file of the page."""
    if built := request.config.getoption("--report"):
        return built
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(ReportHTMLExporter().from_notebook_node(notebook(*SAMPLE))[0], encoding="utf-8")
    return file


def test_every_picture_and_formula_is_drawn_and_every_picture_named(browser, report):
    with opened(browser, report) as page:
        page.evaluate(STILL)
        pictures, formulas = page.evaluate(PICTURES), page.evaluate(FORMULAS)
    assert pictures and all(drawn and named for drawn, named in pictures)
    assert formulas and all(formulas)


def test_every_link_within_the_page_leads_somewhere(browser, report):
    with opened(browser, report) as page:
        assert page.evaluate(LOST) == []


@pytest.mark.parametrize(
    ("theme", "ink"), [("light", "rgb(31, 41, 51)"), ("dark", "rgb(220, 220, 216)")]
)
def test_figures_take_the_colours_of_the_theme(browser, report, theme, ink):
    colours = "lines => lines.map(line => [line.style.stroke, getComputedStyle(line).stroke])"
    with opened(browser, report) as page:
        page.locator(f"#theme-{theme}").check(force=True)
        found = page.locator(".drawing path").evaluate_all(colours)
    inked = {shown for named, shown in found if named == "var(--figure-black)"}
    assert inked == {ink}


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_is_not_wider_than_the_window(browser, report, width):
    with opened(browser, report, width=width) as page:
        assert page.evaluate(EXCESS) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_in_the_way_of_a_reader(browser, report, width, scheme):
    with opened(browser, report, width=width, color_scheme=scheme) as page:
        found = Axe().run(page).response["violations"]
    assert [(entry["id"], entry["nodes"][0]["html"]) for entry in found] == []


HIDDEN = """() => [...document.querySelectorAll('.equation .scroll, .scroll:has(> table)')]
  .filter(box => box.scrollWidth > box.clientWidth + 1)
  .map(box => box.textContent.trim().slice(0, 40) || box.firstChild.ariaLabel)"""


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_every_figure_of_a_table_and_every_term_of_an_equation(
    browser, report, width
):
    with opened(browser, report, width=width) as page:
        assert page.evaluate(HIDDEN) == []
        cells = page.locator(".cards td:not(:first-child):not(:has(bdi:empty))")
        seen = "cells => cells.map(cell => [...cell.children].map(part => part.checkVisibility()))"
        assert set(map(tuple, cells.evaluate_all(seen))) == {(True, True)}
        assert page.locator(".formula.narrow").first.is_visible()
        assert not page.locator(".formula.wide").first.is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_one_switch_shows_all_code_with_scripts_and_without(browser, report, scripts):
    with opened(browser, report, java_script_enabled=scripts) as page:
        blocks = page.locator(".code pre")
        seen = "blocks => blocks.map(block => block.checkVisibility())"
        assert set(blocks.evaluate_all(seen)) == {False}
        page.locator("#show-code").check()
        assert set(blocks.evaluate_all(seen)) == {True}


def test_the_contents_mark_the_section_that_is_read(browser, report):
    with opened(browser, report) as page:
        marked = page.locator(".contents.wide [aria-current]")
        for link in (
            page.locator(".contents.wide li a").last,
            page.locator(".contents li a").nth(1),
        ):
            link.click()
            page.wait_for_function(
                "wanted => document.querySelector('[aria-current]')?.textContent === wanted",
                arg=link.text_content(),
            )
            assert marked.count() == 1 and marked.is_visible()


def test_lists_hold_items_alone_and_headings_of_tables_say_whose_they_are(browser, report):
    with opened(browser, report) as page:
        assert page.evaluate(NESTED) == []
        assert page.locator("th").count() == page.locator("th[scope]").count() > 0
        assert page.locator(".contents.wide > ol > li > ol > li a").count() > 0


def test_paper_is_white_and_has_the_contents(browser, report):
    with opened(browser, report) as page:
        page.locator("#theme-light").check(force=True)
        light = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
        page.locator("#theme-dark").check(force=True)
        page.emulate_media(media="print", color_scheme="dark")
        printed = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
        assert printed == light
        links = page.locator(".contents.narrow li a")
        heights = links.evaluate_all("links => links.map(link => link.offsetHeight)")
        assert heights and min(heights) > 0
        assert not page.locator(".contents.wide").is_visible()
