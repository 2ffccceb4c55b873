"""The report: numbering, references and what is refused, on the page and in the PDF."""

import base64
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_markdown_cell, new_output
from pypdf import PdfReader
from sample_report import FACTS, SAMPLE, SVG, cell, figure, notebook, shown

from lstm_report import paths
from lstm_report.errors import UserError
from lstm_report.report import ReportError, build, document, pdf
from lstm_report.report.html import ReportHTMLExporter


@pytest.fixture(scope="module")
def page():
    return ReportHTMLExporter().from_notebook_node(notebook(*SAMPLE))[0]


def text_of(page):
    body = re.sub(r"<script.*?</script>", "", page[page.index("<body>") :], flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_chapters_figures_tables_and_equations_are_numbered(page):
    text = text_of(page)
    for expected in ("1 Theory", "1.1 Cell", "2 Data", "2.1 Source", "2.2 Split"):
        assert text.count(expected) == 3  # the text and both tables of contents
    for expected in ("Figure 1. A line", "Figure 2. A line", "Table 1. Numbers"):
        assert text.replace("\N{NO-BREAK SPACE}", " ").count(expected) == 1
    assert re.findall(r'class="number">\((.*?)\)', page) == ["1.1", "1.2", "2.1", "2.2"]


def test_references_are_links_to_what_they_name(page):
    for anchor, name in (("fig-second", "2"), ("fig-line", "1"), ("tbl-numbers", "1")):
        word = "Figure" if anchor.startswith("fig") else "Table"
        assert f'<a href="#{anchor}">{word}\N{NO-BREAK SPACE}{name}</a>' in page
    assert '<a href="#equation-1.2">Equation\N{NO-BREAK SPACE}(1.2)</a>' in page
    assert "label{eq" not in page
    anchors = re.findall(r'\sid="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def test_the_page_asks_for_nothing_outside_itself(page):
    assert "Content-Security-Policy" in page
    assert not re.search(r"<(iframe|object|embed|base)\b", page)
    assert not re.search(r'\b(src|srcset)="(?!data:)', page)
    assert not re.search(r'<link[^>]+href="(?!data:)|url\(|@import', page)
    assert ".dtd" not in page


def test_every_picture_and_formula_says_what_it_shows(page):
    drawings = re.findall(r'<svg [^>]*class="drawing"[^>]*>', page)
    assert [re.search(r'aria-label="([^"]*)"', tag)[1] for tag in drawings] == ["It rises."] * 2
    assert page.count('aria-label="h_t"') == 1
    assert '<html lang="en">' in page
    assert "<main" in page
    assert "Skip to the text" in page


def test_code_is_out_of_the_way_and_live_outputs_are_left_out(page):
    assert re.search(r'<div class="code">.*?secret_code', page, re.DOTALL)
    assert "again" not in text_of(page)
    assert "A title &amp; more" in page
    assert "Not the real data." in page


def test_code_that_stands_together_is_one_block_with_what_it_printed():
    said = new_output("stream", name="stdout", text="printed")
    prose = shown("prose", {"text/markdown": "Then a result."})
    cells = [cell(source="a = 1"), cell(said, source="b = 2"), cell(prose, source="c = 3")]
    made = ReportHTMLExporter().from_notebook_node(notebook(*cells, cell(source="d = 4")))[0]
    folds = made.split('<div class="code">')[1:]
    assert [re.findall(r"[abcd] = \d|printed", text_of("<body>" + fold)) for fold in folds] == [
        ["a = 1", "b = 2", "printed", "c = 3"],
        ["d = 4"],
    ]
    assert text_of(made).count("Then a result.") == 1


def test_a_line_of_a_formula_that_starts_with_plus_starts_no_list(page):
    assert "+ c &amp;= d" in page
    assert "<ul>" not in page[page.index("<article>") : page.index("secret_code")]


def test_cells_of_parameters_and_progress_bars_are_left_out():
    output = new_output("stream", name="stdout", text="kept\n 50%|##   | 1/2\r\n")
    error = new_output("stream", name="stderr", text="warning text\n")
    bar = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})
    tagged = cell(source="profile = 'quick'", metadata={"tags": ["parameters"]})
    given = cell(source="data = '/data/anna/a.csv'", metadata={"tags": ["injected-parameters"]})
    cells = [tagged, given, cell(output, error, bar)]
    made = ReportHTMLExporter().from_notebook_node(notebook(*cells))[0]
    assert "kept" in made
    for absent in ("quick", "anna", "50%", "warning text", "widget"):
        assert absent not in text_of(made)


