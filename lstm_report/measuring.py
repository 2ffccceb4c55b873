"""Measure the runs of a recorded study, bit by bit: what was measured once is kept.

What rests on predictions alone is measured on every recorded run; what needs weights, on those
whose folders are still in `runs/`.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from scipy.special import expit

from lstm_report import (
    averaging,
    locality,
    memory,
    paths,
    progress,
    provenance,
    records,
    runs,
    stats,
)
from lstm_report import config as configuration
from lstm_report import measurements as measured
from lstm_report.config import DataConfig
from lstm_report.edits import Pairs
from lstm_report.errors import UserError
from lstm_report.locality import Entry, Key
from lstm_report.records import Records
from lstm_report.sources import Source

WHAT = ("loss", "locality", "edits", "averaged")
CALIBRATION: Key = ("calibration error", "")
"""What `loss` measures: that of a probability, see `lstm_report.stats`."""
SHOWN: dict[Key, str] = {
    CALIBRATION: "calibration error {:.3f}",
    (locality.SHUFFLED, "1"): "accuracy with all words shuffled {:.2%}",
    locality.CONSISTENCY: "both of a pair right {:.2%}",
    averaging.WEIGHT: "weight of the n-grams {:.2f}",
    averaging.ACCURACY: "accuracy averaged with them {:.2%}",
}
"""What the line of a run tells of it."""


def check(name: str, source: Source, whole: Source) -> None:
    """Refuse reviews other than those that a study was recorded with.

    Args:
        name: of the study.
        source: the reviews, without those that are to be left out.
        whole: the reviews with them.

    Raises:
        UserError: when they are others, or the runs were trained with what is left out.
    """
    kept = records.recorded(name)["checksum"]
    if (kept == source.checksum).all():
        return
    if (kept == whole.checksum).all():
        raise UserError(
            f"Expected runs that were trained without the reviews to be left out, got results/"
            f"{name}, which were trained with them: train with `lstm-report study NAME "
            "--exclude PATH`, or leave --edits and --exclude out."
        )
    raise UserError(
        f"Expected the reviews that results/{name} was recorded with (checksum "
        f"{kept.iloc[0][:12]}), got others ({source.checksum[:12]}): name the same with --data, "
        "and what they were trained without with --exclude."
    )


def measure(
    name: str,
    source: Source,
    *,
    what: Sequence[str],
    pairs: Pairs | None = None,
    limit: int = locality.LIMIT,
    log: Callable[[str], None] = print,
) -> None:
    """Measure every recorded run of a study, and add each number as soon as it is known.

    Args:
        name: of the study.
        source: the reviews that it was recorded with, see `check`.
        what: some of `WHAT`.
        pairs: counterfactual edits, where `what` names them.
        limit: test reviews that are read again for each condition of `locality`; a number that was
            measured on as many or more is kept.
        log: called with one line for each run, and one sentence about runs without weights.

    Raises:
        UserError: for unknown words, no records, or a damaged run folder.
        KeyboardInterrupt: after Ctrl-C; what is measured is kept.
    """
    for word in what:
        if word not in WHAT:
            raise configuration.unknown("measurement", word, WHAT)
    if "edits" in what and pairs is None:
        raise UserError(
            "Expected the folder of counterfactual edits, got none: name it with --edits."
        )
    if limit < 1:
        raise UserError(f"Expected a limit of at least 1 review, got {limit}: give a larger one.")
    kept, study = records.read(name), _Study(source, what, pairs, limit)
    memory.keep_freed()
    commit, without = provenance.commit(), []
    for place, (cell, seed, run_id) in enumerate(kept.runs[records.KEY].to_numpy()):
        started, found = time.perf_counter(), {}
        done = _done(name, run_id, study.least)
        with (
            closing(study.entries(kept, place, done)) as entries,
            progress.bar(entries, desc=f"{cell}, seed {seed}", unit="measurement") as bar,
        ):
            for key, value in bar:
                if key not in done:
                    measured.add(name, measured.of_run(cell, seed, run_id, {key: value}, commit))
                    found[key] = value[0]
        if study.lacks(run_id):
            without.append(f"{cell} seed {seed}")
        told = [SHOWN[key].format(value) for key, value in found.items() if key in SHOWN]
        seconds = f"{time.perf_counter() - started:.0f} s"
        text = "; ".join([f"{len(found)} measured in {seconds}", *told])
        log(f"{cell}, seed {seed}: {text if found else 'nothing left to measure'}")
    if without:
        log(
            f"No weights are at hand for {', '.join(without)}: put their folders back into "
            f"{paths.RUNS.name}/ to measure what needs them."
        )


def _done(name: str, run_id: str, least: Callable[[Key], int]) -> set[Key]:
    """Return what is measured of a run, on as many reviews as is wanted."""
    table = measured.read(name)
    rows = table.loc[table["run_id"] == run_id, ["measure", "condition", "count"]].to_numpy()
    return {(measure, part) for measure, part, count in rows if count >= least((measure, part))}


class _Study:
    """What is to be measured on each run of a study."""

    def __init__(
        self, source: Source, what: Sequence[str], pairs: Pairs | None, limit: int
    ) -> None:
        self.source, self.what, self.pairs = source, what, pairs
        self.limit = min(limit, len(source.test))
        self._groups: dict[DataConfig, locality.Groups] = {}
        self._n_grams = averaging.NGrams(source)

    def least(self, key: Key) -> int:
        """Return on how many reviews a number has to rest."""
        reads_again = key[0] in (locality.SHUFFLED, locality.FIRST, locality.LAST)
        return self.limit if reads_again or key[0].startswith("accuracy, residual") else 0

    def lacks(self, run_id: str) -> bool:
        """Return whether weights are wanted that are not at hand."""
        needed = not {"locality", "edits", "averaged"}.isdisjoint(self.what)
        return needed and not runs.is_finished(paths.RUNS / run_id)

    def entries(self, kept: Records, place: int, done: set[Key]) -> Generator[Entry, None, None]:
        """Yield what is to be measured on one run; some of it may be done."""
        row = kept.runs.iloc[place]
        if "loss" in self.what:
            probability = expit(kept.logits[place].astype(np.float64))
            error = stats.expected_calibration_error(probability, kept.labels)
            yield CALIBRATION, (error, len(probability))
        if "locality" in self.what:
            yield from self._of_groups(row, kept.correct[place])
        folder = paths.RUNS / row["run_id"]
        if self.lacks(row["run_id"]) or {*self.what} == {"loss"}:
            return
        run = runs.read_run(folder)
        if "locality" in self.what:
            yield from locality.with_weights(run, self.source.test, limit=self.limit, done=done)
        if "edits" in self.what and self.pairs is not None:
            yield from locality.with_edits(run, self.pairs, done=done)
        if "averaged" in self.what and averaging.ACCURACY not in done:
            yield from averaging.measures(run, self._n_grams)

    def _of_groups(self, row: Any, correct: np.ndarray) -> Iterator[Entry]:
        config = DataConfig(max_length=int(row["data.max_length"]), keep=row["data.keep"])
        if config not in self._groups:
            self._groups[config] = locality.Groups(self.source.test, config)
        yield from self._groups[config].measures(correct).items()
