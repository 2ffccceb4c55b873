"""Where a run stands between two epochs, and the file from which it is taken up again."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lstm_report import paths
from lstm_report.errors import UserError
from lstm_report.model import SentimentClassifier


@dataclass
class State:
    """Where a run stands between two epochs."""

    model: SentimentClassifier
    optimiser: torch.optim.Optimizer
    best: dict[str, Tensor]
    """The weights of the epoch selected so far."""
    rows: list[dict[str, float]]
    """What `lstm_report.training.COLUMNS` names, for each epoch so far."""

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
