"""A run on disk: its finished folder, and the state from which one that was stopped is taken up."""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas
from pandas.api.types import is_numeric_dtype

from lstm_report import paths
from lstm_report.config import RunConfig, from_dict, to_dict
from lstm_report.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from torch.optim import Optimizer

    from lstm_report.models.classifier import SentimentClassifier


FORMAT = 1
"""Version of the folder's layout; a folder of another version is refused."""
FILES = ("config.json", "metrics.csv", "predictions.parquet", "model.safetensors", "tokenizer.json")
PROVENANCE = "provenance.json"
UNHEARD = "\U0010fffd"
"""A word that no vocabulary has."""
CHECKPOINT = "checkpoint.safetensors"
METRICS = ("epoch", "train_loss", "validation_loss", "validation_accuracy")
NUMBERS = ("best_epoch", "test_accuracy", "test_loss")
"""What the summary of a run tells, among others."""
PREDICTIONS = ("label", "logit", "probability", "length")
"""Columns of numbers that the tables of a run have, besides others."""


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write `values` to `path` as JSON, in one step."""
    paths.write_text(path, json.dumps(values, indent=1) + "\n")


def write_config(directory: Path, config: RunConfig, checksum: str) -> None:
    """Write the configuration with which a run begins."""
    values = {"format": FORMAT, "checksum": checksum, "config": to_dict(config)}
    write_json(directory / "config.json", values)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def finish(directory: Path, provenance: dict[str, Any]) -> None:
    """Close a run whose other files are written: record their digests and the provenance."""
    digests = {name: digest(directory / name) for name in FILES}
    write_json(directory / PROVENANCE, provenance | {"files": digests})
    (directory / CHECKPOINT).unlink(missing_ok=True)


def _damaged(directory: Path, why: str) -> UserError:
    return UserError(
        f"Expected a complete run folder at {directory}, but {why}: delete the folder and train "
        "again, or choose another run."
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise _damaged(path.parent, f"{path.name} cannot be read") from error
    if not isinstance(values, dict):
        raise _damaged(path.parent, f"{path.name} is not a table of values")
    return values


def is_finished(directory: Path) -> bool:
    """Return whether the folder holds a run that reached its end."""
    return (directory / PROVENANCE).is_file()


def read_run(directory: Path | str) -> "Run":
    """Return the finished run in `directory`, after checking that it is whole.

    Raises:
        UserError: when it is not there, not finished, of another version, or damaged.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(
            f"Expected a run folder, but {directory} is not there: "
            "train first with `lstm-report train`, which prints the folder's name."
        )
    for name in ("config.json", PROVENANCE):
        if not (directory / name).is_file():
            raise _damaged(directory, f"{name} is missing")
    values = _read_json(directory / "config.json")
    if values.get("format") != FORMAT:
        raise UserError(
            f"Expected a run folder of version {FORMAT}, got version {values.get('format')} at "
            f"{directory}: train it again with this version of lstm-report."
        )
    provenance = _read_json(directory / PROVENANCE)
    for name in FILES:
        if not (directory / name).is_file():
            raise _damaged(directory, f"{name} is missing")
        digests = provenance.get("files")
        if not isinstance(digests, dict) or digest(directory / name) != digests.get(name):
            raise _damaged(directory, f"{name} is not what the run wrote")
    if lacking := {"summary", "data"} - set(provenance):
        raise _damaged(directory, f"{PROVENANCE} does not tell the {min(lacking)}")
    summary = provenance["summary"]
    for name in NUMBERS:
        number = summary.get(name) if isinstance(summary, dict) else None
        if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 0:
            raise _damaged(directory, f"{PROVENANCE} tells no number as the {name}")
    try:
        config = from_dict(values.get("config", {}))
    except UserError as error:
        reason = str(error).rstrip(".")
        raise _damaged(directory, f"config.json cannot be used ({reason})") from error
    return Run(directory, config, provenance)


class Trained(Protocol):
    """What judges texts: a `Run`, or a model of `lstm_report.training.shipped`."""

    @property
    def directory(self) -> Path:
        """Where its files are."""
        ...

    @property
    def config(self) -> RunConfig:
        """What it was made with."""
        ...

    def load_tokenizer(self) -> "Tokenizer":
        """Return its tokeniser."""
        ...

    def load_model(self) -> "SentimentClassifier":
        """Return its classifier, on the CPU, in evaluation mode."""
        ...


