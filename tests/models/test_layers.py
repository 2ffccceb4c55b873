"""The layers against independent oracles: torch.nn.LSTM, the cells, a plain NumPy loop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from lstm_report.models import cells, layers
from lstm_report.models.layers import LSTM, GatedResLSTM, ResLSTM, SkipLSTM, cell_parameters

F64 = torch.float64
TIGHT = {"rtol": 0, "atol": 1e-12}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def numpy_residual_lstm(x, h, c, weight_ih, weight_hh, bias, weight_res):
    """Residual LSTM over x (T, I) from the source's equations, one gate at a time."""
    size = len(h)
    gate = {name: slice(k * size, (k + 1) * size) for k, name in enumerate("ifgo")}
    states = []
    for x_t in x:
        z = {n: weight_ih[s] @ x_t + weight_hh[s] @ h + bias[s] for n, s in gate.items()}
        c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * np.tanh(z["g"])
        h = sigmoid(z["o"]) * np.tanh(c) + (x_t if weight_res is None else weight_res @ x_t)
        states.append(h)
    return np.array(states), h, c


def loop(layer, x, h, c, step, k=0, suffix=""):
    """One direction of one layer, over x (T, B, I), with the readable cell."""
    parameters = cell_parameters(layer, k, suffix)
    states = []
    for x_t in x.unbind(0):
        result = step(x_t, h, c, parameters)
        h, c = result.h, result.c
        states.append(h)
    return torch.stack(states), h, c


@pytest.mark.parametrize("sizes", [(5, 5), (3, 5)], ids=["identity", "W_res"])
def test_residual_lstm_equals_a_numpy_loop(sizes):
    torch.manual_seed(0)
    layer = ResLSTM(*sizes, dtype=F64)
    x, h, c = torch.randn(7, sizes[0], dtype=F64), *torch.randn(2, sizes[1], dtype=F64)
    output, (h_n, c_n) = layer(x, (h[None], c[None]))
    arrays = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    expected, last_h, last_c = numpy_residual_lstm(
        x.numpy(),
        h.numpy(),
        c.numpy(),
        arrays["weight_ih_l0"],
        arrays["weight_hh_l0"],
        arrays["bias_ih_l0"] + arrays["bias_hh_l0"],
        arrays.get("weight_res_l0"),
    )
    assert ("weight_res_l0" in arrays) == (sizes[0] != sizes[1])
    np.testing.assert_allclose(output.detach(), expected, **TIGHT)
    np.testing.assert_allclose(h_n[0].detach(), last_h, **TIGHT)
    np.testing.assert_allclose(c_n[0].detach(), last_c, **TIGHT)


@settings(max_examples=25, deadline=None)
@given(
    layer_count=st.integers(1, 3),
    bidirectional=st.booleans(),
    bias=st.booleans(),
    batch_first=st.booleans(),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    with_state=st.booleans(),
)
def test_lstm_equals_torch(layer_count, bidirectional, bias, batch_first, sizes, with_state):
    options = {
        "num_layers": layer_count,
        "bidirectional": bidirectional,
        "bias": bias,
        "batch_first": batch_first,
        "dtype": F64,
    }
    ours, theirs = LSTM(*sizes, **options), torch.nn.LSTM(*sizes, **options)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 6, sizes[0], dtype=F64)
    batch = 4 if batch_first else 6
    shape = (layer_count * (1 + bidirectional), batch, sizes[1])
    hx = tuple(torch.randn(2, *shape, dtype=F64)) if with_state else None
    results = []
    for layer in (ours, theirs):
        layer.zero_grad()
        entry = x.clone().requires_grad_()
        output, (h_n, c_n) = layer(entry, hx)
        (output.sin().sum() + h_n.cos().sum() + c_n.sum()).backward()
        gradients = [p.grad for _, p in sorted(layer.named_parameters())]
        results.append([output, h_n, c_n, entry.grad, *gradients])
    for mine, reference in zip(*results, strict=True):
        torch.testing.assert_close(mine, reference, **TIGHT)


