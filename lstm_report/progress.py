"""Progress bars: a widget in JupyterLab, a line in a terminal, also from a kernel of a build."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import tqdm.auto
import tqdm.std

if TYPE_CHECKING:
    import pandas

TERMINAL = "LSTM_REPORT_TERMINAL"
"""The environment variable in which a build names its terminal to the kernels that it starts."""
KERNEL = "ipykernel.zmqshell"
"""The module whose presence makes `tqdm.auto` draw a widget."""


def bar(entries: Iterable[Any], *, disable: bool = False, **options: Any) -> Any:
    """Return a bar that counts `entries` while they are iterated over, and then vanishes.

    In a kernel that a build started, the bar stands in the build's terminal, below the bar of the
    build itself; a widget would reach nobody there. Errors that go to a file get no bar, which
    would fill it.

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
            return tqdm.std.tqdm(entries, file=terminal, position=1, dynamic_ncols=True, **options)
    if KERNEL not in sys.modules and not sys.stderr.isatty():
        options["disable"] = True
    return tqdm.auto.tqdm(entries, **options)


def epoch_line(epochs: "pandas.DataFrame") -> str:
    """Return the last epoch of a training so far in one line, for a log.

    Args:
        epochs: the table that `lstm_report.training.fit` hands to `on_epoch`.
    """
    last = epochs.iloc[-1]
    return (
        f"Epoch {last['epoch']:.0f}: training loss {last['train_loss']:.3f}, validation loss "
        f"{last['validation_loss']:.3f}, validation accuracy {last['validation_accuracy']:.2%}, "
        f"{last['seconds']:.0f} s"
    )


def name_terminal() -> None:
    """Name the terminal that errors are printed to, if there is one, for kernels started later."""
    with suppress(OSError, ValueError, AttributeError):  # no terminal; or a system without them
        os.environ[TERMINAL] = os.ttyname(sys.stderr.fileno())
