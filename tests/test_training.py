"""Training, run folders, resuming and prediction, on reviews small enough for seconds."""

import dataclasses
import json
import multiprocessing
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from lstm_report import config as configuration
from lstm_report import corpus, evaluation, paths, prediction, runs, sources, tables, training
from lstm_report.config import ModelConfig
from lstm_report.data import prepare
from lstm_report.errors import UserError
from lstm_report.model import SentimentClassifier, read_out

UNTIMED = [name for name in training.COLUMNS if name not in ("seconds", "tokens_per_second")]


def small(**changes):
    """The smoke profile, smaller still."""
    base = configuration.profile("smoke", data="built-in", **changes)
    return dataclasses.replace(base, data=dataclasses.replace(base.data, train_limit=200))


@pytest.fixture(scope="module")
def source():
    train, test = (corpus.write_reviews(count, seed=seed) for count, seed in ((400, 1), (120, 2)))
    return sources.Source(
        name="reviews of the test", origin="Written by the test.", train=train, test=test,
        checksum="0" * 64, is_imdb=False, built_in=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(source, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        return prepare(source, small().data)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs")
    return training.fit(small(model="reslstm"), data=data, progress=False, directory=directory)


def test_a_run_is_complete_and_reads_back(run, data):
    assert {path.name for path in run.directory.iterdir()} == {*runs.FILES, runs.PROVENANCE}
    assert list(run.metrics["epoch"]) == [1, 2]
    model = run.load_model()
    again = evaluation.evaluate(model, data.test)
    np.testing.assert_allclose(again.logits, run.predictions["logit"], atol=1e-5)
    right = (run.predictions["logit"] > 0) == (run.predictions["label"] == 1)
    assert run.summary["test_accuracy"] == pytest.approx(right.mean())
    best = run.metrics.set_index("epoch")["validation_accuracy"]
    assert best[run.best_epoch] == best.max()


def test_judgements_are_made_in_float32_whatever_the_training_used(data, tmp_path):
    config = small(epochs=1)
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, precision="bfloat16")
    )
    made = training.fit(config, data=data, progress=False, directory=tmp_path)
    assert made.provenance["precision"] == "bfloat16"
    model = made.load_model()
    padded = [torch.tensor(data.test.row(row)).long()[None] for row in range(len(data.test))]
    alone = [model(row, torch.tensor([row.shape[1]])).item() for row in padded]
    np.testing.assert_allclose(alone, made.predictions["logit"], atol=1e-5)


def test_a_finished_run_is_not_trained_again(run, data, monkeypatch):
    monkeypatch.setattr(training, "_train_epoch", None)
    again = training.fit(run.config, data=data, directory=run.directory.parent)
    assert again.provenance == run.provenance


def test_same_seed_same_figures_and_other_seed_other_figures(run, data, tmp_path):
    again = training.fit(run.config, data=data, progress=False, directory=tmp_path)
    pd.testing.assert_frame_equal(again.metrics[UNTIMED], run.metrics[UNTIMED], check_exact=True)
    pd.testing.assert_frame_equal(again.predictions, run.predictions, check_exact=True)
    assert again.directory.name == run.directory.name
    other = training.fit(small(model="reslstm", seed=1), data=data, progress=False,
                         directory=tmp_path)  # fmt: skip
    assert other.metrics["train_loss"][0] != run.metrics["train_loss"][0]


