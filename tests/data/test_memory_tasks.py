"""The tasks of memory: their statistics, and that nothing near the end gives the answer away."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from lstm_report.data import memory_tasks, synthetic
from lstm_report.errors import UserError


def draw(name, count, length, seed=0):
    return memory_tasks.find(name).draw(np.random.default_rng(seed), count, length)


def words_of(column):
    """The words of a sentence of `although_but`."""
    names = {number: word for word, number in memory_tasks._vocabulary().items()}
    return [names[number] for number in column.tolist()]


@pytest.mark.parametrize("name", memory_tasks.TASKS)
def test_a_task_is_its_seed(name):
    first, again, other = (draw(name, 20, 12, seed) for seed in (3, 3, 4))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.shape == c.shape and not np.array_equal(a, c)


@pytest.mark.parametrize("name", memory_tasks.TASKS)
@pytest.mark.parametrize("length", [5, 60])
def test_shapes_are_as_told(name, length):
    task, (inputs, targets) = memory_tasks.find(name), draw(name, 7, length)
    assert inputs.shape[:2] == (length + task.beside, 7)
    if task.symbols is None:
        assert inputs.shape[2:] == (2,) and inputs.dtype == np.float32
    else:
        assert inputs.ndim == 2 and inputs.min() >= 0 and inputs.max() < task.symbols
    assert targets.shape == ((task.steps, 7) if task.outputs > 1 else (7,))


def test_an_unknown_task_is_refused():
    with pytest.raises(
        UserError, match="Unknown task 'adding up': expected 'adding', which is nearest"
    ):
        memory_tasks.find("adding up")


# Adding


@pytest.mark.parametrize("length", [2, 11, 50])
def test_the_target_is_the_sum_of_one_marked_number_of_each_half(length):
    (inputs, targets) = draw("adding", 500, length)
    numbers, marks = inputs[..., 0], inputs[..., 1]
    assert set(np.unique(marks)) <= {0, 1}
    half = length // 2
    assert (marks[:half].sum(0) == 1).all() and (marks[half:].sum(0) == 1).all()
    sums = [n[m == 1].sum() for n, m in zip(numbers.T, marks.T, strict=True)]
    np.testing.assert_allclose(targets, sums, atol=1e-6)
    assert (marks.sum(1) > 0).all(), "some place is never marked"


def test_who_always_says_one_errs_by_a_sixth():
    targets = draw("adding", 40_000, 20).targets
    assert np.mean((targets - 1) ** 2) == pytest.approx(
        memory_tasks.find("adding").chance, rel=0.03
    )
    assert np.mean(targets) == pytest.approx(1, abs=0.01)


# Copy


def test_the_symbols_come_first_then_the_delay_then_the_signal():
    inputs, targets = draw("copy", 300, 30)
    np.testing.assert_array_equal(inputs[:10], targets)
    assert (inputs[10:39] == memory_tasks.BLANK).all() and (inputs[40:] == memory_tasks.BLANK).all()
    assert (inputs[39] == memory_tasks.SIGNAL).all() and len(inputs) == 50
    assert np.bincount(targets.ravel()) / 3000 == pytest.approx(1 / 8, abs=0.03)


# Although … but …


@pytest.mark.parametrize("length", [0, 5, 100])
def test_the_halves_stand_as_far_apart_as_asked_and_the_first_half_decides(length):
    inputs, targets = draw("although-but", 200, length)
    assert abs(targets.mean() - 0.5) < 0.1
    for column, target in zip(inputs.T, targets, strict=True):
        words = words_of(column)
        start, but = words.index("although"), len(words) - 1 - words[::-1].index("but")
        was = words.index("was", start)
        first = next(k for k in range(was, len(words)) if words[k] in
                     (*synthetic.POSITIVE, *synthetic.NEGATIVE))  # fmt: skip
        assert words[first + 1] == "," and words[but - 1] == ","
        assert but - 1 - (first + 2) == length
        negated = any(" ".join(words[was:first]).endswith(form) for form in synthetic.NEGATION)
        meaning = (words[first] in synthetic.POSITIVE) ^ negated
        assert target == (not meaning), "what the second half means is the opposite"
        ending = words[but:]
        assert ending[1] == "the" and ending[2] in synthetic.ASPECTS
        assert ending[3:] == (["was", "."] if negated else ["was", "not", "."])


def test_what_stands_after_the_first_half_does_not_tell_the_answer():
    """A linear model over the n-grams of the last words guesses, and over all words it does not."""
    length, count = 20, 6_000
    inputs, targets = draw("although-but", count, length)
    texts = [words_of(column) for column in inputs.T]

    def accuracy(first):
        counter = CountVectorizer(analyzer=lambda words: [
            " ".join(words[k:k + n]) for n in (1, 2) for k in range(len(words) - n + 1)
        ], min_df=5)  # fmt: skip
        counts = counter.fit_transform([words[first:] for words in texts])
        half = count // 2
        model = LogisticRegression(solver="liblinear").fit(counts[:half], targets[:half])
        return model.score(counts[half:], targets[half:])

    near = -(length + memory_tasks.LONGEST_SECOND_HALF)
    # The standard error of a guess on 3,000 sentences is 0.9 points; of the first halves three in
    # four mean what their polar word means.
    assert accuracy(near) == pytest.approx(0.5, abs=0.03)
    assert accuracy(0) > 0.65
