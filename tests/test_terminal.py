"""Whatever a terminal can print, each command prints its text there and never a traceback."""

import os
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


PLAIN_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def judged(text, **variables):
    command = [sys.executable, "-m", "lstm_report", "predict", text]
    return subprocess.run(command, capture_output=True, env={**os.environ, **variables})


def test_a_text_is_read_as_utf8_whatever_the_locale():
    text = "the caf\xe9 was wonderful, 电影".encode()
    plain, usual = judged(text, **PLAIN_LOCALE), judged(text)
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout == usual.stdout and b"lstm positive" in plain.stdout


def test_a_text_that_is_no_utf8_is_refused_in_one_sentence():
    done = judged("the caf\xe9 was wonderful".encode("latin-1"))
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    assert b"Expected an argument in UTF-8, got 'the caf\\xe9 was" in done.stderr
