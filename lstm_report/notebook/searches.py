"""What was found of settings that were looked for: the trials, what validation took, the goals."""

import numpy as np
import pandas as pd

from lstm_report.analysis import ensemble
from lstm_report.claims import evidence
from lstm_report.claims.accuracy import N_GRAMS
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.config import MODELS
from lstm_report.figures import style
from lstm_report.notebook import display, scoreboard
from lstm_report.studies import tuned
from lstm_report.studies.records import Records
from lstm_report.studies.tuned import Search

TICK = "\N{CHECK MARK}"


def trials(search: Search, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the validation accuracy of each kind of layer, one column each, in each trial.

    Args:
        search: what was looked for.
        epochs: of its trials, see `lstm_report.studies.records.Records`.

    Returns:
        One row for each trial, by its name and in their order; missing where nothing is recorded.
    """
    reached = epochs.groupby("cell")["validation_accuracy"].max().to_dict() if len(epochs) else {}
    rows = {
        trial: {kind: reached.get(f"{kind} {trial}", np.nan) for kind in MODELS}
        for trial in search.trials
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(MODELS), dtype=float)


def best_trials(search: Search, reached: pd.DataFrame) -> dict[str, dict[bool, str]]:
    """Return the best trial of each kind of layer, without (False) and with unlabelled reviews.

    Args:
        search: what was looked for.
        reached: from `trials`, with none missing; of equal trials the first is taken.
    """
    learnt = np.array([search.reads_unlabelled(trial) for trial in reached.index])
    return {
        kind: {with_: str(reached.loc[learnt == with_, kind].idxmax()) for with_ in (False, True)}
        for kind in reached.columns
    }


def results(search: Search, found: Records, measured: pd.DataFrame) -> pd.DataFrame:
    """Return what each cell of the settings that were taken reached, one row a cell.

    Args:
        search: what was looked for.
        found: its records.
        measured: what was measured on its runs.

    Returns:
        Columns cell, seeds, validation (mean accuracy of the selected epochs), accuracy, low, high
        (on test, with the 95% interval over seeds and reviews), averaged (mean test accuracy with
        the n-grams; missing where it was not measured), goal, reached (whether accuracy is at least
        the goal), seconds (mean of training).
    """
    validation = found.epochs.groupby("run_id")["validation_accuracy"].max()
    together = measured[measured["measure"] == ensemble.ACCURACY[0]].groupby("cell")["value"]
    averaged = together.mean()
    rows = []
    for cell in dict.fromkeys(found.runs["cell"]):
        of_cell = (found.runs["cell"] == cell).to_numpy()
        runs = found.runs[of_cell]
        interval = scoreboard.accuracy(found.correct[of_cell])
        goal = search.goals[cell.endswith(search.labels[True])]
        rows.append(
            {
                "cell": cell,
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


def show_taken(archive: Archive, name: str) -> None:
    """Display what the settings that were taken have reached, or that they are not recorded.

    Args:
        archive: the records.
        name: of the study, `strong` or `top`.
    """
    study = archive.study(name)
    if study.records is None:
        display.say(f"Not recorded yet: `lstm-report study {name}` trains it.")
        return
    found = results(tuned.SEARCHES[name], study.records, study.measured)
    columns = {
        "model": [scoreboard.NAMES.get(cell, cell) for cell in found["cell"]],
        "seeds": found["seeds"],
        "validation": found["validation"],
        "test (95% interval)": scoreboard.in_words(found),
        "goal": found["goal"],
        "reached": found["reached"].map({True: "yes", False: "no"}),
        "with n-grams": found["averaged"],
        "minutes of one core": found["seconds"] / 60,
    }
    display.show_table(
        pd.DataFrame(columns),
        label=name,
        caption="One recurrent layer a direction, in the settings that validation took for each "
        "kind of layer, and the goal for a single network. *With n-grams* is the average with the "
        "linear model, its weight chosen on validation.",
        formats=dict.fromkeys(("validation", "with n-grams", "goal"), "{:.2%}")
        | {"minutes of one core": "{:.0f}"},
    )


def show_top(archive: Archive) -> None:
    """Display how the best networks stand to the linear model, to each other and to the goals."""
    view, search = View(archive), tuned.TOP
    for label, goal in zip(search.labels, search.goals, strict=True):
        cells = {kind: (search.name, f"{kind} {label}") for kind in MODELS}
        try:
            linear = {kind: evidence.difference(view, "", cell, N_GRAMS).text
                      for kind, cell in cells.items()}  # fmt: skip
            gap = evidence.difference(view, "", cells["reslstm"], cells["lstm"])
            reached = {kind: evidence.accuracy(view, *cell).mean() for kind, cell in cells.items()}
        except Missing:
            continue
        best = max(reached.values())
        display.say(
            "**{what}.** Differences in test accuracy: LSTM minus linear model over n-grams "
            "{lstm}; residual LSTM minus linear model {reslstm}; residual LSTM minus LSTM {gap}. "
            "{goal}",
            what="With unlabelled reviews" if label == search.labels[True] else "Supervised",
            **linear, gap=gap.text,
            goal=f"The goal of {goal:.1%} is reached."
            if best >= goal
            else f"The better of the two is {100 * (goal - best):.2f} points short of the goal of "
            f"{goal:.1%}.",
        )  # fmt: skip


def show_trials(archive: Archive, name: str) -> None:
    """Display what validation said of each trial of settings, and which were taken of all.

    Args:
        archive: the records.
        name: of the study of the settings that were taken, `strong` or `top`.
    """
    search = tuned.SEARCHES[name]
    kept = archive.study(search.tuning).records
    reached = trials(search, pd.DataFrame() if kept is None else kept.epochs)
    whole = reached.notna().all(axis=None)  # else there is nothing to be taken yet
    best = best_trials(search, reached) if whole else dict.fromkeys(MODELS, {})
    taken = [
        ", ".join(style.name_of(kind) for kind in best if trial in best[kind].values())
        for trial in reached.index
    ]
    used = [search.words_of(trial) for trial in reached.index]
    ticks = {
        word: [TICK if word in words else "" for words in used]
        for word in dict.fromkeys(word for words in used for word in words)
    }
    accuracies = {style.name_of(kind): reached[kind].to_numpy() for kind in MODELS}
    numbers = range(1, len(reached) + 1)
    words = "; ".join(f"*{name}*: {meaning}" for name, meaning in search.words.items())
    display.show_table(
        pd.DataFrame({"no.": numbers, **ticks, **accuracies, "taken for": taken}),
        label=f"trials-{name}",
        caption="Validation accuracy of the best epoch in each trial of settings, one seed. A tick "
        "marks what a trial had beside what all share. The best of each kind of layer, without and "
        f"with unlabelled reviews, go on to more seeds. {words}.",
        formats=dict.fromkeys(accuracies, "{:.2%}"),
    )
