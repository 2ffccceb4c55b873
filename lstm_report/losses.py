"""Binary cross-entropy, as the formula has it and in the form that the training uses."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor


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


def by_confidence(confidence: Sequence[float]) -> pd.DataFrame:
    """Return loss and gradient of a right and of a wrong judgement.

    Args:
        confidence: probabilities that the model gives to its own judgement, in [0.5, 1).

    Returns:
        Columns confidence; loss, right; loss, wrong; gradient, right; gradient, wrong. The
        gradient is |∂L/∂z| = |ŷ - y|.
    """
    p = np.asarray(confidence, dtype=float)
    return pd.DataFrame(
        {
            "confidence": p,
            "loss, right": -np.log(p),
            "loss, wrong": -np.log1p(-p),
            "gradient, right": 1 - p,
            "gradient, wrong": p,
        }
    )
