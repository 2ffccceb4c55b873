"""One table: what can be done with `torch.nn.LSTM` can be done with both layers, kernel or not.

Each use returns tensors. They must be those of a layer that loops over the cells' equations, which
PyTorch differentiates, transforms and compiles by itself.
"""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jvp, vmap
from torch.nn.utils.rnn import pack_sequence
from torch.utils.checkpoint import checkpoint

from lstm_report.models import cells, kernel
from lstm_report.models.layers import LSTM, ResLSTM
from lstm_report.models.recurrence import last

STEPS, BATCH = 4, 3
SIZES = {"without a kernel": (20, 24), "with a kernel": (32, 64)}
FROZEN_HEAD = torch.linspace(-1, 1, STEPS * BATCH).view(STEPS, BATCH, 1)


def given(layer):
    return torch.randn(STEPS, BATCH, layer.input_size, generator=torch.Generator().manual_seed(1))


def states(layer):
    shape = 2, layer.num_layers, BATCH, layer.hidden_size
    return tuple(torch.randn(shape, generator=torch.Generator().manual_seed(2)))


def gradients(layer, output, *others):
    trained = [parameter for parameter in layer.parameters() if parameter.requires_grad]
    return torch.autograd.grad(output, [*others, *trained])


def first_derivative(layer):
    x = given(layer).requires_grad_()
    hx = tuple(state.requires_grad_() for state in states(layer))
    output, (h_n, c_n) = layer(x, hx)
    loss = output.sin().sum() + h_n.cos().sum() + c_n.square().sum()
    return [output, h_n, c_n, *gradients(layer, loss, x, *hx)]


def second_derivative(head):
    def use(layer):
        x = given(layer).requires_grad_()
        (first,) = torch.autograd.grad(head(layer(x)[0]), x, create_graph=True)
        return gradients(layer, 1e3 * first.square().sum(), x)

    return use


def third_derivative(layer):
    x = given(layer).requires_grad_()
    value = layer(x)[0].sin().sum()
    for _ in range(2):
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        value = first.square().sum()
    return gradients(layer, value)


def frozen(*names):
    def use(layer):
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_(not name.startswith(names))
        x = given(layer).requires_grad_()
        return gradients(layer, layer(x)[0].sin().sum(), x)

    return use


def frozen_input(layer):
    return gradients(layer, layer(given(layer))[0].sin().sum())


def without_gradients(layer):
    with torch.no_grad():
        first = layer(given(layer))[0]
    with torch.inference_mode():
        return [first, layer(given(layer))[0].clone()]


def packed(layer):
    x = given(layer)
    rows = [x[:length, row].clone().requires_grad_() for row, length in enumerate((2, 4, 3))]
    output, (h_n, c_n) = layer(pack_sequence(rows, enforce_sorted=False))
    first = torch.autograd.grad(output.data.mean(), rows, create_graph=True)
    penalty = 1e3 * sum(entry.square().sum() for entry in first)
    return [output.data, h_n, c_n, *gradients(layer, penalty)]


def empty(layer):
    output, (h_n, c_n) = layer(given(layer)[:, :0])
    return [output, h_n, c_n, *gradients(layer, output.sum())]


def without_a_batch(layer):
    output, (h_n, c_n) = layer(given(layer)[:, 0])
    return [output, h_n, c_n]


def copied(layer):
    return [
        copy.deepcopy(layer)(given(layer))[0],
        pickle.loads(pickle.dumps(layer))(given(layer))[0],
    ]


def called_functionally(layer):
    halved = {name: parameter / 2 for name, parameter in layer.named_parameters()}
    return gradients(layer, functional_call(layer, halved, (given(layer),))[0].sin().sum())


def per_sample(layer):
    held = {name: parameter.detach() for name, parameter in layer.named_parameters()}

    def loss(parameters, x):
        return functional_call(layer, parameters, (x.unsqueeze(1),))[0].sin().sum()

    return vmap(grad(loss), in_dims=(None, 1))(held, given(layer)).values()


