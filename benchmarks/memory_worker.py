"""Do one task of `memory_use` and print the largest memory of this process, as JSON.

Usage: memory_worker.py train KIND, or long KIND, or predict ROWS
"""

import csv
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

import material
import numpy as np
import psutil

from lstm_report import config
from lstm_report.data.readers import Reviews
from lstm_report.data.sources import Source
from lstm_report.training import evaluate
from lstm_report.training import loop as training
from lstm_report.training import runs as runs


def largest_memory() -> float:
    """Return the largest resident memory that this process has had, in gigabytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # what getrusage gives begins with the memory of the process that forked
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def fit(source: Source, kind: str, folder: str, **changes: int) -> runs.Run:
    """Train one epoch in the setting of the source report."""
    settings = config.profile("source", model=kind, data="built-in", epochs=1)
    settings = dataclasses.replace(settings, data=dataclasses.replace(settings.data, **changes))
    data = material.prepared(source, settings.data)
    return training.fit(settings, data=data, progress=False, directory=Path(folder))


def long_documents(count: int) -> Source:
    """Return a source of twice as many documents of 10,000 tokens, half of them for the test."""
    source = material.reviews(count * 200, 1)
    words = " ".join(source.train.texts).split()
    texts = [" ".join(words[k * 10_000 : (k + 1) * 10_000]) for k in range(2 * count)]
    parts = [Reviews(texts[a : a + count], np.arange(count) % 2) for a in (0, count)]
    return dataclasses.replace(source, train=parts[0], test=parts[1])


def main(task: str, value: str) -> None:
    """Do the task."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if task == "train":
            fit(material.reviews(25_000, 25_000), value, folder)
        elif task == "long":
            source = long_documents(8)
            run = fit(source, value, folder, max_length=10_000)
            assert len(list(evaluate.probabilities(run, source.test.texts))) == 8
        else:
            # The file is what may grow: a small model reads it sooner.
            settings = config.profile("smoke", data="built-in", epochs=1)
            data = material.prepared(material.reviews(400, 100), settings.data)
            run = training.fit(settings, data=data, progress=False, directory=Path(folder))
            texts = material.reviews(5_000, 1).train.texts
            entry, target = Path(folder) / "in.csv", Path(folder) / "out.csv"
            with entry.open("w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(["text"])
                rows.writerows([texts[k % len(texts)]] for k in range(int(value)))
            assert evaluate.predict_file(run, entry, target) == int(value)
    seconds = time.perf_counter() - begin
    print(json.dumps({"memory": largest_memory(), "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
