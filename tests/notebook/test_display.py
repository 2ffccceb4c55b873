"""What notebooks present: the metadata, the texts and the errors."""

import base64
import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lstm_report import config
from lstm_report.errors import UserError
from lstm_report.notebook import display
from lstm_report.report import pandoc
from lstm_report.report.pandoc import plain
from lstm_report.texts import as_html, as_markdown, cell


@pytest.fixture
def shown(monkeypatch):
    """Collect what is displayed, as pairs of content and report metadata."""
    outputs = []

    def collect(content, *, raw, metadata, **options):
        assert raw
        outputs.append((content, metadata["report"]))

    monkeypatch.setattr(display, "display", collect)
    return outputs


def drawing():
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1], [1, 0])
    return figure


def test_settings_give_the_profile_with_the_parameters_in_its_place():
    run = display.settings(profile="smoke", seed=7, epochs=1, readout="mean").run("reslstm")
    assert run == config.profile("smoke", model="reslstm", seed=7, epochs=1, readout="mean")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"profile": "fast"}, "quick"),
        ({"epochs": -1}, "epochs"),
        ({"epochs": 0}, "at least one epoch"),
        ({"layers": 0}, "num_layers"),
        ({"readout": "sum"}, "mean"),
        ({"data": ""}, "data"),
    ],
)
def test_a_bad_value_is_a_user_error_that_says_what_is_valid(wrong, named):
    with pytest.raises(UserError, match=named):
        display.settings(**wrong)


def test_the_names_papermill_injects_are_read_and_checked():
    cell = '# Parameters\nepochs = 2\nepoch = 3\ndata = "x"\n'
    assert display.injected_names(cell) == ["epochs", "epoch", "data"]
    assert display.injected_names("epoch = 3") == []
    with pytest.raises(UserError, match="'epoch'.*epochs"):
        display.check_names(display.injected_names(cell))


def test_a_figure_is_shown_and_is_the_same_each_time(shown):
    for _ in range(2):
        display.show_figure(drawing(), label="a-line", caption="A line.", alt="It falls.")
    figures = [content for content, report in shown if report["kind"] == "figure"]
    assert figures[0] == figures[1]
    assert set(figures[0]) == {"image/svg+xml", "image/png", "text/plain"}
    assert shown[0][1] == {
        "kind": "figure", "label": "a-line", "caption": "A line.", "alt": "It falls.",
        "data": "mark,x,y\nline,0,1\nline,1,0\n",
    }  # fmt: skip
    assert base64.b64decode(figures[0]["image/png"]).startswith(b"\x89PNG")


def test_what_a_live_part_is_told_stands_with_its_figure(shown):
    told = {"part": "gates", "values": [0.5]}
    display.show_figure(drawing(), label="a", caption="b", alt="c", live=told)
    display.show_table(pd.DataFrame({"n": [1]}), label="d", caption="e", live=told)
    assert [report.get("live") for _, report in shown] == [told, None, told, None]


def test_a_caption_in_a_notebook_begins_as_a_reference_is_written(shown):
    display.show_figure(drawing(), label="a-line", caption="A *line*.", alt="It falls.")
    display.show_table(pd.DataFrame({"n": [1]}), label="one", caption="One.")
    captions = [content for content, report in shown if report["kind"] == "caption"]
    assert captions == [
        {"text/markdown": "**@fig:a-line:** A *line*.", "text/plain": "@fig:a-line: A *line*."},
        {"text/markdown": "**@tbl:one:** One.", "text/plain": "@tbl:one: One."},
    ]


def test_a_picture_is_as_wide_as_its_drawing(monkeypatch):
    seen = []
    monkeypatch.setattr(display, "display", lambda content, **rest: seen.append((content, rest)))
    display.show_figure(drawing(), label="a", caption="b", alt="c")
    display.LiveFigure().update(drawing())
    points = float(re.search(r'width="([\d.]+)pt"', seen[0][0]["image/svg+xml"])[1])
    for shown in (seen[0], seen[-1]):
        assert shown[1]["metadata"]["image/png"]["width"] == pytest.approx(points * 4 / 3, abs=2)


