"""The verdicts: of each part, and of each claim by its parts, computed anew from `results/`.

The rules were registered before the runs, see `results/round2/PLAN.md`. What the first round said,
whose rules were written while its runs were seen, is kept as a record and stands beside.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from statsmodels.stats.multitest import multipletests

from lstm_report import paths, provenance, texts
from lstm_report.claims import accuracy, admitted, curves, depth, inventory, locality, loss, memory
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.claims.evidence import (
    ALPHA,
    SMALLEST,
    Calculated,
    Check,
    Claim,
    Outcome,
    Part,
    claim_of,
    in_a_sentence,
)
from lstm_report.statistics.intervals import Estimate
from lstm_report.studies import catalogue, records

_THEMES = (accuracy, curves, memory, depth, locality, loss)
PARTS: tuple[Part | Calculated, ...] = tuple(part for theme in _THEMES for part in theme.PARTS)
CLAIMS: tuple[Claim, ...] = tuple(
    sorted(
        (claim for theme in _THEMES for claim in theme.CLAIMS),
        key=lambda claim: int(claim.identity.removeprefix("C")),
    )
)
TESTED = tuple(part for part in PARTS if isinstance(part, Part) and not part.shares)
"""The hypotheses of Holm's family, one for each part that is judged by a figure of its own."""
ACROSS, ALONG = ("C5b", "C7d"), ("C5d", "C7b")
"""The parts of D1: the shortcut acts across layers (supported), and not along time (refuted)."""
D1 = "the shortcut acts across layers and not along time"
UNJUDGED = ("not measured yet", "not tested")
"""Outcomes that no rule is asked for."""
FLOOR = "< 10⁻¹⁰"
"""A corrected p-value that is not told from 0."""
NO_TEST = "\N{EN DASH}"


@dataclass(frozen=True)
class Verdict:
    """A part with its verdict."""

    part: Part | Calculated
    outcome: Outcome
    estimate: Estimate | None = None
    check: Check | None = None
    p_value: float | None = None
    adjusted: float | None = None
    """The same after Holm's correction over all parts of the round."""
    runs: tuple[tuple[str, str], ...] = ()
    """Study and run id of each run."""
    lacking: tuple[Missing, ...] = ()

    @property
    def text(self) -> str:
        """The verdict in one sentence, with its figure and its check."""
        if isinstance(self.part, Calculated):
            return f"True by calculation: {self.part.where}."
        if self.estimate is None or self.check is None:
            return f"Not measured yet: {admitted.in_words(self.lacking)}."
        what = self.estimate.what
        figure = f"{what[0].upper()}{what[1:]}: {self.estimate.text}"
        check = f"Check {'passed' if self.check.holds else 'failed'}: {self.check.text}."
        meaning = {
            "supported": f" {self.part.if_supported}",
            "refuted": f" {self.part.if_refuted}",
            "not reproduced": f" {self.part.if_refuted}",
        }.get(self.outcome, "")
        if self.lacking:
            meaning = f" Not complete yet: {admitted.in_words(self.lacking)}."
        return f"{self.outcome.capitalize()}. {figure}.{meaning} {check}"

    @property
    def finding(self) -> str:
        """What was found, as a sentence of the text, without the figure it rests on."""
        return dataclasses.replace(self, estimate=None).sentence

    @property
    def sentence(self) -> str:
        """What was found, as a sentence of the text, with the figure it rests on."""
        part, what, text = self.part, "", ""
        if isinstance(part, Calculated):
            return f"It follows from the equations ({part.where}) that {part.statement}."
        if self.estimate is not None:
            what, text = in_a_sentence(self.estimate.what), self.estimate.text
        # Each sentence has a form with its figure and one without: of two fields side by side,
        # nothing would tell a translation what fills which.
        if self.outcome == "not measured yet":
            if what:
                return f"It is not measured yet whether {part.statement} ({what}: {text} so far)."
            return f"It is not measured yet whether {part.statement}."
        if self.outcome == "not tested" and self.check is not None:
            why = f"its check failed: {self.check.text}"
            return f"It was not tested whether {part.statement}, since {why}."
        if self.outcome == "undecided":
            if what:
                return f"The runs leave open whether {part.statement} ({what}: {text})."
            return f"The runs leave open whether {part.statement}."
        found = part.if_supported if self.outcome == "supported" else part.if_refuted
        return f"{found.removesuffix('.')} ({what}: {text})." if what else found


