"""The page's models say what Python's say: its equations, its weights, its probabilities."""

import numpy as np
import pytest
import torch
from live_page import give_modules, reviews, write_page

from lstm_report import notebook
from lstm_report.analysis.gates import read_along
from lstm_report.config import GATES
from lstm_report.data.prepared import encode
from lstm_report.models.cells import CellParameters, lstm_step, residual_lstm_step
from lstm_report.training import evaluate, shipped

pytestmark = pytest.mark.timeout(600)
BOUND = 1e-5
"""Of a probability, between the page in float64 and the project's own judgement in float32."""
EXACT = 1e-11
"""Of every number, between the page and the equations in float64."""
READ = """async texts => {
  const data = JSON.parse(document.getElementById("live").textContent)["fig-reader"];
  const {models, vocabulary} = await modules.reader.loaded(data);
  return texts.map((text, place) => {
    const {numbers} = modules.tokens.encode(text, {...data, vocabulary});
    return models.map(model => {
      const steps = [];
      for (const token of numbers) {
        steps.push(modules.reading.readOn(model, steps.at(-1), token, data.gates));
      }
      const told = steps.map(({h, c, ...told}) => told);
      return place % 20 ? told.slice(-1) : told;
    });
  });
}"""


@pytest.fixture(scope="module")
def pair():
    return shipped.read()


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    file = write_page(tmp_path_factory.mktemp("page"), notebook.show_reader)
    page = browser.new_page()
    page.goto(file.as_uri())
    give_modules(page)
    return page


@pytest.fixture(scope="module")
def read(page):
    """What the page reads of a hundred reviews: of both models, of the last word or of all."""
    return page.evaluate(READ, reviews())


def test_the_page_judges_a_hundred_reviews_as_the_project_does(read, pair):
    assert len(read) == 100
    for place, model in enumerate(pair.values()):
        judged = [steps[place][-1]["probability"] for steps in read]
        expected = list(evaluate.probabilities(model, reviews()))
        assert np.ptp(expected) > 0.5
        np.testing.assert_allclose(judged, expected, rtol=0, atol=BOUND)


@pytest.mark.parametrize("kind", ["lstm", "reslstm"])
def test_every_number_of_every_word_is_that_of_the_equations(read, pair, kind):
    place, model = [*pair].index(kind), pair[kind]
    classifier, rows = model.load_model(), range(0, 100, 20)
    texts = [reviews()[row] for row in rows]
    for row, tokens in zip(
        rows, encode(model.load_tokenizer(), texts, model.config.data), strict=True
    ):
        expected, steps = read_along(classifier, tokens), read[row][place]
        assert [step["token"] for step in steps] == tokens.tolist()
        names = {"logit": "logit", "probability": "probability", "fromM": "from m"}
        for name, column in {**names, "fromF": "from F"}.items():
            found = [step[name] for step in steps]
            np.testing.assert_allclose(found, expected[column], rtol=0, atol=EXACT)
        for name in (*GATES, "c", "m", "F", "h"):
            found = [step["means"][name] for step in steps]
            np.testing.assert_allclose(found, expected[name], rtol=0, atol=EXACT)
        assert (expected["F"] > 0).all() == (kind == "reslstm")


@pytest.mark.parametrize("sizes", [(3, 5), (4, 4)])
@pytest.mark.parametrize("kind", ["lstm", "reslstm"])
def test_a_step_computes_the_equations(page, kind, sizes):
    inputs, hidden = sizes
    make = torch.Generator().manual_seed(3)
    real = {"dtype": torch.float64, "generator": make}
    weight_ih, weight_hh = (
        torch.randn(4 * hidden, inputs, **real),
        torch.randn(4 * hidden, hidden, **real),
    )
    bias = torch.randn(4 * hidden, **real)
    weight_res = None if inputs == hidden else torch.randn(hidden, inputs, **real)
    parameters = CellParameters(weight_ih, weight_hh, bias, None, weight_res)
    x, h, c = (torch.randn(size, **real) for size in (inputs, hidden, hidden))
    step = (residual_lstm_step if kind == "reslstm" else lstm_step)(x, h, c, parameters)
    made = page.evaluate(
        """([kind, gates, states, {W_res, ...weights}]) => {
          const flat = values => Float64Array.from(values.flat());
          const cell = {W_res: W_res && flat(W_res)};
          for (const name in weights) cell[name] = flat(weights[name]);
          const made = modules.cells.STEPS[kind](...states.map(flat), cell, gates);
          return Object.fromEntries(Object.entries(made).map(([name, v]) => [name, [...v]]));
        }""",
        [
            kind, GATES, [x.tolist(), h.tolist(), c.tolist()],
            {"W_x": weight_ih.tolist(), "W_h": weight_hh.tolist(), "b": bias.tolist(),
             "W_res": None if weight_res is None else weight_res.tolist()},
        ],
    )  # fmt: skip
    for name, value in step._asdict().items():
        np.testing.assert_allclose(made[name], value, rtol=0, atol=EXACT)
