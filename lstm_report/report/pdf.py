"""The PDF: the document's tree as Typst, set as A4 pages.

Figures stay vector graphics. Their text is drawn as paths (`svg.fonttype` "path"), because the
fonts of matplotlib are not those that Typst carries and would be replaced by others.
"""

import functools
import json
import logging
import re
from pathlib import Path
from typing import Any

from lstm_report import language, paths, texts
from lstm_report.errors import UserError
from lstm_report.report import ReportError, mathematics, pandoc
from lstm_report.report.document import Document, formula_of
from lstm_report.report.pandoc import Node
from lstm_report.report.writer import data_of, named

LETTERS = """#counter(heading).update(0)
#set heading(numbering: "A.1")
#show heading.where(level: 2): set heading(outlined: false, bookmarked: true)"""
"""What stands before the first appendix; of the appendices, the contents have the titles alone."""
USUAL, MONO = "Libertinus Serif", "DejaVu Sans Mono"
"""The families of Typst's own."""
CHINESE = (
    ("Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC", "Source Han Serif CN",
     "Songti SC", "STSong", "SimSun", "AR PL UMing CN"),
    ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "Source Han Sans CN",
     "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "WenQuanYi Zen Hei",
     "WenQuanYi Micro Hei", "Droid Sans Fallback"),
)  # fmt: skip
"""Families with Chinese letters, with serifs and without, the best first."""
NONE = "\U0010fffd"  # for private use, so that no font has a sign
KNOWN = "\u024f"  # up to here, Latin letters, which the fonts of Typst have
PAGES = """#set page(width: auto, height: auto, margin: 1pt)
#for letter in json("letters.json") { page(text(font: "Libertinus Serif", letter)) }
"""
TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
inline = functools.partial(pandoc.raw, "typst")
block = functools.partial(pandoc.raw, "typst", block=True)


def look() -> dict[str, Any]:
    """Return the language of the document, its families of letters, and its own words."""
    spoken = language.chosen()
    serif, sans = letters(spoken)
    # Quotes and dashes are those of the other letters, not of the Latin ones.
    latin = {"name": USUAL, "covers": "latin-in-cjk"} if serif else USUAL
    return {
        "language": spoken,
        "serif": [latin, *serif],
        "sans": sans or [USUAL],
        "mono": [MONO, *sans],
        "contents": language.known("Contents"),
    }


def letters(spoken: str) -> tuple[list[str], list[str]]:
    """Return a family with serifs and one without, of those that a language needs besides.

    Raises:
        UserError: when none is installed that has the letters of the language.
    """
    if spoken == "en":
        return [], []
    import typst

    installed = {*typst.Fonts().families()}
    serif, sans = ([name for name in names if name in installed][:1] for names in CHINESE)
    if not serif and not sans:
        raise UserError(
            "Expected a font with Chinese letters for the PDF and the figures, found none: install "
            "one, such as fonts-noto-cjk of Debian, or Noto Serif SC and Noto Sans SC."
        )
    return serif or sans, sans or serif


def missing(text: str) -> set[str]:
    """Return the characters of a text that Typst draws as it draws one that no font has."""
    import typst

    asked = [NONE, *sorted({letter for letter in text if letter > KNOWN})]
    if len(asked) == 1:
        return set()
    with paths.scratch() as folder:
        (folder / "letters.json").write_text(json.dumps(asked), encoding="utf-8")
        source = folder / "letters.typ"
        source.write_text(PAGES, encoding="utf-8")
        pages = typst.compile(str(source), format="svg")
    drawn = [re.findall(rb'<symbol id="([^"]+)"', bytes(page or b"")) for page in pages]
    return {letter for letter, signs in zip(asked[1:], drawn[1:], strict=True) if signs == drawn[0]}


def typeset(document: Document, facts: dict[str, Any], *, code: bool = False) -> bytes:
    """Return the PDF of a document.

    Args:
        document: what `document.compose` returned.
        facts: `title`, `subtitle`, `authors`, `banner` and `facts`, see `build.describe`.
        code: whether the code of the notebooks and what it printed are shown.

    Raises:
        ReportError: when a formula is not understood or Typst cannot set a page.
        UserError: when there is no room for temporary files.
    """
    import typst

    with paths.scratch() as folder:
        source = folder / "report.typ"
        data: list[str | list[str]] = []
        body = _markup(document, folder, code, data)
        told = {
            **facts,
            **look(),
            "facts": [[name, texts.pieces(value)] for name, value in facts["facts"]],
            "summary": [*map(texts.pieces, document.summary)],
        }
        without = missing(json.dumps([told, data], ensure_ascii=False))
        if without:
            logging.getLogger("lstm_report").warning(
                "No font that is installed has a sign for %s, so the PDF shows its number: install "
                "one, such as Noto Sans CJK.",
                texts.numbered(min(without), without),
            )
        for file, content in (("facts.json", told), ("data.json", data)):
            text = texts.numbered(json.dumps(content, ensure_ascii=False), without)
            (folder / file).write_text(text, encoding="utf-8")
        source.write_text(TEMPLATE.read_text(encoding="utf-8") + body, encoding="utf-8")
        try:
            output, warnings = typst.compile_with_warnings(str(source), pdf_standards=["ua-1"])
        except typst.TypstError as error:
            raise ReportError(f"The PDF cannot be set: {error}") from error
    # Typst replaces a font it does not have without stopping, and prints boxes.
    if fonts := [str(entry) for entry in warnings if "font" in str(entry)]:
        raise ReportError(f"The PDF lacks a font: {fonts[0]}")
    return bytes(output)


