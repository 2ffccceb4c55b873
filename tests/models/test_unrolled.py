"""Layers run step by step against the layers themselves, and gradients against perturbed states."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lstm_report.analysis import gradients
from lstm_report.config import KINDS, ModelConfig
from lstm_report.data.prepared import Batch
from lstm_report.models.cells import (
    gated_residual_lstm_step,
    lstm_step,
    residual_lstm_step,
    rnn_step,
)
from lstm_report.models.classifier import LAYERS, SentimentClassifier
from lstm_report.models.layers import cell_parameters
from lstm_report.models.unrolled import unroll


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("inputs", "layers"), [(4, 1), (4, 3), (3, 2)])
def test_step_by_step_is_the_layer(kind, inputs, layers):
    torch.manual_seed(0)
    layer = LAYERS[kind](inputs, 4, layers).double()
    x = torch.randn(6, 3, inputs, dtype=torch.float64)
    output, state = layer(x)
    unrolled = unroll(layer, x)
    assert len(unrolled) == layers
    torch.testing.assert_close(torch.stack(unrolled[-1].output), output)
    last = torch.stack([entry.hidden[-1] for entry in unrolled])
    if kind == "rnn":
        torch.testing.assert_close(last, state)
        assert unrolled[0].steps == []
    else:
        torch.testing.assert_close(last, state[0])
        cells = torch.stack([entry.steps[-1].c for entry in unrolled])
        torch.testing.assert_close(cells, state[1])


def classifier(kind, layers, readout="last"):
    torch.manual_seed(1)
    config = ModelConfig(kind, embedding_size=3, hidden_size=3, num_layers=layers, readout=readout)
    return SentimentClassifier(9, config).eval()


def some_reviews():
    tokens = torch.tensor([[2, 3, 4, 5, 6], [7, 8, 2, 0, 0], [3, 0, 0, 0, 0]])
    labels = torch.tensor([1.0, 0.0, 1.0])
    return Batch(tokens, torch.tensor([5, 3, 1]), labels, torch.arange(3))


def loss_with(model, tokens, label, added):
    """The loss of one review, written out by the cells, with `added` on top of each h_t^l."""
    advance = {"lstm": lstm_step, "skiplstm": lstm_step, "reslstm": residual_lstm_step,
               "gatedlstm": gated_residual_lstm_step}  # fmt: skip
    inputs = [model.embedding.weight[token] for token in tokens]
    kind = model.config.kind
    for layer in range(model.config.num_layers):
        p = cell_parameters(model.recurrent, layer)
        h = c = torch.zeros(3, dtype=torch.float64)
        outputs = []
        for t, x in enumerate(inputs):
            if kind == "rnn":
                h = rnn_step(x, h, p)
            else:
                step = advance[kind](x, h, c, p)
                h, c = step.h, step.c
            h = h + added[layer, t]
            outputs.append(h + x if kind == "skiplstm" else h)
        inputs = outputs
    read = torch.stack(inputs).mean(0) if model.config.readout == "mean" else inputs[-1]
    logit = model.classifier(read)[0]
    return functional.binary_cross_entropy_with_logits(logit, label)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_gradients_are_those_of_a_change_of_the_state(kind, readout):
    model, batch, layers = classifier(kind, 2, readout), some_reviews(), 2
    found = gradients.gradients(model, batch)
    assert found.shape == (layers, 5, 3) and next(model.parameters()).dtype == torch.float32
    expected = np.full(found.shape, np.nan)
    model.double()
    for b, length in enumerate(batch.lengths.tolist()):
        added = torch.zeros(layers, length, 3, dtype=torch.float64, requires_grad=True)
        loss = loss_with(model, batch.tokens[b, :length], batch.labels[b].double(), added)
        (gradient,) = torch.autograd.grad(loss, added)
        for t in range(length):
            expected[:, length - 1 - t, b] = gradient[:, t].norm(dim=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    if readout == "last" and kind != "rnn":
        # Not the partial derivative that a kernel would give, which is zero below the last step.
        assert (found[-1, 1:3, 0] > 0).all()


def test_gradients_become_measurements_by_layer_and_distance(monkeypatch):
    model, batch = classifier("reslstm", 2), some_reviews()
    monkeypatch.setattr(gradients, "some", lambda split, count: batch)
    norms = gradients.gradients(model, batch).numpy()
    found = gradients.gradient_measures(model, None, "start")
    assert found["gradient norm, layer", "start/2"] == (pytest.approx(np.nanmean(norms[1])), 9)
    assert found["gradient norm, distance", "start/1/2"] == (
        pytest.approx(np.nanmean(norms[0, 2])), 2,
    )  # fmt: skip
    places = {condition for measure, condition in found if measure == "gradient norm, distance"}
    assert places == {f"start/{layer}/{k}" for layer in (1, 2) for k in (0, 1, 2)}