def test_a_frame_without_a_label_still_shows():
    frame = {"text/html": "<table><tr><td>cell text</td></tr></table>", "text/plain": "x"}
    result = new_output("execute_result", data=frame, execution_count=1)
    made = ReportHTMLExporter().from_notebook_node(notebook(cell(result)))[0]
    assert "<td>cell text</td>" in made


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (figure(alt=" "), "alternative text"),
        (figure(caption=""), "caption"),
        (new_output("display_data", data={"image/png": "AAAA"}), "alternative text"),
    ],
)
def test_a_picture_without_words_is_refused_with_its_place(output, reason):
    merged = document.merge([("02_data", notebook(cell(output)))])
    with pytest.raises(ReportError, match=rf"{reason}.*02_data, cell \[1\]"):
        document.compose(merged)


def test_a_label_used_twice_and_a_reference_to_nothing_are_refused():
    with pytest.raises(ReportError, match="fig:line is used twice"):
        document.compose(notebook(cell(figure(), figure())))
    lost = new_markdown_cell("See @tbl:lost.")
    with pytest.raises(ReportError, match="@tbl:lost"):
        document.compose(notebook(lost))
    with pytest.raises(ReportError, match="@eq:lost"):
        document.compose(notebook(new_markdown_cell("See @eq:lost.")))
    with pytest.raises(ReportError, match="eq:one is used twice"):
        document.compose(notebook(new_markdown_cell("$$a \\label{eq:one}$$\n\n" * 2)))
    alone = ReportHTMLExporter().from_notebook_node(notebook(lost, facts=None))[0]
    assert "@tbl" not in alone


@pytest.mark.parametrize("tex", [r"\nosuchmacro{x}", r"\frac{a", r"\begin{aligned} a \end{cases}"])
def test_a_wrong_formula_is_named(tex):
    broken = notebook(new_markdown_cell(f"Text $x$, then ${tex}$."))
    with pytest.raises(ReportError, match=re.escape(tex)):
        ReportHTMLExporter().from_notebook_node(broken)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=8))
def test_heading_numbers_count_up_within_their_parent(levels):
    levels = [1, *levels]
    text = "\n\n".join(f"{'#' * level} Heading" for level in levels)
    found = document.compose(notebook(new_markdown_cell(text))).contents
    expected, counters = [], {1: 0, 2: 0, 3: 0}
    for level in levels:
        counters[level] += 1
        counters.update({deeper: 0 for deeper in counters if deeper > level})
        if level <= 2:
            expected.append(".".join(str(counters[one]) for one in range(1, level + 1)))
    assert [number for _, number, _, _ in found] == expected


def test_the_pdf_has_pages_outline_text_and_title():
    composed = document.compose(notebook(*SAMPLE))
    made = pdf.typeset(composed, FACTS)
    assert made == pdf.typeset(composed, FACTS)
    reader = PdfReader(io.BytesIO(made))
    text = " ".join("\n".join(page.extract_text() for page in reader.pages).split())
    assert len(reader.pages) == 3  # title, contents, and both chapters, one after the other
    assert abs(float(reader.pages[0].mediabox.width) - 595.28) < 0.1
    assert [entry.title for entry in reader.outline if not isinstance(entry, list)] == [
        "1 Theory",
        "2 Data",
    ]
    for expected in ("A title & more", "Not the real data", "ab" * 32, "Figure 2.", "Table 1."):
        assert expected in text
    assert "secret_code" not in text
    assert reader.metadata.title == "A title & more"
    assert reader.trailer["/Root"]["/Lang"] == "en"


