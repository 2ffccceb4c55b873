"""`lstm-report measure` and `baselines`: what they add, take up again, and say."""

import dataclasses
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from small_studies import command

from lstm_report import config, paths
from lstm_report.analysis import measurements, perturbations
from lstm_report.data import counterfactual, sources, synthetic
from lstm_report.data.prepared import prepare
from lstm_report.statistics import intervals
from lstm_report.studies import linear, records
from lstm_report.studies.measure import CALIBRATION, WHAT
from lstm_report.studies.study import Planned, change
from lstm_report.training import evaluate, loop, runs

CELLS = ("lstm", "reslstm")
WEIGHTS = [
    (perturbations.SHUFFLED, "all"),
    (perturbations.SHUFFLED, "1"),
    (perturbations.LAST, "20"),
]


def turned(text):
    """Return a review with every opinion turned."""
    pairs = dict(zip(synthetic.POSITIVE, synthetic.NEGATIVE, strict=False))
    pairs |= {bad: good for good, bad in pairs.items()}
    return " ".join(pairs.get(word, word) for word in text.split())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of reviews, edits of some, and the records of two runs trained without these."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RUNS", "RESULTS", "CACHE"):
            patch.setattr(paths, name, folder / name.lower())
        train, test = synthetic.write_reviews(330, seed=1), synthetic.write_reviews(90, seed=2)
        frames = [
            pd.DataFrame({"text": part.texts, "label": part.labels, "split": split})
            for split, part in (("train", train), ("test", test))
        ]
        pd.concat(frames).to_csv(folder / "reviews.csv", index=False)
        for number, part in enumerate(counterfactual.PARTS):
            rows = range(10 * number, 10 * number + 10)
            for side in ("orig", "new"):
                new = side == "new"
                table = pd.DataFrame(
                    {
                        "Sentiment": [
                            ("Negative", "Positive")[train.labels[k] ^ new] for k in rows
                        ],
                        "Text": [turned(train.texts[k]) if new else train.texts[k] for k in rows],
                    }
                )
                (folder / "cad" / side).mkdir(parents=True, exist_ok=True)
                table.to_csv(folder / "cad" / side / f"{part}.tsv", sep="\t", index=False)
        source = counterfactual.without(
            sources.resolve(str(folder / "reviews.csv")), folder / "cad"
        )
        assert len(source.train) == 300
        for cell in CELLS:
            smoke = config.profile("smoke", model=cell, epochs=1)
            settings = change(smoke, {"data.max_length": 30, "data.train_limit": None})
            prepared = prepare(source, settings.data)
            run = loop.fit(settings, data=prepared, progress=False, directory=paths.RUNS)
            records.add("tiny", Planned(cell, 0, settings), run)
    return folder


@pytest.fixture
def places(made, tmp_path, monkeypatch):
    """A copy of what was made, for one test to change."""
    for name in ("RUNS", "RESULTS", "CACHE"):
        shutil.copytree(made / name.lower(), tmp_path / name.lower())
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    return made


def measure(monkeypatch, capsys, made, *words, limit="40"):
    limited = f"--limit {limit}" if limit else ""
    line = f"measure tiny --data {made / 'reviews.csv'} {limited} {' '.join(words)}"
    return command(monkeypatch, capsys, line)


def test_everything_is_measured_once_and_agrees_with_the_run(places, monkeypatch, capsys):
    source = counterfactual.without(sources.resolve(str(places / "reviews.csv")), places / "cad")
    code, out, errors = measure(monkeypatch, capsys, places, "--edits", str(places / "cad"))
    assert code == 0, errors
    table = measurements.read("tiny")
    kept = records.read("tiny")
    for place, cell in enumerate(CELLS):
        rows = table[table["cell"] == cell].set_index(["measure", "condition"])
        run = runs.read_run(paths.RUNS / rows["run_id"].iloc[0])
        wanted = set(perturbations.conditions(run.config))
        wanted |= {perturbations.ORIGINALS, perturbations.EDITS, perturbations.CONSISTENCY}
        wanted.add(CALIBRATION)
        wanted |= set(
            perturbations.Groups(source.test, run.config.data).measures(kept.correct[place])
        )
        assert set(rows.index) == wanted
        right = (run.predictions["logit"] > 0) == (run.predictions["label"] == 1)
        chosen = perturbations.subset(90, 40)
        assert rows.loc[perturbations.INTACT, "value"] == pytest.approx(right[chosen].mean())
        assert rows.loc[perturbations.INTACT, "count"] == 40
        assert rows.loc[perturbations.EDITS, "count"] == 30
        probability = 1 / (1 + np.exp(-kept.logits[place].astype(float)))
        error = intervals.expected_calibration_error(probability, kept.labels)
        assert rows.loc[CALIBRATION, "value"] == pytest.approx(error, rel=1e-5)
        split = [rows.loc[(f"accuracy, reviews {word} negation", ""), ["value", "count"]].tolist()
                 for word in ("with", "without")]  # fmt: skip
        assert sum(value * count for value, count in split) == pytest.approx(right.sum(), abs=0.01)
        assert re.search(rf"{cell}, seed 0: {len(rows)} measured in \d+ s; calibration", out)
    before = measurements.path_of("tiny").read_bytes()
    code, out, _ = measure(monkeypatch, capsys, places, "--edits", str(places / "cad"))
    assert code == 0 and out.count("nothing left to measure") == 2
    assert measurements.path_of("tiny").read_bytes() == before


