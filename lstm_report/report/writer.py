"""The cells of notebooks as Markdown in which marks stand for the texts that are data.

When the Markdown has been read, each text takes the place of its mark.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lstm_report import language, texts
from lstm_report.report import ReportError, pandoc
from lstm_report.report.pandoc import Node

DATA = "data"  # the class of a span that holds one text as it stands


class Texts:
    """What the marks of a document stand for: texts, and blocks that are there already."""

    def __init__(self) -> None:
        self.kept: list[str | list[Node]] = []

    def keep(self, content: str | list[Node]) -> str:
        """Keep a text or blocks and return the mark."""
        self.kept.append(content)
        return texts.mark(len(self.kept) - 1)

    def fill(self, blocks: list[Node]) -> list[Node]:
        """Return a tree in which texts and blocks have taken the places of their marks.

        Raises:
            ReportError: for a mark where no text can stand as it is, as in a formula.
        """
        return pandoc.transform(blocks, self._change)

    def _change(self, node: Node) -> list[Node] | None:
        kind, content = node["t"], node.get("c", [])
        if kind == "Para" and len(content) == 1 and content[0]["t"] == "Str":
            found = texts.MARK.fullmatch(content[0]["c"])
            kept = self.kept[int(found[1])] if found else ""
            return kept if isinstance(kept, list) else None
        if kind == "Str":
            return pandoc.replaced(content, texts.MARK, self._span)
        if kind in ("Code", "CodeBlock") and texts.MARK.search(content[1]):
            text = texts.MARK.sub(self._text, content[1])
            filled = {"t": kind, "c": [content[0], text]}
            return [data(filled) if kind == "Code" else filled]
        # Pandoc writes the characters of a mark in an address as numbers of their bytes.
        if kind in ("Math", "Link") and texts.MARK.search(unquote("".join(content[-1]))):
            raise ReportError("A text that is data stands in a formula or in an address.")
        return None

    def _text(self, found: re.Match[str]) -> str:
        return str(self.kept[int(found[1])])

    def _span(self, found: re.Match[str]) -> Node:
        return data(pandoc.text(self._text(found)))


def data(node: Node) -> Node:
    """Return a node whose text is data, a `Str` or `Code`, marked as such."""
    return {"t": "Span", "c": [pandoc.attributes(classes=(DATA,)), [node]]}


def data_of(node: Node) -> tuple[str, bool] | None:
    """Return the text of a node that `data` made and whether it is code, or `None`."""
    if node["t"] != "Span" or node["c"][0][1] != [DATA]:
        return None
    inner = node["c"][1][0]
    return (inner["c"][1], True) if inner["t"] == "Code" else (inner["c"], False)


def only_words(blocks: list[Node]) -> list[Node]:
    """Return a tree without what could act, ask for something or name something."""

    def change(node: Node) -> list[Node] | None:
        kind, content = node["t"], node.get("c", [])
        if kind in ("RawBlock", "RawInline", "Image", "Figure"):
            return []
        if kind in ("Link", "Span", "Div"):
            return pandoc.transform(content[1], change)
        if kind == "Str":
            return [pandoc.text(texts.printed(content))]
        return None

    return pandoc.transform(blocks, change)


DISPLAYED = re.compile(r"\$\$.+?\$\$", re.DOTALL)
WORDS = {"fig": "Figure\N{NO-BREAK SPACE}{}", "tbl": "Table\N{NO-BREAK SPACE}{}",
         "eq": "Equation\N{NO-BREAK SPACE}{}"}  # fmt: skip
PARAMETERS = ("parameters", "injected-parameters")
"""Tags of cells that are left out: they hold paths; the title page tells the rest."""
NEW_PAGE = "new-page"  # the tag of a cell of text that opens a page of the PDF
UNNUMBERED, APPENDIX = "unnumbered", "appendix"  # tags of a cell that opens such a chapter
HEADING = re.compile(r"^(# .+)$", re.MULTILINE)
PROGRESS = re.compile(r"\r|\d+%\|| it/s|s/it")
LABEL = re.compile(r"[a-z][a-z0-9-]*")
LONGEST_STREAM = 20  # lines of printed text that the report shows of one cell


@dataclass
class Picture:
    """A figure: its files' content by ending, and what stands for it where it cannot be seen."""

    content: dict[str, bytes]
    alt: str
    data: str = ""
    """What it shows in numbers, as CSV; empty for a drawing without any."""


def named(prefix: str, number: object) -> str:
    """Return how a figure, a table or an equation of that number is called."""
    return language.known(WORDS[prefix]).format(number)


