"""Figures that stand beside a claim and have no part in its verdict; none without records.

They show what else the source's explanation could have been tested by: the state that is read out,
reviews with contrast or negation, reviews that a person turned, models with a part cut out, and
other forms of the residual.
"""

from collections.abc import Callable, Sequence

import pandas as pd

from lstm_report import (
    cost_figures,
    costs,
    evidence_figures,
    locality,
    rules_depth,
    seeds,
    style,
)
from lstm_report.archive import Archive, Missing, View
from lstm_report.claim_figures import Shown
from lstm_report.comparison import differences
from lstm_report.decisions import MARGIN
from lstm_report.evidence import Cell, Estimate, by_number, paired
from lstm_report.evidence_figures import Panel
from lstm_report.rules import LSTM, RESIDUAL
from lstm_report.rules_memory import ALTHOUGH_BUT
from lstm_report.tasks import TASKS

COPY = TASKS["copy"].measure
READOUTS = ("mean", "max")
RESIDUALS = ("reslstm", "skiplstm", "gatedlstm")
LOSSES = ("bce", "smoothed", "hinge")
GROUPS = ("with contrast", "without contrast", "with negation", "without negation")
WHOLE = "as trained"


def draw(identity: str, archive: Archive) -> list[Shown]:
    """Return the further figures of a claim for which there are records."""
    found = []
    for figure in FIGURES.get(identity, ()):
        try:
            found.append(figure(View(archive)))
        except Missing:
            continue
    return found


def _read_outs(view: View) -> Shown:
    """Draw what the residual does with each read-out, and what the read-out does itself."""
    pairs: dict[str, tuple[Cell, Cell]] = {
        "last state: residual LSTM minus LSTM": (RESIDUAL, LSTM),
        **{
            f"{how} of all states: residual LSTM minus LSTM": (
                ("readout", f"reslstm {how}"),
                ("readout", f"lstm {how}"),
            )
            for how in READOUTS
        },
        **{f"LSTM: {how} minus last": (("readout", f"lstm {how}"), LSTM) for how in READOUTS},
    }
    view.rows("readout", "lstm mean")
    return Shown(
        evidence_figures.differences(differences(view, pairs), MARGIN),
        "What the residual changes under each read-out, and what the read-out itself changes: "
        "differences in test accuracy with their 95% intervals over seeds and reviews.",
        "One point with an interval for each comparison, beside a band around 0.",
    )


def _groups(view: View) -> Shown:
    """Draw what the residual does in reviews with contrast or negation, and in the others."""
    found = []
    for group in GROUPS:
        tables = [view.measured(*cell, f"accuracy, reviews {group}") for cell in (RESIDUAL, LSTM)]
        gain = paired(tables, "headline", view)[""]
        found.append(Estimate(group, seeds.mean_interval(gain), "points"))
    return Shown(
        evidence_figures.differences(found, MARGIN),
        "Accuracy of the residual LSTM minus that of the LSTM on test reviews of IMDB with and "
        "without a word of contrast (*although*, *but*, *however*, …) or negation in what is read. "
        "Means over the seeds with 95% intervals.",
        "One point with an interval for each group of reviews, beside a band around 0.",
    )


def _forms(view: View) -> Shown:
    """Draw what each form of the residual gains over the LSTM, by the number of layers."""
    loss, accuracy, slopes = {}, {}, []
    for kind in RESIDUALS:
        try:
            loss[kind] = rules_depth.gain(view, kind, "train_loss")
            accuracy[kind] = 100 * rules_depth.gain(view, kind, "test_accuracy")
        except Missing:
            continue
        trend = rules_depth.per_doubling(loss[kind])
        slopes.append(f"{style.name_of(kind)} {Estimate('', trend.interval, 'nats').text}")
    if len(slopes) < 2:
        raise Missing("two or more forms of the residual")
    log, zero = {"xscale": "log"}, ("no difference", 0.0)
    panels = [
        Panel("Training loss", "layers", "LSTM minus this form (nats)", loss, log, level=zero),
        Panel("Test accuracy", "layers", "this form minus LSTM (points)", accuracy, log,
              level=zero),
    ]  # fmt: skip
    return Shown(
        evidence_figures.over_conditions(panels),
        "What each form of the residual gains over the LSTM of as many layers, in the same seeds: "
        "the source's, one between the layers that the gates do not read (Wu et al. 2016), and one "
        "that passes the output gate (Kim et al. 2017). Means over the seeds with 95% intervals. "
        f"Gain in training loss at each doubling of the layers: {'; '.join(slopes)}.",
        "Two panels against the number of layers with a line and a band for each form, beside a "
        "line at 0.",
    )


def _open_gates(view: View) -> Shown:
    """Draw accuracy against distance of cells that start with gates that remember."""
    panels = []
    for measure, x, title, chance in (
        (ALTHOUGH_BUT, "words between the two halves", "although …, but …", 0.5),
        (COPY, "words to wait", "Copying", TASKS["copy"].chance),
    ):
        lines = {
            kind: by_number(view.measured("memory", f"{kind} chrono", measure))
            for kind in ("lstm", "reslstm")
        }
        panels.append(
            Panel(title, x, "accuracy", lines, {"xscale": "log"}, percent=True,
                  level=("by chance", chance))
        )  # fmt: skip
    return Shown(
        evidence_figures.over_conditions(panels),
        "The same task, and copying, by cells whose biases start so that their gates remember over "
        "the whole distance (Tallec and Ollivier 2018). Means over the seeds with 95% intervals.",
        "Two panels with a line and a band for each model, falling with the distance.",
    )


