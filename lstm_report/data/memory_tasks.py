"""Three tasks that cannot be solved without memory, each at a set length.

Shapes: T time, B sequences.

| task | what is read | what is asked | without memory |
|---|---|---|---|
| adding | T pairs of a number and a mark | sum of the two marked numbers | mean squared error 1/6 |
| copy | 10 symbols, a delay, a signal | the 10 symbols in their order | accuracy 1/8, ln 8 nats |
| although-but | a sentence of two halves | what its second half means | accuracy 1/2, ln 2 nats |

What stands near the end does not tell the answer: one of the two numbers is marked in the first
half of the sequence, the symbols are independent of each other, and the second half of the sentence
does not say what it means ("but the plot was not").
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lstm_report.config import unknown
from lstm_report.data import synthetic

SYMBOLS = 8
"""Different symbols of the copy task; with the blank and the signal its alphabet has 10."""
BLANK, SIGNAL = SYMBOLS, SYMBOLS + 1
COPIED = 10
"""Symbols to be copied."""
LONGEST_FIRST_HALF, LONGEST_SECOND_HALF = 9, 7
"""Tokens of "although the acting was not at all dull ,", and of ", but the plot was not ."."""
BESIDE = LONGEST_FIRST_HALF + LONGEST_SECOND_HALF
STREAM = 50_000
"""Neutral words that the sentences take a passage from each."""


class Examples(NamedTuple):
    """Sequences of one task and one length, and what is to be said about them."""

    inputs: np.ndarray
    """(T, B, 2) float32 of the adding task; (T, B) int64 symbols of the others."""
    targets: np.ndarray
    """(B,) float32 sums; (10, B) int64 symbols; (B,) float32 of 0 and 1."""


def adding(random: np.random.Generator, count: int, length: int) -> Examples:
    """Return the adding problem: T pairs of a number from [0, 1) and a mark, 0 or 1.

    One number is marked in the first half of the sequence and one in the second; the target is
    their sum. Who always says 1, the mean, has a mean squared error of 1/6, the variance of the sum
    of two numbers from [0, 1).

    Args:
        random: the generator to draw from.
        count: B.
        length: T, at least 2.

    Source: Hochreiter and Schmidhuber 1997, section 5.4, with the range and the places of the marks
    of Arjovsky, Shah and Bengio 2016, section 5.2.
    """
    numbers = random.random((length, count))
    marks = np.zeros((length, count))
    places = random.integers(0, length // 2, count), random.integers(length // 2, length, count)
    for place in places:
        marks[place, np.arange(count)] = 1
    inputs = np.stack((numbers, marks), axis=-1).astype(np.float32)
    return Examples(inputs, (numbers * marks).sum(0).astype(np.float32))


def copying(random: np.random.Generator, count: int, length: int) -> Examples:
    """Return the copy task: 10 symbols, `length` - 1 blanks, a signal, 10 blanks.

    The 10 symbols are to be said in their order at the last 10 steps, so each is said `length` + 10
    steps after it was read. Here the loss is taken over these 10 steps alone; without memory it is
    ln 8 nats a symbol. (Over all steps, as in the source, it is 10 ln 8 / (`length` + 20).)

    Args:
        random: the generator to draw from.
        count: B; T is `length` + 20.
        length: the delay, at least 1.

    Source: Arjovsky, Shah and Bengio 2016, section 5.1.
    """
    symbols = random.integers(0, SYMBOLS, (COPIED, count))
    inputs = np.full((length + 2 * COPIED, count), BLANK)
    inputs[:COPIED] = symbols
    inputs[COPIED + length - 1] = SIGNAL
    return Examples(inputs, symbols)


@functools.cache
def _vocabulary() -> dict[str, int]:
    """Return the number of every word that a sentence of `although_but` may hold."""
    fixed = ("although but the was not an , .", *synthetic.LINKS)
    polar = (*synthetic.POSITIVE, *synthetic.NEGATIVE, *synthetic.INTENSITY, *synthetic.NEGATION)
    neutral = (*synthetic.PEOPLE, *synthetic.PLACES, *synthetic.VERBS, *synthetic.TIMES)
    phrases = " ".join((*fixed, *polar, *neutral, *synthetic.ASPECTS))
    words = sorted({word for word in phrases.split() if "{" not in word})
    return {word: number for number, word in enumerate(words)}


@functools.cache
def _stream() -> np.ndarray:
    """Return a long text of neutral words as numbers, (`STREAM`,)."""
    numbers = _vocabulary()
    words = synthetic.neutral_words(np.random.default_rng(0), STREAM)
    return np.array([numbers[word] for word in words])


def although_but(random: np.random.Generator, count: int, length: int) -> Examples:
    """Return sentences "although <first half> , <neutral words> , but the plot was not .".

    See `lstm_report.data.synthetic.elliptic_contrast`: the target is the meaning of the second
    half, which is the opposite of that of the first. Neutral words before the sentence make all
    equally long.

    Args:
        random: the generator to draw from.
        count: B; T is `length` + 16.
        length: neutral words between the two halves, at least 0, at most 10,000.
    """
    numbers, stream = _vocabulary(), _stream()
    steps = length + BESIDE
    inputs = np.empty((steps, count), dtype=np.int64)
    labels = random.integers(0, 2, count)
    starts = random.integers(0, len(stream) - steps, count)
    for column, (label, start) in enumerate(zip(labels.tolist(), starts.tolist(), strict=True)):
        halves = synthetic.elliptic_contrast(random, label)
        first, second = ([numbers[word] for word in half] for half in halves)
        passage = stream[start : start + steps - len(first) - len(second)]
        before = len(passage) - length
        inputs[:, column] = np.concatenate([passage[:before], first, passage[before:], second])
    return Examples(inputs, labels.astype(np.float32))


@dataclass(frozen=True)
class Task:
    """What a network needs to know to learn a task."""

    name: str
    measure: str
    """How its score is called among the measurements of the study `memory`."""
    draw: Callable[[np.random.Generator, int, int], Examples]
    """The function above: generator, number of sequences, length."""
    chance: float
    """The score without memory."""
    learnt: float
    """From which score the task is learnt: an error of at most, or an accuracy of at least this."""
    symbols: int | None = None
    """Different symbols in the input; None for numbers in two channels."""
    outputs: int = 1
    """Numbers that are said at each step that counts."""
    steps: int = 1
    """Last steps that count."""
    beside: int = 0
    """Steps that a sequence has beside its length."""


TASKS = {
    task.name: task
    for task in (
        Task(
            "although-but",
            "accuracy, although-but",
            although_but,
            chance=0.5,
            learnt=0.95,
            symbols=len(_vocabulary()),
            beside=BESIDE,
        ),
        Task("adding", "adding problem, mean squared error", adding, chance=1 / 6, learnt=1 / 60),
        Task(
            "copy",
            "copy, accuracy",
            copying,
            chance=1 / SYMBOLS,
            learnt=0.95,
            symbols=SYMBOLS + 2,
            outputs=SYMBOLS,
            steps=COPIED,
            beside=2 * COPIED,
        ),
    )
}


def find(name: str) -> Task:
    """Return the task of that name.

    Raises:
        UserError: when there is none.
    """
    if name not in TASKS:
        raise unknown("task", name, tuple(TASKS))
    return TASKS[name]


STARTS = ("default", "chrono")
"""`default` draws every bias uniformly from ±1/√H, so that the forget gate is about 1/2 at first.
`chrono` adds ln u, with u drawn from [1, T - 1) for each unit, to the bias of the forget gate and
takes it away from that of the input gate, so that the units remember over 1 to T steps (Tallec and
Ollivier 2018)."""


@dataclass(frozen=True)
class MemorySetting:
    """One network, trained once on one task of one length."""

    task: str
    length: int
    kind: str
    """The recurrent layer, one of `lstm_report.config.KINDS`."""
    seed: int
    steps: int
    """Steps of the optimiser."""
    start: str = "default"
    """How the biases of the gates are drawn, one of `STARTS`; no effect on a plain network."""
    hidden_size: int = 64
    batch_size: int = 32
    learning_rate: float = 3e-3
    clip_norm: float = 1.0
    stop_when_learnt: bool = False
    """Whether training ends as soon as the task is learnt; the steps are then the most it gets."""

    def run_id(self) -> str:
        """Return a name: kind, seed and a digest of everything that shapes the result."""
        values = dataclasses.asdict(self)
        if not self.stop_when_learnt:
            del values["stop_when_learnt"]  # which came after runs had been recorded
        text = json.dumps(values, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"{self.kind}-seed{self.seed}-{digest}"
