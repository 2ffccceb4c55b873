"""The command line `lstm-report`; the commands about many runs are in `studies`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_report import __version__, paths, process, progress
from lstm_report import config as configuration
from lstm_report.cli.studies import (
    Data,
    Epochs,
    Layers,
    Profile,
    Readout,
    Seed,
    again,
    baselines,
    measure,
    run_study,
    tell_epoch,
)
from lstm_report.errors import UserError

if TYPE_CHECKING:
    from lstm_report.training.runs import Trained

app = typer.Typer(
    help="LSTM against residual LSTM for the sentiment of movie reviews.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


Language = Annotated[str, typer.Option(help="en, or zh for Chinese.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lstm-report {__version__}")
        raise typer.Exit()


@app.callback()
def common(
    home: Annotated[
        Path | None,
        typer.Option(
            help=f"Folder of runs, records and caches; also by the variable {paths.HOME}. Without "
            "either, the repository, or for an installed package the working folder."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """LSTM against residual LSTM for the sentiment of movie reviews."""
    if home is not None:
        paths.settle(home)


app.command("study")(run_study)
app.command()(again)
app.command()(measure)
app.command()(baselines)


@app.command()
def build(
    profile: Profile = "quick",
    data: Data = "auto",
    seed: Seed = None,
    epochs: Epochs = None,
    layers: Layers = None,
    readout: Readout = None,
    language: Language = "en",
    code: Annotated[bool, typer.Option(help="Show the code in the PDF too.")] = False,
    output: Annotated[Path, typer.Option(help="Folder of the finished report.")] = Path("build"),
) -> None:
    """Execute the notebooks and render the report as one HTML page and one PDF."""
    if not paths.NOTEBOOKS.is_dir():
        raise UserError(
            f"Expected the notebooks in {paths.NOTEBOOKS}, but there is no such folder: build the "
            "report in a clone of the repository."
        )
    from lstm_report.report import ReportError
    from lstm_report.report.build import build as build_report

    try:
        with paths.alone(output / ".lock", f"building in {output}", wait=False):
            result = build_report(
                profile=profile,
                data=data,
                seed=seed,
                epochs=epochs,
                layers=layers,
                readout=readout,
                language=language,
                code=code,
                output=output,
            )
    except ReportError as error:
        typer.echo(f"lstm-report: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"HTML: {result.html}\nPDF:  {result.pdf}")
    for line in result.summary_lines:
        typer.echo(line)


@app.command()
def notebooks(
    language: Language = "zh",
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; else build/LANGUAGE/notebooks.")
    ] = None,
) -> None:
    """Write the notebooks in a language, to be opened in JupyterLab."""
    from lstm_report import language as languages

    for file in languages.write_notebooks(language, output):
        typer.echo(str(file))


@app.command()
def train(
    model: Annotated[str, typer.Option(help="lstm, reslstm, rnn, skiplstm or gatedlstm.")] = "lstm",
    profile: Profile = "quick",
    data: Data = "auto",
    seed: Seed = None,
    epochs: Epochs = None,
    layers: Layers = None,
    readout: Readout = None,
) -> None:
    """Train one model and write one run folder; a run that was cut off is taken up again."""
    config = configuration.profile(
        profile, model=model, data=data, seed=seed, epochs=epochs, layers=layers, readout=readout
    )
    from lstm_report.data import sources
    from lstm_report.data.prepared import prepare
    from lstm_report.training.loop import fit

    source = sources.resolve(data, log=typer.echo)
    prepared = prepare(source, config.data)
    run = fit(config, data=prepared, on_epoch=tell_epoch, log=typer.echo)
    summary = run.summary
    typer.echo(
        f"Test accuracy {summary['test_accuracy']:.2%} on {summary['test_reviews']:,} reviews, "
        f"epoch {summary['best_epoch']} selected on validation."
    )
    typer.echo(f"Run folder: {run.directory}")


@app.command()
def claims(
    json: Annotated[Path | None, typer.Option(help="File to write the whole ledger to.")] = None,
    readme: Annotated[
        Path | None, typer.Option(help="Markdown file whose answer and results are renewed.")
    ] = None,
) -> None:
    """Print the verdict on each claim of the source report, computed from results/."""
    if not paths.RESULTS.is_dir():
        raise UserError(
            f"Expected the records of the studies in {paths.RESULTS}, but there is no such folder: "
            "run the command in a clone of the repository, or name its folder with --home."
        )
    from lstm_report.claims import verdicts
    from lstm_report.claims.admitted import Archive
    from lstm_report.notebook import scoreboard

    archive = Archive()
    found = verdicts.verdicts(archive)
    if json is not None:
        paths.write_text(json, verdicts.as_json(found, archive) + "\n")
    if readme is not None:
        scoreboard.update(readme, archive, found)
    typer.echo(verdicts.as_text(found, archive))


def typed(text: str | None) -> str | None:
    """Return an argument as UTF-8 reads its bytes, whatever letters the locale knows.

    Raises:
        UserError: when they are no UTF-8.
    """
    if text is None or not any("\udc80" <= letter <= "\udcff" for letter in text):
        return text
    given = os.fsencode(text)  # the locale could not read all of it, and Python kept the bytes
    try:
        return given.decode()
    except UnicodeDecodeError:
        raise UserError(
            f"Expected an argument in UTF-8, got {repr(given)[1:40]}: convert it, or give a file."
        ) from None


@app.command()
def predict(
    run: Annotated[
        Path | None,
        typer.Option(help="Folder of a finished run; without it, the shipped models judge."),
    ] = None,
    text: Annotated[str | None, typer.Argument(help="The text to judge.")] = None,
    input: Annotated[Path | None, typer.Option(help="CSV/TSV/JSONL/Parquet of texts.")] = None,
    output: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    column: Annotated[
        str | None,
        typer.Option(help="Column that holds the texts; else text, review or sentence."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Which shipped model judges: lstm (of a file, unless named) or reslstm."),
    ] = None,
) -> None:
    """Print label and probability of a text, or add them to the rows of a file.

    Without --run, the two models judge that are shipped with lstm-report, an LSTM and a residual
    LSTM; a file is judged by the one that --model names.

    A file is given back as it came, with two columns added: probability, of the text being
    positive, and label (positive or negative). Where it has such a column already, this one stays,
    and the new one is called predicted_probability or predicted_label. The ending of the output
    chooses its format: .csv, .tsv, .jsonl or .parquet.
    """
    text, column = typed(text), typed(column)
    if (text is None) == (input is None) or (input is None) != (output is None):
        raise UserError(
            "Expected either one text, or both --input FILE and --output FILE: give one of the two."
        )
    if model is not None and run is not None:
        raise UserError("Expected either --run or --model, got both: leave one out.")
    if model is not None and model not in configuration.MODELS:
        raise configuration.unknown("model", model, configuration.MODELS)
    from lstm_report.training import shipped
    from lstm_report.training.evaluate import predict_file
    from lstm_report.training.runs import read_run

    judge: Trained
    if run is not None:
        judge = read_run(run)
    else:
        pair = shipped.read()
        typer.echo(shipped.in_words(pair), err=True)
        if text is not None and model is None:
            for kind, entry in pair.items():
                typer.echo(f"{kind} {_judged(entry, text)}")
            return
        judge = pair[model or configuration.MODELS[0]]
    if input is not None and output is not None:
        predict_file(judge, input, output, column, log=typer.echo)
    else:
        typer.echo(_judged(judge, text or ""))


def _judged(model: "Trained", text: str) -> str:
    """Return the label of a text and its probability."""
    from lstm_report.training.evaluate import label_of, probabilities

    (probability,) = probabilities(model, [text])
    return f"{label_of(probability)} {max(probability, 1 - probability):.3f}"


@app.command()
def ship(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an LSTM's run.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="That of a residual LSTM's.")],
    data: Data = "auto",
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; else that of the package.")
    ] = None,
) -> None:
    """Make two runs the pair of models that is shipped: smaller, and judged again on the test."""
    from lstm_report.data import sources
    from lstm_report.training import shipped
    from lstm_report.training.runs import read_run

    pair = read_run(first), read_run(second)
    made = shipped.ship(*pair, sources.resolve(data, log=typer.echo), output)
    for entry in made.values():
        about = entry.about
        typer.echo(
            f"{entry.file.name}: {entry.file.stat().st_size:,} bytes; test accuracy "
            f"{about['accuracy']:.2%} on {about['test_reviews']:,} reviews, "
            f"{about['recorded_accuracy']:.2%} as trained; {about['changed']:,} reviews are judged "
            "otherwise."
        )
    typer.echo(f"Folder: {made['lstm'].directory}")


@app.command()
def data(
    source: Annotated[str, typer.Argument(help="auto, built-in, or a path.")] = "auto",
    profile: Profile = "quick",
) -> None:
    """Show what a source resolves to, with counts and checksum, and prepare it."""
    config = configuration.profile(profile, data=source)
    from lstm_report.data import prepared as reviews
    from lstm_report.data.sources import resolve

    found = resolve(source, log=typer.echo)
    prepared = reviews.prepare(found, config.data)
    verified = "verified IMDB" if found.is_imdb else "not the IMDB data set"
    typer.echo(f"Name:        {found.name} ({verified})")
    typer.echo(f"Train/test:  {len(found.train.texts):,} / {len(found.test.texts):,} reviews")
    typer.echo(f"Checksum:    {found.checksum}")
    typer.echo(f"Prepared:    {len(prepared.train):,} training reviews")
    typer.echo(f"Validation:  {len(prepared.validation):,} reviews")
    typer.echo(f"Vocabulary:  {prepared.vocabulary_size:,} tokens")


STOPPED = 130
"""Exit code after Ctrl-C, by the convention of shells: 128 and the number of the signal."""


def main() -> None:
    """Run the command line; a user's error is one sentence on stderr and exit code 2."""
    progress.prepare()
    process.wait_passively()
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = STOPPED
    except UserError as error:
        typer.echo(f"lstm-report: {error}", err=True)
        code = 2
    except typer.TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        typer.echo(f"lstm-report: {message} See lstm-report --help.", err=True)
        code = 2
    if code == STOPPED:
        typer.echo(
            "lstm-report: stopped; what is finished is kept, and the same command goes on.",
            err=True,
        )
    sys.exit(code)
