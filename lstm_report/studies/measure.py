"""What is measured on the runs of a study: as soon as each is trained, or afterwards, bit by bit.

`MEASURES` are taken by the worker, where the weights are at hand. What is asked for later, `WHAT`,
is measured once and kept: what rests on predictions alone on every recorded run, and what needs
weights on those whose folders are still in `runs/`.
"""

import functools
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing

import numpy as np
from scipy.special import expit

from lstm_report import paths, process, progress, provenance
from lstm_report.analysis import ensemble, measurements, perturbations
from lstm_report.analysis.measurements import Entry, Found, Key
from lstm_report.config import DataConfig, unknown
from lstm_report.data.counterfactual import Pairs
from lstm_report.data.prepared import PreparedData, prepare
from lstm_report.data.sources import Source
from lstm_report.errors import UserError
from lstm_report.statistics import intervals
from lstm_report.studies import records
from lstm_report.studies.records import Records
from lstm_report.training.runs import Run, is_finished, read_run

WHAT = ("loss", "locality", "edits", "averaged")
CALIBRATION: Key = ("calibration error", "")
"""What `loss` measures: that of a probability, see `lstm_report.statistics.intervals`."""
SHOWN: dict[Key, str] = {
    CALIBRATION: "calibration error {:.3f}",
    (perturbations.SHUFFLED, "1"): "accuracy with all words shuffled {:.2%}",
    perturbations.CONSISTENCY: "both of a pair right {:.2%}",
    ensemble.WEIGHT: "weight of the n-grams {:.2f}",
    ensemble.ACCURACY: "accuracy averaged with them {:.2%}",
}
"""What the line of a run tells of it."""
FILE = "measured.json"
"""Beside the files of a run: what its worker has measured."""
LAST_WORDS = (
    perturbations.INTACT,
    *((perturbations.LAST, str(words)) for words in (20, 50, 100, 200)),
)
"""What `last words` measures: the review as it is read, and cut to its last words."""
CONTRAST = tuple((f"accuracy, reviews {word} contrast", "") for word in ("with", "without"))
"""What `contrast` measures."""


def _depth(run: Run, data: PreparedData, *, only_top: bool = True) -> Found:
    """Gradients before and after training; the probe of words in the vectors and the top layer."""
    from lstm_report.analysis import gradients

    return gradients.measure(run, data, only_top=only_top)


def _last_words(run: Run, data: PreparedData) -> Found:
    """Accuracy of the trained model on the last words of the test reviews."""
    return dict(perturbations.with_weights(run, data.source.test, only=LAST_WORDS))


def _contrast(run: Run, data: PreparedData) -> Found:
    """Accuracy on the test reviews with and without a word of contrast."""
    table = run.predictions
    correct = ((table["logit"] > 0) == (table["label"] == 1)).to_numpy()
    measured = perturbations.Groups(data.source.test, run.config.data).measures(correct)
    return {key: entry for key, entry in measured.items() if key in CONTRAST}


MEASURES: Mapping[str, Callable[[Run, PreparedData], Found]] = {
    "depth": _depth,
    "depth, all layers": functools.partial(_depth, only_top=False),
    "last words": _last_words,
    "contrast": _contrast,
}


def keep(run: Run, data: PreparedData, measures: Sequence[str]) -> None:
    """Measure a run and leave the numbers in its folder."""
    found: Found = {}
    for name in measures:
        found |= MEASURES[name](run, data)
    measurements.write_found(run.directory / FILE, found)


def found(run: Run, source: Source, measures: Sequence[str]) -> Found:
    """Return what was measured on a run, measured now where no worker has."""
    path = run.directory / FILE
    if not path.is_file():
        keep(run, prepare(source, run.config.data), measures)
    return measurements.read_found(path)


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
    limit: int = perturbations.LIMIT,
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
            raise unknown("measurement", word, WHAT)
    if "edits" in what and pairs is None:
        raise UserError(
            "Expected the folder of counterfactual edits, got none: name it with --edits."
        )
    if limit < 1:
        raise UserError(f"Expected a limit of at least 1 review, got {limit}: give a larger one.")
    kept, study = records.read(name), _Study(source, what, pairs, limit)
    process.keep_freed()
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
                    made = measurements.of_run(cell, seed, run_id, {key: value}, commit)
                    measurements.add(name, made)
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
    table = measurements.read(name)
    rows = table.loc[table["run_id"] == run_id, ["measure", "condition", "count"]].to_numpy()
    return {(measure, part) for measure, part, count in rows if count >= least((measure, part))}


class _Study:
    """What is to be measured on each run of a study."""

    def __init__(
        self, source: Source, what: Sequence[str], pairs: Pairs | None, limit: int
    ) -> None:
        self.source, self.what, self.pairs = source, what, pairs
        self.limit = min(limit, len(source.test))
        self.reads_weights = bool({*what} - {"loss"})
        self._groups = functools.cache(functools.partial(perturbations.Groups, source.test))
        self._n_grams = ensemble.NGrams(source)

    def least(self, key: Key) -> int:
        """Return on how many reviews a number has to rest."""
        reads_again = key[0] in (perturbations.SHUFFLED, perturbations.FIRST, perturbations.LAST)
        return self.limit if reads_again or key[0].startswith("accuracy, residual") else 0

    def lacks(self, run_id: str) -> bool:
        """Return whether weights are wanted that are not at hand."""
        return self.reads_weights and not is_finished(paths.RUNS / run_id)

    def entries(self, kept: Records, place: int, done: set[Key]) -> Generator[Entry, None, None]:
        """Yield what is to be measured on one run; some of it may be done."""
        row = kept.runs.iloc[place]
        if "loss" in self.what:
            probability = expit(kept.logits[place].astype(np.float64))
            error = intervals.expected_calibration_error(probability, kept.labels)
            yield CALIBRATION, (error, len(probability))
        if "locality" in self.what:
            config = DataConfig(max_length=int(row["data.max_length"]), keep=row["data.keep"])
            yield from self._groups(config).measures(kept.correct[place]).items()
        if not self.reads_weights or self.lacks(row["run_id"]):
            return
        run = read_run(paths.RUNS / row["run_id"])
        if "locality" in self.what:
            yield from perturbations.with_weights(
                run, self.source.test, limit=self.limit, done=done
            )
        if "edits" in self.what and self.pairs is not None:
            yield from perturbations.with_edits(run, self.pairs, done=done)
        if "averaged" in self.what and ensemble.ACCURACY not in done:
            yield from ensemble.measures(run, self._n_grams)
