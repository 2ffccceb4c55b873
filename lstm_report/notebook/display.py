"""What a notebook of the report calls to read its settings and to present its results.

Each function displays an output that carries the key `report` in its metadata. JupyterLab shows
the output as it is; `lstm_report.report` reads the key to number figures and tables, to set their
captions and to resolve references such as `@fig:gradient-distance`. What is written is Markdown;
the values in it, and the cells of tables, are data and stand there as they are, see
`lstm_report.texts`. In another language than English each text is shown in its translation, see
`lstm_report.language`.
"""

import ast
import base64
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from IPython import get_ipython
from IPython.display import DisplayHandle, display

from lstm_report import config, texts
from lstm_report.errors import UserError
from lstm_report.language import choose, known, translated

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PARAMETERS = ("profile", "data", "seed", "epochs", "layers", "readout", "language")
Markup, duration = texts.Markup, texts.duration
PAPERMILL = "PAPERMILL_"
"""How the names begin that papermill itself injects, with `--inject-paths`."""
LABEL = re.compile(r"[a-z][a-z0-9-]*")
NAMES = ("study", "cell", "cells", "trial")
"""Columns of names that code and commands use, the same in every language."""
DPI = 144
"""Pixels to an inch in a figure as PNG."""


@dataclass(frozen=True)
class Settings:
    """The parameters of training that every notebook takes, checked."""

    profile: str
    data: str
    seed: int
    epochs: int | None
    layers: int | None
    readout: str | None

    def run(self, model: str) -> config.RunConfig:
        """Return the configuration of one training run.

        Args:
            model: `lstm` or `reslstm`.
        """
        return config.profile(
            self.profile, model=model, data=self.data, seed=self.seed, epochs=self.epochs,
            layers=self.layers, readout=self.readout,
        )  # fmt: skip


def settings(
    profile: str = "quick",
    data: str = "auto",
    seed: int | None = 0,
    epochs: int | None = None,
    layers: int | None = None,
    readout: str | None = None,
    language: str = "en",
) -> Settings:
    """Return the notebook's parameters after checking their names and values, and set its language.

    Args:
        profile: the name of a profile, see `lstm_report.config.PROFILES`.
        data: the data source, see `lstm_report.data.sources.resolve`.
        seed: the seed of weights, dropout and batches; `None` stands for 0.
        epochs, layers, readout: replace the profile's own value unless `None`.
        language: what the notebook's texts are shown in, one of `lstm_report.language.LANGUAGES`.

    Raises:
        UserError: for a value that cannot be used, and for a name that papermill injected and
            that no notebook takes.
    """
    shell = get_ipython()
    for cell in shell.user_ns.get("In", []) if shell is not None else []:
        check_names(injected_names(cell))
    if not isinstance(data, str) or not data:
        raise UserError(f"Expected data to be auto or a path, got {data!r}: give such a text.")
    choose(language)
    made = Settings(profile, data, 0 if seed is None else seed, epochs, layers, readout)
    if made.run("lstm").training.epochs == 0:
        raise UserError(
            "Expected at least one epoch, as the report draws curves over the epochs, got 0: "
            "choose more, or use `lstm-report train` for untrained weights."
        )
    return made


def injected_names(cell: str) -> list[str]:
    """Return the names that a cell written by papermill assigns, none for any other cell."""
    if not cell.lstrip().startswith("# Parameters"):
        return []
    targets = (node.targets for node in ast.parse(cell).body if isinstance(node, ast.Assign))
    return [entry.id for group in targets for entry in group if isinstance(entry, ast.Name)]


def check_names(names: Sequence[str]) -> None:
    """Raise `UserError` for the first name that no notebook, nor papermill, takes."""
    for name in names:
        if name not in PARAMETERS and not name.startswith(PAPERMILL):
            raise config.unknown("parameter", name, PARAMETERS)


