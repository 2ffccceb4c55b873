"""The commands about many runs: `lstm-report study | again | measure | baselines`."""

import dataclasses
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_report import progress
from lstm_report.errors import UserError

if TYPE_CHECKING:
    import pandas

    from lstm_report.data.sources import Source
    from lstm_report.studies.runner import Plan
    from lstm_report.studies.study import MemoryStudy, Study
    from lstm_report.studies.workers import Engine


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
    """Print the last epoch in one line; the `on_epoch` of `lstm_report.training.loop.fit`."""
    typer.echo(progress.epoch_line(epochs))


def run_study(
    name: Annotated[
        str, typer.Argument(help="smoke, headline, depth, memory, or a .toml or .json file.")
    ],
    workers: Annotated[
        int | None, typer.Option(help="Runs at the same time: 1; with ray, as many as fit.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local (processes of this machine) or ray.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the Ray cluster; else the one that runs here.")
    ] = None,
    cpus: Annotated[int, typer.Option(help="With ray: cores of each run.")] = 1,
    gpus: Annotated[float, typer.Option(help="With ray: GPUs of each run, as in 0.25.")] = 0.0,
    data: Annotated[str | None, typer.Option(help="Reviews instead of the study's.")] = None,
    exclude: Exclude = None,
    profile: Annotated[str | None, typer.Option(help="Profile instead of the study's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs instead of the study's.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds instead of the study's.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Cell to run; may be repeated.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and estimate the time.")
    ] = False,
) -> None:
    """Run what is missing of a study and record it in results/; exit code 1 when a run failed.

    Finished runs are never run again; after Ctrl-C, the same command goes on.
    Another profile or other epochs are recorded under a name of their own.
    """
    from lstm_report.studies import runner
    from lstm_report.studies.study import Study

    chosen = _find(name, data=data, exclude=exclude, profile=profile, epochs=epochs,
                   engine=engine != "local", address=address, cpus=cpus != 1,
                   gpus=gpus)  # fmt: skip
    if isinstance(chosen, Study):
        chosen = chosen.altered(profile=profile, epochs=epochs)
    chosen = dataclasses.replace(chosen, seeds=chosen.seeds if seeds is None else seeds)
    chosen = chosen.only(only or [])
    chosen.runs()
    with closing(
        runner.choose_engine(engine, workers, address=address, cpus=cpus, gpus=gpus)
    ) as place:
        plan = _plan(chosen, data, exclude)
        if dry_run:
            typer.echo(runner.forecast(plan, place))
            return
        _execute(plan, place)


def again(
    study: Annotated[str, typer.Argument(help="A study, as of `lstm-report study`, or baselines.")],
    cell: Annotated[
        str, typer.Argument(help='One of its cells; of memory, as in "lstm, adding 50".')
    ],
    seed: Annotated[int, typer.Option(help="Number of the seed, from 0.")] = 0,
    data: Annotated[str | None, typer.Option(help="Reviews instead of the study's.")] = None,
    exclude: Exclude = None,
) -> None:
    """Compute one run of a study again, beside its records; exit code 1 when it is far off them."""
    from lstm_report.studies import linear, runner

    if seed < 0:
        raise UserError(f"Expected a seed of at least 0, got {seed}: give a whole number.")
    if study == linear.NAME:
        source, _ = _resolve(data or "auto", exclude)
        plan: Plan = linear.LinearModels(source, cells=[cell], first_seed=seed)
    else:
        chosen = _find(study, data=data, exclude=exclude).only([cell])
        plan = _plan(dataclasses.replace(chosen, first_seed=seed, seeds=1), data, exclude)
    found = runner.again(plan, tell_epoch)
    typer.echo(f"{study}, {cell}, seed {seed}: {found.text}")
    if not found.within:
        raise typer.Exit(1)


