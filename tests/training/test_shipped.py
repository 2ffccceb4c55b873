"""The shipped pair: what becomes of the numbers, what is refused, and what `predict` says by it."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import small_studies
import torch
from safetensors.torch import load_file
from small_studies import command, small

from lstm_report import config, paths
from lstm_report.config import MODELS
from lstm_report.data.prepared import prepare
from lstm_report.errors import UserError
from lstm_report.training import evaluate, loop, shipped

LARGEST = 4_000_000
"""Bytes of one shipped model."""


source = pytest.fixture(small_studies.source, scope="module")


@pytest.fixture(scope="module")
def train(tmp_path_factory, source):
    """Return a function that trains a small run of other settings than the default."""
    folder = tmp_path_factory.mktemp("trained")

    def trained(kind, **settings):
        made = small(**{"model.kind": kind, "training.epochs": 1} | settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(paths, "CACHE", folder / "cache")
            patch.setattr(paths, "RUNS", folder / "runs")
            return loop.fit(made, data=prepare(source, made.data), progress=False)

    return trained


@pytest.fixture(scope="module")
def runs(train):
    return {kind: train(kind) for kind in MODELS}


@pytest.fixture(scope="module")
def pair(runs, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped") / "pair"
    return shipped.ship(*runs.values(), source, folder)


def test_the_package_ships_a_pair_that_is_whole_small_and_near_what_was_trained():
    pair = shipped.read()
    assert list(pair) == list(MODELS)
    for kind, model in pair.items():
        about = model.about
        assert model.config.model.kind == kind and model.file.stat().st_size <= LARGEST
        assert about["data"]["is_imdb"] and about["test_reviews"] == 25_000
        assert about["profile"] in config.PROFILES and about["run"] and about["commit"]
        assert abs(about["accuracy"] - about["recorded_accuracy"]) < 0.005
        assert about["changed"] < 0.01 * about["test_reviews"]
        assert model.load_tokenizer().get_vocab_size() == len(model.words) + 2
        assert model.config.data.source == "auto"  # and no place on the machine that shipped it


def test_each_number_moves_by_half_a_level_of_its_row_at_most(runs, pair):
    for kind, run in runs.items():
        before = run.load_model().state_dict()
        kept, after = load_file(pair[kind].file), pair[kind].load_model().state_dict()
        for name, weight in before.items():
            if weight.dim() == 2 and len(weight) > 1:
                levels = 31 if name == "embedding.weight" else 127
                assert kept[name].dtype == torch.int8 and kept[name].abs().max() == levels
                half = weight.abs().amax(1, keepdim=True) / levels / 2
                assert ((weight - after[name]).abs() <= half * 1.0001).all()
                assert (weight != after[name]).any()
            else:
                assert torch.equal(weight, after[name])
    assert not pair["lstm"].load_model().embedding.weight[config.PAD].any()


def test_what_is_told_of_a_model_is_measured_on_all_test_reviews(runs, pair, source):
    labels = np.asarray(source.test.labels)
    for kind, run in runs.items():
        judged = np.array(list(evaluate.probabilities(pair[kind], source.test.texts)))
        recorded, about = run.predictions["probability"].to_numpy(), pair[kind].about
        assert about["test_reviews"] == len(labels)
        assert about["accuracy"] == pytest.approx(((judged > 0.5) == labels).mean())
        assert about["recorded_accuracy"] == run.summary["test_accuracy"]
        assert about["changed"] == ((judged > 0.5) != (recorded > 0.5)).sum()
        assert about["largest_change"] == pytest.approx(abs(judged - recorded).max(), abs=1e-6)
        assert about["largest_change"] > 0
        assert (about["run"], about["profile"]) == (run.directory.name, None)


def test_a_profile_is_known_by_its_settings_whatever_the_seed_and_the_reviews():
    made = config.profile("quick", model="reslstm", data="somewhere", seed=7)
    assert config.profile_of(made) == "quick"
    assert config.profile_of(config.profile("quick", epochs=2)) is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model.num_layers": 2}, "one layer"),
        ({"model.readout": "mean"}, "last state"),
        ({"model.bidirectional": True}, "one direction"),
        ({"model.normalised_embedding": True}, "plain word vectors"),
        ({"data.max_length": 7}, "same words"),
        ({"data.vocabulary_size": 50}, "same words"),
    ],
)
def test_runs_that_are_no_pair_are_refused(train, runs, source, tmp_path, settings, reason):
    other = train("reslstm", **settings)
    with pytest.raises(UserError, match=reason):
        shipped.ship(runs["lstm"], other, source, tmp_path / "pair")
    assert not list(tmp_path.iterdir())


def test_two_of_a_kind_and_other_reviews_are_refused(runs, source, tmp_path):
    with pytest.raises(UserError, match="one run of each of lstm and reslstm, got lstm alone"):
        shipped.ship(runs["lstm"], runs["lstm"], source, tmp_path / "pair")
    other = dataclasses.replace(source, checksum="8" * 64)
    with pytest.raises(UserError, match="another checksum"):
        shipped.ship(*runs.values(), other, tmp_path / "pair")


@pytest.mark.parametrize("name", ["lstm.safetensors", shipped.VOCABULARY, shipped.ABOUT])
def test_a_damaged_pair_is_refused(pair, tmp_path, name):
    folder = tmp_path / "pair"
    shutil.copytree(pair["lstm"].directory, folder)
    assert [*shipped.read(folder)] == [*MODELS]
    (folder / name).write_bytes((folder / name).read_bytes()[:-3])
    with pytest.raises(UserError, match="install lstm-report again"):
        shipped.read(folder)


def test_a_pair_of_another_version_is_refused(pair, tmp_path):
    (tmp_path / shipped.ABOUT).write_text(json.dumps({"format": 99}))
    with pytest.raises(UserError, match="version 99"):
        shipped.read(tmp_path)


@pytest.fixture
def here(pair, monkeypatch):
    """Let the commands find the pair of the test."""
    monkeypatch.setattr(paths, "SHIPPED", pair["lstm"].directory)


def test_without_a_run_both_shipped_models_judge_a_text(pair, here, monkeypatch, capsys):
    words = "predict wonderful"
    code, out, err = command(monkeypatch, capsys, words)
    expected = []
    for kind, model in pair.items():
        (probability,) = evaluate.probabilities(model, ["wonderful"])
        label = "positive" if probability > 0.5 else "negative"
        expected.append(f"{kind} {label} {max(probability, 1 - probability):.3f}")
    assert (code, out.splitlines()) == (0, expected)
    assert "the shipped pair" in err and "reviews of the test" in err
    code, out, _ = command(monkeypatch, capsys, f"{words} --model reslstm")
    assert (code, [f"reslstm {out.strip()}"]) == (0, expected[1:])


@pytest.mark.parametrize("option", ["", "--model reslstm"])
def test_without_a_run_one_shipped_model_judges_a_file(
    pair, here, monkeypatch, capsys, tmp_path, option
):
    texts = ["a wonderful film", "dull", "it was not good"]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "in.csv", index=False)
    words = f"predict --input {tmp_path}/in.csv --output {tmp_path}/out.csv {option}"
    assert command(monkeypatch, capsys, words)[0] == 0
    model = pair["reslstm" if option else "lstm"]
    judged = pd.read_csv(tmp_path / "out.csv")["probability"]
    np.testing.assert_allclose(judged, list(evaluate.probabilities(model, texts)))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("predict --run NOWHERE --model lstm text", "either --run or --model"),
        ("predict --model lstn text", "'lstm', which is nearest"),
        ("ship NOWHERE NOWHERE", "run folder"),
    ],
)
def test_options_that_cannot_go_together_are_refused(monkeypatch, capsys, words, reason):
    code, out, err = command(monkeypatch, capsys, words)
    assert (code, out) == (2, "") and reason in err
