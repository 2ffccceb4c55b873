"""The pages of chapter `06_evidence`: each claim, the tuned models, and the section on speed."""

import contextlib
from collections.abc import Callable, Sequence

import pandas as pd

from lstm_report import texts
from lstm_report.claims import depth, verdicts
from lstm_report.claims.admitted import STATED, Archive, Missing, View
from lstm_report.claims.evidence import Part
from lstm_report.claims.verdicts import Entry, Verdict
from lstm_report.figures import costs, style
from lstm_report.figures.evidence import Shown, differences
from lstm_report.notebook import display, scoreboard
from lstm_report.statistics.intervals import MARGIN
from lstm_report.studies import catalogue, records
from lstm_report.texts import Markup

DEVICES = {"cpu": "processor", "gpu": "GPU"}
FORMATS = dict.fromkeys(("figure", "low", "high"), "{:.2f}")


def show_speed() -> None:
    """Show goals and scaling of every recorded device, and say which device is not recorded."""
    for device, name in DEVICES.items():
        record = costs.read(device)
        if record is None:
            display.say("There is no record of `make bench` from a {name}.", name=name)
            continue
        rows = record["rows"]
        table = costs.goal_table(rows)
        display.say(
            "Measured with {threads} threads on {hardware}, PyTorch {torch}, {finished}: {met} of "
            "{count} goals are met. `benchmarks/NOTES.md` tells what was tried for the others.",
            threads=record["threads"],
            hardware=record["hardware"],
            torch=record["versions"]["torch"],
            finished=record["finished"][:10],
            met=int((table["met"] == "yes").sum()),
            count=len(costs.goals(rows)),
        )
        display.show_table(
            table,
            label=f"goals-{device}",
            caption="Goals of speed and what was measured: the median over rounds in which all "
            "ways took turns, and a 95% interval for ratios or the range for single figures.",
            formats=FORMATS,
            written=["measured"],
        )
        if absent := costs.absent(rows):
            display.say("Not measured: {what}.", what="; ".join(absent))
        further = costs.further_table(rows)
        if len(further):
            display.show_table(
                further,
                label=f"speed-{device}",
                caption="What was measured beside the goals.",
                formats=FORMATS,
                written=["measured"],
            )
        drawn = [row for row in costs.goals(rows) if row["figure"] is not None]
        if drawn:
            display.show_figure(
                costs.against_goals(rows),
                label=f"goals-{device}",
                caption="How many times over each goal is reached; from 1 on it is met.",
                alt=f"{len(drawn)} points against a line at 1.",
            )
        if costs.scaling_rows(rows):
            kinds = " and ".join(style.name_of(kind) for kind in ("lstm", "reslstm"))
            display.show_figure(
                costs.scaling(rows),
                label=f"scaling-{device}",
                caption=f"Time of {kinds}, forward and backward, against the work, with the fitted "
                "powers.",
                alt="Four panels with rising lines on logarithmic axes.",
            )


def show_claim(entry: Entry, archive: Archive) -> None:
    """Display the page of one claim: its figures, its parts one by one, and what stands beside."""
    claim = entry.claim
    number = claim.identity.removeprefix("C")
    display.say("*“{claim}”*", claim=Markup(claim.statement))
    for place, draw in enumerate(claim.figures, start=1):
        _show(draw, archive, f"claim-{number}" + (f"-{place}" if place > 1 else ""))
    for part in entry.parts:
        show_part(part)
    first = verdicts.first_round().get(claim.identity, texts.NOT_MEASURED)
    display.say(
        "**{verdict}.** The first round said: {first}. {changed} {runs}",
        verdict=f"{claim.identity}: {entry.outcome}", first=first, changed=Markup(claim.changed),
        runs=Markup(_runs(entry, archive)),
    )  # fmt: skip
    for place, draw in enumerate(claim.beside, start=1):
        _show(draw, archive, f"beside-{number}-{place}")


def _show(draw: Callable[[View], Shown], archive: Archive, label: str) -> None:
    """Display a figure, or nothing without the records that it needs."""
    with contextlib.suppress(Missing):
        shown = draw(View(archive))
        display.show_figure(shown.figure, label=label, caption=shown.caption, alt=shown.alt)