@pytest.mark.parametrize("sizes", [(5, 5), (3, 5)], ids=["identity", "W_res"])
@pytest.mark.parametrize("layer_count", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("kind", "advance"),
    [
        (ResLSTM, cells.residual_lstm_step),
        (GatedResLSTM, cells.gated_residual_lstm_step),
    ],
)
def test_residual_lstm_equals_the_cells(sizes, layer_count, bidirectional, kind, advance):
    torch.manual_seed(1)
    layer = kind(*sizes, num_layers=layer_count, bidirectional=bidirectional, dtype=F64)
    directions = 1 + bidirectional
    x = torch.randn(6, 2, sizes[0], dtype=F64, requires_grad=True)
    h_0, c_0 = torch.randn(2, layer_count * directions, 2, sizes[1], dtype=F64)

    sequence, h_n, c_n = x, [], []
    for k in range(layer_count):
        outputs = []
        for direction, suffix in enumerate(("", "_reverse")[:directions]):
            index = k * directions + direction
            entry = sequence.flip(0) if direction else sequence
            out, h, c = loop(layer, entry, h_0[index], c_0[index], advance, k, suffix)
            outputs.append(out.flip(0) if direction else out)
            h_n.append(h)
            c_n.append(c)
        sequence = torch.cat(outputs, -1)
    expected = [sequence, torch.stack(h_n), torch.stack(c_n)]
    output, states = layer(x, (h_0, c_0))
    actual = [output, *states]
    inputs = [x, *layer.parameters()]
    for mine, reference in zip(actual, expected, strict=True):
        torch.testing.assert_close(mine, reference, **TIGHT)
        for one, two in zip(
            torch.autograd.grad(mine.sin().sum(), inputs, retain_graph=True, allow_unused=True),
            torch.autograd.grad(
                reference.sin().sum(), inputs, retain_graph=True, allow_unused=True
            ),
            strict=True,
        ):
            assert (one is None) == (two is None)
            if one is not None:
                torch.testing.assert_close(one, two, **TIGHT)


def test_gradients_agree_with_finite_differences():
    torch.manual_seed(2)
    layer = ResLSTM(2, 3, dtype=F64)
    x = torch.randn(4, 2, 2, dtype=F64, requires_grad=True)

    def run(x, *parameters):
        names = [name for name, _ in layer.named_parameters()]
        output, (h_n, c_n) = torch.func.functional_call(
            layer, dict(zip(names, parameters, strict=True)), (x,)
        )
        return output, h_n, c_n

    assert torch.autograd.gradcheck(run, (x, *layer.parameters()))


@pytest.mark.parametrize("kind", [LSTM, ResLSTM, SkipLSTM, GatedResLSTM])
@pytest.mark.parametrize("sorted_by_length", [True, False])
def test_packed_input_equals_each_sequence_alone(kind, sorted_by_length):
    torch.manual_seed(3)
    layer = kind(3, 4, num_layers=2, bidirectional=True, dtype=F64)
    lengths = [5, 3, 1] if sorted_by_length else [3, 1, 5]
    rows = [torch.randn(length, 3, dtype=F64) for length in lengths]
    h_0, c_0 = torch.randn(2, 4, 3, 4, dtype=F64)
    packed, (h_n, c_n) = layer(pack_sequence(rows, enforce_sorted=sorted_by_length), (h_0, c_0))
    padded, _ = pad_packed_sequence(packed)
    for place, row in enumerate(rows):
        output, (h, c) = layer(row, (h_0[:, place], c_0[:, place]))
        torch.testing.assert_close(padded[: len(row), place], output, **TIGHT)
        torch.testing.assert_close(h_n[:, place], h, **TIGHT)
        torch.testing.assert_close(c_n[:, place], c, **TIGHT)


def test_packed_lstm_equals_torch():
    theirs = torch.nn.LSTM(3, 4, 2, bidirectional=True, dtype=F64)
    ours = LSTM(3, 4, 2, bidirectional=True, dtype=F64)
    ours.load_state_dict(theirs.state_dict())
    packed = pack_sequence([torch.randn(n, 3, dtype=F64) for n in (2, 6, 4)], enforce_sorted=False)
    (a, (b, c)), (d, (e, f)) = ours(packed), theirs(packed)
    for mine, reference in ((a.data, d.data), (b, e), (c, f)):
        torch.testing.assert_close(mine, reference, **TIGHT)


def test_residual_switched_off_equals_lstm():
    torch.manual_seed(4)
    residual, plain = ResLSTM(3, 5, 2, dtype=F64), LSTM(3, 5, 2, dtype=F64)
    plain.load_state_dict(residual.state_dict(), strict=False)
    x = torch.randn(6, 2, 3, dtype=F64)
    assert not torch.allclose(residual(x)[0], plain(x)[0])
    one = ResLSTM(3, 5, dtype=F64)
    one.weight_res_l0.data.zero_()
    single = LSTM(3, 5, dtype=F64)
    single.load_state_dict(one.state_dict(), strict=False)
    torch.testing.assert_close(one(x)[0], single(x)[0], **TIGHT)


