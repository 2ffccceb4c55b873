"""The twelve claims of the source report, each with its rule, fixed before the records were made.

A claim is supported when all of its parts hold, refuted when one does not, and else undecided. Each
part is a function of `lstm_report.rules`, `rules_loss`, `rules_memory` or `rules_depth`, whose
docstring says when it holds. What a rule says of intervals means 95% intervals; "the four-way rule"
is `lstm_report.decisions.verdict`. The verdicts are drawn in `lstm_report.ledger`.
"""

import functools
from dataclasses import dataclass

from lstm_report import rules, rules_depth, rules_loss, rules_memory, source_report
from lstm_report.evidence import Part
from lstm_report.rules import LSTM, RESIDUAL
from lstm_report.rules_depth import LAYER_GRADIENT, TIME_GRADIENT


@dataclass(frozen=True)
class Claim:
    """A claim of the source, and how it can fail."""

    identity: str
    """`C1` to `C12`."""
    name: str
    """The claim in a few words."""
    experiment: str
    """The experiment that could refute it."""
    rule: str
    """What counts as supported and as refuted; undecided is the rest."""
    parts: tuple[Part, ...]

    @property
    def statement(self) -> str:
        """The claim in the words of the source, in English."""
        return source_report.CLAIMS[self.identity]

    @property
    def tested(self) -> bool:
        """Whether a part of it is tested, so that it counts in Holm's correction."""
        return any(part.tested for part in self.parts)


