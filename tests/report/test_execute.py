"""Executing notebooks: the sockets between a notebook and its interpreter."""

import sys
import tempfile

import pytest

from lstm_report.report import execute


@pytest.mark.skipif(sys.platform == "win32", reason="needs sockets that are files")
def test_sockets_fit_their_names_whatever_the_folder(tmp_path, monkeypatch):
    assert execute.RunningInterpreter().transport == "ipc"
    (tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 100)))
    assert execute.RunningInterpreter().transport == "tcp"
