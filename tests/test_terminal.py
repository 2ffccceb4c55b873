"""Whatever a terminal can print, each command prints its text there and never a traceback."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, typer
from lstm_report.cli import app
from lstm_report.errors import UserError, FileWarning
import warnings

@app.app.command()
def speak(text: str) -> None:
    typer.echo("−0.5 “é” 中")
    print("−1")
    typer.echo("−2", err=True)
    warnings.warn("a quote ’", FileWarning)
    raise UserError(f"expected …, got {text}")

app.main()
"""
PLAIN = {"−": "-", "“": '"', "”": '"', "’": "'", "…": "...", "é": "\\xe9", "中": "\\u4e2d"}


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1", "cp1252", "utf-8"])
def test_what_cannot_be_printed_is_replaced(encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = [sys.executable, "-c", PROGRAM, "speak", b"\xff"]
    done = subprocess.run(command, capture_output=True)
    encoding = encoding.partition(":")[0]
    out, err = (text.decode(encoding) for text in (done.stdout, done.stderr))
    expected = "−0.5 “é” 中\n−1\n"
    errors = "−2\nlstm-report: a quote ’\nlstm-report: expected …, got \\udcff\n"
    for character, plain in PLAIN.items():
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            expected, errors = (text.replace(character, plain) for text in (expected, errors))
    assert (out, err, done.returncode) == (expected, errors, 2)


def test_claims_and_help_are_printed_in_ascii(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for arguments in (["claims"], ["predict", "--help"]):
        command = [sys.executable, "-m", "lstm_report", *arguments]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout.isascii() and b"\\u" not in done.stdout and not done.stderr
