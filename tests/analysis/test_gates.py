"""Layers step by step, gates and gradients, against the layers, autograd, and pencil and paper."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from lstm_report.analysis import gates, gradients
from lstm_report.analysis.gates import unroll
from lstm_report.config import GATES, KINDS, ModelConfig
from lstm_report.data.prepared import Batch
from lstm_report.errors import UserError
from lstm_report.models.cells import (
    gated_residual_lstm_step,
    lstm_step,
    residual_lstm_step,
    rnn_step,
)
from lstm_report.models.classifier import LAYERS, SentimentClassifier
from lstm_report.models.layers import cell_parameters

UNIT = st.floats(0, 1)


@pytest.mark.parametrize("kind", gradients.KINDS)
@pytest.mark.parametrize("input_size", [3, 4])
def test_gradient_is_the_norm_of_the_jacobian(kind: str, input_size: int) -> None:
    steps, hidden_size, seed = 5, 4, 11
    measured = gradients.gradient_by_distance(
        kind, steps=steps, input_size=input_size, hidden_size=hidden_size, seeds=[seed],
        forget_bias=0.5,
    )  # fmt: skip

    generator = torch.Generator().manual_seed(seed)
    parameters = gradients.initial_parameters(
        kind, input_size, hidden_size, generator, forget_bias=0.5
    )
    x = torch.randn(steps, input_size, generator=generator, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda inputs: gates.run_cell(kind, inputs.unbind(), parameters).hidden[-1], x
    )  # (H, T, I)
    expected = [float(jacobian[:, steps - 1 - k].norm()) for k in range(steps)]
    np.testing.assert_allclose(measured["norm"], expected, rtol=1e-12)
    assert list(measured["distance"]) == list(range(steps))
    assert set(measured["kind"]) == {kind}
    assert set(measured["seed"]) == {seed}


@pytest.mark.parametrize("kind", gradients.KINDS)
def test_the_last_hidden_state_of_a_cell_agrees_with_torch(kind: str) -> None:
    parameters = gradients.initial_parameters(kind, 3, 3, torch.Generator().manual_seed(0))
    x = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    h = gates.run_cell(kind, x.unbind(), parameters).hidden[-1]
    if kind == "reslstm":  # no such layer in torch: add x to what its LSTM cell returns
        lstm = torch.nn.LSTMCell(3, 3, dtype=torch.float64)
        _load(lstm, parameters)
        state = expected = torch.zeros(3, dtype=torch.float64)
        for word in x:
            m, state = lstm(word, (expected, state))
            expected = m + word
    else:
        layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[kind](3, 3, dtype=torch.float64)
        _load(layer, parameters, "_l0")
        expected = layer(x)[0][-1]
    torch.testing.assert_close(h, expected, rtol=0, atol=1e-14)


def _load(layer: torch.nn.Module, parameters: gates.CellParameters, suffix: str = "") -> None:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layer.load_state_dict({f"{name}{suffix}": getattr(parameters, name) for name in names})


def test_forget_bias_moves_the_forget_gate_alone() -> None:
    plain, raised = (
        gradients.initial_parameters(
            "lstm", 2, 3, torch.Generator().manual_seed(5), forget_bias=bias
        )
        for bias in (0.0, 4.0)
    )
    difference = (raised.bias_ih - plain.bias_ih).reshape(len(GATES), 3)
    assert difference.mean(1).tolist() == pytest.approx([0, 4, 0, 0])
    assert float(plain.weight_ih.abs().max()) <= 1 / math.sqrt(3)


def test_only_the_residual_cell_of_other_sizes_has_a_matrix_of_its_own() -> None:
    def matrix(kind: str, input_size: int) -> torch.Tensor | None:
        return gradients.initial_parameters(kind, input_size, 3, torch.Generator()).weight_res

    assert matrix("reslstm", 2) is not None and matrix("reslstm", 2).shape == (3, 2)
    assert matrix("reslstm", 3) is None
    assert matrix("lstm", 2) is None


def test_same_seed_same_gradient_and_another_seed_another() -> None:
    first, second, other = (
        gradients.gradient_by_distance("lstm", steps=3, input_size=2, hidden_size=2, seeds=seeds)
        for seeds in ([1], [1], [2])
    )
    pd.testing.assert_frame_equal(first, second)
    assert not np.allclose(first["norm"], other["norm"])


def test_decay_per_step_of_a_geometric_fall() -> None:
    frame = pd.DataFrame(
        [
            {"kind": kind, "seed": seed, "distance": k, "norm": factor**k * (1 + seed)}
            for kind, factor in (("rnn", 0.5), ("lstm", 0.9))
            for seed in range(3)
            for k in range(8)
        ]
    )
    assert gradients.decay_per_step(frame, 2, 6).to_dict() == pytest.approx(
        {"rnn": 0.5, "lstm": 0.9}
    )


@given(i=UNIT, f=UNIT, g=st.floats(-1, 1), o=UNIT, c=st.floats(-3, 3))
def test_gates_set_by_hand_are_the_gates_of_the_cell(
    i: float, f: float, g: float, o: float, c: float
) -> None:
    last = gates.follow_gates([{"i": i, "f": f, "g": g, "o": o}], c=c).iloc[-1]
    for name, value in {"i": i, "f": f, "g": g, "o": o}.items():
        assert last[name] == pytest.approx(value, abs=1e-12)
    assert last["c"] == pytest.approx(f * c + i * g, abs=1e-12)
    assert last["h"] == pytest.approx(o * math.tanh(f * c + i * g), abs=1e-12)


@given(f=UNIT, steps=st.integers(1, 6))
def test_a_constant_forget_gate_leaves_a_power_of_itself(f: float, steps: int) -> None:
    run = gates.follow_gates([{"i": 0, "f": f, "g": 0, "o": 1}] * steps, c=1.0)
    np.testing.assert_allclose(run["c"], [f**t for t in range(steps + 1)], atol=1e-12)


def test_hidden_state_of_the_lstm_alone_is_bounded() -> None:
    largest = gradients.largest_hidden_state(steps=12, size=8, seed=3)
    assert largest.groupby("kind")["largest"].max()["lstm"] < 1
    assert largest.groupby("kind")["largest"].max()["reslstm"] > 1
    assert sorted(set(largest["step"])) == list(range(1, 13))


@pytest.mark.parametrize("kind", ["lstm", "reslstm", "skiplstm", "gatedlstm"])
@pytest.mark.parametrize("layer", [0, 1])
def test_gate_trace_by_hand(kind: str, layer: int) -> None:
    torch.manual_seed(2)
    config = ModelConfig(kind=kind, embedding_size=3, hidden_size=2, num_layers=2)
    model = SentimentClassifier(9, config).double()
    tokens = [4, 7, 1]
    trace = gates.gate_trace(model, tokens, layer=layer)

    words = model.embedding.weight.detach().numpy()[tokens]
    for k in range(layer + 1):
        weights = {n: p.detach().numpy() for n, p in model.recurrent.named_parameters()}
        h, c, states, rows = np.zeros(2), np.zeros(2), [], []
        for x in words:
            z = weights[f"weight_ih_l{k}"] @ x + weights[f"weight_hh_l{k}"] @ h
            z = z + weights[f"bias_ih_l{k}"] + weights[f"bias_hh_l{k}"]
            i, f, o = (
                1 / (1 + np.exp(-z[part])) for part in (slice(0, 2), slice(2, 4), slice(6, 8))
            )
            g = np.tanh(z[4:6])
            c = f * c + i * g
            h = leaving = o * np.tanh(c)
            if kind != "lstm":
                shortcut = weights["weight_res_l0"] @ x if k == 0 else x
                leaving = h + (o * shortcut if kind == "gatedlstm" else shortcut)
            h = h if kind == "skiplstm" else leaving
            states.append(leaving)
            rows.append([np.abs(value).mean() for value in (i, f, g, o, c, leaving)])
        words = states
    np.testing.assert_allclose(trace[[*GATES, "c", "h"]], rows, atol=1e-12)
    assert list(trace["token"]) == tokens
    assert list(trace["position"]) == [0, 1, 2]


@pytest.mark.parametrize("kind", ["lstm", "reslstm", "skiplstm", "gatedlstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gate_trace_ends_where_the_classifier_reads(kind: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    config = ModelConfig(kind=kind, embedding_size=4, hidden_size=4, bidirectional=bidirectional)
    model = SentimentClassifier(9, config)
    tokens = torch.tensor([[3, 5, 8, 2]])
    states, _ = model.recurrent(model.embedding(tokens))
    expected = states[0].abs().mean(1).tolist()
    assert gates.gate_trace(model, tokens[0])["h"].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["lstm", "reslstm"])
@pytest.mark.parametrize("sizes", [(4, 4), (3, 4)])
def test_read_along_says_after_each_word_what_the_classifier_says_of_so_much(kind, sizes) -> None:
    torch.manual_seed(0)
    config = ModelConfig(kind=kind, embedding_size=sizes[0], hidden_size=sizes[1])
    model = SentimentClassifier(9, config).eval()
    tokens = [3, 5, 8, 2]
    read = gates.read_along(model, tokens)
    assert next(model.parameters()).dtype == torch.float32
    with torch.no_grad():
        heads = [torch.tensor([tokens[: k + 1]]) for k in range(len(tokens))]
        logits = [float(model(head, torch.tensor([head.shape[1]]))) for head in heads]
    np.testing.assert_allclose(read["logit"], logits, atol=1e-6)
    np.testing.assert_allclose(read["probability"], 1 / (1 + np.exp(-np.array(logits))), atol=1e-6)
    bias = model.classifier.bias.item()
    np.testing.assert_allclose(read["from m"] + read["from F"] + bias, read["logit"], atol=1e-12)
    words = model.embedding(torch.tensor(tokens))
    shortcut = torch.zeros(4, 4)
    if kind == "reslstm":
        shortcut = words if sizes[0] == sizes[1] else words @ model.recurrent.weight_res_l0.T
    np.testing.assert_allclose(read["F"], shortcut.abs().mean(1).detach(), atol=1e-6)
    np.testing.assert_allclose(
        read["from F"], (shortcut @ model.classifier.weight[0]).detach(), atol=1e-6
    )
    trace = gates.gate_trace(model, tokens)
    columns = ["position", "token", *GATES, "c", "h"]
    np.testing.assert_allclose(read[columns], trace[columns], atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"hidden_size": 0}, {"input_size": -1}, {"seeds": []}]
)
def test_bad_sizes_are_told_in_one_sentence(options: dict) -> None:
    with pytest.raises(UserError, match="Expected"):
        gradients.gradient_by_distance("lstm", **options)


def test_other_bad_input_is_told_in_one_sentence() -> None:
    with pytest.raises(UserError, match="rnn, lstm, reslstm"):
        gradients.gradient_by_distance("gru")
    with pytest.raises(UserError, match="got f = 1.5"):
        gates.follow_gates([{"i": 0, "f": 1.5, "g": 0, "o": 0}])
    model = SentimentClassifier(9, ModelConfig(embedding_size=4, hidden_size=4))
    with pytest.raises(UserError, match="at least one word"):
        gates.gate_trace(model, [])
    with pytest.raises(UserError, match="layer from 0 to 0, got 1"):
        gates.gate_trace(model, [3], layer=1)
    other = SentimentClassifier(9, ModelConfig(kind="rnn", embedding_size=4, hidden_size=4))
    with pytest.raises(UserError, match="got the kind rnn: trace one of lstm, reslstm"):
        gates.gate_trace(other, [3])


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
