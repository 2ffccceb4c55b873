"""The whole report: check the parameters, execute the notebooks, render the page and the PDF."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from lstm_report import __version__, paths, provenance
from lstm_report import language as languages
from lstm_report.errors import UserError
from lstm_report.language import known
from lstm_report.report import ReportError

if TYPE_CHECKING:
    from lstm_report.data.sources import Source
    from lstm_report.report.writer import Picture

TITLE = "LSTM and residual LSTM for the sentiment of film reviews"
AUTHORS = "The lstm-report authors"
SUBTITLE = "Theory, data, training, comparison and evidence"
BANNER = (
    "The networks of this page were trained on the built-in corpus: the figures of chapters 2 to 4 "
    "are not of IMDB. Those of the evidence are; they come from recorded runs."
)
LISTING = "made.txt"
"""In the folder of the figures, the names of those that the last build wrote, one a line."""
OFFER = re.compile("(<!-- other languages -->).*?(<!-- end -->)")
"""Where a page offers the report in other languages."""
LARGEST_PAGE = 12_000_000  # bytes
SHOWN = ("torch", "numpy", "pandas", "tokenizers", "scikit-learn", "matplotlib")


@dataclass(frozen=True)
class BuildResult:
    """Where the report is, and what it found in a few lines."""

    html: Path
    pdf: Path
    summary_lines: list[str]


def build(
    profile: str = "quick",
    data: str = "auto",
    *,
    seed: int | None = None,
    epochs: int | None = None,
    layers: int | None = None,
    readout: str | None = None,
    language: str = "en",
    code: bool = False,
    output: Path = paths.BUILD,
    notebooks: Path = paths.NOTEBOOKS,
    progress: bool = True,
    **unknown: Any,
) -> BuildResult:
    """Execute the notebooks that need it and render the report.

    Args:
        profile, data, seed, epochs, layers, readout: the parameters of the notebooks, see
            `lstm_report.notebook.display.settings`; no seed means 0.
        language: one of `language.LANGUAGES`.
        code: whether the PDF shows the code.
        output: the folder for `report.html`, `report.pdf` and the executed notebooks; those of
            another language than English lie in a folder of its name there.
        notebooks: the folder of the notebooks; those whose names start with a digit are the
            chapters, in the order of their names.
        progress: whether progress is printed.
        unknown: none is allowed.

    Returns:
        The two paths and the summary.

    Raises:
        UserError: for a parameter or a data source that cannot be used, before anything runs.
        ReportError: when a notebook fails or cannot be rendered.
    """
    from lstm_report.data import sources
    from lstm_report.notebook.display import check_names, settings
    from lstm_report.progress import name_terminal
    from lstm_report.report import execute, pdf

    if progress:
        name_terminal()
    check_names(list(unknown))
    parameters: dict[str, Any] = {
        "profile": profile, "data": data, "seed": seed or 0, "epochs": epochs, "layers": layers,
        "readout": readout,
    }  # fmt: skip
    languages.check(language)
    if language != "en":
        parameters["language"] = language
        output = output / language
        pdf.letters(language)  # a missing font is told before anything is computed
    with languages.spoken(language):  # which they set
        settings(**parameters)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Expected a folder for the report, but {output} cannot be one ({error.strerror}): "
            "choose another with --output."
        ) from error
    chapters = sorted(notebooks.glob("[0-9]*.ipynb"))
    if not chapters:
        raise UserError(f"Expected notebooks in {notebooks}, found none: run in the repository.")
    source = sources.resolve(data, log=print if progress else None)
    # What `auto` came to is settled here, so that no notebook waits for the network again.
    parameters["data"] = "built-in" if source.built_in else _absolute(data)

    executed: list[tuple[str, nbformat.NotebookNode]] = []
    for position, chapter in enumerate(chapters, start=1):
        target = output / "executed" / chapter.name
        _tell(progress, f"[{position}/{len(chapters)}] {chapter.stem}")
        if not execute.execute(
            chapter, target, parameters, checksum=source.checksum, progress=progress
        ):
            _tell(progress, "      unchanged, reused")
        executed.append((chapter.stem, nbformat.read(target, as_version=4)))
    with languages.spoken(language):
        facts = describe(source, parameters)
        result = render(executed, facts, output, code=code, progress=progress)
    offer(result.html.parent, language)
    return result


def render(
    executed: list[tuple[str, nbformat.NotebookNode]],
    facts: dict[str, Any],
    output: Path,
    *,
    code: bool = False,
    progress: bool = False,
) -> BuildResult:
    """Write `report.html` and `report.pdf` from executed notebooks, both or neither, and figures.

    Args:
        executed: name and content of each notebook, in the order of the report.
        facts: what `describe` returned.
        output: the folder to write to.
        code: whether the PDF shows the code.
        progress: whether progress is printed.

    Raises:
        ReportError: see `document.compose`, `mathematics.draw` and `pdf.typeset`.
        UserError: when there is no room, or a file cannot be replaced.
    """
    from lstm_report.report import pdf
    from lstm_report.report.document import merge
    from lstm_report.report.html import ReportHTMLExporter

    merged = merge(executed)
    merged.metadata["report_facts"] = facts
    _tell(progress, "Rendering the page")
    content, resources = ReportHTMLExporter().from_notebook_node(merged)
    document = resources["document"]
    result = BuildResult(output / "report.html", output / "report.pdf", document.summary)
    if len(content.encode()) > LARGEST_PAGE:
        raise ReportError("The page is larger than 12 MB: show fewer or smaller figures.")
    _tell(progress, "Rendering the PDF")
    printed = pdf.typeset(document, facts, code=code)
    # Both are whole before one is replaced, so that a page never stands beside an older PDF.
    with paths.atomic_write(result.html) as html, paths.atomic_write(result.pdf) as file:
        html.write_text(content, encoding="utf-8")
        file.write_bytes(printed)
    _write_figures(document.pictures, output / "figures")
    return result


def offer(folder: Path, language: str) -> None:
    """Let the page in a language and those in the others, where they were built, offer each other.

    Args:
        folder: where the page is.
        language: its language.
    """
    root = folder if language == "en" else folder.parent
    pages = {name: root / ("" if name == "en" else name) / "report.html"
             for name in languages.LANGUAGES}  # fmt: skip
    built = {name: page for name, page in pages.items() if page.is_file()}
    for name, page in built.items():
        links = "".join(
            f'<a class="language" lang="{languages.TAGS[other]}" '
            f'href="{os.path.relpath(target, page.parent)}">{languages.LANGUAGES[other]}</a>'
            for other, target in built.items()
            if other != name
        )
        text = page.read_text(encoding="utf-8")
        told = OFFER.sub(rf"\g<1>{links}\g<2>", text, count=1)
        if told != text:
            paths.write_text(page, told)


def _write_figures(pictures: "Mapping[str, Picture]", folder: Path) -> None:
    """Write figures as SVG and PNG, each under its label.

    Those that an earlier build wrote and this one does not have go; other files stay.
    """
    made = {
        f"{label}.{ending}": content
        for label, picture in pictures.items()
        for ending, content in picture.content.items()
    }
    listing = folder / LISTING
    former = listing.read_text(encoding="utf-8").split() if listing.is_file() else []
    paths.write_text(listing, "".join(f"{name}\n" for name in sorted(made)))
    for file in folder.iterdir():
        if file.name in former and file.name not in made:
            file.unlink()
    for name, content in made.items():
        with paths.atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)


def describe(source: "Source", parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the title page tells.

    Args:
        source: the reviews.
        parameters: the parameters of the notebooks; those that are `None` are not told.
    """
    versions = provenance.versions()
    chosen = {
        name: value
        for name, value in parameters.items()
        if value is not None and name not in ("profile", "data", "language")
    }
    date = provenance.now().partition("T")[0]
    title, authors = known(TITLE), known(AUTHORS)
    facts = [
        ("Cite as", f"{authors} ({date[:4]}). {title}. Version {__version__}."),
        ("Licence", "MIT, text and code"),
        ("Keywords", "LSTM, residual connections, sentiment analysis, IMDB, reproducible research"),
        ("Date", date),
        ("Commit", provenance.commit() or "not known"),
        ("Data", f"{source.name}. {source.origin}"),
        ("Profile", parameters["profile"]),
        ("Settings", ", ".join(f"{name} {value}" for name, value in chosen.items())),
        ("Checksum", source.checksum),
        ("Hardware", provenance.processor()),
        ("Python", versions["python"]),
        ("Versions", ", ".join(f"{name} {versions[name]}" for name in SHOWN if name in versions)),
    ]
    return {
        "title": title,
        "subtitle": known(SUBTITLE),
        "authors": authors,
        "banner": known(BANNER) if source.built_in else None,
        "facts": [[known(name), known(str(value))] for name, value in facts],
    }


def _absolute(data: str) -> str:
    """Return a path as the notebooks need it, which run in the repository's folder."""
    return str(Path(data).resolve()) if data != "auto" and Path(data).exists() else data


def _tell(progress: bool, text: str) -> None:
    if progress:
        print(text, flush=True)
