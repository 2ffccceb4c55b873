"""The page of evidence on a claim, as chapter `06_evidence` shows it, from the records."""

import pandas as pd

from lstm_report import (
    claim_figures,
    comparison,
    further_figures,
    notebook,
    records,
    scoreboard,
    strong,
    strong_settings,
    style,
    tables,
)
from lstm_report.archive import STATED, Archive, Missing, View
from lstm_report.ledger import ALPHA, Entry
from lstm_report.tables import cell as shown
from lstm_report.texts import Markup

HOLDS = {True: "holds", False: "does not hold", None: "open"}


def show(entry: Entry, archive: Archive) -> None:
    """Display the page of one claim."""
    claim = entry.claim
    notebook.say(
        "*“{claim}”*\n\n**Experiment.** {experiment}\n\n**Rule.** {rule}",
        claim=Markup(claim.statement), experiment=Markup(claim.experiment), rule=Markup(claim.rule),
    )  # fmt: skip
    figure = claim_figures.draw(claim.identity, archive)
    if figure is not None:
        label = f"claim-{claim.identity.removeprefix('C')}"
        notebook.show_figure(figure.figure, label=label, caption=figure.caption, alt=figure.alt)
    notebook.say("{text}", text=Markup("\n".join(_lines(entry))))
    notebook.say(
        "**{verdict}**: {reason}.{p}",
        verdict=entry.verdict.capitalize(), reason=Markup(entry.reason), p=Markup(_p_value(entry)),
    )  # fmt: skip
    notebook.say("{text}", text=Markup(_runs(entry, archive)))
    label = f"beside-{claim.identity.removeprefix('C')}"
    for number, beside in enumerate(further_figures.draw(claim.identity, archive), start=1):
        if number == 1:
            notebook.say("Beside it, without a part in the verdict:")
        notebook.show_figure(
            beside.figure, label=f"{label}-{number}", caption=beside.caption, alt=beside.alt
        )


def _lines(entry: Entry) -> list[str]:
    """Return one line a part: its statement, whether it holds, and its figures."""
    lines = []
    for part in entry.parts:
        figures = "; ".join(f"{e.what}: {e.text}" for e in part.finding.estimates)
        found = figures or part.finding.reason or tables.NOT_MEASURED
        lines.append(f"- {part.statement}: **{HOLDS[part.finding.holds]}** ({found})")
    return lines


def _p_value(entry: Entry) -> str:
    if entry.adjusted is None or entry.p_value is None:
        return ""
    values = (shown(value, "{:.2g}") for value in (entry.p_value, entry.adjusted))
    return " p = {}, after Holm's correction {} (level {}).".format(*values, ALPHA)


def _runs(entry: Entry, archive: Archive) -> str:
    """Return which recorded runs a page rests on, in words."""
    counts = {name: sum(study == name for study, _ in entry.runs) for name in STATED}
    parts = []
    for name, count in counts.items():
        if count:
            kept = archive.study(name).records
            file = "measurements.csv" if kept is None else "runs.csv"
            parts.append(f"{count} in `results/{name}/{file}`")
    if not parts:
        return "Runs: none are recorded."
    return f"Runs: {', '.join(parts)}; `lstm-report claims --json FILE` names each."


def show_statistics(archive: Archive) -> None:
    """Display what the seeds say about the two models by every statistic, where there are two."""
    try:
        found = comparison.table(View(archive))
    except Missing:
        return
    notebook.show_table(
        found,
        label="statistics",
        caption="LSTM minus residual LSTM over the seeds of the headline study, by further "
        "statistics. The verdict rests on the first two rows.",
        written=["statistic", "meaning"],
    )


def show_strong() -> None:
    """Display what the study `strong` has found, or that it is not recorded."""
    if not len(records.recorded(strong_settings.NAME)):
        notebook.say("Not recorded yet: `lstm-report study strong` trains it.")
        return
    found = strong.results()
    columns = {
        "cell": found["cell"],
        "seeds": found["seeds"],
        "validation": found["validation"],
        "test (95% interval)": scoreboard.in_words(found),
        "goal": found["goal"],
        "reached": found["reached"].map({True: "yes", False: "no"}),
        "with n-grams": found["averaged"],
    }
    notebook.show_table(
        pd.DataFrame(columns),
        label="strong",
        caption="One recurrent layer a direction, in the settings that validation took for each "
        "kind of layer, and the goal for a single network. *With n-grams* is the average with the "
        "linear model, its weight chosen on validation.",
        formats=dict.fromkeys(("validation", "with n-grams", "goal"), "{:.2%}"),
    )


def show_trials() -> None:
    """Display what validation said of each trial of settings, or nothing where one is missing."""
    reached = strong.trials()
    if not reached.notna().all(axis=None):
        return
    best = strong.best_trials(reached)
    taken = [
        ", ".join(style.name_of(kind) for kind in best if trial in best[kind].values())
        for trial in reached.index
    ]
    named = reached.rename(columns=style.name_of).rename_axis("trial").reset_index()
    notebook.show_table(
        named.assign(**{"taken for": taken}),
        label="trials",
        caption="Validation accuracy of the best epoch in each trial of settings, one seed. The "
        "best of each kind of layer, without and with word vectors learnt from unlabelled reviews, "
        "go on to more seeds. " + _in_words(),
        formats={style.name_of(kind): "{:.2%}" for kind in reached.columns},
    )


def _in_words() -> str:
    """Return what the words in the names of the trials mean."""
    usual, more = strong_settings.SETTINGS, strong_settings.MORE_DROPOUT
    short = strong_settings.SHORT_STEPS
    parts = {
        "max, mean": "what is read of all states",
        "more dropout": f"{more['model.embedding_dropout']:.0%} of the coordinates and "
        f"{more['model.word_dropout']:.0%} of the words are dropped, "
        f"else {usual['model.embedding_dropout']:.0%} and none",
        "whole review": f"up to {strong_settings.WHOLE['data.max_length']:,} tokens, else "
        f"{usual['data.max_length']}",
        "longer": f"{strong_settings.LONGER['training.epochs']} epochs, else "
        f"{usual['training.epochs']}",
        "short steps": f"{short['training.learning_rate']:g}, else "
        f"{usual['training.learning_rate']:g}, and {short['training.epochs']} epochs",
    }
    return "; ".join(f"*{name}*: {meaning}" for name, meaning in parts.items()) + "."
