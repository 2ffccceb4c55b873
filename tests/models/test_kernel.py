"""The compiled kernel against PyTorch's own, and what happens where it cannot be had."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_report.models import kernel
from lstm_report.models.cells import CellParameters
from lstm_report.models.layers import LSTM, ResLSTM
from lstm_report.models.recurrence import recurrence, usable
from lstm_report.paths import ROOT

needs_kernel = pytest.mark.skipif(
    not kernel.available(torch.float32), reason="no compiler or no AVX-512 here"
)
needs_bfloat16 = pytest.mark.skipif(
    not kernel.available(torch.bfloat16), reason="no compiler or no bfloat16 instructions here"
)
KINDS = [LSTM, ResLSTM]


def outcome(layer, x, hx, bfloat16=False):
    """Return states and all gradients of a loss that reads every output."""
    leaves = [x, *hx, *layer.parameters()]
    for leaf in leaves:
        leaf.grad = None
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        output, (h_n, c_n) = layer(x, hx)
    (output.float().sin().sum() + h_n.float().cos().sum() + c_n.float().square().sum()).backward()
    return [output.detach(), h_n.detach(), c_n.detach(), *(leaf.grad for leaf in leaves)]


def make(kind, inputs, hidden, batch, steps, **options):
    torch.manual_seed(batch * steps + inputs)
    layer = kind(inputs, hidden, **options)
    directions = layer.num_layers * (1 + layer.bidirectional)
    x = torch.randn(steps, batch, inputs, requires_grad=True)
    hx = tuple(torch.randn(directions, batch, hidden).requires_grad_() for _ in range(2))
    return layer, x, hx


@needs_kernel
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(
    sizes=st.sampled_from([(32, 32), (64, 128), (96, 96), (128, 64)]),
    batch=st.integers(1, 70),
    steps=st.integers(1, 7),
    threads=st.integers(1, 3),
    options=st.sampled_from([{}, {"bias": False}, {"num_layers": 2, "bidirectional": True}]),
)
def test_float32_equals_pytorch(kind, sizes, batch, steps, threads, options):
    layer, x, hx = make(kind, *sizes, batch, steps, **options)
    former = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert usable(x, CellParameters(layer.weight_ih_l0, layer.weight_hh_l0))
        ours = outcome(layer, x, hx)
    finally:
        torch.set_num_threads(former)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(kernel.SWITCH, "off")
        theirs = outcome(layer, x, hx)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=5e-6 * float(other.abs().max()))


@needs_bfloat16
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("batch", "steps"), [(1, 3), (40, 20)])
def test_bfloat16_is_as_near_to_float32_as_pytorch(kind, batch, steps, monkeypatch):
    layer, x, hx = make(kind, 64, 128, batch, steps, num_layers=2)
    ours = outcome(layer, x, hx, bfloat16=True)
    monkeypatch.setenv(kernel.SWITCH, "off")
    theirs, exact = outcome(layer, x, hx, bfloat16=True), outcome(layer, x, hx)
    for mine, other, truth in zip(ours, theirs, exact, strict=True):
        bound = max(1.5 * float((other.float() - truth).norm()), 2e-3 * float(truth.norm()))
        assert float((mine.float() - truth).norm()) <= bound
        assert float((mine.float() - truth).norm()) <= 0.01 * float(truth.norm())


@needs_kernel
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_when_no_gradient_is_asked_for(kind):
    layer, x, _ = make(kind, 64, 64, 9, 6)
    with torch.no_grad():  # first, so that no memory holds the right values already
        first = layer(x)
    with torch.inference_mode():
        second = layer(x)
    output, (h_n, c_n) = layer(x)
    for again, (h, c) in (first, second):
        assert torch.equal(output, again) and torch.equal(h_n, h) and torch.equal(c_n, c)


@needs_kernel
def test_each_sequence_is_independent_of_the_others():
    layer, x, _ = make(ResLSTM, 64, 64, 41, 6)
    together, _ = layer(x)
    for place in (0, 17, 40):
        alone, _ = layer(x[:, place : place + 1])
        torch.testing.assert_close(alone[:, 0], together[:, place], rtol=1e-5, atol=1e-6)


@needs_kernel
def test_not_a_number_stays_one_and_large_inputs_saturate():
    layer, x, _ = make(LSTM, 32, 32, 3, 4)
    with torch.no_grad():
        x[1, 0, 0], x[:, 1] = float("nan"), 1e30
        output, _ = layer(x)
    assert output[1:, 0].isnan().all() and output[0, 0].isfinite().all()
    assert output[:, 1].isfinite().all() and output[:, 2].isfinite().all()


@needs_kernel
def test_part_of_the_gradient():
    layer, x, _ = make(ResLSTM, 32, 64, 5, 4)
    output, _ = layer(x)
    whole = torch.autograd.grad(output.sum(), [x, layer.weight_hh_l0])
    frozen = layer(x.detach())[0]
    (alone,) = torch.autograd.grad(frozen.sum(), [layer.weight_hh_l0])
    assert torch.equal(whole[1], alone) and whole[0].abs().sum() > 0


@needs_kernel
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", ["sum", "mean", "frozen", "sine"])
@pytest.mark.parametrize("bfloat16", [False, pytest.param(True, marks=needs_bfloat16)])
def test_a_second_derivative_is_that_of_pytorch(kind, head, bfloat16, monkeypatch):
    """A penalty on the gradient, below heads whose gradient needs one itself, or does not."""
    layer, x, hx = make(kind, 32, 64, 3, 4)
    frozen = torch.randn(64)
    heads = {
        "sum": torch.sum,
        "mean": lambda output: 100 * output.mean(),
        "frozen": lambda output: (output @ frozen).sum(),
        "sine": lambda output: output.sin().sum(),
    }

    def penalty(bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            output = layer(x, hx)[0]
        score = heads[head](output.float())
        first = torch.autograd.grad(score, [x, layer.weight_hh_l0], create_graph=True)
        loss = sum(entry.square().sum() for entry in first)
        return torch.autograd.grad(loss, [x, *hx, *layer.parameters()])

    ours = penalty(bfloat16)
    monkeypatch.setenv(kernel.SWITCH, "off")
    for mine, other in zip(ours, penalty(False), strict=True):
        bound = (0.02 if bfloat16 else 1e-4) * float(other.norm())
        assert bound > 0 and float((mine - other).norm()) <= bound


@needs_kernel
def test_a_forked_process_makes_threads_of_its_own():
    torch.set_num_threads(2)
    layer, x, _ = make(LSTM, 32, 32, 8, 3)
    layer(x)
    child = os.fork()
    if child == 0:
        layer(x)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@needs_kernel
@pytest.mark.parametrize(
    "reason", ["sizes", "float64", "bfloat16 weights", "integers", "empty", "switched off"]
)
def test_the_rest_goes_to_pytorch(reason, monkeypatch):
    inputs, dtype = (24 if reason == "sizes" else 32), torch.float32
    if reason == "switched off":
        monkeypatch.setenv(kernel.SWITCH, "off")
    elif reason in ("float64", "bfloat16 weights"):
        dtype = torch.float64 if reason == "float64" else torch.bfloat16
    layer = ResLSTM(inputs, 32, dtype=dtype)
    x = torch.zeros(2, 0 if reason == "empty" else 3, inputs, dtype=dtype)
    if reason == "integers":
        x = x.long()
    assert not usable(x, CellParameters(layer.weight_ih_l0, layer.weight_hh_l0))


CHECK = """
import torch
from lstm_report import paths
from lstm_report.models import kernel, layers
paths.CACHE = paths.Path({cache!r})
kernel.SOURCE = paths.Path({source!r})
print(kernel.available(torch.float32), len(list(paths.CACHE.glob("kernel-*"))))
torch.manual_seed(0)
print(layers.ResLSTM(32, 32)(torch.ones(3, 2, 32))[0].sum().item())
"""


def elsewhere(cache, source=kernel.SOURCE, warned=False, **environment):
    """Return what a new process says of the kernel, and a sum that a layer gives there."""
    code = CHECK.format(cache=str(cache), source=str(source))
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    first, second = answer.stdout.splitlines()
    assert ("PyTorch's own is used" in answer.stderr) == warned, answer.stderr
    return first, float(second)


@needs_kernel
def test_it_is_built_once_and_does_without_a_compiler(tmp_path):
    built, expected = elsewhere(tmp_path / "cache")
    assert built == "True 1"
    broken = tmp_path / "broken.cpp"
    broken.write_text("int main( {")
    unlinked = tmp_path / "unlinked.cpp"
    unlinked.write_text('extern "C" void missing(); extern "C" int lstm_report_run() '
                        "{ missing(); return 0; }")  # fmt: skip
    refused = tmp_path / "file"
    refused.write_text("")
    for name, options in {
        "no compiler": {"CXX": str(tmp_path / "none")},
        "failing compiler": {"CXX": "false"},
        "broken source": {"source": broken},
        "missing symbol": {"source": unlinked},
    }.items():
        answer, value = elsewhere(tmp_path / name.replace(" ", "-"), **options)
        assert answer == "False 0", name
        assert value == pytest.approx(expected, rel=1e-5), name
    answer, value = elsewhere(refused / "cache")
    assert answer == "False 0" and value == pytest.approx(expected, rel=1e-5)


@needs_kernel
def test_a_damaged_file_is_built_again(tmp_path):
    """Loading a truncated library ends the process, so it must not come to that."""
    cache = tmp_path / "cache"
    _, expected = elsewhere(cache)
    (built,) = cache.glob(f"kernel-*/{kernel.BUILT}")
    whole = built.stat().st_size
    os.truncate(built, whole // 2)
    assert elsewhere(cache) == ("True 1", pytest.approx(expected, rel=1e-6))
    assert built.stat().st_size == whole


@needs_kernel
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("c_t = f * load(c) + i * g", "c_t = f * load(c) - i * g"),  # forward
        ("inner * g * i * (one - i)", "inner * g * (one - i)"),  # backward only
        ("P, I, identity, d.data()", "P, I, false, d.data()"),  # what the products are told
    ],
)
def test_a_kernel_that_computes_something_else_is_not_used(right, wrong, tmp_path):
    source = kernel.SOURCE.read_text()
    assert source.count(right) == 1
    (tmp_path / "kernel.cpp").write_text(source.replace(right, wrong))
    answer, value = elsewhere(tmp_path / "cache", tmp_path / "kernel.cpp", warned=True)
    assert answer == "False 1"
    torch.manual_seed(0)
    expected = ResLSTM(32, 32)(torch.ones(3, 2, 32))[0].sum().item()
    assert value == pytest.approx(expected, rel=1e-5)


FIRST_USE = """
import warnings; warnings.simplefilter("error")
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from lstm_report.models import kernel
from lstm_report.models.layers import ResLSTM
state = torch.random.get_rng_state()
with FakeTensorMode(), torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
    assert ResLSTM(32, 32, device="cpu")(torch.ones(3, 2, 32, device="cpu"))[0].shape == (3, 2, 32)
