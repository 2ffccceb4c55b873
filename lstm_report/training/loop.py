"""Train a classifier, select an epoch on validation, read the test set once.

Every random choice of an epoch comes from the seed and the epoch's number alone, so that a run that
was killed and taken up again from its last epoch gives the same figures as an uninterrupted one.
"""

import copy
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pandas
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lstm_report import paths, provenance, texts
from lstm_report.config import RunConfig, TrainingConfig, run_id
from lstm_report.data import unlabelled
from lstm_report.data.prepared import (
    Batch,
    PreparedData,
    Split,
    batches,
    number_of_batches,
    prepare,
)
from lstm_report.errors import UserError
from lstm_report.models import classifier, kernel
from lstm_report.models.classifier import SentimentClassifier
from lstm_report.process import keep_freed, threads_for
from lstm_report.progress import bar as progress_bar
from lstm_report.training import losses, runs, self_training, steps
from lstm_report.training.evaluate import Log, autocast, choose_device, choose_precision, evaluate
from lstm_report.training.runs import State

OnEpoch = Callable[[pandas.DataFrame], None]
Context = Callable[[], AbstractContextManager[None]]

COLUMNS = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "gradient_norm",
    "seconds",
    "tokens_per_second",
)


def _train_epoch(
    state: State,
    split: Split,
    config: TrainingConfig,
    precision: str,
    epoch: int,
    progress: bool,
) -> dict[str, float]:
    """Train one epoch and return its mean loss, accuracy and gradient norm, and its cost."""
    model, optimiser = state.model, state.optimiser
    device = next(model.parameters()).device
    seed = (config.seed * 1_000_003 + epoch) % 2**63
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    loss_sum, correct, seen, norms, started = 0.0, 0, 0, 0.0, time.perf_counter()
    count = number_of_batches(split, config.batch_size)
    bar = progress_bar(
        batches(split, config.batch_size, generator=order),
        total=count,
        desc=f"epoch {epoch}/{config.epochs}",
        unit="batch",
        disable=not progress,
    )
    model.train()
    for step, batch in enumerate(bar, start=1):
        labels = batch.labels.to(device)
        optimiser.zero_grad(set_to_none=True)
        loss, logits = _gradients(model, batch, config, partial(autocast, device, precision))
        if not math.isfinite(value := loss.item()):
            bar.close()
            raise UserError(
                f"Expected a finite training loss, got {value} in epoch {epoch}, batch {step}: "
                f"lower the learning rate (now {config.learning_rate:g})."
            )
        norms += nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm).item()
        number = (epoch - 1) * count + step
        size = steps.factor(config.schedule, number, config.epochs * count)
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * size
        optimiser.step()
        if state.average is not None:
            steps.add_to_average(state.average, model, config.average, number)
        loss_sum += value * len(labels)
        seen += len(labels)
        correct += int(((logits > 0) == (labels > 0.5)).sum())
        bar.set_postfix(loss=f"{loss_sum / seen:.3f}", refresh=False)
    seconds = time.perf_counter() - started
    return {
        "epoch": epoch,
        "train_loss": loss_sum / len(split),
        "train_accuracy": correct / len(split),
        "gradient_norm": norms / count,
        "seconds": seconds,
        "tokens_per_second": float(split.lengths.sum()) / seconds,
    }


def _gradients(
    model: SentimentClassifier, batch: Batch, config: TrainingConfig, context: Context
) -> tuple[Tensor, Tensor]:
    """Give every weight its gradient, and return the loss and the logits, (B,), of a batch."""
    device = next(model.parameters()).device
    tokens, lengths, labels = (
        entry.to(device) for entry in (batch.tokens, batch.lengths, batch.labels)
    )

    def loss_of(logits: Tensor) -> Tensor:
        return losses.OBJECTIVES[config.loss](labels, logits.float())

    if config.adversarial:
        return classifier.gradients(
            model, tokens, lengths, labels, loss_of, context, config.adversarial
        )
    with context():
        logits = model(tokens, lengths, labels)
    loss = loss_of(logits)
    loss.backward()
    return loss, logits


def _best_epoch(rows: list[dict[str, float]]) -> int:
    """Return the epoch of highest validation accuracy, the lower loss deciding a tie; or 0."""

    def standing(row: dict[str, float]) -> tuple[float, float]:
        return row["validation_accuracy"], -row["validation_loss"]

    return int(max(rows, key=standing, default={"epoch": 0})["epoch"])


