"""Keep the catalogues of translations: collect what is shown, bring them up to date, check them.

Usage: make catalogue, or python .ci/catalogue.py [--check]

Collected are the paragraphs of the notebooks, the texts of the code in `SHOWN` and in the cells of
the notebooks that hold more than one word, what the scripts and the templates of the page name,
and, kept in the catalogue as terms, words that stand alone in a table or a figure. `--check`
changes nothing: it prints each text without translation, and each translation whose text is gone
or that has other numbers, fields, formulas, code or references, and each text with fields side by
side, and ends with 1 if there is any.
"""

import argparse
import ast
import difflib
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from lstm_report import language, paths
from lstm_report.figures import style
from lstm_report.report import scripts
from lstm_report.studies.tuned import SEARCHES

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lstm_report"
SHOWN = (
    "claims", "figures", "notebook", "statistics", "texts.py", "studies/catalogue.py",
    "studies/tuned.py", "training/baselines.py", "training/loop.py", "training/shipped.py",
    "data/sources.py", "report/build.py", "report/html.py", "report/writer.py",
)  # fmt: skip
UNSHOWN = ("claims/plan.py", "figures/values.py", "notebook/references.py")
"""What writes for other readers than those of the report, or names works."""
NAMES = re.compile(
    r"(?:lstm|reslstm|gatedlstm) [a-z{].*|lstm-report \S+.*|"
    r".*<[!/a-z].*|.*[#\[]\w.*|.*:::.*|.*\\vert.*|\\partial ",
    re.DOTALL,
)
"""Names of cells and trials, which are code, and markup."""
UNTOLD = {*style.FURTHER, *(trial for search in SEARCHES.values() for trial in search.trials)}
"""Names that are shown as they are."""
SILENT = {
    "UserError", "ReportError", "ValueError", "AssertionError", "RuntimeError", "TypeError",
    "require", "compile", "warning", "print", "sub", "split", "fullmatch", "search", "match",
    "unknown", "getLogger", "query", "check_names", "removeprefix",
}  # fmt: skip
"""Functions whose texts the report does not show."""
WORDS = re.compile(r"[A-Za-z]{2,}.*\s|\s.*[A-Za-z]{2,}", re.DOTALL)
PAGE = (".js", ".j2", ".typ")
NAMED = re.compile(r"""["']([^"'{}]+)["']\s*\|\s*told""")
SAME = {
    "fields": re.compile(r"\{[^{}\s]*\}"),
    "formulas": re.compile(r"\$[^$]+\$"),
    "code": re.compile(r"`[^`]*`"),
    "references": re.compile(r"@(?:fig|tbl|eq):[a-z0-9-]+"),
    "numbers": re.compile(r"(?<![\d{])\d+(?:[.,]\d+)*(?![\d}])"),
}
"""What a translation has as its text has it."""
Found = tuple[str, str, bool]
"""A text, where it stands, and whether it has fields."""