def test_it_is_taken_up_where_it_was_stopped(places, monkeypatch, capsys):
    """Stopped after a few numbers, the same command adds the others, and those alone."""
    whole, judged = perturbations.with_weights, []

    def stopping(run, test, **options):
        for count, entry in enumerate(whole(run, test, **options)):
            judged.append(entry[0])
            yield entry
            if count == 2:
                raise KeyboardInterrupt

    cad = ("--what", "locality", "--exclude", str(places / "cad"))
    monkeypatch.setattr(perturbations, "with_weights", stopping)
    code, _, errors = measure(monkeypatch, capsys, places, *cad)
    assert code == 130 and "the same command goes on" in errors
    first = measurements.read("tiny")
    assert set(judged) <= set(zip(first["measure"], first["condition"], strict=True))

    def counting(run, test, **options):
        for entry in whole(run, test, **options):
            judged.append(entry[0])
            yield entry

    monkeypatch.setattr(perturbations, "with_weights", counting)
    assert measure(monkeypatch, capsys, places, *cad)[0] == 0
    conditions = [perturbations.conditions(config.profile("smoke", model=cell)) for cell in CELLS]
    read = [
        k
        for keys in conditions
        for k in keys
        if k[0] not in (perturbations.FIRST, perturbations.LAST)
    ]
    assert sorted(key for key in judged if key in read) == sorted(read)
    table = measurements.read("tiny")
    assert len(first.merge(table, on=[*measurements.KEY, "value", "count"])) == len(first)


def test_more_reviews_take_the_place_of_fewer(places, monkeypatch, capsys):
    cad = ("--what", "locality", "--exclude", str(places / "cad"))
    for limit, expected in (("20", 20), ("60", 60), ("30", 60), (None, 90)):
        assert measure(monkeypatch, capsys, places, *cad, limit=limit)[0] == 0
        table = measurements.read("tiny").set_index(["measure", "condition", "cell"])
        for key in (*WEIGHTS, ("accuracy, residual feedback cut", "")):
            assert table.loc[(*key, "reslstm"), "count"] == expected


def test_runs_without_weights_are_named_and_measured_as_far_as_they_can_be(
    places, monkeypatch, capsys
):
    row = records.recorded("tiny").set_index("cell")
    shutil.rmtree(paths.RUNS / row.loc["reslstm", "run_id"])
    code, out, _ = measure(monkeypatch, capsys, places, "--exclude", str(places / "cad"))
    assert code == 0
    assert "No weights are at hand for reslstm seed 0: put their folders back into runs/" in out
    table = measurements.read("tiny")
    measures = {cell: set(rows["measure"]) for cell, rows in table.groupby("cell")}
    assert "calibration error" in measures["reslstm"] & measures["lstm"]
    assert "accuracy, reviews with negation" in measures["reslstm"]
    assert perturbations.SHUFFLED in measures["lstm"] - measures["reslstm"]
    out = measure(monkeypatch, capsys, places, "--what", "loss", "--exclude", str(places / "cad"))
    assert "No weights" not in out[1]


def test_each_cut_is_judged_with_the_layer_that_is_left(places, monkeypatch):
    run_id = records.recorded("tiny").set_index("cell").loc["reslstm", "run_id"]
    run, judges = runs.read_run(paths.RUNS / run_id), []

    def noting(model, split):
        judges.append(type(model.recurrent).__name__)
        return evaluate.Evaluation(np.zeros(len(split)), 0.0, 0.5)

    monkeypatch.setattr(evaluate, "evaluate", noting)
    keys = [key for key, _ in perturbations.with_weights(run, synthetic.write_reviews(9, seed=3))]
    found = dict(zip(keys, judges, strict=True))
    assert found.pop(("accuracy, residual branch cut", "")) == "LSTM"
    assert found.pop(("accuracy, residual feedback cut", "")) == "SkipLSTM"
    assert set(found.values()) == {"ResLSTM"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("measure nothing", "records of study 'nothing'"),
        ("measure tiny --data DATA", "Expected the reviews that results/tiny was recorded with"),
        ("measure tiny --data DATA --exclude CAD --what size", "Unknown measurement 'size'"),
        ("measure tiny --data DATA --exclude CAD --what edits", "name it with --edits"),
        ("measure tiny --data DATA --exclude CAD --limit 0", "at least 1 review"),
        ("measure tiny --data DATA --exclude NOWHERE", "not there"),
        ("measure tiny --data NOWHERE", "not there"),
        ("measure tiny --data DATA --edits CAD/orig", "is not there"),
        ("baselines --data DATA --profile nope", "Unknown profile 'nope'"),
        ("baselines --data DATA --seeds 0", "at least one seed"),
        ("study locality --data DATA", "study locality is trained without.*--exclude"),
        ("study smoke --data DATA --exclude NOWHERE", "not there"),
        ("study memory --exclude CAD", "without --exclude"),
    ],
)
def test_bad_input_is_told_in_one_line(words, message, places, monkeypatch, capsys):
    known = {"DATA": places / "reviews.csv", "CAD": places / "cad", "NOWHERE": places / "nowhere"}
    for name, path in known.items():
        words = words.replace(name, str(path))
    code, _, errors = command(monkeypatch, capsys, words)
    assert code == 2, errors
    assert len(errors.strip().splitlines()) == 1 and re.search(message, errors)


