"""Each mistake of a user ends in one clear sentence and exit code 2, and leaves nothing behind."""

import io
import re
import sys
import tarfile

import numpy as np
import pytest

from lstm_report.cli import app
from lstm_report.data import readers, sources
from lstm_report.errors import UserError


def archive(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))


REVIEWS = {
    f"aclImdb/{split}/{name}/{number}_1.txt": f"{split} {name} {number}".encode()
    for split in ("train", "test")
    for name in ("neg", "pos")
    for number in range(3)
}


def test_the_original_archive_and_its_folder_are_the_same_reviews(tmp_path):
    archive(tmp_path / "aclImdb_v1.tar.gz", REVIEWS)
    packed = sources.resolve(str(tmp_path / "aclImdb_v1.tar.gz"))
    for name, content in REVIEWS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    folder = sources.resolve(str(tmp_path / "aclImdb"))
    assert packed.checksum == folder.checksum
    assert folder.train.texts == packed.train.texts
    assert [int("pos" in text) for text in folder.train.texts] == folder.train.labels.tolist()
    assert not folder.is_imdb


BAD_FILES = {
    "no columns": ("a.csv", b"words,mark\ngood,1\n", "column of texts"),
    "no rows": ("a.csv", b"text,label\n", "no rows"),
    "empty text": ("a.csv", b"text,label\ngood,1\n  ,0\n", "row 2"),
    "label": ("a.csv", b"text,label\ngood,1\nfair,2\n", "binary labels.*'2' in row 2"),
    "not UTF-8": ("a.csv", b"text,label\n\xff\xfe,1\n", "UTF-8"),
    "not Parquet": ("a.parquet", b"nonsense", "readable"),
    "not JSON": ("a.jsonl", b"{nonsense\n", "readable"),
    "ending": ("a.txt", b"good", "ending in"),
    "no archive": ("a.tar.gz", b"nonsense", "complete .tar.gz"),
    "one label": ("a.csv", b"text,label\ngood,1\nfine,1\n", "both labels"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        sources.resolve(str(tmp_path / name))


@pytest.mark.parametrize("name", ["aclImdb/train/neg/9_1.txt", "aclImdb/notes.bin"])
def test_a_very_large_member_is_refused_before_it_is_read(tmp_path, name):
    path = tmp_path / "a.tar.gz"
    size = 10 * 2**30  # of which only the header is there: to read on would tell of damage
    with tarfile.open(path, "w:gz") as file:
        entry = tarfile.TarInfo(name)
        entry.size = size
        file.fileobj.write(entry.tobuf())
    with pytest.raises(UserError, match=f"Expected at most .*bytes in .*, got {size:,}"):
        sources.resolve(str(path))


def test_a_very_large_file_is_refused_before_it_is_read(tmp_path):
    for name, content in REVIEWS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    large = tmp_path / "aclImdb" / "train" / "neg" / "9_1.txt"
    with large.open("wb") as file:
        file.truncate(17 * 2**20)  # takes no room
    with pytest.raises(UserError, match="9_1.txt, got 17,825,792"):
        sources.resolve(str(tmp_path))


def test_bad_archives_are_named(tmp_path):
    path = tmp_path / "a.tar.gz"
    archive(path, {"elsewhere/readme.txt": b"text"})
    with pytest.raises(UserError, match="another layout"):
        sources.resolve(str(path))
    archive(path, REVIEWS | {"../outside.txt": b"text"})
    with pytest.raises(UserError, match="points outside"):
        sources.resolve(str(path))
    assert not (tmp_path.parent / "outside.txt").exists()
    archive(path, REVIEWS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        sources.resolve(str(path))


def test_a_folder_of_another_layout_is_named(tmp_path):
    with pytest.raises(UserError, match="got neither"):
        sources.resolve(str(tmp_path))


def test_quotes_in_tsv_are_text_and_copies_stay_on_one_side(tmp_path):
    rows = [f'"said {k % 40}" twice\t{("Negative", "Positive")[k % 2]}' for k in range(120)]
    (tmp_path / "a.tsv").write_text("Text\tSentiment\n" + "\n".join(rows))
    source = sources.resolve(str(tmp_path / "a.tsv"))
    assert '"said 0" twice' in {*source.train.texts, *source.test.texts}
    assert not {*source.train.texts} & {*source.test.texts}
    assert len(source.train) + len(source.test) == 120


def test_auto_takes_the_variable_then_the_hub_then_the_built_in_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_from_hub", lambda: None)
    monkeypatch.delenv(sources.VARIABLE, raising=False)
    said = []
    assert sources.resolve("auto", log=said.append).built_in
    assert "not reviews of IMDB" in said[0]
    monkeypatch.setenv(sources.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="not there"):
        sources.resolve("auto")


def test_the_checksum_ignores_order_and_nothing_else():
    reviews = readers.Reviews(["a", "b", "b"], np.array([0, 1, 1]))
    base = sources.checksum({"train": reviews})
    assert base == sources.checksum({"train": reviews.take(np.array([2, 0, 1]))})
    others = (
        {"test": reviews},
        {"train": readers.Reviews(reviews.texts, 1 - reviews.labels)},
        {"train": reviews.take(np.array([0, 1]))},
        {"train": reviews.take(np.array([0]))},
    )
    assert len({base, *map(sources.checksum, others)}) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --profile nope", "Unknown profile 'nope'"),
        ("train --model gru", "Unknown model 'gru'"),
        ("train --readout first", "Unknown readout 'first'"),
        ("train --epochs -1", "epochs to be at least 0"),
        ("train --layers 0", "num_layers to be more than 0"),
        ("train --epochs many", "valid integer"),
        ("train --data NOWHERE", "not there"),
        ("build --profile nope", "Unknown profile 'nope'"),
        ("predict --run NOWHERE text", "run folder"),
        ("predict --run NOWHERE", "either one text, or both"),
        ("nonsense", "No such command"),
    ],
)
def test_the_command_line_says_it_in_one_line(arguments, message, monkeypatch, capsys, tmp_path):
    words = arguments.replace("NOWHERE", str(tmp_path / "nowhere")).split()
    monkeypatch.setattr(sys, "argv", ["lstm-report", *words])
    with pytest.raises(SystemExit) as exit_:
        app.main()
    captured = capsys.readouterr()
    assert exit_.value.code == 2
    assert len(captured.err.strip().splitlines()) == 1
    assert re.search(message, captured.err)
    assert not list(tmp_path.iterdir())
