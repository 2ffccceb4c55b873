"""The figure of the reader as a notebook and the PDF show it."""

import pytest
from live_page import outputs

from lstm_report import notebook
from lstm_report.config import GATES
from lstm_report.notebook import reader
from lstm_report.training import evaluate, shipped


@pytest.fixture(scope="module")
def shown():
    return outputs(notebook.show_reader)


def test_the_caption_tells_where_both_models_end_as_predict_does(shown):
    (figure,) = [out for out in shown if out.metadata["report"]["kind"] == "figure"]
    details = figure.metadata["report"]
    for model in shipped.read().values():
        (probability,) = evaluate.probabilities(model, [reader.EXAMPLES[0]])
        assert f"{probability:.2f}" in details["caption"]
    assert reader.EXAMPLES[0] in details["caption"]


def test_the_prose_tells_what_the_small_form_does_to_the_judgements(shown):
    text = shown[0].data["text/plain"]
    for model in shipped.read().values():
        for name in ("accuracy", "recorded_accuracy"):
            assert f"{model.about[name]:.2%}" in text
        assert f"{model.about['changed']:,}" in text
    assert "25,000 test reviews" in text


def test_the_live_part_is_told_what_the_models_need(shown):
    live = shown[1].metadata["report"]["live"]
    model = shipped.read()["lstm"]
    assert tuple(live["gates"]) == GATES
    assert (live["length"], live["keep"]) == (
        model.config.data.max_length,
        model.config.data.keep,
    )
    assert [entry["kind"] for entry in live["models"]] == ["lstm", "reslstm"]
    assert live["examples"][0] == reader.EXAMPLES[0]