torch.vmap(torch.func.grad(lambda x: x.sum() * kernel.available(torch.float32)))(torch.ones(2))
assert kernel.available(torch.float32)
assert torch.equal(state, torch.random.get_rng_state())
"""


@needs_kernel
def test_the_first_use_may_be_within_any_mode():
    """The kernel is compared with its equations, and nobody's random numbers change by it."""
    found = subprocess.run([sys.executable, "-c", FIRST_USE], cwd=ROOT, capture_output=True)
    assert found.returncode == 0, found.stderr.decode()


@needs_kernel
def test_the_default_type_and_device_play_no_part():
    layer, x, hx = make(ResLSTM, 32, 64, 3, 4)
    expected = outcome(layer, x, hx)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            found = outcome(layer, x, hx)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(one, two) for one, two in zip(found, expected, strict=True))


def test_packing():
    weight = torch.arange(4 * 64, dtype=torch.float32).view(4, 64)
    packed = kernel.pack(weight, 32)
    assert packed.shape == (2, 4, 32) and torch.equal(packed[1, 2], weight[2, 32:])
    pairs = kernel.pack(weight.bfloat16(), 32).view(2, 2, 32, 2)
    assert torch.equal(pairs[1, 1, :, 0], weight[2, 32:].bfloat16())
    assert torch.equal(pairs[1, 1, :, 1], weight[3, 32:].bfloat16())


@needs_kernel
def test_a_kernel_that_fails_says_so(monkeypatch):
    layer, x, hx = make(LSTM, 32, 32, 2, 3)
    parameters = CellParameters(layer.weight_ih_l0, layer.weight_hh_l0)
    monkeypatch.setattr(kernel.library(), "lstm_report_run", lambda *arguments: 1)
    with pytest.raises(RuntimeError, match="LSTM_REPORT_KERNEL=off"):
        recurrence(x, hx[0][0], hx[1][0], parameters, residual=False)


def test_denormals_count_as_zero_only_for_a_while():
    small = torch.tensor(1e-39)
    with kernel.denormals_as_zero():
        assert (small * 0.5).item() == 0
    assert (small * 0.5).item() > 0


@needs_kernel
def test_the_kernel_leaves_the_processor_as_it_was():
    layer, x, _ = make(LSTM, 32, 32, 1, 3)
    layer(x)[0].sum().backward()
    assert (torch.tensor(1e-39) * 0.5).item() > 0
