"""Studies of small runs, their folders, reviews and records, for the tests of several modules.

Test files make fixtures of those functions whose arguments are fixtures.
"""

import sys

import pandas as pd
import pytest

from lstm_report import config, paths, provenance
from lstm_report.analysis import ensemble, measurements
from lstm_report.cli import app
from lstm_report.data import prepared, sources, synthetic
from lstm_report.studies import records, study
from lstm_report.training import loop

ALL = {
    "model.bidirectional": True,
    "model.normalised_embedding": True,
    "model.word_dropout": 0.2,
    "model.embedding_dropout": 0.4,
    "training.schedule": "linear",
    "training.adversarial": 2.0,
}
"""A value other than the default of each setting that the first runs did not have."""
UNTIMED = ["epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
TINY = {"data.train_limit": 200, "training.epochs": 3}


def places(tmp_path, monkeypatch):
    """Folders of the test's own for runs, records and prepared reviews; and one core.

    Other tests run beside it, and threads that wait for each other on busy cores take minutes.
    """
    monkeypatch.setattr(provenance, "cores", lambda: 1)
    for name in ("RUNS", "RESULTS", "CACHE"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    return tmp_path


def command(monkeypatch, capsys, words):
    """Run a command line in this process; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["lstm-report", *words.split()])
    with pytest.raises(SystemExit) as exit_:
        app.main()
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def source(train=300, test=60, more=600):
    """Made-up reviews, and some more without a label."""
    parts = [synthetic.write_reviews(count, seed=seed) for count, seed in ((train, 1), (test, 2))]
    return sources.Source(
        "reviews of the test", "Written by the test.", *parts, "7" * 64, False, True,
        unlabelled=synthetic.write_reviews(more, seed=3).texts if more else [],
    )  # fmt: skip


def small(**settings):
    """Return the configuration of a run of less than a second."""
    base = {"data.train_limit": 200, "training.epochs": 1}
    return study.change(config.profile("smoke", data="built-in"), base | settings)


def tiny(*cells, seeds=1, **settings):
    """A study of runs of about a tenth of a second."""
    made = tuple(study.Cell(label, {"model.kind": label}) for label in cells or ("lstm", "reslstm"))
    return study.Study("tiny", "Does it run?", "smoke", made, seeds, TINY | settings, "built-in")


def measured(source, places):
    """The records of two runs, and their reviews as a file."""
    parts = [
        pd.DataFrame({"text": part.texts, "label": part.labels, "split": split})
        for split, part in (("train", source.train), ("test", source.test))
    ]
    pd.concat(parts).to_csv(places / "reviews.csv", index=False)
    whole = sources.resolve(str(places / "reviews.csv"))
    for kind in config.MODELS:
        settings = small(**{"model.kind": kind})
        data = prepared.prepare(whole, settings.data)
        run = loop.fit(settings, data=data, progress=False, directory=paths.RUNS)
        records.add("tiny", study.Planned(kind, 0, settings), run)
    return whole


def write_results(folder, name, runs, epochs=()):
    (folder / name).mkdir(parents=True)
    filled = [dict.fromkeys((*records.RUN_COLUMNS, "best_epoch"), 1) | row for row in runs]
    pd.DataFrame(filled).to_csv(folder / name / "runs.csv", index=False)
    if epochs:
        filled = [dict.fromkeys(records.EPOCH_NUMBERS, 0.5) | row for row in epochs]
        pd.DataFrame(filled).to_csv(folder / name / "epochs.csv", index=False)


def recorded_costs(places):
    """Records of two seeds, of an adversarial run, of a linear model, and of other reviews."""
    model = {"model.kind": "reslstm", "model.embedding_size": 6, "model.hidden_size": 4,
             "model.num_layers": 2, "hardware": "machine"}  # fmt: skip
    own = {"checksum": sources.IMDB_CHECKSUM, "threads": 2}

    def run(seed, accuracy, seconds, **others):
        key = {"cell": "one", "seed": seed, "run_id": f"run-{seed}"}
        return key | {"test_accuracy": accuracy, "train_seconds": seconds} | model | own | others

    def epoch(seed, number, tokens):
        return {"cell": "one", "seed": seed, "run_id": f"run-{seed}", "epoch": number,
                "seconds": 2.0, "tokens_per_second": tokens / 2}  # fmt: skip

    stronger = {"training.adversarial": 5.0, "model.bidirectional": True}
    results = places / "results"
    write_results(
        results, "first",
        [run(0, 0.80, 10.0), run(1, 0.84, 14.0),
         run(2, 0.70, 30.0, cell="two", **stronger)],
        [epoch(0, 1, 100), epoch(0, 2, 100), epoch(1, 1, 400), epoch(2, 1, 50)],
    )  # fmt: skip
    write_results(results, "others", [run(0, 0.99, 1.0, checksum="0" * 64)], [epoch(0, 1, 1)])
    linear = {"cell": "bag of words", "seed": 0, "run_id": "bag", "test_accuracy": 0.75,
              "train_seconds": 5.0, "hardware": "machine",
              "checksum": sources.IMDB_CHECKSUM}  # fmt: skip
    write_results(results, "baselines", [linear])
    write_results(results, "memory", [{"cell": "adding", "seed": 0, "run_id": "m"}])
    rows = [measurements.Measurement("one", seed, f"run-{seed}", *key, value, 9, "")
            for seed, value in ((0, 0.86), (1, 0.88))
            for key, value in ((ensemble.ACCURACY, value), (ensemble.SECONDS, 3.0))]  # fmt: skip
    measurements.add("first", rows)
    return results
