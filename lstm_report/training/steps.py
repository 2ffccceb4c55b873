"""The steps of training: the optimiser, the size of each step, and the average of the weights."""

import math

import torch
from torch import nn

from lstm_report.config import TrainingConfig

WARM_UP = 0.1
"""Part of the steps in which the step size grows."""


def factor(name: str, step: int, steps: int) -> float:
    """Return what the step size is multiplied by; it depends on nothing but the step's number.

    Args:
        name: `constant`, which is 1 throughout; or `linear`, which grows evenly to 1 over the first
            `WARM_UP` of the steps and then falls evenly, to its least at the last step; one step
            later it would be 0.
        step: the number of the step, from 1.
        steps: of the whole training.

    Source: Howard and Ruder (2018), ACL, section 3.2, for `linear`, with a last step near 0.
    """
    if name == "constant":
        return 1.0
    top = math.ceil(WARM_UP * steps)
    return step / top if step <= top else (steps + 1 - step) / (steps + 1 - top)


@torch.no_grad()
def add_to_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move each weight of `average` towards that of `model`: θ̄ ← d θ̄ + (1 - d) θ.

    In the first steps d = min(decay, (1 + step) / (10 + step)), so that the initial weights are
    soon forgotten.

    Args:
        average, model: two models of one kind.
        decay: the greatest d, in [0, 1).
        step: the number of the step of the optimiser, from 1.

    Source: Polyak and Juditsky (1992), SIAM J. Control Optim. 30, for averaged weights.
    """
    kept = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_([*average.parameters()], [*model.parameters()], 1 - kept)


def optimiser_of(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimiser of all weights that a configuration names."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimiser]
    return kind(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
