"""The operators that PyTorch sees, and the equations they run where there is no kernel."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lstm_report.models import cells, kernel
from lstm_report.models.cells import Layer
from lstm_report.models.recurrence import product_type, recurrence

F64 = torch.float64
FORWARD = torch.ops.lstm_report.recurrence.default
BACKWARD = torch.ops.lstm_report.recurrence_backward.default
RESIDUALS = [(2, 2, False), (2, 2, True), (3, 2, True)]  # none, the identity, W_res


def make(inputs, hidden, residual=True, dtype=F64, steps=3, batch=2):
    """Return a layer of random numbers that need gradients."""
    torch.manual_seed(0)

    def some(*shape):
        return (torch.randn(*shape, dtype=dtype) / 2).requires_grad_()

    rows = 4 * hidden
    weights = some(rows, inputs), some(rows, hidden), some(rows)
    first = some(steps, batch, inputs), some(batch, hidden), some(batch, hidden)
    shortcut = some(hidden, inputs) if residual and inputs != hidden else None
    return Layer(*first, *weights, shortcut)


def tensors(layer):
    return [tensor for tensor in layer if tensor is not None]


def outputs(residual, keep, dtype=F64):
    """Return the operator as a function of the tensors of a layer."""
    return lambda *given: FORWARD(*Layer(*given), residual, dtype, keep)[:2]


@pytest.mark.parametrize(("inputs", "hidden", "residual"), RESIDUALS)
@pytest.mark.parametrize("keep", [False, True])
def test_first_and_second_derivatives_agree_with_finite_differences(inputs, hidden, residual, keep):
    layer = make(inputs, hidden, residual)
    run = outputs(residual, keep)
    assert torch.autograd.gradcheck(run, tensors(layer))
    assert torch.autograd.gradgradcheck(run, tensors(layer))
    frozen = layer._replace(x=layer.x.detach(), weight_hh=layer.weight_hh.detach())
    assert torch.autograd.gradgradcheck(run, tensors(frozen))


@pytest.mark.parametrize(("inputs", "hidden", "residual"), RESIDUALS)
def test_the_equations_are_those_of_the_cells(inputs, hidden, residual):
    layer = make(inputs, hidden, residual)
    parameters = cells.CellParameters(*layer[3:6], weight_res=layer.weight_res)
    step, states, gates = cells.residual_lstm_step if residual else cells.lstm_step, [], []
    h, c = layer.h_0, layer.c_0
    for x_t in layer.x:
        result = step(x_t, h, c, parameters)
        h, c = result.h, result.c
        states.append(h)
        gates.append(torch.cat([getattr(result, name) for name in cells.GATES], -1))
    every, last, joined, _, kept = cells.forward(layer, residual, F64)
    torch.testing.assert_close(every, torch.stack(states), rtol=0, atol=1e-12)
    torch.testing.assert_close(last, c, rtol=0, atol=1e-12)
    torch.testing.assert_close(kept, torch.stack(gates), rtol=0, atol=1e-12)
    assert torch.equal(joined[..., :inputs], layer.x)
    expected = torch.autograd.grad(torch.stack(states).sin().sum() + c.sum(), tensors(layer))
    found = torch.autograd.grad(every.sin().sum() + last.sum(), tensors(layer))
    by_hand = cells.backward(
        every.cos(), torch.ones_like(last), layer, (joined, _, kept), residual, F64
    )
    for one, two, three in zip(expected, found, by_hand, strict=False):
        torch.testing.assert_close(two, one, rtol=0, atol=1e-12)
        torch.testing.assert_close(three, one, rtol=0, atol=1e-12)


CHECKS = [
    (3, 2, F64, F64),
    (32, 64, torch.float32, torch.float32),
    (64, 64, torch.float32, torch.bfloat16),
]


@pytest.mark.parametrize(("inputs", "hidden", "dtype", "products"), CHECKS)
@pytest.mark.parametrize("keep", [False, True])
def test_the_forward_operator_keeps_its_word(inputs, hidden, dtype, products, keep):
    torch.library.opcheck(FORWARD, (*make(inputs, hidden, dtype=dtype), True, products, keep))


@pytest.mark.parametrize(("inputs", "hidden", "dtype", "products"), CHECKS)
def test_the_backward_operator_keeps_its_word(inputs, hidden, dtype, products):
    layer, with_x = make(inputs, hidden, dtype=dtype, steps=2), inputs != 3
    if not with_x:
        layer = layer._replace(x=layer.x.detach())
    h, c_n, *kept = (tensor.detach() for tensor in FORWARD(*layer, True, products, True))
    given = h.sin().requires_grad_(), c_n.cos().requires_grad_()
    torch.library.opcheck(BACKWARD, (*given, *layer, *kept, True, products, with_x))


@pytest.mark.parametrize("switch", ["on", "off"])
def test_fakes_have_the_strides_of_what_is_computed(switch, monkeypatch):
    monkeypatch.setenv(kernel.SWITCH, switch)
    layer = make(32, 64, dtype=torch.float32)
    turned = layer._replace(x=layer.x.detach().transpose(0, 1).contiguous().transpose(0, 1))
    with FakeTensorMode() as mode:
        fake = FORWARD(*(mode.from_tensor(t) for t in turned), True, torch.bfloat16, True)
    real = FORWARD(*turned, True, torch.bfloat16, True)
    assert [(t.shape, t.stride(), t.dtype) for t in fake] == [
        (t.shape, t.stride(), t.dtype) for t in real
    ]


def test_a_gradient_that_nobody_announced_is_computed_all_the_same():
    layer = make(32, 64, dtype=torch.float32)
    found = []
    for keep in (False, True):
        h, c_n = outputs(True, keep, torch.float32)(*tensors(layer))
        found.append(torch.autograd.grad(h.sin().sum() + c_n.sum(), tensors(layer)))
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


@pytest.mark.parametrize("fake", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"h_0": torch.zeros(3, 32)}, r"h_0 of shape \(2, 32\), got \(3, 32\)"),
        ({"weight_ih": torch.zeros(128, 5)}, r"weight_ih of shape"),
        ({"bias": torch.zeros(128).long()}, "bias of a floating-point type, got torch.int64"),
        ({"weight_hh": torch.zeros(128, 32, device="meta")}, "weight_hh on the device of x, cpu"),
        ({"c_0": torch.zeros(2, 32, device="meta")}, "c_0 on the device of x, cpu, got meta"),
        ({"x": torch.zeros(0, 2, 32)}, "at least one step"),
        ({"x": torch.zeros(2, 32)}, r"x of shape \(T, B, I\)"),
        ({"x": torch.zeros(3, 2, 7), "weight_ih": torch.zeros(128, 7)}, "weight_res"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(fake, change, message):
    layer = Layer(
        *(torch.zeros(3, 2, 32), torch.zeros(2, 32), torch.zeros(2, 32)),
        *(torch.zeros(128, 32), torch.zeros(128, 32), torch.zeros(128)),
    )
    layer = layer._replace(**change)
    with pytest.raises(ValueError, match=message):
        if fake:
            with FakeTensorMode(allow_non_fake_inputs=True) as mode:
                FORWARD(
                    *(None if t is None else mode.from_tensor(t) for t in layer),
                    *(True, torch.float32, False),
                )
        else:
            FORWARD(*layer, True, torch.float32, False)


def test_products_of_integers_are_refused():
    with pytest.raises(ValueError, match="products of a floating-point type, got torch.int64"):
        FORWARD(*make(2, 2), True, torch.int64, False)


def test_without_biases_and_states_of_another_type():
    layer = make(32, 32, dtype=torch.float32)
    parameters = cells.CellParameters(layer.weight_ih, layer.weight_hh)
    states = layer.h_0.detach().double(), layer.c_0.detach().bfloat16().float()
    found, _ = recurrence(layer.x, *states, parameters, residual=True)
    expected, *_ = cells.forward(
        layer._replace(bias=torch.zeros(128), c_0=states[1]), True, torch.float32
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_only_states_have_gradients_and_the_gradient_asks_for_what_was_kept():
    layer = make(32, 64, dtype=torch.float32)
    h, c_n, *kept = FORWARD(*layer, True, torch.float32, True)
    assert h.requires_grad and c_n.requires_grad
    assert not any(tensor.requires_grad for tensor in kept)
    _, _, *nothing = FORWARD(*layer, True, torch.float32, False)
    with pytest.raises(ValueError, match=r"joined of shape \(3, 2, 96\), got \(0, 2, 96\)"):
        BACKWARD(h.detach(), c_n.detach(), *layer, *nothing, True, torch.float32, True)


def test_products_have_the_type_of_autocast_but_for_float64():
    single, double = torch.ones(1), torch.ones(1, dtype=torch.float64)
    assert [product_type(single), product_type(double)] == [torch.float32, torch.float64]
    with torch.autocast("cpu", torch.bfloat16):
        assert [product_type(single), product_type(double)] == [torch.bfloat16, torch.float64]