def _kinds(view: View, cells: Sequence[Cell], measure: str) -> dict[str, pd.DataFrame]:
    """Return a measure by kind, seeds by conditions.

    Raises:
        Missing: when a cell has none.
    """
    return {cell[1]: view.measured(*cell, measure) for cell in cells}


def _ends(view: View) -> Shown:
    """Draw the accuracy on the first or last words of each review."""
    panels = []
    for measure, title in ((locality.FIRST, "First words"), (locality.LAST, "Last words")):
        found = _kinds(view, (LSTM, RESIDUAL), measure)
        lines = {kind: by_number(table) for kind, table in found.items()}
        panels.append(
            Panel(title, "words kept", "accuracy", lines, {"xscale": "log"}, percent=True)
        )
    return Shown(
        evidence_figures.over_conditions(panels),
        "Accuracy when only the first or the last words of a review are read. Means over the seeds "
        "with 95% intervals.",
        "Two panels against the number of words kept with a line and a band for each model.",
    )


def _edits(view: View) -> Shown:
    """Draw the accuracy on reviews before and after a person turned them."""
    names = {
        "before": locality.ORIGINALS,
        "after": locality.EDITS,
        "both of a pair": locality.CONSISTENCY,
    }
    lines = {
        kind: pd.DataFrame(
            {
                name: view.measured("locality", kind, measure)[condition]
                for name, (measure, condition) in names.items()
            }
        )
        for kind in ("lstm", "reslstm")
    }
    panel = Panel("", "reviews judged", "right", lines, percent=True, joined=False)
    return Shown(
        evidence_figures.over_conditions([panel]),
        "Reviews that a person edited, a few words each, until their label turned (Kaushik et al. "
        "2020): accuracy before and after, and pairs with both right, by models trained without "
        "them. Means over the seeds with 95% intervals.",
        "Three groups of points with intervals for both models.",
    )


def _cuts(view: View) -> Shown:
    """Draw what remains of the residual LSTM when a part of the residual is cut after training."""
    parts = {
        WHOLE: locality.INTACT,
        "feedback cut": (locality.FEEDBACK_CUT, ""),
        "residual cut": (locality.BRANCH_CUT, ""),
    }
    lines = {}
    for kind in ("reslstm", "skiplstm"):
        columns = {}
        for name, (measure, condition) in parts.items():
            if name != "feedback cut" or kind == "reslstm":
                try:
                    columns[name] = view.measured("headline", kind, measure)[condition]
                except Missing:
                    break
        else:
            lines[kind] = pd.DataFrame(columns)
    if "reslstm" not in lines:
        raise Missing(locality.BRANCH_CUT)
    panel = Panel("", "residual in the test", "accuracy", lines, percent=True, joined=False,
                  level=("by chance", 0.5))  # fmt: skip
    return Shown(
        evidence_figures.over_conditions([panel]),
        "Accuracy of trained models whose residual is cut in the test: *feedback cut* leaves it in "
        "what is read out and takes it from what the gates read. Means over the seeds with 95% "
        "intervals.",
        "Groups of points with intervals for each kind of cell.",
    )


def _losses(view: View) -> Shown:
    """Draw accuracy and calibration of models trained with other losses."""
    cells = {loss: ("loss", loss) for loss in LOSSES}
    chosen = view.common(list(cells.values()))
    accuracy = pd.DataFrame(
        {
            loss: view.rows(*cell).loc[chosen, "test_accuracy"].astype(float)
            for loss, cell in cells.items()
        }
    )
    calibration = pd.DataFrame(
        {loss: view.measured(*cell, "calibration error")[""] for loss, cell in cells.items()}
    ).dropna()
    panels = [
        Panel("Accuracy", "loss in training", "test accuracy", {"lstm": accuracy}, percent=True,
              joined=False),
        Panel("Calibration", "loss in training", "calibration error", {"lstm": calibration},
              joined=False),
    ]  # fmt: skip
    return Shown(
        evidence_figures.over_conditions(panels),
        "Test accuracy and expected calibration error of the LSTM trained with binary "
        "cross-entropy (*bce*), the same with smoothed labels, and the hinge loss. Means over the "
        "seeds with 95% intervals.",
        "Two panels with a point and an interval for each loss.",
    )


def _costs(view: View) -> Shown:
    """Draw accuracy against cost, of everything that was tested on IMDB."""
    found = costs.table()
    if len(found) < 2:
        raise Missing("two or more cells tested on IMDB")
    best = cost_figures.numbered(found)
    named = "; ".join(f"{row.number} {row.cell} ({row.study})" for row in best.itertuples())
    return Shown(
        cost_figures.accuracy_against_cost(found),
        "Test accuracy of everything that was trained on IMDB against the seconds of its training "
        "times its threads, on the machine that it ran on; a bar goes from the worst seed to the "
        f"best. Equal steps of height divide the errors alike. Best at their cost: {named}.",
        "Points of many models over a logarithmic axis of cost, with a stepped line through the "
        "best at each cost.",
    )


FIGURES: dict[str, tuple[Callable[[View], Shown], ...]] = {
    "C1": (_read_outs,),
    "C6": (_forms,),
    "C8": (_open_gates, _groups),
    "C9": (_ends, _edits),
    "C10": (_cuts,),
    "C11": (_losses,),
    "C12": (_costs,),
}
