"""The recorded models side by side: accuracy on IMDB's test reviews, for the report and README."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_report import (
    averaging,
    inventory,
    ledger,
    paths,
    seeds,
    source_report,
    stats,
    tables,
)
from lstm_report.archive import Archive, Missing, View
from lstm_report.errors import UserError
from lstm_report.evidence import Estimate, compare
from lstm_report.ledger import Entry
from lstm_report.rules import LSTM, RESIDUAL
from lstm_report.stats import Interval

STUDIES = ("headline", "readout", "strong", "baselines")
"""The studies whose models are meant to do well on all of IMDB; the first in the source's setting,
the next two in settings of their own."""
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
        return stats.proportion_interval(int(correct.sum()), correct.size)
    return seeds.difference_over_seeds(correct, np.zeros_like(correct), draws=1000).interval


def table(archive: Archive) -> pd.DataFrame:
    """Return what each recorded cell reached on the test reviews, one row a cell.

    Returns:
        Columns study, cell, model (its name for a reader), source (the accuracy that the source
        states, None where it states none), accuracy, low and high (95% interval over seeds and
        reviews; fractions), seeds and parameters.
    """
    rows = []
    for name in STUDIES:
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
                    "source": source_report.ACCURACY.get(cell),
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
    stated = [ledger.NO_TEST if tables.missing(value) else f"{value:.2%}" for value in found.source]
    columns = {"source's report": stated, "measured here (95% interval)": in_words(found)}
    return found[["model"]].assign(**columns, seeds=found.seeds, parameters=found.parameters)


def block(archive: Archive, entries: list[Entry]) -> str:
    """Return the results as Markdown: the table, the difference, and the verdict on each claim."""
    found = table(archive)
    if found.empty:
        return "Nothing is recorded yet."
    text = for_reader(found).drop(columns="parameters").assign(study=found["study"]).astype(str)
    numeric = [name not in ("model", "study") for name in text]
    parts = [
        tables.as_markdown([*map(str, text)], text.to_numpy().tolist(), numeric),
        _words(archive, found),
    ]
    verdicts = [[f"{entry.claim.identity}: {entry.claim.name}", entry.verdict] for entry in entries]
    parts.append(tables.as_markdown(["claim of the source", "verdict"], verdicts, [False, False]))
    return "\n\n".join(parts)


def _words(archive: Archive, found: pd.DataFrame) -> str:
    """Return the difference of the two models, the hours and the hardware, in two sentences."""
    parts = []
    if difference := _difference(archive):
        text, count = difference
        parts.append(f"Residual minus plain LSTM: {text}, over {count} seeds.")
    made = archive.study(found["study"].iloc[0]).records
    assert made is not None  # it has rows in the table
    hardware = " and ".join(sorted(made.runs["hardware"].dropna().astype(str).unique()))
    parts.append(
        "Intervals cover seeds and test reviews. All recorded runs took "
        f"{inventory.hours(archive):.1f} hours of training and testing; the first study ran on "
        f"{hardware}."
    )
    return " ".join(parts)


def _difference(archive: Archive) -> tuple[str, int] | None:
    """Return residual minus plain LSTM in words, with its interval, and over how many seeds."""
    try:
        pair = compare(View(archive), RESIDUAL, LSTM)
    except Missing:
        return None
    return Estimate("", pair.interval, "points").text, len(pair.seeds)


def abstract(archive: Archive, entries: list[Entry]) -> list[str]:
    """Return what the report says of its evidence on the first page; nothing without records.

    First the two models, the best of all that is in `table` and the best average of a network with
    the linear model over n-grams, then how many claims have which verdict, then a line for each
    verdict that names its claims.
    """
    if not any(entry.figures for entry in entries):
        return []
    found = table(archive)
    reached = dict(zip(found["cell"], found["accuracy"], strict=True))
    lines = []
    if difference := _difference(archive):
        text, count = difference
        each = ", ".join(f"{NAMES[cell]} {reached[cell]:.2%}" for cell in ("lstm", "reslstm"))
        lines.append(
            f"In the source’s setting, {count} seeds of each on IMDB: {each}; residual minus plain "
            f"{text}, a 95% interval over seeds and reviews."
        )
        best = found.iloc[int(found["accuracy"].argmax())]
        lines.append(
            f"Best single model on the same test reviews: {best.model}, {best.accuracy:.2%}"
            f"{_best_average(archive)}."
        )
    verdicts = {
        outcome: [entry.claim for entry in entries if entry.verdict == outcome]
        for outcome in ledger.OUTCOMES
    }
    numbers = ", ".join(f"{len(claims)} {outcome}" for outcome, claims in verdicts.items())
    lines.append(
        f"Of the source’s {len(entries)} claims, judged on recorded runs by rules fixed before the "
        f"data: {numbers}."
    )
    for outcome, claims in verdicts.items():
        named = "; ".join(f"{claim.name} ({claim.identity})" for claim in claims)
        if named:
            lines.append(f"{outcome.capitalize()}: {named}.")
    return lines


def _best_average(archive: Archive) -> str:
    """Return which network of `strong` judges best with the n-grams, as the end of a sentence."""
    measure, condition = averaging.ACCURACY
    kept, reached = archive.study("strong").records, {}
    for cell in () if kept is None else dict.fromkeys(kept.runs["cell"]):
        with contextlib.suppress(Missing):
            reached[cell] = View(archive).measured("strong", cell, measure)[condition].mean()
    if not reached:
        return ""
    best = max(reached, key=lambda cell: reached[cell])
    return f"; best network averaged with n-grams: {NAMES.get(best, best)}, {reached[best]:.2%}"


def update(path: Path, archive: Archive, entries: list[Entry]) -> bool:
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
    new = f"{before}{BEGIN}\n\n{block(archive, entries)}\n\n{END}{after}"
    if new == text:
        return False
    with paths.atomic_write(path) as temporary:
        temporary.write_text(new, encoding="utf-8")
    return True
