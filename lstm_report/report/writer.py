"""The cells of notebooks as Markdown in which marks stand for the texts that are data."""

import base64
import re
from dataclasses import dataclass
from typing import Any

from lstm_report import texts
from lstm_report.report import ReportError, pandoc
from lstm_report.report.fill import Texts, only_words

DISPLAYED = re.compile(r"\$\$.+?\$\$", re.DOTALL)
WORDS = {"fig": "Figure", "tbl": "Table"}
NEW_PAGE = "new-page"  # the tag of a cell of text that opens a page of the PDF
PROGRESS = re.compile(r"\r|\d+%\|| it/s|s/it")
LABEL = re.compile(r"[a-z][a-z0-9-]*")
LONGEST_STREAM = 20  # lines of printed text that the report shows of one cell


@dataclass
class Picture:
    """A figure: its files' content by type, and what stands for it where it cannot be seen."""

    content: dict[str, bytes]
    alt: str


class Writer:
    """Writes cells as Markdown; keeps their texts, pictures and summary and what can be named."""

    def __init__(self, pictures: dict[str, Picture], summary: list[str]) -> None:
        self.pictures = pictures
        self.summary = summary
        self.texts = Texts()
        self.anchors: dict[str, tuple[str, str]] = {}

    def cell(self, cell: Any) -> str:
        """Return a cell and its outputs as Markdown."""
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            # Within $$, a line that starts with + or - must not start a list.
            source = texts.unmarked(cell.source)
            text = DISPLAYED.sub(lambda match: " ".join(match[0].split()), source)
            return f"{_block('page', '')}\n\n{text}" if NEW_PAGE in tags else text
        if cell.cell_type != "code" or not cell.source.strip():
            return ""
        code = self._fenced(cell.source.rstrip(), "python")
        parts = [] if "parameters" in tags else [_block("code", code)]
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
            # The chapters build on each other, so what the last one found is told first.
            self.summary[:0] = lines
            return _block(kind, "\n".join(f"- {self.texts.mark(line)}" for line in lines))
        if kind == "table":
            number = self._numbered("tbl", details, where)
            caption = texts.unmarked(details["caption"])
            body = f"{caption}\n\n{self._markdown(content, details)}"
            return _block("table", body, number, details["label"])
        if kind == "figure":
            number = self._numbered("fig", details, where)
            if not str(details.get("alt", "")).strip():
                raise ReportError(f"A figure has no alternative text: {where}.")
            pictures = {
                name: content[name].encode() if "svg" in name else base64.b64decode(content[name])
                for name in ("image/svg+xml", "image/png")
                if name in content
            }
            alt = texts.visible(details["alt"])
            self.pictures[details["label"]] = Picture(pictures, alt)
            caption = texts.unmarked(details["caption"])
            return _block("figure", caption, number, details["label"])
        if any(name.startswith("image/") for name in content):
            raise ReportError(f"A picture has no caption and no alternative text: {where}.")
        if "markdown" in details or "text/markdown" in content:
            return _block("check" if kind == "check" else "prose", self._markdown(content, details))
        if "text/html" in content:
            return _block(
                "html", self.texts.keep(only_words(pandoc.read_html(content["text/html"])))
            )
        return self._stream(content.get("text/plain", ""))

    def _markdown(self, content: Any, details: dict[str, Any]) -> str:
        """Return the Markdown of an output; what it holds as data is kept."""
        if "markdown" in details:
            return texts.filled(details["markdown"], details["values"], self.texts.mark)
        return texts.unmarked(str(content["text/markdown"]))

    def _numbered(self, prefix: str, details: dict[str, Any], where: str) -> str:
        """Return the number of a new figure or table, and keep its anchor."""
        label, caption = str(details.get("label")), str(details.get("caption", "")).strip()
        if not LABEL.fullmatch(label) or not caption:
            raise ReportError(f"A {WORDS[prefix].lower()} has no label or no caption: {where}.")
        key = f"{prefix}:{label}"
        if key in self.anchors:
            raise ReportError(f"The label {key} is used twice, the second time in {where}.")
        number = 1 + sum(name.startswith(prefix) for name in self.anchors)
        self.anchors[key] = (f"{prefix}-{label}", f"{WORDS[prefix]}\N{NO-BREAK SPACE}{number}")
        return str(number)

    def _fenced(self, content: str, language: str = "text") -> str:
        return f"```{language}\n{self.texts.mark(texts.printed(content))}\n```"

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
