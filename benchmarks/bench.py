"""Measure the goals of speed on this machine, print how far each is met, write build/bench.json.

Usage: make bench, or python benchmarks/bench.py [--only layers,start] [--repeats N]

Each comparison is made side by side in this process, see `timing.side_by_side`.
"""

import argparse
import functools
import operator
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import torch
from rich.console import Console
from rich.table import Table
from timing import REPEATS, Figure, ratio, side_by_side, spread
from torch import Tensor, nn

from lstm_report import config, corpus, data, memory, paths, prediction, provenance, runs, training
from lstm_report.layers import LSTM, ResLSTM
from lstm_report.readers import Reviews
from lstm_report.sources import Source, checksum

TARGET = paths.BUILD / "bench.json"
SHAPES = (  # B, T, I, H, layers
    (64, 256, 128, 256, 1),
    (64, 256, 256, 256, 1),
    (64, 256, 128, 256, 2),
    (16, 256, 128, 256, 1),
    (256, 256, 128, 256, 1),
)


HOLDS = {"at most": operator.le, "under": operator.lt, "at least": operator.ge}


class Row(NamedTuple):
    """One line of the table: what was measured, and the goal, a word of `HOLDS` and a bound."""

    what: str
    figure: Figure
    word: str
    bound: float
    seconds: dict[str, list[float]]

    @property
    def met(self) -> bool:
        """Whether the figure reaches the goal."""
        return bool(HOLDS[self.word](self.figure.median, self.bound))


class LoopResLSTM(nn.Module):
    """A residual LSTM as people write it: a loop over indexed steps of one cell."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.shortcut = nn.Linear(input_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Return the hidden states, (B, T, H), of inputs (B, T, I)."""
        h = c = x.new_zeros(len(x), self.cell.hidden_size)
        states = []
        for t in range(x.shape[1]):
            m, c = self.cell(x[:, t], (h, c))
            h = m + self.shortcut(x[:, t])
            states.append(h)
        return torch.stack(states, 1), None


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
                yield Row(f"ResLSTM / nn.LSTM, {what}", figure, "at most", 1.05, seconds)
        x = torch.randn(64, 256, 128, device=device, requires_grad=True)
        ways = {
            "loop": passes(LoopResLSTM(128, 256).to(device), x, False),
            "ResLSTM": passes(ResLSTM(128, 256, batch_first=True, device=device), x, False),
        }
        seconds = side_by_side(ways, min(repeats, 5))
        what = f"loop / ResLSTM, {device} float32, B 64, 128→256 ×1"
        figure = ratio(seconds["loop"], seconds["ResLSTM"])
        yield Row(what, figure, "at least", 10 if device == "cpu" else 20, seconds)


def seconds_of(*command: str) -> float:
    """Return how long a command takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def start(repeats: int) -> Iterator[Row]:
    """Time the start of the command line, and the package's import beyond torch's own."""
    program = str(Path(sys.executable).parent / "lstm-report")
    helps = [seconds_of(program, "--help") for _ in range(repeats)]
    yield Row("lstm-report --help, seconds", spread(helps), "under", 0.4, {"help": helps})
    codes = {
        "both": "import torch, lstm_report; lstm_report.ResLSTM",
        "torch": "import torch",
    }
    seconds = side_by_side(
        {
            name: functools.partial(seconds_of, sys.executable, "-c", code)
            for name, code in codes.items()
        },
        repeats,
    )
    extra = [a - b for a, b in zip(seconds["both"], seconds["torch"], strict=True)]
    yield Row("import lstm_report beyond torch, seconds", spread(extra), "under", 0.15, seconds)


def reviews(train: int, test: int) -> Source:
    """Return a source of reviews as long as those of IMDB, each of three of the built-in corpus."""
    parts = {}
    for split, count, seed in (("train", train, 11), ("test", test, 12)):
        short = corpus.write_reviews(count, seed=seed)
        texts = [" ".join(short.texts[k - place] for place in range(3)) for k in range(count)]
        parts[split] = Reviews(texts, short.labels)
    name = "built-in corpus"
    return Source(name, name, parts["train"], parts["test"], checksum(parts), False, True)


def encoding(repeats: int) -> Iterator[Row]:
    """Time tokenising and encoding 100,000 reviews, first and from the cache on disk."""
    source, settings = reviews(90_000, 10_000), config.DataConfig(max_length=256)
    former = paths.CACHE
    times: dict[str, list[float]] = {"first": [], "cached": []}
    try:
        for _ in range(min(repeats, 3)):
            with tempfile.TemporaryDirectory() as folder:
                paths.CACHE = Path(folder)
                for name in times:
                    begin = time.perf_counter()
                    data.prepare(source, settings)
                    times[name].append(time.perf_counter() - begin)
    finally:
        paths.CACHE = former
    for name, most in (("first", 12.0), ("cached", 0.5)):
        what = f"encoding 100,000 reviews, {name}, seconds"
        yield Row(what, spread(times[name]), "at most", most, times)


def predict(repeats: int) -> Iterator[Row]:
    """Compare judging texts together with judging them one by one."""
    source = reviews(600, 400)
    settings = config.profile("quick", data="built-in", epochs=0)
    with tempfile.TemporaryDirectory() as folder:
        run = training.fit(
            settings, data=data.prepare(source, settings.data), progress=False,
            directory=Path(folder),
        )  # fmt: skip
        model, tokenizer = run.load_model(), run.load_tokenizer()
        loaded = SimpleNamespace(
            config=run.config, load_model=lambda: model, load_tokenizer=lambda: tokenizer
        )
        texts = source.test.texts
        ways = {
            "one by one": lambda: [next(prediction.probabilities(loaded, [t])) for t in texts],
            "together": lambda: list(prediction.probabilities(loaded, texts)),
        }
        seconds = side_by_side(ways, min(repeats, 5))
    figure = ratio(seconds["one by one"], seconds["together"])
    yield Row("predict, one by one / together, 400 texts", figure, "at least", 3, seconds)


SECTIONS = {"start": start, "layers": layers, "encoding": encoding, "predict": predict}


def main() -> None:
    """Run the sections, print the table and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(SECTIONS):
        sys.exit(f"Expected sections from {', '.join(SECTIONS)}, got {', '.join(unknown)}.")
    if arguments.repeats < 5:
        sys.exit(f"Expected at least 5 repeats, got {arguments.repeats}.")
    memory.keep_freed()
    torch.manual_seed(0)
    console, rows = Console(), []
    table = Table("what", "figure", "interval", "goal", "met")
    for name in chosen:
        for row in SECTIONS[name](arguments.repeats):
            rows.append(row)
            median, low, high = (f"{value:.2f}" for value in row.figure)
            console.print(f"{row.what}: {median}")
            goal, met = f"{row.word} {row.bound:g}", "yes" if row.met else "no"
            table.add_row(row.what, median, f"{low} to {high}", goal, met)
    if not torch.cuda.is_available():
        console.print("There is no CUDA device here: its rows are not measured.")
    console.print(table)
    record = {
        "finished": provenance.now(),
        "commit": provenance.commit(),
        "hardware": provenance.processor(),
        "threads": torch.get_num_threads(),
        "versions": provenance.versions(),
        "rows": [{**row._asdict(), "figure": row.figure._asdict(), "met": row.met} for row in rows],
    }
    runs.write_json(TARGET, record)
    met = sum(row.met for row in rows)
    console.print(f"{met} of {len(rows)} goals are met; every repeat is in {TARGET}.")


if __name__ == "__main__":
    main()
