"""How the step size of the optimiser changes from step to step."""

import math

import torch

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


def set_step_size(optimiser: torch.optim.Optimizer, size: float) -> None:
    """Let the next step of the optimiser have this size for all weights."""
    for group in optimiser.param_groups:
        group["lr"] = size
