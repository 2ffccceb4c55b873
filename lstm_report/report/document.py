"""From executed notebooks to one document: one order, one numbering, for the page and the PDF.

Notebooks become one Markdown text in which each output stands in a block of its own kind and marks
stand for the texts that are data; pandoc reads it, references are resolved, and the texts take the
places of their marks. What is left is a tree with chapters, figures, tables and equations numbered.
`html` and `pdf` only differ in how they write that tree.
"""

import re
from dataclasses import dataclass
from typing import Any

import nbformat

from lstm_report.report import ReportError, pandoc
from lstm_report.report.mathematics import Formula
from lstm_report.report.pandoc import Node
from lstm_report.report.writer import APPENDIX, UNNUMBERED, Picture, Writer, named

REFERENCE = re.compile(r"@(fig|tbl|eq):([a-z][a-z0-9-]*)")
NAMED = re.compile(r"\s*\\label\{eq:([a-z][a-z0-9-]*)\}")  # within an equation: what it is called
UNREAD = re.compile(r"\\[A-Za-z]+\{")  # TeX that stands in the text, outside a formula
WORD = re.compile(r"\w+")
CODE = "report-code"
Heading = tuple[int, str, str, str]
"""Level, number, anchor and title."""


@dataclass(frozen=True)
class Document:
    """A report before it is written as HTML or PDF."""

    blocks: list[Node]
    contents: list[Heading]
    pictures: dict[str, Picture]
    summary: list[str]
    live: dict[str, dict[str, Any]]
    """What the live parts of the page are told, by the anchors of their figures and tables."""

    @property
    def formulas(self) -> list[Formula]:
        """Every formula of the document, once, in order."""
        found = set()

        def note(node: Node) -> None:
            if node["t"] == "Math":
                found.add(formula_of(node))

        pandoc.transform(self.blocks, note)
        return sorted(found)


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
    writer = Writer()
    markdown = "\n\n".join(map(writer.cell, notebook.cells))
    contents: list[Heading] = []
    blocks = _number_headings(pandoc.read(markdown), contents)
    blocks = _number_equations(blocks, writer.anchors)
    blocks = writer.texts.fill(_resolve(blocks, writer.anchors, partial))
    blocks = pandoc.transform(_folded(blocks), _laid_out)
    return Document(blocks, contents, writer.pictures, writer.summary, writer.live)


def _laid_out(node: Node) -> list[Node] | None:
    if node["t"] == "Div" and node["c"][0][1] == ["report-html"]:
        return [node]
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


def _number_headings(blocks: list[Node], contents: list[Heading]) -> list[Node]:
    """Number the headings: chapters by figures, appendices by letters, and some not at all.

    Those of the first two levels are added to `contents`.
    """
    counters = [0, 0, 0]
    kind = ""

    def change(node: Node) -> list[Node] | None:
        nonlocal kind
        if node["t"] != "Header":
            return None
        level, (_, classes, _), inlines = node["c"]
        title, number = pandoc.plain(inlines), ""
        if level == 1:
            kind, before = next(iter({*classes} & {UNNUMBERED, APPENDIX}), ""), kind
            if kind == APPENDIX != before:
                counters[0] = 0
        if level <= len(counters) and kind != UNNUMBERED:
            counters[level - 1] += 1
            counters[level:] = [0] * (len(counters) - level)
            first = chr(ord("A") - 1 + counters[0]) if kind == APPENDIX else str(counters[0])
            number = ".".join([first, *map(str, counters[1:level])])
        named = number or (title if kind == UNNUMBERED else "")
        anchor = f"section-{'-'.join(WORD.findall(named.lower()))}" if named else ""
        if level <= 2:
            contents.append((level, number, anchor, title))
        return [{"t": "Header", "c": [level, pandoc.attributes(anchor, number=number), inlines]}]

    return pandoc.transform(blocks, change)


def _number_equations(blocks: list[Node], anchors: dict[str, tuple[str, str]]) -> list[Node]:
    """Number the equations that stand by themselves as (chapter.equation), in a span of theirs.

    One with a `\\label{eq:name}` is added to `anchors`, so that `@eq:name` refers to it.
    """
    chapter, equation = "", 0

    def change(node: Node) -> list[Node] | None:
        nonlocal chapter, equation
        if node["t"] == "Header" and node["c"][0] == 1:
            chapter, equation = dict(node["c"][1][2])["number"], 0
        if node["t"] != "Math" or node["c"][0]["t"] != "DisplayMath":
            return None
        equation += 1
        number = f"{chapter}.{equation}" if chapter else str(equation)
        anchor, (form, tex) = f"equation-{number}", node["c"]
        for name in NAMED.findall(tex):
            if f"eq:{name}" in anchors:
                raise ReportError(f"The label eq:{name} is used twice.")
            anchors[f"eq:{name}"] = (anchor, named("eq", f"({number})"))
        attributes = pandoc.attributes(anchor, ("equation",), number=number)
        plain = {"t": "Math", "c": [form, NAMED.sub("", tex)]}
        return [{"t": "Span", "c": [attributes, [plain]]}]

    return pandoc.transform(blocks, change)


def _resolve(blocks: list[Node], anchors: dict[str, tuple[str, str]], partial: bool) -> list[Node]:
    """Replace `@fig:label`, `@tbl:label` and `@eq:label` by links."""

    def link(found: re.Match[str]) -> Node:
        key = f"{found[1]}:{found[2]}"
        if key in anchors:
            anchor, name = anchors[key]
            content = [pandoc.attributes(), [pandoc.text(name)], [f"#{anchor}", ""]]
            return {"t": "Link", "c": content}
        if not partial:
            raise ReportError(f"The reference @{key} points to nothing.")
        return pandoc.text(named(found[1], f"\u201c{found[2].replace('-', ' ')}\u201d"))

    def change(node: Node) -> list[Node] | None:
        if node["t"] != "Str":
            return None
        if UNREAD.search(node["c"]):
            raise ReportError(f"A formula is not closed: {node['c']}")
        return pandoc.replaced(node["c"], REFERENCE, link)

    return pandoc.transform(blocks, change)
