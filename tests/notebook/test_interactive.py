"""What a reader of a notebook sees: while it runs, when it is opened again, and when it fails."""

import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from lstm_report import progress
from lstm_report.report.execute import RunningInterpreter


def test_a_misspelt_parameter_of_papermill_is_told_in_one_sentence(tmp_path):
    new = nbformat.v4
    cell = new.new_code_cell('profile = "quick"', metadata={"tags": ["parameters"]})
    call = new.new_code_cell(
        "from lstm_report import notebook\nnotebook.settings(profile=profile)\nnever = 1"
    )
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(new.new_notebook(cells=[cell, call], metadata={"kernelspec": kernel}), source)
    command = [sys.executable, "-m", "papermill", source, target, "-p", "prfile", "smoke"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    sentence = (
        "UserError: Unknown parameter 'prfile': expected 'profile', which is nearest, or another "
        "of profile, data, seed, epochs, layers, readout, language."
    )
    told = done.stderr[done.stderr.index("Exception encountered") :].split("\n")
    assert [line for line in told[1:] if line.strip(" -")] == [sentence]
    outputs = [
        output for cell in nbformat.read(target, 4).cells for output in cell.get("outputs", ())
    ]
    (error,) = [output for output in outputs if output.output_type == "error"]
    assert (error.ename, error.traceback) == ("UserError", [sentence])


@pytest.fixture
def executed(monkeypatch):
    """Return a function that executes a cell in a kernel and returns its outputs."""
    monkeypatch.delenv(progress.TERMINAL, raising=False)

    def run(*sources):
        cells = list(map(nbformat.v4.new_code_cell, sources))
        manager = RunningInterpreter()
        NotebookClient(nbformat.v4.new_notebook(cells=cells), km=manager, timeout=60).execute()
        return [cell.outputs for cell in cells]

    return run


def test_the_bars_of_a_cell_leave_a_line_of_text_and_no_widget(executed):
    ((output,),) = executed(
        "from lstm_report import progress\n"
        "for epoch in (1, 2):\n"
        "    for _ in progress.bar(range(3), desc=f'epoch {epoch}/2', total=3): pass"
    )
    assert set(output.data) == {"text/plain"}
    assert re.fullmatch(r"epoch 2/2: 100% in \d\.\d s", output.data["text/plain"])
    assert output.metadata["report"]["kind"] == "live"  # so that no page shows it


def test_a_bar_that_was_cut_off_tells_how_far_it_came(executed):
    ((output,),) = executed(
        "from lstm_report import progress\n"
        "for entry in progress.bar(range(4), desc='epoch 1/1', total=4):\n"
        "    if entry == 2: break"
    )
    assert output.data["text/plain"].startswith("epoch 1/1: 50% in ")


@pytest.mark.parametrize("widgets", ["", "sys.modules['ipywidgets'] = None\n"])
def test_the_library_of_the_hub_draws_no_widget_and_does_not_ask_for_any(executed, widgets):
    (outputs,) = executed(
        f"import sys\n{widgets}"
        "from lstm_report.data import sources\n"
        "sources._from_hub()\n"
        "import datasets, huggingface_hub\n"
        "print(datasets.are_progress_bars_disabled())\n"
        "print(huggingface_hub.utils.are_progress_bars_disabled())"
    )
    assert [output.get("text") for output in outputs] == ["True\nTrue\n"]
