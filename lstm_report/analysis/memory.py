"""A small network that learns one of the tasks of `lstm_report.data.memory_tasks`, and what it
remembers.

Shapes: T time, B sequences, H hidden size.
"""

import dataclasses
import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_report.analysis.gates import gradient_norms, in_double, unroll
from lstm_report.analysis.measurements import Found
from lstm_report.config import GATES, unknown
from lstm_report.data import memory_tasks
from lstm_report.data.memory_tasks import Examples, MemorySetting, Task
from lstm_report.errors import UserError
from lstm_report.models import kernel
from lstm_report.models.classifier import LAYERS
from lstm_report.models.layers import cell_parameters

TEST = 1_000
"""Sequences that the score is measured on."""
TRACED = 50
"""Sequences that gradients are measured on."""
DISTANCES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 400)
"""Steps before the last one at which the gradient is measured."""
TIMED = 6
"""Steps that are timed for a forecast; one more goes before them to warm up."""
LOOKS, LOOKED_AT = 50, 500
"""After how many steps it is looked whether the task is learnt, and at how many sequences."""
LEARNT, TAKEN = "learnt", "steps taken"
"""Measures: 1 where the task was learnt within the budget and 0 where not, and the steps taken."""
CELL_GRADIENT, BEFORE = "gradient norm of the cell state, distance", ", before training"
"""A measure, and what is added to its name where it was measured on the initial weights."""


class MemoryNetwork(nn.Module):
    """Input layer of size H, one recurrent layer, and an output at the last steps that count.

    Args:
        setting: task, recurrent layer, H and initial biases. The input layer has size H too, so
            that F(x) = x in a residual layer.

    Raises:
        UserError: for an unknown task, kind or start.
    """

    def __init__(self, setting: MemorySetting) -> None:
        super().__init__()
        task, hidden_size = memory_tasks.find(setting.task), setting.hidden_size
        self.task = task
        self.input: nn.Module = (
            nn.Linear(2, hidden_size)
            if task.symbols is None
            else nn.Embedding(task.symbols, hidden_size)
        )
        if setting.kind not in LAYERS:
            raise unknown("kind of layer", setting.kind, tuple(LAYERS))
        if setting.start not in memory_tasks.STARTS:
            raise unknown("start", setting.start, memory_tasks.STARTS)
        self.recurrent = LAYERS[setting.kind](hidden_size, hidden_size)
        if setting.start == "chrono" and setting.kind != "rnn":
            self._remember(setting.length + task.beside)
        self.output = nn.Linear(hidden_size, task.outputs)

    @torch.no_grad()
    def _remember(self, steps: int) -> None:
        """Change the initial biases so that the units remember over 1 to `steps` steps."""
        bias = cell_parameters(self.recurrent).bias_ih
        assert bias is not None
        gates = dict(zip(GATES, bias.chunk(len(GATES)), strict=True))
        span = torch.empty_like(gates["f"]).uniform_(1, max(steps - 1, 1)).log()
        gates["f"] += span
        gates["i"] -= span

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the network says at the last steps that count, (steps, B, outputs)."""
        states, _ = self.recurrent(self.input(inputs))
        return self.output(states[-self.task.steps :])


def loss_of(task: Task, said: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of each answer: squared error, or cross-entropy in nats.

    Args:
        task: what was asked.
        said: (steps, B, outputs).
        targets: (B,), or (steps, B) of the copy task.

    Returns:
        (steps, B).
    """
    if task.outputs > 1:
        return functional.cross_entropy(said.movedim(-1, 1), targets, reduction="none")
    answers, targets = said.squeeze(-1), targets.expand(said.shape[:2])
    if task.symbols is None:
        return (answers - targets).square()
    return functional.binary_cross_entropy_with_logits(answers, targets, reduction="none")


def tensors(examples: Examples) -> tuple[Tensor, Tensor]:
    """Return inputs and targets as tensors."""
    return torch.from_numpy(examples.inputs), torch.from_numpy(examples.targets)


@torch.no_grad()
def score(network: MemoryNetwork, inputs: Tensor, targets: Tensor) -> float:
    """Return the mean squared error of the adding task, else the share of right answers."""
    said = torch.cat([network(part) for part in inputs.split(250, dim=1)], dim=1)
    if network.task.symbols is None:
        return float(loss_of(network.task, said, targets).mean())
    if network.task.outputs > 1:
        return float((said.argmax(-1) == targets).double().mean())
    return float(((said.squeeze(-1) > 0) == targets.bool()).double().mean())


