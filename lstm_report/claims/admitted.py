"""The records as a rule may use them: what was made as stated, and what was left out and why."""

import contextlib
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lstm_report import provenance
from lstm_report.analysis import measurements
from lstm_report.data.sources import IMDB_CHECKSUM
from lstm_report.studies import catalogue, linear, records
from lstm_report.studies.records import Records
from lstm_report.studies.study import KEYS, Planned, value_of
from lstm_report.texts import missing

LOSS_NEARNESS = 1e-4
"""How far the loss of predictions may be from that in the row: they are kept in half precision,
which moves it by 1e-5 of it at most in what is recorded."""
LEFT_OUT = ["study", "cell", "seed", "run_id", "reason"]


@dataclass(frozen=True)
class Stated:
    """What the runs of a study have to be for a claim to rest on them; fixed beforehand."""

    seeds: int
    """The fewest seeds on which a verdict may rest."""
    checksum: str = IMDB_CHECKSUM
    """Of the reviews that it has to be made with; empty where it makes its own."""
    command: str = "lstm-report study"
    """What makes its runs, before its name."""
    measure: str = "lstm-report study"
    """What measures them, before its name; for `depth` and `memory` it is the same."""


WITHOUT_EDITED = "4bc31e06dbafddc6d4d1a036f2cb3ee15f826623b21e514649c3ceb0bc3e844f"
"""Checksum of IMDB without the training reviews whose edits `locality` judges."""

STATED = {
    "headline": Stated(seeds=10, measure="lstm-report measure"),
    "baselines": Stated(seeds=1, command="lstm-report"),
    "memory": Stated(seeds=5, checksum=""),
    "depth": Stated(seeds=5),
    "readout": Stated(seeds=5),
    "locality": Stated(seeds=5, checksum=WITHOUT_EDITED, measure="lstm-report measure"),
    "loss": Stated(seeds=5, measure="lstm-report measure"),
    "tuning": Stated(seeds=1),
    "strong": Stated(seeds=3, measure="lstm-report measure"),
    "top-tuning": Stated(seeds=1),
    "top": Stated(seeds=3, measure="lstm-report measure"),
    "level": Stated(seeds=3),
    **{name: Stated(values["seeds"]) for name, values in catalogue.REGISTERED.items()},
    catalogue.MEMORY: Stated(catalogue.MEMORY_SEEDS, checksum=""),
}
"""The studies of the report. The claims rest on the first four, the rest stands beside them."""


class Missing(Exception):
    """A rule lacks records.

    Args:
        what: the records, in words.
        command: what makes them, where one command does.
    """

    def __init__(self, what: str, command: str = "") -> None:
        super().__init__(what)
        self.what, self.command = what, command


def in_words(lacks: Iterable[Missing]) -> str:
    """Return what is lacking, with each command once."""
    by_command: dict[str, list[str]] = {}
    for lack in lacks:
        group = by_command.setdefault(lack.command, [])
        if lack.what not in group:
            group.append(lack.what)
    return "; ".join(
        f"{', '.join(group)} (run `{command}`)" if command else ", ".join(group)
        for command, group in by_command.items()
    )


@dataclass(frozen=True)
class Study:
    """The records of one study that count, and those that do not."""

    name: str
    records: Records | None
    """`None` when no run counts."""
    measured: pd.DataFrame
    """Rows as in `lstm_report.analysis.measurements`."""
    left_out: pd.DataFrame
    """One row for each run or measurement that does not count, with the columns of `LEFT_OUT`."""
    remarks: tuple[str, ...]
    """What a reader should know of the code that made them, in sentences."""

    @property
    def runs(self) -> pd.DataFrame:
        """The runs that count, as in `records`; an empty table when none does."""
        none = pd.DataFrame(columns=[*records.RUN_COLUMNS])
        return none if self.records is None else self.records.runs