CLAIMS = (
    Claim(
        "C1",
        "LSTM ahead of the residual LSTM by 1.15 points",
        "Train both models with ten seeds each on IMDB, in the source's setting.",
        "Supported if the interval of LSTM minus residual LSTM lies above 0 and reaches 0.65 "
        "points (1.15 less the margin); refuted if it ends below 0.65.",
        (Part("the LSTM is ahead by 1.15 points", rules.lstm_ahead, tested=True),),
    ),
    Claim(
        "C2",
        "both models best at epoch 14",
        "Look up the epoch of highest validation accuracy in ten runs of each model.",
        "Supported if, in both models, the interval of the share of runs that are at their best at "
        "epoch 13, 14 or 15 lies above one half; refuted if it lies below in one of them.",
        tuple(
            Part(f"the {name} is at its best at epoch 14", rules.best_epoch(cell))
            for name, cell in (("LSTM", LSTM), ("residual LSTM", RESIDUAL))
        ),
    ),
    Claim(
        "C3",
        "training converges stably",
        "Follow the training loss over the epochs in ten runs of each model.",
        "A run converges stably if no epoch raises its training loss, and the last one changes it, "
        "by more than a twentieth of its whole fall. Supported if, in both models, the interval of "
        "the share of such runs lies above one half; refuted if it lies below in one of them.",
        tuple(
            Part(f"the {name} converges stably", rules.curve_converges(cell))
            for name, cell in (("LSTM", LSTM), ("residual LSTM", RESIDUAL))
        ),
    ),
    Claim(
        "C4",
        "the cell state keeps memory, a plain RNN does not",
        "Train a plain RNN and an LSTM on the adding problem, at several lengths; follow the "
        "gradient by the cell state back through time.",
        "Supported if the LSTM keeps more than 0.95 of that gradient per step and the plain RNN's "
        "squared error exceeds the LSTM's, not within a margin of 1/60; refuted if the part kept "
        "is below 0.95, or the errors are equal within the margin or in the other order.",
        (
            Part("the LSTM's cell state passes on nearly all", rules_memory.cell_state_keeps),
            Part("the plain RNN loses it", rules_memory.plain_network_loses, tested=True),
        ),
    ),
    Claim(
        "C5",
        "the shortcut eases the fading of gradients",
        "Measure the gradient by layer and by time step in trained stacks of both kinds.",
        "Supported if, over layers and over time, the LSTM's gradient falls to less than half and "
        "the residual LSTM's fades less, not within a factor of two; refuted if the LSTM's falls "
        "by less, or the fading is equal within that factor or in the other order, in one of both.",
        (
            Part("the LSTM's gradient fades over layers",
                 functools.partial(rules_depth.fades, measure=LAYER_GRADIENT)),
            Part("the residual shortcut eases the fading over layers",
                 functools.partial(rules_depth.eases, measure=LAYER_GRADIENT), tested=True),
            Part("the LSTM's gradient fades over time",
                 functools.partial(rules_depth.fades, measure=TIME_GRADIENT)),
            Part("the residual shortcut eases the fading over time",
                 functools.partial(rules_depth.eases, measure=TIME_GRADIENT), tested=True),
        ),
    ),
    Claim(
        "C6",
        "stacks saturate, the residual form is easier to optimise",
        "Train stacks of one to eight layers of both kinds.",
        "Supported if the deepest LSTM is not ahead of one layer by the four-way rule, and the "
        "training loss of the LSTM less that of the residual LSTM grows with each doubling of the "
        "layers, not within a margin of 0.01 nats; refuted if the deepest is ahead, or that slope "
        "lies within the margin or below 0.",
        (
            Part("stacked LSTMs saturate or degrade", rules_depth.stacking_saturates),
            Part("the residual form is easier to optimise at depth",
                 rules_depth.easier_at_depth, tested=True),
        ),
    ),
    Claim(
        "C7",
        "input words are drowned, the shortcut keeps them",
        "Read the input words back from the hidden states of trained stacks with a linear probe.",
        "Supported if the LSTM gives back more than 5 points fewer words at the largest distance, "
        "and the deepest layer of the residual LSTM gives back more of the present words than the "
        "LSTM's, not within 5 points; refuted if the first is less than 5 points, or the second "
        "within the margin or in the other order.",
        (
            Part("input words are drowned over time", rules_depth.words_are_drowned),
            Part("the shortcut keeps them beside deep features",
                 rules_depth.shortcut_keeps_words, tested=True),
        ),
    ),
    Claim(
        "C8",
        "the shortcut helps over long distances",
        "Train both models on sentences “although …, …, but …” with more and more words between.",
        "Supported if the LSTM's accuracy falls by more than the margin from the shortest to the "
        "longest distance, and the residual LSTM is ahead at 50 words and more by the four-way "
        "rule; refuted if it falls by less, or the two are equal within the margin or in the other "
        "order.",
        (
            Part("the LSTM struggles with distance", rules_memory.distance_is_hard),
            Part("the residual LSTM recognises them better",
                 rules_memory.residual_recognises_better, tested=True),
        ),
    ),
    Claim(
        "C9",
        "IMDB rests on local features",
        "Judge IMDB by words and short phrases alone, and put the words, or phrases of five words, "
        "that a trained LSTM reads in random order.",
        "Supported if a linear model over n-grams is at most the margin behind the LSTM, the LSTM "
        "keeps more than half of its accuracy above chance with all words in random order, and "
        "loses less than a tenth of it with phrases of five words in random order; refuted if one "
        "of the three lies on the other side.",
        (
            Part("local features are enough", rules_memory.local_features_suffice),
            Part("the LSTM rests mainly on words", rules_memory.words_are_most),
            Part("IMDB needs little long-range memory", rules_memory.long_order_is_little),
        ),
    ),
    Claim(
        "C10",
        "the residual path is redundant in one layer and costs efficiency",
        "Compare the residual LSTM with the LSTM, and with an LSTM of as many parameters, over ten "
        "seeds.",
        "Supported if the residual LSTM is not ahead of the LSTM, and the LSTM of equal size is "
        "ahead of it, both by the four-way rule; refuted if the residual LSTM is ahead, or the two "
        "of equal size are equal within the margin or in the other order.",
        (
            Part("the residual path is redundant", rules.residual_no_better, tested=True),
            Part("the residual path costs parameter efficiency", rules.matched_better, tested=True),
        ),
    ),
    Claim(
        "C11",
        "the loss punishes confident errors far more",
        "Take the loss of every prediction that ten runs of each model make on IMDB.",
        "Supported if the mean penalty of a confident error is more than three times the mean gain "
        "of a confident hit (both from ln 2, confident at 0.1), and the gradient rises with the "
        "error in every run; refuted if it is less, or the gradient does not.",
        (
            Part("confident errors cost far more", rules_loss.errors_cost_more),
            Part("the gradient grows with the error", rules_loss.gradient_grows),
        ),
    ),
    Claim(
        "C12",
        "added complexity can hurt",
        "Compare more complex with simpler models on the same reviews.",
        "Supported if the residual LSTM is not ahead of the LSTM, and the LSTM is behind a linear "
        "model over n-grams or the deepest LSTM behind one layer, by the four-way rule; refuted if "
        "the residual LSTM is ahead, or neither of the two comparisons comes out so or is open.",
        (
            Part("more structure does not help here", rules.residual_no_better),
            Part("more complexity can hurt", rules.complexity_hurts, tested=True),
        ),
    ),
)  # fmt: skip
