"""Texts that are data, such as a review, a word or the name of a file, and tables of them.

A text that is data never passes a parser of markup. A mark stands for it in the Markdown that the
report's author wrote, and the text takes the place of its mark when the Markdown has been read.
"""

import html
import math
import re
import string
import unicodedata
from collections.abc import Callable, Collection, Sequence
from numbers import Integral, Number, Real
from typing import Any

SYMBOLS = re.compile(
    r"(?<![A-Za-z0-9_`{\\])(?:F\(x_t\)|∂?[chmx]_(?:t|\{t-1\})(?:/∂[chmx]_(?:t|\{t-1\}))?)"
    r"(?![A-Za-z0-9_`])"
)
"""Symbols of the equations as the plan and the code write them."""
NOT_MEASURED = "not measured"
SHORT = 16
"""Characters up to which a cell of a table stays on one line, as in `not measured yet`."""
SIGNS = re.compile(
    r"[\\`*_{}\[\]<>$|~@^#&]|-(?=-)|(?<![0-9A-Za-z])[-+=](?![0-9A-Za-z])|:(?=//)|(?<=www)\.|\.(?=\.)"
    r"|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$)"
)
"""What Markdown, or GitHub's, may take for a mark; a hyphen or a dot in a number stays as it is."""


def _is_float(value: Any) -> bool:
    """Return whether a value is a floating-point number; numpy registers its own as real ones."""
    return isinstance(value, Real) and not isinstance(value, Integral)


def missing(value: Any) -> bool:
    """Return whether a value is `None`, NaN or one of the missing values of pandas."""
    if _is_float(value):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def cell(value: Any, form: str = "{}") -> str:
    """Return a value as text: `not measured` when it is missing, with true signs for − and ∞."""
    if missing(value):
        return NOT_MEASURED
    if _is_float(value) and math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    text = form.format(value)
    negative = text.startswith("-") and not isinstance(value, str)
    return "\N{MINUS SIGN}" + text[1:] if negative else text


def duration(seconds: float) -> str:
    """Return a time in seconds, with the digits that matter: `0.41 s`, `44 s`, `1,230 s`."""
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def as_html(
    heading: list[str], rows: list[list[str]], numeric: list[bool], written: list[bool]
) -> str:
    """Return an HTML table; numeric columns are aligned right, and short cells stay on one line.

    Args:
        heading, rows: its texts.
        numeric: whether a column holds numbers.
        written: whether a column is the author's, where mathematics stands between dollar signs.
    """

    def style(text: str, number: bool) -> str:
        aligned = f"text-align:{'right' if number else 'left'}"
        return f"{aligned};white-space:nowrap" if len(text) <= SHORT else aligned

    def line(tag: str, cells: list[str]) -> str:
        return "".join(
            f'<{tag} style="{style(text, number)}">{html.escape(text) if mine else literal(text)}'
            f"</{tag}>"
            for text, number, mine in zip(cells, numeric, written, strict=True)
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


MARK = re.compile("\ue000([0-9]+)\ue001")
CODE = re.compile(r"(?ms)^```\w*\n(?P<lines>.*?)\n```$|(?<!`)`(?P<words>[^`]+)`(?!`)")
LONGEST = 2_000
"""Characters that are shown of one text."""
LONG_WORD, PIECE = 24, 12
"""Letters up to which a word is kept whole, and those of the pieces of a longer one."""
EAST_ASIAN = "\u2e80-\u9fff\uac00-\ud7a3\uff00-\uffef"
NONE = "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
HIDDEN = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069"
    f"\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffb{NONE}]"
)
"""Control characters, those that turn the direction of what follows, and what is no character."""


class Markup(str):
    """A value of `display.say` that is no data: Markdown that the report's author wrote."""


def with_formulas(markdown: str) -> str:
    """Return Markdown in which the symbols of the equations, as in `h_{t-1}`, are formulas.

    What holds formulas already stays as it is.
    """
    if "$" in markdown:
        return markdown
    return SYMBOLS.sub(lambda found: "$" + found[0].replace("∂", r"\partial ") + "$", markdown)


