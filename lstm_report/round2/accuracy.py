"""C1, C10 and C12: does the residual LSTM classify better, and does more structure?"""

from collections.abc import Callable

from lstm_report import source_report
from lstm_report.archive import Missing, View
from lstm_report.decisions import MARGIN
from lstm_report.round2 import evidence
from lstm_report.round2.evidence import LSTM, MATCHED, RESIDUAL, both_learn
from lstm_report.round2.parts import Part, at_least, at_most, inside
from lstm_report.unpaired import Figure, contrast, shift

Cell = tuple[str, str]

N_GRAMS = ("baselines", "nb-weighted n-grams")
SOURCE_DIFFERENCE = source_report.ACCURACY["lstm"] - source_report.ACCURACY["reslstm"]
SAME_SIZE = 0.01
"""Largest relative difference of two numbers of parameters that count as equal."""
BOTH_MODELS = "a mean accuracy above 85% of both models"


def _difference(first: Cell, second: Cell) -> Callable[[View], Figure]:
    def figure(view: View) -> Figure:
        return contrast([evidence.accuracy(view, *cell) for cell in (first, second)], [1, -1])

    return figure


def _matched(view: View) -> Figure:
    sizes = [view.rows(*cell)["parameters"].iloc[0] for cell in (MATCHED, RESIDUAL)]
    if abs(sizes[0] / sizes[1] - 1) > SAME_SIZE:
        raise Missing(f"the two have {sizes[0]:,} and {sizes[1]:,} parameters, not equally many")
    return _difference(MATCHED, RESIDUAL)(view)


def n_grams_minus_lstm(view: View) -> Figure:
    """Return the accuracy of the linear model, of which there is one, minus those of the LSTM."""
    (linear,) = view.rows(*N_GRAMS)["test_accuracy"].astype(float)
    view.used |= {(N_GRAMS[0], run_id) for run_id in view.rows(*N_GRAMS)["run_id"]}
    return contrast([linear - evidence.accuracy(view, *LSTM)], [1])


def _deep(view: View) -> Figure:
    return shift(evidence.stack(view, "lstm", 8), evidence.stack(view, "lstm", 1))


_HEADLINE = "the source's setting, 24 runs of each model"
PARTS = (
    Part(
        "C1a",
        "the LSTM is ahead of the residual LSTM",
        "Little: the algebra gives the residual cell no new path in one layer. Exploratory runs "
        "put the LSTM 0.4 points ahead.",
        _HEADLINE,
        "accuracy, LSTM minus residual LSTM",
        "points",
        _difference(LSTM, RESIDUAL),
        at_least(0.0),
        both_learn,
        BOTH_MODELS,
        "In the source's setting the LSTM is better on average.",
        "In the source's setting the residual LSTM is better on average.",
    ),
    Part(
        "C1b",
        "the lead is 1.15 points, to within half a point",
        "Not reproduced: the exploratory lead is a third of it.",
        _HEADLINE,
        "accuracy, LSTM minus residual LSTM",
        "points",
        _difference(LSTM, RESIDUAL),
        inside(SOURCE_DIFFERENCE - MARGIN, SOURCE_DIFFERENCE + MARGIN),
        both_learn,
        BOTH_MODELS,
        "The size of the lead in the source's one pair of runs is that of the mean.",
        "One pair of runs showed a lead that the mean does not have.",
        against="not reproduced",
    ),
    Part(
        "C10a",
        "in one layer the residual path brings nothing",
        "Supported: F(x_t) adds no path from h_{t-1} to h_t.",
        _HEADLINE,
        "accuracy, residual LSTM minus LSTM",
        "points",
        _difference(RESIDUAL, LSTM),
        at_most(MARGIN),
        both_learn,
        BOTH_MODELS,
        "A gain of half a point, the least that matters here, is excluded.",
        "The residual path gains more than half a point in one layer.",
    ),
    Part(
        "C10b",
        "an LSTM of equal size is ahead of the residual LSTM",
        "Supported, by about as much as the LSTM of the source's size.",
        "the same, with an LSTM of 268 units, which has as many parameters",
        "accuracy, LSTM of equal size minus residual LSTM",
        "points",
        _matched,
        at_least(0.0),
        both_learn,
        BOTH_MODELS,
        "The parameters of the shortcut are better spent on hidden units.",
        "The parameters of the shortcut are well spent.",
    ),
    Part(
        "C12a",
        "the more advanced structure is no better on this task",
        "As C10a, whose hypothesis it is.",
        _HEADLINE,
        "accuracy, residual LSTM minus LSTM",
        "points",
        _difference(RESIDUAL, LSTM),
        at_most(MARGIN),
        both_learn,
        BOTH_MODELS,
        "The more advanced of the two cells is not better by what matters.",
        "The more advanced cell is better.",
        shares="C10a",
    ),
    Part(
        "C12b",
        "a simpler model is ahead of a more complex one",
        "Supported: a linear model over words and phrases was ahead by 4.7 points.",
        "a linear model over 1- to 3-grams of whole reviews, which has nothing random, beside the "
        "LSTM of the source's setting, which reads the last 256 words",
        "accuracy, linear model over n-grams minus LSTM",
        "points",
        n_grams_minus_lstm,
        at_least(MARGIN),
        both_learn,
        BOTH_MODELS,
        "A recurrent network is no gain over counting phrases in this setting.",
        "The recurrent network earns its complexity.",
    ),
    Part(
        "C12c",
        "adding layers blindly can hurt",
        "Supported: of eight-layer LSTMs more than half learnt nothing.",
        "LSTMs of eight layers and of one, 20 runs of each, with nothing else changed",
        "accuracy, eight layers minus one (by ranks)",
        "points",
        _deep,
        at_most(-MARGIN),
        evidence.one_layer_learns,
        "a mean accuracy above 75% of one layer of both kinds",
        "A typical stack of eight layers is worse than one layer.",
        "Eight layers are no worse than one.",
    ),
)
"""The parts of the three claims."""
