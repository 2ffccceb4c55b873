"""Unlabelled reviews: where they are found, and the word vectors that are learnt from them."""

import dataclasses
import re
import sys
import tarfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import small_studies
import torch
from pyarrow import parquet
from small_studies import command, small

from lstm_report import config, paths
from lstm_report.config import PAD, UNK
from lstm_report.data import sources, unlabelled
from lstm_report.data.prepared import prepare, split_rows
from lstm_report.errors import UserError
from lstm_report.studies import records, study, workers
from lstm_report.training import loop

places = pytest.fixture(small_studies.places)
source = pytest.fixture(small_studies.source, scope="module")

IN_DOMAIN = {"training.vectors": "in-domain"}


# Reviews

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
    bad.unlink()
    bad.mkdir()
    with pytest.raises(UserError, match=r"able to read .*9_0\.txt, but it is refused"):
        unlabelled.attach(source, str(tmp_path / "acl"))
    bad.rmdir()
    table = pd.DataFrame({"text": ["good", "bad"] * 2, "label": [1, 0] * 2})
    table["split"] = ["train", "train", "test", "test"]
    table.loc[4] = {"text": 3, "label": None, "split": "unlabeled"}
    table.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    source = sources.resolve(str(tmp_path / "a.jsonl"))
    with pytest.raises(UserError, match="unlabelled row .* row 1 holds '3'"):
        unlabelled.attach(source, str(tmp_path / "a.jsonl"))


# Word vectors


@pytest.fixture
def prepared(source, places):
    return prepare(source, small().data)


def test_vectors_are_learnt_from_training_and_unlabelled_texts_alone(source, prepared):
    rows = split_rows(source, prepared.config)
    held = source.train.texts[rows["validation-rows"][0]]
    others = dataclasses.replace(source, unlabelled=[*source.unlabelled, held.upper()])
    texts = unlabelled._sentences(dataclasses.replace(prepared, source=others))
    trained = [source.train.texts[row] for row in rows["train-rows"]]
    assert len(trained) == 200 and texts == [*trained, *source.unlabelled]


def test_the_same_seed_gives_the_same_vectors_and_the_cache_keeps_them(prepared, monkeypatch):
    first = unlabelled._learnt(prepared, 8)
    split = dataclasses.replace(prepared.config, split_seed=1)
    other = dataclasses.replace(prepared, config=split)
    assert first.shape == (prepared.vocabulary_size, 8) and first.dtype == np.float32
    assert np.array_equal(first, unlabelled._learnt(prepared, 8))
    assert not np.array_equal(first, unlabelled._learnt(other, 8))
    assert not first[PAD].any() and first[UNK].any() and first[2:].any(axis=1).all()

    learnt, whole = [], unlabelled._learnt
    monkeypatch.setattr(
        unlabelled, "_learnt", lambda *arguments: learnt.append(1) or whole(*arguments)
    )
    for _ in range(2):
        assert np.array_equal(unlabelled.learn(prepared, 8), first)
    assert len(learnt) == 1
    (file,) = paths.CACHE.glob("vectors-*/vectors.npy")
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(unlabelled.learn(prepared, 8), first)
    assert len(learnt) == 2
    fewer = dataclasses.replace(prepared.source, unlabelled=prepared.source.unlabelled[1:])
    unlabelled.learn(dataclasses.replace(prepared, source=fewer), 8)
    unlabelled.learn(other, 8)
    unlabelled.learn(prepared, 9)
    assert len(learnt) == 5
    unlabelled.learn(prepared, 8)
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
    prepared = prepare(made, study.change(small(), {"data.train_limit": None}).data)
    vectors = unlabelled.learn(prepared, 8)
    red, blue, loud = (vectors[prepared.vocabulary.index(word)] for word in frames)

    def cosine(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    assert cosine(red, blue) > cosine(red, loud) + 0.3


@pytest.mark.parametrize("normalised", [False, True])
def test_a_run_starts_from_them_and_says_what_they_were_learnt_from(prepared, normalised):
    settings = small(**{"training.epochs": 0, "model.normalised_embedding": normalised} | IN_DOMAIN)
    run = loop.fit(settings, data=prepared, progress=False, directory=paths.RUNS)
    expected = unlabelled.learn(prepared, settings.model.embedding_size)
    assert torch.equal(run.load_model().embedding.weight.data, torch.from_numpy(expected))
    assert run.provenance["data"]["unlabelled"] == unlabelled.checksum(prepared.source.unlabelled)


def test_without_texts_or_library_it_is_told_in_one_sentence(prepared, monkeypatch):
    nothing = dataclasses.replace(
        prepared, source=dataclasses.replace(prepared.source, unlabelled=[])
    )
    with pytest.raises(UserError, match="Expected unlabelled reviews to learn word vectors from"):
        unlabelled.learn(nothing, 8)
    for name in ("gensim", "gensim.models", "gensim.models.word2vec"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"not installed: .* extra `vectors`"):
        unlabelled.learn(prepared, 8)


def test_the_driver_learns_them_once_before_any_worker_starts(source, places, monkeypatch):
    seen = []

    def noting(self, job):
        seen.append(len(list(paths.CACHE.glob("vectors-*"))))

    monkeypatch.setattr(workers.LocalEngine, "_tried", noting)
    configs = [small(**IN_DOMAIN | {"model.kind": kind}) for kind in config.MODELS]
    jobs = [workers.Task(entry, source, 1, paths.RUNS, paths.CACHE) for entry in configs]
    assert all(error is None for _, error, _ in workers.LocalEngine(1).compute(jobs))
    assert seen == [1, 1]
    nothing = dataclasses.replace(jobs[0], source=dataclasses.replace(source, unlabelled=[]))
    ((_, error, _),) = workers.LocalEngine(1).compute([nothing])
    assert "Expected unlabelled reviews" in error and len(seen) == 2


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


def test_a_study_that_trains_itself_reads_them_too(places, monkeypatch, capsys):
    monkeypatch.setattr(unlabelled, "BUILT_IN", 300)
    taught = STUDY.replace('"training.vectors" = ["in-domain"]', '"training.self_training" = [1]')
    (places / "taught.toml").write_text(taught)
    code, out, errors = command(monkeypatch, capsys, f"study {places / 'taught.toml'}")
    assert code == 0, errors
    assert re.search(r"\d+ reviews without a label are read too", out)
    assert len(list(paths.RUNS.glob("*/provenance.json"))) == 4, "each has a teacher of its kind"
    assert list(records.read("taught").runs["training.self_training"]) == [1, 1]


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
