"""What the chapters on evidence show: each claim, the tuned models, and the section on speed."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from scipy import stats as distributions

from lstm_report import texts
from lstm_report.claims import depth, evidence, verdicts
from lstm_report.claims.admitted import STATED, Archive, Missing, View
from lstm_report.claims.evidence import Part
from lstm_report.claims.verdicts import Entry, Verdict
from lstm_report.config import MODELS
from lstm_report.data.sources import IMDB_CHECKSUM
from lstm_report.figures import costs, style
from lstm_report.figures.evidence import Shown, differences
from lstm_report.notebook import answer, display
from lstm_report.statistics.intervals import MARGIN
from lstm_report.statistics.unpaired import contrast
from lstm_report.studies.catalogue import HEADLINE, LEVEL, QUICK
from lstm_report.texts import Markup
from lstm_report.training.runs import Run

DEVICES = {"cpu": "processor", "gpu": "GPU"}
KEY = {
    "C10a": "accuracy, one layer",
    "C7d": "across layers: the present word, read back after four layers",
    "C7b": "along time: a word of five steps before, read back",
    "C5b": "across layers: gradient through eight layers",
    "C5d": "along time: gradient over 50 steps",
}
"""The parts of the key figure, and what they measure in its words."""
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
    """Display the figures of a claim, what was found, and the verdict."""
    claim = entry.claim
    for place, drawn in _drawn(claim.figures, archive).items():
        _show(drawn, f"claim-{_number(entry)}" + (f"-{place}" if place > 1 else ""))
    display.say(
        "{found} **{verdict}**",
        found=Markup(" ".join(part.sentence for part in entry.parts)),
        verdict=Markup(f"{claim.identity}: {entry.outcome}."),
    )


def show_details(entry: Entry, archive: Archive) -> None:
    """Display how a claim was judged, part by part, and what was measured beside it."""
    claim = entry.claim
    for part in entry.parts:
        show_part(part)
    first = verdicts.first_round().get(claim.identity, texts.NOT_MEASURED)
    display.say(
        "The first round said: {first}. {changed} {runs}",
        first=first, changed=Markup(claim.changed), runs=Markup(_runs(entry, archive)),
    )  # fmt: skip
    beside = _drawn(claim.beside, archive)
    labels = [f"beside-{_number(entry)}-{place}" for place in beside]
    if labels:
        display.say(
            "Beside it, and without a part in the verdict: {figures}.",
            figures=Markup(", ".join(f"@fig:{label}" for label in labels)),
        )
    for label, drawn in zip(labels, beside.values(), strict=True):
        _show(drawn, label)


Drawn = tuple[Shown, View]
"""A figure, and what it looked at."""


def _drawn(draws: Sequence[Callable[[View], Shown]], archive: Archive) -> dict[int, Drawn]:
    """Return the figures for which there are records, by their place from 1."""
    found: dict[int, Drawn] = {}
    for place, draw in enumerate(draws, start=1):
        with contextlib.suppress(Missing):
            view = View(archive)
            found[place] = draw(view), view
    return found


def _number(entry: Entry) -> str:
    return entry.claim.identity.removeprefix("C")


def show_worked_example(archive: Archive) -> None:
    """Display the interval of C1, computed step by step from the recorded runs."""
    view = View(archive)
    study = evidence.shown_study(view, HEADLINE)
    try:
        groups = [100 * evidence.accuracy(view, study, kind) for kind in ("lstm", "reslstm")]
    except Missing as lack:
        display.say("The runs are not recorded yet: {what}.", what=lack.what)
        return
    (first, second), counts = [group.mean() for group in groups], [len(group) for group in groups]
    parts = [group.var(ddof=1) / len(group) for group in groups]
    error = sum(parts) ** 0.5
    freedom = sum(parts) ** 2 / sum(p**2 / (n - 1) for p, n in zip(parts, counts, strict=True))
    quantile = float(distributions.t.ppf(0.975, freedom))
    low, high = (first - second + sign * quantile * error for sign in (-1, 1))
    display.say(
        "{first_runs} recorded LSTMs classify {first:.2f}% of the test reviews correctly on "
        "average, {second_runs} residual LSTMs {second:.2f}%. The standard deviations over the "
        "seeds are {first_spread:.2f} and {second_spread:.2f} points. The difference of the means "
        "is $\\bar a - \\bar b$ = {difference:+.2f} points, and the root in the formula, its "
        "standard error, is {error:.2f}. With {freedom:.1f} degrees of freedom, $t_\\nu$ = "
        "{quantile:.2f}, so that the interval runs from {low:+.2f} to {high:+.2f} points.",
        first_runs=counts[0], first=first, second_runs=counts[1], second=second,
        first_spread=groups[0].std(), second_spread=groups[1].std(), difference=first - second,
        error=error, freedom=freedom, quantile=quantile, low=low, high=high,
    )  # fmt: skip
    interval = contrast(groups, [1, -1]).interval
    own = interval.low, interval.high
    display.check("the code that judges the claim gives the same interval", ((low, high), own))
    source = 100 * evidence.SOURCE_DIFFERENCE
    display.say(
        "{zero} The lead of {source:.2f} points that the source’s one pair of runs shows lies "
        "{place} the interval. The next section asks what would matter.",
        zero="Zero lies within it, so that the runs leave open which of the two is ahead."
        if low <= 0 <= high
        else "Zero lies outside, so that it is not chance alone that tells the two apart.",
        source=source,
        place="inside" if low <= source <= high else "outside",
    )  # fmt: skip


def _show(drawn: Drawn, label: str) -> None:
    """Display a figure, and how many runs of which studies it looked at."""
    shown, view = drawn
    caption = shown.caption
    if used := Counter(study for study, _ in view.used):
        counted = ", ".join(f"`{study}` ({count})" for study, count in sorted(used.items()))
        caption += f" Runs: {counted}; @tbl:settings holds their settings."
    display.show_figure(shown.figure, label=label, caption=caption, alt=shown.alt, live=shown.live)


def show_part(found: Verdict) -> None:
    """Display a part: its statement, what was asked how, and what was found."""
    part = found.part
    asked = rule = ""
    if isinstance(part, Part):
        asked = f"Experiment: {part.experiment}. Predicted: {part.prediction}"
        rule = f"Rule: {part.rule.text(part.unit, part.against)}"
    display.say(
        "**{name}.** {statement} {asked} {rule} {found}",
        name=part.identity, statement=Markup(f"{part.statement[0].upper()}{part.statement[1:]}."),
        asked=Markup(asked), rule=Markup(rule), found=Markup(found.text),
    )  # fmt: skip


def show_predictions(found: Sequence[Verdict]) -> None:
    """Display what the algebra predicts beside what was found, and how often the two agree."""
    table = answer.predictions(found)
    counts = table["as predicted"].value_counts()
    display.show_table(
        table,
        label="predictions",
        caption="What the algebra of the first chapter predicts of the tested statements, and what "
        "was found. *Open*: undecided, not tested, or not measured yet.",
    )
    wrong = list(table.loc[table["as predicted"] == "no", "part"])
    display.say(
        "Of {total} predictions {yes} came true, {no} did not, and {left} are open. {which}",
        total=len(table), yes=int(counts.get("yes", 0)), no=len(wrong),
        left=int(counts.get("open", 0)),
        which=f"What came out against the prediction is {' and '.join(wrong)}." if wrong else "",
    )  # fmt: skip


def show_level(archive: Archive) -> None:
    """Display the accuracy of both models under choices that the source leaves open."""
    view = View(archive)
    chosen = {"as everywhere in this report": (evidence.shown_study(view, HEADLINE), "{}")}
    chosen |= {name: ("level", f"{{}} {name}") for name in LEVEL}
    rows = []
    for name, (study, cell) in chosen.items():
        with contextlib.suppress(Missing):
            reached = {kind: evidence.accuracy(view, study, cell.format(kind)) for kind in MODELS}
            told = {style.name_of(kind): _reached(values) for kind, values in reached.items()}
            rows.append({"choice": name, **told})
    if len(rows) < 2:
        display.say("The runs that would tell are not recorded yet: `lstm-report study level`.")
        return
    stated = {style.name_of(kind): f"{evidence.SOURCE_ACCURACY[kind]:.2%}" for kind in MODELS}
    display.show_table(
        pd.DataFrame([{"choice": "source report", **stated}, *rows]),
        label="level",
        caption="Accuracy on the test reviews under choices that the source does not state: mean, "
        "and lowest to highest run. *After padding*: every review is filled up to 256 words, and "
        "the state after the padding is read out. *Small vocabulary*: 2,000 words. *Beginning*: "
        "the first 256 words of a review are read, not the last. Exploratory, three runs of each.",
        written=["choice"],
    )


def _reached(values: pd.Series) -> str:
    return f"{values.mean():.1%} ({100 * values.min():.1f} to {100 * values.max():.1f})"


def show_this_pair(runs: Mapping[str, Run], profile: str, archive: Archive) -> None:
    """Display what the two models of the page reached, among the recorded runs of the profile."""
    reached = {kind: float(run.summary["test_accuracy"]) for kind, run in runs.items()}
    gap = 100 * (reached["reslstm"] - reached["lstm"])
    display.say(
        "**This run, on this machine.** The LSTM of this page classifies {lstm:.2%} of its test "
        "reviews correctly and the residual LSTM {reslstm:.2%}, {gap:+.2f} points between them. "
        "That is one draw of each, and no statement about the two kinds of model.",
        **reached, gap=gap,
    )  # fmt: skip
    view = View(archive)
    imdb = all(run.provenance["data"]["checksum"] == IMDB_CHECKSUM for run in runs.values())
    try:
        if profile != "quick" or not imdb:
            raise Missing("recorded runs of this profile with these reviews")
        recorded = {kind: evidence.accuracy(view, QUICK, kind).to_numpy() for kind in runs}
    except Missing:
        display.say("No runs of this profile with these reviews are recorded to compare it with.")
        return
    gaps = 100 * (recorded["reslstm"][:, None] - recorded["lstm"]).ravel()
    display.say(
        "The same profile was recorded with {seeds} seeds of each: the LSTMs reach {a:.2%} to "
        "{b:.2%}, the residual LSTMs {c:.2%} to {d:.2%}. Of all pairs of one run of each, the "
        "differences go from {low:+.2f} to {high:+.2f} points, and {share:.0%} of the pairs differ "
        "by at least as much as the one of this page, whichever is ahead.",
        seeds=len(recorded["lstm"]), a=recorded["lstm"].min(), b=recorded["lstm"].max(),
        c=recorded["reslstm"].min(), d=recorded["reslstm"].max(), low=gaps.min(), high=gaps.max(),
        share=float((abs(gaps) >= abs(gap)).mean()),
    )  # fmt: skip


def show_key_figure(found: Sequence[Verdict]) -> None:
    """Display where the shortcut acts: one layer, across layers, and along time."""
    by_name = {entry.part.identity: entry for entry in found}
    measured = [
        dataclasses.replace(estimate, what=shown)
        for name, shown in KEY.items()
        if (estimate := by_name[name].estimate) is not None and not by_name[name].lacking
    ]
    if not measured:
        return
    text = "; ".join(f"{entry.what}: {entry.text}" for entry in measured)
    display.show_figure(
        differences(measured, {"decades": depth.HALF, "points": MARGIN}),
        label="key",
        caption="Where the shortcut acts: residual LSTM minus LSTM, with 95% intervals over the "
        "runs. Gradients are those at the start of training; a linear probe of the top layer reads "
        "words back, and guessing names 5%.",
        alt=f"Intervals in panels by unit. {text}.",
    )


def show_thesis(found: Sequence[Verdict]) -> None:
    """Display the statement of this report, D1, by its four parts, and the two beside it."""
    by_name = {entry.part.identity: entry for entry in found}
    display.show_table(
        verdicts.by_part([by_name[name] for name in (*verdicts.ACROSS, *verdicts.ALONG)]),
        label="thesis-parts",
        caption="The parts of the statement D1. Those across layers (C5b and C7d) have to be "
        "supported, and those along time (C5d and C7b) refuted.",
    )
    display.say(
        "{found} **{verdict}**",
        found=Markup(" ".join(by_name[name].sentence for name in ("D2", "D3"))),
        verdict=Markup(f"D1 ({verdicts.D1}): {verdicts.across_not_along(found)}."),
    )  # fmt: skip


def _runs(entry: Entry, archive: Archive) -> str:
    """Return which recorded runs a page rests on, in words."""
    counts = {name: sum(study == name for study, _ in entry.runs) for name in STATED}
    parts = []
    for name, count in counts.items():
        if count:
            kept = archive.study(name).records
            file = "measurements.csv" if kept is None else "runs.csv"
            parts.append(f"`results/{name}/{file}` ({count})")
    if not parts:
        return "No verdict rests on runs of it yet."
    return f"Runs by file: {', '.join(parts)}."