def open_study(name: str) -> Study:
    """Return the records of one of the studies in `STATED`, checked run by run.

    A run counts when its reviews are those stated, its settings are those that
    `lstm_report.studies.study` plans for its cell and seed, its predictions give the accuracies and
    the loss in its row, and its records are as they were committed. A measurement counts when its
    run does.

    Raises:
        UserError: when a file is damaged.
    """
    stated, measured = STATED[name], measurements.read(name)
    edited = records.altered(name).assign(study=name)
    of_measurements = edited["file"] == "measurements.csv"
    measured, unsound = _sound(name, measured, edited[of_measurements])
    if not len(records.recorded(name)):
        if stated.checksum:
            orphans, measured = _without_run(name, measured, set())
            unsound = together(orphans, unsound)
        return Study(name, None, measured, unsound, _remarks(measured["commit"]))
    whole = records.read(name)
    plan = _plan(name, whole.runs["seed"].unique())
    registered = name.startswith(provenance.REGISTERED)
    edited = edited[~of_measurements].drop_duplicates("run_id")
    changed = edited.set_index("run_id")["reason"]
    doubled = whole.runs.duplicated(["cell", "seed"], keep=False)
    reasons = [
        _objection(row, results, stated, plan)
        or (registered and provenance.objection(str(row["commit"])))
        or _unplanned(row, plan, registered)
        or (twice and "recorded more than once")
        or _epochs_objection(row, whole.epochs[whole.epochs["run_id"] == row["run_id"]])
        or changed.get(row["run_id"], "")
        for (_, row), (_, results), twice in zip(
            whole.runs.iterrows(), _of_predictions(whole).iterrows(), doubled, strict=True
        )
    ]
    kept = np.array([not reason for reason in reasons])
    table = whole.runs.assign(study=name, reason=reasons).loc[~kept, LEFT_OUT]
    runs = whole.runs[kept].reset_index(drop=True)
    orphans, measured = _without_run(name, measured, set(runs["run_id"]))
    sound = dataclasses.replace(
        whole,
        runs=runs,
        logits=whole.logits[kept],
        epochs=whole.epochs[whole.epochs["run_id"].isin(runs["run_id"])],
    )
    commits = pd.concat([runs["commit"], measured["commit"]])
    removed = edited.loc[~edited["run_id"].isin(whole.runs["run_id"]), LEFT_OUT]
    left_out = together(table, removed, orphans, unsound)
    remarks = (*_remarks(commits), *_machines(runs["hardware"]))
    return Study(name, sound if kept.any() else None, measured, left_out, remarks)


def _plan(name: str, seeds: Iterable[int]) -> dict[tuple[str, int], Planned]:
    if name not in catalogue.STUDIES:
        return {}
    study = catalogue.STUDIES[name]
    studies = [study]
    if not name.startswith(provenance.REGISTERED):  # else no seed counts that was not registered
        studies = [dataclasses.replace(study, first_seed=int(seed), seeds=1) for seed in seeds]
    return {(run.cell, run.seed): run for one in studies for run in one.runs()}


def _unplanned(row: pd.Series, plan: dict[tuple[str, int], Planned], registered: bool) -> str:
    """Return why a run stands in no plan, or an empty text; linear models have none but cells."""
    if (row["cell"], row["seed"]) in plan if plan else row["cell"] in linear.CELLS:
        return ""
    return "was not registered" if registered else "has the name of no cell of the study"


def _of_predictions(found: Records) -> pd.DataFrame:
    """Return the columns of runs.csv that follow from the predictions, one row a run."""
    unseen = found.correct[:, ~found.in_train]
    signs = 2.0 * found.labels - 1
    return pd.DataFrame(
        {
            "test_accuracy": found.correct.mean(axis=1),
            "test_accuracy_unseen": unseen.mean(axis=1) if unseen.size else np.nan,
            "test_loss": np.logaddexp(0, -signs * found.logits).mean(axis=1),
            "test_reviews": len(signs),
        }
    )


