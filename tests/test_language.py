"""Translations: how a text is found in a catalogue, and that the Chinese one is whole."""

import re
import subprocess
import sys
import warnings

import mistune
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lstm_report import language, texts
from lstm_report.claims import verdicts
from lstm_report.claims.evidence import Part
from lstm_report.errors import UserError
from lstm_report.figures import style
from lstm_report.language import Catalogue
from lstm_report.notebook import answer, display
from lstm_report.paths import NOTEBOOKS, ROOT
from lstm_report.texts import Markup

SMALL = Catalogue(
    {
        "a run": "一次运行",
        "the residual LSTM": "残差LSTM",
        "It learnt.": "学会了。",
        "Whether {0} is left open{1}.": "“{0}”尚无定论{1}。",
        "{0} of {1} runs": "{1}次运行中的{0}次",
        "no run of “{0}”": "没有“{0}”的运行",
        "{0} (run `{1}`)": "{0}（运行`{1}`）",
        "{} points": "{}个百分点",
        "{0} ({1} to {2})": "{0}（{1}至{2}）",
        ", by ranks": "，按秩",
        "words": "词",
        "a set $x_{t}$ and more": "集合$x_{t}$等",
        "accuracy": "准确率",
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a run", "一次运行"),
        ("A run.", "一次运行。"),
        ("It learnt", "学会了"),
        ("  a run ", "  一次运行 "),
        ("3 of 20 runs", "20次运行中的3次"),
        ("+0.12 points (-0.30 to +0.55)", "+0.12个百分点（-0.30至+0.55）"),
        ("Whether the residual LSTM is left open.", "“残差LSTM”尚无定论。"),
        ("Whether a run is left open (words: 3 of 4 runs).",
         "“一次运行”尚无定论（词：4次运行中的3次）。"),
        ("It learnt. Whether a run is left open. It learnt.",
         "学会了。“一次运行”尚无定论。学会了。"),
        ("a run, words and accuracy", "一次运行、词和准确率"),
        ("a run; words", "一次运行；词"),
        ("accuracy: 3 of 4 runs", "准确率：4次运行中的3次"),
        ("accuracy $x_t$", "准确率$x_t$"),
        ("*words*: a run", "“词”：一次运行"),
        ("words, by ranks", "词，按秩"),
        ("It learnt.\n\nA run.", "学会了。\n\n一次运行。"),
        ("- a run\n- words", None),
        ("a set $x_{t}$ and more", "集合$x_{t}$等"),
        ("no run of “lstm x1”", "没有“lstm x1”的运行"),
        ("no run of “lstm x1” (run `lstm-report study depth`)",
         "没有“lstm x1”的运行（运行`lstm-report study depth`）"),
        ("no run of “a run (by x); lstm x1 (depth)”",
         "没有“一次运行（by x）；lstm x1 (depth)”的运行"),
        ("lstm (1).csv", None),
        ("no run of “what nobody ever wrote into it”", None),
        ("something else", None),
        ("Whether that which nobody wrote is left open.", None),
        ("12.5%", "12.5%"),
        ("@fig:one and `code`", "@fig:one和`code`"),
    ],
)  # fmt: skip
def test_a_text_is_found_whole_by_its_form_or_in_parts(text, expected):
    assert SMALL.find(text) == expected


@given(st.text(max_size=60))
def test_any_text_is_translated_or_left_alone(text):
    found = SMALL.find(text)
    assert found is None or isinstance(found, str)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["a run", "words"]))
def test_what_fills_a_form_is_kept(first, second, name):
    found = SMALL.find(f"Whether {name} is left open ({first} of {second} runs).")
    assert found is not None
    assert sorted(re.findall(r"\d+", found)) == sorted([str(first), str(second)])


@pytest.fixture
def chinese():
    with language.spoken("zh"):
        yield


def test_the_language_is_that_of_before_after_a_while():
    with pytest.raises(RuntimeError), language.spoken("zh"):
        assert language.chosen() == "zh"
        raise RuntimeError
    assert language.chosen() == "en"


def test_an_unknown_language_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="Expected the language en or zh, got 'de'"):
        display.settings(profile="smoke", language="de")


def test_what_has_no_translation_bears_a_mark_and_data_does_not(chinese):
    assert language.translated("Nobody wrote this sentence.").endswith(language.UNTRANSLATED)
    assert language.known("my reviews.csv") == "my reviews.csv"


