"""The recorded models side by side: accuracy on IMDB's test reviews, for the report and README.

And what the studies `tuning` and `strong` have found: what validation chose, and the goals.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_report import paths, texts
from lstm_report.analysis import ensemble, measurements
from lstm_report.claims import evidence, inventory, verdicts
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.claims.verdicts import NO_TEST, Verdict
from lstm_report.config import MODELS
from lstm_report.errors import UserError
from lstm_report.statistics.intervals import Interval, proportion_interval
from lstm_report.statistics.unpaired import with_new_reviews
from lstm_report.studies import records
from lstm_report.studies.catalogue import HEADLINE, NAME, TRIALS, TUNING, VECTORS

GOALS = {"none": 0.919, "in-domain": 0.93}
"""Test accuracy of a single network to be reached, by where its word vectors start from."""


def trials(name: str = TUNING) -> pd.DataFrame:
    """Return the validation accuracy of each kind of layer, one column each, in each trial.

    Args:
        name: of the records.

    Returns:
        One row for each of `lstm_report.studies.catalogue.TRIALS`, by its name and in their order;
        missing where nothing is recorded.

    Raises:
        UserError: when the records are damaged.
    """
    epochs = records.epochs(name)
    reached = epochs.groupby("cell")["validation_accuracy"].max().to_dict() if len(epochs) else {}
    rows = {
        trial: {kind: reached.get(f"{kind} {trial}", np.nan) for kind in MODELS} for trial in TRIALS
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(MODELS), dtype=float)


def best_trials(reached: pd.DataFrame) -> dict[str, dict[bool, str]]:
    """Return the best trial of each kind of layer, without (False) and with word vectors learnt.

    Args:
        reached: from `trials`, with none missing; of equal trials the first is taken.
    """
    learnt = np.array([{*VECTORS} <= {*TRIALS[trial]} for trial in reached.index])
    return {
        kind: {with_: str(reached.loc[learnt == with_, kind].idxmax()) for with_ in (False, True)}
        for kind in reached.columns
    }


def results(name: str = NAME) -> pd.DataFrame:
    """Return what each cell of the study reached, one row a cell.

    Args:
        name: of the records.

    Returns:
        Columns cell, kind, vectors, adversarial (ε), seeds, validation (mean accuracy of the
        selected epochs), accuracy, low, high (on test, with the 95% interval over seeds and
        reviews), averaged (mean test accuracy with the n-grams; missing where it was not measured),
        goal, reached (whether accuracy is at least the goal), seconds (mean of training).

    Raises:
        UserError: when nothing is recorded, or the records are damaged.
    """
    found = records.read(name)
    validation = found.epochs.groupby("run_id")["validation_accuracy"].max()
    measured = measurements.read(name)
    together = measured[measured["measure"] == ensemble.ACCURACY[0]].groupby("cell")["value"]
    averaged = together.mean()
    rows = []
    for cell in dict.fromkeys(found.runs["cell"]):
        of_cell = (found.runs["cell"] == cell).to_numpy()
        runs = found.runs[of_cell]
        first, interval = runs.iloc[0], accuracy(found.correct[of_cell])
        goal = GOALS[first["training.vectors"]]
        rows.append(
            {
                "cell": cell,
                "kind": first["model.kind"],
                "vectors": first["training.vectors"],
                "adversarial": first["training.adversarial"],
                "seeds": len(runs),
                "validation": validation[runs["run_id"]].mean(),
                "accuracy": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "averaged": averaged.get(cell, np.nan),
                "goal": goal,
                "reached": interval.estimate >= goal,
                "seconds": runs["train_seconds"].mean(),
            }
        )
    return pd.DataFrame(rows)


FURTHER = ("readout", "strong", "baselines")
"""The studies beside the headline one whose models are meant to do well on all of IMDB."""
NAMES = {
    "lstm": "LSTM",
    "reslstm": "residual LSTM",
    "lstm matched": "LSTM with as many parameters",
    "skiplstm": "LSTM with skip (residual without feedback)",
    "lstm mean": "LSTM, mean of all states",
    "reslstm mean": "residual LSTM, mean of all states",
    "lstm max": "LSTM, maximum of all states",
    "reslstm max": "residual LSTM, maximum of all states",
    "lstm tuned": "LSTM, tuned",
    "reslstm tuned": "residual LSTM, tuned",
    "lstm vectors": "LSTM, tuned, unlabelled reviews",
    "reslstm vectors": "residual LSTM, tuned, unlabelled reviews",
    "bag of words": "logistic regression, counts of words",
    "tf-idf": "logistic regression, TF-IDF",
    "nb-weighted n-grams": "logistic regression, 1- to 3-grams weighted by naive Bayes",
}
BEGIN = "<!-- Made by `lstm-report claims --readme README.md`; do not edit. -->"
END = "<!-- End of what is made. -->"


def accuracy(correct: np.ndarray) -> Interval:
    """Return the mean accuracy of runs with its 95% interval, over the seeds and the reviews.

    Args:
        correct: (S, N) of bool, whether run s judges review i rightly. With one run, the interval
            is Wilson's over the reviews.
    """
    if len(correct) == 1:
        return proportion_interval(int(correct.sum()), correct.size)
    return with_new_reviews(correct, np.zeros_like(correct)).interval


def table(archive: Archive) -> pd.DataFrame:
    """Return what each recorded cell reached on the test reviews, one row a cell.

    Returns:
        Columns study, cell, model (its name for a reader), source (the accuracy that the source
        states, None where it states none), accuracy, low and high (95% interval over seeds and
        reviews; fractions), seeds and parameters.
    """
    rows = []
    for name in (evidence.shown_study(View(archive), HEADLINE), *FURTHER):
        kept = archive.study(name).records
        if kept is None:
            continue
        for cell in dict.fromkeys(kept.runs["cell"]):
            chosen = (kept.runs["cell"] == cell).to_numpy()
            found = accuracy(kept.correct[chosen])
            rows.append(
                {
                    "study": name,
                    "cell": cell,
                    "model": NAMES.get(cell, cell),
                    "source": evidence.SOURCE_ACCURACY.get(cell),
                    "accuracy": found.estimate,
                    "low": found.low,
                    "high": found.high,
                    "seeds": int(chosen.sum()),
                    "parameters": int(kept.runs.loc[chosen, "parameters"].iloc[0]),
                }
            )
    columns = ["study", "cell", "model", "source", "accuracy", "low", "high", "seeds", "parameters"]
    return pd.DataFrame(rows, columns=columns)


def in_words(found: pd.DataFrame) -> list[str]:
    """Return accuracy with low and high of each row, as in `87.10% (86.40 to 87.81)`."""
    return [
        f"{mean:.2%} ({100 * low:.2f} to {100 * high:.2f})"
        for mean, low, high in found[["accuracy", "low", "high"]].to_numpy()
    ]


def for_reader(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `table` as a reader wants them, with the intervals in words."""
    stated = [NO_TEST if texts.missing(value) else f"{value:.2%}" for value in found.source]
    columns = {"source's report": stated, "measured here (95% interval)": in_words(found)}
    return found[["model"]].assign(**columns, seeds=found.seeds, parameters=found.parameters)


