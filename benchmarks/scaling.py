"""Section `scaling`: how the cost of a layer grows with the work."""

from collections.abc import Iterator

import torch
from layer_speed import passes
from material import NAMES
from pipeline import arithmetic
from timing import Row, exponent, side_by_side

from lstm_report.config import MODELS
from lstm_report.models.classifier import LAYERS

BASE = {"batch": 64, "steps": 128, "hidden": 256, "layers": 1}
INPUTS = 128
AXES = {
    "batch": ("tokens, by sequences in a batch", [16, 32, 64, 128, 256]),
    "steps": ("tokens, by length of a sequence", [32, 64, 128, 256, 512]),
    "hidden": ("hidden size", [64, 128, 256, 512]),
    "layers": ("layers", [1, 2, 3, 4]),
}
REASONS = {
    "batch": "in proportion; wider products come nearer to the machine's rate, so somewhat less",
    "steps": "in proportion: the steps of a recurrence wait for each other",
    "hidden": "between 1 and 2: the weights grow as 4H(I + H)",
    "layers": "nearly in proportion: the first layer alone reads the shorter word vectors",
}


def operations(kind: str, batch: int, steps: int, hidden: int, layers: int) -> int:
    """Return the floating-point operations of the matrix products, forward and backward."""
    sizes = [INPUTS, *[hidden] * (layers - 1)]
    return batch * steps * sum(arithmetic(kind, inputs, hidden) for inputs in sizes)


def scaling(repeats: int) -> Iterator[Row]:
    """Fit the power with which forward and backward grow along each axis, in float32."""
    for axis, (title, points) in AXES.items():
        ways = {}
        for point in points:
            sizes = BASE | {axis: point}
            shape = sizes["batch"], sizes["steps"], INPUTS
            x = torch.randn(*shape, requires_grad=True)
            for kind in MODELS:
                layer = LAYERS[kind](INPUTS, sizes["hidden"], sizes["layers"], batch_first=True)
                ways[f"{kind} {point}"] = passes(layer, x, False)
        seconds = side_by_side(ways, repeats)
        for kind in MODELS:
            times = [seconds[f"{kind} {point}"] for point in points]
            counts = [[operations(kind, **(BASE | {axis: point}))] for point in points]
            expected = exponent(points, counts).median
            yield Row(
                f"exponent of time in {title}, {NAMES[kind]}",
                exponent(points, times),
                {str(point): times for point, times in zip(points, times, strict=True)},
                note=f"arithmetic: {expected:.2f}; {REASONS[axis]}",
                details={"kind": kind, "axis": title, "points": points, "expected": expected},
            )