def per_sample_inside(layer):
    held = {name: parameter.detach() for name, parameter in layer.named_parameters()}

    def loss(parameters):
        outputs = vmap(lambda x: functional_call(layer, parameters, (x,))[0], in_dims=1)
        return outputs(given(layer).unsqueeze(2)).sin().sum()

    return grad(loss)(held).values()


def transformed_twice(layer):
    def penalty(x):
        return grad(lambda x: layer(x)[0].mean())(x).square().sum()

    return [1e6 * grad(penalty)(given(layer))]


def curvature(layer):
    return [hessian(lambda x: layer(x)[0].sin().sum())(given(layer)[:2, :1])]


def forward_mode(layer):
    x = given(layer)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(layer(forward_ad.make_dual(x, x))[0])
    return [dual.tangent, *jvp(lambda x: layer(x)[0], (x,), (x,))]


def recomputed(layer):
    output = checkpoint(lambda x: layer(x)[0], given(layer), use_reentrant=False)
    return gradients(layer, output.sin().sum())


def sizes(*tensors):
    return [torch.tensor(list(map(int, tensor.shape))) for tensor in tensors]


def on_meta(layer):
    layer = copy.deepcopy(layer).to("meta")
    output, (h_n, c_n) = layer(given(layer).to("meta"))
    return sizes(output, h_n, c_n, *gradients(layer, output.sum()))


def fakes(layer):
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        output, (h_n, c_n) = layer(mode.from_tensor(given(layer)))
        found = output, h_n, c_n, *gradients(layer, output.sum())
    return sizes(*found)


def in_a_graph(call, layer, backend="aot_eager", **options):
    """Return the function compiled; but as it stands for the loop over the cells, the oracle."""
    torch._dynamo.reset()
    loops = type(layer).__name__ == "Loop"
    return call if loops else torch.compile(call, backend=backend, **options)


def compiled(backend, **options):
    def use(layer):
        output, (h_n, c_n) = in_a_graph(layer, layer, backend, **options)(given(layer))
        return [output, h_n, c_n, *gradients(layer, output.sin().sum())]

    return use


def compiled_second_derivative(layer):
    return second_derivative(torch.mean)(in_a_graph(layer, layer))


def second_derivative_of_a_disabled_layer(layer):
    aside = layer if type(layer).__name__ == "Loop" else torch.compiler.disable(layer)
    x = given(layer).requires_grad_()
    output = in_a_graph(lambda x: aside(x)[0], layer)(x)
    (first,) = torch.autograd.grad(output.mean(), x, create_graph=True)
    return gradients(layer, 1e3 * first.square().sum(), x)


def compiled_transform(layer):
    return in_a_graph(lambda layer: tuple(per_sample(layer)), layer)(layer)


def exported(strict):
    def use(layer):
        file = io.BytesIO()
        torch.export.save(torch.export.export(layer, (given(layer),), strict=strict), file)
        file.seek(0)
        program = torch.export.load(file)
        assert "ops.lstm_report" not in str(program.graph), "it needs this package to run"
        return [program.module()(given(layer))[0]]

    return use


def traced(layer):
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(layer, (given(layer),)), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    assert "lstm_report::" not in str(loaded.inlined_graph), "it needs this package to run"
    return [loaded(given(layer))[0]]


