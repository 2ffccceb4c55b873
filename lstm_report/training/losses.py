"""Binary cross-entropy in three forms, and what else training may minimise.

The forms agree: the formula, one that is finite for every logit, and PyTorch's, which training
uses.
"""

from collections.abc import Callable, Mapping

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

SMOOTHING = 0.1
"""ε of label smoothing."""


def cross_entropy(label: Tensor, probability: Tensor) -> Tensor:
    """Return L(y, ŷ) = -[y log ŷ + (1 - y) log(1 - ŷ)], element by element.

    Args:
        label: y, 0 or 1, any shape.
        probability: ŷ, in (0, 1), of the same shape; 0 or 1 gives infinity or NaN.
    """
    return -(label * torch.log(probability) + (1 - label) * torch.log(1 - probability))


def cross_entropy_from_logits(label: Tensor, logit: Tensor) -> Tensor:
    """Return the same loss as max(z, 0) - z y + log(1 + exp(-|z|)), finite for every logit z.

    Args:
        label: y, 0 or 1, any shape.
        logit: z with ŷ = σ(z), of the same shape.
    """
    return logit.clamp(min=0) - logit * label + torch.log1p(torch.exp(-logit.abs()))


def mean_cross_entropy(label: Tensor, logit: Tensor) -> Tensor:
    """Return the mean of the same loss over all elements, a scalar, by PyTorch's own function.

    Args:
        label: y in [0, 1], any shape.
        logit: z with ŷ = σ(z), of the same shape.
    """
    return functional.binary_cross_entropy_with_logits(logit, label)


def mean_smoothed_cross_entropy(label: Tensor, logit: Tensor) -> Tensor:
    """Return the mean cross-entropy with the labels (1 - ε) y + ε/2, a scalar; ε is `SMOOTHING`.

    It is least at ŷ = 1 - ε/2 for y = 1, so that no judgement gains by being surer than that.

    Args:
        label: y, 0 or 1, any shape.
        logit: z with ŷ = σ(z), of the same shape.

    Source: Szegedy et al. (2016), CVPR, section 7, with K = 2 classes.
    """
    return mean_cross_entropy((1 - SMOOTHING) * label + SMOOTHING / 2, logit)


def mean_hinge(label: Tensor, logit: Tensor) -> Tensor:
    """Return the mean of max(0, 1 - (2y - 1) z), a scalar.

    Its gradient by z is 1 in size for every error, and 0 for what is right by a margin of 1. The
    logit is then no logarithm of odds, so σ(z) states a probability only by name.

    Args:
        label: y, 0 or 1, any shape.
        logit: z, of the same shape; above 0 it judges 1.

    Source: Cortes and Vapnik (1995), Machine Learning 20, 273-297.
    """
    return (1 - (2 * label - 1) * logit).clamp(min=0).mean()


OBJECTIVES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce": mean_cross_entropy,
    "smoothed": mean_smoothed_cross_entropy,
    "hinge": mean_hinge,
}
"""What training minimises, by its name in `lstm_report.config.LOSSES`; label first, then logit."""


def compare(label: Tensor, logit: Tensor) -> pd.DataFrame:
    """Return both forms of the loss for the same logits.

    Returns:
        Columns logit, from probability, from logit.
    """
    return pd.DataFrame(
        {
            "logit": logit.numpy(),
            "from probability": cross_entropy(label, torch.sigmoid(logit)).numpy(),
            "from logit": cross_entropy_from_logits(label, logit).numpy(),
        }
    )