@pytest.mark.parametrize(
    "wrong", [{"alt": " "}, {"caption": ""}, {"label": "A line"}, {"label": "../x"}]
)
def test_a_figure_needs_a_label_a_caption_and_alternative_text(shown, wrong):
    with pytest.raises(ValueError, match=r"label|caption|alternative"):
        display.show_figure(drawing(), **{"label": "a", "caption": "b", "alt": "c", **wrong})
    assert not shown


def test_a_table_needs_a_heading_over_every_column(shown):
    for frame in (pd.DataFrame({"": [1]}), pd.DataFrame({"n": [1]}, index=["LSTM"])):
        with pytest.raises(ValueError, match="without a heading"):
            display.show_table(frame, label="t", caption="c")
    assert not shown


def test_what_is_missing_reads_as_not_measured(shown):
    frame = pd.DataFrame({"model": ["LSTM", None], "accuracy": [0.875, math.nan]})
    display.show_table(frame, label="t", caption="c", formats={"accuracy": "{:.1%}"})
    display.say("It is {a:.2%}, {b:.2f}, {c} and {d:.2f}.", a=0.5, b=None, c=math.nan, d=1)
    assert "| LSTM | 87.5% |" in shown[0][0]["text/markdown"]
    assert "| not measured | not measured |" in shown[0][0]["text/markdown"]
    assert shown[-1][0]["text/markdown"] == "It is 50.00%, not measured, not measured and 1.00."


def test_a_negative_number_has_a_minus_sign_and_a_text_keeps_its_hyphen(shown):
    frame = pd.DataFrame({"a": ["-x"], "b": [-1.5]})
    display.show_table(frame, label="t", caption="c", formats={"b": "{:.2f}"})
    display.say("{a:+.1f} and {b}", a=-0.25, b="-b")
    assert "| -x | \N{MINUS SIGN}1.50 |" in shown[0][0]["text/markdown"]
    assert shown[-1][0]["text/markdown"] == "\N{MINUS SIGN}0.2 and -b"


def test_a_named_index_becomes_the_first_column(shown):
    frame = pd.DataFrame({"n": [1]}, index=pd.Index(["LSTM"], name="model"))
    display.show_table(frame, label="t", caption="c")
    assert shown[0][0]["text/markdown"].splitlines()[0] == "| model | n |"
    assert "<th" in shown[0][0]["text/html"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text("ab \\`*_{}[]()<>$|~@^#&!:/0;=+-"), min_size=1))
def test_a_table_shows_every_text_unchanged(texts):
    texts = [f"x{' '.join(text.split())}x" for text in texts]
    source = as_markdown(["a"], [[text] for text in texts], [False])
    rows = pandoc.read(source)[0]["c"][4][0][3]
    assert [plain(row[1][0][4][0]["c"]) for row in rows] == texts


def test_a_text_with_mark_up_characters_is_no_mark_up():
    text = r"<unk> | *b* _c_ `d` $5 and $6 [x](y) # @fig:a \n ~~e~~"
    source = as_markdown(["a"], [[text]], [False])
    cell = pandoc.read(source)[0]["c"][4][0][3][0][1][0][4][0]["c"]
    assert {node["t"] for node in cell} == {"Str", "Space"}
    assert plain(cell) == text


def test_a_check_tells_the_largest_difference_and_fails_beyond_the_tolerance(shown):
    one = np.ones(3)
    display.check("They agree", (one, one + 1e-9))
    assert "1.0e-09" in shown[0][0]["text/markdown"]
    display.check("They agree", (one, one))
    assert "no difference" in shown[1][0]["text/markdown"]
    display.check("True", True)
    for wrong in ((one, one + 1e-3), (one, one[:2]), (one, one * math.nan), False):
        with pytest.raises(AssertionError, match="They agree"):
            display.check("They agree", wrong)
    assert len(shown) == 3


