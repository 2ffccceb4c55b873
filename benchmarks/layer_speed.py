"""Section `layers`: the residual LSTM beside `torch.nn.LSTM` and beside a loop."""

from collections.abc import Callable, Iterator

import torch
from peers import Loop
from timing import Row, ratio, side_by_side
from torch import Tensor, nn

from lstm_report.models.layers import LSTM, ResLSTM

SHAPES = (  # B, T, I, H, layers
    (64, 256, 128, 256, 1),
    (64, 256, 256, 256, 1),
    (64, 256, 128, 256, 2),
    (16, 256, 128, 256, 1),
    (256, 256, 128, 256, 1),
)


def passes(module: nn.Module, x: Tensor, bfloat16: bool) -> Callable[[], None]:
    """Return a function that runs a module forward and backward over `x`."""

    def work() -> None:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bfloat16):
            output, _ = module(x)
        output.float().sum().backward()
        if x.is_cuda:  # the card works on after the call has returned
            torch.cuda.synchronize()

    return work


def layers(repeats: int) -> Iterator[Row]:
    """Compare the residual LSTM with `torch.nn.LSTM` and with a loop, forward and backward."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        for batch, steps, inputs, hidden, depth in SHAPES:
            for bfloat16 in (False, True):
                x = torch.randn(batch, steps, inputs, device=device, requires_grad=True)
                options = {"num_layers": depth, "batch_first": True, "device": device}
                ways = {
                    "ResLSTM": passes(ResLSTM(inputs, hidden, **options), x, bfloat16),
                    "LSTM": passes(LSTM(inputs, hidden, **options), x, bfloat16),
                    "nn.LSTM": passes(nn.LSTM(inputs, hidden, **options), x, bfloat16),
                }
                seconds = side_by_side(ways, repeats)
                name = "bfloat16" if bfloat16 else "float32"
                what = f"{device} {name}, B {batch}, {inputs}→{hidden} ×{depth}"
                figure = ratio(seconds["ResLSTM"], seconds["nn.LSTM"])
                yield Row(f"ResLSTM / nn.LSTM, {what}", figure, seconds, "at most", 1.05)
        x = torch.randn(64, 256, 128, device=device, requires_grad=True)
        ways = {
            "loop": passes(Loop(128, 256, residual=True).to(device), x, False),
            "ResLSTM": passes(ResLSTM(128, 256, batch_first=True, device=device), x, False),
        }
        seconds = side_by_side(ways, min(repeats, 5))
        what = f"loop / ResLSTM, {device} float32, B 64, 128→256 ×1"
        figure = ratio(seconds["loop"], seconds["ResLSTM"])
        yield Row(what, figure, seconds, "at least", 10 if device == "cpu" else 20)
