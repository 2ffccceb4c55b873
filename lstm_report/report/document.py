"""From executed notebooks to one document: one order, one numbering, for the page and the PDF.

Notebooks become one Markdown text in which each output stands in a block of its own kind; pandoc
reads it, and what is left is a tree with chapters, figures, tables and equations numbered and
with references resolved. `page` and `pdf` only differ in how they write that tree.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

import nbformat

from lstm_report.report import ReportError, pandoc
from lstm_report.report.mathematics import Formula
from lstm_report.report.pandoc import Node

REFERENCE = re.compile(r"@(fig|tbl):([a-z][a-z0-9-]*)")
DISPLAYED = re.compile(r"\$\$.+?\$\$", re.DOTALL)
UNREAD = re.compile(r"\\[A-Za-z]+\{")  # TeX that stands in the text, outside a formula
WORDS = {"fig": "Figure", "tbl": "Table"}
CODE = "report-code"
NEW_PAGE = "new-page"  # the tag of a cell of text that opens a page of the PDF
PROGRESS = re.compile(r"\r|\d+%\|| it/s|s/it")
LONGEST_STREAM = 20  # lines of printed text that the report shows of one cell


@dataclass
class Picture:
    """A figure: its files' content by type, and what stands for it where it cannot be seen."""

    content: dict[str, bytes]
    alt: str


@dataclass
class Document:
    """A report before it is written as HTML or PDF."""

    blocks: list[Node] = field(default_factory=list)
    contents: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Level, number, anchor and title of each heading."""
    pictures: dict[str, Picture] = field(default_factory=dict)
    summary: list[str] = field(default_factory=list)

    @property
    def formulas(self) -> list[Formula]:
        """Every formula of the document, in order, with repetitions."""
        found = []

        def note(node: Node) -> None:
            if node["t"] == "Math":
                found.append(formula_of(node))

        pandoc.transform(self.blocks, note)
        return found


def formula_of(node: Node) -> Formula:
    """Return the formula of a tree's `Math` node."""
    kind, tex = node["c"]
    return Formula(tex, kind["t"] == "DisplayMath")


def merge(notebooks: list[tuple[str, nbformat.NotebookNode]]) -> nbformat.NotebookNode:
    """Return one notebook with the cells of all, each cell noting where it came from.

    Args:
        notebooks: name and content, in the order of the report.
    """
    merged = nbformat.v4.new_notebook()
    for name, notebook in notebooks:
        for cell in notebook.cells:
            copy = nbformat.from_dict(cell)
            copy.id = f"cell-{len(merged.cells)}"
            copy.metadata["notebook"] = name
            merged.cells.append(copy)
    merged.metadata["language_info"] = {"name": "python"}
    return merged


def compose(notebook: nbformat.NotebookNode, *, partial: bool = False) -> Document:
    """Return the document of an executed notebook.

    Args:
        notebook: one notebook, or several merged ones.
        partial: whether references may point to a part of the report that is not there.

    Raises:
        ReportError: for a picture without alternative text or caption, a label used twice and a
            reference to nothing.
    """
    document = Document()
    anchors: dict[str, tuple[str, str]] = {}
    text = "\n\n".join(_cell_text(cell, document, anchors) for cell in notebook.cells)
    blocks = _number_headings(pandoc.read(text)["blocks"], document)
    blocks = _number_equations(pandoc.transform(_folded(blocks), _laid_out))
    document.blocks = _resolve(blocks, anchors, partial)
    return document


def _cell_text(cell: Any, document: Document, anchors: dict[str, tuple[str, str]]) -> str:
    tags = cell.metadata.get("tags", [])
    if cell.cell_type == "markdown":
        # Within $$, a line that starts with + or - must not start a list.
        text = DISPLAYED.sub(lambda match: " ".join(match[0].split()), cell.source)
        return f"{_block('page', '')}\n\n{text}" if NEW_PAGE in tags else text
    if cell.cell_type != "code" or not cell.source.strip():
        return ""
    parts = [] if "parameters" in tags else [_block("code", _fenced(cell.source, "python"))]
    where = f"{cell.metadata.get('notebook', 'the notebook')}, cell [{cell.execution_count}]"
    for output in cell.outputs:
        parts.append(_output_text(output, where, document, anchors))
    return "\n\n".join(parts)


def _output_text(
    output: Any, where: str, document: Document, anchors: dict[str, tuple[str, str]]
) -> str:
    if output.output_type == "stream":
        return _stream(output.text) if output.name == "stdout" else ""
    if output.output_type == "error":
        return _stream(f"{output.ename}: {output.evalue}")
    content, details = output.data, output.metadata.get("report", {})
    kind = details.get("kind")
    if kind in ("live", "caption") or "application/vnd.jupyter.widget-view+json" in content:
        return ""
    if kind == "summary":
        # The chapters build on each other, so what the last one found is told first.
        document.summary[:0] = details["lines"]
    if kind == "table":
        number = _numbered("tbl", details, where, anchors)
        return _block(
            "table", f"{details['caption']}\n\n{content['text/markdown']}", number, details["label"]
        )
    if kind == "figure":
        number = _numbered("fig", details, where, anchors)
        if not str(details.get("alt", "")).strip():
            raise ReportError(f"A figure has no alternative text: {where}.")
        pictures = {
            name: content[name].encode() if "svg" in name else base64.b64decode(content[name])
            for name in ("image/svg+xml", "image/png")
            if name in content
        }
        document.pictures[details["label"]] = Picture(pictures, details["alt"])
        return _block("figure", details["caption"], number, details["label"])
    if any(name.startswith("image/") for name in content):
        raise ReportError(f"A picture has no caption and no alternative text: {where}.")
    if "text/markdown" in content:
        classes = kind if kind in ("check", "summary") else "prose"
        return _block(classes, str(content["text/markdown"]))
    if "text/html" in content:
        return _block("html", _fenced(content["text/html"], "html"))
    return _stream(content.get("text/plain", ""))


