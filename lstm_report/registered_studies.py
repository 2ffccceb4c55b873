"""The experiments of the second round: seeds, cells and sizes, registered before the first run.

The rules by which they are judged stand beside this file, and both are told together, for a
reader, in `results/round2/PLAN.md`. The seeds are new, so that no run is judged by a rule that was
made after looking at it.
"""

from typing import Any

FIRST_SEED = 100
"""No run of the first round has a seed as high."""
HEADLINE, DEPTH, GATED = "round2/headline", "round2/depth", "round2/gated"
QUICK, PHRASES, MEMORY = "round2/quick", "round2/phrases", "round2/memory"
"""The studies, by the folders of their records in `results/`."""
PHRASE = 5
"""Words that stay together where the order of a review is shuffled."""

# As in the first round: I = H, so that F(x) = x in every layer, and little dropout, so that the
# loss in training shows what was learnt.
_STACKED = {
    "model.embedding_size": 64,
    "model.hidden_size": 64,
    "model.dropout": 0.2,
    "training.batch_size": 64,
    "training.epochs": 5,
}


def _stack(kind: str, layers: int) -> dict[str, Any]:
    return {"model.kind": kind, "model.num_layers": layers}


STUDIES: dict[str, dict[str, Any]] = {
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