def test_training_leaves_the_global_generator_alone(data, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    training.fit(small(epochs=1), data=data, progress=False, directory=tmp_path)
    assert torch.equal(torch.rand(1), expected)


def test_a_run_that_is_read_says_so_and_a_new_one_says_nothing(data, tmp_path):
    told = []
    for _ in range(2):
        run = training.fit(
            small(epochs=1), data=data, progress=False, directory=tmp_path, log=told.append
        )
    took = tables.duration(run.summary["train_seconds"])
    place = f"{tmp_path.name}/{run.directory.name}"
    assert told == [f"Read from {place}: trained earlier, in {took}."]


def test_a_time_is_told_with_the_digits_that_matter():
    times = (0.0712, 0.4, 44.2, 1230.4)
    assert list(map(tables.duration, times)) == ["0.071 s", "0.4 s", "44 s", "1,230 s"]


def test_the_bar_of_an_epoch_ends_with_the_loss_of_the_epoch(data, tmp_path, monkeypatch):
    told = []

    class Bar(list):
        def set_postfix(self, *, loss, refresh):
            told.append(loss)

    monkeypatch.setattr(training, "progress_bar", lambda entries, **options: Bar(entries))
    run = training.fit(small(epochs=1), data=data, directory=tmp_path)
    assert len(data.train) % run.config.training.batch_size  # the last batch is a smaller one
    assert told[-1] == f"{run.metrics['train_loss'][0]:.3f}"


def train_and_die(data, directory, config):
    """Train, and be killed by the operating system after the first epoch was recorded."""

    def die(metrics):
        os.kill(os.getpid(), signal.SIGKILL)

    training.fit(config, data=data, on_epoch=die, progress=False, directory=directory)


def test_a_killed_run_ends_as_an_uninterrupted_one(run, data, tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=train_and_die, args=(data, tmp_path, run.config)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    (folder,) = tmp_path.iterdir()
    assert len(pd.read_csv(folder / "metrics.csv")) == 1
    assert not runs.is_finished(folder)
    with pytest.raises(UserError, match=r"provenance\.json is missing"):
        runs.read_run(folder)
    seen, told = [], []
    resumed = training.fit(
        run.config, data=data, progress=False, directory=tmp_path,
        on_epoch=lambda metrics: seen.append(len(metrics)), log=told.append,
    )  # fmt: skip
    assert seen == [1, 2]
    assert told == [f"Taken up from {tmp_path.name}/{folder.name}, after epoch 1 of 2."]
    pd.testing.assert_frame_equal(resumed.metrics[UNTIMED], run.metrics[UNTIMED], check_exact=True)
    pd.testing.assert_frame_equal(resumed.predictions, run.predictions, check_exact=True)


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    config = small()
    folder = tmp_path / configuration.run_id(config, data.source.checksum)
    folder.mkdir()
    (folder / runs.CHECKPOINT).write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="checkpoint"):
        training.fit(config, data=data, progress=False, directory=tmp_path)


def test_zero_epochs_evaluate_the_initial_weights(data, tmp_path):
    run = training.fit(small(epochs=0), data=data, progress=False, directory=tmp_path)
    assert run.best_epoch == 0 and len(run.metrics) == 0
    assert run.summary["tokens_per_second"] is None


def test_a_loss_that_is_not_finite_stops_with_one_sentence(data, tmp_path, monkeypatch):
    def diverged(self, tokens, lengths):
        return self.classifier.bias * torch.full((len(tokens),), float("nan"))

    monkeypatch.setattr(SentimentClassifier, "forward", diverged)
    with pytest.raises(UserError, match="finite training loss.*lower the learning rate"):
        training.fit(small(), data=data, progress=False, directory=tmp_path)


@pytest.mark.parametrize("readout", configuration.READOUTS)
@pytest.mark.parametrize("kind", configuration.KINDS)
def test_padding_never_changes_a_prediction(kind, readout):
    torch.manual_seed(0)
    config = ModelConfig(kind=kind, embedding_size=5, hidden_size=7, num_layers=2, readout=readout)
    model = SentimentClassifier(11, config).double().eval()
    tokens = torch.randint(1, 11, (3, 6))
    lengths = torch.tensor([6, 2, 4])
    noise = torch.randint(1, 11, (3, 9))
    noise[:, :6] = tokens
    rows = [model(tokens[k : k + 1, :n], torch.tensor([n])) for k, n in enumerate(lengths)]
    for padded in (tokens, noise):
        torch.testing.assert_close(model(padded, lengths), torch.cat(rows), rtol=0, atol=1e-12)


def test_read_outs_by_hand():
    states = torch.tensor([[[1.0], [5.0], [3.0], [99.0]]])
    lengths = torch.tensor([3])
    assert [read_out(states, lengths, how).item() for how in ("last", "mean", "max")] == [3, 3, 5]


def test_the_padding_vector_stays_zero(run):
    assert torch.count_nonzero(run.load_model().embedding.weight[0]) == 0


@pytest.mark.parametrize("name", [*runs.FILES, runs.PROVENANCE])
def test_a_damaged_run_is_refused(run, tmp_path, name):
    folder = tmp_path / "run"
    folder.mkdir()
    for path in run.directory.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    runs.read_run(folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:-3])
    with pytest.raises(UserError, match=name):
        runs.read_run(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        runs.read_run(folder)


def test_a_run_of_another_version_is_refused(run, tmp_path):
    values = json.loads((run.directory / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"format": 99}))
    (tmp_path / runs.PROVENANCE).write_text("{}")
    with pytest.raises(UserError, match="version 1, got version 99"):
        runs.read_run(tmp_path)
    with pytest.raises(UserError, match="not there"):
        runs.read_run(tmp_path / "nowhere")


