"""Figures on the page: drawings that stand in the page itself, in the colours of its theme.

Matplotlib writes each drawing as SVG in the colours of `figures.style`, on white. In the page the
colours are variables, which the style sheet gives for light and for dark; what all drawings share,
the shapes of letters, stands there once.
"""

import html
import re

from lstm_report.figures import style
from lstm_report.report import ReportError

COLOURS = style.PALETTE | style.GREYS
NAMES = {colour.lower(): name for name, colour in COLOURS.items()} | {"#000000": "black"}
LETTER = re.compile(r'<path id="([^"]+-[0-9a-f]+)" .*?/>', re.DOTALL)
UNUSED = re.compile(
    r' id="[A-Za-z.0-9]+_[0-9]+"'
    r"|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>|<defs>\s*</defs>",
    re.DOTALL,
)


def colours() -> str:
    """Return the declarations of the colours of figures, in light and dark."""
    return "\n".join(
        f"--figure-{name}: light-dark({colour}, {style.DARK[name]});"
        for name, colour in COLOURS.items()
        if name != "paper"
    )


def inlined(svg: str, alt: str, letters: dict[str, str]) -> str:
    """Return a drawing as HTML; the shapes of its letters are added to `letters`.

    Args:
        svg: what Matplotlib wrote.
        alt: what it shows.
        letters: the shapes that stand in the page already, by their identifiers.

    Raises:
        ReportError: for a letter whose identifier stands for another shape already.
    """

    def moved(found: re.Match[str]) -> str:
        shape = _tight(found[0])
        if letters.setdefault(found[1], shape) != shape:
            raise ReportError(f"The letter {found[1]} has two shapes: build all figures anew.")
        return ""

    start, body = svg[svg.index("<svg") :].split(">", 1)
    width, height = (float(_attribute(start, name)) * 4 / 3 for name in ("width", "height"))
    body = LETTER.sub(moved, UNUSED.sub("", body))
    body = UNUSED.sub("", body).replace("xlink:href", "href")
    # The size in CSS pixels, 4/3 of a point, keeps the text of all figures at one size.
    return (
        f'<svg class="drawing" role="img" aria-label="{html.escape(alt)}" '
        f'viewBox="{_attribute(start, "viewBox")}" width="{width:.0f}" height="{height:.0f}">'
        f"{_tight(_coloured(body))}"
    )


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*?)(?:pt)?"', tag)
    if found is None:
        raise ReportError(f"A figure has no {name}.")
    return found[1]


def _coloured(body: str) -> str:
    """Return a drawing in the colours of the page; those of a colour map stay as they are."""

    def named(found: re.Match[str]) -> str:
        name = NAMES.get(found[1])
        if name is None:
            return found[0]
        return ": var(--paper)" if name == "paper" else f": var(--figure-{name})"

    return re.sub(r": (#[0-9a-f]{6})\b", named, body)


def _tight(markup: str) -> str:
    """Return markup without the spaces that say nothing, and points to the hundredth."""
    rounded = re.sub(r"(?<=[ \"])(-?\d+\.\d{2})\d+(?=[ \n\"])", r"\1", markup)
    return re.sub(r"\s+", " ", rounded).replace("> <", "><").strip()
