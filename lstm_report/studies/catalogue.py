"""The catalogue of studies.

Those of the second round, `REGISTERED` and `MEMORY_CELLS`, stand here with their seeds, cells and
sizes as they were registered before the first run; the rules by which they are judged are in
`lstm_report.claims`, and both are told together in `results/round2/PLAN.md`. Their seeds are new,
so that no run is judged by a rule that was made after looking at it.
"""

from pathlib import Path
from typing import Any

from lstm_report.config import LOSSES, MODELS, unknown
from lstm_report.studies import tuned
from lstm_report.studies.study import ENDINGS, Cell, MemoryStudy, Study, from_file, product

LEVEL: dict[str, dict[str, Any]] = {
    "after padding": {"data.padded": True},
    "small vocabulary": {"data.vocabulary_size": 2_000},
    "beginning after padding": {"data.padded": True, "data.keep": "head"},
}
"""Choices that the source does not state, each in place of that of its profile; exploratory."""
FIRST_SEED = 100
"""No run of the first round has a seed as high."""
HEADLINE, DEPTH, GATED = "round2/headline", "round2/depth", "round2/gated"
QUICK, PHRASES, MEMORY = "round2/quick", "round2/phrases", "round2/memory"
"""The studies, by the folders of their records in `results/`."""
PHRASE = 5
"""Words that stay together where the order of a review is shuffled."""

# Of both rounds. Small, so that eight layers can be had too; I = H, so that F(x) = x in every
# layer; and little dropout, so that the loss in training shows what was learnt.
_STACKED = {
    "model.embedding_size": 64,
    "model.hidden_size": 64,
    "model.dropout": 0.2,
    "training.batch_size": 64,
    "training.epochs": 5,
}


def _stack(kind: str, layers: int) -> dict[str, Any]:
    return {"model.kind": kind, "model.num_layers": layers}


REGISTERED: dict[str, dict[str, Any]] = {
    DEPTH: {
        "question": "What does the shortcut do as layers are added, and along time?",
        "profile": "quick",
        "seeds": 20,
        "cells": {
            f"{kind} x{layers}": _stack(kind, layers)
            for layers in (1, 2, 4, 8)
            for kind in ("lstm", "reslstm")
        },
        "settings": _STACKED,
        "measures": ("depth",),
    },
    QUICK: {
        "question": "How much do two models of the quick profile differ by chance?",
        "profile": "quick",
        "seeds": 10,
        "cells": {kind: {"model.kind": kind} for kind in ("lstm", "reslstm")},
        "settings": {},
        "measures": (),
    },
    HEADLINE: {
        "question": "Does the residual LSTM classify unseen reviews better than the LSTM?",
        "profile": "source",
        "seeds": 24,
        "cells": {
            "lstm": {"model.kind": "lstm"},
            "reslstm": {"model.kind": "reslstm"},
            # As many parameters as the residual LSTM, W_res included, to one in a thousand.
            "lstm matched": {"model.kind": "lstm", "model.hidden_size": 268},
        },
        "settings": {"model.readout": "last"},
        "measures": ("last words", "contrast"),
    },
    PHRASES: {
        "question": "Does an LSTM lose when it is trained on phrases in random order?",
        "profile": "source",
        "seeds": 12,
        "cells": {"lstm phrases": {"model.kind": "lstm", "data.phrase": PHRASE}},
        "settings": {"model.readout": "last"},
        "measures": (),
    },
    GATED: {
        "question": "Does a shortcut behind the output gate train as safely, and keep accuracy?",
        "profile": "quick",
        "seeds": 15,
        "cells": {f"gatedlstm x{layers}": _stack("gatedlstm", layers) for layers in (1, 8)},
        "settings": _STACKED,
        "measures": (),
    },
}
"""The studies of classifiers, in the order in which they are run."""

MEMORY_SEEDS = 24
_SENTENCES = {"task": "although-but", "learning_rate": 1e-3, "stop_when_learnt": True}
_ADDING = {"task": "adding", "lengths": (10, 100), "steps": 1_000, "learning_rate": 5e-3}
_CLOSED = {**_SENTENCES, "start": "default", "lengths": (5, 10, 20), "steps": 9_600}
_OPEN = {**_SENTENCES, "start": "chrono", "lengths": (5, 50, 100, 200), "steps": 4_800}
MEMORY_CELLS: dict[str, dict[str, Any]] = {
    "rnn": {"kind": "rnn", "start": "default", **_ADDING},
    "lstm": {"kind": "lstm", "start": "default", **_ADDING},
    **{f"{kind} sentences": {"kind": kind, **_CLOSED} for kind in ("lstm", "reslstm")},
    **{f"{kind} sentences, open gates": {"kind": kind, **_OPEN} for kind in ("lstm", "reslstm")},
}
"""The small networks of `round2/memory`: layer, initial biases, task, its lengths, and budget."""