def _objection(
    row: pd.Series, results: pd.Series, stated: Stated, plan: dict[tuple[str, int], Planned]
) -> str:
    """Return why a run does not count, or an empty text."""
    if stated.checksum and row["checksum"] != stated.checksum:
        return f"made with other reviews than those stated (checksum {str(row['checksum'])[:12]})"
    if (planned := plan.get((row["cell"], row["seed"]))) is not None:
        for key in KEYS:
            wanted = value_of(planned.config, key)
            if key in row and not _same(row[key], wanted):
                return f"made with {key} = {row[key]} instead of {wanted}"
    for name in map(str, results.index):
        near = LOSS_NEARNESS if name == "test_loss" else 0
        if name in row and not np.isclose(row[name], results[name], near, 1e-6, equal_nan=True):
            return f"its predictions do not give the {name} in its row"
    numbers = ("parameters", "train_seconds", "test_seconds")
    if unusable := [name for name in numbers if not 0 <= row[name] < np.inf]:
        return f"its {unusable[0]} is no number that can be"
    return ""


def _epochs_objection(row: pd.Series, epochs: pd.DataFrame) -> str:
    """Return why a run does not count by its epochs, or an empty text."""
    if "best_epoch" not in row or "model.kind" not in row:
        return ""
    if epochs[list(records.EPOCH_NUMBERS)].isna().any(axis=None):
        return "one of its epochs holds no number"
    if epochs["epoch"].duplicated().any():
        return "one of its epochs is recorded more than once"
    ranks = list(zip(-epochs["validation_accuracy"], epochs["validation_loss"], strict=True))
    chosen = [rank for rank, epoch in zip(ranks, epochs["epoch"], strict=True)
              if epoch == row["best_epoch"]]  # fmt: skip
    if not chosen or chosen[0] != min(ranks):
        return "its best epoch is not that of its epochs"
    return ""


