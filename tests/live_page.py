"""A page whose figures are live, and the modules of its script for a test to call."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_markdown_cell, new_output
from playwright.sync_api import Page
from sample_report import cell, notebook

from lstm_report.data import sources, synthetic
from lstm_report.notebook import display
from lstm_report.report import scripts
from lstm_report.report.html import ReportHTMLExporter

DATA = os.environ.get(sources.VARIABLE)
"""Read before the tests are kept from it: here the user's own reviews serve."""


def reviews() -> list[str]:
    """Return a hundred reviews: of the user's where there are some, else of the built-in corpus."""
    if not DATA:
        return synthetic.write_reviews(100, seed=9).texts
    texts = sources.resolve(DATA).test.texts
    return [texts[k * len(texts) // 100] for k in range(100)]


def outputs(call: Callable[[], None]) -> list[Any]:
    """Return what a call displays, as a notebook keeps it."""
    kept: list[Any] = []

    def keep(content: dict[str, str], *, raw: bool, metadata: dict[str, Any]) -> None:
        kept.append(new_output("display_data", data=content, metadata=metadata))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(display, "display", keep)
        call()
    return kept


def write_page(folder: Path, *calls: Callable[[], None], text: str = "Text.") -> Path:
    """Write a page that shows what the calls display, and return its file."""
    cells = [new_markdown_cell(f"# Live\n\n{text}"), *(cell(*outputs(call)) for call in calls)]
    file = folder / "live.html"
    file.write_text(ReportHTMLExporter().from_notebook_node(notebook(*cells))[0], encoding="utf-8")
    return file


def give_modules(page: Page) -> None:
    """Put what the modules of the page's script export into `modules`, by the module's name."""
    script = scripts.bundled().rpartition("const module_main")[0]
    names = re.findall(r"^const module_(\w+)", script, re.MULTILINE)
    given = ", ".join(f"{name}: module_{name}" for name in names)
    page.evaluate(f"() => {{ {script}\nwindow.modules = {{ {given} }}; }}")