def block(archive: Archive, found: Sequence[Verdict]) -> str:
    """Return the results as Markdown: the table, the difference, and the verdict on each claim."""
    models = table(archive)
    if models.empty:
        return "Nothing is recorded yet."
    text = for_reader(models).drop(columns="parameters").assign(study=models["study"]).astype(str)
    numeric = [name not in ("model", "study") for name in text]
    parts = [
        texts.as_markdown([*map(str, text)], text.to_numpy().tolist(), numeric),
        _words(archive, models),
    ]
    ledger = verdicts.table(verdicts.ledger(found))
    names = ["", "claim of the source", "verdict", "first round (exploratory)"]
    parts.append(texts.as_markdown(names, ledger.to_numpy().tolist(), [False] * len(names)))
    return "\n\n".join(parts)


def _words(archive: Archive, models: pd.DataFrame) -> str:
    """Return the difference of the two models, the hours and the hardware, in two sentences."""
    parts = []
    if difference := _difference(archive):
        parts.append(f"Residual minus plain LSTM: {difference}.")
    made = archive.study(models["study"].iloc[0]).records
    assert made is not None  # it has rows in the table
    hardware = " and ".join(sorted(made.runs["hardware"].dropna().astype(str).unique()))
    parts.append(
        "Intervals cover seeds and new test reviews. All recorded runs took "
        f"{inventory.hours(archive):.1f} hours of training and testing; the first study ran on "
        f"{hardware}."
    )
    return " ".join(parts)