@dataclass(frozen=True)
class Run:
    """A finished run; its tables and weights are read when they are asked for."""

    directory: Path
    config: RunConfig
    provenance: dict[str, Any]

    @functools.cached_property
    def metrics(self) -> pandas.DataFrame:
        """One row per epoch: losses, accuracies, seconds, tokens per second, gradient norm."""
        return self._table("metrics.csv", pandas.read_csv, METRICS)

    @functools.cached_property
    def predictions(self) -> pandas.DataFrame:
        """One row per test review: index, label, logit, probability, length, in_train."""
        return self._table("predictions.parquet", pandas.read_parquet, PREDICTIONS)

    def _table(
        self, name: str, read: Callable[[Path], pandas.DataFrame], columns: tuple[str, ...]
    ) -> pandas.DataFrame:
        """Return a table of the folder, which has to have these columns of numbers."""
        try:
            table = read(self.directory / name)
        except (ValueError, OSError) as error:  # of pyarrow too
            raise _damaged(self.directory, f"{name} cannot be read") from error
        for column in columns:
            if column not in table or (len(table) and not is_numeric_dtype(table[column])):
                raise _damaged(self.directory, f"{name} has no numbers in {column!r}")
        return table

    @property
    def summary(self) -> dict[str, Any]:
        """The test result and the cost: see `lstm_report.training.loop.fit`."""
        return self.provenance["summary"]

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were selected on validation; 0 for the initial weights."""
        return self.summary["best_epoch"]

    def load_tokenizer(self) -> "Tokenizer":
        """Return the tokeniser the run was trained with.

        Raises:
            UserError: when it is none.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self.directory / "tokenizer.json"))
            tokenizer.encode(UNHEARD)
        except Exception as error:  # the library raises the bare class
            raise _damaged(self.directory, "tokenizer.json is no tokeniser") from error
        words = tokenizer.get_vocab()
        if sorted(words.values()) != [*range(len(words))]:
            raise _damaged(self.directory, "tokenizer.json does not number its words one by one")
        return tokenizer

    def load_model(self) -> "SentimentClassifier":
        """Return the classifier with the selected weights, on the CPU, in evaluation mode.

        Raises:
            UserError: when the weights are none of this configuration, or not finite.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from lstm_report.models.classifier import SentimentClassifier

        name = "model.safetensors"
        try:
            weights = load_file(self.directory / name)
            model = SentimentClassifier(len(weights["embedding.weight"]), self.config.model)
            model.load_state_dict(weights)
        except (SafetensorError, LookupError, TypeError, RuntimeError, OSError) as error:
            raise _damaged(self.directory, f"{name} holds no weights of its model") from error
        kinds = {key: value.is_floating_point() for key, value in model.state_dict().items()}
        if not all(value.is_floating_point() == kinds[key] and value.isfinite().all()
                   for key, value in weights.items()):  # fmt: skip
            raise _damaged(self.directory, f"{name} holds weights that are no finite numbers")
        if self.load_tokenizer().get_vocab_size() != len(weights["embedding.weight"]):
            raise _damaged(self.directory, f"tokenizer.json and {name} differ in their words")
        return model.eval()


@dataclass
class State:
    """Where a run stands between two epochs."""

    model: "SentimentClassifier"
    optimiser: "Optimizer"
    best: "dict[str, Tensor]"
    """The weights of the epoch selected so far."""
    rows: list[dict[str, float]]
    """What `lstm_report.training.loop.COLUMNS` names, for each epoch so far."""
    average: "SentimentClassifier | None" = None
    """The model with the running average of the weights, where one is kept."""

    @property
    def judged(self) -> "SentimentClassifier":
        """The model that is judged by."""
        return self.average or self.model

    def save(self, path: Path) -> None:
        """Write weights, optimiser state, selected weights and metrics to one file."""
        from safetensors.torch import save_file

        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        if self.average is not None:
            averaged = self.average.named_parameters()  # what was counted is the same
            tensors |= {f"average.{name}": value for name, value in averaged}
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
        from safetensors import safe_open

        parts: dict[str, dict[str, Tensor]] = {
            part: {} for part in ("model", "best", "average", "optimiser")
        }
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118  (not a dictionary)
                    part, _, rest = name.partition(".")
                    parts[part][rest] = file.get_tensor(name)
                self.rows = json.loads(file.metadata()["rows"])
            self.model.load_state_dict(parts["model"])
            if self.average is not None:
                self.average.load_state_dict(parts["model"] | parts["average"])
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
