"""The texts of a report that are data: kept apart while Markdown is read, then put in its tree."""

from typing import Any
from urllib.parse import unquote

from lstm_report import texts
from lstm_report.report import ReportError, pandoc
from lstm_report.report.pandoc import Node

DATA = "data"  # the class of a span that holds one text as it stands


class Texts:
    """What the marks of a document stand for: texts, and blocks that are there already."""

    def __init__(self) -> None:
        self.kept: list[str | list[Node]] = []

    def mark(self, text: str) -> str:
        """Keep a text and return its mark."""
        return self.keep(text)

    def keep(self, content: str | list[Node]) -> str:
        """Keep a text or blocks and return the mark."""
        self.kept.append(content)
        return texts.mark(len(self.kept) - 1)

    def fill(self, blocks: list[Node]) -> list[Node]:
        """Return a tree in which texts and blocks have taken the places of their marks.

        Raises:
            ReportError: for a mark where no text can stand as it is, as in a formula.
        """
        made: list[Node] = pandoc.transform(blocks, self._change)
        return made

    def _change(self, node: Node) -> list[Node] | None:
        kind, content = node["t"], node.get("c", [])
        if kind == "Para" and len(content) == 1 and content[0]["t"] == "Str":
            found = texts.MARK.fullmatch(content[0]["c"])
            kept = self.kept[int(found[1])] if found else ""
            return kept if isinstance(kept, list) else None
        if kind == "Str" and texts.MARK.search(content):
            return self._spans(content)
        if kind in ("Code", "CodeBlock") and texts.MARK.search(content[1]):
            text = texts.MARK.sub(self._text, content[1])
            filled = {"t": kind, "c": [content[0], text]}
            return [data(filled) if kind == "Code" else filled]
        # Pandoc writes the characters of a mark in an address as numbers of their bytes.
        if kind in ("Math", "Link") and texts.MARK.search(unquote("".join(content[-1]))):
            raise ReportError("A text that is data stands in a formula or in an address.")
        return None

    def _text(self, found: Any) -> str:
        return str(self.kept[int(found[1])])

    def _spans(self, content: str) -> list[Node]:
        made, position = [], 0
        for found in texts.MARK.finditer(content):
            made += [pandoc.text(content[position : found.start()])]
            made += [data(pandoc.text(self._text(found)))]
            position = found.end()
        return [node for node in [*made, pandoc.text(content[position:])] if node["c"]]


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
            inner: list[Node] = pandoc.transform(content[1], change)
            return inner
        if kind == "Str":
            return [pandoc.text(texts.printed(content))]
        return None

    made: list[Node] = pandoc.transform(blocks, change)
    return made