def _difference(archive: Archive) -> str:
    """Return residual minus plain LSTM in words, with its interval; nothing without records."""
    view = View(archive)
    study = evidence.shown_study(view, HEADLINE)
    cells = [(study, kind) for kind in ("reslstm", "lstm")]
    try:
        seeds = len(view.common([cells[0]]))
        return f"{evidence.difference(view, '', *cells).text}, {seeds} seeds of each"
    except Missing:
        return ""


def abstract(archive: Archive, found: Sequence[Verdict]) -> list[str]:
    """Return what the report says of its evidence on the first page; nothing without records.

    First the two models, the best of all that is in `table` and the best average of a network with
    the linear model over n-grams, then how many claims have which verdict, then a line for each
    verdict that names its claims.
    """
    models = table(archive)
    if models.empty:
        return []
    reached = dict(zip(models["cell"], models["accuracy"], strict=True))
    lines = []
    if difference := _difference(archive):
        each = ", ".join(f"{NAMES[cell]} {reached[cell]:.2%}" for cell in ("lstm", "reslstm"))
        lines.append(
            f"In the source’s setting on IMDB: {each}; residual minus plain {difference}, a 95% "
            "interval over seeds and new reviews."
        )
    best = models.iloc[int(models["accuracy"].argmax())]
    lines.append(
        f"Best single model on the same test reviews: {best.model}, {best.accuracy:.2%}"
        f"{_best_average(archive)}."
    )
    by_verdict: dict[str, list[str]] = {}
    entries = verdicts.ledger(found)
    for entry in entries:
        named = f"{entry.claim.name} ({entry.claim.identity})"
        by_verdict.setdefault(entry.outcome, []).append(named)
    numbers = ", ".join(f"{len(names)} {outcome}" for outcome, names in by_verdict.items())
    lines.append(
        f"Of the source’s {len(entries)} claims, judged by rules registered before the runs: "
        f"{numbers}."
    )
    for verdict, names in by_verdict.items():
        lines.append(f"{verdict.capitalize()}: {'; '.join(names)}.")
    return lines


def _best_average(archive: Archive) -> str:
    """Return which network of `strong` judges best with the n-grams, as the end of a sentence."""
    measure, condition = ensemble.ACCURACY
    kept, reached = archive.study("strong").records, {}
    for cell in () if kept is None else dict.fromkeys(kept.runs["cell"]):
        with contextlib.suppress(Missing):
            reached[cell] = View(archive).measured("strong", cell, measure)[condition].mean()
    if not reached:
        return ""
    best = max(reached, key=lambda cell: reached[cell])
    return f"; best network averaged with n-grams: {NAMES.get(best, best)}, {reached[best]:.2%}"


def update(path: Path, archive: Archive, found: Sequence[Verdict]) -> bool:
    """Write the results between the marks of a Markdown file; return whether it changed.

    Raises:
        UserError: when the file cannot be read or has no such marks.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"Expected a Markdown file at {path}, but it cannot be read: name another."
        ) from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"Expected the lines {BEGIN} and {END} in {path}: put them where it goes.")
    new = f"{before}{BEGIN}\n\n{block(archive, found)}\n\n{END}{after}"
    if new == text:
        return False
    with paths.atomic_write(path) as temporary:
        temporary.write_text(new, encoding="utf-8")
    return True