def _find(name: str, **given: object) -> "Study | MemoryStudy":
    """Return a study; one of memory refuses the options that are about reviews and clusters."""
    from lstm_report.studies import catalogue
    from lstm_report.studies.study import Study

    chosen = catalogue.find(name)
    if not isinstance(chosen, Study):
        for option in (option for option, value in given.items() if value):
            raise UserError(
                f"Expected the study {name} without --{option}, since it trains small networks on "
                "tasks of its own on this machine: leave the option out."
            )
    elif chosen.excluding and not given["exclude"]:
        raise UserError(
            f"Expected the reviews that the study {name} is trained without, got none: name "
            "their file or folder with --exclude."
        )
    return chosen


def _plan(study: "Study | MemoryStudy", data: str | None, exclude: Path | None) -> "Plan":
    """Return the runs of a study, and say which reviews they are trained on."""
    from lstm_report.data import unlabelled
    from lstm_report.studies import classifiers, memory
    from lstm_report.studies.study import Study

    if not isinstance(study, Study):
        return memory.Networks(study)
    source, _ = _resolve(data or study.data, exclude)
    if any(run.config.reads_unlabelled for run in study.runs()):
        source = unlabelled.attach(source, data or study.data)
        typer.echo(f"{len(source.unlabelled):,} reviews without a label are read too.")
    return classifiers.Classifiers(study, source)


def _resolve(data: str, exclude: Path | None) -> "tuple[Source, Source]":
    """Return the reviews that are trained on, and say which they are; and those with the rest."""
    from lstm_report.data import sources
    from lstm_report.data.counterfactual import without

    whole = sources.resolve(data)
    source = whole if exclude is None else without(whole, exclude)
    typer.echo(f"Data: {source.name}. {source.origin}")
    return source, whole


def measure(
    study: Annotated[str, typer.Argument(help="A study with records, the folder's name.")],
    what: Annotated[
        list[str] | None,
        typer.Option(
            help="loss, locality, edits or averaged (with n-grams); may be repeated. Without it, "
            "the first two, and edits where given."
        ),
    ] = None,
    data: Data = "auto",
    exclude: Exclude = None,
    edits: Edits = None,
    limit: Annotated[
        int | None, typer.Option(help="Test reviews read again for locality: 5000.")
    ] = None,
) -> None:
    """Measure the finished runs of a study further; after Ctrl-C, the same command goes on.

    What needs weights is measured on the runs whose folders are still in runs/.
    """
    from lstm_report.analysis import perturbations
    from lstm_report.data.counterfactual import read_pairs
    from lstm_report.studies import measure as measuring
    from lstm_report.studies import records

    records.read(study)
    source, whole = _resolve(data, exclude or edits)
    measuring.check(study, source, whole)
    measuring.measure(
        study,
        source,
        what=what or ("loss", "locality", *(["edits"] if edits else [])),
        pairs=None if edits is None else read_pairs(edits),
        limit=perturbations.LIMIT if limit is None else limit,
        log=typer.echo,
    )
    typer.echo(f"Measurements: results/{study}/measurements.csv")


def baselines(
    profile: Annotated[str, typer.Option(help="Profile whose split is used.")] = "source",
    data: Data = "auto",
    edits: Edits = None,
    seeds: Annotated[int, typer.Option(help="How many validation splits.")] = 1,
) -> None:
    """Fit linear models over words and phrases, and record those that are not recorded yet."""
    from lstm_report.data.counterfactual import read_pairs
    from lstm_report.studies import linear

    source, _ = _resolve(data, edits)
    plan = linear.LinearModels(
        source,
        profile=profile,
        seeds=seeds,
        left_out=edits,
        pairs=None if edits is None else read_pairs(edits),
    )
    _execute(plan, linear.Here())


def _execute(plan: "Plan", engine: "Engine") -> None:
    """Run what is missing of a study, and tell what was found; exit code 1 when a run failed."""
    from lstm_report.studies import runner

    failed = runner.execute(plan, engine, log=typer.echo)
    typer.echo(plan.summary())
    typer.echo(f"Records: results/{plan.name}")
    if failed:
        typer.echo(
            f"lstm-report: {len(failed)} of the runs failed, see "
            f"results/{plan.name}/failures.csv; the same command tries them again.",
            err=True,
        )
        raise typer.Exit(1)