def _write_result(
    directory: Path,
    config: RunConfig,
    data: PreparedData,
    state: State,
    precision: str,
    before: float,
) -> None:
    """Read the test split once with the selected weights and close the run folder."""
    model = state.judged
    model.load_state_dict(state.best)
    started = time.perf_counter()
    result = evaluate(model, data.test)
    seconds = time.perf_counter() - started
    logits = torch.from_numpy(result.logits)
    table = pandas.DataFrame(
        {
            "index": range(len(data.test)),
            "label": data.test.reviews.labels,
            "logit": result.logits,
            "probability": torch.sigmoid(logits.double()).numpy(),
            "length": data.test.lengths,
            "in_train": data.test_in_train,
        }
    )
    with paths.atomic_write(directory / "predictions.parquet") as temporary:
        table.to_parquet(temporary, index=False)
    with paths.atomic_write(directory / "model.safetensors") as temporary:
        save_file({name: value.cpu() for name, value in state.best.items()}, temporary)
    paths.write_text(directory / "tokenizer.json", data.tokenizer.to_str())
    correct = (table["logit"] > 0) == (table["label"] == 1)
    unseen = ~table["in_train"]
    epochs = pandas.DataFrame(state.rows, columns=list(COLUMNS))
    summary: dict[str, Any] = {
        "test_accuracy": result.accuracy,
        "test_accuracy_unseen": float(correct[unseen].mean()) if unseen.any() else None,
        "test_loss": result.loss,
        "test_reviews": len(table),
        "test_seconds": seconds,
        "best_epoch": _best_epoch(state.rows),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "train_seconds": before + float(epochs["seconds"].sum()),
        "tokens_per_second": float(epochs["tokens_per_second"].median()) if state.rows else None,
    }
    device = next(model.parameters()).device
    sizes = config.model.embedding_size, config.model.hidden_size
    loops = config.model.kind in ("rnn", "gatedlstm")  # whose steps the kernel does not compute
    compiled = not loops and kernel.fits(getattr(torch, precision), *sizes)
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    runs.finish(
        directory,
        {
            "summary": summary,
            "data": {
                "name": data.source.name,
                "checksum": data.source.checksum,
                "is_imdb": data.source.is_imdb,
                "unlabelled": unlabelled.checksum(data.source.unlabelled)
                if config.reads_unlabelled
                else None,
            },
            "finished": provenance.now(),
            "commit": provenance.commit(),
            "versions": provenance.versions(),
            "hardware": accelerator or provenance.processor(),
            "threads": torch.get_num_threads(),
            "device": device.type,
            "precision": precision,
            "kernel": "compiled" if device.type == "cpu" and compiled else "PyTorch",
        },
    )


def _operations(config: RunConfig) -> float:
    """Return about how many operations of the recurrent layers a step of training takes."""
    model, hidden = config.model, config.model.hidden_size
    weights = model.num_layers * (1 + model.bidirectional) * 4 * hidden
    weights *= hidden + max(model.embedding_size, hidden * (model.num_layers > 1))
    return 6.0 * weights * config.training.batch_size * config.data.max_length


def _initial(config: RunConfig, data: PreparedData, train: Split) -> SentimentClassifier:
    """Return the classifier before its training on the reviews of `train`."""
    model = SentimentClassifier(data.vocabulary_size, config.model)
    if config.training.vectors == "in-domain":
        learnt = unlabelled.learn(data, config.model.embedding_size)
        model.embedding.weight.data.copy_(torch.from_numpy(learnt))
    if isinstance(model.embedding, classifier.NormalisedEmbedding):
        model.embedding.count(torch.from_numpy(train.tokens))
    if model.evidence is not None:
        arrays = train.tokens.astype("int64"), train.offsets, train.reviews.labels
        model.evidence.count(*map(torch.from_numpy, arrays))
    return model