def _sound(
    name: str, measured: pd.DataFrame, edited: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measurements that count, and a row for each run of those that do not."""
    values = pd.to_numeric(measured["value"], errors="coerce")
    reasons = pd.Series("", index=measured.index)
    if name == catalogue.MEMORY:
        planned = {run.config.run_id() for run in catalogue.MEMORY_STUDIES[name].runs()}
        reasons[~measured["run_id"].isin(planned)] = "no such run was registered"
    if name.startswith(provenance.REGISTERED):
        objections = measured["commit"].map(lambda commit: provenance.objection(str(commit)))
        reasons = reasons.where(reasons != "", objections)
    reasons[measured.duplicated(measurements.KEY, keep=False)] = "measured more than once"
    others = measured[["seed", "count"]].apply(pd.to_numeric, errors="coerce")
    reasons[~np.isfinite(values) | others.isna().any(axis=1)] = "a measurement of it is no number"
    named = measured.assign(study=name, reason=reasons).loc[reasons != "", LEFT_OUT]
    named = together(named, edited[LEFT_OUT]).drop_duplicates("run_id")
    return measured.assign(value=values)[~measured["run_id"].isin(named["run_id"])], named


def together(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all tables in one."""
    filled = [table for table in tables if len(table)] or [tables[0]]
    return pd.concat(filled, ignore_index=True)


def _same(recorded: object, planned: object) -> bool:
    if missing(recorded) or planned is None:
        return missing(recorded) and planned is None
    if isinstance(planned, int | float) and not isinstance(planned, bool):
        with contextlib.suppress(ValueError):
            return float(str(recorded)) == float(planned)
    return str(recorded) == str(planned)


def _without_run(
    name: str, measured: pd.DataFrame, runs: set[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measurements whose run does not count, one row a run, and the other ones."""
    known = measured["run_id"].isin(runs)
    orphans = measured[~known].drop_duplicates("run_id")
    reason = "measured on a run that is not recorded, or does not count"
    return orphans.assign(study=name, reason=reason)[LEFT_OUT], measured[known]


def _remarks(commits: Iterable[object]) -> tuple[str, ...]:
    """Return what the commits tell: whether the code was one, known, and committed."""
    names = [None if missing(commit) or not commit else str(commit) for commit in commits]
    known = sorted({name for name in names if name})
    found = []
    if len(known) > 1:
        found.append(f"Made with {len(known)} commits of the code: {', '.join(known)}.")
    if dirty := sum(name.endswith("-dirty") for name in names if name):
        found.append(f"{dirty} of {len(names)} rows come from code with uncommitted changes.")
    if unknown := names.count(None):
        found.append(f"The commit of {unknown} of {len(names)} rows is not known.")
    return tuple(found)


def _machines(hardware: pd.Series) -> tuple[str, ...]:
    """Return that runs were made on machines of several kinds, which round differently."""
    counts = hardware.dropna().value_counts().sort_index()
    if len(counts) < 2:
        return ()
    named = "; ".join(f"“{name}” ({count} runs)" for name, count in counts.items())
    return (f"Made on {len(counts)} kinds of machine, which round differently: {named}.",)


@dataclass
class Archive:
    """All studies, each opened once."""

    opened: dict[str, Study] = field(default_factory=dict)

    def study(self, name: str) -> Study:
        """Return a study of `STATED`."""
        if name not in self.opened:
            self.opened[name] = open_study(name)
        return self.opened[name]


@dataclass
class View:
    """What one rule looks at: it notes the runs that were used, and the seeds that are lacking."""

    archive: Archive
    used: set[tuple[str, str]] = field(default_factory=set)
    """Study and run id."""
    lacking: list[Missing] = field(default_factory=list)

    def records(self, study: str) -> Records:
        """Return the records of a study.

        Raises:
            Missing: when no run of it counts.
        """
        found = self.archive.study(study).records
        if found is None:
            raise Missing("no run", f"{STATED[study].command} {study}")
        return found

    def rows(self, study: str, cell: str) -> pd.DataFrame:
        """Return the runs of a cell that count, by seed; `row` is the row of their predictions.

        Raises:
            Missing: when there are none.
        """
        runs = self.archive.study(study).runs
        found = runs.assign(row=range(len(runs)))[runs["cell"] == cell]
        if found.empty:
            raise Missing(f"no run of “{cell}”", f"{STATED[study].command} {study}")
        return found.set_index("seed", drop=False).sort_index()

    def counted(self, study: str, cell: str) -> pd.DataFrame:
        """Return `rows`, noted as used, and note the seeds that they lack.

        Raises:
            Missing: when there are none, or one where several are demanded.
        """
        found = self.rows(study, cell)
        self._enough(len(found), study)
        self.used |= {(study, run_id) for run_id in found["run_id"]}
        return found

    def _enough(self, seeds: int, study: str) -> None:
        """Note what is lacking to the seeds that a study states; fewer than two are none."""
        stated = STATED[study]
        if seeds < stated.seeds:
            lack = Missing(
                f"only {seeds} of the {stated.seeds} seeds that the rule demands",
                f"{stated.command} {study}",
            )
            if seeds < 2:
                raise lack
            self.lacking.append(lack)

    def epochs(self, study: str, cell: str) -> pd.DataFrame:
        """Return the epochs of the runs of a cell, one row each; notes and raises as `counted`."""
        runs, epochs = self.counted(study, cell)["run_id"], self.records(study).epochs
        return epochs[epochs["run_id"].isin(runs)]

    def correct(self, study: str, cell: str) -> np.ndarray:
        """Return whether the runs of a cell judge each test review rightly, (S, N) of bool.

        A model in which nothing is random has one run, which stands twice: runs of it do not
        differ. It notes and raises as `counted`.
        """
        rows = self.counted(study, cell)["row"].to_numpy()
        return self.records(study).correct[rows if STATED[study].seeds > 1 else rows[[0, 0]]]

    def measured(self, study: str, cell: str, measure: str) -> pd.DataFrame:
        """Return what was measured on the runs of a cell: seeds by conditions, complete rows only.

        Raises:
            Missing: when nothing was, or for fewer than two seeds.
        """
        table = self.archive.study(study).measured
        rows = table[(table["cell"] == cell) & (table["measure"] == measure)]
        values = rows.pivot(index="seed", columns="condition", values="value").dropna()
        if values.empty:
            what = f"no “{measure}” of “{cell}” in results/{study}/measurements.csv"
            raise Missing(what, f"{STATED[study].measure} {study}")
        self.used |= {(study, run_id) for run_id in rows["run_id"]}
        self._enough(len(values), study)
        return values
