"""Tables as HTML, as Markdown and for a terminal, with what is missing said in words."""

import html
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

NOT_MEASURED = "not measured"
SHORT = 10
"""Characters up to which a cell of a table stays on one line, as in `≤ 1.05`."""
SIGNS = re.compile(
    r"[\\`*_{}\[\]<>$|~@^#&]|-(?=-)|(?<![0-9A-Za-z])[-+=](?![0-9A-Za-z])|:(?=//)|(?<=www)\.|\.(?=\.)"
    r"|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$)"
)
"""What Markdown, or GitHub's, may take for a mark; a hyphen or a dot in a number stays as it is."""


def missing(value: Any) -> bool:
    """Return whether a value is `None`, NaN or one of the missing values of pandas."""
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def cell(value: Any, form: str = "{}") -> str:
    """Return a value as text: `not measured` when it is missing, with true signs for − and ∞."""
    if missing(value):
        return NOT_MEASURED
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    text = form.format(value)
    negative = text.startswith("-") and not isinstance(value, str)
    return "\N{MINUS SIGN}" + text[1:] if negative else text


def duration(seconds: float) -> str:
    """Return a time in seconds, with the digits that matter: `0.41 s`, `44 s`, `1,230 s`."""
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def as_html(
    heading: list[str],
    rows: list[list[str]],
    numeric: list[bool],
    written: Sequence[bool] | None = None,
) -> str:
    """Return an HTML table; numeric columns are aligned right, and short cells stay on one line.

    Args:
        heading, rows: its texts.
        numeric: whether a column holds numbers.
        written: whether a column is the author's, where mathematics stands between dollar signs.
    """
    own = written or [False] * len(heading)

    def style(text: str, number: bool) -> str:
        aligned = f"text-align:{'right' if number else 'left'}"
        return f"{aligned};white-space:nowrap" if len(text) <= SHORT else aligned

    def line(tag: str, cells: list[str]) -> str:
        return "".join(
            f'<{tag} style="{style(text, number)}">{html.escape(text) if mine else literal(text)}'
            f"</{tag}>"
            for text, number, mine in zip(cells, numeric, own, strict=True)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{line('th', heading)}</tr></thead><tbody>{body}</tbody></table>"


def as_markdown(heading: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    """Return a pipe table that shows every text unchanged; numeric columns are aligned right."""
    return piped([*map(escaped, heading)], [[*map(escaped, row)] for row in rows], numeric)


def piped(heading: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    """Return a pipe table of cells in Markdown; numeric columns are aligned right."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join("---:" if number else ":---" for number in numeric) + "|"
    return "\n".join([line(heading), rule, *map(line, rows)])


def as_text(heading: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    """Return a table for a terminal; numeric columns are aligned right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, number in zip(heading, numeric, strict=True):
        table.add_column(Text(name), justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=1_000, color_system=None, force_jupyter=False)
    with console.capture() as captured:
        console.print(table)
    lines = (line.rstrip() for line in captured.get().splitlines())
    return "\n".join(line for line in lines if line)


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it unchanged, for what cannot keep texts apart."""
    return SIGNS.sub(r"\\\g<0>", " ".join(text.split()))


def literal(text: str) -> str:
    """Return HTML that shows a text unchanged, also where mathematics is looked for afterwards."""
    return re.sub(r"[$\\]", r"<span>\g<0></span>", html.escape(text))