_ROUND_ONE = {
    "rnn": {"kind": "rnn"},
    "lstm": {"kind": "lstm"},
    "reslstm": {"kind": "reslstm"},
    "lstm chrono": {"kind": "lstm", "start": "chrono"},
    "reslstm chrono": {"kind": "reslstm", "start": "chrono"},
}
# Lengths of each task, and steps of the optimiser, the same for every length: what is learnt within
# a fixed budget.
_TASKS = (
    ("although-but", (5, 20, 50, 100, 200, 400), 800),
    ("adding", (10, 20, 50, 100, 200), 1000),
    ("copy", (5, 10, 20, 50, 100), 1500),
)
MEMORY_STUDIES = {
    study.name: study
    for study in (
        MemoryStudy(
            "memory",
            seeds=5,
            networks=tuple(
                (cell, settings | {"task": task, "length": length, "steps": steps,
                                   "learning_rate": 5e-3})
                for task, lengths, steps in _TASKS
                for length in lengths
                for cell, settings in _ROUND_ONE.items()
            ),
        ),
        MemoryStudy(
            MEMORY,
            seeds=MEMORY_SEEDS,
            networks=tuple(
                (cell, {"length": length} | {k: v for k, v in settings.items() if k != "lengths"})
                for cell, settings in MEMORY_CELLS.items()
                for length in settings["lengths"]
            ),
            first_seed=FIRST_SEED,
        ),
    )
}  # fmt: skip
"""The studies whose runs are small networks that learn a task of memory."""
STUDIES = {
    study.name: study
    for study in (
        Study(
            name="smoke",
            question="Does a study run on this machine, or on this cluster?",
            profile="smoke",
            cells=product({"model.kind": MODELS}),
            seeds=2,
            data="built-in",
        ),
        Study(
            name="headline",
            question="Does the residual LSTM judge unseen reviews better than the LSTM?",
            profile="source",
            cells=(
                Cell("lstm", {"model.kind": "lstm"}),
                Cell("reslstm", {"model.kind": "reslstm"}),
                # As many parameters as the residual LSTM, W_res included, to one in a thousand.
                Cell("lstm matched", {"model.kind": "lstm", "model.hidden_size": 268}),
                # The residual leaves the layer, but its gates do not read it.
                Cell("skiplstm", {"model.kind": "skiplstm"}),
            ),
            seeds=10,
            settings={"model.readout": "last"},
        ),
        Study(
            name="readout",
            question="Does the difference of the two models depend on the state that is read out?",
            profile="source",
            cells=tuple(
                Cell(f"{kind} {how}", {"model.kind": kind, "model.readout": how})
                for how in ("mean", "max")
                for kind in ("lstm", "reslstm")
            ),
            seeds=5,
            # With these read-outs a single look found the best epoch to be the third or fourth.
            settings={"training.epochs": 8},
        ),
        Study(
            name="loss",
            question="What does the loss that is minimised do to accuracy and calibration?",
            profile="quick",
            cells=product({"training.loss": LOSSES}),
            seeds=5,
            settings={"model.kind": "lstm", "model.readout": "last"},
        ),
        Study(
            name="locality",
            question="Do the two models follow a review whose meaning a person has turned?",
            profile="quick",
            cells=product({"model.kind": MODELS}),
            seeds=5,
            settings={"training.epochs": 3},
            excluding=True,
        ),
        Study(
            name="depth",
            question="Does the residual form help as layers are added?",
            profile="quick",
            cells=tuple(
                Cell(f"{kind} x{layers}", _stack(kind, layers))
                for layers in (1, 2, 4, 6, 8)
                for kind in ("lstm", "reslstm", "skiplstm", "gatedlstm")
            ),
            seeds=5,
            settings=_STACKED,
            measures=("depth, all layers",),
        ),
        *(study for search in tuned.SEARCHES.values() for study in search.studies()),
        Study(
            "level",
            "Which choice that the source leaves open gives its level of 81%?",
            "source",
            tuple(
                Cell(f"{kind} {name}", {"model.kind": kind, **settings})
                for name, settings in LEVEL.items()
                for kind in MODELS
            ),
            seeds=3,
            settings={"model.readout": "last"},
        ),
        *(
            Study(
                name,
                first_seed=FIRST_SEED,
                **values | {"cells": tuple(Cell(*entry) for entry in values["cells"].items())},
            )
            for name, values in REGISTERED.items()
        ),
    )
}
"""All studies of classifiers, those of the first round first."""


def find(name: str) -> Study | MemoryStudy:
    """Return the study of that name, or the one that a TOML or JSON file describes.

    Raises:
        UserError: when there is no such study, or the file is not one.
    """
    known: dict[str, Study | MemoryStudy] = {**STUDIES, **MEMORY_STUDIES}
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix not in ENDINGS:
        raise unknown("study", name, (*known, "a .toml or .json file"))
    return from_file(path, known)