def _judge(part: Part, archive: Archive) -> Verdict:
    """Return the verdict on a part as if it were the only one of the round."""
    view = View(archive)
    try:
        figure, check = part.figure(view), part.check(view)
    except Missing as lack:
        runs, lacking = tuple(sorted(view.used)), (lack, *view.lacking)
        return Verdict(part, "not measured yet", runs=runs, lacking=lacking)
    holds, p_value = part.rule.judge(figure)
    outcome: Outcome
    if view.lacking:
        outcome = "not measured yet"
    elif not check.holds:
        outcome = "not tested"
    elif holds is None:
        outcome = "undecided"
    else:
        outcome = "supported" if holds else part.against
    return Verdict(
        *(part, outcome, Estimate(part.what, figure.interval, part.unit), check, p_value),
        runs=tuple(sorted(view.used)),
        lacking=tuple(view.lacking),
    )


def verdicts(archive: Archive | None = None) -> list[Verdict]:
    """Return the verdict on each part, in the order of `PARTS`.

    A part that is not complete, or whose check fails, keeps its place in Holm's family with a
    p-value of 1, so that the others do not gain by it.

    Args:
        archive: the records; by default those in `results/`.
    """
    archive = Archive() if archive is None else archive
    alone = [
        _judge(part, archive) if isinstance(part, Part) else Verdict(part, "true by calculation")
        for part in PARTS
    ]
    family = {
        entry.part.identity: entry.p_value if entry.outcome not in UNJUDGED else 1.0
        for entry in alone
        if entry.part in TESTED
    }
    corrected = multipletests([*family.values()], ALPHA, method="holm")[1]
    adjusted = dict(zip(family, map(float, corrected), strict=True))
    return [_after_holm(entry, adjusted) for entry in alone]


def _after_holm(found: Verdict, adjusted: Mapping[str, float]) -> Verdict:
    """Return a verdict as it stands after Holm's correction."""
    if not isinstance(found.part, Part) or found.outcome in UNJUDGED:
        return found
    p_value = adjusted[found.part.shares or found.part.identity]
    outcome = found.outcome if p_value < ALPHA else "undecided"
    return dataclasses.replace(found, outcome=outcome, adjusted=p_value)


@dataclass(frozen=True)
class Entry:
    """A claim with its verdict, and those of its parts."""

    claim: Claim
    outcome: Outcome
    parts: tuple[Verdict, ...]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Study and run id of each run that the verdict rests on."""
        return sorted({run for part in self.parts for run in part.runs})


def ledger(found: Sequence[Verdict]) -> list[Entry]:
    """Return the verdict on each claim by those on all parts, in the order of the source."""
    entries = []
    for claim in CLAIMS:
        parts = tuple(entry for entry in found if claim_of(entry.part) == claim.identity)
        entries.append(Entry(claim, combined([part.outcome for part in parts]), parts))
    return entries


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the verdict on a claim by those of its parts.

    Supported when all parts are; refuted, or not reproduced, when all that are decided are against
    it; partly supported when they differ. What is true by calculation counts as supported. While
    runs of a part are missing, the claim is not measured yet.
    """
    plain: list[Outcome] = [
        "supported" if entry == "true by calculation" else entry for entry in outcomes
    ]
    if "not measured yet" in plain:
        return "not measured yet"
    decided = [entry for entry in plain if entry in ("supported", "refuted", "not reproduced")]
    if set(plain) == {"supported"}:
        return "supported"
    if not decided:
        return "undecided" if "undecided" in plain else "not tested"
    if "supported" in decided:
        return "partly supported"
    return "refuted" if "refuted" in decided else "not reproduced"


def across_not_along(found: Sequence[Verdict]) -> Outcome:
    """Return the verdict on D1, by those of its four parts."""
    wanted: dict[str, Outcome] = {
        **dict.fromkeys(ACROSS, "supported"),
        **dict.fromkeys(ALONG, "refuted"),
    }
    outcomes = {
        entry.part.identity: entry.outcome for entry in found if entry.part.identity in wanted
    }
    if outcomes == wanted:
        return "supported"
    decided = {name for name, outcome in outcomes.items() if outcome in ("supported", "refuted")}
    if any(outcomes[name] != wanted[name] for name in decided):
        return "refuted"
    return "not measured yet" if "not measured yet" in outcomes.values() else "undecided"


def first_round() -> dict[str, str]:
    """Return the verdicts of the first round by claim, which are recorded and not computed anew."""
    file = paths.RESULTS / "round1" / "verdicts.json"
    if not file.is_file():
        return {}
    claims = json.loads(file.read_text(encoding="utf-8"))["claims"]
    return {entry["claim"]: entry["verdict"] for entry in claims}