def test_what_the_pdf_lacks_room_for_leaves_the_old_report_whole(tmp_path, monkeypatch):
    old = [tmp_path / "report.html", tmp_path / "report.pdf"]
    for file in old:
        file.write_text("old")

    def full(letters):  # the first that is written after the page is made
        with paths.scratch() as folder:
            (folder / "letters.json").symlink_to("/dev/full")
            (folder / "letters.json").write_text("text")

    monkeypatch.setattr(pdf, "missing", full)
    with pytest.raises(UserError, match="temporary files in .*No space left.*TMPDIR"):
        build.render([("01", notebook(*SAMPLE, facts=None))], FACTS, tmp_path)
    assert [file.read_text() for file in sorted(tmp_path.iterdir())] == ["old", "old"]


def test_a_build_leaves_its_own_figures_alone(tmp_path):
    def names(*labels):
        drawn = {"image/svg+xml": SVG, "image/png": base64.b64encode(b"\x89PNG").decode()}
        shows = [shown("figure", drawn, label=label, caption="A.", alt="B.") for label in labels]
        cells = [new_markdown_cell("# One"), cell(*shows)]
        build.render([("01", notebook(*cells, facts=None))], FACTS, tmp_path)
        return {file.name for file in (tmp_path / "figures").iterdir()}

    first = names("one", "two")
    assert first == {"one.svg", "one.png", "two.svg", "two.png", build.LISTING}
    (tmp_path / "figures" / "mine.png").write_text("not made by a build")
    assert names("two", "three") == {
        *("two.svg", "two.png", "three.svg", "three.png", build.LISTING, "mine.png")
    }
    listed = (tmp_path / "figures" / build.LISTING).read_text().split()
    assert listed == ["three.png", "three.svg", "two.png", "two.svg"]


def test_the_pdf_shows_the_code_when_asked():
    assert "secret_code" in "".join(pages_of(SAMPLE, code=True))


def pages_of(cells, **options):
    made = pdf.typeset(document.compose(notebook(*cells)), FACTS, **options)
    return [
        page.extract_text().replace("\N{NO-BREAK SPACE}", " ")
        for page in PdfReader(io.BytesIO(made)).pages
    ]


def test_a_cell_with_the_tag_opens_a_page_of_the_pdf_alone():
    tagged = new_markdown_cell("## Second\n\nMore.", metadata={"tags": ["new-page"]})
    cells = [new_markdown_cell("# Chapter\n\n## First\n\nText."), tagged]
    *_, first, second = pages_of(cells)
    assert "First" in first and "Second" not in first
    assert "Second" in second
    page, _ = ReportHTMLExporter().from_notebook_node(notebook(*cells))
    assert "More." in page and "report-page" not in page


@pytest.mark.parametrize("lines", range(32, 42))
def test_what_announces_a_figure_stands_on_its_page(lines):
    text = new_markdown_cell("# Chapter\n\n" + "\n\n".join(["Filling."] * lines))
    announced = shown("prose", {"text/markdown": "Beside it:"})
    pages = pages_of([text, cell(announced, figure())])
    assert [p for p in pages if "Beside it:" in p] == [p for p in pages if "Figure 1." in p]


def test_the_contents_lead_to_chapters_without_a_number_too():
    tags = {"tags": ["unnumbered"]}
    cells = [
        new_markdown_cell("# The answer, in short\n\nYes.", metadata=tags),
        new_markdown_cell("# Theory\n\nText."),
        new_markdown_cell("# References\n\n- One.", metadata=tags),
    ]
    made = ReportHTMLExporter().from_notebook_node(notebook(*cells))[0]
    links = re.findall(r'<a href="#([^"]*)"><span class="number">', made)
    assert links[:3] == ["section-the-answer-in-short", "section-1", "section-references"]
    assert {*links} <= {*re.findall(r'\sid="([^"]+)"', made)}
