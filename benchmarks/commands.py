"""Sections `start`, `encoding` and `predict`: what a user of the command line waits for."""

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import material
from timing import Row, ratio, side_by_side, spread

from lstm_report import config
from lstm_report.data import prepared as data
from lstm_report.training import evaluate
from lstm_report.training import loop as training


def seconds_of(*command: str) -> float:
    """Return how long a command takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def start(repeats: int) -> Iterator[Row]:
    """Time the start of the command line, and the package's import beyond torch's own."""
    program = str(Path(sys.executable).parent / "lstm-report")
    helps = [seconds_of(program, "--help") for _ in range(repeats)]
    yield Row("lstm-report --help, seconds", spread(helps), {"help": helps}, "under", 0.4)
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
    yield Row("import lstm_report beyond torch, seconds", spread(extra), seconds, "under", 0.15)


def encoding(repeats: int) -> Iterator[Row]:
    """Time tokenising and encoding 100,000 reviews, first and from the cache on disk."""
    source, settings = material.reviews(90_000, 10_000), config.DataConfig(max_length=256)
    times: dict[str, list[float]] = {"first": [], "cached": []}
    for _ in range(min(repeats, 3)):
        with material.empty_cache():
            for name in times:
                begin = time.perf_counter()
                data.prepare(source, settings)
                times[name].append(time.perf_counter() - begin)
    for name, most in (("first", 12.0), ("cached", 0.5)):
        what = f"encoding 100,000 reviews, {name}, seconds"
        yield Row(what, spread(times[name]), times, "at most", most)


def predict(repeats: int) -> Iterator[Row]:
    """Compare judging texts together with judging them one by one."""
    source = material.reviews(600, 400)
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
            "one by one": lambda: [next(evaluate.probabilities(loaded, [t])) for t in texts],
            "together": lambda: list(evaluate.probabilities(loaded, texts)),
        }
        seconds = side_by_side(ways, min(repeats, 5))
    figure = ratio(seconds["one by one"], seconds["together"])
    yield Row("predict, one by one / together, 400 texts", figure, seconds, "at least", 3)
