"""The section of the report on speed, from the committed record of the benchmarks."""

from lstm_report import bench_figures, notebook, speed, style

DEVICES = {"cpu": "processor", "gpu": "GPU"}
FORMATS = dict.fromkeys(("figure", "low", "high"), "{:.2f}")


def show_speed() -> None:
    """Show goals and scaling of every recorded device, and say which device is not recorded."""
    for device, name in DEVICES.items():
        record = speed.read(device)
        if record is None:
            notebook.say("There is no record of `make bench` from a {name}.", name=name)
            continue
        rows = record["rows"]
        table = speed.goal_table(rows)
        notebook.say(
            "Measured with {threads} threads on {hardware}, PyTorch {torch}, {finished}: {met} of "
            "{count} goals are met. `benchmarks/NOTES.md` tells what was tried for the others.",
            threads=record["threads"],
            hardware=record["hardware"],
            torch=record["versions"]["torch"],
            finished=record["finished"][:10],
            met=int((table["met"] == "yes").sum()),
            count=len(speed.goals(rows)),
        )
        notebook.show_table(
            table,
            label=f"goals-{device}",
            caption="Goals of speed and what was measured: the median over rounds in which all "
            "ways took turns, and a 95% interval for ratios or the range for single figures.",
            formats=FORMATS,
            written=["measured"],
        )
        if absent := speed.absent(rows):
            notebook.say("Not measured: {what}.", what="; ".join(absent))
        further = speed.further_table(rows)
        if len(further):
            notebook.show_table(
                further,
                label=f"speed-{device}",
                caption="What was measured beside the goals.",
                formats=FORMATS,
                written=["measured"],
            )
        drawn = [row for row in speed.goals(rows) if row["figure"] is not None]
        if drawn:
            notebook.show_figure(
                bench_figures.against_goals(rows),
                label=f"goals-{device}",
                caption="How many times over each goal is reached; from 1 on it is met.",
                alt=f"{len(drawn)} points against a line at 1.",
            )
        if speed.scaling_rows(rows):
            kinds = " and ".join(style.name_of(kind) for kind in ("lstm", "reslstm"))
            notebook.show_figure(
                bench_figures.scaling(rows),
                label=f"scaling-{device}",
                caption=f"Time of {kinds}, forward and backward, against the work, with the fitted "
                "powers.",
                alt="Four panels with rising lines on logarithmic axes.",
            )
