"""Equal reviews are equal whatever holds them, and damage is told from another layout."""

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lstm_report.data import readers, sources
from lstm_report.errors import UserError

TEXTS = [f"A film, the {k}th, caf\u00e9\r\nscene." for k in range(12)]
LABELS = [k % 2 for k in range(12)]


def add(archive, name, content=b"", kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = len(content), kind, link
    archive.addfile(entry, io.BytesIO(content))


def write_archive(path, *, filler=b"", extra=()):
    with tarfile.open(path, "w:gz") as archive:
        for split in ("train", "test"):
            for k, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True)):
                name = f"aclImdb/{split}/{('neg', 'pos')[label]}/{(k * 7) % 12}_{k}.txt"
                add(archive, name, f"{split} {text}".encode())
        add(archive, "aclImdb/train/unsup/0_0.txt", filler)
        add(archive, "aclImdb/train/neg/._0_0.txt", b"\xff\xfe")
        for member in extra:
            add(archive, **member)


def write_hub(folder, order):
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        table = pa.table(
            {"text": [f"{split} {TEXTS[k]}" for k in order], "label": [LABELS[k] for k in order]}
        )
        parquet.write_table(table, folder / f"{split}-00000-of-00001.parquet")


def test_layouts_in_any_order_give_the_same_rows(tmp_path):
    write_archive(tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        for member in archive:
            target = tmp_path / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.extractfile(member).read())
    write_hub(tmp_path / "hub" / "plain_text", range(12))
    write_hub(tmp_path / "turned", range(11, -1, -1))
    rows = [
        json.dumps(
            {
                "Review": f"{split} {text}",
                "Sentiment": ("neg", "Positive")[label],
                "split": split.upper(),
            }
        )
        for split in ("test", "train")
        for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    (tmp_path / "a.JSONL").write_text("\n".join(rows))
    first, *others = (
        sources.resolve(str(tmp_path / name))
        for name in ("hub", "turned", "a.tar.gz", "aclImdb", "a.JSONL")
    )
    assert sorted(first.train.texts) == sorted(f"train {text}" for text in TEXTS)
    for other in others:
        assert other.checksum == first.checksum
        for mine, yours in ((first.train, other.train), (first.test, other.test)):
            assert mine.texts == yours.texts
            np.testing.assert_array_equal(mine.labels, yours.labels)


@pytest.mark.parametrize(
    "extra",
    [
        {"name": "../outside.txt", "content": b"text"},
        {"name": "/outside.txt", "content": b"text"},
        {"name": "aclImdb/train/neg/link.txt", "kind": tarfile.SYMTYPE, "link": "../../../../x"},
        {"name": "aclImdb/train/neg/hard.txt", "kind": tarfile.LNKTYPE, "link": "/outside"},
        {"name": "aclImdb/train/neg/pipe.txt", "kind": tarfile.FIFOTYPE},
    ],
    ids=lambda extra: extra["name"],
)
def test_members_that_are_no_plain_file_inside_are_refused(tmp_path, extra):
    write_archive(tmp_path / "a.tar.gz", extra=[extra])
    with pytest.raises(UserError, match="plain files that stay inside") as error:
        sources.resolve(str(tmp_path / "a.tar.gz"))
    assert extra["name"] in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_damage_anywhere_is_told_from_another_layout(tmp_path, part):
    path = tmp_path / "a.tar.gz"
    write_archive(path, filler=np.random.default_rng(0).bytes(20_000))
    whole = path.read_bytes()
    place = int(part * len(whole))
    for damaged in (whole[:place], whole[:place] + b"\xff" * 40 + whole[place + 40 :]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="damaged"):
            sources.resolve(str(path))


BAD_TABLES = {
    "surplus cells": ("a.csv", b"text,label\none,two,1\nthree,four,0\n", "more cells"),
    "no table": ("a.jsonl", b"[1]\n2\n", "readable"),
    "a number": ("a.jsonl", b'{"text":3,"label":1}\n', "row 1 holds '3'"),
    "no text": ("a.jsonl", b'{"text":null,"label":1}\n', "row 1 is empty"),
    "empty file": ("a.csv", b"", "readable"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        sources.resolve(str(tmp_path / name))


def test_parquet_texts_that_are_no_utf8_are_named(tmp_path):
    offsets = np.array([0, 2], dtype=np.int32)
    text = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(b"\xff\xfe"))
    parquet.write_table(pa.table({"text": text, "label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="UTF-8"):
        sources.resolve(str(tmp_path / "a.parquet"))


def test_lists_where_texts_should_be_are_named(tmp_path):
    parquet.write_table(
        pa.table({"text": [["a", "b"]] * 2, "label": [1, 0]}), tmp_path / "a.parquet"
    )
    with pytest.raises(UserError, match="row 1 holds"):
        sources.resolve(str(tmp_path / "a.parquet"))


def test_half_a_surrogate_pair_is_named():
    import pandas as pd

    table = pd.DataFrame({"text": pd.Series(["good", "\ud800"], dtype=object), "label": [1, 0]})
    with pytest.raises(UserError, match="row 2 holds half of a surrogate pair"):
        readers.reviews_of(table, "a table")


@pytest.mark.parametrize("spec", ["~no-such-user-here/x", "x" * 300], ids=["home", "long name"])
def test_paths_that_cannot_be_looked_up_are_not_there(spec):
    with pytest.raises(UserError, match="not there"):
        sources.resolve(spec)


def test_training_reviews_need_both_labels(tmp_path):
    rows = ["train,good,1", "train,fine,1", "test,bad,0", "test,great,1"]
    (tmp_path / "a.csv").write_text("split,text,label\n" + "\n".join(rows))
    with pytest.raises(UserError, match="both labels"):
        sources.resolve(str(tmp_path / "a.csv"))


def write_split(path, splits, heading="split"):
    """Write one good and one bad review for each value of the column of splits."""
    rows = [
        {heading: split, "text": f"{word} {place}", "label": label}
        for place, split in enumerate(splits)
        for word, label in (("good", 1), ("bad", 0))
    ]
    if path.suffix.lower() == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix.lower() == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        mark = "\t" if path.suffix.lower() == ".tsv" else ","
        lines = [rows[0], *(row.values() for row in rows)]
        path.write_text("".join(mark.join(map(str, line)) + "\n" for line in lines))


@pytest.mark.parametrize("ending", [".csv", ".TSV", ".Jsonl", ".PARQUET"])
def test_splits_are_honoured_in_any_spelling_and_the_rest_is_left_out_and_said(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    write_split(path, [" TRAIN", "Test ", "dev", "Validation", " val", "UNSUPERVISED"], " Split ")
    source = sources.resolve(str(path))
    assert sorted(source.train.texts) == ["bad 0", "good 0"]
    assert sorted(source.test.texts) == ["bad 1", "good 1"]
    assert "8 rows of other splits were left out" in source.origin


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (["train", "test", "holdout"], "got 'holdout' in row 5"),
        (["train", "test", ""], "got '' in row 5"),
        (["train", "validation"], "both train and test .* got only train, validation"),
        (["train", "train"], "got only train"),
        (["0", "1"], "got '0' in row 1"),
    ],
)
def test_splits_that_cannot_be_honoured_are_refused(tmp_path, splits, message):
    write_split(tmp_path / "a.csv", splits)
    with pytest.raises(UserError, match=message):
        sources.resolve(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_columns_that_could_both_be_meant_are_a_question(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    for heading, message in {
        "Text": "'Text' and 'text': rename one",
        "review": "'review' and 'text'",
        "\ufeffLABEL": "LABEL' and 'label'",
        "sentiment ": "'sentiment ' and 'label'",
    }.items():
        write_split(path, ["train", "test"], heading)
        with pytest.raises(UserError, match=message):
            sources.resolve(str(path))


def test_a_mark_of_byte_order_in_a_text_of_a_folder_is_no_part_of_it(tmp_path):
    for split, name in (("train", "neg"), ("train", "pos"), ("test", "neg"), ("test", "pos")):
        (tmp_path / split / name).mkdir(parents=True)
        (tmp_path / split / name / "1.txt").write_text("a review", encoding="utf-8-sig")
    assert set(sources.resolve(str(tmp_path)).train.texts) == {"a review"}
    (tmp_path / "test" / "pos" / "1.txt").write_text("a review", encoding="utf-16")
    with pytest.raises(UserError, match="UTF-8"):
        sources.resolve(str(tmp_path))


@pytest.mark.parametrize(("capitals", "plain"), [("a.TAR.GZ", "a.tar.gz"), ("a.TGZ", "b.tgz")])
def test_folders_archives_and_texts_may_end_in_capitals(tmp_path, capitals, plain):
    write_archive(tmp_path / plain)
    expected = sources.resolve(str(tmp_path / plain)).checksum
    with tarfile.open(tmp_path / plain) as old, tarfile.open(tmp_path / capitals, "w:gz") as new:
        for member in old:
            content = old.extractfile(member).read()
            member.name = member.name.replace(".txt", ".TXT")
            target = tmp_path / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            new.addfile(member, io.BytesIO(content))
    write_hub(tmp_path / "hub", range(12))
    for file in (tmp_path / "hub").iterdir():
        file.rename(file.with_suffix(".PARQUET"))
    assert sources.resolve(str(tmp_path / "hub")).checksum == expected
    assert sources.resolve(str(tmp_path / capitals)).checksum == expected
    assert sources.resolve(str(tmp_path / "aclImdb")).checksum == expected


def test_the_hub_is_not_asked_offline(monkeypatch):
    monkeypatch.setattr(sources.urllib.request, "urlopen", lambda *_, **__: io.BytesIO())
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert sources._network_is_there()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not sources._network_is_there()


def test_a_failing_hub_ends_in_the_built_in_corpus(monkeypatch):
    import datasets

    def fail(name):
        raise ConnectionError(name)

    monkeypatch.setattr(datasets, "load_dataset", fail)
    source = sources.resolve("auto")
    assert source.built_in and source.origin.startswith("IMDB is neither cached nor within reach.")


def test_reviews_from_the_hub_are_not_imdb_unless_verified(monkeypatch):
    import datasets

    part = {"text": ["good", "bad"], "label": [1, 0]}
    monkeypatch.setattr(datasets, "load_dataset", lambda name: {"train": part, "test": part})
    source = sources.resolve("auto")
    assert not source.is_imdb and not source.built_in and source.name == sources.HUB_NAME


def test_imdb_needs_its_counts_its_balance_and_its_checksum(monkeypatch):
    texts = [str(k) for k in range(25_000)]
    labels = np.arange(25_000) % 2
    whole = {split: readers.Reviews(texts, labels) for split in ("train", "test")}
    assert not sources._source("n", "o", whole).is_imdb
    monkeypatch.setattr(sources, "checksum", lambda parts: sources.IMDB_CHECKSUM)
    assert sources._source("n", "o", whole).is_imdb
    assert not sources.resolve("built-in").is_imdb
    skewed = whole | {"test": readers.Reviews(texts, np.append(labels[:-1], 0))}
    assert not sources._source("n", "o", skewed).is_imdb
