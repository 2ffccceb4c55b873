"""Self-training: what it reads, what its labels are, and that it is taken up with its teacher."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import small_studies
import torch
from small_studies import small

from lstm_report import paths
from lstm_report.config import run_id
from lstm_report.data import unlabelled
from lstm_report.data.prepared import prepare
from lstm_report.data.sources import normalised
from lstm_report.errors import UserError
from lstm_report.models.evidence import Evidence
from lstm_report.training import loop, self_training

source = pytest.fixture(small_studies.source, scope="module")

ONCE = {"training.self_training": 1, "model.evidence": 2, "training.epochs": 1}


@pytest.fixture(scope="module")
def data(source, tmp_path_factory):
    config = small(**ONCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        made = prepare(source, config.data)
        twins = [part.reviews.texts[0].upper() for part in (made.train, made.validation, made.test)]
        patch.setattr(unlabelled, "_texts", lambda *_: [*twins, *WRITTEN])
        return prepare(unlabelled.attach(source), config.data)


WRITTEN = [f"A {word} film, number {k}." for k in range(30) for word in ("wonderful", "dreadful")]


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    made = tmp_path_factory.mktemp("runs")
    loop.fit(small(**ONCE), data=data, progress=False, directory=made)
    return made


def teacher_of(folder, data):
    config = self_training.teacher(small(**ONCE))
    return loop.fit(config, data=data, progress=False, directory=folder)


def test_the_teacher_is_the_same_run_without_the_round(folder, data):
    names = {run_id(small(**ONCE | {"training.self_training": k}), data.source.checksum)
             for k in (0, 1)}  # fmt: skip
    assert {path.name for path in folder.iterdir()} == names and len(names) == 2


def test_only_texts_that_stand_in_no_part_join_the_training(folder, data):
    split = self_training.labelled(teacher_of(folder, data), data)
    count = len(data.train)
    assert split.reviews.texts[:count] == data.train.reviews.texts
    np.testing.assert_array_equal(split.reviews.labels[:count], data.train.reviews.labels)
    assert sorted(split.reviews.texts[count:]) == sorted(WRITTEN)
    known = {
        normalised(text) for part in (data.validation, data.test) for text in part.reviews.texts
    }
    assert not known & {normalised(text) for text in split.reviews.texts[count:]}
    for row in (0, count - 1, count, len(split) - 1):
        (numbers,) = [data.tokenizer.encode(split.reviews.texts[row]).ids]
        assert list(split.row(row)) == numbers[-data.config.max_length :]


def test_the_labels_are_probabilities_of_network_and_linear_model_together(folder, data):
    split = self_training.labelled(teacher_of(folder, data), data)
    said = split.reviews.labels[len(data.train) :]
    assert ((said > 0) & (said < 1)).all() and len(np.unique(said)) > 1
    logit = np.log(said / (1 - said))
    from lstm_report.training.baselines import linear_baseline
    from lstm_report.training.evaluate import probabilities

    texts = split.reviews.texts[len(data.train) :]
    judged = np.array([*probabilities(teacher_of(folder, data), texts)])
    network = np.log(judged / (1 - judged))
    linear = linear_baseline(
        data.train.reviews, data.validation.reviews, data.test.reviews,
        features="nb-weighted", ngrams=(1, 3),
    ).judge(texts)  # fmt: skip
    expected = 0.6 * network + 0.4 * linear * network.std() / linear.std()
    np.testing.assert_allclose(logit, expected, rtol=1e-3, atol=1e-4)


def test_evidence_counts_a_review_by_its_probability_and_takes_it_out_again():
    reviews = [([2, 3], 1.0), ([2, 3], 0.25), ([2, 4], 0.5)]
    evidence, without = Evidence(6, 2, 4), Evidence(6, 2, 4)

    def count(evidence, reviews):
        tokens = torch.tensor([word for words, _ in reviews for word in words])
        offsets = torch.arange(0, 2 * len(reviews) + 1, 2)
        evidence.count(tokens, offsets, torch.tensor([label for _, label in reviews]))

    count(evidence, reviews)
    assert evidence.reviews.tolist() == [1.75, 1.25]
    own = evidence.ratios(torch.tensor([[2, 3]]), torch.tensor([0.25]))[0]
    count(without, [reviews[0], reviews[0], reviews[2]])  # so that no n-gram is too rare
    p, q, positive, negative = 1.5, 0.5, 1.5, 0.5  # of the word 2 in the first and third review
    expected = np.log((p + 1) / (positive + 2)) - np.log((q + 1) / (negative + 2))
    assert own[0, 0].item() == pytest.approx(expected)


def test_a_run_costs_what_its_teacher_cost_too(folder, data):
    run = loop.fit(small(**ONCE), data=data, progress=False, directory=folder)
    own = run.metrics["seconds"].sum()
    assert run.summary["train_seconds"] > own + teacher_of(folder, data).summary["train_seconds"]
    assert run.provenance["data"]["unlabelled"]


def test_a_run_with_its_teacher_comes_out_the_same_again(folder, data, tmp_path):
    again = loop.fit(small(**ONCE), data=data, progress=False, directory=tmp_path)
    first = loop.fit(small(**ONCE), data=data, progress=False, directory=folder)
    pd.testing.assert_frame_equal(again.predictions, first.predictions, check_exact=True)


def test_without_unlabelled_reviews_it_is_refused(data, folder):
    bare = dataclasses.replace(data, source=dataclasses.replace(data.source, unlabelled=[]))
    with pytest.raises(UserError, match="Expected unlabelled reviews beside"):
        self_training.labelled(teacher_of(folder, data), bare)