def test_predictions_keep_their_order_and_equal_those_of_the_test(run, data, monkeypatch):
    monkeypatch.setattr(prediction, "CHUNK", 7)
    texts = data.test.reviews.texts[:20]
    together = list(prediction.probabilities(run, texts))
    np.testing.assert_allclose(together, run.predictions["probability"][:20], atol=1e-6)


def fit_here(arguments):
    data, config, directory = arguments
    return training.fit(config, data=data, progress=False, directory=directory).summary


def test_two_processes_that_train_the_same_run_train_it_once(data, tmp_path):
    config = small()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(fit_here, [(data, config, tmp_path)] * 2, chunksize=1)
    assert first == second, "also in the seconds it took"
    (folder,) = tmp_path.iterdir()
    assert not list(folder.glob(".lock*"))


def test_of_two_epochs_that_are_as_accurate_the_lower_loss_is_chosen():
    def row(epoch, accuracy, loss):
        return {"epoch": epoch, "validation_accuracy": accuracy, "validation_loss": loss}

    rows = [row(1, 0.8, 0.5), row(2, 0.8, 0.4), row(3, 0.8, 0.6), row(4, 0.7, 0.1)]
    assert training._best_epoch(rows) == 2
    assert training._best_epoch(rows[:1]) == 1 and training._best_epoch([]) == 0


def test_each_epoch_has_its_own_order_and_dropout(data, tmp_path, monkeypatch):
    seen = []
    whole = training.reviews.batches

    def watched(split, size, *, generator):
        for batch in whole(split, size, generator=generator):
            seen.append((torch.initial_seed(), batch.index.tolist()))
            yield batch

    monkeypatch.setattr(training.reviews, "batches", watched)
    config = small(epochs=2)
    training.fit(config, data=data, progress=False, directory=tmp_path)
    half = len(seen) // 2
    assert sorted(sum((rows for _, rows in seen[:half]), [])) == list(range(len(data.train)))
    assert [rows for _, rows in seen[:half]] != [rows for _, rows in seen[half:]]
    assert seen[0][0] != seen[half][0]


def test_a_long_gradient_is_scaled_down_to_its_largest_norm(data, tmp_path, monkeypatch):
    norms = []
    step = torch.optim.Adam.step

    def watched(self, *arguments, **options):
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(float(torch.stack([g.norm() for g in gradients if g is not None]).norm()))
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    clipped = dataclasses.replace(small().training, epochs=1, clip_norm=1e-3)
    config = dataclasses.replace(small(), training=clipped)
    training.fit(config, data=data, progress=False, directory=tmp_path)
    assert norms and max(norms) <= 1e-3 * 1.01


def forged(run, place, name, write):
    """Copy a run with one file written anew, and its digest with it, as by another tool."""
    folder = place / run.directory.name
    shutil.copytree(run.directory, folder)
    if write is None:
        return folder
    write(folder / name)
    provenance = json.loads((folder / runs.PROVENANCE).read_text())
    provenance["files"][name] = runs.digest(folder / name)
    (folder / runs.PROVENANCE).write_text(json.dumps(provenance))
    return folder


def reweighted(change):
    def write(path):
        weights = load_file(path)
        change(weights)
        save_file(weights, path)

    return write


def renumber(path, entry):
    """Give a word of the tokeniser a number that it cannot have, or let it lack that for others."""
    values = json.loads(path.read_text())
    vocabulary = values["model"]["vocab"]
    if entry == "vocab":
        vocabulary[max(vocabulary, key=vocabulary.get)] += 1
    else:
        values["model"][entry] = "nowhere"
    path.write_text(json.dumps(values))