def show_part(found: Verdict) -> None:
    """Display a part: its statement, what was asked how, and what was found."""
    part = found.part
    asked = ""
    if isinstance(part, Part):
        asked = f"Asked of {part.experiment}. Predicted: {part.prediction}"
    display.say(
        "**{name}.** {statement}. {asked} {found}",
        name=part.identity, statement=Markup(part.statement[0].upper() + part.statement[1:]),
        asked=Markup(asked), found=Markup(found.text),
    )  # fmt: skip


def show_thesis(found: Sequence[Verdict]) -> None:
    """Display the statement of this report, D1, by its four parts, and the two beside it."""
    by_name = {entry.part.identity: entry for entry in found}
    four = [by_name[name] for name in (*verdicts.ACROSS, *verdicts.ALONG)]
    measured = [entry.estimate for entry in four if entry.estimate is not None]
    if measured:
        display.show_figure(
            differences(measured, {"decades": depth.HALF, "points": MARGIN}),
            label="thesis",
            caption="The four figures that D1 rests on, residual LSTM minus LSTM, with 95% "
            "intervals: gradients and words over layers, and the same along time.",
            alt="Two panels: what concerns layers lies far above zero, what concerns time at zero.",
        )
    display.show_table(
        verdicts.by_part([*four, by_name["D2"], by_name["D3"]]),
        label="thesis-parts",
        caption="The parts of D1: those across layers have to be supported, those along time "
        "refuted. D2 and D3 stand beside it.",
    )
    display.say(
        "**D1, {statement}: {outcome}.**",
        statement=verdicts.D1, outcome=verdicts.across_not_along(found),
    )  # fmt: skip
    for name in ("D2", "D3"):
        show_part(by_name[name])


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
        return "No run of it is recorded yet."
    return f"Runs: {', '.join(parts)}; `lstm-report claims --json FILE` names each."


def show_strong() -> None:
    """Display what the study `strong` has found, or that it is not recorded."""
    if not len(records.recorded(catalogue.NAME)):
        display.say("Not recorded yet: `lstm-report study strong` trains it.")
        return
    found = scoreboard.results()
    columns = {
        "cell": found["cell"],
        "seeds": found["seeds"],
        "validation": found["validation"],
        "test (95% interval)": scoreboard.in_words(found),
        "goal": found["goal"],
        "reached": found["reached"].map({True: "yes", False: "no"}),
        "with n-grams": found["averaged"],
    }
    display.show_table(
        pd.DataFrame(columns),
        label="strong",
        caption="One recurrent layer a direction, in the settings that validation took for each "
        "kind of layer, and the goal for a single network. *With n-grams* is the average with the "
        "linear model, its weight chosen on validation.",
        formats=dict.fromkeys(("validation", "with n-grams", "goal"), "{:.2%}"),
    )


def show_trials() -> None:
    """Display what validation said of each trial of settings, or nothing where one is missing."""
    reached = scoreboard.trials()
    if not reached.notna().all(axis=None):
        return
    best = scoreboard.best_trials(reached)
    taken = [
        ", ".join(style.name_of(kind) for kind in best if trial in best[kind].values())
        for trial in reached.index
    ]
    named = reached.rename(columns=style.name_of).rename_axis("trial").reset_index()
    display.show_table(
        named.assign(**{"taken for": taken}),
        label="trials",
        caption="Validation accuracy of the best epoch in each trial of settings, one seed. The "
        "best of each kind of layer, without and with word vectors learnt from unlabelled reviews, "
        "go on to more seeds. " + _in_words(),
        formats={style.name_of(kind): "{:.2%}" for kind in reached.columns},
    )


def _in_words() -> str:
    """Return what the words in the names of the trials mean."""
    usual, more = catalogue.SETTINGS, catalogue.MORE_DROPOUT
    short = catalogue.SHORT_STEPS
    parts = {
        "max, mean": "what is read of all states",
        "more dropout": f"{more['model.embedding_dropout']:.0%} of the coordinates and "
        f"{more['model.word_dropout']:.0%} of the words are dropped, "
        f"else {usual['model.embedding_dropout']:.0%} and none",
        "whole review": f"up to {catalogue.WHOLE['data.max_length']:,} tokens, else "
        f"{usual['data.max_length']}",
        "longer": f"{catalogue.LONGER['training.epochs']} epochs, else {usual['training.epochs']}",
        "short steps": f"{short['training.learning_rate']:g}, else "
        f"{usual['training.learning_rate']:g}, and {short['training.epochs']} epochs",
    }
    return "; ".join(f"*{name}*: {meaning}" for name, meaning in parts.items()) + "."