def test_runs_that_were_trained_with_the_originals_are_refused(places, monkeypatch, capsys):
    """The checksum of the reviews tells, so no score on edits can leak."""
    whole = sources.resolve(str(places / "reviews.csv"))
    settings = config.profile("smoke", epochs=0)
    prepared = prepare(whole, settings.data)
    run = loop.fit(settings, data=prepared, progress=False, directory=paths.RUNS)
    records.add("leaky", Planned("lstm", 0, settings), run)
    words = f"measure leaky --data {places / 'reviews.csv'} --what edits --edits {places / 'cad'}"
    code, _, errors = command(monkeypatch, capsys, words)
    assert code == 2 and "which were trained with them" in errors
    assert not measurements.path_of("leaky").is_file()


def test_the_command_study_trains_without_what_is_excluded(places, monkeypatch, capsys):
    words = (
        f"study smoke --data {places / 'reviews.csv'} --only lstm --seeds 1 --epochs 0 "
        f"--exclude {places / 'cad'}"
    )
    code, out, errors = command(monkeypatch, capsys, words)
    assert code == 0, errors
    assert "30 training reviews that stand in cad are left out; 300 remain" in out
    source = counterfactual.without(sources.resolve(str(places / "reviews.csv")), places / "cad")
    found = records.recorded("smoke-0-epochs")
    assert found["checksum"].tolist() == [source.checksum]
    text = (paths.RESULTS / "smoke-0-epochs" / "runs.csv").read_text()
    assert "reviews.csv without cad" in text and str(places) not in text


# Linear models


def test_linear_models_are_recorded_once_in_the_form_of_a_study(places, monkeypatch, capsys):
    words = f"baselines --data {places / 'reviews.csv'} --seeds 2"
    code, out, errors = command(monkeypatch, capsys, words)
    assert code == 0, errors
    assert len(re.findall(r"seed [01]: test accuracy \d", out)) == 6
    kept = records.read("baselines")
    assert set(kept.runs["cell"]) == {"bag of words", "tf-idf", "nb-weighted n-grams"}
    assert kept.logits.shape == (6, 90)
    np.testing.assert_allclose(kept.correct.mean(axis=1), kept.runs["test_accuracy"])
    for row in kept.runs.itertuples():
        assert row.run_id == linear.run_id(
            row.cell,
            dataclasses.replace(config.PROFILES["source"].data, split_seed=row.seed),
            row.checksum,
        )
    loss = np.logaddexp(0, -(2 * kept.labels - 1) * kept.logits).mean(axis=1)
    np.testing.assert_allclose(loss, kept.runs["test_loss"], rtol=1e-3)
    before = {p: p.read_bytes() for p in (paths.RESULTS / "baselines").rglob("*") if p.is_file()}
    code, out, _ = command(monkeypatch, capsys, words)
    assert code == 0 and "seed 0:" not in out
    assert {p: p.read_bytes() for p in before} == before


def test_linear_models_are_measured_on_edits_they_were_not_trained_on(places, monkeypatch, capsys):
    words = f"baselines --data {places / 'reviews.csv'} --edits {places / 'cad'} --profile quick"
    code, out, errors = command(monkeypatch, capsys, words)
    assert code == 0 and "Records: results/baselines-quick-without-cad" in out, errors
    table = measurements.read("baselines-quick-without-cad")
    assert (table["count"] == 30).all() and len(table) == 9
    assert len(records.read("baselines-quick-without-cad").runs) == 3
    nothing = linear.name_of("source", None), linear.name_of("smoke", None)
    assert nothing == ("baselines", "baselines-smoke")


def test_the_words_of_a_measurement_are_known():
    assert set(WHAT) == {"loss", "locality", "edits", "averaged"}