FORGED = {
    "wrong shapes": ("model.safetensors", reweighted(
        lambda weights: weights.update({"classifier.weight": torch.zeros(1, 3)}))),
    "a weight too few": ("model.safetensors", reweighted(
        lambda weights: weights.pop("classifier.bias"))),
    "no numbers": ("model.safetensors", reweighted(
        lambda weights: weights["classifier.weight"].fill_(torch.nan))),
    "fewer words": ("model.safetensors", reweighted(
        lambda weights: weights.update({"embedding.weight": weights["embedding.weight"][:-1]}))),
    "truncated": ("model.safetensors", lambda path: path.write_bytes(path.read_bytes()[:500])),
    "pickled": ("model.safetensors", lambda path: torch.save({"a": torch.zeros(1)}, path)),
    "a weight for all words": ("model.safetensors", reweighted(
        lambda weights: weights.update({"embedding.weight": torch.tensor(1.0)}))),
    "no words": ("model.safetensors", reweighted(
        lambda weights: weights.update({"embedding.weight": weights["embedding.weight"][:0]}))),
    "whole numbers": ("model.safetensors", reweighted(
        lambda weights: weights.update({"classifier.bias": weights["classifier.bias"].int()}))),
    "a word out of range": ("tokenizer.json", lambda path: renumber(path, "vocab")),
    "nothing for unknown words": ("tokenizer.json", lambda path: renumber(path, "unk_token")),
    "no tokeniser": ("tokenizer.json", lambda path: path.write_text("{}")),
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_a_run_whose_weights_or_words_cannot_be_is_refused(run, tmp_path, how):
    made = runs.read_run(forged(run, tmp_path, *FORGED[how]))
    with pytest.raises(UserError, match="Expected a complete run folder .*: delete the folder"):
        next(prediction.probabilities(made, ["a fine film"]))


@pytest.mark.parametrize(
    "name, table, content",
    [
        ("metrics.csv", "metrics", b"epoch,loss\n1,2\n"),
        ("metrics.csv", "metrics", b""),
        ("predictions.parquet", "predictions", b"PAR1"),
    ],
)
def test_a_run_whose_tables_cannot_be_is_refused(run, tmp_path, name, table, content):
    made = runs.read_run(forged(run, tmp_path, name, lambda path: path.write_bytes(content)))
    with pytest.raises(UserError, match=f"{name} (cannot be read|has no numbers in)"):
        getattr(made, table)


def test_weights_that_give_no_probability_are_refused(run, tmp_path):
    def change(weights):
        weights["embedding.weight"].fill_(3e38)
        weights["recurrent.weight_res_l0"].fill_(3e38)[:, ::2] *= -1  # infinity less infinity

    made = runs.read_run(forged(run, tmp_path, "model.safetensors", reweighted(change)))
    with pytest.raises(UserError, match="Expected a probability"):
        next(prediction.probabilities(made, ["a fine film"]))


@pytest.mark.parametrize("content", ["{}", '{"model": 1}', "[" * 100_000])
def test_a_configuration_that_cannot_be_is_refused_with_its_folder(run, tmp_path, content):
    text = content if content[0] == "[" else f'{{"format": {runs.FORMAT}, "config": {content}}}'
    folder = forged(run, tmp_path, "config.json", lambda path: path.write_text(text))
    with pytest.raises(UserError, match="complete run folder at .* config.json cannot be"):
        runs.read_run(folder)


@pytest.mark.parametrize("name", runs.NUMBERS)
@pytest.mark.parametrize("value", ["x", None, -5, float("nan"), True])
def test_a_summary_that_cannot_be_is_refused(run, tmp_path, name, value):
    folder = forged(run, tmp_path, "", None)
    provenance = json.loads((folder / runs.PROVENANCE).read_text())
    provenance["summary"][name] = value
    (folder / runs.PROVENANCE).write_text(json.dumps(provenance))
    with pytest.raises(UserError, match=f"tells no number as the {name}"):
        runs.read_run(folder)


@pytest.mark.parametrize("without", ["files", "summary", "data"])
def test_a_provenance_that_tells_too_little_is_refused(run, tmp_path, without):
    folder = forged(run, tmp_path, "", None)
    provenance = json.loads((folder / runs.PROVENANCE).read_text())
    del provenance[without]
    (folder / runs.PROVENANCE).write_text(json.dumps(provenance))
    with pytest.raises(UserError, match="Expected a complete run folder"):
        runs.read_run(folder)
