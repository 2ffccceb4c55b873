"""Building the report: chapters that are executed, taken up again, or stopped, and what is told."""

import json
import re
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pypdf import PdfReader

from lstm_report import language
from lstm_report.data import sources
from lstm_report.errors import UserError
from lstm_report.report import ReportError, build, execute, pdf

PARAMETERS = (
    'profile = "quick"\ndata = "auto"\nseed = 0\nepochs = None\nlayers = None\nreadout = None'
)


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Two small notebooks, and reviews that need no file."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, body in (("01_one", "print(seed)"), ("02_two", "print(profile)")):
        cells = [
            new_markdown_cell(f"# {name[3:].title()}"),
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            new_code_cell(body),
        ]
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    source = SimpleNamespace(name="N", origin="From a test.", checksum="0" * 64, built_in=True)
    monkeypatch.setattr(sources, "resolve", lambda data, log: source)
    return folder


def run(chapters, **options):
    options = {"output": chapters.parent / "build", "progress": False} | options
    return build.build("smoke", notebooks=chapters, **options)


def add(chapters, code):
    """Add a cell of code to the second chapter."""
    notebook = nbformat.read(chapters / "02_two.ipynb", as_version=4)
    notebook.cells.append(new_code_cell(code))
    nbformat.write(notebook, chapters / "02_two.ipynb")


def test_a_log_gets_a_line_for_each_chapter_and_no_bar(chapters, capfd):
    run(chapters, progress=True)
    told = capfd.readouterr()
    assert "[1/2] 01_one\n[2/2] 02_two\n" in told.out
    assert "01_one" not in told.err and "cell/s" not in told.err


def test_a_second_build_reuses_what_is_unchanged(chapters, monkeypatch):
    result = run(chapters, seed=7)
    assert "7" in result.html.read_text()
    assert "built-in corpus" in result.html.read_text()
    assert len(PdfReader(result.pdf).pages) >= 3
    add(chapters, "print('other')")
    executed = {}
    original = execute.execute

    def noted(source, *arguments, **options):
        executed[source.stem] = original(source, *arguments, **options)
        return executed[source.stem]

    monkeypatch.setattr(execute, "execute", noted)
    run(chapters, seed=7)
    assert executed == {"01_one": False, "02_two": True}


def test_the_key_depends_on_notebook_parameters_reviews_and_fonts(chapters, monkeypatch):
    one, two = sorted(chapters.glob("*.ipynb"))
    keys = [
        execute.key(one, {"seed": 0}, "a"),
        execute.key(two, {"seed": 0}, "a"),
        execute.key(one, {"seed": 1}, "a"),
        execute.key(one, {"seed": 0}, "b"),
    ]
    assert execute.key(one, {"seed": 0}, "a") == keys[0]
    monkeypatch.setattr(execute.style, "families", lambda: ["installed since"])
    keys.append(execute.key(one, {"seed": 0}, "a"))
    assert len(set(keys)) == 5


def test_a_failing_cell_is_named_and_the_partial_notebook_kept(chapters):
    add(chapters, "1 / 0")
    with pytest.raises(ReportError) as caught:
        run(chapters)
    message = str(caught.value)
    kept = chapters.parent / "build" / "executed" / "02_two.failed.ipynb"
    for expected in ("02_two.ipynb", "cell [4]", "ZeroDivisionError", "1 / 0", str(kept)):
        assert expected in message
    assert "ZeroDivisionError" in json.dumps(nbformat.read(kept, as_version=4))
    assert sorted(file.name for file in kept.parent.iterdir()) == ["01_one.ipynb", kept.name]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"epoch": 3}, "epochs"), ({"epochs": -1}, "epochs"), ({"readout": "sum"}, "mean")],
)
def test_a_wrong_parameter_stops_the_build_before_anything_runs(chapters, wrong, named):
    with pytest.raises(UserError, match=named):
        run(chapters, **wrong)
    assert not (chapters.parent / "build").exists()


def test_a_kernel_that_is_killed_is_told_in_one_sentence(chapters):
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    add(chapters, code)
    kept = chapters.parent / "build" / "executed" / "02_two.failed.ipynb"
    with pytest.raises(ReportError, match="lack of memory") as caught:
        run(chapters)
    assert "02_two.ipynb" in str(caught.value)
    assert str(kept) in str(caught.value)
    assert nbformat.read(kept, as_version=4).cells[-1].source == code


def test_a_file_where_the_report_should_go_is_a_user_error(tmp_path):
    (tmp_path / "build").write_text("in the way")
    for output in (tmp_path / "build", tmp_path / "build" / "inner"):
        with pytest.raises(UserError, match="cannot be one"):
            build.build("smoke", output=output, progress=False)


def test_a_folder_without_notebooks_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="Expected notebooks"):
        build.build("smoke", notebooks=tmp_path, output=tmp_path / "build", progress=False)


def test_two_languages_are_built_side_by_side_and_offer_each_other(chapters, monkeypatch):
    for notebook in chapters.glob("*.ipynb"):
        node = nbformat.read(notebook, as_version=4)
        node.cells[1].source += '\nlanguage = "en"'
        node.cells[2].source = "print(language)"
        nbformat.write(node, notebook)
    english = run(chapters)
    assert english.html == chapters.parent / "build" / "report.html"
    assert 'class="language"' not in english.html.read_text(encoding="utf-8")
    monkeypatch.setattr(pdf, "letters", lambda spoken: ([], []))
    chinese = run(chapters, language="zh")
    assert chinese.html == chapters.parent / "build" / "zh" / "report.html"
    pages = [made.html.read_text(encoding="utf-8") for made in (english, chinese)]
    link = re.compile(r'class="language" lang="([^"]*)" href="([^"]*)"')
    assert link.findall(pages[0]) == [("zh-Hans", "zh/report.html")]
    assert link.findall(pages[1]) == [("en", "../report.html")]
    assert [re.search("<html lang=(.*)>", page)[1] for page in pages] == ['"en"', '"zh-Hans"']
    assert "用LSTM和残差LSTM分析影评的情感" in pages[1] and "目录" in pages[1]
    assert PdfReader(chinese.pdf).trailer["/Root"]["/Lang"] == "zh"
    assert language.chosen() == "en"
    assert 'class="language"' in run(chapters).html.read_text(encoding="utf-8")  # and again


def test_a_missing_font_is_told_before_anything_is_computed(chapters, monkeypatch):
    fonts = SimpleNamespace(families=lambda: ["Libertinus Serif", "DejaVu Sans Mono"])
    monkeypatch.setattr("typst.Fonts", lambda: fonts)
    with pytest.raises(UserError, match="a font with Chinese letters.*fonts-noto-cjk"):
        run(chapters, language="zh")
    assert not (chapters.parent / "build" / "zh").exists()


def test_an_unknown_language_is_told_before_anything_is_computed(chapters):
    with pytest.raises(UserError, match="Expected the language en or zh, got 'de'"):
        run(chapters, language="de")
    assert not (chapters.parent / "build").exists()
