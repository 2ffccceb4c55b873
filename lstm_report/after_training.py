"""What a study measures on each run as soon as it is trained, where its weights are at hand."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lstm_report import data as reviews
from lstm_report import locality, runs
from lstm_report.data import PreparedData
from lstm_report.measurements import Found
from lstm_report.runs import Run

if TYPE_CHECKING:
    from lstm_report.sources import Source

FILE = "measured.json"
"""Beside the files of a run: measure, condition, value and count of each number."""
LAST_WORDS = (locality.INTACT, *((locality.LAST, str(words)) for words in (20, 50, 100, 200)))
"""What `last words` measures: the review as it is read, and cut to its last words."""

CONTRAST = tuple((f"accuracy, reviews {word} contrast", "") for word in ("with", "without"))
"""What `contrast` measures."""


def _depth(run: Run, data: PreparedData, *, only_top: bool = True) -> Found:
    """Gradients before and after training; the probe of words in the vectors and the top layer."""
    from lstm_report import depth_probes

    return depth_probes.measure(run, data, only_top=only_top)


def _last_words(run: Run, data: PreparedData) -> Found:
    """Accuracy of the trained model on the last words of the test reviews."""
    return dict(locality.with_weights(run, data.source.test, only=LAST_WORDS))


def _contrast(run: Run, data: PreparedData) -> Found:
    """Accuracy on the test reviews with and without a word of contrast."""
    table = run.predictions
    correct = ((table["logit"] > 0) == (table["label"] == 1)).to_numpy()
    measured = locality.Groups(data.source.test, run.config.data).measures(correct)
    return {key: entry for key, entry in measured.items() if key in CONTRAST}


MEASURES: Mapping[str, Callable[[Run, PreparedData], Found]] = {
    "depth": _depth,
    "depth, all layers": functools.partial(_depth, only_top=False),
    "last words": _last_words,
    "contrast": _contrast,
}


def keep(run: Run, data: PreparedData, measures: Sequence[str]) -> None:
    """Measure a run and leave the numbers in its folder.

    Args:
        run: a finished run.
        data: the reviews that it was trained on, prepared.
        measures: keys of `MEASURES`.
    """
    found: Found = {}
    for name in measures:
        found |= MEASURES[name](run, data)
    rows = [[*key, *entry] for key, entry in found.items()]
    runs.write_text(run.directory / FILE, json.dumps(rows))


def found(run: Run, source: "Source", measures: Sequence[str]) -> Found:
    """Return what was measured on a run, measured now where no worker has."""
    path = run.directory / FILE
    if not path.is_file():
        keep(run, reviews.prepare(source, run.config.data), measures)
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {(measure, condition): (value, count) for measure, condition, value, count in rows}