def _numbered(
    prefix: str, details: dict[str, Any], where: str, anchors: dict[str, tuple[str, str]]
) -> str:
    """Return the number of a new figure or table, and keep its anchor."""
    label, caption = details.get("label"), str(details.get("caption", "")).strip()
    if not label or not caption:
        raise ReportError(f"A {WORDS[prefix].lower()} has no label or no caption: {where}.")
    key = f"{prefix}:{label}"
    if key in anchors:
        raise ReportError(f"The label {key} is used twice, the second time in {where}.")
    number = 1 + sum(name.startswith(prefix) for name in anchors)
    anchors[key] = (f"{prefix}-{label}", f"{WORDS[prefix]}\N{NO-BREAK SPACE}{number}")
    return str(number)


def _fenced(content: str, language: str = "text") -> str:
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content.rstrip()}\n{fence}"


def _block(kind: str, content: str, number: str = "", label: str = "") -> str:
    return f'::::::: {{.report-{kind} number="{number}" label="{label}"}}\n\n{content}\n\n:::::::'


def _stream(content: str) -> str:
    """Return printed text, shortened, without the lines that a progress bar leaves."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", content)
    lines = [line for line in plain.split("\n") if not PROGRESS.search(line)]
    if len(lines) > LONGEST_STREAM:
        lines = [*lines[: LONGEST_STREAM - 1], f"({len(lines) - LONGEST_STREAM + 1} more lines)"]
    shown = "\n".join(lines).strip("\n")
    return _block("stream", _fenced(shown)) if shown.strip() else ""


def _laid_out(node: Node) -> list[Node] | None:
    if node["t"] != "Table":
        return None
    return [{**node, "c": pandoc.with_short_cells_whole(pandoc.with_widths(node["c"]))}]


def _folded(blocks: list[Node]) -> list[Node]:
    """Join code that stands together, with what it printed, so that a page folds it once."""

    def kind(node: Node) -> str:
        classes = node["c"][0][1] if node["t"] == "Div" else []
        return str(classes[0]) if classes else ""

    made: list[Node] = []
    for node in blocks:
        if kind(node) in (CODE, "report-stream") and made and kind(made[-1]) == CODE:
            attributes, before = made[-1]["c"]
            made[-1] = {"t": "Div", "c": [attributes, [*before, *node["c"][1]]]}
        else:
            made.append(node)
    return made


def _number_headings(blocks: list[Node], document: Document) -> list[Node]:
    counters = [0, 0, 0]

    def change(node: Node) -> list[Node] | None:
        if node["t"] != "Header":
            return None
        level, _, inlines = node["c"]
        title = pandoc.plain(inlines)
        number = ""
        if level <= len(counters):
            counters[level - 1] += 1
            counters[level:] = [0] * (len(counters) - level)
            number = ".".join(map(str, counters[:level]))
        anchor = f"section-{number.replace('.', '-')}" if number else ""
        if level <= 2:
            document.contents.append((level, number, anchor, title))
        return [{"t": "Header", "c": [level, pandoc.attributes(anchor, number=number), inlines]}]

    made: list[Node] = pandoc.transform(blocks, change)
    return made


def _number_equations(blocks: list[Node]) -> list[Node]:
    """Number the equations that stand by themselves as (chapter.equation), in a span of theirs."""
    chapter = equation = 0

    def change(node: Node) -> list[Node] | None:
        nonlocal chapter, equation
        if node["t"] == "Header" and node["c"][0] == 1:
            chapter, equation = chapter + 1, 0
        if node["t"] != "Math" or node["c"][0]["t"] != "DisplayMath":
            return None
        equation += 1
        number = f"{chapter}.{equation}" if chapter else str(equation)
        attributes = pandoc.attributes(f"equation-{number}", ("equation",), number=number)
        return [{"t": "Span", "c": [attributes, [node]]}]

    made: list[Node] = pandoc.transform(blocks, change)
    return made


def _resolve(blocks: list[Node], anchors: dict[str, tuple[str, str]], partial: bool) -> list[Node]:
    """Replace `@fig:label` and `@tbl:label` by links."""

    def change(node: Node) -> list[Node] | None:
        if node["t"] != "Str":
            return None
        if UNREAD.search(node["c"]):
            raise ReportError(f"A formula is not closed: {node['c']}")
        if not REFERENCE.search(node["c"]):
            return None
        made: list[Node] = []
        position = 0
        for match in REFERENCE.finditer(node["c"]):
            key = f"{match[1]}:{match[2]}"
            if key not in anchors and not partial:
                raise ReportError(f"The reference @{key} points to nothing.")
            made.append(pandoc.text(node["c"][position : match.start()]))
            if key in anchors:
                anchor, name = anchors[key]
                link = [pandoc.attributes(), [pandoc.text(name)], [f"#{anchor}", ""]]
                made.append({"t": "Link", "c": link})
            else:
                shown = f"{WORDS[match[1]]} \u201c{match[2].replace('-', ' ')}\u201d"
                made.append(pandoc.text(shown))
            position = match.end()
        return [*made, pandoc.text(node["c"][position:])]

    made: list[Node] = pandoc.transform(blocks, change)
    return made


def plain_title(document: Document) -> str:
    """Return the title of the first chapter."""
    return next((entry[3] for entry in document.contents), "Report")
