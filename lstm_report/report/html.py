"""The HTML page: what each part of the document's tree looks like, and the page around it."""

import base64
import html
import re
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter

from lstm_report import texts
from lstm_report.report import mathematics, pandoc
from lstm_report.report.document import Document, compose, formula_of, plain_title
from lstm_report.report.pandoc import Node
from lstm_report.report.writer import Picture, data_of

TEMPLATES = Path(__file__).parent / "templates"


class ReportHTMLExporter(HTMLExporter):
    """Write a notebook, or the merged notebooks of the report, as one page.

    The page needs nothing outside itself: no script, no font, no style sheet, no picture. The
    notebook's metadata may hold `report_facts` with `title`, `subtitle`, `banner` (or `None`) and
    `facts`, pairs of name and value for the title page; a notebook without them is taken for a
    part of the report, whose references may point outside it.
    """

    export_from_notebook = "LSTM report (HTML)"

    def __init__(self, **options: Any) -> None:
        options.setdefault("template_name", "lstm_report_html")
        options.setdefault("extra_template_basedirs", [str(TEMPLATES)])
        super().__init__(**options)

    def from_notebook_node(  # type: ignore[override]
        self, nb: nbformat.NotebookNode, resources: Any = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page and nbconvert's resources.

        Raises:
            ReportError: see `document.compose` and `mathematics.draw`.
        """
        facts = nb.metadata.get("report_facts")
        document = compose(nb, partial=facts is None)
        resources = {} if resources is None else resources
        resources["report"] = {
            "title": plain_title(document),
            "subtitle": "",
            "banner": None,
            "facts": [],
            **(facts or {}),
            "summary": document.summary,
            "contents": contents(document),
            "body": body(document),
        }
        empty = nbformat.v4.new_notebook(metadata=nb.metadata)
        output, resources = super().from_notebook_node(empty, resources, **options)
        return output, resources


LARGEST_SVG = 350_000  # bytes; a larger drawing, say thousands of points, stands as PNG
SCROLL = '<div class="scroll" role="region" tabindex="0" aria-label="{}">'


def body(document: Document) -> str:
    """Return the HTML of the document's text, everything it shows included.

    Raises:
        ReportError: naming a formula that cannot be set.
    """
    drawing = mathematics.draw(document.formulas)

    def block(content: str) -> Node:
        return pandoc.raw("html", content, block=True)

    def inline(content: str) -> Node:
        return pandoc.raw("html", content)

    def inside(nodes: Any) -> list[Node]:
        made: list[Node] = pandoc.transform(nodes, change)
        return made

    def caption(kind: str, number: str, nodes: list[Node]) -> list[Node]:
        start = f'<figcaption><span class="number">{kind} {number}.</span> '
        return [
            {"t": "Plain", "c": [inline(start), *inside(nodes[0]["c"]), inline("</figcaption>")]}
        ]

    def special(kind: str, pairs: dict[str, str], nodes: list[Node]) -> list[Node] | None:
        label, number = pairs.get("label", ""), pairs.get("number", "")
        if kind == "report-code":
            start = '<details class="code"><summary>Code</summary>'
            return [block(start), *nodes, block("</details>")]
        if kind == "report-figure":
            image = _image(document.pictures[label])
            start = f'<figure id="fig-{label}"><div class="card">{image}</div>'
            return [block(start), *caption("Figure", number, nodes), block("</figure>")]
        if kind == "report-table":
            head = block(f'<figure class="table" id="tbl-{label}">')
            box = block(SCROLL.format(f"Table {number}"))
            rows = pandoc.transform(nodes[1]["c"], change)
            rest: list[Node] = [{"t": "Table", "c": rows}, *inside(nodes[2:])]
            return [head, *caption("Table", number, nodes), box, *rest, block("</div></figure>")]
        if kind == "report-html":
            return [block(SCROLL.format("Table")), *inside(nodes), block("</div>")]
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
            table: Node = {"t": kind, "c": pandoc.transform(content, change)}
            return [block(SCROLL.format("Table")), table, block("</div>")]
        if kind == "Div" and content[0][1]:
            return special(content[0][1][0], dict(content[0][2]), content[1])
        return None

    tree = {"pandoc-api-version": [1, 23, 1], "meta": {}, "blocks": inside(document.blocks)}
    return drawing.glyphs + pandoc.write(tree, "html5")


def _literal(text: str, code: bool) -> str:
    """Return a text that is data, by itself whatever way it is written, its long words broken."""
    tag = "code" if code else "bdi"
    return f"<{tag}>{'<wbr>'.join(map(html.escape, texts.pieces(text)))}</{tag}>"


def contents(document: Document) -> str:
    """Return the table of contents as nested HTML lists."""
    lines: list[str] = []
    depth = 0
    for level, number, anchor, title in document.contents:
        while depth < level:
            lines.append("<ol>")
            depth += 1
        while depth > level:
            lines.append("</ol>")
            depth -= 1
        text = f'<span class="number">{number}</span> {html.escape(title)}'
        lines.append(f'<li><a href="#{anchor}">{text}</a></li>')
    return "\n".join(lines) + "</ol>" * depth


def _image(picture: Picture) -> str:
    content = picture.content
    svg = content.get("image/svg+xml", b"")
    if "image/png" not in content or 0 < len(svg) <= LARGEST_SVG:
        kind, data = "image/svg+xml", _smaller(svg)
    else:
        kind, data = "image/png", content["image/png"]
    size = re.search(rb'<svg[^>]*?\swidth="([\d.]+)pt" height="([\d.]+)pt"', svg)
    # A point is 4/3 of a CSS pixel; the true size keeps the text of all figures at one size.
    true = ""
    if size:
        width, height = (float(entry) * 4 / 3 for entry in size.groups())
        true = f' width="{width:.0f}" height="{height:.0f}"'
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{html.escape(picture.alt, quote=True)}"{true}>'


def _smaller(svg: bytes) -> bytes:
    """Return a drawing without its comments, its metadata and the address of its document type."""
    svg = re.sub(rb"<!--.*?-->|<metadata>.*?</metadata>|<!DOCTYPE.*?>", b"", svg, flags=re.DOTALL)
    return re.sub(rb"\s*\n\s*", b"\n", svg)