def template(node: ast.AST) -> tuple[str, bool] | None:
    """Return the text of a constant or of an f-string with numbered fields, and if it has any."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, False
    if not isinstance(node, ast.JoinedStr):
        return None
    parts, fields = [], 0
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value).replace("{", "{{").replace("}", "}}"))
        else:
            parts.append(f"{{{fields}}}")
            fields += 1
    return "".join(parts), True


def silent(node: ast.AST) -> bool:
    """Return whether what stands in a node is not shown."""
    if isinstance(node, ast.Raise):
        called = getattr(node.exc, "func", None)
        return getattr(called, "id", "") != "Missing"  # what is missing is told in the report
    if isinstance(node, ast.Assert | ast.Compare | ast.Subscript):
        return True
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return name in SILENT
    return False


def texts_of(tree: ast.Module) -> Iterator[tuple[str, int, bool]]:
    """Yield the texts of code that may be shown: text, line, and whether it has fields."""
    unseen: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", [])
        for entry in body if isinstance(body, list) else []:
            if isinstance(entry, ast.Expr) and isinstance(entry.value, ast.Constant):
                unseen.add(id(entry.value))
        if silent(node):
            unseen |= {id(inner) for inner in ast.walk(node)} - {id(node)}
            unseen |= {id(node)} if isinstance(node, ast.Constant) else set()
        if isinstance(node, ast.JoinedStr):
            unseen |= {id(value) for value in node.values if isinstance(value, ast.Constant)}
            for value in node.values:
                if isinstance(value, ast.FormattedValue) and value.format_spec:
                    unseen |= {id(inner) for inner in ast.walk(value.format_spec)}
    for node in ast.walk(tree):
        if id(node) not in unseen and (made := template(node)):
            yield made[0], getattr(node, "lineno", 0), made[1]


def shown_code() -> list[Path]:
    """Return the files of the package whose texts the report shows."""
    files = [
        file
        for name in SHOWN
        for file in sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / name]
    ]
    return [file for file in files if str(file.relative_to(PACKAGE)) not in UNSHOWN]


def of_code() -> Iterator[Found]:
    """Yield what the package shows."""
    for file in shown_code():
        for text, line, fields in texts_of(ast.parse(file.read_text(encoding="utf-8"))):
            yield text, f"{file.relative_to(ROOT)}:{line}", fields


def of_notebooks() -> Iterator[Found]:
    """Yield the paragraphs of the notebooks, and what their code shows."""
    for file in sorted(paths.NOTEBOOKS.glob("[0-9]*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            where = f"{file.relative_to(ROOT)}:{cell.id}"
            if cell.cell_type == "markdown":
                yield from ((text, where, False) for text in language.paragraphs(cell.source))
            else:
                for text, _, fields in texts_of(ast.parse(cell.source)):
                    yield text, where, fields


def of_page() -> Iterator[Found]:
    """Yield what the scripts and the templates of the page show."""
    for text in sorted(scripts.said_by_scripts()):
        yield text, "lstm_report/report/page/texts.js", "{" in text
    for file in sorted((PACKAGE / "report" / "templates").rglob("*.*")):
        if file.suffix in (".j2", ".typ"):
            for found in NAMED.finditer(file.read_text(encoding="utf-8")):
                yield found[1], str(file.relative_to(ROOT)), False


def collected() -> tuple[Catalog, str]:
    """Return the catalogue of what is shown, without translations, and all texts and code."""
    # What was measured for speed has its names in the record.
    measured = [json.loads(file.read_bytes()) for file in paths.RESULTS.glob("bench/*.json")]
    every = [file.read_text("utf-8") for file in shown_code()]
    every += [json.dumps(record, ensure_ascii=False) for record in measured]
    catalogue = Catalog(fuzzy=False)
    for text, where, fields in (*of_notebooks(), *of_code(), *of_page()):
        every.append(text)
        if (
            text in UNTOLD
            or not where.endswith(PAGE)
            and (not WORDS.search(text) or NAMES.fullmatch(text) or language.needs_none(text))
        ):
            continue
        file, _, place = where.partition(":")  # a line changes too often to be kept
        flags = ["python-brace-format"] if fields else []
        message = catalogue.get(text)
        if message is None:
            remarks = [] if place.isdigit() or not place else [place]
            catalogue.add(text, locations=[(file, 0)], flags=flags, auto_comments=remarks)
        elif (file, 0) not in message.locations:
            message.locations.append((file, 0))
    return catalogue, "\n".join(every)


def kept(path: Path) -> Catalog:
    """Return a catalogue as it stands in a file, or an empty one."""
    if not path.is_file():
        return Catalog(locale=path.stem)
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def updated(path: Path) -> tuple[Catalog, list[str]]:
    """Return a catalogue with what is shown now and the translations that it had, and those gone.

    What is shown but not collected, words that stand alone, stays as long as the code has it. For
    a text that is new, the translation of the one most like it is kept as a suggestion.
    """
    made, whole = collected()
    before = kept(path)
    gone = [message.id for message in before if message.id and message.id not in whole]
    for message in before:
        if message.id and message.string and message.id in whole and message.id not in made:
            made.add(message.id, user_comments=["A word that stands alone."])
    for message in made:
        found = before.get(message.id) if message.id else None
        if found is not None:
            message.string = found.string
            message.flags |= found.flags & {"fuzzy"}
        elif message.id and (close := difflib.get_close_matches(message.id, gone, 1, 0.7)):
            message.string = before.get(close[0]).string
            message.flags.add("fuzzy")
    return made, gone


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as the text of its file."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, omit_header=True, include_lineno=False)
    return stream.getvalue()


def differing(text: str, translation: str) -> list[str]:
    """Return what a translation has otherwise than its text, of what is the same in both."""
    return [
        f"{what} {sorted(ours)} became {sorted(theirs)}"
        for what, pattern in SAME.items()
        if (ours := pattern.findall(text)) is not None
        and (theirs := pattern.findall(translation)) is not None
        and sorted(ours) != sorted(theirs)
    ]


def faults(path: Path) -> list[str]:
    """Return what is wrong with a catalogue, a sentence each."""
    made, gone = updated(path)
    told = [f"Its text is gone: {text!r}." for text in gone]
    for message in made:
        if not message.id:
            continue
        where = ":".join(str(part) for part in (message.locations or [("a word", "")])[0] if part)
        if message.fuzzy or not message.string:
            told.append(f"No translation yet, or one of an older text: {message.id!r} ({where}).")
            continue
        if "}{" in message.id and message.id != message.string:
            told.append(f"Nothing tells what fills which of two fields: {message.id!r} ({where}).")
        told += [f"{found}: {message.id!r} ({where})."
                 for found in differing(message.id, message.string)]  # fmt: skip
    return told


def main() -> int:
    """Bring every catalogue up to date, or check it; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, print what is wrong")
    checked = parser.parse_args().check
    wrong = 0
    for spoken in language.LANGUAGES:
        path = language.FOLDER / f"{spoken}.po"
        if spoken == "en":
            continue
        if not checked:
            catalogue, _ = updated(path)
            path.write_bytes(written(catalogue))
        for fault in faults(path):
            wrong += 1
            print(f"{path.name}: {fault}")
    return int(bool(wrong) and checked)


if __name__ == "__main__":
    sys.exit(main())
