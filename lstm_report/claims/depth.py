"""C5, C6 and C7: gradients, training and words, over layers and along time.

Stacks of 1, 2, 4 and 8 layers, 20 runs of each; what is measured stands in `lstm_report.analysis`.

| measure | condition |
|---|---|
| gradient norm, layer | start/LAYER and trained/LAYER; layer 1 reads the words |
| gradient norm, distance | start/LAYER/STEPS and trained/LAYER/STEPS, before the last word |
| input word read back | LAYER/STEPS; layer 0 is the word vector; of 20 words, so 5% by guessing |
"""

import contextlib
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstm_report.claims import evidence
from lstm_report.claims.admitted import Missing, View
from lstm_report.claims.evidence import (
    ONE_LAYER,
    Cell,
    Check,
    Claim,
    Part,
    Rule,
    at_least,
    at_most,
    in_powers,
    lead,
    learnt,
    more_often,
    one_layer_learns,
    stack,
)
from lstm_report.config import MODELS
from lstm_report.figures.evidence import Panel, Shown, shown
from lstm_report.statistics.intervals import MARGIN
from lstm_report.statistics.unpaired import Figure, contrast, share_difference
from lstm_report.studies.catalogue import DEPTH, GATED

LAYER_GRADIENT, TIME_GRADIENT = "gradient norm, layer", "gradient norm, distance"
PROBE, GUESSED = "input word read back", 1 / 20
"""The share of words that a probe reads back, and that of one that knows nothing, of 20 words."""
DEEP, STEPS, FAR = 8, 50, 5
"""Layers and time steps over which gradients are compared, and steps back to a word."""
HALF = math.log10(2)
"""A gradient fades when it falls to less than half; it fades less when twice as much is left."""
LOSS_MARGIN = 0.01
"""Nats of training loss that do not matter."""
WORD_MARGIN, FAR_MARGIN = 0.05, 0.02
"""Shares of words read back that do not matter: near, and far, where few are read back at all."""
SHARE_MARGIN = 0.25
"""A share of runs that does not matter: 20 or 24 runs can hardly tell a smaller one from none."""
ALL_READ = 0.99


def fading_over_layers(view: View, kind: str) -> pd.Series:
    """Return log10 of the gradient in layer 1 by that in layer 8, for each run, by seed."""
    return decades(view, (DEPTH, f"{kind} x{DEEP}"), LAYER_GRADIENT, f"start/{DEEP}", "start/1")


def fading_over_time(view: View, kind: str) -> pd.Series:
    """Return log10 of the gradient 50 steps back by that of the last step, in one layer."""
    return decades(view, (DEPTH, f"{kind} x1"), TIME_GRADIENT, "start/1/0", f"start/1/{STEPS}")


def decades(view: View, cell: Cell, measure: str, near: str, far: str) -> pd.Series:
    """Return log10 of a gradient under the far condition by that under the near one, by seed.

    No gradient counts as the smallest that there is.
    """
    below, above = (
        evidence.measured(view, *cell, measure, condition).clip(lower=np.finfo(float).tiny)
        for condition in (near, far)
    )
    found: pd.Series = (above / below).map(math.log10)
    return found


def read_back(view: View, kind: str, layers: int, steps: int) -> pd.Series:
    """Return how often the top layer gives a word back, for each run that learnt, by seed."""
    found = evidence.measured(view, DEPTH, f"{kind} x{layers}", PROBE, f"{layers}/{steps}")
    return found[learnt(stack(view, kind, layers)).reindex(found.index, fill_value=False)]


def _far_words(view: View) -> Figure:
    depths = (1, 2, 4)
    groups = [read_back(view, kind, n, FAR) for n in depths for kind in ("reslstm", "lstm")]
    return contrast(groups, [sign / len(depths) for _ in depths for sign in (1, -1)])


def _loss(view: View, kind: str, layers: int) -> pd.Series:
    loss = evidence.epochs(view, DEPTH, f"{kind} x{layers}", "train_loss").iloc[:, -1]
    return loss[learnt(stack(view, kind, layers)).reindex(loss.index, fill_value=False)]


def _gap_grows(view: View) -> Figure:
    groups = [_loss(view, kind, layers) for layers in (4, 1) for kind in ("lstm", "reslstm")]
    return contrast(groups, [1, -1, -1, 1])


