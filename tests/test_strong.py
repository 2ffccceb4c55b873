"""The study `strong`: unlabelled reviews, word vectors, choice on validation, averages, costs."""

import dataclasses
import re
import sys
import tarfile

import matplotlib.figure
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from lstm_report import (
    archive,
    averaging,
    baselines,
    cli,
    config,
    corpus,
    cost_figures,
    costs,
    data,
    earlier_records,
    engines,
    measurements,
    paths,
    records,
    sources,
    strong,
    studies,
    training,
    unlabelled,
    word_vectors,
)
from lstm_report.config import PAD, UNK
from lstm_report.errors import UserError
from lstm_report.records import Records
from lstm_report.strong_settings import CHOSEN, TRIALS

IN_DOMAIN = {"training.vectors": "in-domain"}


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "cores", lambda: 1)
    for name in ("RUNS", "RESULTS", "CACHE"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    return tmp_path


def command(monkeypatch, capsys, words):
    """Run a command line in this process; return its exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["lstm-report", *words.split()])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


# The study


def test_both_kinds_of_layer_are_tuned_with_the_same_trials():
    planned = studies.STUDIES["tuning"].runs()
    assert len(planned) == len(TRIALS) * len(config.MODELS)
    by_kind = {kind: [] for kind in config.MODELS}
    for run in planned:
        kind, _, trial = run.cell.partition(" ")
        assert run.config.model.kind == kind and trial in TRIALS
        by_kind[kind].append(studies.change(run.config, {"model.kind": "lstm"}))
    assert by_kind["lstm"] == by_kind["reslstm"]


def test_every_strong_run_is_one_layer_a_direction_with_the_chosen_settings():
    tuned = {run.cell: run.config for run in studies.STUDIES["tuning"].runs()}
    weights = set()
    for run in studies.STUDIES["strong"].runs():
        model, vectors = run.config.model, run.config.training.vectors == "in-domain"
        assert run.cell == f"{model.kind} {'vectors' if vectors else 'tuned'}"
        assert model.bidirectional and model.num_layers == 1
        weights.add(costs.recurrent_weights(model))
        if run.seed == 0:
            assert run.config == tuned[f"{model.kind} {CHOSEN[model.kind][vectors]}"]
    assert len(weights) == 1


def test_the_settings_are_those_that_validation_chose_in_the_records():
    """Of the records that are part of the project."""
    reached = strong.trials()
    assert reached.notna().all(axis=None)
    assert strong.best_trials(reached) == CHOSEN


def test_the_best_trial_is_found_for_each_kind_without_and_with_learnt_vectors():
    reached = pd.DataFrame(0.8, index=list(TRIALS), columns=list(config.MODELS))
    first, second = (
        [trial for trial, settings in TRIALS.items() if ("training.vectors" in settings) == with_]
        for with_ in (False, True)
    )
    reached.loc[first[1], "lstm"] = 0.81
    reached.loc[second[1], ["lstm", "reslstm"]] = 0.79, 0.82
    assert strong.best_trials(reached) == {
        "lstm": {False: first[1], True: second[0]},
        "reslstm": {False: first[0], True: second[1]},
    }


def test_trials_that_are_not_recorded_are_missing(places):
    assert strong.trials().isna().all(axis=None)
    curve = {"lstm max": [0.7, 0.9, 0.8], "reslstm mean": [0.6, 0.5, 0.4]}
    rows = [
        {"cell": cell, "seed": 0, "run_id": cell, "epoch": k, "validation_accuracy": value}
        for cell, values in curve.items()
        for k, value in enumerate(values, 1)
    ]
    write_results(paths.RESULTS, "tuning", [], rows)
    reached = strong.trials()
    assert reached.loc["max", "lstm"] == 0.9 and reached.loc["mean", "reslstm"] == 0.6
    assert reached.notna().sum(axis=None) == 2


# Unlabelled reviews

TEXTS = ["One reel of it.", "Two reels,\r\nof it.", "Three reels.", "Four reels.", "five  REELS"]
EXPECTED = sorted(TEXTS[:4])  # the last stands in test, in other letters and spaces


def write_layouts(folder):
    """Write the same reviews in every layout, the unlabelled ones in another order in each."""
    labelled = {
        split: pd.DataFrame({"text": [f"{split} {k}" for k in range(6)], "label": [0, 1] * 3})
        for split in ("train", "test")
    }
    labelled["test"].loc[0, "text"] = "Five reels"
    hub = folder / "hub" / "plain_text"
    hub.mkdir(parents=True)
    for split, table in labelled.items():
        parquet.write_table(pa.Table.from_pandas(table), hub / f"{split}-00000-of-00001.parquet")
    pd.DataFrame({"text": TEXTS, "label": -1}).to_parquet(
        hub / "unsupervised-00000-of-00001.parquet"
    )
    root = folder / "acl" / "aclImdb"
    for split, table in labelled.items():
        for row, (text, label) in enumerate(table.to_numpy()):
            place = root / split / ("neg", "pos")[label]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{row}.txt").write_bytes(text.encode())
    (root / "train" / "unsup").mkdir()
    for row, text in enumerate(reversed(TEXTS)):
        (root / "train" / "unsup" / f"{row}_0.txt").write_bytes(text.encode())
    with tarfile.open(folder / "a.tar.gz", "w:gz") as file:
        file.add(root, "aclImdb")
    table = pd.concat([part.assign(split=split) for split, part in labelled.items()])
    more = pd.DataFrame({"text": TEXTS[2:] + TEXTS[:2], "label": "", "split": "Unlabelled"})
    pd.concat([table, more]).to_csv(folder / "a.csv", index=False)
    return [folder / name for name in ("hub", "acl", "a.tar.gz", "a.csv")]


def test_every_layout_holds_the_same_unlabelled_reviews_without_those_of_test(tmp_path):
    found = []
    for path in write_layouts(tmp_path):
        source = sources.resolve(str(path))
        assert source.unlabelled == []
        with_more = unlabelled.attach(source, str(path))
        assert dataclasses.replace(with_more, unlabelled=[]) == source
        found.append(with_more.unlabelled)
    assert sorted(found[0]) == EXPECTED
    assert all(entry == found[0] for entry in found)


def test_the_variable_and_the_built_in_corpus_have_them_too(tmp_path, monkeypatch):
    hub = write_layouts(tmp_path)[0]
    monkeypatch.setenv(sources.VARIABLE, str(hub))
    assert sorted(unlabelled.attach(sources.resolve()).unlabelled) == EXPECTED
    source = sources.resolve("built-in")
    made = unlabelled.attach(source, "built-in").unlabelled
    known = {sources.normalised(text) for text in source.test.texts}
    assert len(made) > 1000 and known.isdisjoint(map(sources.normalised, made))


def test_unlabelled_reviews_that_are_lacking_or_others_are_named(tmp_path, monkeypatch):
    hub = write_layouts(tmp_path)[0]
    source = sources.resolve(str(hub))
    as_imdb = dataclasses.replace(source, name="IMDB", is_imdb=True)
    with pytest.raises(UserError, match="50,000 unlabelled reviews of IMDB, got 5 others"):
        unlabelled.attach(as_imdb, str(hub))
    monkeypatch.setattr(unlabelled, "IMDB_CHECKSUM", unlabelled.checksum(TEXTS[::-1]))
    assert unlabelled.attach(as_imdb, str(hub)).unlabelled
    next(hub.glob("*/unsup*")).unlink()
    with pytest.raises(UserError, match="Expected unlabelled reviews beside those of hub"):
        unlabelled.attach(source, str(hub))
    pd.DataFrame({"words": TEXTS}).to_parquet(hub / "plain_text" / "unsupervised-0.parquet")
    with pytest.raises(UserError, match="column of texts"):
        unlabelled.attach(source, str(hub))
    bad = tmp_path / "acl" / "aclImdb" / "train" / "unsup" / "9_0.txt"
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"UTF-8 text in .*9_0\.txt"):
        unlabelled.attach(source, str(tmp_path / "acl"))
    table = pd.DataFrame({"text": ["good", "bad"] * 2, "label": [1, 0] * 2})
    table["split"] = ["train", "train", "test", "test"]
    table.loc[4] = {"text": 3, "label": None, "split": "unlabeled"}
    table.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    source = sources.resolve(str(tmp_path / "a.jsonl"))
    with pytest.raises(UserError, match="unlabelled row .* row 1 holds '3'"):
        unlabelled.attach(source, str(tmp_path / "a.jsonl"))


# Word vectors


@pytest.fixture(scope="module")
def source():
    train, test = (corpus.write_reviews(count, seed=seed) for count, seed in ((300, 1), (60, 2)))
    more = corpus.write_reviews(600, seed=3).texts
    return sources.Source(
        name="reviews of the test", origin="Written by the test.", train=train, test=test,
        checksum="7" * 64, is_imdb=False, built_in=True, unlabelled=more,
    )  # fmt: skip


@pytest.fixture
def prepared(source, places):
    return data.prepare(source, small().data)


def small(**settings):
    base = {"data.train_limit": 200, "training.epochs": 1}
    return studies.change(config.profile("smoke", data="built-in"), base | settings)


def test_vectors_are_learnt_from_training_and_unlabelled_texts_alone(source, prepared):
    rows = data.split_rows(source, prepared.config)
    held = source.train.texts[rows["validation-rows"][0]]
    others = dataclasses.replace(source, unlabelled=[*source.unlabelled, held.upper()])
    texts = word_vectors._sentences(dataclasses.replace(prepared, source=others))
    trained = [source.train.texts[row] for row in rows["train-rows"]]
    assert len(trained) == 200 and texts == [*trained, *source.unlabelled]


def test_the_same_seed_gives_the_same_vectors_and_the_cache_keeps_them(prepared, monkeypatch):
    first = word_vectors._learnt(prepared, 8)
    split = dataclasses.replace(prepared.config, split_seed=1)
    other = dataclasses.replace(prepared, config=split)
    assert first.shape == (prepared.vocabulary_size, 8) and first.dtype == np.float32
    assert np.array_equal(first, word_vectors._learnt(prepared, 8))
    assert not np.array_equal(first, word_vectors._learnt(other, 8))
    assert not first[PAD].any() and first[UNK].any() and first[2:].any(axis=1).all()

    learnt, whole = [], word_vectors._learnt
    monkeypatch.setattr(
        word_vectors, "_learnt", lambda *arguments: learnt.append(1) or whole(*arguments)
    )
    for _ in range(2):
        assert np.array_equal(word_vectors.learn(prepared, 8), first)
    assert len(learnt) == 1
    (file,) = paths.CACHE.glob("vectors-*/vectors.npy")
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(word_vectors.learn(prepared, 8), first)
    assert len(learnt) == 2
    fewer = dataclasses.replace(prepared.source, unlabelled=prepared.source.unlabelled[1:])
    word_vectors.learn(dataclasses.replace(prepared, source=fewer), 8)
    word_vectors.learn(other, 8)
    word_vectors.learn(prepared, 9)
    assert len(learnt) == 5
    word_vectors.learn(prepared, 8)
    assert len(learnt) == 5, "one took the place of another"


def test_words_in_the_same_places_are_near_each_other(source, places):
    """Of a made language: `red` and `blue` stand among the same words, `loud` among others."""
    random = np.random.default_rng(0)
    frames = {
        "red": "paint wall brush wet",
        "blue": "paint wall brush wet",
        "loud": "bell ring horn ear",
    }
    texts = []
    for _ in range(3000):
        word = str(random.choice(list(frames)))
        around = random.permutation(frames[word].split())
        texts.append(" ".join([*around[:2], word, *around[2:]]))
    made = dataclasses.replace(source, unlabelled=texts,
                               train=sources.Reviews(texts[:200], np.arange(200) % 2))  # fmt: skip
    prepared = data.prepare(made, studies.change(small(), {"data.train_limit": None}).data)
    vectors = word_vectors.learn(prepared, 8)
    red, blue, loud = (vectors[prepared.vocabulary.index(word)] for word in frames)

    def cosine(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    assert cosine(red, blue) > cosine(red, loud) + 0.3


@pytest.mark.parametrize("normalised", [False, True])
def test_a_run_starts_from_them_and_says_what_they_were_learnt_from(prepared, normalised):
    settings = small(**{"training.epochs": 0, "model.normalised_embedding": normalised} | IN_DOMAIN)
    run = training.fit(settings, data=prepared, progress=False, directory=paths.RUNS)
    expected = word_vectors.learn(prepared, settings.model.embedding_size)
    assert torch.equal(run.load_model().embedding.weight.data, torch.from_numpy(expected))
    assert run.provenance["data"]["unlabelled"] == unlabelled.checksum(prepared.source.unlabelled)


def test_without_texts_or_library_it_is_told_in_one_sentence(prepared, monkeypatch):
    nothing = dataclasses.replace(
        prepared, source=dataclasses.replace(prepared.source, unlabelled=[])
    )
    with pytest.raises(UserError, match="Expected unlabelled reviews to learn word vectors from"):
        word_vectors.learn(nothing, 8)
    for name in ("gensim", "gensim.models", "gensim.models.word2vec"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"not installed: .* extra `vectors`"):
        word_vectors.learn(prepared, 8)


def test_the_driver_learns_them_once_before_any_worker_starts(source, places, monkeypatch):
    seen = []

    def noting(self, job):
        seen.append(len(list(paths.CACHE.glob("vectors-*"))))

    monkeypatch.setattr(engines.LocalEngine, "_tried", noting)
    configs = [small(**IN_DOMAIN | {"model.kind": kind}) for kind in config.MODELS]
    outcomes = list(engines.LocalEngine(1).execute(configs, source, paths.RUNS))
    assert seen == [1, 1] and all(outcome.error is None for outcome in outcomes)
    nothing = dataclasses.replace(source, unlabelled=[])
    (outcome,) = engines.LocalEngine(1).execute(configs[:1], nothing, paths.RUNS)
    assert "Expected unlabelled reviews" in outcome.error and len(seen) == 2


STUDY = """
profile = "smoke"
data = "built-in"
settings = {"data.train_limit" = 200, "training.epochs" = 1}
[grid]
"model.kind" = ["lstm", "reslstm"]
"training.vectors" = ["in-domain"]
"""


def test_a_study_reads_unlabelled_reviews_where_a_cell_asks_for_them(places, monkeypatch, capsys):
    monkeypatch.setattr(unlabelled, "BUILT_IN", 300)
    (places / "words.toml").write_text(STUDY)
    code, out, errors = command(monkeypatch, capsys, f"study {places / 'words.toml'}")
    assert code == 0, errors
    assert re.search(r"\d+ reviews without a label are read too", out)
    assert len(list(paths.CACHE.glob("vectors-*"))) == 1, "both cells share the vectors of a seed"
    found = records.read("words").runs
    assert list(found["training.vectors"]) == ["in-domain"] * 2
    code, out, errors = command(monkeypatch, capsys, "study smoke --seeds 1 --only lstm --epochs 0")
    assert code == 0 and "without a label" not in out


def test_reviews_without_unlabelled_ones_are_refused_before_anything_is_run(
    places, monkeypatch, capsys
):
    table = pd.DataFrame({"text": [f"film {k}" for k in range(60)], "label": [0, 1] * 30})
    table.to_csv(places / "a.csv", index=False)
    words = f"study strong --profile smoke --data {places / 'a.csv'}"
    code, _, errors = command(monkeypatch, capsys, words)
    assert code == 2 and len(errors.strip().splitlines()) == 1
    assert "Expected unlabelled reviews beside those of a.csv" in errors
    assert not (places / "runs").exists()


# Averages


def test_the_weight_is_that_of_the_most_right_judgements():
    labels = np.array([1, 1, 0, 0])
    network, linear = np.array([3.0, -1.0, -3.0, 1.0]), np.array([-1.0, 3.0, 1.0, -3.0])
    found = averaging.choose(network, linear, labels)
    assert found.weight == 0.5  # right about all from 0.30 to 0.70, the least loss in the middle
    assert list(averaging.WEIGHTS[found.accuracies == 1].round(2)) == [
        round(0.3 + 0.05 * k, 2) for k in range(9)
    ]
    assert found.accuracies[[0, -1]].tolist() == [0.5, 0.5]
    assert averaging.choose(network, network, labels).weight == 0
    assert averaging.choose(-np.abs(network), 9 * (labels - 0.5), labels).weight > 0.7
    np.testing.assert_allclose(averaging.average(network, linear, 0.25), [2, 0, -2, 0])


@pytest.fixture
def measured(source, places, monkeypatch):
    """The records of two runs, and their reviews as a file."""
    parts = [
        pd.DataFrame({"text": part.texts, "label": part.labels, "split": split})
        for split, part in (("train", source.train), ("test", source.test))
    ]
    pd.concat(parts).to_csv(places / "reviews.csv", index=False)
    whole = sources.resolve(str(places / "reviews.csv"))
    for kind in config.MODELS:
        settings = small(**{"model.kind": kind})
        prepared = data.prepare(whole, settings.data)
        run = training.fit(settings, data=prepared, progress=False, directory=paths.RUNS)
        records.add("tiny", studies.Planned(kind, 0, settings), run)
    return whole


def test_runs_are_averaged_with_the_n_grams_of_their_own_split(
    measured, places, monkeypatch, capsys
):
    fits, fit = [], averaging.baselines.linear_baseline

    def noting(train, validation, test, **options):
        fits.append((fit(train, validation, test, **options), train, validation))
        return fits[-1][0]

    monkeypatch.setattr(averaging.baselines, "linear_baseline", noting)
    words = f"measure tiny --what averaged --data {places / 'reviews.csv'}"
    code, out, errors = command(monkeypatch, capsys, words)
    assert code == 0, errors
    assert len(re.findall(r"weight of the n-grams \d\.\d\d; accuracy averaged with them", out)) == 2
    ((linear, train, validation),) = fits  # one split, one fit
    assert linear.name == "nb-weighted, 1 to 3 words" and len(train) == 200

    table, kept = measurements.read("tiny"), records.read("tiny")
    rows = table[table["cell"] == "reslstm"].set_index(["measure", "condition"])["value"]
    run = averaging_run(kept, "reslstm")
    prepared = data.prepare(measured, run.config.data)
    assert prepared.validation.reviews.texts == validation.texts
    with torch.inference_mode():
        alone = np.array([
            run.load_model()(torch.from_numpy(prepared.validation.row(k)).long()[None],
                             torch.tensor([len(prepared.validation.row(k))])).item()
            for k in range(len(validation))
        ])  # fmt: skip
    said, truth = linear.judge(validation.texts), validation.labels == 1
    for weight in (0.0, 0.35, 1.0):
        right = (((1 - weight) * alone + weight * said) > 0) == truth
        assert rows[averaging.VALIDATION, f"{weight:.2f}"] == pytest.approx(right.mean(), abs=1e-5)
    weight = rows[averaging.WEIGHT]
    assert rows[averaging.VALIDATION, f"{weight:.2f}"] == rows[averaging.VALIDATION].max()
    test = (1 - weight) * run.predictions["logit"] + weight * linear.logits
    expected = ((test > 0) == (run.predictions["label"] == 1)).mean()
    assert rows[averaging.ACCURACY] == pytest.approx(expected, abs=1e-5)
    assert rows[averaging.SECONDS] > 0

    code, out, _ = command(monkeypatch, capsys, words)
    assert out.count("nothing left to measure") == 2 and len(fits) == 1


def averaging_run(kept, cell):
    from lstm_report import runs

    run_id = kept.runs.set_index("cell").loc[cell, "run_id"]
    return runs.read_run(paths.RUNS / run_id)


def test_the_test_reviews_do_not_choose_the_weight(measured):
    run = averaging_run(records.read("tiny"), "lstm")
    turned = dataclasses.replace(
        measured, test=sources.Reviews(measured.test.texts, 1 - measured.test.labels)
    )
    run.predictions["label"] = 1 - run.predictions["label"]
    found = dict(averaging.measures(run, averaging.NGrams(turned)))
    run.predictions["label"] = 1 - run.predictions["label"]
    right = dict(averaging.measures(run, averaging.NGrams(measured)))
    assert found[averaging.WEIGHT] == right[averaging.WEIGHT]
    assert found[averaging.ACCURACY][0] == pytest.approx(1 - right[averaging.ACCURACY][0])
    assert list(right)[-1] == averaging.ACCURACY  # what says that all of it is there


# What was reached


def test_each_cell_is_held_against_the_goal_of_its_word_vectors(places, monkeypatch):
    validation = {
        "lstm tuned": {0: 0.80, 1: 0.83}, "reslstm tuned": {0: 0.90}, "lstm vectors": {0: 0.70},
    }  # fmt: skip
    right = {"lstm tuned": 10, "reslstm tuned": 1, "lstm vectors": 9}
    runs, epochs, logits = [], [], []
    for cell, values in validation.items():
        for seed, value in values.items():
            run_id = f"{cell}-{seed}".replace(" ", "-")
            key = {"cell": cell, "seed": seed, "run_id": run_id}
            start = "in-domain" if "vectors" in cell else "none"
            settings = {"model.kind": cell.split()[0], "training.vectors": start}
            more = {"training.adversarial": 0.0, "train_seconds": 60.0 + seed}
            runs.append(key | settings | more)
            curve = (value - 0.1, value, value - 0.2)
            epochs += [key | {"epoch": k, "validation_accuracy": v} for k, v in enumerate(curve, 1)]
            logits.append(np.where(np.arange(10) < right[cell], 1.0, -1.0))
    found = Records("strong", pd.DataFrame(runs), pd.DataFrame(epochs), np.stack(logits),
                    np.ones(10, int), np.zeros(10, bool), pd.DataFrame())  # fmt: skip
    monkeypatch.setattr(records, "read", lambda name: found)
    rows = [
        measurements.Measurement("lstm tuned", seed, "x", *averaging.ACCURACY, value, 10, "")
        for seed, value in ((0, 0.5), (1, 0.7))
    ]
    measurements.add("strong", rows)
    table = strong.results().set_index("cell")
    assert table["validation"].tolist() == pytest.approx([0.815, 0.9, 0.7])
    assert table["accuracy"].tolist() == pytest.approx([1.0, 0.1, 0.9])
    assert table["goal"].tolist() == [0.919, 0.919, 0.93]
    assert table["reached"].tolist() == [True, False, False]
    assert table.loc["lstm tuned", "averaged"] == pytest.approx(0.6)
    assert table["averaged"].notna().sum() == 1
    assert table["seconds"].tolist() == pytest.approx([60.5, 60, 60])


# Costs


def write_results(folder, name, runs, epochs=()):
    (folder / name).mkdir(parents=True)
    filled = [dict.fromkeys((*records.RUN_COLUMNS, "best_epoch"), 1) | row for row in runs]
    pd.DataFrame(filled).to_csv(folder / name / "runs.csv", index=False)
    if epochs:
        filled = [dict.fromkeys(records.EPOCH_NUMBERS, 0.5) | row for row in epochs]
        pd.DataFrame(filled).to_csv(folder / name / "epochs.csv", index=False)


@pytest.fixture
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
            for key, value in ((averaging.ACCURACY, value), (averaging.SECONDS, 3.0))]  # fmt: skip
    measurements.add("first", rows)
    return results


def test_costs_are_those_of_the_records(recorded_costs):
    table = costs.accuracy_and_cost()
    assert list(table["cell"]) == ["bag of words", "one", "one, averaged with n-grams", "two"]
    assert list(table["kind"]) == ["linear", "reslstm", "averaged", "reslstm"]
    one, together, two = (table.iloc[k] for k in (1, 2, 3))
    assert one["seeds"] == 2 and one["accuracy"] == pytest.approx(0.82)
    assert (one["low"], one["high"]) == (0.80, 0.84)
    assert one["seconds"] == 2 * 12 and one["tokens"] == (200 + 400) / 2
    # Two layers of four gates with two biases, and W_res of the first alone.
    weights = 4 * 4 * (6 + 4 + 2) + 4 * 6 + 4 * 4 * (4 + 4 + 2)
    assert one["operations"] == 6 * weights * 300
    assert two["operations"] == 6 * 2 * (2 * weights) * 50  # both directions, two passes
    assert together["accuracy"] == pytest.approx(0.87) and together["seconds"] == 24 + 3
    assert np.isnan(together["operations"]) and table["operations"].isna().sum() == 2
    assert set(table["hardware"]) == {"machine"}


def test_the_frontier_is_what_nothing_cheaper_reaches(recorded_costs):
    table = pd.DataFrame(
        {"seconds": [4, 1, 2, 2, 3, 5], "accuracy": [0.8, 0.5, 0.6, 0.7, 0.65, 0.8]}
    )
    assert list(cost_figures.frontier(table).index) == [1, 3, 0]
    found = costs.accuracy_and_cost()
    assert list(cost_figures.numbered(found)["cell"]) == ["bag of words", "one",
                                                          "one, averaged with n-grams"]  # fmt: skip
    assert list(cost_figures.numbered(found, "operations")["cell"]) == ["two", "one"]


@pytest.mark.parametrize("cost", cost_figures.COSTS)
def test_the_curve_shows_every_cell_once(recorded_costs, cost):
    found = costs.accuracy_and_cost()
    figure = cost_figures.accuracy_against_cost(found, cost)
    assert isinstance(figure, matplotlib.figure.Figure)
    (axis,) = figure.axes
    shown = np.concatenate([
        np.stack(lines.lines[0].get_data(), axis=1) for lines in axis.containers
    ])  # fmt: skip
    expected = found.dropna(subset=[cost])[[cost, "accuracy"]].to_numpy(float)
    assert sorted(map(tuple, shown)) == sorted(map(tuple, expected))
    numbers = [entry.get_text() for entry in axis.texts]
    assert numbers == [str(k + 1) for k in range(len(cost_figures.frontier(found, cost)))]


def test_equal_steps_of_height_halve_the_errors_and_no_error_is_drawn_too(recorded_costs):
    found = costs.accuracy_and_cost()
    (axis,) = cost_figures.accuracy_against_cost(found.assign(accuracy=1.0)).axes
    x = found["seconds"].iloc[0]
    heights = [axis.transData.transform((x, y))[1] for y in (0.5, 0.75, 0.875, 1.0)]
    assert (
        heights[2] - heights[1] == pytest.approx(heights[1] - heights[0])
        and heights[1] > heights[0]
    )
    assert np.isfinite(heights).all() and np.isfinite(axis.get_ylim()).all()


def test_without_records_there_is_nothing_to_draw(places):
    assert list(costs.accuracy_and_cost().columns) == list(costs.COLUMNS)
    with pytest.raises(UserError, match="Expected a cost out of seconds, operations, got 'money'"):
        cost_figures.accuracy_against_cost(costs.accuracy_and_cost(), "money")


# Records of earlier code


def test_records_without_the_later_settings_have_what_those_runs_did(measured, monkeypatch):
    path = paths.RESULTS / "tiny" / "runs.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert {*earlier_records.LATER} <= {*table.columns}
    table.drop(columns=[*earlier_records.LATER]).to_csv(path, index=False)
    planned = small(**{"model.kind": "lstm", "training.seed": 1, "data.split_seed": 1,
                       "model.bidirectional": True})  # fmt: skip
    run = training.fit(planned, data=data.prepare(measured, planned.data), progress=False,
                       directory=paths.RUNS)  # fmt: skip
    records.add("tiny", studies.Planned("lstm", 1, planned), run)
    found = records.read("tiny").runs
    assert found["model.bidirectional"].tolist() == [False, True, False]
    assert found["training.schedule"].tolist() == ["constant"] * 3
    assert found["training.adversarial"].tolist() == [0.0] * 3
    plan = {("lstm", 0): studies.Planned("lstm", 0, small())}
    row, accuracy = found.iloc[0], found.iloc[0]["test_accuracy"]
    stated = archive.Stated(seeds=1, checksum="")
    assert archive._objection(row, accuracy, stated, plan) == ""
    other = {("lstm", 1): studies.Planned("lstm", 1, dataclasses.replace(
        planned, model=dataclasses.replace(planned.model, bidirectional=False)))}  # fmt: skip
    row = found.iloc[1]
    objection = archive._objection(row, row["test_accuracy"], stated, other)
    assert objection == "made with model.bidirectional = True instead of False"


def test_records_of_linear_models_stay_as_they_are():
    table = pd.DataFrame({"cell": ["tf-idf"], "features": ["tf-idf"]})
    assert earlier_records.completed(table) is table
    assert averaging.CELL in baselines.LINEAR