@pytest.mark.parametrize("sizes", [(5, 5), (3, 5), (32, 64)])
def test_the_shortcut_around_a_layer_stays_out_of_its_recurrence(sizes):
    torch.manual_seed(6)
    skip, plain = SkipLSTM(*sizes), LSTM(*sizes)
    plain.load_state_dict(skip.state_dict(), strict=False)
    x = torch.randn(6, 2, sizes[0])
    (output, states), (m, expected) = skip(x), plain(x)
    shortcut = cells.residual(x, cell_parameters(skip))
    torch.testing.assert_close(output, m + shortcut)
    assert all(torch.equal(one, two) for one, two in zip(states, expected, strict=True))
    first, middle = skip(x[:3])
    torch.testing.assert_close(torch.cat((first, skip(x[3:], middle)[0])), output)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 5))
def test_padding_never_changes_an_output_and_a_batch_equals_its_rows(batch, time, padding):
    layer = ResLSTM(3, 4, batch_first=True, dtype=F64)
    x = torch.randn(batch, time, 3, dtype=F64)
    noise = torch.randn(batch, padding, 3, dtype=F64)
    output, _ = layer(torch.cat((x, noise), 1))
    alone = torch.stack([layer(row)[0] for row in x])
    torch.testing.assert_close(output[:, :time], alone, **TIGHT)


def test_the_exact_form_holds_over_many_steps_in_float32():
    torch.manual_seed(5)
    layer = ResLSTM(8, 16)
    x = torch.randn(50, 4, 8)
    output, _ = layer(x)
    zeros = torch.zeros(4, 16)
    expected, _, _ = loop(layer, x, zeros, zeros, cells.residual_lstm_step)
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-5)


def test_gate_order_is_that_of_torch():
    layer = torch.nn.LSTM(2, 3, dtype=F64)
    size = layer.hidden_size
    for name, expected in {"i": 1.0, "f": 1.0, "o": 1.0, "g": 1.0}.items():
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.zero_()
            k = cells.GATES.index(name)
            layer.bias_ih_l0[k * size : (k + 1) * size] = 50.0
        x, zeros = torch.zeros(1, 2, dtype=F64), torch.zeros(1, size, dtype=F64)
        step = cells.lstm_step(x, zeros, zeros + 0.5, cell_parameters(layer))
        assert torch.allclose(getattr(step, name), torch.full_like(zeros, expected))
        others = [getattr(step, other) for other in "ifo" if other != name]
        assert all(torch.allclose(other, torch.full_like(zeros, 0.5)) for other in others)
        _, (h_n, c_n) = layer(x[None], (zeros[None], zeros[None] + 0.5))
        torch.testing.assert_close(step.c, c_n[0], **TIGHT)
        torch.testing.assert_close(step.h, h_n[0], **TIGHT)


def test_dropout_acts_between_layers_in_training_only():
    layer = ResLSTM(3, 4, num_layers=2, dropout=0.5)
    x = torch.randn(5, 2, 3)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    assert (layer(x)[0] != 0).all()  # the last layer's own output is never dropped
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ResLSTM(0, 3), "input_size"),
        (lambda: ResLSTM(3, 3, num_layers=0), "num_layers"),
        (lambda: ResLSTM(3, 3, dropout=1.5), "probability"),
        (lambda: ResLSTM(3, 3)(torch.zeros(2, 2, 4)), "3 features"),
        (lambda: ResLSTM(3, 3)(torch.zeros(3)), "2 or 3 dimensions"),
        (
            lambda: ResLSTM(3, 3)(torch.zeros(2, 2, 3), (torch.zeros(1, 2, 4),) * 2),
            r"h_0 of shape \(1, 2, 3\)",
        ),
    ],
)
def test_wrong_shapes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_parameter_names_are_those_of_torch_and_weight_res():
    names = set(ResLSTM(4, 4, 2, bidirectional=True).state_dict())
    torch_names = set(torch.nn.LSTM(4, 4, 2, bidirectional=True).state_dict())
    assert names - torch_names == {"weight_res_l1", "weight_res_l1_reverse"}
    assert torch_names <= names
    assert layers.ResLSTM(3, 4).weight_res_l0.shape == (4, 3)