def fit(
    config: RunConfig,
    *,
    data: PreparedData | None = None,
    on_epoch: OnEpoch | None = None,
    progress: bool = True,
    directory: Path | None = None,
    log: Log | None = None,
) -> runs.Run:
    """Return the run of `config`: read it if it is finished, take it up if begun, or train it.

    Args:
        config: data, model and training settings.
        data: the prepared reviews; resolved and prepared from `config.data` when not given.
        on_epoch: called after each epoch (and once at the start of a run taken up) with the table
            of all epochs so far.
        progress: whether to show a bar over the batches.
        directory: where the run folders are; by default `paths.RUNS`.
        log: called with one sentence when the run is read or taken up, and not trained as a whole.

    Returns:
        The finished run. Its `summary` holds the accuracy and mean loss on the test split, the
        accuracy without the test reviews that also stand in train (`test_accuracy_unseen`), the
        selected epoch, the number of parameters and the cost in seconds and tokens per second.

    Raises:
        UserError: for data that cannot be used, a loss that is not finite, or a damaged folder.
    """
    if data is None:
        data = prepare(unlabelled.resolve(config), config.data)
    checksum = data.source.checksum
    folder = Path(directory or paths.RUNS) / run_id(config, checksum)
    log = log or (lambda sentence: None)
    known = runs.is_finished(folder)
    if not known:
        lock = folder / ".lock"
        with paths.alone(lock, f"training {folder.name}", wait=True):
            known = runs.is_finished(folder)  # by the process that this one waited for
            if not known:
                _train(config, data, folder, on_epoch, progress, log)
            lock.unlink(missing_ok=True)  # who waits finds the run finished
    run = runs.read_run(folder)
    if known:
        took = texts.duration(run.summary["train_seconds"])
        log(f"Read from {_place(folder)}: trained earlier, in {took}.")
    return run


def _place(folder: Path) -> str:
    """Return how a run folder is told to the user, the same on every machine."""
    return f"{folder.parent.name}/{folder.name}"


def _train(
    config: RunConfig,
    data: PreparedData,
    folder: Path,
    on_epoch: OnEpoch | None,
    progress: bool,
    log: Log,
) -> None:
    """Train a run from its last epoch on, and close its folder."""
    keep_freed()
    device = choose_device(config.training.device)
    precision = choose_precision(config.training.precision, device)
    threads = threads_for(_operations(config))
    train, before = _read(config, data, folder.parent, progress, log)
    with kernel.denormals_as_zero(), threads, torch.random.fork_rng():
        torch.manual_seed(config.training.seed)
        model = _initial(config, data, train).to(device)
        initial = copy.deepcopy(model.state_dict())
        average = copy.deepcopy(model) if config.training.average else None
        state = State(model, steps.optimiser_of(model, config.training), initial, [], average)
        if (folder / runs.CHECKPOINT).is_file():
            state.load(folder / runs.CHECKPOINT)
            done = f"epoch {len(state.rows)} of {config.training.epochs}"
            log(f"Taken up from {_place(folder)}, after {done}.")
        else:
            runs.write_config(folder, config, data.source.checksum)
        _write_metrics(folder, state.rows, on_epoch)
        for epoch in range(len(state.rows) + 1, config.training.epochs + 1):
            row = _train_epoch(state, train, config.training, precision, epoch, progress)
            validation = evaluate(state.judged, data.validation)
            row |= {
                "validation_loss": validation.loss,
                "validation_accuracy": validation.accuracy,
            }
            state.rows.append(row)
            if _best_epoch(state.rows) == epoch:
                state.best = copy.deepcopy(state.judged.state_dict())
            state.save(folder / runs.CHECKPOINT)
            _write_metrics(folder, state.rows, on_epoch)
        _write_result(folder, config, data, state, precision, before)


def _read(
    config: RunConfig, data: PreparedData, directory: Path, progress: bool, log: Log
) -> tuple[Split, float]:
    """Return what a run is trained on, and the seconds that it took to label it."""
    if not config.training.self_training:
        return data.train, 0.0
    taught = self_training.teacher(config)
    run = fit(taught, data=data, progress=progress, directory=directory, log=log)
    started = time.perf_counter()
    split = self_training.labelled(run, data)
    return split, run.summary["train_seconds"] + time.perf_counter() - started


def _write_metrics(folder: Path, rows: list[dict[str, float]], on_epoch: OnEpoch | None) -> None:
    """Write the epochs so far to metrics.csv and hand them to `on_epoch`."""
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    with paths.atomic_write(folder / "metrics.csv") as temporary:
        table.to_csv(temporary, index=False)
    if rows and on_epoch is not None:
        on_epoch(table)
