"""Figures in the page: their colours in both themes, and the shapes that they share."""

import re

import pytest
from matplotlib.colors import to_rgb

from lstm_report.figures import style
from lstm_report.notebook.display import _drawn
from lstm_report.report import ReportError, drawings

PAGES = {"light": "#FDFDFB", "dark": "#16181C"}
"""The colours of the page, see `report.css`."""


def luminance(colour):
    """Return the relative luminance of a colour as WCAG 2 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_stands_out_from_both_pages():
    for name, colour in style.PALETTE.items():
        assert contrast(colour, PAGES["light"]) >= 3, name
        assert contrast(style.DARK[name], PAGES["dark"]) >= 3, name
    for name in ("black", "label"):
        assert contrast((style.PALETTE | style.GREYS)[name], PAGES["light"]) >= 4.5
        assert contrast(style.DARK[name], PAGES["dark"]) >= 4.5
    assert {*style.DARK} == {*style.PALETTE, *style.GREYS}


def drawn(label):
    with style.apply():
        made, axis = style.figure(height=2, width=3)
        axis.plot([0, 1], [1, 0], marker="o", color=style.PALETTE["blue"], label="Word")
        axis.set_facecolor("#123456")
        axis.legend()
        return _drawn(made, "svg", label).decode()


def test_colours_become_those_of_the_page_but_for_those_of_a_colour_map():
    made = drawings.inlined(drawn("a"), "It falls.", {})
    assert {"var(--paper)", "var(--figure-black)", "var(--figure-blue)"} <= {
        *re.findall(r"var\(.*?\)", made)
    }
    assert set(re.findall(r": (#\w{6})\b", made)) == {"#123456"}
    declared = dict(re.findall(r"(--[\w-]+): (.*?);", drawings.colours()))
    assert declared["--figure-blue"] == "light-dark(#0072B2, #4FA8E0)"
    assert {*re.findall(r"var\((--figure.*?)\)", made)} <= {*declared}


def test_letters_stand_in_the_page_once_and_no_identifier_twice():
    letters = {}
    both = [drawings.inlined(drawn(label), "It falls.", letters) for label in ("a", "b")]
    page = "".join([*letters.values(), *both])
    names = re.findall(r'\sid="([^"]+)"', page)
    assert len(letters) > 5 and len(names) == len(set(names))
    assert set(re.findall(r'(?:href="#|url\(#)([\w-]+)', page)) <= {*names}


def test_the_drawing_has_its_true_size_and_says_what_it_shows():
    made = drawings.inlined(drawn("a"), 'It "falls".', {})
    width, height = map(float, re.search(r'width="(\d+)" height="(\d+)"', made).groups())
    assert (width, height) == pytest.approx((3 * 96, 2 * 96), rel=0.1)
    assert 'aria-label="It &quot;falls&quot;."' in made


def test_a_letter_with_two_shapes_and_a_drawing_without_a_size_are_refused():
    letters = {}
    drawings.inlined(drawn("a"), "It falls.", letters)
    letters[next(iter(letters))] = "<path/>"
    with pytest.raises(ReportError, match="two shapes"):
        drawings.inlined(drawn("b"), "It falls.", letters)
    with pytest.raises(ReportError, match="no width"):
        drawings.inlined("<svg></svg>", "Nothing.", {})


def test_points_are_given_to_the_hundredth_and_scales_in_full():
    assert drawings._tight('d="M 1.23456 -7.891 " scale(0.015625)') == (
        'd="M 1.23 -7.89 " scale(0.015625)'
    )