def _markup(document: Document, folder: Path, code: bool, data: list[str | list[str]]) -> str:
    """Return the text of the document as Typst.

    Its pictures are written to `folder`. Texts that are data are added to `data`, from where Typst
    takes them as they stand.
    """
    formulas = mathematics.to_typst(document.formulas)

    def inside(nodes: Any) -> list[Node]:
        return pandoc.transform(nodes, change)

    def boxed(start: str, nodes: list[Node]) -> list[Node]:
        return [block(start), *inside(nodes), block("]")]

    def kept(text: str | list[str]) -> str:
        data.append(text)
        return f"data.at({len(data) - 1})"

    def captioned(start: str, called: str, nodes: list[Node], end: str) -> Node:
        name = inline(f"{start}#strong[{called}.] ")
        return {"t": "Para", "c": [name, *inside(nodes[0]["c"]), inline(end)]}

    def special(kind: str, pairs: dict[str, str], nodes: list[Node]) -> list[Node] | None:
        label, number = pairs.get("label", ""), pairs.get("number", "")
        if kind in ("report-code", "report-stream", "report-html"):
            return inside(nodes) if code and kind != "report-html" else []
        if kind == "report-page":
            return [block("#pagebreak(weak: true)")]
        if kind == "report-prose" and pandoc.plain(nodes[-1:]).endswith(":"):
            # What announces the next block stays on its page.
            return boxed("#block(sticky: true)[", nodes)
        if kind == "report-figure":
            picture = document.pictures[label]
            ending = "svg" if "svg" in picture.content else "png"
            file = f"{label}.{ending}"
            (folder / file).write_bytes(picture.content[ending])
            start = f'#figure(picture("{file}", alt: {kept(picture.alt)}), caption: ['
            return [captioned(start, named("fig", number), nodes, f"]) <fig-{label}>")]
        if kind == "report-table":
            head = captioned("#tabled([", named("tbl", number), nodes, f"], <tbl-{label}>)[")
            table: Node = {"t": "Table", "c": inside(nodes[1]["c"])}
            return [head, table, block("]"), *inside(nodes[2:])]
        if kind == "report-check":
            return boxed("#checked[", nodes)
        if kind == "report-references":
            return boxed("#works[", nodes)
        return inside(nodes)

    def change(node: Node) -> list[Node] | None:
        kind, content = node["t"], node.get("c", [])
        if found := data_of(node):
            form = "raw" if found[1] else "text"
            return [inline(f"#broken({form}, {kept(texts.pieces(found[0]))})")]
        if kind == "CodeBlock":
            lines = "\n".join("\u200b".join(texts.pieces(line)) for line in content[1].split("\n"))
            return [block(f"#raw(block: true, {kept(lines)})")]
        if kind == "Math":
            formula = formula_of(node)
            return [inline(f"#formula(alt: {kept(formula.tex)})[{formulas[formula]}]")]
        if kind == "Span" and content[0][1] == ["equation"]:
            number, formula = dict(content[0][2])["number"], formula_of(content[1][0])
            options = f'alt: {kept(formula.tex)}, number: "({number})"'
            return [inline(f"#formula({options})[{formulas[formula]}] <equation-{number}>")]
        if kind == "Header":
            level, (anchor, _, pairs), inlines = content
            number = dict(pairs)["number"]
            if not number and level <= 3:
                start = f"#heading(level: {level}, numbering: none)["
                end = inline(f"] <{anchor}>" if anchor else "]")
                return [{"t": "Para", "c": [inline(start), *inside(inlines), end]}]
            head = {"t": "Header", "c": [level, pandoc.attributes(anchor), inside(inlines)]}
            return [block(LETTERS), head] if number == "A" else [head]
        if kind == "Div" and content[0][1]:
            return special(content[0][1][0], dict(content[0][2]), content[1])
        return None

    return pandoc.write(inside(document.blocks), "typst", "--syntax-highlighting", "none")[0]