def mark(number: int) -> str:
    """Return what stands in Markdown for the text of that number."""
    return f"\ue000{number}\ue001"


def unmarked(text: str) -> str:
    """Return a text from elsewhere without anything that could pass for a mark."""
    return re.sub("[\ue000\ue001]", "\N{REPLACEMENT CHARACTER}", text)


def printed(text: str) -> str:
    """Return a text of several lines as it can be shown, with U+FFFD for what has no sign."""
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def visible(text: str, longest: int = LONGEST) -> str:
    """Return a text as it can be shown on one line, and no more than `longest` letters of it."""
    text = " ".join(printed(text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def numbered(text: str, missing: Collection[str]) -> str:
    """Return a text with the number of each character for which there is no sign."""
    return "".join(f"U+{ord(letter):04X}" if letter in missing else letter for letter in text)


def width(text: str) -> int:
    """Return how many letters wide a text is; Chinese ones count as two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def words(text: str) -> list[str]:
    """Return the parts of a text between which a line may break."""
    return re.findall(rf"[{EAST_ASIAN}]|[^\s{EAST_ASIAN}]+", text)


def pieces(text: str) -> list[str]:
    """Return a text in pieces between which a line may break; only long words are cut.

    Between Chinese, Japanese or Korean letters a line may break anyway.
    """
    made, start = [], 0
    for word in re.finditer(rf"[^\s{EAST_ASIAN}]{{{LONG_WORD + 1},}}", text):
        for place in range(word.start() + PIECE, word.end() - 1):
            joined = (
                unicodedata.category(text[place])[0] == "M" or "\u200d" in text[place - 1 :][:2]
            )
            if place - max(start, word.start()) >= PIECE and not joined:
                made.append(text[start:place])
                start = place
    return [*made, text[start:]]


def filled(markdown: str, values: Sequence[str], form: Callable[[str], str] = str) -> str:
    """Return a text with its marks replaced by what `form` makes of their values."""
    return MARK.sub(lambda found: form(values[int(found[1])]), markdown)


class Template(string.Formatter):
    """Formats Markdown: figures and `Markup` are written into it, other values become marks."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def mark(self, text: str) -> str:
        """Keep a text and return its mark."""
        self.values.append(visible(text))
        return mark(len(self.values) - 1)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as text, or its mark; of a list, those of its entries in lines."""
        if isinstance(value, list):
            return "\n".join(self.format_field(entry, format_spec) for entry in value)
        text = cell(value, "{:" + format_spec + "}")
        own = isinstance(value, (Markup, Number)) or missing(value)
        return text if own else self.mark(text)


def table(
    heading: list[str], rows: list[list[str]], numeric: list[bool], written: list[bool]
) -> tuple[str, list[str]]:
    """Return a pipe table as Markdown in which marks stand for its texts, and the texts."""
    template = Template()

    def entry(text: str, own: bool) -> str:
        if own and re.fullmatch(r"\$[^$]+\$", text):
            return text.replace("|", r"\vert ")
        return escaped(text) if own else template.mark(text)

    marked = [list(map(entry, row, written)) for row in (heading, *rows)]
    return piped(marked[0], marked[1:], numeric), template.values


def forms(markdown: str, values: Sequence[str]) -> dict[str, str]:
    """Return a filled template by media type, for a reader of notebooks."""
    import mistune

    read = mistune.create_markdown(escape=True, plugins=["math", "strikethrough", "table"])

    def code(found: re.Match[str]) -> str:
        """Return code in HTML, as nothing can be escaped inside that of Markdown."""
        if not MARK.search(found[0]):
            return found[0]
        if found["lines"]:
            return f"<pre>{filled(html.escape(found['lines']), values, literal)}</pre>"
        return f"<code>{escaped(found['words'])}</code>"

    return {
        "text/html": filled(str(read(markdown)), values, literal),
        "text/markdown": filled(CODE.sub(code, markdown), values, escaped),
        "text/plain": filled(markdown, values),
    }
