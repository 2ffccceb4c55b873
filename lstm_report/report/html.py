"""The HTML page: what each part of the document's tree looks like, and the page around it."""

import base64
import functools
import html
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
from nbconvert.exporters import HTMLExporter

from lstm_report import language, texts
from lstm_report.report import drawings, mathematics, pandoc, scripts
from lstm_report.report.document import Document, Heading, compose, formula_of
from lstm_report.report.pandoc import Node
from lstm_report.report.writer import Picture, data_of, named

TEMPLATES = Path(__file__).parent / "templates"


class ReportHTMLExporter(HTMLExporter):
    """Write a notebook, or the merged notebooks of the report, as one page.

    The page needs nothing outside itself: no script, no font, no style sheet, no picture. Its own
    script makes some figures live; without it, all text and figures are there. The
    notebook's metadata may hold `report_facts` with `title`, `subtitle`, `banner` (or `None`) and
    `facts`, pairs of name and value for the title page; a notebook without them is taken for a
    part of the report, whose references may point outside it.
    """

    export_from_notebook = "LSTM report (HTML)"

    def __init__(self, **options: Any) -> None:
        options.setdefault("template_name", "lstm_report_html")
        options.setdefault("extra_template_basedirs", [str(TEMPLATES)])
        super().__init__(**options)
        self.register_filter("told", language.known)

    def from_notebook_node(  # type: ignore[override]
        self, nb: nbformat.NotebookNode, resources: Any = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page and nbconvert's resources, with the `document` that the page shows.

        Raises:
            ReportError: see `document.compose` and `mathematics.draw`.
        """
        facts = nb.metadata.get("report_facts")
        document = compose(nb, partial=facts is None)
        resources = {} if resources is None else resources
        script = f"\n{scripts.bundled()}\n"
        resources["report"] = {
            "language": language.TAGS[language.chosen()],
            "title": next((title for *_, title in document.contents), "Report"),
            "subtitle": "",
            "banner": None,
            "facts": [],
            **(facts or {}),
            "summary": document.summary,
            "contents": contents(document.contents),
            "body": body(document),
            "colours": drawings.colours(),
            "policy": scripts.policy(script),
            "script": script,
            "blocks": scripts.blocks(document.live),
        }
        empty = nbformat.v4.new_notebook(metadata=nb.metadata)
        output, resources = super().from_notebook_node(empty, resources, **options)
        return output, {**resources, "document": document}


PLAIN = ",.:;/()+-=_*|"  # what stands in an address as it is, besides letters and digits
LARGEST_SVG = 350_000  # bytes; a larger drawing, say thousands of points, stands as PNG
SHARED = '<svg class="glyphs" aria-hidden="true" width="0" height="0"><defs>{}</defs></svg>'
SCROLL = '<div class="{}" role="region" tabindex="0" aria-label="{}">'
inline = functools.partial(pandoc.raw, "html")
block = functools.partial(pandoc.raw, "html", block=True)


def body(document: Document) -> str:
    """Return the HTML of the document's text, everything it shows included.

    Raises:
        ReportError: naming a formula that cannot be set.
    """
    drawing = mathematics.draw(document.formulas)
    letters: dict[str, str] = {}

    def inside(nodes: Any) -> list[Node]:
        return pandoc.transform(nodes, change)

    unnumbered = itertools.count(1)

    def table(node: Node, name: str = "") -> list[Node]:
        content, kind = node["c"], "scroll"
        # A region has a name of its own.
        name = name or language.known(f"Table in the text, {next(unnumbered)}")
        if pandoc.is_wide(content):
            content, kind = pandoc.with_labels(content), "scroll cards"
        made = {"t": "Table", "c": pandoc.with_scope(inside(content))}
        return [block(SCROLL.format(kind, name)), made, block("</div>")]

    def caption(name: str, nodes: list[Node], end: str = "") -> list[Node]:
        start = f'<figcaption><span class="number">{name}.</span> '
        end = f"{end}</figcaption>"
        return [{"t": "Plain", "c": [inline(start), *inside(nodes[0]["c"]), inline(end)]}]

    def special(kind: str, pairs: dict[str, str], nodes: list[Node]) -> list[Node] | None:
        label, number = pairs.get("label", ""), pairs.get("number", "")
        if kind == "report-code":
            return [block('<div class="code">'), *nodes, block("</div>")]
        if kind == "report-figure":
            picture, name = document.pictures[label], named("fig", number)
            scroll = SCROLL.format("scroll", name)
            start = f'<figure id="fig-{label}">{scroll}{_image(picture, letters)}</div>'
            data = _offered(picture.data, label, name)
            return [block(start), *caption(name, nodes, data), block("</figure>")]
        if kind == "report-table":
            head = block(f'<figure class="table" id="tbl-{label}">')
            name = named("tbl", number)
            rest = [*table(nodes[1], name), *inside(nodes[2:])]
            return [head, *caption(name, nodes), *rest, block("</figure>")]
        if kind == "report-html":
            return inside(nodes)
        return [] if kind == "report-page" else None

    def change(node: Node) -> list[Node] | None:
        kind, content = node["t"], node.get("c", [])
        if found := data_of(node):
            return [inline(_literal(*found))]
        if kind == "Math":
            return [inline(drawing.pictures[formula_of(node)])]
        if kind == "Span" and content[0][1] == ["equation"]:
            number = dict(content[0][2])["number"]
            picture = drawing.pictures[formula_of(content[1][0])]
            return [
                inline(
                    f'<span class="equation" id="equation-{number}"><span class="scroll">'
                    f'{picture}</span><span class="number">({number})</span></span>'
                )
            ]
        if kind == "Header":
            level, attributes, inlines = content
            number = dict(attributes[2]).get("number", "")
            start = [inline(f'<span class="number">{number}</span> ')] if number else []
            plain = pandoc.attributes(attributes[0])
            return [{"t": "Header", "c": [min(level + 1, 6), plain, [*start, *inside(inlines)]]}]
        if kind == "Table":
            return table(node)
        if kind == "Div" and content[0][1]:
            return special(content[0][1][0], dict(content[0][2]), content[1])
        return None

    text, _ = pandoc.write(inside(document.blocks), "html5")
    shared = "".join([*drawing.glyphs, *letters.values()])
    return (SHARED.format(shared) if shared else "") + text


def _literal(text: str, code: bool) -> str:
    """Return a text that is data, by itself whatever way it is written, its long words broken."""
    tag = "code" if code else "bdi"
    return f"<{tag}>{'<wbr>'.join(map(html.escape, texts.pieces(text)))}</{tag}>"


def _offered(data: str, label: str, name: str) -> str:
    """Return a link that saves what a figure shows, which stands in the link itself."""
    if not data:
        return ""
    address = f"data:text/csv;charset=utf-8,{quote(data, safe=PLAIN)}"
    link = f'<a class="data" download="{label}.csv" href="{address}">'
    return f" {link}{language.known(f'Data of {name} (CSV)')}</a>"


def contents(entries: Sequence[Heading], level: int = 1) -> str:
    """Return headings as an HTML list, in whose items stand those of a lower level below them."""
    if not entries:
        return ""
    groups: list[list[Heading]] = []
    for entry in entries:
        if entry[0] <= level or not groups:
            groups.append([entry])
        else:
            groups[-1].append(entry)
    made = []
    for (_, number, anchor, title), *below in groups:
        link = f'<a href="#{anchor}"><span class="number">{number}</span> {html.escape(title)}</a>'
        made.append(f"<li>{link}{contents(below, level + 1)}</li>")
    return "<ol>\n" + "\n".join(made) + "\n</ol>"


def _image(picture: Picture, letters: dict[str, str]) -> str:
    """Return a figure as HTML: its drawing or, where that is too large, its picture on white."""
    svg = picture.content.get("svg", b"")
    if "png" not in picture.content or 0 < len(svg) <= LARGEST_SVG:
        return drawings.inlined(svg.decode(), picture.alt, letters)
    data = base64.b64encode(picture.content["png"]).decode()
    alt = html.escape(picture.alt)
    return f'<img src="data:image/png;base64,{data}" alt="{alt}">'