def table(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the ledger, one row a claim."""
    first = first_round()
    rows = [
        {
            "no.": entry.claim.identity,
            "claim": entry.claim.name,
            "verdict": entry.outcome,
            "first round": first.get(entry.claim.identity, texts.NOT_MEASURED),
        }
        for entry in entries
    ]
    return pd.DataFrame(rows)


def by_part(found: Sequence[Verdict]) -> pd.DataFrame:
    """Return one row a part: what it says, its verdict, its figure, and its corrected p-value."""
    return pd.DataFrame(
        {
            "part": [entry.part.identity for entry in found],
            "statement": [entry.part.statement for entry in found],
            "verdict": [entry.outcome for entry in found],
            "figure (95% interval)": [_figure(entry) for entry in found],
            "supported if": [
                NO_TEST
                if isinstance(entry.part, Calculated)
                else entry.part.rule.region(entry.part.unit)
                for entry in found
            ],
            "p, corrected": [_corrected(entry) for entry in found],
        }
    )


def _figure(entry: Verdict) -> str:
    if isinstance(entry.part, Calculated):
        return NO_TEST
    return entry.estimate.text if entry.estimate else texts.NOT_MEASURED


def _corrected(entry: Verdict) -> str:
    if entry.adjusted is None:
        return NO_TEST
    if entry.adjusted <= SMALLEST * len(TESTED):  # these are not told from 0
        return FLOOR
    return texts.cell(entry.adjusted, "{:.2g}")


def against(found: Sequence[Verdict]) -> list[str]:
    """Return what was looked for and not found: every part that is decided against its claim."""
    return [_line(entry) for entry in found if entry.outcome in ("refuted", "not reproduced")]


def _line(entry: Verdict) -> str:
    return f"{entry.part.identity}, {entry.part.statement}: {entry.text}"


def as_text(found: Sequence[Verdict], archive: Archive) -> str:
    """Return the verdicts for a terminal: when the rules were registered, claims, and parts."""
    lines = [*registered(), ""]
    of_parts = by_part(found).drop(columns="statement")
    of_parts = of_parts.replace(FLOOR, FLOOR.replace("10⁻¹⁰", "1e-10"))
    numeric = [name == "p, corrected" for name in of_parts]
    lines.append(texts.as_text([*map(str, of_parts)], of_parts.to_numpy().tolist(), numeric))
    first = first_round()
    for entry in ledger(found):
        before = first.get(entry.claim.identity)
        lines += ["", f"{entry.claim.identity}, {entry.claim.name}: {entry.outcome}"
                  + (f" (first round: {before})." if before else ".")]  # fmt: skip
        lines += [f"    {_line(part)}" for part in entry.parts]
    lines += ["", f"D1, {D1}: {across_not_along(found)}."]
    lines += [f"    {_line(entry)}" for entry in found if claim_of(entry.part) == "D"]
    return "\n".join([*lines, "", *(f"Note: {note}" for note in inventory.notes(archive))])


def as_json(found: Sequence[Verdict], archive: Archive) -> str:
    """Return the verdicts with all that they rest on, the id of each run included, as JSON."""
    since, first = provenance.registration(), first_round()
    values = {
        "registered": dataclasses.asdict(since) if since else None,
        "claims": [
            {
                "claim": entry.claim.identity,
                "statement": entry.claim.statement,
                "verdict": entry.outcome,
                "first round": first.get(entry.claim.identity),
                "parts": [part.part.identity for part in entry.parts],
            }
            for entry in ledger(found)
        ],
        "parts": [_plain(entry) for entry in found],
        "D1": across_not_along(found),
        "notes": inventory.notes(archive),
        "left out": inventory.left_out(archive).to_dict("records"),
        "failed": inventory.failures(archive).to_dict("records"),
    }
    return json.dumps(values, indent=1, ensure_ascii=False)


def _plain(entry: Verdict) -> dict[str, Any]:
    estimate = entry.estimate
    return {
        "part": entry.part.identity,
        "statement": entry.part.statement,
        "verdict": entry.outcome,
        "text": entry.text,
        "figure": None
        if estimate is None
        else {"what": estimate.what, "unit": estimate.unit} | dataclasses.asdict(estimate.interval),
        "check": entry.check and {"holds": bool(entry.check.holds), "text": entry.check.text},
        "p_value": entry.p_value,
        "corrected": entry.adjusted,
        "missing": admitted.in_words(entry.lacking),
        "runs": [f"{study}/{run_id}" for study, run_id in entry.runs],
    }


def registered() -> list[str]:
    """Return when the rules were registered, and when the first run after that was finished."""
    since = provenance.registration()
    lines = [
        f"Rules registered in commit {since.commit[:12]}, {since.time}."
        if since
        else "When the rules were registered cannot be seen: this is no full git clone."
    ]
    finished = [
        (str(row["finished"]), str(row["commit"]))
        for name in catalogue.REGISTERED
        for _, row in records.tables(name)[0].iterrows()
        if "finished" in row
    ]
    if finished:
        time, commit = min(finished)
        lines.append(f"The first classifier was finished {time}, with commit {commit}.")
    else:
        lines.append("No run of a classifier is recorded yet.")
    return lines
