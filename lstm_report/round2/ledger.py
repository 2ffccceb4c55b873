"""The verdicts of the second round: of each part, and of each claim by its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lstm_report import archive as records
from lstm_report import decisions, tables
from lstm_report import records as stored
from lstm_report.archive import Archive, Missing, View
from lstm_report.evidence import Estimate
from lstm_report.round2 import (
    accuracy,
    curves,
    depth,
    locality,
    loss,
    memory,
    registration,
    settings,
)
from lstm_report.round2.parts import ALPHA, Calculated, Check, Outcome, Part

PARTS: tuple[Part | Calculated, ...] = (
    *accuracy.PARTS,
    *curves.PARTS,
    *memory.PARTS,
    *depth.PARTS,
    *locality.PARTS,
    *loss.PARTS,
)
CLAIMS = tuple(f"C{number}" for number in range(1, 13))
TESTED = tuple(part for part in PARTS if isinstance(part, Part) and not part.shares)
"""The hypotheses of Holm's family, one for each part that is judged by a figure of its own."""
ACROSS, ALONG = ("C5b", "C7d"), ("C5d", "C7b")
"""The parts of D1: the shortcut acts across layers (supported), and not along time (refuted)."""
D1 = "the shortcut acts across layers and not along time"


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
            return f"Not measured yet: {records.in_words(self.lacking)}."
        figure = f"{self.estimate.what}: {self.estimate.text}"
        check = f"Check {'passed' if self.check.holds else 'failed'}: {self.check.text}."
        meaning = {
            "supported": f" {self.part.if_supported}",
            "refuted": f" {self.part.if_refuted}",
            "not reproduced": f" {self.part.if_refuted}",
        }.get(self.outcome, "")
        if self.lacking:
            meaning = f" Not complete yet: {records.in_words(self.lacking)}."
        return f"{self.outcome.capitalize()}. {figure}.{meaning} {check}"


@dataclass
class _Judged:
    part: Part
    view: View
    holds: bool | None = None
    p_value: float | None = None
    estimate: Estimate | None = None
    check: Check | None = None
    lacking: list[Missing] = field(default_factory=list)


def _judge(part: Part, archive: Archive) -> _Judged:
    found = _Judged(part, View(archive))
    try:
        figure = part.figure(found.view)
        found.check = part.check(found.view)
        found.holds, found.p_value = part.rule.judge(figure)
        found.estimate = Estimate(part.what, figure.interval, part.unit)
    except Missing as lack:
        found.estimate = found.check = None
        found.lacking.append(lack)
    found.lacking += found.view.lacking
    return found


def verdicts(archive: Archive | None = None) -> list[Verdict]:
    """Return the verdict on each part, in the order of `PARTS`.

    A part that is not complete, or whose check fails, keeps its place in Holm's family with a
    p-value of 1, so that the others do not gain by it.

    Args:
        archive: the records; by default those in `results/`.
    """
    archive = Archive() if archive is None else archive
    judged = {part.identity: _judge(part, archive) for part in PARTS if isinstance(part, Part)}
    valid = {
        part.identity: judged[part.identity].p_value
        for part in TESTED
        if not judged[part.identity].lacking
        and (check := judged[part.identity].check) is not None
        and check.holds
    }
    family = {part.identity: valid.get(part.identity) or 1.0 for part in TESTED}
    table = decisions.holm(family, ALPHA)
    adjusted = dict(zip(table["claim"], table["adjusted"], strict=True))
    return [
        _verdict(judged[part.identity], adjusted[part.shares or part.identity])
        if isinstance(part, Part)
        else Verdict(part, "true by calculation")
        for part in PARTS
    ]


def _verdict(found: _Judged, adjusted: float) -> Verdict:
    outcome: Outcome
    if found.lacking or found.check is None:
        outcome, corrected = "not measured yet", None
    elif not found.check.holds:
        outcome, corrected = "not tested", None
    else:
        corrected = adjusted
        decided = found.holds is not None and adjusted < ALPHA
        outcome = "undecided"
        if decided:
            outcome = "supported" if found.holds else found.part.against
    return Verdict(
        *(found.part, outcome, found.estimate, found.check, found.p_value, corrected),
        runs=tuple(sorted(found.view.used)),
        lacking=tuple(found.lacking),
    )


def of_claim(identity: str, found: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts on the parts of a claim, `C1` to `C12`."""
    return [entry for entry in found if entry.part.identity.rstrip("abcdefgh") == identity]


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the verdict on a claim by those of its parts.

    Supported when all parts are; refuted, or not reproduced, when all that are decided are against
    it; partly supported when they differ. What is true by calculation counts as supported.
    """
    plain: list[Outcome] = [
        "supported" if entry == "true by calculation" else entry for entry in outcomes
    ]
    decided = [entry for entry in plain if entry in ("supported", "refuted", "not reproduced")]
    if plain and set(plain) == {"supported"}:
        return "supported"
    if not decided:
        for outcome in ("not measured yet", "undecided", "not tested"):
            if outcome in plain:
                return outcome
    if "supported" in decided:
        return "partly supported"
    return "refuted" if "refuted" in decided else "not reproduced"


def across_not_along(found: Sequence[Verdict]) -> Outcome:
    """Return the verdict on D1, by those of its four parts."""
    by_name = {entry.part.identity: entry.outcome for entry in found}
    wanted: dict[str, Outcome] = {
        **dict.fromkeys(ACROSS, "supported"),
        **dict.fromkeys(ALONG, "refuted"),
    }
    if all(by_name[name] == outcome for name, outcome in wanted.items()):
        return "supported"
    for name, outcome in wanted.items():
        if by_name[name] in ("supported", "refuted") and by_name[name] != outcome:
            return "refuted"
    return "not measured yet" if "not measured yet" in by_name.values() else "undecided"


def as_text(found: Sequence[Verdict]) -> str:
    """Return the verdicts for a terminal: when the rules were registered, claims, and parts."""
    registered = registration.registration()
    since = (
        f"Rules registered in commit {registered.commit[:12]}, {registered.time}."
        if registered
        else "When the rules were registered cannot be seen: this is no full git clone."
    )
    lines = [since, _first_run(), ""]
    rows = [
        [entry.part.identity, entry.outcome, tables.cell(entry.adjusted, "{:.2g}"),
         entry.estimate.text if entry.estimate else tables.NOT_MEASURED]
        for entry in found
    ]  # fmt: skip
    heading = ["part", "verdict", "p, corrected", "figure (95% interval)"]
    lines.append(tables.as_text(heading, rows, [False, False, True, False]))
    for claim in CLAIMS:
        parts = of_claim(claim, found)
        lines += ["", f"{claim}: {combined([entry.outcome for entry in parts])}."]
        lines += [f"    {entry.part.identity}, {entry.part.statement}: {entry.text}"
                  for entry in parts]  # fmt: skip
    lines += ["", f"D1, {D1}: {across_not_along(found)}."]
    return "\n".join(lines)


def _first_run() -> str:
    """Return when the first run of the round was finished, and with which commit."""
    finished = [
        (str(row["finished"]), str(row["commit"]))
        for name in settings.STUDIES
        for _, row in stored.tables(name)[0].iterrows()
    ]
    if not finished:
        return "No run of a classifier is recorded yet."
    time, commit = min(finished)
    return f"The first classifier was finished {time}, with commit {commit}."