def show_figure(
    figure: "Figure",
    *,
    label: str,
    caption: str,
    alt: str,
    live: Mapping[str, Any] | None = None,
) -> None:
    """Display a figure as SVG and PNG, and close it; a build writes both to its folder.

    The page offers the numbers that the figure shows, see `lstm_report.figures.values`.

    The text of the SVG is drawn as paths, so that it looks the same wherever it is shown.

    Args:
        figure: what is shown.
        label: the name that `@fig:label` refers to; lower-case letters, digits and hyphens.
        caption: the caption, in Markdown, without a number.
        alt: what the figure shows, for a reader who cannot see it.
        live: what the script of the page is told that takes the figure's place there: `part` is
            the name of the script's part, see `lstm_report/report/page/main.js`.

    Raises:
        ValueError: for a label of another form, an empty caption or empty alternative text.
    """
    _check_label(label, caption)
    if not alt.strip():
        raise ValueError(f"Figure {label} has no alternative text.")
    from lstm_report.figures import style, values

    style.translate(figure)
    caption, alt = translated(caption), translated(alt)
    pictures = {kind: _drawn(figure, kind, label) for kind in ("svg", "png")}
    data = values.as_csv(figure)
    _close(figure)
    details: dict[str, Any] = {"kind": "figure", "label": label, "caption": caption, "alt": alt}
    if live is not None:
        details["live"] = _names(live)
    if data:
        details["data"] = data
    metadata = {"report": details, **_size(pictures["png"])}
    display(_bundle(pictures, alt), raw=True, metadata=metadata)
    _caption(f"@fig:{label}", caption)


class LiveFigure:
    """A figure that is redrawn in place while a cell runs; the report leaves it out."""

    def __init__(self) -> None:
        self.handle: DisplayHandle | None = None

    def update(self, figure: "Figure") -> None:
        """Show `figure` in place of the one shown before, and close it."""
        png = _drawn(figure, "png", "live")
        content = _bundle({"png": png}, "A figure that is redrawn.")
        _close(figure)
        metadata = {"report": {"kind": "live"}, **_size(png)}
        if self.handle is None:
            self.handle = display(content, raw=True, metadata=metadata, display_id=True)
        else:
            self.handle.update(content, raw=True, metadata=metadata)


