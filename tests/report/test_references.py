"""The report's list of references: complete, and nothing in it that is not cited."""

import ast
import re

import nbformat

from lstm_report.notebook import references
from lstm_report.paths import NOTEBOOKS, ROOT

NAME = r"[A-ZÀ-Ž][\w-]+"
CITED = re.compile(rf"({NAME}(?:, {NAME})*(?: and {NAME})?)( et al\.)? \(?((?:19|20)\d\d)\b")


def strings(code):
    """The texts in code that are not documentation."""
    tree = ast.parse(code)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documented:
            yield str(node.value)


def shown():
    """What the report may show."""
    texts = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            texts += [cell.source] if cell.cell_type == "markdown" else strings(cell.source)
    for path in (ROOT / "lstm_report").rglob("*.py"):
        texts += strings(path.read_text(encoding="utf-8"))
    return "\n\n".join(texts)


def families(item):
    return [author["family"] for author in item["author"] if "family" in author]


def test_every_work_that_the_report_cites_is_listed():
    found, works = CITED.findall(shown()), references.works()
    assert len(found) > 10
    for names, others, year in found:
        cited = re.split(", | and ", names)
        fitting = [
            item
            for item in works
            if references.year(item) == year
            and (families(item)[:1] if others else families(item)) == cited
        ]
        assert len(fitting) == 1, f"{names}{others} {year}"


def test_every_listed_work_is_cited_in_the_report():
    text = shown()
    for item in references.works():
        first, year = families(item)[0], references.year(item)
        assert re.search(rf"{first}\b[^;]{{0,60}}? \(?{year}", text), f"{first} {year}"


def test_the_list_is_in_order_and_each_entry_is_whole():
    lines = references.as_markdown().splitlines()
    assert lines == sorted(lines) and len(lines) == len(references.works()) > 30
    for line in lines:
        assert re.fullmatch(r"- .+ \(\d{4}\)\. .+[.?] \*.+\*.*\.( <https://\S+>)?", line), line
    assert any("Wu, Y., et al. (2016). Google’s neural machine" in line for line in lines)
