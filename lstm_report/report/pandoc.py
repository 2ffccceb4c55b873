"""Pandoc as a function from text to text; a document is pandoc's own tree, as plain JSON."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

from lstm_report.report import ReportError

Node = dict[str, Any]
# CommonMark as JupyterLab reads it, with mathematics, tables and attributes. What JupyterLab would
# show as plain text (emoji names, sub- and superscripts by ~ and ^) is left as plain text.
READER = (
    "commonmark+tex_math_dollars+pipe_tables+fenced_divs+attributes+bracketed_spans+footnotes"
    "+strikeout+smart+raw_html"
)


def call(text: str, *arguments: str) -> tuple[str, list[str]]:
    """Return what pandoc makes of `text`, and its warnings.

    Raises:
        ReportError: when pandoc fails.
    """
    import pypandoc

    command = [pypandoc.get_pandoc_path(), *arguments]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    messages = done.stderr.decode()
    if done.returncode:
        raise ReportError(f"Pandoc cannot convert the report: {messages.strip()}")
    return done.stdout.decode(), [entry for entry in messages.split("[WARNING]") if entry.strip()]


def read(markdown: str) -> Node:
    """Return the tree of a Markdown text."""
    tree: Node = json.loads(call(markdown, "--from", READER, "--to", "json")[0])
    return tree


def write(tree: Node, target: str, *arguments: str) -> str:
    """Return the tree as `html5` or `typst`."""
    options = ("--from", "json", "--to", target, "--wrap", "none", *arguments)
    return call(json.dumps(tree), *options)[0]


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


def raw(form: str, content: str, *, block: bool = False) -> Node:
    """Return a node that stands in the output as it is."""
    return {"t": "RawBlock" if block else "RawInline", "c": [form, content]}
