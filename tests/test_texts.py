"""A text that is data is shown as it stands: in a notebook, the page, the PDF and a figure."""

import html
import re
import warnings

import pandas as pd
import pytest
from chromium import EXCESS, opened
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib import font_manager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pypdf import PdfReader

from lstm_report import texts
from lstm_report.analysis import gates
from lstm_report.config import GATES
from lstm_report.figures import style, training
from lstm_report.notebook import display, results
from lstm_report.report import ReportError, document, execute, pdf
from lstm_report.report.html import ReportHTMLExporter

FACTS = {
    "title": "T", "subtitle": "", "authors": "A", "banner": None,
    "facts": [["Data", "a<style>b.csv $x$ *y*"]],
}  # fmt: skip
HOSTILE = [
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/evil">',
    "<style>main{display:none}body::after{content:Owned}</style>",
    "<script>document.title='x'</script></code></pre></bdi>",
    r"It was \emph{really} \textbf{long} \input{/etc/passwd}",
    "![alt](/etc/passwd) ![](x.png) [a](http://e.x) <http://e.x> https://e.x",
    "a `so-called` ``film`` $5 *film* __x__ and $6",
    "5*3*2 &lt; ~~no~~ @fig:lstm-cell @tbl:none",
    "# a", "- a", "1. a", "+ a", "| a | b |", "===", "---", "::: {.report-code}", "```{=html}",
    '#set text(size: 99pt) // c /* d */ "q" \'r\' <label> #panic() -- ... ~',
    "\ue0000\ue001 \ue00099\ue001 {name} {0} %s {{x}}",
    r"\(x\) \[y\] $$z$$ \begin{align} a \end{align}",
]  # fmt: skip


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Collect what is displayed as outputs of a notebook."""
    outputs = []

    def collect(content, *, raw, metadata, **options):
        outputs.append(new_output("display_data", data=content, metadata=metadata))

    monkeypatch.setattr(display, "display", collect)
    return outputs


def present(text, label="words"):
    display.say("{text}", text=text)
    display.say("“{text}” is **{text}**, read as `{text}`.", text=text)
    display.show_list([text], "None.")
    display.show_table(pd.DataFrame({text: [text]}), label=label, caption="Words.")


def book(outputs):
    said = new_output("stream", name="stdout", text="Data: " + HOSTILE[0] + "\0\x1b[31m\n```\n")
    cells = [
        new_markdown_cell("# Chapter"),
        new_code_cell("x = 1  # " + HOSTILE[1], outputs=[*outputs, said], execution_count=1),
    ]
    return new_notebook(cells=cells, metadata={"report_facts": FACTS})


def words_of(page):
    """Return the text of a page as a browser shows it, and the names of its elements."""
    article = page[page.index("<article>") : page.index("</article>")]
    return html.unescape(re.sub(r"<[^>]+>", "", article)), set(re.findall(r"<([a-z0-9]+)", article))


def squeezed(text):
    return re.sub(r"\s|\u200b", "", text)


def test_hostile_texts_stand_in_the_page_and_the_pdf_as_they_are(shown, tmp_path):
    for number, text in enumerate(HOSTILE):
        present(text, f"words-{number}")
    made = book(shown)
    page, _ = ReportHTMLExporter().from_notebook_node(made)
    text, elements = words_of(page)
    assert not elements & {"meta", "style", "script", "img", "em", "del", "input", "svg"}
    (tmp_path / "a.pdf").write_bytes(pdf.typeset(document.compose(made), FACTS, code=True))
    printed = "".join(part.extract_text() for part in PdfReader(tmp_path / "a.pdf").pages)
    for entry in HOSTILE:
        assert squeezed(text).count(squeezed(entry)) >= 7, entry
        if not re.search("[\ue000-\uf8ff]", entry):  # of which no font has a sign
            assert squeezed(entry) in squeezed(printed), entry
    assert "a&lt;style&gt;b.csv $x$ *y*" in page
    assert not re.search("[\0\x1b]", page)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=5))
def test_any_text_stands_in_the_page_as_it_is(entries):
    outputs = []
    for entry in entries:
        form = texts.Template()
        markdown = form.format("{a} and **{a}**, `{a}`.", a=entry)
        metadata = {"report": {"kind": "prose", "markdown": markdown, "values": form.values}}
        outputs.append(new_output("display_data", data={}, metadata=metadata))
    page, _ = ReportHTMLExporter().from_notebook_node(book(outputs))
    text, _ = words_of(page.replace("\r", "&#13;"))
    for entry in map(texts.visible, entries):
        assert squeezed(f"{entry} and {entry}, {entry}.") in squeezed(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_notebook_shows_a_text_as_it_is(shown, text):
    present(text)
    for output in shown:
        content = output.data
        if output.metadata["report"]["kind"] == "caption":
            continue
        made = [MarkdownIt("gfm-like", {"linkify": False}).render(content["text/markdown"])]
        made += [content["text/html"]]
        for rendered in made:
            plain = html.unescape(re.sub(r"<(?!\d)[^>]+>", "", rendered))
            assert squeezed(texts.visible(text)) in squeezed(plain)
            assert not re.search(r"<(meta|style|script|img|em|s|h1|a)\b", rendered)
        assert not re.search(r"[$\\](?!</span>)", content["text/html"])  # MathJax finds none


def test_what_has_no_sign_is_replaced_and_long_texts_are_cut():
    assert texts.visible("a\0b\x1b[31m\u202ec\ud800\uffff \t\n d") == "a�b�[31m�c�� d"
    assert len(texts.visible("x" * 10**6)) == texts.LONGEST
    assert len(results.excerpt("y" * 100_000)) < 700
    assert results.excerpt("a<br />b c", words=2) == "… b c"


@given(st.text(max_size=300))
def test_pieces_of_a_text_are_that_text(text):
    pieces = texts.pieces(text)
    assert "".join(pieces) == text
    assert all(len(word) <= 60 for piece in pieces for word in re.findall(r"\w+", piece))


def test_a_word_of_any_length_is_broken(shown, tmp_path):
    present("A" * 100_000)
    display.say("{text} `{text}`", text="é" * 100_000)
    made = book(shown)
    (tmp_path / "a.pdf").write_bytes(pdf.typeset(document.compose(made), FACTS))
    assert len(PdfReader(tmp_path / "a.pdf").pages) < 30
    assert "<wbr" in ReportHTMLExporter().from_notebook_node(made)[0]


@pytest.mark.parametrize("template", ["$k = {text}$", "[a]({text})"])
def test_a_text_is_refused_where_it_cannot_stand_as_it_is(shown, template):
    display.say(template, text="x}$<b>")
    with pytest.raises(ReportError, match="is data"):
        document.compose(book(shown))


def test_html_of_a_notebook_is_no_html_of_the_page():
    content = (
        "<table><tr><td>kept<img src=x onerror=y><a href='http://e.x'>too</a></td></tr></table>"
    )
    outputs = [
        new_output(
            "display_data", data={"text/html": content + "<iframe src='http://e.x'></iframe>"}
        ),
        new_output("display_data", data={"text/markdown": "<b>bold</b>\n\n<style>x</style>"}),
    ]
    page, _ = ReportHTMLExporter().from_notebook_node(book(outputs))
    text, elements = words_of(page)
    assert "keepttoo" not in text and "kepttoo" in text and "<b>bold</b>" in text
    assert not elements & {"img", "iframe", "b", "style"}
    assert "//e.x" not in page


def test_escaped_texts_leave_numbers_alone():
    assert texts.escaped("-0.5 (87.1%), 1-2") == "-0.5 (87.1%), 1-2"


def test_a_path_with_braces_is_a_path(tmp_path):
    source = tmp_path / "a{seed}{x}.ipynb"
    source.write_text(
        '{"cells": [], "metadata": {"kernelspec": {"name": "python3", "language": "python", '
        '"display_name": "P"}}, "nbformat": 4, "nbformat_minor": 5}'
    )
    target = tmp_path / "b{x}" / source.name
    assert execute.execute(source, target, {"seed": 1}, progress=False)
    assert target.is_file()


def test_a_font_is_found_that_was_installed_since_the_list_was_kept(tmp_path, monkeypatch):
    font = TTFont(font_manager.findfont("cmss10"))  # a small one
    for record in font["name"].names:
        font["name"].setName("New Letters", *(record.nameID, record.platformID, record.platEncID),
                             record.langID)  # fmt: skip
    font.save(tmp_path / "new.ttf")
    (tmp_path / "none.ttf").write_text("no font")
    files = [str(tmp_path / name) for name in ("none.ttf", "new.ttf")]
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [*manager.ttflist])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: files)
    monkeypatch.setattr(style, "FURTHER", ("New Letters",))
    style.families.cache_clear()
    try:
        assert style.families() == [style.USUAL, "New Letters"]
    finally:
        style.families.cache_clear()


def test_labels_of_figures_are_short_and_have_signs(caplog):
    words = ["$x^$", "A" * 10_000, "退屈", "\0", "_a"]
    trace = gates.follow_gates([dict.fromkeys(GATES, 0.5)] * len(words)).iloc[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = training.gate_activations({"lstm": trace}, words)
    labels = [tick.get_text() for tick in drawn.axes[0].get_xticklabels()]
    assert labels[0] == "$x^$" and len(labels[1]) == style.LONGEST and labels[4] == "_a"
    assert style.without_sign("a退", {ord("a")}) == "aU+9000"


def test_a_page_of_hostile_texts_stays_where_it_is_in_a_browser(browser, shown, tmp_path):
    for number, text in enumerate([*HOSTILE, "W" * 5_000]):
        present(text, f"words-{number}")
    file = tmp_path / "report.html"
    file.write_text(ReportHTMLExporter().from_notebook_node(book(shown))[0], encoding="utf-8")
    with opened(browser, file, width=390) as page:
        assert page.title() == FACTS["title"]
        assert page.locator("main").is_visible()
        assert page.evaluate(EXCESS) == 0


def test_the_pdf_gives_the_number_of_a_letter_without_a_sign(shown, tmp_path, caplog):
    display.say("{text}", text="ужас \U0010fffc")
    (tmp_path / "a.pdf").write_bytes(pdf.typeset(document.compose(book(shown)), FACTS))
    printed = "".join(part.extract_text() for part in PdfReader(tmp_path / "a.pdf").pages)
    assert "ужас U+10FFFC" in " ".join(printed.split())
    assert [record.message.count("U+10FFFC") for record in caplog.records] == [1]


def test_a_table_as_text_displays_nothing_in_a_notebook(monkeypatch, capsys):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "word" in texts.as_text(["a"], [["word"]], [False])
    assert capsys.readouterr().out == ""


def test_a_time_is_told_with_the_digits_that_matter():
    times = (0.0712, 0.4, 44.2, 1230.4)
    assert list(map(texts.duration, times)) == ["0.071 s", "0.4 s", "44 s", "1,230 s"]


def test_a_line_may_break_between_chinese_letters_alone():
    assert texts.words("用LSTM 分析") == ["用", "LSTM", "分", "析"]
    assert texts.width("用LSTM") == 6
    assert texts.pieces("残差" * 40) == ["残差" * 40]
    assert len(texts.pieces("a" * 40)) > 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("F(x_t) leads from x_t to h_t", "$F(x_t)$ leads from $x_t$ to $h_t$"),
        ("with it ∂c_t/∂c_{t-1} along", r"with it $\partial c_t/\partial c_{t-1}$ along"),
        ("no path from h_{t-1} to h_t.", "no path from $h_{t-1}$ to $h_t$."),
        ("沿∂c_t/∂c_{t-1}因而，F(x_t)没有", r"沿$\partial c_t/\partial c_{t-1}$因而，$F(x_t)$没有"),
        ("`x_t` and max_time, box_t", "`x_t` and max_time, box_t"),
        ("the state $h_t$ of x_t", "the state $h_t$ of x_t"),
    ],
)
def test_symbols_of_the_equations_are_set_as_formulas(text, expected):
    assert texts.with_formulas(text) == expected
