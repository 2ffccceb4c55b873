"""The ledger: the verdict on each claim, computed anew from the records in `results/`.

A verdict that rests on the direction of a tested difference needs a p-value below 0.05 after Holm's
correction, in which every tested claim counts, recorded or not. The other verdicts rest on 95%
intervals, and are not corrected.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from lstm_report import archive as records
from lstm_report import decisions, inventory, tables
from lstm_report.archive import Archive
from lstm_report.claims import CLAIMS, Claim
from lstm_report.evidence import Judged, judge

Outcome = Literal["supported", "refuted", "undecided"]
OUTCOMES: tuple[Outcome, ...] = ("supported", "refuted", "undecided")
ALPHA = 0.05
"""The probability with which one or more tested claims may be called wrongly."""
NO_TEST = "\N{EN DASH}"


@dataclass(frozen=True)
class Entry:
    """A claim with its verdict, as it stands in the ledger."""

    claim: Claim
    verdict: Outcome
    reason: str
    parts: tuple[Judged, ...]
    p_value: float | None
    """The p-value of the claim; `None` where it is not tested or not recorded."""
    adjusted: float | None
    """The same after Holm's correction."""

    @property
    def figures(self) -> list[str]:
        """What was measured, each with name and interval, those that the verdict rests on first."""
        deciding = _deciding(self.verdict, self.parts)
        others = [part for part in self.parts if part not in deciding]
        return [
            f"{estimate.what}: {estimate.text}"
            for part in [*deciding, *others]
            for estimate in part.finding.estimates
        ]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Study and run id of each run that the verdict rests on."""
        return sorted({run for part in self.parts for run in part.runs})


def ledger(archive: Archive | None = None) -> list[Entry]:
    """Return the verdict on each claim, in the order of the source.

    Args:
        archive: the records; by default those in `results/`.

    Raises:
        UserError: when a record is damaged.
    """
    archive = Archive() if archive is None else archive
    entries = [_entry(claim, archive) for claim in CLAIMS]
    tested = {entry.claim.identity: entry.p_value for entry in entries if entry.claim.tested}
    table = decisions.holm({key: 1.0 if p is None else p for key, p in tested.items()}, ALPHA)
    adjusted = dict(zip(table["claim"], table["adjusted"], strict=True))
    return [_corrected(entry, adjusted.get(entry.claim.identity)) for entry in entries]


def _entry(claim: Claim, archive: Archive) -> Entry:
    """Return a claim with its verdict before the correction."""
    parts = tuple(judge(part, archive) for part in claim.parts)
    holds = [part.finding.holds for part in parts]
    verdict: Outcome = "undecided"
    if False in holds:
        verdict = "refuted"
    elif all(holds):
        verdict = "supported"
    return Entry(
        claim, verdict, _reason(verdict, parts), parts, _p_value(claim, verdict, parts), None
    )


def _p_value(claim: Claim, verdict: Outcome, parts: tuple[Judged, ...]) -> float | None:
    """Return the p-value of a claim, from those of its tested parts.

    It needs all of its parts, so it is the largest; one is enough to refute it, so there it is the
    smallest of those that do. Equalities within the margin do not rest on a p-value: they count
    only where nothing else was tested.
    """
    tested = [
        part
        for part, rule in zip(parts, claim.parts, strict=True)
        if rule.tested and (verdict != "refuted" or part.finding.holds is False)
    ]
    directed = [part for part in tested if part.finding.directional or part.finding.holds is None]
    values = [part.finding.p_value for part in directed or tested]
    known = [value for value in values if value is not None]
    return (min if verdict == "refuted" else max)(known, default=None)


def _deciding(verdict: Outcome, parts: tuple[Judged, ...]) -> list[Judged]:
    """Return the parts that a verdict rests on."""
    wanted = {"supported": True, "refuted": False, "undecided": None}[verdict]
    return [part for part in parts if part.finding.holds is wanted]


def _reason(verdict: Outcome, parts: tuple[Judged, ...]) -> str:
    """Return what was found of the parts that the verdict rests on, and what is lacking to them."""
    deciding = _deciding(verdict, parts)
    reasons = [
        part.finding.reason
        if verdict == "supported" or len(parts) == 1
        else f"“{part.statement}”: {part.finding.reason}"
        for part in deciding
        if part.finding.reason
    ]
    if lacking := [lack for part in deciding for lack in part.lacking]:
        reasons.append(f"not measured yet: {records.in_words(lacking)}")
    return "; ".join(reasons)


def _corrected(entry: Entry, adjusted: float | None) -> Entry:
    """Return an entry with its corrected p-value, undecided where that does not bear it out."""
    if entry.p_value is None or adjusted is None:
        return entry
    entry = dataclasses.replace(entry, adjusted=adjusted)
    rests = [part.finding.directional for part in _deciding(entry.verdict, entry.parts)]
    needed = all(rests) if entry.verdict == "refuted" else any(rests)
    if entry.verdict == "undecided" or not needed or adjusted < ALPHA:
        return entry
    count = sum(claim.tested for claim in CLAIMS)
    reason = (
        f"{entry.reason}, but p = {adjusted:.2g} after the correction for {count} tested claims: "
        "more seeds are needed"
    )
    return dataclasses.replace(entry, verdict="undecided", reason=reason)


def table(entries: list[Entry]) -> pd.DataFrame:
    """Return the ledger for a reader: claim, its name, verdict, figure (95% interval) and p.

    The figure is the first that the verdict rests on; p is corrected, a dash where there is none.
    """
    rows = [
        {
            "": entry.claim.identity,
            "claim": entry.claim.name,
            "verdict": entry.verdict,
            "figure (95% interval)": next(iter(entry.figures), tables.NOT_MEASURED),
            "p": NO_TEST if entry.adjusted is None else tables.cell(entry.adjusted, "{:.2g}"),
        }
        for entry in entries
    ]
    return pd.DataFrame(rows)


def as_text(entries: list[Entry], archive: Archive) -> str:
    """Return the ledger for a terminal: every figure, the reasons, and what does not count."""
    rows = []
    for entry in entries:
        p_value = NO_TEST if entry.adjusted is None else tables.cell(entry.adjusted, "{:.2g}")
        first, *others = entry.figures or [tables.NOT_MEASURED]
        rows.append([entry.claim.identity, entry.verdict, p_value, first])
        rows += [["", "", "", figure] for figure in others]
    heading = ["claim", "verdict", "p, corrected", "figure (95% interval)"]
    lines = [tables.as_text(heading, rows, [False, False, True, False]), ""]
    for entry in entries:
        lines.append(f"{entry.claim.identity:<4}{entry.claim.statement}")
        lines.append(f"    {entry.verdict.capitalize()}: {entry.reason}.")
    return "\n".join([*lines, *(f"Note: {note}" for note in inventory.notes(archive))])


def as_json(entries: list[Entry], archive: Archive) -> str:
    """Return the ledger with all that it rests on, the id of each run included, as JSON."""
    values = {
        "claims": [_plain(entry) for entry in entries],
        "notes": inventory.notes(archive),
        "left out": inventory.left_out(archive).to_dict("records"),
        "failed": inventory.failures(archive).to_dict("records"),
    }
    return json.dumps(values, indent=1, ensure_ascii=False)


def _plain(entry: Entry) -> dict[str, Any]:
    claim = entry.claim
    return {
        "claim": claim.identity,
        "statement": claim.statement,
        "experiment": claim.experiment,
        "rule": claim.rule,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "p_value": entry.p_value,
        "corrected": entry.adjusted,
        "parts": [
            {
                "statement": part.statement,
                "holds": part.finding.holds,
                "reason": part.finding.reason,
                "missing": records.in_words(part.lacking),
                "figures": [
                    {"what": estimate.what, "unit": estimate.unit}
                    | dataclasses.asdict(estimate.interval)
                    for estimate in part.finding.estimates
                ],
            }
            for part in entry.parts
        ],
        "runs": [f"{study}/{run_id}" for study, run_id in entry.runs],
    }


def negative(entries: list[Entry]) -> list[str]:
    """Return what was looked for and not found: every part of a claim that does not hold."""
    return [
        f"{entry.claim.identity}, “{part.statement}”: {_found(part)}."
        for entry in entries
        for part in entry.parts
        if part.finding.holds is False
    ]


def _found(part: Judged) -> str:
    figures = [f"{estimate.what}: {estimate.text}" for estimate in part.finding.estimates]
    return "; ".join([part.finding.reason, *figures])
