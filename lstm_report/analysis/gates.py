"""What the gates do: at each word that a trained classifier reads, and in a cell of one unit."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import torch

from lstm_report import config
from lstm_report.config import GATES
from lstm_report.errors import UserError
from lstm_report.models.cells import CellParameters, lstm_step
from lstm_report.models.classifier import SentimentClassifier
from lstm_report.models.unrolled import unroll


@torch.no_grad()
def gate_trace(
    model: SentimentClassifier, tokens: Iterable[int], *, layer: int = 0
) -> pd.DataFrame:
    """Return what the gates of a trained classifier do at each word of one review.

    The cell is run step by step, without dropout, by the equations of `lstm_report.models.cells`.
    Of a bidirectional classifier, it is the direction that reads the review from its first word.

    Args:
        model: the classifier, of any kind that has gates.
        tokens: the token numbers of the review, in order, without padding.
        layer: which of the stacked recurrent layers, from 0.

    Returns:
        One row per word: position (from 0), token, then means over the H hidden units of i, f
        and o (each in (0, 1)), of |g| (in (0, 1); the signs of g would cancel), of |c|, and of
        |h|, of what leaves the layer: of a `skiplstm`, with its shortcut, which its gates do not
        read.

    Raises:
        UserError: for a review without tokens, a layer that the model does not have, or a plain
            network, which has no gates.
    """
    if model.config.kind == "rnn":
        raise UserError(
            "Expected a model with gates, got the kind rnn: trace one of "
            f"{', '.join(kind for kind in config.KINDS if kind != 'rnn')}."
        )
    numbers = [int(token) for token in tokens]
    if not numbers:
        raise UserError("Expected a review with at least one word, got none: pass some text.")
    if not 0 <= layer < model.config.num_layers:
        raise UserError(
            f"Expected a layer from 0 to {model.config.num_layers - 1}, got {layer}: choose one."
        )
    words = model.embedding(torch.tensor(numbers, device=model.embedding.weight.device))
    traced = unroll(model.recurrent, words.unsqueeze(1))[layer]
    columns = {name: [getattr(step, name) for step in traced.steps] for name in (*GATES, "c")}
    columns["h"] = traced.output  # one (1, H) per word, as in the others
    means = {
        name: torch.stack(values).abs().mean((1, 2)).tolist() for name, values in columns.items()
    }
    return pd.DataFrame({"position": range(len(numbers)), "token": numbers} | means)


def follow_gates(gates: Iterable[Mapping[str, Any]], *, c: float = 0.0) -> pd.DataFrame:
    """Run an LSTM cell of one unit whose gates are set by hand.

    The weights are zero and the biases are chosen so that `cells.lstm_step` computes the wanted
    values, so the result is that of the real cell.

    Args:
        gates: at each step the values of i, f and o, from 0 to 1, and g, from -1 to 1.
        c: the cell state before the first step.

    Returns:
        One row per step, and a row 0 before them: step, i, f, g, o (NaN at step 0), c, h (at step 0
        NaN too).

    Raises:
        UserError: for a value outside its range.
    """
    zero, state = torch.zeros(1, dtype=torch.float64), torch.tensor([float(c)], dtype=torch.float64)
    weight = torch.zeros(len(GATES), 1, dtype=torch.float64)
    rows: list[dict[str, float]] = [{"step": 0, "c": float(c)}]
    for position, values in enumerate(gates, start=1):
        for name in GATES:
            if not (-1 if name == "g" else 0) <= values[name] <= 1:
                raise UserError(
                    f"Expected i, f and o from 0 to 1 and g from -1 to 1, got {name} = "
                    f"{values[name]}: choose a value in its range."
                )
        wanted = {name: torch.tensor(float(values[name]), dtype=torch.float64) for name in GATES}
        bias = [wanted[name].atanh() if name == "g" else wanted[name].logit() for name in GATES]
        step = lstm_step(zero, zero, state, CellParameters(weight, weight, torch.stack(bias)))
        state = step.c
        rows.append({"step": position} | {name: float(getattr(step, name)) for name in "ifgoch"})
    return pd.DataFrame(rows, columns=["step", *GATES, "c", "h"])
