"""Train a classifier, select an epoch on validation, read the test set once.

Every random choice of an epoch comes from the seed and the epoch's number alone, so that a run that
was killed and taken up again from its last epoch gives the same figures as an uninterrupted one.
"""

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lstm_report import config as configuration
from lstm_report import data as reviews
from lstm_report import kernel, losses, memory, paths, provenance, runs, sources
from lstm_report.config import RunConfig, TrainingConfig
from lstm_report.data import PreparedData, Split
from lstm_report.errors import UserError
from lstm_report.evaluation import autocast, choose_device, choose_precision, evaluate
from lstm_report.model import SentimentClassifier
from lstm_report.progress import bar as progress_bar

OnEpoch = Callable[[pandas.DataFrame], None]

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


def _optimiser(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimiser]
    return kind(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


@dataclasses.dataclass
class _State:
    """Where a run stands between two epochs."""

    model: SentimentClassifier
    optimiser: torch.optim.Optimizer
    best: dict[str, Tensor]
    rows: list[dict[str, float]]

    def save(self, path: Path) -> None:
        """Write weights, optimiser state, selected weights and metrics to one file."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for index, entries in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in entries.items()}
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        with paths.atomic_write(path) as temporary:
            save_file(tensors, temporary, metadata={"rows": json.dumps(self.rows)})

    def load(self, path: Path) -> None:
        """Take up the state that `save` wrote.

        Raises:
            UserError: when the file is damaged or belongs to another model.
        """
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118  (not a dictionary)
                    part, _, rest = name.partition(".")
                    parts[part][rest] = file.get_tensor(name)
                self.rows = json.loads(file.metadata()["rows"])
            self.model.load_state_dict(parts["model"])
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in parts["optimiser"].items():
                index, _, entry = name.partition(".")
                state.setdefault(int(index), {})[entry] = value
            self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": state})
        except Exception as error:
            raise UserError(
                f"Expected a readable checkpoint at {path}, but it is damaged: delete the folder "
                f"{path.parent} and start the run again."
            ) from error
        self.best = parts["best"]


def _train_epoch(
    model: SentimentClassifier,
    optimiser: torch.optim.Optimizer,
    split: Split,
    config: TrainingConfig,
    precision: str,
    epoch: int,
    progress: bool,
) -> dict[str, float]:
    """Train one epoch and return its mean loss, accuracy and gradient norm, and its cost."""
    device = next(model.parameters()).device
    seed = (config.seed * 1_000_003 + epoch) % 2**63
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    loss_sum, correct, norms, started = 0.0, 0, 0.0, time.perf_counter()
    steps = reviews.number_of_batches(split, config.batch_size)
    bar = progress_bar(
        reviews.batches(split, config.batch_size, generator=order),
        total=steps,
        desc=f"epoch {epoch}/{config.epochs}",
        unit="batch",
        disable=not progress,
    )
    model.train()
    for step, batch in enumerate(bar, start=1):
        labels = batch.labels.to(device)
        with autocast(device, precision):
            logits = model(batch.tokens.to(device), batch.lengths.to(device))
        loss = losses.OBJECTIVES[config.loss](labels, logits.float()).mean()
        if not math.isfinite(value := loss.item()):
            bar.close()
            raise UserError(
                f"Expected a finite training loss, got {value} in epoch {epoch}, batch {step}: "
                f"lower the learning rate (now {config.learning_rate:g})."
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norms += nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm).item()
        optimiser.step()
        loss_sum += value * len(labels)
        correct += int(((logits > 0) == labels.bool()).sum())
        bar.set_postfix(loss=f"{loss_sum / (step * config.batch_size):.3f}", refresh=False)
    seconds = time.perf_counter() - started
    return {
        "epoch": epoch,
        "train_loss": loss_sum / len(split),
        "train_accuracy": correct / len(split),
        "gradient_norm": norms / steps,
        "seconds": seconds,
        "tokens_per_second": float(split.lengths.sum()) / seconds,
    }


def _best_epoch(rows: list[dict[str, float]]) -> int:
    """Return the epoch of highest validation accuracy, the lower loss deciding a tie; or 0."""
    if not rows:
        return 0
    best = max(rows, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))
    return int(best["epoch"])


def _write_result(
    directory: Path, config: RunConfig, data: PreparedData, state: _State, precision: str
) -> runs.Run:
    """Read the test split once with the selected weights and close the run folder."""
    model = state.model
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
    runs.write_text(directory / "tokenizer.json", data.tokenizer.to_str())
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
        "train_seconds": float(epochs["seconds"].sum()),
        "tokens_per_second": float(epochs["tokens_per_second"].median()) if state.rows else None,
    }
    device = next(model.parameters()).device
    sizes = config.model.embedding_size, config.model.hidden_size
    compiled = kernel.fits(getattr(torch, precision), *sizes)
    accelerator = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return runs.finish(
        directory,
        {
            "summary": summary,
            "data": {
                "name": data.source.name,
                "checksum": data.source.checksum,
                "is_imdb": data.source.is_imdb,
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


def fit(
    config: RunConfig,
    *,
    data: PreparedData | None = None,
    on_epoch: OnEpoch | None = None,
    progress: bool = True,
    directory: Path = paths.RUNS,
) -> runs.Run:
    """Return the run of `config`: read it if it is finished, take it up if begun, or train it.

    Args:
        config: data, model and training settings.
        data: the prepared reviews; resolved and prepared from `config.data` when not given.
        on_epoch: called after each epoch (and once at the start of a run taken up) with the table
            of all epochs so far.
        progress: whether to show a bar over the batches.
        directory: where the run folders are.

    Returns:
        The finished run. Its `summary` holds the accuracy and mean loss on the test split, the
        accuracy without the test reviews that also stand in train (`test_accuracy_unseen`), the
        selected epoch, the number of parameters and the cost in seconds and tokens per second.

    Raises:
        UserError: for data that cannot be used, a loss that is not finite, or a damaged folder.
    """
    if data is None:
        data = reviews.prepare(sources.resolve(config.data.source), config.data)
    checksum = data.source.checksum
    folder = Path(directory) / configuration.run_id(config, checksum)
    if runs.is_finished(folder):
        return runs.read_run(folder)
    memory.keep_freed()
    device = choose_device(config.training.device)
    precision = choose_precision(config.training.precision, device)
    with kernel.denormals_as_zero(), torch.random.fork_rng():
        torch.manual_seed(config.training.seed)
        model = SentimentClassifier(data.vocabulary_size, config.model).to(device)
        initial = {name: value.clone() for name, value in model.state_dict().items()}
        state = _State(model, _optimiser(model, config.training), initial, [])
        if (folder / runs.CHECKPOINT).is_file():
            state.load(folder / runs.CHECKPOINT)
        else:
            runs.write_config(folder, config, checksum)
        _write_metrics(folder, state.rows, on_epoch)
        for epoch in range(len(state.rows) + 1, config.training.epochs + 1):
            row = _train_epoch(
                model, state.optimiser, data.train, config.training, precision, epoch, progress
            )
            validation = evaluate(model, data.validation)
            row |= {
                "validation_loss": validation.loss,
                "validation_accuracy": validation.accuracy,
            }
            state.rows.append(row)
            if _best_epoch(state.rows) == epoch:
                state.best = {name: value.clone() for name, value in model.state_dict().items()}
            state.save(folder / runs.CHECKPOINT)
            _write_metrics(folder, state.rows, on_epoch)
        return _write_result(folder, config, data, state, precision)


def _write_metrics(folder: Path, rows: list[dict[str, float]], on_epoch: OnEpoch | None) -> None:
    """Write the epochs so far to metrics.csv and hand them to `on_epoch`."""
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    with paths.atomic_write(folder / "metrics.csv") as temporary:
        table.to_csv(temporary, index=False)
    if rows and on_epoch is not None:
        on_epoch(table)
