"""From the notebooks to one HTML page and one PDF."""


class ReportError(Exception):
    """The report cannot be made; the message names the notebook, the cell or the formula."""
