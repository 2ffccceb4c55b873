"""Pandoc as a function from text to text; a document is pandoc's own tree, as plain JSON."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

from lstm_report import texts
from lstm_report.report import ReportError

Node = dict[str, Any]
# CommonMark as JupyterLab reads it, with mathematics, tables and attributes. What JupyterLab would
# show as plain text (emoji names, sub- and superscripts by ~ and ^) is left as plain text.
READER = (
    "commonmark+tex_math_dollars+pipe_tables+fenced_divs+attributes+bracketed_spans+footnotes"
    "+strikeout+smart"
)
LONG_TEXT = 60
"""Letters from which a table's first column counts as running text, and names no card."""
LINE, PHONE, PADDING = 103, 36, 3
"""Letters that stand in a line of a table, on a phone, and between two columns."""


def call(text: str, *arguments: str) -> tuple[str, list[str]]:
    """Return what pandoc makes of `text`, and its warnings.

    Raises:
        ReportError: when pandoc fails.
    """
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "--sandbox", *arguments]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    messages = done.stderr.decode()
    if done.returncode:
        raise ReportError(f"Pandoc cannot convert the report: {messages.strip()}")
    return done.stdout.decode(), [entry for entry in messages.split("[WARNING]") if entry.strip()]


def read(markdown: str) -> list[Node]:
    """Return the blocks of a Markdown text; HTML in it is text like any other.

    Raises:
        ReportError: for a picture, which a page would have to ask for.
    """

    def change(node: Node) -> list[Node] | None:
        if node["t"] == "Image":
            raise ReportError(
                f"A picture cannot stand in Markdown: {node['c'][2][0]}; show it as a figure."
            )
        if node["t"] not in ("RawBlock", "RawInline"):
            return None
        words = [text(node["c"][1])]
        return words if node["t"] == "RawInline" else [{"t": "Para", "c": words}]

    return transform(_blocks(markdown, READER), change)


def read_html(content: str) -> list[Node]:
    """Return the blocks of a piece of HTML."""
    return _blocks(content, "html")


def _blocks(content: str, form: str) -> list[Node]:
    return json.loads(call(content, "--from", form, "--to", "json")[0])["blocks"]


def write(blocks: list[Node], target: str, *arguments: str) -> tuple[str, list[str]]:
    """Return blocks as `html5` or `typst`, and what pandoc warns of."""
    tree = {"pandoc-api-version": [1, 23, 1], "meta": {}, "blocks": blocks}
    options = ("--from", "json", "--to", target, "--wrap", "none", *arguments)
    return call(json.dumps(tree), *options)


def transform(value: Any, change: Callable[[Node], list[Node] | None]) -> Any:
    """Return a copy of a tree in which `change` has replaced nodes.

    Args:
        value: a tree, a node or a list of them.
        change: for a node, the nodes that replace it, or `None` to keep it and go inside it.
    """
    if isinstance(value, dict):
        return {key: transform(entry, change) for key, entry in value.items()}
    if not isinstance(value, list):
        return value
    made: list[Any] = []
    for entry in value:
        new = change(entry) if isinstance(entry, dict) and "t" in entry else None
        made += [transform(entry, change)] if new is None else new
    return made


def attributes(
    identifier: str = "", classes: tuple[str, ...] = (), **pairs: str
) -> list[str | list[Any]]:
    """Return attributes as pandoc writes them."""
    return [identifier, list(classes), [[key, value] for key, value in pairs.items()]]


def text(content: str) -> Node:
    """Return a piece of text as one node."""
    return {"t": "Str", "c": content}


def replaced(
    content: str, pattern: re.Pattern[str], change: Callable[[re.Match[str]], Node]
) -> list[Node]:
    """Return a text as nodes, with what `change` makes of each match in the match's place."""
    made, position = [], 0
    for found in pattern.finditer(content):
        made += [text(content[position : found.start()]), change(found)]
        position = found.end()
    return [node for node in [*made, text(content[position:])] if node["c"]]


def raw(form: str, content: str, *, block: bool = False) -> Node:
    """Return a node that stands in the output as it is."""
    return {"t": "RawBlock" if block else "RawInline", "c": [form, content]}


def plain(value: Any) -> str:
    """Return the text of inline nodes without their mark-up."""
    if isinstance(value, list):
        return "".join(map(plain, value))
    if not isinstance(value, dict):
        return ""
    if value["t"] in ("Str", "Code", "Math"):
        return str(value["c"] if value["t"] == "Str" else value["c"][1])
    if value["t"] in ("Space", "SoftBreak"):
        return " "
    return plain([entry for entry in value.get("c", []) if isinstance(entry, (list, dict))])