def test_the_catalogue_is_complete_and_agrees_with_the_texts():
    done = subprocess.run(
        [sys.executable, ".ci/catalogue.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_a_full_stop_changes_nothing_but_itself():
    pairs = language.catalogue("zh").pairs
    for text in [text for text in pairs if " " in text and text[-1].isalpha()]:
        if f"{text}." not in pairs:
            assert language.translated(f"{text}.", "zh") == f"{pairs[text]}。"


def test_what_fills_a_field_does_not_hide_a_mark_of_bold_type():
    for text, translation in language.catalogue("zh").pairs.items():
        numbers = re.sub(r"(?<!{){[^{}]*:[^{}]*}(?!})", "0", translation)
        filled = re.sub(r"(?<!{){[^{}]*}(?!})", texts.mark(0), numbers)
        if "**" in text and filled != translation:
            assert "**" not in re.sub("<code>.*?</code>", "", mistune.html(filled)), text


def test_a_changed_paragraph_is_shown_in_english_with_a_mark():
    node = nbformat.read(NOTEBOOKS / "01_theory.ipynb", as_version=4)
    prose = next(cell for cell in node.cells if cell.cell_type == "markdown")
    prose.source += "\n\nA paragraph that was added."
    told = language.notebook(node, "zh")
    first = next(cell.source for cell in told.cells if cell.cell_type == "markdown")
    assert first.startswith("# 网络如何工作")
    assert first.endswith(f"A paragraph that was added.{language.UNTRANSLATED}")


def test_the_prose_of_every_notebook_is_chinese(tmp_path):
    written = language.write_notebooks("zh", tmp_path)
    assert [file.name for file in written] == [
        file.name for file in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    ]
    for file in written:
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "markdown":
                assert language.UNTRANSLATED not in cell.source
                parts = language.paragraphs(cell.source)
                left = [part for part in parts if not re.search("[\u4e00-\u9fff]", part)]
                assert all(language.needs_none(part) for part in left)
            elif "parameters" in cell.metadata.get("tags", ()):
                assert 'language = "zh"' in cell.source


def parts():
    return [part for part in verdicts.PARTS if isinstance(part, Part)]


@pytest.mark.parametrize("outcome", ["supported", "refuted", "undecided", "not measured yet"])
def test_the_sentence_of_each_verdict_has_a_translation(outcome, chinese):
    for part in parts():
        for text in (verdicts.Verdict(part, outcome).sentence, part.what, part.experiment):
            found = language.known(text)
            assert found != text and language.UNTRANSLATED not in found, text
            assert not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{4,}", re.sub("“.*?”|`.*?`", "", found))


def test_the_answer_of_each_outcome_has_a_translation(chinese):
    for sentence in (
        *answer.ONE_LAYER.values(), *answer.DEEP.values(), *answer.THESIS.values(),
        *answer.QUESTIONS, *(text for told in answer.ADVICE.values() for text in told.values()),
    ):  # fmt: skip
        assert re.search("[\u4e00-\u9fff]", language.known(sentence)), sentence


def test_prose_is_shown_in_chinese_and_data_as_it_stands(chinese, monkeypatch):
    shown = []
    monkeypatch.setattr(display, "display", lambda content, **_: shown.append(content))
    display.say("Not measured: {what}.", what="It is good.")
    display.say("{found}", found=Markup("Both curves converge."))
    display.say("{commands}", commands=['lstm-report again baselines "bag of words" --seed 0'])
    assert [content["text/plain"] for content in shown] == [
        "未测量：It is good.。", "两条曲线都收敛。",
        'lstm-report again baselines "bag of words" --seed 0',
    ]  # fmt: skip


def test_a_figure_is_labelled_in_chinese_but_for_words_of_reviews(chinese):
    figure = Figure()
    axes = figure.subplots()
    axes.set(xlabel="test accuracy", title="Eight\nlayers")
    axes.set_yticks([0, 1], ["forget gate $f$", "LSTM"])
    axes.set_xticks([0, 1], ["review", "good"], parse_math=False)
    style.translate(figure)
    figure.draw_without_rendering()
    assert (axes.get_xlabel(), axes.get_title()) == ("测试准确率", "八层")
    assert [text.get_text() for text in axes.get_yticklabels()] == ["遗忘门$f$", "LSTM"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["review", "good"]


@pytest.mark.skipif(len(style.families()) < 2, reason="no font with Chinese letters")
def test_no_letter_of_a_label_is_a_box(chinese, caplog, tmp_path):
    figure = Figure()
    axes = figure.subplots()
    axes.set(xlabel="error $|\\hat y - y|$", ylabel="time step $t$", title="residual path")
    axes.set_yticks([0, 1], ["forget gate $f$", "candidate $|g|$"])
    style.translate(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as for a letter that a font lacks
        figure.savefig(tmp_path / "labels.svg")
    assert axes.get_xlabel().startswith("误差") and "遗忘门" in axes.get_yticklabels()[0].get_text()
    assert "dummy symbol" not in caplog.text


def test_english_figures_are_left_alone():
    figure = Figure()
    axes = figure.subplots()
    axes.set_xlabel("test accuracy")
    style.translate(figure)
    assert axes.get_xlabel() == "test accuracy"
