"""What the depth of a classifier does to gradients, and to the words that it has read.

Shapes: B batch, T time, H hidden size, L layers. Layers are numbered from 1, the one that reads the
word vectors; distances are time steps before the last real token of a review.
"""

import torch
from torch import Tensor
from torch.nn import functional

from lstm_report.config import RunConfig
from lstm_report.data import Batch, PreparedData, Split
from lstm_report.errors import UserError
from lstm_report.measurements import Found
from lstm_report.model import SentimentClassifier, read_out
from lstm_report.read_back import probe_measures, some, states
from lstm_report.runs import Run
from lstm_report.unrolled import gradient_norms, in_double

DISTANCES = (0, 1, 2, 5, 10, 20, 50)
"""Steps before the last real token at which gradients are measured."""
LAYER = "gradient norm, layer"
REVIEWS = 64
"""Reviews that gradients are averaged over."""


def initial_classifier(config: RunConfig, vocabulary_size: int) -> SentimentClassifier:
    """Return the classifier as `lstm_report.training.fit` starts with it, in evaluation mode.

    Args:
        config: of the run.
        vocabulary_size: of its reviews, see `lstm_report.data.PreparedData`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        return SentimentClassifier(vocabulary_size, config.model).eval()


def gradients(model: SentimentClassifier, batch: Batch) -> Tensor:
    """Return ‖∂L/∂h_t^l‖, the length of the gradient of each review's loss by each hidden state.

    It is the total derivative, over all paths from h_t^l to the loss: through later steps of layer
    l and through the layers above it. The layers run step by step (`lstm_report.unrolled`), since a
    kernel shows automatic differentiation no state between its steps. In float64, so that a
    gradient that has faded is told from zero.

    Args:
        model: the classifier; dropout plays no part.
        batch: B reviews.

    Returns:
        (L, T, B), the steps counted back from the last real token of each review, NaN before its
        first.
    """
    with in_double(model):
        _, layers = states(model, batch)
        last = torch.stack(layers[-1].output, dim=1)  # (B, T, H)
        logits = model.classifier(read_out(last, batch.lengths, model.config.readout)).squeeze(-1)
        loss = functional.binary_cross_entropy_with_logits(
            logits, batch.labels.double(), reduction="sum"
        )
        norms = torch.stack([gradient_norms(loss, layer.hidden) for layer in layers])
    steps = torch.arange(norms.shape[1]).unsqueeze(1)  # (T, 1)
    place = batch.lengths.unsqueeze(0) - 1 - steps  # (T, B)
    back = norms.gather(1, place.clamp(min=0).expand_as(norms))
    return back.masked_fill(place < 0, torch.nan)


def gradient_measures(model: SentimentClassifier, split: Split, when: str) -> Found:
    """Return mean gradients by layer, and by layer and distance.

    Args:
        model: the classifier.
        split: encoded reviews, of which `REVIEWS` are read.
        when: the first part of each condition, `start` or `trained`.

    Returns:
        `gradient norm, layer` at `WHEN/LAYER`, the mean over all real tokens and reviews of
        ‖∂L/∂h_t^l‖, and `gradient norm, distance` at `WHEN/LAYER/DISTANCE`, the mean over the
        reviews that are long enough.
    """
    batch = some(split, REVIEWS)
    found: Found = {}
    for layer, norms in enumerate(gradients(model, batch), start=1):
        real = norms[~norms.isnan()]
        found[LAYER, f"{when}/{layer}"] = float(real.mean()), len(real)
        for distance in (entry for entry in DISTANCES if entry < len(norms)):
            here = norms[distance][~norms[distance].isnan()]
            value = float(here.mean()), len(here)
            found["gradient norm, distance", f"{when}/{layer}/{distance}"] = value
    return found


def measure(run: Run, data: PreparedData, *, only_top: bool = False) -> Found:
    """Measure a finished run: gradients before and after training, and the probes after it.

    Args:
        run: the run.
        data: the reviews that it was trained on, prepared.
        only_top: see `lstm_report.read_back.probe_measures`.

    Raises:
        UserError: when the reviews are others.
    """
    model, vocabulary = run.load_model(), data.vocabulary_size
    if len(model.embedding.weight) != vocabulary:
        raise UserError(
            f"Expected the reviews that {run.directory.name} was trained on, got others with "
            f"{vocabulary} tokens: give the same with --data."
        )
    start = initial_classifier(run.config, vocabulary)
    found = gradient_measures(start, data.test, "start")
    found |= gradient_measures(model, data.test, "trained")
    return found | probe_measures(model, data, run.config.training.seed, only_top=only_top)
