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
WIDE = 17.0
"""Width in em from which a formula is set for a phone too, in lines of at most that width."""
MARK = "formulaboundary"
# What pandoc writes and Typst reads otherwise or not at all: pandoc rounds the width of \! and of
# \; (in TeX -1/6 em and 5/18 em) to whole ems, and calls circled operators by an older name.
REPAIRS = (
    (re.compile(r"#h\(-1em\)"), "#h(-0.167em)"),
    (re.compile(r"#h\(0em\)"), "#h(0.278em)"),
    (re.compile(r"\b(dot|times|plus|minus|div|ast)\.circle\b"), r"\1.o"),
    # A name of several letters is an operator, which needs no space before what it is applied to.
    (re.compile(r'("[A-Za-z]+") (?=\\?\()'), r"op(\1)"),
    # Scaled brackets, of \bigl and its kin, would lie over their neighbours.
    (re.compile(r"#scale\(x: [\d.]+%, y: [\d.]+%\)\[(\\?.)\]"), r"\1"),
)
# Bars around something, which pandoc would set with the spaces of an operator.
BARS = re.compile(r"(?<!\\)(?<!left)(?<!right)\|([^|]+)(?<!\\)(?<!left)(?<!right)\|")
TOKEN = re.compile(r'\\\s|\\.|"(?:[^"\\]|\\.)*"|\s=(?=\s)|.', re.DOTALL)
"""In Typst: a new line, an escaped sign, a text, an equals sign, or any other sign."""
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
#let narrow(..rows) = {
  set page(width: WIDTHpt)
  set par(hanging-indent: 1.5em, leading: 0.8em, spacing: 0.9em)
  [#metadata(0) <depth>]
  let line(it) = math.equation(math.display(it.body))
  for row in rows.pos() { par(row.map(line).join(linebreak())) }
  pagebreak(weak: true)
}
""".replace("WIDTH", f"{SIZE * WIDE:g}")


@dataclass(frozen=True, order=True)
class Formula:
    """A formula as it stands in the text."""

    tex: str
    display: bool


@dataclass(frozen=True)
class Drawing:
    """Formulas as SVG.

    `pictures` has the HTML of each formula; `glyphs` the SVG of the shapes that formulas share,
    which have to stand once in the page.
    """

    pictures: dict[Formula, str]
    glyphs: list[str]


def to_typst(formulas: Sequence[Formula]) -> dict[Formula, str]:
    """Return each formula as Typst markup, dollar signs included.

    Raises:
        ReportError: naming the first formula that is not understood.
    """
    blocks = []
    for formula in formulas:
        kind = {"t": "DisplayMath" if formula.display else "InlineMath"}
        tex = re.sub(r"\\tag\*?\{[^}]*\}", "", formula.tex).strip()
        tex = BARS.sub(_barred, tex)
        blocks.append({"t": "Para", "c": [{"t": "Math", "c": [kind, tex]}]})
        blocks.append({"t": "Para", "c": [pandoc.text(MARK)]})
    output, warnings = pandoc.write(blocks, "typst")
    if warnings:
        reason = " ".join(warnings[0].split()).replace(", rendering as TeX", "")
        raise ReportError(f"A formula cannot be read: {reason[:300]}")
    for pattern, replacement in REPAIRS:
        output = pattern.sub(replacement, output)
    pieces = output.split(MARK)[: len(formulas)]
    return {formula: piece.strip() for formula, piece in zip(formulas, pieces, strict=True)}


def _barred(found: re.Match[str]) -> str:
    """Return bars with what stands between them as a pair, unless brackets open or close there."""
    depth = 0
    for sign in found[1]:
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return found[0]
    return found[0] if depth else rf"\left|{found[1]}\right|"


def draw(formulas: Sequence[Formula]) -> Drawing:
    """Return the formulas as SVG for the page.

    Raises:
        ReportError: naming the first formula that cannot be set.
    """
    if not formulas:
        return Drawing({}, [])
    markup = to_typst(formulas)
    shapes: dict[str, str] = {}

    def pictures(calls: dict[Formula, str], form: str = "") -> dict[Formula, str]:
        pages, depths = _set(calls)
        return {
            formula: _picture(formula, page, depth, shapes, form)
            for formula, page, depth in zip(calls, pages, depths, strict=True)
        }

    made = pictures({f: f"#{'display' if f.display else 'inline'}({markup[f]})" for f in formulas})
    wide = [f for f in formulas if f.display and _width(made[f]) > WIDE]
    narrow = pictures({f: f"#narrow({_rows(markup[f])})" for f in wide}, " narrow") if wide else {}
    for formula, picture in narrow.items():
        made[formula] = made[formula].replace("formula display", "formula display wide") + picture
    return Drawing(made, list(shapes.values()))


def _width(picture: str) -> float:
    """Return the width of a formula in em."""
    found = re.search(r'style="width:([\d.]+)em', picture)
    assert found is not None  # `_picture` writes it
    return float(found[1])


def _rows(markup: str) -> str:
    """Return a formula as rows, each an array of lines, which begin at an equals sign."""
    depth, rows = 0, [[""]]
    for token in TOKEN.findall(markup.strip("$ ")):
        depth += token.lstrip("\\") in tuple("([{")
        depth -= token.lstrip("\\") in tuple(")]}")
        if depth == 0 and token[0] == "\\" and token[1].isspace():
            rows.append([""])
        elif depth == 0 and token.strip() == "=" and rows[-1][-1].strip():
            rows[-1].append("=")
        elif depth or token != "&":
            rows[-1][-1] += token
    return ", ".join(f"({''.join(f'$ {line.strip()} $, ' for line in row)})" for row in rows)


def _set(calls: dict[Formula, str]) -> tuple[list[str], list[float]]:
    """Return one SVG page for each formula, and its depth below the baseline in points."""
    import typst

    def compiled(lines: list[str]) -> tuple[list[str], list[float]]:
        with paths.scratch() as folder:
            source = folder / "formulas.typ"
            source.write_text(PAGE + "\n".join(lines), encoding="utf-8")
            compiler = typst.Compiler(str(source))
            output = compiler.compile(format="svg")
            found = json.loads(compiler.query("<depth>", field="value"))
        pages = output if isinstance(output, list) else [output]
        return [(page or b"").decode() for page in pages], [float(depth) for depth in found]

    try:
        pages, depths = compiled([*calls.values()])
    except typst.TypstError as error:
        for formula, call in calls.items():
            try:
                compiled([call])
            except typst.TypstError as reason:
                raise ReportError(f"The formula {formula.tex} cannot be set: {reason}") from reason
        raise ReportError(f"The formulas cannot be set: {error}") from error
    if not len(pages) == len(depths) == len(calls):
        raise ReportError(f"Expected {len(calls)} formulas, but {len(pages)} were set.")
    return pages, depths


def _picture(formula: Formula, page: str, depth: float, shapes: dict[str, str], form: str) -> str:
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
    kind = ("display" if formula.display else "inline") + form
    label = html.escape(" ".join(formula.tex.split()))
    return (
        f'<span class="formula {kind}" role="img" aria-label="{label}">'
        f'<svg aria-hidden="true" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:{width / SIZE:.3f}em;height:{height / SIZE:.3f}em{shift}">'
        f"{body}</svg></span>"
    )
