"""Options that several commands of `lstm-report` share, and what they tell of a training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas

Data = Annotated[
    str,
    typer.Option(
        help="auto, built-in, or a path: hub folder, aclImdb folder or .tar.gz, "
        "CSV/TSV/JSONL/Parquet file.",
    ),
]
Profile = Annotated[str, typer.Option(help="smoke (seconds), quick (minutes) or source.")]
Seed = Annotated[int | None, typer.Option(help="Seed of weights, dropout and batch order.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs instead of the profile's.")]
Layers = Annotated[int | None, typer.Option(help="Recurrent layers instead of the profile's.")]
Readout = Annotated[str | None, typer.Option(help="last, mean or max.")]
Exclude = Annotated[
    Path | None, typer.Option(help="File or folder of reviews that are not trained on.")
]
Edits = Annotated[
    Path | None, typer.Option(help="Folder of counterfactual edits; what it holds is excluded.")
]


def tell_epoch(epochs: "pandas.DataFrame") -> None:
    """Print the last epoch in one line; the `on_epoch` of `lstm_report.training.fit`."""
    from lstm_report import progress

    typer.echo(progress.epoch_line(epochs))
