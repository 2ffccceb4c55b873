"""Section `memory`: the largest memory of training and of prediction, each in its own process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import material
from timing import Row, spread

from lstm_report import config

WORKER = Path(__file__).with_name("memory_worker.py")
FEW, MANY = 5_000, 50_000


def measured(*task: str) -> dict[str, float]:
    """Return what the worker prints of a task: the largest memory in gigabytes, and seconds."""
    command = [sys.executable, str(WORKER), *task]
    environment = os.environ | {"TQDM_DISABLE": "1"}
    return json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
    )


def memory_use(repeats: int) -> Iterator[Row]:
    """Measure the largest memory of each task once, whatever the number of repeats."""
    for kind in config.MODELS:
        found = measured("train", kind)
        what = f"largest memory, an epoch of {material.NAMES[kind]} on 25,000 + 25,000 reviews, GB"
        seconds = {"whole process": [found["seconds"]]}
        yield Row(what, spread([found["memory"]]), seconds, "at most", 1.5)
    found = measured("long", "reslstm")
    what = "largest memory, training and judging 8 documents of 10,000 tokens, GB"
    yield Row(what, spread([found["memory"]]), {"whole process": [found["seconds"]]})
    sizes = {count: measured("predict", str(count)) for count in (FEW, MANY)}
    growth = sizes[MANY]["memory"] / sizes[FEW]["memory"]
    note = ", ".join(f"{count:,} rows: {found['memory']:.2f} GB" for count, found in sizes.items())
    seconds = {f"{count} rows": [found["seconds"]] for count, found in sizes.items()}
    what = f"largest memory of predict, {MANY:,} / {FEW:,} rows"
    yield Row(what, spread([growth]), seconds, "at most", 1.1, note)