def with_widths(content: Any) -> Any:
    """Divide a line between the columns of a table that is wider than it; else change nothing.

    Letter by letter, that column gets narrower by which the rows grow least, down to the longest
    word, which must not be broken.
    """
    none: list[Any] = [[]] * len(content[2])
    cells = [list(map(plain, column)) for column in _columns(_rows(content)) or none]
    heads = _columns(content[3][1]) or none
    least = [
        min(
            max(map(texts.width, [*_unbroken(column), *texts.words(plain(head))]), default=1),
            texts.LONG_WORD,
        )
        for column, head in zip(cells, heads, strict=True)
    ]
    widths = [
        max(word, min(max(map(texts.width, column), default=1), LINE))
        for word, column in zip(least, cells, strict=True)
    ]
    if sum(widths) + PADDING * len(widths) <= LINE or len(cells) < 2:
        return content
    table = [list(map(texts.width, row)) for row in zip(*cells, strict=True)]

    def grown(place: int) -> tuple[int, int]:
        tried = [width - (k == place) for k, width in enumerate(widths)]
        lines = (max(-(-n // w) for n, w in zip(row, tried, strict=True)) for row in table)
        return sum(lines), -widths[place]

    while sum(widths) + PADDING * len(widths) > LINE:
        if not (wider := [k for k, width in enumerate(widths) if width > least[k]]):
            break
        widths[min(wider, key=grown)] -= 1
    whole = sum(widths) + PADDING * len(widths)
    specified = [
        [side, {"t": "ColWidth", "c": (width + PADDING) / whole}]
        for (side, _), width in zip(content[2], widths, strict=True)
    ]
    return [*content[:2], specified, *content[3:]]


def _unbroken(cells: list[str]) -> list[str]:
    """Return what must stand on one line: short cells, and the words of the others."""
    return [
        part
        for cell in cells
        for part in ([cell] if texts.width(cell) <= texts.SHORT else texts.words(cell))
    ]


def with_short_cells_whole(content: Any) -> Any:
    """Keep each short cell of a table on one line; see `lstm_report.texts.SHORT`."""

    def joined(node: Node) -> list[Node] | None:
        if node["t"] == "Space":
            return [text("\N{NO-BREAK SPACE}")]
        return [text(node["c"].replace(" ", "\N{NO-BREAK SPACE}"))] if node["t"] == "Str" else None

    def whole(cell: Any, _: int) -> Any:
        if texts.width(plain(cell[4])) > texts.SHORT:
            return cell
        # Chinese may break between any letters, whatever the spaces.
        return [attributes(classes=("whole",)), *cell[1:4], transform(cell[4], joined)]

    return _with_cells(content, whole)


def is_wide(content: Any) -> bool:
    """Return whether a table is wider than a phone."""
    columns = _columns(_rows(content))
    heads = _columns(content[3][1])
    longest = [max(map(texts.width, map(plain, column))) for column in columns]
    headings = [max(map(texts.width, texts.words(plain(column))), default=0) for column in heads]
    widths = map(max, longest, headings or [0] * len(longest))
    return sum(width + PADDING for width in widths) > PHONE


def with_labels(content: Any) -> Any:
    """Write the heading of its column before what each cell holds, for cards in place of rows."""
    heads = [column[-1][0]["c"] if column[-1] else [] for column in _columns(content[3][1])]
    firsts = [plain(cells[0][4]) for _, cells in _rows(content)]
    named = ("name",) if max(map(len, firsts), default=0) <= LONG_TEXT else ()

    def span(kind: str, inlines: Any) -> Node:
        return {"t": "Span", "c": [attributes(classes=(kind,)), inlines]}

    def labelled(cell: Any, place: int) -> Any:
        head = heads[place] if heads else []
        inlines = [span("label", head), span("value", cell[4][0]["c"] if cell[4] else [])]
        kept = attributes(classes=() if place else named)
        return [kept, *cell[1:4], [{"t": "Plain", "c": inlines}]]

    return _with_cells(content, labelled)


def with_scope(content: Any) -> Any:
    """Say of each heading of a table that it is its column's."""

    kept, rows = content[3]
    heads = [[own, [[attributes(scope="col"), *cell[1:]] for cell in cells]] for own, cells in rows]
    return [*content[:3], [kept, heads], *content[4:]]


def _rows(content: Any) -> list[Any]:
    """Return the rows of a table below its heading, each as its attributes and its cells."""
    return [row for body in content[4] for row in body[3]]


def _with_cells(content: Any, change: Callable[[Any, int], Any]) -> Any:
    """Return a table with what `change` makes of each cell below the heading, and its column."""
    bodies = []
    for *kept, rows in content[4]:
        changed = [[own, [change(cell, k) for k, cell in enumerate(cells)]] for own, cells in rows]
        bodies.append([*kept, changed])
    return [*content[:4], bodies, *content[5:]]


def _columns(rows: Any) -> list[list[Any]]:
    """Return the contents of the cells of rows, column by column."""
    return [[cell[4] for cell in column] for column in zip(*(row[1] for row in rows), strict=True)]
