"""What a reader of a notebook sees: while it runs, when it is opened again, and when it fails."""

import subprocess
import sys

import nbformat


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
        "UserError: Unknown parameter 'prfile': expected one of profile, data, seed, epochs, "
        "layers, readout."
    )
    told = done.stderr[done.stderr.index("Exception encountered") :].split("\n")
    assert [line for line in told[1:] if line.strip(" -")] == [sentence]
    outputs = [
        output for cell in nbformat.read(target, 4).cells for output in cell.get("outputs", ())
    ]
    (error,) = [output for output in outputs if output.output_type == "error"]
    assert (error.ename, error.traceback) == ("UserError", [sentence])
