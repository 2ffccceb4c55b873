"""Print on a terminal that does not know every character, whatever its encoding is."""

import codecs
import io
import sys
import warnings
from typing import Any

from lstm_report.errors import FileWarning

ALIKE = {"−": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."} | {
    **{"×": "x", "≤": "<=", "≥": ">=", "≈": "~", "±": "+/-", "→": "->", "·": "."}
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
