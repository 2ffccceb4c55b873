"""Bars, and printing on a terminal that does not know every character."""

import codecs
import functools
import io
import os
import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import tqdm

from lstm_report import texts
from lstm_report.errors import FileWarning

if TYPE_CHECKING:
    import pandas


TERMINAL = "LSTM_REPORT_TERMINAL"
"""The environment variable in which a build names its terminal to the kernels that it starts."""
KERNEL = "ipykernel.zmqshell"
"""The module whose presence tells a kernel, whose outputs a notebook shows, from a terminal."""
LIVE = {"report": {"kind": "live"}}
"""The metadata of an output that is for a notebook only; the rendered report leaves it out."""


@functools.lru_cache(maxsize=1)
def _place(cell: int) -> Any:
    """Return the output in which the bars of a cell stand, one after the other.

    It is text, as the state of a widget is gone when the notebook is opened again.
    """
    from IPython.display import display

    return display({"text/plain": ""}, raw=True, metadata=LIVE, display_id=True)


class _Line(io.StringIO):
    """A file of a bar that shows the last line written to it in the output of a cell."""

    def __init__(self, cell: int) -> None:
        super().__init__()
        self.cell = cell

    def write(self, text: str) -> int:
        """Show a line, unless it is empty."""
        if line := text.strip():
            _place(self.cell).update({"text/plain": line}, raw=True, metadata=LIVE)
        return len(text)


class _NotebookBar(tqdm.tqdm):
    """A bar in a notebook, which leaves a line of text behind."""

    def close(self) -> None:
        """Leave how far it came, and how long that took."""
        self.bar_format = "{desc}: {percentage:.0f}% in {elapsed_s:,.1f} s{postfix}"
        super().close()


def bar(entries: Iterable[Any], *, disable: bool = False, **options: Any) -> Any:
    """Return a bar that counts `entries` while they are iterated over.

    In a terminal it vanishes then. In a notebook it leaves a line of text, which the next bar of
    the same cell replaces; the rendered report leaves it out. In a kernel that a build started,
    the bar stands in the build's terminal, below the bar of the build itself. Errors that go to a
    file get no bar, which would fill it.

    Args:
        entries: what is iterated over.
        disable: whether to show nothing.
        options: as for `tqdm.tqdm`.
    """
    options |= {"leave": False, "disable": disable}
    if name := os.environ.get(TERMINAL):
        with suppress(OSError):
            # Without the flag, the kernel could be ended by a Ctrl-C that is meant for the build.
            handle = os.open(name, os.O_WRONLY | os.O_NOCTTY)
            terminal = open(handle, "w", encoding="utf-8")  # noqa: SIM115  (as long as the bar)
            return tqdm.tqdm(entries, file=terminal, position=1, dynamic_ncols=True, **options)
    shell = sys.modules["IPython"].get_ipython() if KERNEL in sys.modules else None
    if shell is not None:
        line = _Line(shell.execution_count)
        return _NotebookBar(entries, file=line, **options | {"leave": True})
    return tqdm.tqdm(entries, **options | {"disable": disable or not sys.stderr.isatty()})


def epoch_line(epochs: "pandas.DataFrame") -> str:
    """Return the last epoch of a training so far in one line, for a log.

    Args:
        epochs: the table that `lstm_report.training.loop.fit` hands to `on_epoch`.
    """
    last = epochs.iloc[-1]
    return (
        f"Epoch {last['epoch']:.0f}: training loss {last['train_loss']:.3f}, validation loss "
        f"{last['validation_loss']:.3f}, validation accuracy {last['validation_accuracy']:.2%}, "
        f"{texts.duration(last['seconds'])}"
    )


def name_terminal() -> None:
    """Name the terminal that errors are printed to, if there is one, for kernels started later."""
    with suppress(OSError, ValueError, AttributeError):  # no terminal; or a system without them
        os.environ[TERMINAL] = os.ttyname(sys.stderr.fileno())


ALIKE = {"−": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."} | {
    **{"×": "x", "≤": "<=", "≥": ">=", "≈": "~", "±": "+/-", "→": "->", "·": "."},
    **{"∂": "d", "ŷ": "y^", "⊙": "*", "∞": "inf"},
}
"""What stands for a character that cannot be printed; others become escapes such as `\\u4e2d`."""
_usual = warnings.formatwarning
HANDLER = "lstm_report_alike"
ASCII = "lstm_report_ascii"
"""ASCII under another name: `typer.echo` takes a terminal of that name to want UTF-8."""


def _alike(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        character = error.object[error.start]
        if character in ALIKE:
            return ALIKE[character], error.start + 1
        error.end = error.start + 1
    return codecs.backslashreplace_errors(error)


def _ascii(name: str) -> codecs.CodecInfo | None:
    if name != ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        *known[:4],
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        name=ASCII,
    )


def _in_one_line(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> str:
    if issubclass(category, FileWarning):
        return f"lstm-report: {message}\n"
    return _usual(message, category, *rest, **more)


def prepare() -> None:
    """Have both outputs replace what they cannot print, and warnings about files take one line."""
    codecs.register_error(HANDLER, _alike)
    codecs.register(_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=ASCII if is_ascii else None, errors=HANDLER)
    warnings.formatwarning = _in_one_line
