"""Probes of layers: what is there is found, what is not there is not, and each run is read once."""

import dataclasses

import numpy as np
import pytest
import torch

from lstm_report import config, paths
from lstm_report.analysis import gradients, linear_probe, measurements
from lstm_report.config import PAD, UNK
from lstm_report.data import sources, synthetic
from lstm_report.data.prepared import Batch, prepare
from lstm_report.errors import UserError
from lstm_report.studies import measure, runner, study
from lstm_report.studies.classifiers import Classifiers
from lstm_report.studies.study import Cell, Study
from lstm_report.training import loop, runs

REVIEWS, STEPS, WORDS = 300, 30, 5
EACH = 60, 30


@pytest.fixture(scope="module")
def batch():
    """Reviews of random words 2 to 6, of different lengths."""
    random = np.random.default_rng(0)
    tokens = torch.from_numpy(random.integers(2, 2 + WORDS, (REVIEWS, STEPS)))
    lengths = torch.from_numpy(random.integers(STEPS // 2, STEPS + 1, REVIEWS))
    tokens[torch.arange(STEPS) >= lengths.unsqueeze(1)] = PAD
    labels = torch.from_numpy(random.integers(0, 2, REVIEWS)).float()
    return Batch(tokens, lengths, labels, torch.arange(REVIEWS))


CLASSES = {2 + place: place for place in range(WORDS)}


@pytest.mark.parametrize("distance", [0, 3, STEPS - 1, STEPS, STEPS + 5])
def test_places_are_where_the_word_stands_so_many_steps_before(batch, distance):
    found = linear_probe.places(batch, CLASSES, distance)
    expected = [
        (review, step)
        for review, length in enumerate(batch.lengths.tolist())
        for step in range(distance, length)
    ]
    assert list(zip(found.review.tolist(), found.step.tolist(), strict=True)) == expected
    words = batch.tokens.numpy()[found.review, found.step - distance]
    np.testing.assert_array_equal(found.label, words - 2)
    assert found.classes == WORDS


def test_words_that_do_not_count_have_no_place(batch):
    found = linear_probe.places(batch, {3: 1, 6: 0, 99: 1}, 0)
    words = batch.tokens.numpy()[found.review, found.step]
    assert set(words) == {3, 6}
    np.testing.assert_array_equal(found.label, (words == 3).astype(int))
    assert found.classes == 2


def test_a_state_that_contains_the_word_gives_it_back(batch):
    """One-hot words, turned by a matrix and shifted two steps, with noise in other directions."""
    random = np.random.default_rng(1)
    one_hot = np.eye(WORDS + 2)[batch.tokens.numpy()] @ random.normal(size=(WORDS + 2, 12))
    noise = random.normal(size=(REVIEWS, STEPS, 4))
    state = np.concatenate([np.roll(one_hot, 2, axis=1), noise], axis=2)
    at_two, at_one = (
        linear_probe.probe(
            state, linear_probe.places(batch, CLASSES, d), EACH,
            np.random.default_rng(0),
        )
        for d in (2, 1)
    )  # fmt: skip
    assert at_two == (1.0, WORDS * EACH[1])
    assert at_one is not None and at_one[0] == pytest.approx(1 / WORDS, abs=0.11)


def test_noise_gives_nothing_back(batch):
    noise = np.random.default_rng(2).normal(size=(REVIEWS, STEPS, 16))
    there = linear_probe.places(batch, CLASSES, 0)
    found = [linear_probe.probe(noise, there, EACH, np.random.default_rng(k))[0] for k in range(5)]
    assert np.mean(found) == pytest.approx(1 / WORDS, abs=0.06)


def test_a_probe_is_tested_on_reviews_that_it_has_not_learnt_from(batch):
    """A state that names its review would give away every word, if a review were on both sides."""
    named = np.repeat(np.eye(REVIEWS)[:, None], STEPS, axis=1)
    one_word = batch.tokens.clone()
    one_word[:] = 2 + torch.arange(REVIEWS).unsqueeze(1) % WORDS
    same = Batch(one_word, batch.lengths, batch.labels, batch.index)
    there = linear_probe.places(same, CLASSES, 0)
    accuracy, _ = linear_probe.probe(named, there, EACH, np.random.default_rng(0))
    assert accuracy < 0.5


def test_a_word_that_is_too_rare_is_left_out(batch):
    rare = linear_probe.places(batch, CLASSES | {9: 5}, 0)
    noise = np.zeros((REVIEWS, STEPS, 2))
    assert linear_probe.probe(noise, rare, EACH, np.random.default_rng(0)) is None


# On trained classifiers


@pytest.fixture(scope="module")
def source():
    train, test = (
        synthetic.write_reviews(count, seed=seed) for count, seed in ((300, 1), (500, 2))
    )
    return sources.Source(
        name="reviews of the test", origin="Written by the test.", train=train, test=test,
        checksum="6" * 64, is_imdb=False, built_in=True,
    )  # fmt: skip


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A study of two kinds and depths that takes less than a second, and folders of its own."""
    for name in ("RUNS", "RESULTS", "CACHE"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    monkeypatch.setattr(linear_probe, "EACH", (30, 15))
    monkeypatch.setattr(linear_probe, "READ_BACK", (0, 2))
    cells = tuple(
        Cell(f"{kind} x{layers}", {"model.kind": kind, "model.num_layers": layers})
        for kind, layers in (("skiplstm", 2), ("lstm", 1))
    )
    settings = {"data.train_limit": 100, "training.epochs": 1, "model.hidden_size": 16}
    return Study("tiny", "Does it measure?", "smoke", cells, 1, settings, "built-in")


def test_the_words_told_apart_are_the_most_frequent(source, tiny):
    prepared = prepare(source, tiny.runs()[0].config.data)
    frequent = linear_probe.frequent_words(prepared.test, prepared.vocabulary_size)
    texts = " ".join(source.test.texts).split()
    counts = [texts.count(prepared.vocabulary[token]) for token in frequent]
    assert len(counts) == linear_probe.WORDS and list(frequent.values()) == list(range(len(counts)))
    kept = [len(prepared.test.tokens[prepared.test.tokens == token]) for token in frequent]
    assert kept == sorted(kept, reverse=True) and min(kept) > 100
    assert not {PAD, UNK} & set(frequent)


def test_the_start_is_the_start_of_the_run(source, tiny):
    untrained = study.change(tiny.runs()[0].config, {"training.epochs": 0})
    prepared = prepare(source, untrained.data)
    run = loop.fit(untrained, data=prepared, progress=False, directory=paths.RUNS)
    start = gradients.initial_classifier(untrained, prepared.vocabulary_size)
    for name, value in run.load_model().state_dict().items():
        assert torch.equal(value, start.state_dict()[name]), name


class Here:
    """Computes the runs in this process, and leaves the measuring to whoever asks."""

    workers = threads = 1

    def compute(self, jobs):
        for job in jobs:
            assert job.measures == ("depth, all layers",)
            prepared = prepare(job.source, job.config.data)
            loop.fit(job.config, data=prepared, progress=False, directory=job.directory)
            yield job, None, 1.0


def test_each_run_of_a_study_is_measured_before_it_is_recorded(source, tiny):
    whole = dataclasses.replace(tiny, measures=("depth, all layers",))
    runner.execute(Classifiers(whole, source), Here(), log=str)
    _, second = whole.runs()
    run = runs.read_run(paths.RUNS / config.run_id(second.config, source.checksum))
    before = measurements.read("tiny")
    (run.directory / measure.FILE).write_text("[]")
    runner.execute(
        Classifiers(whole, source), Here(), log=str
    )  # nothing is left to run or to measure
    assert measurements.read("tiny").equals(before)

    # The top layer alone, as a worker leaves it.
    prepared = prepare(source, second.config.data)
    measure.keep(run, prepared, ("depth",))
    found = measure.found(run, source, ("depth",))
    assert {place for measure, place in found if measure == linear_probe.WORD} == {
        f"{layer}/{distance}" for layer in (0, 1) for distance in (0, 2)
    }

    table = measurements.read("tiny")
    deep = table[table["cell"] == "skiplstm x2"].set_index("measure")
    assert set(deep.loc["gradient norm, layer", "condition"]) == {
        f"{when}/{layer}" for when in ("start", "trained") for layer in (1, 2)
    }
    assert {"trained/2/0", "trained/1/10", "start/1/1"} <= set(
        deep.loc["gradient norm, distance", "condition"]
    )
    assert set(deep.loc[linear_probe.WORD, "condition"]) == {
        f"{layer}/{distance}" for layer in (0, 1, 2) for distance in (0, 2)
    }
    words = deep.loc[linear_probe.WORD].set_index("condition")["value"]
    assert words["0/0"] == 1 and words["0/2"] < words["1/0"]

    other = prepare(source, study.change(second.config, {"data.train_limit": 20}).data)
    with pytest.raises(UserError, match="Expected the reviews that .* was trained on"):
        gradients.measure(run, other)