def _probe_works(view: View) -> Check:
    """Demand that the probe reads the words from their vectors, and that stacks learnt."""
    stacks = [(kind, layers) for kind in MODELS for layers in (1, 2, 4)]
    read = min(
        evidence.measured(view, DEPTH, f"{kind} x{layers}", PROBE, "0/0").mean()
        for kind, layers in stacks
    )
    trained = min(int(learnt(stack(view, kind, layers)).sum()) for kind, layers in stacks)
    return Check(
        read > ALL_READ and trained >= 10,
        f"the probe reads at least {read:.1%} of the words from their vectors; at least "
        f"{trained} stacks of each kind and depth learnt",
    )


def _fade(kind_of: str) -> str:
    return in_powers(f"gradient at the start of training, {kind_of}")


FORMS = ("reslstm", "skiplstm", "gatedlstm")
LOG = {"yscale": "log"}


def _gradients(view: View) -> Shown:
    study = evidence.shown_study(view, DEPTH)
    deep = {kind: (study, f"{kind} x{DEEP}") for kind in MODELS}
    single = {kind: (study, f"{kind} x1") for kind in MODELS}
    panels = [
        Panel("Eight layers", "layer, the deepest at the right", "norm of the gradient",
              evidence.by_number(view, deep, LAYER_GRADIENT, "start/"), LOG),
        Panel("One layer, along time", "time steps before the last", "norm of the gradient",
              evidence.by_number(view, single, TIME_GRADIENT, "start/1/"), LOG),
    ]  # fmt: skip
    return shown(
        panels,
        f"Gradient of the loss by the hidden states at the start of training (`results/{study}`): "
        "by layer in stacks of eight, and by time step in one layer. Every seed, and means with "
        "95% intervals.",
    )


def _trained_gradients(view: View) -> Shown:
    """Draw the gradients after training, of the stacks of eight layers that learnt."""
    study, lines = evidence.shown_study(view, DEPTH), {}
    for kind in MODELS:
        cell = (study, f"{kind} x{DEEP}")
        table = evidence.by_number(view, {kind: cell}, LAYER_GRADIENT, "trained/")[kind]
        lines[kind] = table[learnt(evidence.accuracy(view, *cell)).reindex(table.index)]
    panel = Panel("", "layer, the deepest at the right", "norm of the gradient", lines, LOG)
    caption = f"Gradient of the loss by layer in trained stacks that learnt (`results/{study}`)."
    return shown([panel], caption)


def _stack_panels(view: View, study: str, kinds: Sequence[str]) -> list[Panel]:
    """Return the panels of accuracy and loss by the number of layers, of the kinds recorded."""
    panels = []
    learned: dict[str, pd.DataFrame] = {}
    for title, quantity, y, guessed in (
        ("Test accuracy", "", "accuracy", 0.5),
        ("Training loss", "train_loss", "last epoch (nats)", math.log(2)),
    ):
        lines = {}
        for kind in kinds:
            with contextlib.suppress(Missing):
                lines[kind] = evidence.by_layers(view, study, kind, quantity)
                learned[kind] = learned.get(kind, lines[kind] > evidence.LEARNT)
        if len(lines) < 2:
            raise Missing("two or more kinds of stacks", f"lstm-report study {study}")
        level = ("guessing", guessed)
        panels.append(Panel(title, "layers", y, lines, {}, not quantity, level, False, learned))
    return panels


def _depths(view: View) -> Shown:
    study = evidence.shown_study(view, DEPTH)
    return shown(
        _stack_panels(view, study, MODELS),
        f"Test accuracy and training loss of every stack by its number of layers (`results/{study}`"
        f"), and means of those that learnt, above {evidence.LEARNT:.0%}, with 95% intervals.",
    )


def _probes(view: View) -> Shown:
    study = evidence.shown_study(view, DEPTH)
    x, y, panels = "time steps since the word", "words read back", []
    for title, layers in (("One layer", 1), ("Four layers", 4)):
        cells = {kind: (study, f"{kind} x{layers}") for kind in MODELS}
        vectors = {"the present word alone": cells["lstm"]}
        lines = evidence.by_number(view, cells, PROBE, f"{layers}/")
        lines |= evidence.by_number(view, vectors, PROBE, "0/")
        panels.append(Panel(title, x, y, lines, {}, True, ("guessing", GUESSED)))
    return shown(
        panels,
        "How often a linear probe tells from the top layer’s state, or from the present word’s "
        f"vector, which of 20 words was read so many time steps before (`results/{study}`). Every "
        "seed, and means with 95% intervals.",
    )


def _forms(view: View) -> Shown:
    """Draw accuracy and loss of each form of the residual, by the number of layers."""
    return shown(
        _stack_panels(view, "depth", FORMS),
        "Forms of the residual by the number of layers: the source’s, one between the layers that "
        "the gates do not read (Wu et al. 2016), and one that passes the output gate (Kim et al. "
        "2017). Every stack, and means of those that learnt, with 95% intervals "
        "(`results/depth`).",
    )


