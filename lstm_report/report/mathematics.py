"""Mathematics: TeX to Typst for the PDF, and from there to SVG for the page.

Pandoc turns each formula into Typst; Typst sets all formulas in one go, each on a page of its own
size. The page then needs neither a script nor a font for its mathematics, and both outputs show
the same formulas.
"""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lstm_report import paths
from lstm_report.report import ReportError, pandoc

SIZE = 10.0  # points; the text size at which formulas are set, so that 1 em is 10 points
MARK = "formulaboundary"
# What pandoc writes and Typst reads otherwise or not at all: pandoc rounds the width of \! and of
# \; (in TeX -1/6 em and 5/18 em) to whole ems, and calls circled operators by an older name.
REPAIRS = (
    (re.compile(r"#h\(-1em\)"), "#h(-0.167em)"),
    (re.compile(r"#h\(0em\)"), "#h(0.278em)"),
    (re.compile(r"\b(dot|times|plus|minus|div|ast)\.circle\b"), r"\1.o"),
)
PAGE = """#set page(width: auto, height: auto, margin: 0pt)
#set text(size: 10pt, top-edge: "bounds", bottom-edge: "bounds")
// The height of an inline formula counts `leading` less above and below than is drawn, but never
// less than the edges of the text: so it is all of the formula first, then the part above the
// baseline.
#let whole(body) = { set par(leading: 0pt); body }
#let above(body) = { set par(leading: 1000pt); set text(bottom-edge: "baseline"); body }
#let inline(body) = {
  context [#metadata((measure(whole(body)).height - measure(above(body)).height) / 1pt) <depth>]
  whole(body)
  pagebreak(weak: true)
}
#let display(body) = {
  [#metadata(0) <depth>]
  body
  pagebreak(weak: true)
}
"""


@dataclass(frozen=True, order=True)
class Formula:
    """A formula as it stands in the text."""

    tex: str
    display: bool


@dataclass(frozen=True)
class Drawing:
    """Formulas as SVG.

    `pictures` has the HTML of each formula; `glyphs` the HTML that has to stand once in the page,
    the shapes that all formulas share.
    """

    pictures: dict[Formula, str]
    glyphs: str


def to_typst(formulas: Sequence[Formula]) -> dict[Formula, str]:
    """Return each formula as Typst markup, dollar signs included.

    Raises:
        ReportError: naming the first formula that is not understood.
    """
    blocks = []
    for formula in formulas:
        kind = {"t": "DisplayMath" if formula.display else "InlineMath"}
        tex = re.sub(r"\\tag\*?\{[^}]*\}", "", formula.tex).strip()
        blocks.append({"t": "Para", "c": [{"t": "Math", "c": [kind, tex]}]})
        blocks.append({"t": "Para", "c": [pandoc.text(MARK)]})
    tree = {"pandoc-api-version": [1, 23, 1], "meta": {}, "blocks": blocks}
    options = ("--from", "json", "--to", "typst", "--wrap", "none")
    output, warnings = pandoc.call(json.dumps(tree), *options)
    if warnings:
        reason = " ".join(warnings[0].split()).replace(", rendering as TeX", "")
        raise ReportError(f"A formula cannot be read: {reason[:300]}")
    pieces = [piece.strip() for piece in output.split(MARK)][: len(formulas)]
    return {formula: repaired(piece) for formula, piece in zip(formulas, pieces, strict=True)}


def repaired(markup: str) -> str:
    """Return Typst markup with what pandoc and Typst understand differently put right."""
    for pattern, replacement in REPAIRS:
        markup = pattern.sub(replacement, markup)
    return markup


def draw(formulas: Sequence[Formula]) -> Drawing:
    """Return the formulas as SVG for the page.

    Raises:
        ReportError: naming the first formula that cannot be set.
    """
    unique = sorted(set(formulas))
    if not unique:
        return Drawing({}, "")
    pages, depths = _set(unique, to_typst(unique))
    shapes: dict[str, str] = {}
    pictures = {}
    for formula, page, depth in zip(unique, pages, depths, strict=True):
        pictures[formula] = _picture(formula, page, depth, shapes)
    glyphs = (
        '<svg class="glyphs" aria-hidden="true" width="0" height="0"><defs>'
        + "".join(shapes.values())
        + "</defs></svg>"
    )
    return Drawing(pictures, glyphs)


def _set(formulas: list[Formula], markup: dict[Formula, str]) -> tuple[list[str], list[float]]:
    """Return one SVG page for each formula, and its depth below the baseline in points."""
    import typst

    def compiled(chosen: list[Formula]) -> tuple[list[str], list[float]]:
        lines = [
            f"#{'display' if entry.display else 'inline'}({markup[entry]})" for entry in chosen
        ]
        with paths.scratch() as folder:
            source = folder / "formulas.typ"
            source.write_text(PAGE + "\n".join(lines))
            compiler = typst.Compiler(str(source))
            output = compiler.compile(format="svg")
            found = json.loads(compiler.query("<depth>", field="value"))
        pages = output if isinstance(output, list) else [output]
        return [(page or b"").decode() for page in pages], [float(depth) for depth in found]

    try:
        pages, depths = compiled(formulas)
    except typst.TypstError as error:
        for formula in formulas:
            try:
                compiled([formula])
            except typst.TypstError as reason:
                raise ReportError(f"The formula {formula.tex} cannot be set: {reason}") from reason
        raise ReportError(f"The formulas cannot be set: {error}") from error
    if not len(pages) == len(depths) == len(formulas):
        raise ReportError(f"Expected {len(formulas)} formulas, but {len(pages)} were set.")
    return pages, depths


def _picture(formula: Formula, page: str, depth: float, shapes: dict[str, str]) -> str:
    """Return the HTML of one formula; the shapes of its glyphs are added to `shapes`."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', page)
    if size is None:
        raise ReportError(f"The formula {formula.tex} has no size.")
    width, height = (float(entry) for entry in size.groups())
    for symbol in re.finditer(r'<symbol id="([^"]+)".*?</symbol>', page, re.DOTALL):
        if shapes.setdefault(symbol[1], symbol[0]) != symbol[0]:
            raise ReportError(f"The formula {formula.tex} has a glyph with an ambiguous name.")
    body = page[page.index(">") + 1 : page.rindex("</svg>")]
    body = re.sub(r"<defs.*?</defs>", "", body, flags=re.DOTALL)
    # The first path is the white ground of the page.
    body = re.sub(r'<path fill="#ffffff"[^>]*/>', "", body, count=1)
    body = body.replace('"#000000"', '"currentColor"').replace("xlink:href", "href")
    body = re.sub(r"\s+", " ", body).strip()
    shift = "" if formula.display else f";vertical-align:{-depth / SIZE:.3f}em"
    kind = "display" if formula.display else "inline"
    label = html.escape(" ".join(formula.tex.split()), quote=True)
    return (
        f'<span class="formula {kind}" role="img" aria-label="{label}">'
        f'<svg aria-hidden="true" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:{width / SIZE:.3f}em;height:{height / SIZE:.3f}em{shift}">'
        f"{body}</svg></span>"
    )