WORKS, SLOW = "", "slow"
# The use, and what torch.nn.LSTM says where it refuses; both layers refuse nothing but what
# `REFUSED` says. One combination is enough for what is SLOW.
TABLE = {
    "first derivative, with states": (first_derivative, WORKS),
    "second derivative, sum": (second_derivative(torch.sum), WORKS),
    "second derivative, mean": (second_derivative(torch.mean), WORKS),
    "second derivative, frozen head": (second_derivative(lambda h: (h * FROZEN_HEAD).sum()), WORKS),
    "second derivative, trained head": (second_derivative(lambda h: h.square().sum()), WORKS),
    "third derivative": (third_derivative, WORKS),
    "frozen W_h": (frozen("weight_hh"), WORKS),
    "frozen layer": (frozen("weight", "bias"), WORKS),
    "frozen input": (frozen_input, WORKS),
    "no_grad and inference_mode": (without_gradients, WORKS),
    "packed, first and second derivative": (packed, WORKS),
    "empty batch": (empty, WORKS),
    "no batch": (without_a_batch, WORKS),
    "deepcopy and pickle": (copied, WORKS),
    "functional_call": (called_functionally, WORKS),
    "vmap of grad": (per_sample, WORKS),
    "grad of vmap": (per_sample_inside, "Batching rule not implemented for aten::lstm"),
    "grad of grad": (transformed_twice, WORKS),
    "hessian": (curvature, "forward AD with mkldnn_rnn_layer"),
    "forward mode": (forward_mode, "forward AD with mkldnn_rnn_layer"),
    "checkpoint": (recomputed, WORKS),
    "meta tensors": (on_meta, WORKS),
    "fake tensors": (fakes, WORKS),
    "compile": (compiled("aot_eager"), WORKS),
    "compile, C++": (compiled("inductor"), WORKS, SLOW),
    "compile, one graph": (compiled("aot_eager", fullgraph=True), "Dynamo does not support", SLOW),
    "compile, second derivative": (compiled_second_derivative, WORKS, SLOW),
    "compile, second derivative, disabled": (second_derivative_of_a_disabled_layer, WORKS, SLOW),
    "compile, vmap of grad": (compiled_transform, WORKS, SLOW),
    "export": (exported(strict=False), WORKS),
    "export, strict": (exported(strict=True), WORKS, SLOW),
    "trace": (traced, WORKS),
}
REFUSED = {"compile, second derivative": "does not currently support double backward"}


def by_the_cells(layer):
    """Return a copy of the layer that loops over the equations of its cell."""
    kind = ResLSTM if isinstance(layer, ResLSTM) else LSTM

    def direction(self, given):
        step = cells.residual_lstm_step if self.residual else cells.lstm_step
        h, c, hidden, cell = given.h_0, given.c_0, [], []
        for x_t in given.x.unbind():
            result = step(x_t, h, c, given.parameters)
            h, c = result.h, result.c
            hidden.append(h)
            cell.append(c)
        output = torch.stack(hidden)
        return output, last(output, given.lengths), last(torch.stack(cell), given.lengths)

    copied = kind(layer.input_size, layer.hidden_size, layer.num_layers)
    copied.load_state_dict(layer.state_dict())
    copied.__class__ = Loop = type("Loop", (kind,), {"_direction": direction})
    globals()["Loop"] = Loop  # where pickle looks for it
    Loop.__module__ = __name__
    return copied


def combinations():
    for use, row in TABLE.items():
        for size in SIZES:
            for kind in (nn.LSTM, LSTM, ResLSTM):
                for switch in ("on", "off"):
                    fast = SLOW not in row or (size, switch) == ("with a kernel", "on")
                    if fast and (kind is not nn.LSTM or switch == "on"):
                        name = "nn.LSTM" if kind is nn.LSTM else f"{kind.__name__} {switch}"
                        yield pytest.param(use, size, kind, switch, id=f"{use}-{size}-{name}")


@pytest.mark.filterwarnings("ignore:.*batching rule:UserWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # which Dynamo looks at
@pytest.mark.filterwarnings("ignore:.*_flat_weights:UserWarning")  # exporting nn.LSTM
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize(("use", "size", "kind", "switch"), combinations())
def test_every_use(use, size, kind, switch, monkeypatch):
    monkeypatch.setenv(kernel.SWITCH, switch)
    torch.manual_seed(0)
    layer = kind(*SIZES[size], num_layers=2)
    run, theirs, *_ = TABLE[use]
    refusal = theirs if kind is nn.LSTM else REFUSED.get(use, WORKS)
    if refusal:
        with pytest.raises((RuntimeError, NotImplementedError), match=refusal):
            run(layer)
        return
    found, expected = list(run(layer)), list(run(by_the_cells(layer)))
    assert len(found) == len(expected) > 0
    for one, two in zip(found, expected, strict=True):
        if two.is_floating_point():
            scale = float(two.detach().abs().max()) if two.numel() else 1
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5 * scale)
        else:
            assert torch.equal(one, two)