_LAYERS = "eight layers before training, 64 test reviews: layer 1 by layer 8"
_TIME = "one layer before training, 64 test reviews: 50 steps before the last word by the last"
_STACKS = "stacks of one and eight layers, 20 runs of each; a run learnt above 65% accuracy"
_PROBES = (
    "a linear probe of the top layer for 20 frequent words (5% by guessing), stacks that learnt"
)
_READS = "a probe that reads 99% of the words from their vectors, and 10 stacks of each that learnt"
PARTS = (
    Part(
        "C5a", "in an LSTM gradients fade over layers",
        "Supported: each layer multiplies the gradient by o ⊙ tanh′(c) ⊙ i ⊙ g′ W, below 1.",
        _LAYERS, _fade("LSTM, layer 1 by layer 8"), "decades",
        lambda view: contrast([fading_over_layers(view, "lstm")], [1]),
        at_most(-HALF), one_layer_learns, ONE_LAYER,
        "Lower layers of a deep LSTM start with hardly any gradient.",
        "Lower layers get their share of the gradient.",
    ),
    Part(
        "C5b", "the shortcut eases the fading over layers",
        "Supported: F(x_t) = x_t hands the gradient of h_t to the layer below unchanged (P1).",
        _LAYERS, _fade("residual LSTM minus LSTM, over layers"), "decades",
        lambda view: contrast(
            [fading_over_layers(view, kind) for kind in ("reslstm", "lstm")], [1, -1]
        ),
        at_least(HALF), one_layer_learns, ONE_LAYER,
        "The shortcut carries the gradient across layers.",
        "The shortcut does not carry the gradient across layers.",
    ),
    Part(
        "C5c", "in an LSTM gradients fade over time",
        "Supported: with biases near 0 the forget gate is about one half.",
        _TIME, _fade("LSTM, 50 steps back"), "decades",
        lambda view: contrast([fading_over_time(view, "lstm")], [1]),
        at_most(-HALF), one_layer_learns, ONE_LAYER,
        "An LSTM with usual biases starts with no gradient from far words.",
        "The gradient reaches far words from the start.",
    ),
    Part(
        "C5d", "the shortcut eases the fading over time",
        "Refuted: F(x_t) leads from x_t to h_t, and from no earlier state to a later one (P2).",
        _TIME, _fade("residual LSTM minus LSTM, 50 steps back"), "decades",
        lambda view: contrast(
            [fading_over_time(view, kind) for kind in ("reslstm", "lstm")], [1, -1]
        ),
        at_least(HALF), one_layer_learns, ONE_LAYER,
        "The shortcut carries the gradient along time, against the algebra.",
        "Along time the shortcut does nothing for the gradient.",
    ),
    Part(
        "C6a", "stacked LSTMs degrade as layers are added",
        "Supported: three of five exploratory stacks of eight layers learnt nothing.",
        _STACKS, "LSTMs that learn, eight layers minus one", "percent",
        lambda view: share_difference(
            *(learnt(stack(view, "lstm", n)).tolist() for n in (DEEP, 1))
        ),
        Rule(below=0.0, refuted_above=-SHARE_MARGIN), one_layer_learns, ONE_LAYER,
        "Deep LSTMs fail to train where one layer does not.",
        "Eight layers train about as safely as one.",
    ),
    Part(
        "C6b", "deep stacks with the shortcut learn more often",
        "Supported: every exploratory residual stack learnt (P3).",
        _STACKS, "stacks of eight layers that learn, residual LSTM minus LSTM", "percent",
        lambda view: share_difference(
            *(learnt(stack(view, kind, DEEP)).tolist() for kind in ("reslstm", "lstm"))
        ),
        more_often(SHARE_MARGIN), one_layer_learns, ONE_LAYER,
        "The shortcut saves the training of deep stacks.",
        "The shortcut does not save the training of deep stacks.",
    ),
    Part(
        "C6c", "the shortcut lowers the training loss more, the more layers there are",
        "Supported, among stacks that learnt: by 0.03 nats at one layer and 0.11 at four.",
        "stacks of one and four layers that learnt, loss of the last of five epochs",
        "training loss, LSTM minus residual LSTM, four layers minus one", "nats",
        _gap_grows, at_least(LOSS_MARGIN), one_layer_learns, ONE_LAYER,
        "Where both train, the shortcut makes deep stacks easier to optimise.",
        "Where both train, depth does not change what the shortcut does.",
    ),
    Part(
        "C7a", "input words are drowned over time",
        "Supported: a layer of the LSTM read back all of the present words and 5% of those ten "
        "steps back, which is guessing.",
        _PROBES, "LSTM, one layer, words read back: present minus ten steps back", "points",
        lambda view: contrast([read_back(view, "lstm", 1, 0) - read_back(view, "lstm", 1, 10)],
                              [1]),
        at_least(WORD_MARGIN), _probe_works, _READS,
        "A state does not keep which words were read some steps before.",
        "A state keeps which words were read some steps before.",
    ),
    Part(
        "C7b", "the shortcut keeps words that were read five steps before",
        "Refuted: the shortcut adds the present word alone (P2).",
        _PROBES + ", mean over 1, 2 and 4 layers",
        "words read back five steps later, residual LSTM minus LSTM", "points",
        _far_words, at_least(FAR_MARGIN), _probe_works, _READS,
        "The shortcut keeps past words.", "The shortcut does not keep past words.",
    ),
    Part(
        "C7c", "input words are drowned over layers",
        "Supported: four layers of the LSTM read back 12% of the present words.",
        _PROBES, "LSTM, present words read back: one layer minus four", "points",
        lambda view: contrast([read_back(view, "lstm", n, 0) for n in (1, 4)], [1, -1]),
        at_least(WORD_MARGIN), _probe_works, _READS,
        "The top of a stack does not keep which word is read.",
        "The top of a stack keeps which word is read.",
    ),
    Part(
        "C7d", "the shortcut keeps the present word beside deep features",
        "Supported: h of each layer is the word vector plus what the layers add (P1).",
        _PROBES, "present words read back from four layers, residual LSTM minus LSTM", "points",
        lambda view: contrast([read_back(view, kind, 4, 0) for kind in ("reslstm", "lstm")],
                              [1, -1]),
        at_least(WORD_MARGIN), _probe_works, _READS,
        "The shortcut carries the present word up the layers.",
        "The shortcut does not carry the present word up the layers.",
    ),
    Part(
        "D2", "deep, the source's form of the shortcut costs accuracy",
        "Supported: eight residual layers were 1.8 points behind one.",
        "residual LSTMs of eight layers and of one, 20 runs of each",
        "accuracy of the residual LSTM, eight layers minus one", "points",
        lambda view: contrast([stack(view, "reslstm", n) for n in (DEEP, 1)], [1, -1]),
        at_most(-MARGIN), one_layer_learns, ONE_LAYER,
        "What the shortcut saves in training, its sum of all word vectors costs in accuracy.",
        "Deep residual stacks lose less than half a point.",
    ),
    Part(
        "D3", "a shortcut behind the output gate trains deep and keeps accuracy",
        "Supported: eight gated layers were level with one.",
        "the form of Kim et al. (2017), eight layers and one, 15 runs of each",
        "accuracy of the gated residual LSTM, eight layers minus one", "points",
        lead((GATED, f"gatedlstm x{DEEP}"), (GATED, "gatedlstm x1")),
        at_least(-MARGIN), one_layer_learns, ONE_LAYER,
        "For deep stacks the gated form is the one to take.",
        "The gated form loses accuracy with depth too.",
    ),
)  # fmt: skip
"""The parts of the three claims, and two statements of this report."""
CLAIMS = (
    Claim(
        "C5",
        "the shortcut eases the fading of gradients",
        "In an LSTM gradients still fade over many time steps and layers; the residual shortcut "
        "lets them flow back directly and eases the fading.",
        "It was judged on trained stacks of eight layers, of which three in five had learnt "
        "nothing. It is judged at the start of training now, where every stack counts, with "
        "layers and time apart.",
        (_gradients,),
        (_trained_gradients,),
    ),
    Claim(
        "C6",
        "stacks saturate, the residual form is easier to optimise",
        "Stacked LSTMs saturate or degrade as layers are added; the residual form is easier to "
        "optimise at depth.",
        "Means were taken over stacks that learnt and stacks that did not. Those that learnt are "
        "counted now, and losses compared among them.",
        (_depths,),
        (_forms,),
    ),
    Claim(
        "C7",
        "input words are drowned, the shortcut keeps them",
        "Low-level input features are drowned over time steps; the additive path lets the "
        "network keep shallow and deep features together.",
        "Words were read back from stacks of eight layers, which had lost even the present word, "
        "so that nothing was left to be drowned over time. Time is judged in one layer now, and "
        "layers by the present word.",
        (_probes,),
    ),
)
"""The three claims."""
