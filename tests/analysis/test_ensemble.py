"""Networks averaged with linear models of n-grams: the weight, and what is measured."""

import dataclasses
import re

import numpy as np
import pytest
import small_studies
import torch
from small_studies import command

from lstm_report import paths
from lstm_report.analysis import ensemble, measurements
from lstm_report.data import sources
from lstm_report.data.prepared import prepare
from lstm_report.studies import records
from lstm_report.training import runs

places = pytest.fixture(small_studies.places)
source = pytest.fixture(small_studies.source, scope="module")
measured = pytest.fixture(small_studies.measured)


def test_the_weight_is_that_of_the_most_right_judgements():
    labels = np.array([1, 1, 0, 0])
    network, linear = np.array([3.0, -1.0, -3.0, 1.0]), np.array([-1.0, 3.0, 1.0, -3.0])
    found = ensemble.choose(network, linear, labels)
    assert found.weight == 0.5  # right about all from 0.30 to 0.70, the least loss in the middle
    assert list(ensemble.WEIGHTS[found.accuracies == 1].round(2)) == [
        round(0.3 + 0.05 * k, 2) for k in range(9)
    ]
    assert found.accuracies[[0, -1]].tolist() == [0.5, 0.5]
    assert ensemble.choose(network, network, labels).weight == 0
    assert ensemble.choose(-np.abs(network), 9 * (labels - 0.5), labels).weight > 0.7
    np.testing.assert_allclose(ensemble.average(network, linear, 0.25), [2, 0, -2, 0])


def test_runs_are_averaged_with_the_n_grams_of_their_own_split(
    measured, places, monkeypatch, capsys
):
    fits, fit = [], ensemble.baselines.linear_baseline

    def noting(train, validation, test, **options):
        fits.append((fit(train, validation, test, **options), train, validation))
        return fits[-1][0]

    monkeypatch.setattr(ensemble.baselines, "linear_baseline", noting)
    words = f"measure tiny --what averaged --data {places / 'reviews.csv'}"
    code, out, errors = command(monkeypatch, capsys, words)
    assert code == 0, errors
    assert len(re.findall(r"weight of the n-grams \d\.\d\d; accuracy averaged with them", out)) == 2
    ((linear, train, validation),) = fits  # one split, one fit
    assert linear.name == "nb-weighted, 1 to 3 words" and len(train) == 200

    table, kept = measurements.read("tiny"), records.read("tiny")
    rows = table[table["cell"] == "reslstm"].set_index(["measure", "condition"])["value"]
    run = averaging_run(kept, "reslstm")
    prepared = prepare(measured, run.config.data)
    assert prepared.validation.reviews.texts == validation.texts
    with torch.inference_mode():
        alone = np.array([
            run.load_model()(torch.from_numpy(prepared.validation.row(k)).long()[None],
                             torch.tensor([len(prepared.validation.row(k))])).item()
            for k in range(len(validation))
        ])  # fmt: skip
    said, truth = linear.judge(validation.texts), validation.labels == 1
    for weight in (0.0, 0.35, 1.0):
        right = (((1 - weight) * alone + weight * said) > 0) == truth
        assert rows[ensemble.VALIDATION, f"{weight:.2f}"] == pytest.approx(right.mean(), abs=1e-5)
    weight = rows[ensemble.WEIGHT]
    assert rows[ensemble.VALIDATION, f"{weight:.2f}"] == rows[ensemble.VALIDATION].max()
    test = (1 - weight) * run.predictions["logit"] + weight * linear.logits
    expected = ((test > 0) == (run.predictions["label"] == 1)).mean()
    assert rows[ensemble.ACCURACY] == pytest.approx(expected, abs=1e-5)
    assert rows[ensemble.SECONDS] > 0

    code, out, _ = command(monkeypatch, capsys, words)
    assert out.count("nothing left to measure") == 2 and len(fits) == 1


def averaging_run(kept, cell):
    run_id = kept.runs.set_index("cell").loc[cell, "run_id"]
    return runs.read_run(paths.RUNS / run_id)


def test_the_test_reviews_do_not_choose_the_weight(measured):
    run = averaging_run(records.read("tiny"), "lstm")
    turned = dataclasses.replace(
        measured, test=sources.Reviews(measured.test.texts, 1 - measured.test.labels)
    )
    run.predictions["label"] = 1 - run.predictions["label"]
    found = dict(ensemble.measures(run, ensemble.NGrams(turned)))
    run.predictions["label"] = 1 - run.predictions["label"]
    right = dict(ensemble.measures(run, ensemble.NGrams(measured)))
    assert found[ensemble.WEIGHT] == right[ensemble.WEIGHT]
    assert found[ensemble.ACCURACY][0] == pytest.approx(1 - right[ensemble.ACCURACY][0])
    assert list(right)[-1] == ensemble.ACCURACY  # what says that all of it is there