@pytest.mark.parametrize("size", SIZES)
def test_a_compiled_graph_runs_where_the_kernel_is_switched_off_later(size, monkeypatch):
    layer = ResLSTM(*SIZES[size])
    torch._dynamo.reset()
    run = torch.compile(layer, backend="aot_eager", fullgraph=True)
    before = run(given(layer))[0]
    monkeypatch.setenv(kernel.SWITCH, "off")
    torch.testing.assert_close(run(given(layer))[0], before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_weights_go_to_pytorch_and_come_back(size):
    theirs, ours = nn.LSTM(*SIZES[size], 2), LSTM(*SIZES[size], 2)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(given(ours))[0], theirs(given(ours))[0])
    with torch.no_grad():
        ours.weight_hh_l1.mul_(2)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(given(ours))[0], theirs(given(ours))[0])
    residual = ResLSTM(*SIZES[size], 2)
    missing = residual.load_state_dict(theirs.state_dict(), strict=False).missing_keys
    assert missing == ["weight_res_l0"]


@pytest.mark.parametrize("kind", [LSTM, ResLSTM])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("switch", ["on", "off"])
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("weights", "weight_ih_l0 on cpu, where the input is, got meta"),
        ("one bias", "bias_hh_l0 on cpu, where the input is, got meta"),
        ("states", "h_0 on cpu, where the input is, got meta"),
        ("input", "h_0 on meta, where the input is, got cpu"),
        ("packed", "h_0 on meta, where the input is, got cpu"),
        ("type", "h_0 in torch.float64, as the input, got torch.float32"),
        ("state's type", "h_0 in torch.float32, as the input, got torch.float64"),
    ],
)
def test_another_device_or_type_is_refused_in_one_sentence(
    kind, size, switch, what, message, monkeypatch
):
    monkeypatch.setenv(kernel.SWITCH, switch)
    layer = kind(*SIZES[size], device="meta" if what == "weights" else None)
    if what == "one bias":
        layer.bias_hh_l0 = nn.Parameter(layer.bias_hh_l0.to("meta"))
    x, hx = given(layer), states(layer)
    where = {"states": "meta", "state's type": torch.float64}.get(what, torch.float32)
    hx = tuple(state.to(where) for state in hx)
    if what in ("input", "type"):
        x = x.to("meta" if what == "input" else torch.float64)
    if what == "packed":
        x = nn.utils.rnn.pack_padded_sequence(x, [4, 3, 2]).to("meta")
    with pytest.raises(ValueError, match=message):
        layer(x, hx)
    with pytest.raises(ValueError, match=message) as caught:
        layer(x, hx)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [LSTM, ResLSTM])
@pytest.mark.parametrize("bias", [False, True])
def test_what_else_a_user_of_nn_lstm_calls(kind, bias):
    options = {"num_layers": 2, "bias": bias, "bidirectional": True}
    ours, theirs = kind(4, 4, **options), nn.LSTM(4, 4, **options)
    assert ours.flatten_parameters() is None
    every = [[parameter.shape for parameter in cell] for cell in ours.all_weights]
    expected = [[parameter.shape for parameter in cell] for cell in theirs.all_weights]
    if kind is ResLSTM:
        expected = [cell + [(4, 8)] * (k >= 2) for k, cell in enumerate(expected)]
    assert every == expected
    assert ours.all_weights[3][1] is ours.weight_hh_l1_reverse
    with pytest.raises(ValueError, match="expected proj_size to be 0, got 2"):
        kind(4, 4, proj_size=2)
    assert kind(4, 4, 1, True, False, 0.0, False, 0).hidden_size == 4  # the order of nn.LSTM


@pytest.mark.parametrize("kind", [LSTM, ResLSTM])
def test_a_layer_that_torchscript_cannot_read_says_so_wherever_it_stands(kind):
    for module in (kind(4, 4), nn.Sequential(nn.Linear(4, 4), kind(4, 4))):
        with pytest.raises(TypeError, match=rf"got {kind.__name__}: use torch.export"):
            torch.jit.script(module)


@pytest.mark.parametrize("kind", [LSTM, ResLSTM])
def test_the_constructor_explains_its_arguments(kind):
    names = kind.__init__.__code__.co_varnames[1 : kind.__init__.__code__.co_argcount]
    assert all(f"\n            {name}: " in kind.__init__.__doc__ for name in names)
