"""Section `pipeline`: an epoch with its evaluation, beside the ways in which people write it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import material
import numpy as np
import peers
import torch
from timing import Row, ratio, side_by_side, spread

from lstm_report import config
from lstm_report.config import RunConfig
from lstm_report.data.prepared import PreparedData, Split
from lstm_report.studies import study
from lstm_report.training import loop as training
from lstm_report.training import runs as runs
from lstm_report.training.evaluate import choose_device, choose_precision

LENGTH, SIDE = 256, 4096
TRAIN, TEST = 1_500, 500
PART = {"packed": 12, "Keras": 3, "loop": 12}
"""Slow peers read this part of the reviews; all rates are real tokens a second.

Peers run as people write them. What `lstm_report.training.loop` sets for its process, freed memory
kept and denormals as zero, is given to two of them as well, in rows without a goal.
"""


def arithmetic(kind: str, inputs: int, hidden: int) -> int:
    """Return the floating-point operations of training per real token, in the matrix products.

    A product of an M by N matrix with a vector takes 2·M·N, and training three times as many as
    reading: 3·2·4H(I+H), and for the residual LSTM 3·2·HI more for W_res where I and H differ.
    """
    weights = 4 * hidden * (inputs + hidden)
    if kind == "reslstm" and inputs != hidden:
        weights += hidden * inputs
    return 3 * 2 * weights


def arrays(splits: list[Split], part: int) -> peers.Arrays:
    """Return the first reviews of the splits, 1/`part` of them, padded to `LENGTH` tokens."""
    rows = [split.row(k) for split in splits for k in range(len(split) // part)]
    labels = [split.reviews.labels[: len(split) // part] for split in splits]
    tokens = np.zeros((len(rows), LENGTH), np.int64)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = row
    lengths = np.array([len(row) for row in rows])
    return tokens, lengths, np.concatenate(labels).astype(np.float32)


class Ours:
    """`lstm_report.training.loop.fit`, all that it writes included, in a new folder each time."""

    def __init__(self, settings: RunConfig, data: PreparedData) -> None:
        self.settings, self.data = settings, data
        self.tokens = sum(int(s.lengths.sum()) for s in (data.train, data.validation, data.test))
        self.rates: list[float] = []

    def __call__(self) -> None:
        """Train one epoch, evaluate it, and note the tokens a second of training alone."""
        with tempfile.TemporaryDirectory() as folder:
            run: runs.Run = training.fit(
                self.settings, data=self.data, progress=False, directory=Path(folder)
            )
        self.rates.append(run.summary["tokens_per_second"])


def _settings(base: RunConfig, data: PreparedData) -> dict[str, Any]:
    """Return what the processes of the peers need to know."""
    return {
        "vocabulary": data.vocabulary_size, "embedding": base.model.embedding_size,
        "hidden": base.model.hidden_size, "dropout": base.model.dropout,
        "learning_rate": base.training.learning_rate, "clip": base.training.clip_norm,
        "batch": base.training.batch_size, "threads": torch.get_num_threads(),
    }  # fmt: skip


def products() -> dict[str, Callable[[], object]]:
    """Return a large square matrix product in each precision."""
    ways = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a, b = torch.randn(2, SIDE, SIDE).to(kind)
        ways[f"product {name}"] = lambda a=a, b=b: a @ b
    return ways


def pipeline(repeats: int) -> Iterator[Row]:
    """Compare whole epochs, and training with the machine's rate of matrix products."""
    rounds = min(repeats, 5)  # half a minute each
    base = config.profile("source", data="built-in", epochs=1)
    fraction = TEST / 2 / (TRAIN + TEST / 2)
    base = study.change(base, {"data.validation_fraction": fraction, "training.device": "cpu"})
    data = material.prepared(material.reviews(TRAIN + TEST // 2, TEST // 2), base.data)
    auto = choose_precision("auto", choose_device("cpu"))
    ours: dict[tuple[str, str], Ours] = {}
    for precision in dict.fromkeys((auto, "float32")):
        for kind in config.MODELS:
            changes = {"model.kind": kind, "training.precision": precision}
            ours[kind, precision] = Ours(study.change(base, changes), data)
    ways: dict[str, Callable[[], object]] = {
        f"{kind} {precision}": work for (kind, precision), work in ours.items()
    }
    tokens = {f"{kind} {precision}": work.tokens for (kind, precision), work in ours.items()}
    sizes = base.model.embedding_size, base.model.hidden_size
    # A loop as in the source has no second precision; packed sequences are given the quicker one.
    torch_peers: dict[str, dict[str, Any]] = {
        "loop LSTM": {"precision": "float32"},
        "loop ResLSTM": {"precision": "float32"},
        "packed": {"precision": auto},
        "loop LSTM tuned": {"precision": "float32", "tuned": True},
        "packed tuned": {"precision": auto, "tuned": True},
    }
    absent, others = peers.missing(), {}
    try:
        for name in [*torch_peers, *([] if absent else ["Keras"])]:
            part = PART[name.split()[0]]
            train, test = arrays([data.train], part), arrays([data.validation, data.test], part)
            values = _settings(base, data) | {
                "recurrent": name.removesuffix(" tuned"), "tuned": False
            } | torch_peers.get(name, {})  # fmt: skip
            worker = "keras" if name == "Keras" else "torch"
            others[name] = peers.Process(worker, values, train, test)
            tokens[name] = int(train[1].sum() + test[1].sum())
        seconds = side_by_side(ways | others | products(), rounds)
    finally:
        for peer in others.values():
            peer.close()
    # Seconds per million real tokens, so that ways with fewer reviews can be compared.
    cost = {name: [s / tokens[name] * 1e6 for s in seconds[name]] for name in tokens}
    for kind in config.MODELS:
        short = material.NAMES[kind]
        mine = cost[f"{kind} {auto}"]
        rates = spread([1e3 / value for value in mine])
        yield Row(f"epoch, {short} {auto}, thousand real tokens a second", rates, {short: mine})
        for name, title, bound in (
            (f"loop {short}", "source-style loop, float32", 10),
            ("packed", f"packed nn.LSTM, {auto}", 2),
            ("Keras", "Keras LSTM on JAX, float32", 2),
            ("loop LSTM tuned", "source-style loop with this project's process settings", None),
            ("packed tuned", "packed nn.LSTM with this project's process settings", None),
        ):
            if bound is None and kind == "reslstm":
                continue
            what = f"epoch, {title} / {short} {auto}"
            if name == "Keras" and absent:
                yield Row(what, None, {}, "at least", bound, note=absent)
                continue
            pair = {name: cost[name], short: mine}
            yield Row(what, ratio(cost[name], mine), pair, bound and "at least", bound)
    for (kind, precision), work in ours.items():
        operations = arithmetic(kind, *sizes)
        achieved = [rate * operations for rate in work.rates[1:]]
        possible = [2 * SIDE**3 / s for s in seconds[f"product {precision}"]]
        name = f"share of the rate of matrix products, {material.NAMES[kind]} {precision}"
        note = (
            f"{operations / 1e6:.3f} MFLOP per real token, products at "
            f"{np.median(possible) / 1e9:.0f} GFLOP/s"
        )
        pair = {"training": work.rates[1:], "product": seconds[f"product {precision}"]}
        yield Row(name, ratio(achieved, possible), pair, "at least", 0.6, note)