def train(network: MemoryNetwork, setting: MemorySetting) -> Iterator[float]:
    """Take the steps of the setting's optimiser, Adam, and yield the mean loss of each.

    Every batch is drawn anew, so nothing can be learnt by heart.

    Raises:
        UserError: for a loss that is not finite.
    """
    random = np.random.default_rng([setting.seed, 0])
    optimiser = torch.optim.Adam(network.parameters(), lr=setting.learning_rate, fused=True)
    for step in range(setting.steps):
        inputs, targets = tensors(network.task.draw(random, setting.batch_size, setting.length))
        loss = loss_of(network.task, network(inputs), targets).mean()
        if not math.isfinite(value := loss.item()):
            raise UserError(
                f"Expected a finite training loss, got {value} in step {step + 1}: lower the "
                f"learning rate (now {setting.learning_rate:g})."
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), setting.clip_norm)
        optimiser.step()
        yield value


def learnt(task: Task, value: float) -> bool:
    """Return whether a score is that of a task which was learnt, see `Task.learnt`."""
    return value <= task.learnt if task.symbols is None else value >= task.learnt


def _steps(network: MemoryNetwork, setting: MemorySetting) -> int:
    """Train to the end, or until the task is learnt, and return how many steps it took."""
    random, taken = np.random.default_rng([setting.seed, 3]), 0
    for taken, _ in enumerate(train(network, setting), start=1):
        if setting.stop_when_learnt and taken % LOOKS == 0:
            fresh = tensors(network.task.draw(random, LOOKED_AT, setting.length))
            if learnt(network.task, score(network, *fresh)):
                break
    return taken


def trace(network: MemoryNetwork, setting: MemorySetting) -> Found:
    """Measure how far back the loss of the last step reaches through the cell state.

    In float64, so that a gradient that fades over 400 steps is told from zero.

    Returns:
        `gradient norm of the cell state, distance` at `TASK/LENGTH/DISTANCE`, the mean of
        ‖∂L/∂c_t‖ over sequences; nothing of a plain network, which has no cell state.
    """
    task, place = network.task, f"{setting.task}/{setting.length}"
    random = np.random.default_rng([setting.seed, 2])
    inputs, targets = tensors(task.draw(random, TRACED, setting.length))
    with in_double(network):
        x = network.input(inputs.double() if task.symbols is None else inputs)
        (layer,) = unroll(network.recurrent, x)
        said = network.output(layer.output[-1]).unsqueeze(0)
        last = targets[-1:] if task.outputs > 1 else targets.double()
        loss = loss_of(task, said, last).sum()
        reached = [distance for distance in DISTANCES if distance < len(layer.steps)]
        states = [layer.steps[-1 - distance].c for distance in reached]
        norms = gradient_norms(loss, states) if states else ()
    return {
        (CELL_GRADIENT, f"{place}/{distance}"): (float(norm.mean()), TRACED)
        for distance, norm in zip(reached, norms, strict=True)
    }


def measure(setting: MemorySetting, *, traced: bool = True) -> Found:
    """Train a network and measure it before and after.

    Returns:
        What `trace` returns, for the trained network and, with `BEFORE` added to the names, for
        the initial weights, and the score on `TEST` sequences that were not trained on, by the
        task's `measure` at the length; whether that is a task learnt, and the steps taken, at
        `TASK/LENGTH`.

    Raises:
        UserError: for an unknown task, or a loss that is not finite.
    """
    task = memory_tasks.find(setting.task)
    with kernel.denormals_as_zero():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.seed)
            network = MemoryNetwork(setting)
        found: Found = {}
        if traced:
            before = trace(network, setting)
            found = {(f"{name}{BEFORE}", at): entry for (name, at), entry in before.items()}
        place = f"{setting.task}/{setting.length}"
        found[TAKEN, place] = _steps(network, setting), 1
        random = np.random.default_rng([setting.seed, 1])
        test = tensors(task.draw(random, TEST, setting.length))
        reached = score(network, *test)
        found[task.measure, str(setting.length)] = reached, TEST
        in_time = setting.stop_when_learnt and found[TAKEN, place][0] < setting.steps
        found[LEARNT, place] = float(in_time or learnt(task, reached)), TEST
        return found | (trace(network, setting) if traced else {})


def seconds_per_run(setting: MemorySetting, threads: int) -> float:
    """Return how long all steps of a training take on this machine, by the speed of a few."""
    torch.set_num_threads(threads)
    with kernel.denormals_as_zero():
        network = MemoryNetwork(setting)
        few = dataclasses.replace(setting, steps=TIMED + 1)
        moments = [time.perf_counter() for _ in train(network, few)]
        return setting.steps * float(np.median(np.diff(moments)))