def widths_of(*rows):
    """Return the letters of each column of a table, or None where it has no widths."""
    heading = [f"column {number}" for number in range(len(rows[0]))]
    markdown = as_markdown(heading, [list(row) for row in rows], [False] * len(heading))
    (table,) = pandoc.read(markdown)
    parts = [width.get("c") for _, width in pandoc.with_widths(table["c"])[2]]
    if parts[0] is None:
        return None
    assert sum(parts) == pytest.approx(1)
    return [round(part * pandoc.LINE) - pandoc.PADDING for part in parts]


def test_a_table_that_fits_a_line_keeps_the_widths_of_its_texts():
    assert widths_of(["a", "b", "c"]) is None
    assert widths_of(["long " * 8, "long " * 8]) is None


@given(
    st.lists(
        st.tuples(*[st.integers(1, 40).map(lambda count: "word " * count)] * 2), min_size=1,
        max_size=5,
    )
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_a_wide_table_has_hardly_more_lines_than_the_best_division_gives(rows):
    def lines(widths):
        sizes = [[len(text.strip()) for text in row] for row in rows]
        return sum(max(-(-n // w) for n, w in zip(row, widths, strict=True)) for row in sizes)

    found, room = widths_of(*rows), pandoc.LINE - 2 * pandoc.PADDING
    if found is not None:
        best = min(lines((first, room - first)) for first in range(6, room - 5))
        assert lines(found) <= best + len(rows)


def test_a_table_without_rows_stays_as_it_is():
    (table,) = pandoc.read("| a | b |\n|---|---|")
    assert pandoc.with_widths(table["c"]) == table["c"]


def test_what_must_not_be_broken_keeps_its_line():
    assert widths_of(["long " * 30, "not measured yet"]) == [81, 16]
    assert widths_of(["long " * 30, "a", "b"]) == [82, 6, 6]
    assert widths_of(["long " * 30, "a" * 50, "b"])[1] >= 24


def test_short_cells_of_a_rendered_table_stay_on_one_line():
    row = ["≤ 1.05", "at most 1.05 times", "得到支持"]
    markdown = as_markdown(["goal", "in words", "verdict"], [row], [True] * 3)
    (table,) = pandoc.read(markdown)
    table["c"] = pandoc.with_short_cells_whole(table["c"])
    html, _ = pandoc.write([table], "html")
    assert "≤\N{NO-BREAK SPACE}1.05<" in html and "at most 1.05 times" in html
    whole = re.findall(r'class="whole"[^>]*>([^<]+)<', html)
    assert whole == ["≤\N{NO-BREAK SPACE}1.05", "得到支持"]


def test_short_cells_of_an_html_table_stay_on_one_line():
    kept = 'white-space:nowrap">'
    row = ["≤ 1.05", "at most 1.05 times"]
    html = as_html(["goal", "in words"], [row], [True, False], [False, False])
    assert f"{kept}≤ 1.05<" in html and 'text-align:left">at most 1.05 times<' in html
    assert html.count(kept) == 3


def test_the_summary_keeps_its_lines(shown):
    display.summary(["One.", "Two."])
    assert shown[0][1] == {"kind": "summary", "lines": ["One.", "Two."]}


def test_negative_numbers_and_infinity_get_their_signs(shown):
    display.summary(["From -0.48 to +0.50 in a self-made range, 1-2."])
    assert shown[0][1]["lines"] == ["From \u22120.48 to +0.50 in a self-made range, 1-2."]
    assert [cell(value, "{:.2f}") for value in (math.inf, -math.inf, -1.0)] == [
        "\u221e", "\u2212\u221e", "\u22121.00",
    ]  # fmt: skip


def test_parameters_that_papermill_adds_or_leaves_empty_are_accepted():
    display.check_names(["seed", "PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH"])
    assert display.settings(seed=None).seed == 0
    with pytest.raises(UserError, match="Unknown parameter 'PAPER'"):
        display.check_names(["PAPER"])
