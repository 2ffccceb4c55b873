"""The recorded models side by side: accuracy on IMDB's test reviews, for the report and README."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lstm_report import language, paths, texts
from lstm_report.claims import evidence, inventory, verdicts
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.claims.verdicts import NO_TEST, Verdict
from lstm_report.errors import UserError
from lstm_report.language import known
from lstm_report.notebook import answer
from lstm_report.statistics.intervals import Interval, proportion_interval
from lstm_report.statistics.unpaired import with_new_reviews
from lstm_report.studies.catalogue import HEADLINE

FURTHER = {
    "readout": "other read-outs",
    "strong": "tuned",
    "top": "with evidence",
    "baselines": "linear",
}
"""The studies beside the headline one whose models are meant to do well on all of IMDB, and what
sets them apart."""
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
    "lstm evidence": "LSTM, evidence of n-grams",
    "reslstm evidence": "residual LSTM, evidence of n-grams",
    "lstm self-trained": "LSTM, evidence of n-grams, unlabelled reviews",
    "reslstm self-trained": "residual LSTM, evidence of n-grams, unlabelled reviews",
    "bag of words": "logistic regression, counts of words",
    "tf-idf": "logistic regression, TF-IDF",
    "nb-weighted n-grams": "logistic regression, 1- to 3-grams weighted by naive Bayes",
}
BEGIN = "<!-- The {}, made by `lstm-report claims --readme README.md`; do not edit. -->"
END = "<!-- End of the {}. -->"
"""The lines between which a part of the README is made, by the name of the part."""


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
    setting = found.study.map(FURTHER).fillna("of the source")
    return found[["model"]].assign(
        setting=setting, **columns, seeds=found.seeds, parameters=found.parameters
    )


def block(archive: Archive, found: Sequence[Verdict]) -> str:
    """Return the results as Markdown: the table, the difference, and the verdict on each claim."""
    models = table(archive)
    if models.empty:
        return "Nothing is recorded yet."
    text = (
        for_reader(models)
        .drop(columns=["setting", "parameters"])
        .assign(study=models["study"])
        .astype(str)
    )
    numeric = [name not in ("model", "study") for name in text]
    parts = [
        _in_language([*map(str, text)], text.to_numpy().tolist(), numeric),
        known(_words(archive, models)),
    ]
    ledger = verdicts.table(verdicts.ledger(found))
    names = ["", "claim of the source", "verdict", "first round (exploratory)"]
    parts.append(_in_language(names, ledger.to_numpy().tolist(), [False] * len(names)))
    return "\n\n".join(parts)


def _in_language(heading: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    """Return a table as Markdown in the language that is chosen; names of studies stay."""
    rows = [
        [text if name == "study" else known(text) for name, text in zip(heading, row, strict=True)]
        for row in rows
    ]
    return texts.as_markdown([*map(known, heading)], rows, numeric)


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
        counts = sorted({len(view.counted(*cell)) for cell in cells})
        text = evidence.difference(view, "", *cells).text
        return f"{text}, {' and '.join(map(str, counts))} seeds of each"
    except Missing:
        return ""


def update(path: Path, archive: Archive, found: Sequence[Verdict]) -> bool:
    """Write answer and results between their marks in a Markdown file; return whether it changed.

    A file whose name ends as `README.zh.md` does gets them in that language.

    Raises:
        UserError: when the file cannot be read or has no such marks.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"Expected a Markdown file at {path}, but it cannot be read: name another."
        ) from error
    new = text
    for name, make in {"answer": answer.in_short, "results": block}.items():
        marks = BEGIN.format(name), END.format(name)
        before, begin, rest = new.partition(marks[0])
        _, end, after = rest.partition(marks[1])
        if not (begin and end):
            raise UserError(
                f"Expected the lines {marks[0]} and {marks[1]} in {path}: put them where it goes."
            )
        with language.spoken(language.of_file(path)):
            made = known(make(archive, found))
        new = f"{before}{begin}\n\n{made}\n\n{end}{after}"
    if new == text:
        return False
    paths.write_text(path, new)
    return True
