"""The answer on one page, and the abstract: sentences written for each outcome of the verdicts."""

from collections.abc import Sequence

import pandas as pd

from lstm_report.claims import evidence, verdicts
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.claims.verdicts import Verdict
from lstm_report.notebook import display
from lstm_report.statistics.intervals import Estimate
from lstm_report.statistics.unpaired import contrast
from lstm_report.studies.catalogue import HEADLINE
from lstm_report.texts import Markup

QUESTIONS = {
    "its accuracy": ("C1", "C10", "C12"),
    "its training": ("C2", "C3", "C5", "C6"),
    "its memory": ("C4", "C7", "C8"),
    "the task": ("C9", "C11"),
}
"""What the four questions of the chapter on evidence ask about, with their claims."""
ONE_LAYER = {
    "supported": "No, not in one layer: a gain of half a point, the least that would matter, is "
    "excluded.",
    "refuted": "Yes: in one layer it gains more than half a point.",
    "undecided": "In one layer the runs leave open whether it gains as much as half a point.",
}
"""The answer for a single layer, by the verdict on C10a."""
DEEP = {
    "supported": "In deep stacks yes: stacks of eight layers learn with the shortcut more often "
    "than without.",
    "refuted": "In deep stacks no: stacks of eight layers learn with the shortcut no more often "
    "than without.",
    "undecided": "For deep stacks the runs leave open whether they learn more often with it.",
}
"""The answer for stacks, by the verdict on C6b."""
UNKNOWN = "the runs that would tell are not complete."
ADVICE = {
    "One layer": {
        ("C10a", "supported"): "leave the shortcut out; it brings nothing there that would matter.",
        ("C10a", "refuted"): "take the shortcut; it gains more than half a point.",
        ("C10a", "undecided"): "the runs leave open whether the shortcut pays, and nothing in the "
        "algebra speaks for it.",
        ("C10b", "supported"): "Its parameters are better spent on hidden units.",
    },
    "A deep stack": {
        ("C6b", "supported"): "use a shortcut that leads from layer to layer; without one, stacks "
        "of eight layers often learn nothing.",
        ("C6b", "refuted"): "do not count on the shortcut; stacks learn as often without it.",
        ("D2", "supported"): "The plain sum of the source costs accuracy as layers are added.",
        ("D3", "supported"): "Behind the output gate (Kim, El-Khamy and Lee 2017) the shortcut "
        "keeps the accuracy of one layer.",
    },
    "IMDB": {
        ("C12b", "supported"): "begin with a linear model over phrases of up to three words. It "
        "takes half a minute, and a network that does not beat it has not shown that it gains "
        "from order.",
        ("C12b", "refuted"): "a recurrent network gains over a linear model of phrases.",
    },
}
"""What to do, by verdicts that decide it."""
PREDICTIONS = {
    "P1, across layers": {"C5b": "supported", "C7d": "supported"},
    "P2, along time": {"C5d": "refuted", "C7b": "refuted", "C8b": "refuted", "C8d": "refuted"},
    "P2, in one layer": {"C10a": "supported", "C8e": "refuted"},
    "P3, depth": {"C6b": "supported", "C6c": "supported"},
}
"""What the algebra of chapter 1 predicts of the parts, by the prediction that it makes there."""
THESIS = {
    "supported": "The shortcut acts across layers and not along time, as the algebra says.",
    "refuted": "That the shortcut acts across layers and not along time, as the algebra says, is "
    "refuted.",
    "undecided": "Whether the shortcut acts across layers and not along time is left open by the "
    "runs.",
    "not measured yet": "Whether the shortcut acts across layers and not along time is not "
    "measured yet.",
}


def short(found: Sequence[Verdict]) -> str:
    """Return the answer in three sentences: one layer, deep stacks, and why."""
    by_name = _by_name(found)
    return " ".join(
        (
            ONE_LAYER.get(by_name["C10a"].outcome, f"In one layer: {UNKNOWN}"),
            DEEP.get(by_name["C6b"].outcome, f"In deep stacks: {UNKNOWN}"),
            THESIS[verdicts.across_not_along(found)],
        )
    )


def abstract(archive: Archive, found: Sequence[Verdict]) -> str:
    """Return the abstract: what was asked, how, and what came of it."""
    source = evidence.SOURCE_ACCURACY
    return " ".join(
        (
            f"A student report found an LSTM {100 * evidence.SOURCE_DIFFERENCE:.2f} points ahead "
            f"of a residual LSTM at the sentiment of IMDB reviews ({source['lstm']:.2%} against "
            f"{source['reslstm']:.2%}), from one run of each, and explained this by twelve claims "
            "that it did not test.",
            "We rebuild both models, check every equation by running it, train each model many "
            "times, and judge every claim by a rule that was registered before the runs.",
            "The residual cell, h = o ⊙ tanh(c) + F(x), is in one layer exactly an LSTM over pairs "
            "of neighbouring words plus a linear term, which predicts no gain there.",
            "Does the shortcut help?",
            in_short(archive, found),
        )
    )


def in_short(archive: Archive, found: Sequence[Verdict]) -> str:
    """Return the answer, the accuracies it rests on, and how the twelve claims fare."""
    return f"{short(found)} {_accuracies(archive)} {_counts(found)}"


