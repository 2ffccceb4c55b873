"""Measure the goals of speed on this machine, print how far each is met, write build/bench.json.

Usage: make bench, or python benchmarks/bench.py [--only layers,start] [--repeats N]

The section curves is run only when it is named; it reads the reviews of `--data auto`.

Each comparison is made side by side in this process, see `timing.side_by_side`. The record is drawn
to build/bench-goals and build/bench-scaling, as SVG and PNG.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

import peers
import torch
from commands import encoding, predict, start
from curves import curves
from layer_speed import layers
from memory_use import memory_use
from pipeline import pipeline
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scaling import scaling
from timing import REPEATS, Row
from workers import workers

from lstm_report import paths, process, provenance
from lstm_report.figures import costs as bench_figures
from lstm_report.figures import costs as speed
from lstm_report.models import kernel
from lstm_report.training import runs as runs

TARGET = paths.BUILD / "bench.json"
SECTIONS: dict[str, Callable[[int], Iterator[Row]]] = {
    "start": start,
    "layers": layers,
    "pipeline": pipeline,
    "workers": workers,
    "scaling": scaling,
    "memory": memory_use,
    "encoding": encoding,
    "predict": predict,
}
ON_DEMAND: dict[str, Callable[[int], Iterator[Row]]] = {"curves": curves}


def measured(section: Callable[[int], Iterator[Row]], repeats: int) -> Iterator[Row]:
    """Yield the rows of a section; as in training, the smallest numbers count as zero."""
    with kernel.denormals_as_zero():
        yield from section(repeats)


def draw(rows: list[speed.Row]) -> None:
    """Write the figure of how cost grows, if it was measured."""
    if not speed.scaling_rows(rows):
        return
    figure = bench_figures.scaling(rows)
    for kind in ("svg", "png"):
        with paths.atomic_write(paths.BUILD / f"bench-scaling.{kind}") as temporary:
            figure.savefig(temporary, dpi=144, bbox_inches="tight")


def main() -> None:
    """Run the sections, print the table, write the record and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", default=",".join(SECTIONS),
        help=f"sections, separated by commas; also {', '.join(ON_DEMAND)}, on demand alone",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    chosen, known = arguments.only.split(","), SECTIONS | ON_DEMAND
    if unknown := set(chosen) - set(known):
        sys.exit(f"Expected sections from {', '.join(known)}, got {', '.join(unknown)}.")
    if arguments.repeats < 5:
        sys.exit(f"Expected at least 5 repeats, got {arguments.repeats}.")
    process.keep_freed()  # as in training, and for all that is compared with it here
    torch.manual_seed(0)
    console = Console()
    rows: list[speed.Row] = []
    table = Table("what", "figure", "interval", "goal", "met", "note")
    for name in chosen:
        for row in measured(known[name], arguments.repeats):
            rows.append({"section": name, **row._asdict(), "met": row.met})
            texts = ["not measured", ""]
            if row.figure is not None:
                rows[-1]["figure"] = row.figure._asdict()
                texts = [
                    f"{row.figure.median:.2f}",
                    f"{row.figure.low:.2f} to {row.figure.high:.2f}",
                ]
            console.print(f"{row.what}: {texts[0]}{row.note and f' ({row.note})'}", markup=False)
            met = {True: "yes", False: "no", None: ""}[row.met]
            table.add_row(*map(Text, (row.what, *texts, speed.goal(rows[-1]), met, row.note)))
    if not torch.cuda.is_available():
        console.print("There is no CUDA device here: its rows are not measured.")
    console.print(table)
    record = {
        "finished": provenance.now(),
        "commit": provenance.commit(),
        "hardware": provenance.processor(),
        "threads": torch.get_num_threads(),
        "versions": provenance.versions() | peers.versions(),
        "rows": rows,
    }
    runs.write_json(TARGET, record)
    draw(rows)
    met = [row["met"] is True for row in speed.goals(rows)]
    console.print(f"{sum(met)} of {len(met)} goals are met; every repeat is in {TARGET}.")


if __name__ == "__main__":
    main()
