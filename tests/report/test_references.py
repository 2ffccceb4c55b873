"""The report's list of references: complete, and nothing in it that is not cited."""

import ast
import re

import nbformat

from lstm_report.paths import NOTEBOOKS, ROOT

NAME = r"[A-Z][\w-]+"
CITED = re.compile(rf"({NAME}(?:, {NAME})*(?: and {NAME})?)( et al\.)? \(?((?:19|20)\d\d)\b")
ENTRY = re.compile(r"^- (.+?) \((\d{4})\)\. .+\.$", re.MULTILINE)
AUTHOR = re.compile(rf"({NAME}), (?:[A-Z]\.[ ,]*)+")


def strings(code):
    """The texts in code that are not documentation."""
    tree = ast.parse(code)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documented:
            yield str(node.value)


def shown():
    """What the report may show, and the cell of its references."""
    texts, listed = [], []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.source.startswith("## References"):
                listed.append(cell.source)
            else:
                texts += [cell.source] if cell.cell_type == "markdown" else strings(cell.source)
    for path in (ROOT / "lstm_report").rglob("*.py"):
        texts += strings(path.read_text(encoding="utf-8"))
    (references,) = listed
    return "\n\n".join(texts), references


def test_every_work_that_the_report_cites_is_listed():
    text, references = shown()
    works = [(AUTHOR.findall(names), year) for names, year in ENTRY.findall(references)]
    found = CITED.findall(text)
    assert len(found) > 10
    for names, others, year in found:
        cited = re.split(", | and ", names)
        fitting = [
            authors
            for authors, published in works
            if published == year and (authors[:1] if others else authors) == cited
        ]
        assert len(fitting) == 1, f"{names}{others} {year}"


def test_every_listed_work_is_cited_and_the_list_is_in_order():
    text, references = shown()
    lines = [line for line in references.splitlines() if line.startswith("- ")]
    entries = ENTRY.findall(references)
    assert len(entries) == len(lines) and lines == sorted(lines)
    for names, year in entries:
        assert re.search(rf"\b{AUTHOR.findall(names)[0]}\b", text), f"{names} {year}"