def show(archive: Archive, found: Sequence[Verdict]) -> None:
    """Display the answer on one page: the short answer, why, where, and the twelve claims."""
    by_name = _by_name(found)

    def told(*names: str) -> Markup:
        return Markup(" ".join(by_name[name].finding for name in names))

    def measured(*names: str) -> Markup:
        entries = [by_name[name] for name in names]
        told = (entry.finding if entry.lacking else entry.sentence for entry in entries)
        return Markup(" ".join(told))

    display.say("**{answer}**", answer=short(found))
    display.say("**In one layer.** {models} {found}", models=_accuracies(archive),
                found=told("C10a", "C1a", "C1b"))  # fmt: skip
    display.say(
        "**Why.** In one layer the shortcut shows the gates the previous word a second time and "
        "adds the present word to the output; nothing older travels on it. {found}",
        found=told("C5d", "C7b"),
    )
    display.say("**Where it acts.** {found}", found=told("C5b", "C6b", "C6c"))
    if by_name["C8d"].outcome == "supported":
        display.say(
            "**What the algebra did not predict.** {found} Chapter 7 says what may explain it.",
            found=told("C8c", "C8d"),
        )
    display.say("**What it costs, and what to use instead.** {found}",
                found=measured("D2", "D3", "C12b"))  # fmt: skip


def advice(found: Sequence[Verdict]) -> list[str]:
    """Return what follows for somebody who builds such a network, by what was decided."""
    by_name, lines = _by_name(found), []
    for names, sentences in ADVICE.items():
        told = [text for (part, outcome), text in sentences.items()
                if by_name[part].outcome == outcome]  # fmt: skip
        if told:
            lines.append(f"{names}: {' '.join(told)}")
    return lines


def kept(found: Sequence[Verdict]) -> str:
    """Return which claims of the source hold, and how its own explanation fares."""
    entries = {entry.claim.identity: entry for entry in verdicts.ledger(found)}
    whole = [f"{entry.claim.name} ({name})" for name, entry in entries.items()
             if entry.outcome == "supported"]  # fmt: skip
    listed = (
        f"What holds as a whole: {'; '.join(whole)}." if whole else "No claim holds as a whole."
    )
    return (
        f"{listed} The source’s explanation of its own result is that a single layer leaves the "
        "shortcut nothing to do, and that the reviews ask mainly for local features. The first is "
        f"{entries['C10'].outcome} (C10), the second {entries['C9'].outcome} (C9)."
    )


def predictions(found: Sequence[Verdict]) -> pd.DataFrame:
    """Return what the algebra predicts of each part that tests it, beside what was found.

    Returns:
        Columns prediction, part, predicted, found, and as predicted (yes, no, or open).
    """
    by_name, rows = _by_name(found), []
    for prediction, parts in PREDICTIONS.items():
        for place, (name, predicted) in enumerate(parts.items()):
            entry = by_name[name]
            decided = entry.outcome in ("supported", "refuted")
            agrees = "open" if not decided else "yes" if entry.outcome == predicted else "no"
            rows.append(
                {
                    "prediction": prediction if place == 0 else "",
                    "part": name,
                    "statement": entry.part.statement,
                    "predicted": predicted,
                    "found": entry.outcome,
                    "as predicted": agrees,
                }
            )
    return pd.DataFrame(rows)


def claims(found: Sequence[Verdict]) -> pd.DataFrame:
    """Return the twelve claims: columns about, no., claim of the source, and verdict."""
    by_claim = {entry.claim.identity: entry for entry in verdicts.ledger(found)}
    return pd.DataFrame(
        {
            "about": question if place == 0 else "",
            "no.": name,
            "claim of the source": by_claim[name].claim.name,
            "verdict": by_claim[name].outcome,
        }
        for question, names in QUESTIONS.items()
        for place, name in enumerate(names)
    )


def _by_name(found: Sequence[Verdict]) -> dict[str, Verdict]:
    return {entry.part.identity: entry for entry in found}


def _counts(found: Sequence[Verdict]) -> str:
    """Return how many claims have which verdict."""
    outcomes = [entry.outcome for entry in verdicts.ledger(found)]
    numbers = {outcome: outcomes.count(outcome) for outcome in outcomes}
    counted = ", ".join(f"{outcome} ({n})" for outcome, n in numbers.items())
    return f"The verdicts on the twelve claims: {counted}."


def _accuracies(archive: Archive) -> str:
    """Return the mean accuracies of the two models and their difference, in two sentences."""
    view = View(archive)
    study = evidence.shown_study(view, HEADLINE)
    try:
        groups = {kind: evidence.accuracy(view, study, kind) for kind in ("lstm", "reslstm")}
        interval = contrast([groups["reslstm"], groups["lstm"]], [1, -1]).interval
    except Missing:
        return "The runs in the source’s setting are not recorded yet."
    if study == HEADLINE:
        trained = f"Trained {len(groups['lstm'])} times each"
    else:
        trained = f"In {len(groups['lstm'])} exploratory runs of each"
    higher = all(groups[kind].mean() > evidence.SOURCE_ACCURACY[kind] for kind in groups)
    return (
        f"{trained}, in the source’s setting as far as it is stated, the LSTM classifies "
        f"{groups['lstm'].mean():.1%} of the test reviews correctly and the residual LSTM "
        f"{groups['reslstm'].mean():.1%}; residual minus plain "
        f"{Estimate('', interval, 'points').text}, with the 95% interval over seeds."
        + (" Both reach more than in the source." if higher else "")
    )