class Writer:
    """Writes cells as Markdown; keeps their texts, pictures, summary, live parts and anchors."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.pictures: dict[str, Picture] = {}
        self.summary: list[str] = []
        self.live: dict[str, dict[str, Any]] = {}
        self.anchors: dict[str, tuple[str, str]] = {}

    def cell(self, cell: Any) -> str:
        """Return a cell and its outputs as Markdown."""
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            # Within $$, a line that starts with + or - must not start a list.
            source = texts.unmarked(cell.source)
            text = DISPLAYED.sub(lambda match: " ".join(match[0].split()), source)
            for tag in {*tags} & {UNNUMBERED, APPENDIX}:
                text = HEADING.sub(rf"\1 {{.{tag}}}", text, count=1)
            return f"{_block('page', '')}\n\n{text}" if NEW_PAGE in tags else text
        if cell.cell_type != "code" or not cell.source.strip():
            return ""
        code = self._fenced(cell.source.rstrip(), "python")
        parts = [] if {*PARAMETERS} & {*tags} else [_block("code", code)]
        where = f"{cell.metadata.get('notebook', 'the notebook')}, cell [{cell.execution_count}]"
        return "\n\n".join([*parts, *(self._output(output, where) for output in cell.outputs)])

    def _output(self, output: Any, where: str) -> str:
        if output.output_type == "stream":
            return self._stream(output.text) if output.name == "stdout" else ""
        if output.output_type == "error":
            return self._stream(f"{output.ename}: {output.evalue}")
        content, details = output.data, output.metadata.get("report", {})
        kind = details.get("kind")
        if kind in ("live", "caption") or "application/vnd.jupyter.widget-view+json" in content:
            return ""
        if kind == "summary":
            lines = [texts.visible(line) for line in details["lines"]]
            self.summary.extend(lines)  # for the title page, and there alone
            return ""
        if kind == "table":
            number = self._numbered("tbl", details, where)
            caption = texts.unmarked(details["caption"])
            body = f"{caption}\n\n{self._markdown(content, details)}"
            return _block("table", body, number, details["label"])
        if kind == "figure":
            number = self._numbered("fig", details, where)
            if not str(details.get("alt", "")).strip():
                raise ReportError(f"A figure has no alternative text: {where}.")
            pictures = {}
            if "image/svg+xml" in content:
                pictures["svg"] = content["image/svg+xml"].encode()
            if "image/png" in content:
                pictures["png"] = base64.b64decode(content["image/png"])
            alt = texts.visible(details["alt"])
            self.pictures[details["label"]] = Picture(pictures, alt, str(details.get("data", "")))
            caption = texts.unmarked(details["caption"])
            return _block("figure", caption, number, details["label"])
        if any(name.startswith("image/") for name in content):
            raise ReportError(f"A picture has no caption and no alternative text: {where}.")
        if "markdown" in details or "text/markdown" in content:
            form = kind if kind in ("check", "references") else "prose"
            return _block(form, self._markdown(content, details))
        if "text/html" in content:
            words = only_words(pandoc.read_html(content["text/html"]))
            return _block("html", self.texts.keep(words))
        return self._stream(content.get("text/plain", ""))

    def _markdown(self, content: Any, details: dict[str, Any]) -> str:
        """Return the Markdown of an output; what it holds as data is kept."""
        if "markdown" in details:
            return texts.filled(details["markdown"], details["values"], self.texts.keep)
        return texts.unmarked(str(content["text/markdown"]))

    def _numbered(self, prefix: str, details: dict[str, Any], where: str) -> str:
        """Return the number of a new figure or table, and keep its anchor."""
        label, caption = str(details.get("label")), str(details.get("caption", "")).strip()
        if not LABEL.fullmatch(label) or not caption:
            kind = WORDS[prefix].split("\N{NO-BREAK SPACE}")[0].lower()
            raise ReportError(f"A {kind} has no label or no caption: {where}.")
        key = f"{prefix}:{label}"
        if key in self.anchors:
            raise ReportError(f"The label {key} is used twice, the second time in {where}.")
        number = 1 + sum(name.startswith(prefix) for name in self.anchors)
        if "live" in details:
            self.live[f"{prefix}-{label}"] = details["live"]
        self.anchors[key] = (f"{prefix}-{label}", named(prefix, number))
        return str(number)

    def _fenced(self, content: str, language: str = "text") -> str:
        return f"```{language}\n{self.texts.keep(texts.printed(content))}\n```"

    def _stream(self, content: str) -> str:
        """Return printed text, shortened, without the lines that a progress bar leaves."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", content)
        lines = [line for line in plain.split("\n") if not PROGRESS.search(line)]
        if len(lines) > LONGEST_STREAM:
            rest = len(lines) - LONGEST_STREAM + 1
            lines = [*lines[: LONGEST_STREAM - 1], f"({rest} more lines)"]
        shown = "\n".join(line[: texts.LONGEST] for line in lines).strip("\n")
        return _block("stream", self._fenced(shown)) if shown.strip() else ""


def _block(kind: str, content: str, number: str = "", label: str = "") -> str:
    return f'::::::: {{.report-{kind} number="{number}" label="{label}"}}\n\n{content}\n\n:::::::'