def show_table(
    frame: "pd.DataFrame",
    *,
    label: str,
    caption: str,
    formats: Mapping[str, str] | None = None,
    written: Collection[str] = (),
    kept: Collection[str] = (),
    live: Mapping[str, Any] | None = None,
) -> None:
    """Display a table; an index that has a name or is no plain count becomes its first column.

    Args:
        frame: what is shown. `None` and NaN read as "not measured".
        label: the name that `@tbl:label` refers to.
        caption: the caption, in Markdown, without a number.
        formats: for a column, how its values are formatted, for example `"{:.2%}"`.
        written: the columns whose heading and texts are the author's and no data: their quotes are
            made typographic, and a text between two dollar signs is typeset as mathematics.
        kept: the columns of words of reviews, which are shown as they are in every language.
        live: what the script of the page is told, see `show_figure`; the table stays.

    Raises:
        ValueError: for a label of another form, an empty caption or an empty heading.
    """
    import pandas as pd

    _check_label(label, caption)
    if frame.index.name is not None or not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(names=frame.index.name or "")
    formats, kept = formats or {}, {*kept, *NAMES}
    numeric = [
        pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
        for kind in frame.dtypes
    ]
    caption = translated(caption)
    heading = [texts.visible(known(str(name))) for name in frame.columns]
    if not all(heading):
        raise ValueError(f"Table {label} has a column without a heading.")
    columns = [
        [
            texts.visible(
                texts.cell(value)
                if name in kept
                else known(texts.cell(value, formats.get(name, "{}")))
            )
            for value in frame.iloc[:, place]
        ]
        for place, name in enumerate(frame.columns)
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    own = [name in written for name in frame.columns]
    markdown, values = texts.table(heading, rows, numeric, own)
    content = {
        "text/html": texts.as_html(heading, rows, numeric, own),
        "text/markdown": texts.filled(markdown, values, texts.escaped),
        "text/plain": texts.as_text(heading, rows, numeric),
    }
    details = {} if live is None else {"live": _names(live)}
    _present(
        "table", content,
        label=label, caption=caption, markdown=markdown, values=values, **details,
    )  # fmt: skip
    _caption(f"@tbl:{label}", caption)


def say(template: str, /, **values: Any) -> None:
    """Display prose whose figures are computed.

    Args:
        template: Markdown with fields as in `str.format`; double the braces of TeX.
        values: what fills the fields; `None` and NaN read as "not measured". A text is data and
            shown as it stands, unless it is `Markup`; a list holds commands, which stand in a line
            each.
    """
    form = texts.Template()
    told = {name: _in_language(value) for name, value in values.items()}
    markdown = form.format(translated(template), **told)
    content = texts.forms(markdown, form.values)
    _present("prose", content, markdown=markdown, values=form.values)


def show_list(lines: Sequence[str], otherwise: str) -> None:
    """Display texts that are data as the items of a list.

    Args:
        lines: the texts.
        otherwise: what is said where there are none.
    """
    items = {f"line_{number}": line for number, line in enumerate(lines)}
    say("\n".join(f"- {{{name}}}" for name in items) or otherwise, **items)


def show_references(markdown: str) -> None:
    """Display a list of works, an entry each, as the report sets it."""
    _present("references", {"text/markdown": markdown}, markdown=markdown, values={})


def tell(sentence: str) -> None:
    """Display a sentence for who runs the notebook; the report leaves it out."""
    _present("live", {"text/plain": known(sentence)})


def check(statement: str, holds: Any, *, tolerance: float = 1e-6) -> None:
    """Check a statement and display that it was checked.

    Args:
        statement: what is checked, in Markdown, without a full stop.
        holds: a truth value, or a pair of arrays or tensors that have to be equal.
        tolerance: the largest absolute difference that counts as equal.

    Raises:
        AssertionError: when the statement does not hold.
    """
    if isinstance(holds, tuple):
        first, second = (np.asarray(_plain(entry), dtype=np.float64) for entry in holds)
        if first.shape != second.shape:
            raise AssertionError(f"{statement}: shapes {first.shape} and {second.shape} differ")
        difference = float(np.max(np.abs(first - second), initial=0.0))
        if not difference <= tolerance:
            raise AssertionError(
                f"{statement}: the largest difference, {difference:.2g}, exceeds {tolerance:.2g}"
            )
        apart = f"largest difference {difference:.1e}" if difference else "no difference"
        text = f"**Checked:** {statement}; {apart}."
    else:
        if not bool(holds):
            raise AssertionError(f"{statement}: does not hold")
        text = f"**Checked:** {statement}."
    text = translated(text)
    _present("check", {"text/markdown": text, "text/plain": text})


def summary(lines: Sequence[str]) -> None:
    """Display the abstract in paragraphs, which stand on the title page and end the build."""
    lines = [translated(line) for line in lines]
    lines = [re.sub(r"(?<!\S)-(?=\d)", "\N{MINUS SIGN}", texts.visible(line)) for line in lines]
    markdown = "\n\n".join(map(texts.mark, range(len(lines))))
    content = texts.forms(markdown, lines)
    _present("summary", content, lines=lines)


def _in_language(value: Any) -> Any:
    """Return what fills a field: what the author wrote and what has a translation, in it."""
    if isinstance(value, texts.Markup):
        return texts.Markup(texts.with_formulas(translated(value)))
    return known(value) if isinstance(value, str) else value


def _present(kind: str, content: Mapping[str, str], **details: Any) -> None:
    display(dict(content), raw=True, metadata={"report": {"kind": kind, **details}})


def _caption(name: str, caption: str) -> None:
    """Display a caption for a reader of the notebook, where no number resolves a reference."""
    _present(
        "caption", {"text/markdown": f"**{name}:** {caption}", "text/plain": f"{name}: {caption}"}
    )


def _check_label(label: str, caption: str) -> None:
    if not LABEL.fullmatch(label):
        raise ValueError(f"Expected lower-case letters, digits and hyphens, got label {label!r}.")
    if not caption.strip():
        raise ValueError(f"{label} has no caption.")


def _drawn(figure: "Figure", kind: str, label: str) -> bytes:
    """Return the figure as SVG or PNG, the same bytes for the same figure."""
    import matplotlib

    without = {"Date": None} if kind == "svg" else {"Software": None}
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": label, "svg.fonttype": "path"}):
        figure.savefig(stream, format=kind, dpi=DPI, bbox_inches="tight", metadata=without)
    return stream.getvalue()


def _bundle(pictures: Mapping[str, bytes], alt: str) -> dict[str, str]:
    content = {"text/plain": alt}
    if "svg" in pictures:
        content["image/svg+xml"] = pictures["svg"].decode()
    content["image/png"] = base64.b64encode(pictures["png"]).decode()
    return content


def _size(png: bytes) -> dict[str, dict[str, int]]:
    """Return the metadata that have a picture shown as large as its SVG, of 96 pixels an inch."""
    return {"image/png": {"width": int.from_bytes(png[16:20], "big") * 96 // DPI}}


def _close(figure: "Figure") -> None:
    from matplotlib import pyplot

    pyplot.close(figure)


def _plain(value: Any) -> Any:
    return value.detach().cpu().double().numpy() if hasattr(value, "detach") else value


def _names(value: Any) -> Any:
    """Return what the script of the page is told, with each `name` translated."""
    if isinstance(value, dict):
        return {key: known(entry) if key == "name" and isinstance(entry, str) else _names(entry)
                for key, entry in value.items()}  # fmt: skip
    return [_names(entry) for entry in value] if isinstance(value, list | tuple) else value
