"""Training: what a run holds, how it is taken up, and what it depends on; in seconds."""

import multiprocessing
import os
import signal

import numpy as np
import pandas as pd
import pytest
import small_studies
import torch
from small_studies import small

from lstm_report import paths
from lstm_report.config import run_id
from lstm_report.data.prepared import batches, prepare
from lstm_report.errors import UserError
from lstm_report.models.classifier import SentimentClassifier
from lstm_report.texts import duration
from lstm_report.training import evaluate, loop, runs

UNTIMED = [name for name in loop.COLUMNS if name not in ("seconds", "tokens_per_second")]
TWO = {"training.epochs": 2}
RESIDUAL = TWO | {"model.kind": "reslstm"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        return prepare(small_studies.source(400, 120), small().data)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs")
    return loop.fit(small(**RESIDUAL), data=data, progress=False, directory=directory)


def test_a_run_is_complete_and_reads_back(run, data):
    assert {path.name for path in run.directory.iterdir()} == {*runs.FILES, runs.PROVENANCE}
    assert list(run.metrics["epoch"]) == [1, 2]
    model = run.load_model()
    again = evaluate.evaluate(model, data.test)
    np.testing.assert_allclose(again.logits, run.predictions["logit"], atol=1e-5)
    right = (run.predictions["logit"] > 0) == (run.predictions["label"] == 1)
    assert run.summary["test_accuracy"] == pytest.approx(right.mean())
    best = run.metrics.set_index("epoch")["validation_accuracy"]
    assert best[run.best_epoch] == best.max()


def test_a_run_with_evidence_and_an_average_keeps_both_and_is_taken_up(data, tmp_path):
    model = {"model.evidence": 2, "model.evidence_dropout": 0.2, "model.readout": "mean and max"}
    config = small(**TWO, **model, **{"training.average": 0.9})
    made = loop.fit(config, data=data, progress=False, directory=tmp_path / "whole")
    model = made.load_model()
    assert len(model.evidence.keys) > 100 and model.evidence.reviews.sum() == len(data.train)
    again = evaluate.evaluate(model, data.test)
    np.testing.assert_allclose(again.logits, made.predictions["logit"], atol=1e-5)
    stopped = multiprocessing.get_context("spawn").Process(
        target=train_and_die, args=(data, tmp_path / "stopped", config)
    )
    stopped.start()
    stopped.join()
    taken_up = loop.fit(config, data=data, progress=False, directory=tmp_path / "stopped")
    pd.testing.assert_frame_equal(taken_up.predictions, made.predictions, check_exact=True)


def test_judgements_are_made_in_float32_whatever_the_training_used(data, tmp_path):
    config = small(**{"training.precision": "bfloat16"})
    made = loop.fit(config, data=data, progress=False, directory=tmp_path)
    assert made.provenance["precision"] == "bfloat16"
    model = made.load_model()
    padded = [torch.tensor(data.test.row(row)).long()[None] for row in range(len(data.test))]
    alone = [model(row, torch.tensor([row.shape[1]])).item() for row in padded]
    np.testing.assert_allclose(alone, made.predictions["logit"], atol=1e-5)


def test_a_finished_run_is_not_trained_again(run, data, monkeypatch):
    monkeypatch.setattr(loop, "_train_epoch", None)
    again = loop.fit(run.config, data=data, directory=run.directory.parent)
    assert again.provenance == run.provenance


def test_same_seed_same_figures_and_other_seed_other_figures(run, data, tmp_path):
    again = loop.fit(run.config, data=data, progress=False, directory=tmp_path)
    pd.testing.assert_frame_equal(again.metrics[UNTIMED], run.metrics[UNTIMED], check_exact=True)
    pd.testing.assert_frame_equal(again.predictions, run.predictions, check_exact=True)
    assert again.directory.name == run.directory.name
    config = small(**RESIDUAL, **{"training.seed": 1})
    other = loop.fit(config, data=data, progress=False, directory=tmp_path)
    assert other.metrics["train_loss"][0] != run.metrics["train_loss"][0]


def test_training_leaves_the_global_generator_alone(data, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    loop.fit(small(), data=data, progress=False, directory=tmp_path)
    assert torch.equal(torch.rand(1), expected)


def test_a_run_that_is_read_says_so_and_a_new_one_says_nothing(data, tmp_path):
    told = []
    for _ in range(2):
        run = loop.fit(small(), data=data, progress=False, directory=tmp_path, log=told.append)
    took = duration(run.summary["train_seconds"])
    place = f"{tmp_path.name}/{run.directory.name}"
    assert told == [f"Read from {place}: trained earlier, in {took}."]


def test_the_bar_of_an_epoch_ends_with_the_loss_of_the_epoch(data, tmp_path, monkeypatch):
    told = []

    class Bar(list):
        def set_postfix(self, *, loss, refresh):
            told.append(loss)

    monkeypatch.setattr(loop, "progress_bar", lambda entries, **options: Bar(entries))
    run = loop.fit(small(), data=data, directory=tmp_path)
    assert len(data.train) % run.config.training.batch_size  # the last batch is a smaller one
    assert told[-1] == f"{run.metrics['train_loss'][0]:.3f}"


def test_the_figures_of_an_epoch_are_means_over_its_reviews(data, tmp_path):
    """Where no weight moves and nothing is dropped, they are those of the first weights."""
    config = small(**{"model.dropout": 0.0, "training.learning_rate": 1e-30})
    made = loop.fit(config, data=data, progress=False, directory=tmp_path)
    model = made.load_model()
    losses, norms = [], []
    seed = (config.training.seed * 1_000_003 + 1) % 2**63
    for batch in batches(data.train, 32, generator=torch.Generator().manual_seed(seed)):
        model.zero_grad()
        logits = model(batch.tokens, batch.lengths)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, batch.labels, reduction="none"
        )
        losses += loss.tolist()
        loss.mean().backward()
        norms.append(torch.stack([p.grad.norm() for p in model.parameters()]).norm().item())
    assert config.training.batch_size == 32 and len(losses) == len(data.train)
    row = made.metrics.iloc[0]
    assert row["train_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert row["gradient_norm"] == pytest.approx(np.mean(norms), rel=1e-3)
    right = (evaluate.evaluate(model, data.train).logits > 0) == (data.train.reviews.labels == 1)
    assert row["train_accuracy"] == pytest.approx(np.mean(right))


def train_and_die(data, directory, config):
    """Train, and be killed by the operating system after the first epoch was recorded."""

    def die(metrics):
        os.kill(os.getpid(), signal.SIGKILL)

    loop.fit(config, data=data, on_epoch=die, progress=False, directory=directory)


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
    resumed = loop.fit(
        run.config, data=data, progress=False, directory=tmp_path,
        on_epoch=lambda metrics: seen.append(len(metrics)), log=told.append,
    )  # fmt: skip
    assert seen == [1, 2]
    assert told == [f"Taken up from {tmp_path.name}/{folder.name}, after epoch 1 of 2."]
    pd.testing.assert_frame_equal(resumed.metrics[UNTIMED], run.metrics[UNTIMED], check_exact=True)
    pd.testing.assert_frame_equal(resumed.predictions, run.predictions, check_exact=True)


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    config = small()
    folder = tmp_path / run_id(config, data.source.checksum)
    folder.mkdir()
    (folder / runs.CHECKPOINT).write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="checkpoint"):
        loop.fit(config, data=data, progress=False, directory=tmp_path)


def test_zero_epochs_evaluate_the_initial_weights(data, tmp_path):
    run = loop.fit(small(**{"training.epochs": 0}), data=data, progress=False, directory=tmp_path)
    assert run.best_epoch == 0 and len(run.metrics) == 0
    assert run.summary["tokens_per_second"] is None


def test_a_loss_that_is_not_finite_stops_with_one_sentence(data, tmp_path, monkeypatch):
    def diverged(self, tokens, lengths, own=None):
        return self.classifier.bias * torch.full((len(tokens),), float("nan"))

    monkeypatch.setattr(SentimentClassifier, "forward", diverged)
    with pytest.raises(UserError, match="finite training loss.*lower the learning rate"):
        loop.fit(small(), data=data, progress=False, directory=tmp_path)


def test_the_padding_vector_stays_zero(run):
    assert torch.count_nonzero(run.load_model().embedding.weight[0]) == 0


def test_predictions_keep_their_order_and_equal_those_of_the_test(run, data, monkeypatch):
    monkeypatch.setattr(evaluate, "CHUNK", 7)
    texts = data.test.reviews.texts[:20]
    together = list(evaluate.probabilities(run, texts))
    np.testing.assert_allclose(together, run.predictions["probability"][:20], atol=1e-6)


def fit_here(arguments):
    data, config, directory = arguments
    return loop.fit(config, data=data, progress=False, directory=directory).summary


def test_two_processes_that_train_the_same_run_train_it_once(data, tmp_path):
    config = small(**TWO)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(fit_here, [(data, config, tmp_path)] * 2, chunksize=1)
    assert first == second, "also in the seconds it took"
    (folder,) = tmp_path.iterdir()
    assert not list(folder.glob(".lock*"))


def test_of_two_epochs_that_are_as_accurate_the_lower_loss_is_chosen():
    def row(epoch, accuracy, loss):
        return {"epoch": epoch, "validation_accuracy": accuracy, "validation_loss": loss}

    rows = [row(1, 0.8, 0.5), row(2, 0.8, 0.4), row(3, 0.8, 0.6), row(4, 0.7, 0.1)]
    assert loop._best_epoch(rows) == 2
    assert loop._best_epoch(rows[:1]) == 1 and loop._best_epoch([]) == 0
    assert loop._best_epoch([*rows, row(5, 0.8, 0.4)]) == 2, "of equal epochs, the first"


def test_each_epoch_has_its_own_order_and_dropout(data, tmp_path, monkeypatch):
    seen = []
    whole = loop.batches

    def watched(split, size, *, generator):
        for batch in whole(split, size, generator=generator):
            seen.append((torch.initial_seed(), batch.index.tolist()))
            yield batch

    monkeypatch.setattr(loop, "batches", watched)
    config = small(**TWO)
    loop.fit(config, data=data, progress=False, directory=tmp_path)
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
    config = small(**{"training.clip_norm": 1e-3})
    loop.fit(config, data=data, progress=False, directory=tmp_path)
    assert norms and max(norms) <= 1e-3 * 1.01
