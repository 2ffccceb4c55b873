"""The nbconvert exporter `lstm_report_html`: an executed notebook as one self-contained page."""

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter

from lstm_report.report import page
from lstm_report.report.document import compose, plain_title

TEMPLATES = Path(__file__).parent / "templates"


class ReportHTMLExporter(HTMLExporter):
    """Write a notebook, or the merged notebooks of the report, as one page.

    The page needs nothing outside itself: no script, no font, no style sheet, no picture. The
    notebook's metadata may hold `report_facts` with `title`, `subtitle`, `banner` (or `None`) and
    `facts`, pairs of name and value for the title page; a notebook without them is taken for a
    part of the report, whose references may point outside it.
    """

    export_from_notebook = "LSTM report (HTML)"

    def __init__(self, **options: Any) -> None:
        options.setdefault("template_name", "lstm_report_html")
        options.setdefault("extra_template_basedirs", [str(TEMPLATES)])
        super().__init__(**options)

    def from_notebook_node(  # type: ignore[override]
        self, nb: nbformat.NotebookNode, resources: Any = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page and nbconvert's resources.

        Raises:
            ReportError: see `document.compose` and `mathematics.draw`.
        """
        facts = nb.metadata.get("report_facts")
        document = compose(nb, partial=facts is None)
        resources = {} if resources is None else resources
        resources["report"] = {
            "title": plain_title(document),
            "subtitle": "",
            "banner": None,
            "facts": [],
            **(facts or {}),
            "summary": document.summary,
            "contents": page.contents(document),
            "body": page.body(document),
        }
        empty = nbformat.v4.new_notebook(metadata=nb.metadata)
        output, resources = super().from_notebook_node(empty, resources, **options)
        return output, resources
