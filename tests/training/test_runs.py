"""Run folders that are damaged, of another version, or written by another tool: each is refused."""

import json
import shutil

import pytest
import small_studies
import torch
from safetensors.torch import load_file, save_file
from small_studies import small

from lstm_report import paths
from lstm_report.data.prepared import prepare
from lstm_report.errors import UserError
from lstm_report.training import evaluate, loop, runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    settings = small(**{"model.kind": "reslstm", "training.epochs": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        prepared = prepare(small_studies.source(), settings.data)
    folder = tmp_path_factory.mktemp("runs")
    return loop.fit(settings, data=prepared, progress=False, directory=folder)


@pytest.mark.parametrize("name", [*runs.FILES, runs.PROVENANCE])
def test_a_damaged_run_is_refused(run, tmp_path, name):
    folder = tmp_path / "run"
    folder.mkdir()
    for path in run.directory.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    runs.read_run(folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:-3])
    with pytest.raises(UserError, match=name):
        runs.read_run(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        runs.read_run(folder)


def test_a_run_of_another_version_is_refused(run, tmp_path):
    values = json.loads((run.directory / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"format": 99}))
    (tmp_path / runs.PROVENANCE).write_text("{}")
    with pytest.raises(UserError, match="version 1, got version 99"):
        runs.read_run(tmp_path)
    with pytest.raises(UserError, match="not there"):
        runs.read_run(tmp_path / "nowhere")


def forged(run, place, name, write):
    """Copy a run with one file written anew, and its digest with it, as by another tool."""
    folder = place / run.directory.name
    shutil.copytree(run.directory, folder)
    if write is None:
        return folder
    write(folder / name)
    provenance = json.loads((folder / runs.PROVENANCE).read_text())
    provenance["files"][name] = runs.digest(folder / name)
    (folder / runs.PROVENANCE).write_text(json.dumps(provenance))
    return folder


def reweighted(change):
    def write(path):
        weights = load_file(path)
        change(weights)
        save_file(weights, path)

    return write


def renumber(path, entry):
    """Give a word of the tokeniser a number that it cannot have, or let it lack that for others."""
    values = json.loads(path.read_text())
    vocabulary = values["model"]["vocab"]
    if entry == "vocab":
        vocabulary[max(vocabulary, key=vocabulary.get)] += 1
    else:
        values["model"][entry] = "nowhere"
    path.write_text(json.dumps(values))


FORGED = {
    "wrong shapes": ("model.safetensors", reweighted(
        lambda weights: weights.update({"classifier.weight": torch.zeros(1, 3)}))),
    "a weight too few": ("model.safetensors", reweighted(
        lambda weights: weights.pop("classifier.bias"))),
    "no numbers": ("model.safetensors", reweighted(
        lambda weights: weights["classifier.weight"].fill_(torch.nan))),
    "fewer words": ("model.safetensors", reweighted(
        lambda weights: weights.update({"embedding.weight": weights["embedding.weight"][:-1]}))),
    "truncated": ("model.safetensors", lambda path: path.write_bytes(path.read_bytes()[:500])),
    "pickled": ("model.safetensors", lambda path: torch.save({"a": torch.zeros(1)}, path)),
    "a weight for all words": ("model.safetensors", reweighted(
        lambda weights: weights.update({"embedding.weight": torch.tensor(1.0)}))),
    "no words": ("model.safetensors", reweighted(
        lambda weights: weights.update({"embedding.weight": weights["embedding.weight"][:0]}))),
    "whole numbers": ("model.safetensors", reweighted(
        lambda weights: weights.update({"classifier.bias": weights["classifier.bias"].int()}))),
    "a word out of range": ("tokenizer.json", lambda path: renumber(path, "vocab")),
    "nothing for unknown words": ("tokenizer.json", lambda path: renumber(path, "unk_token")),
    "no tokeniser": ("tokenizer.json", lambda path: path.write_text("{}")),
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_a_run_whose_weights_or_words_cannot_be_is_refused(run, tmp_path, how):
    made = runs.read_run(forged(run, tmp_path, *FORGED[how]))
    with pytest.raises(UserError, match="Expected a complete run folder .*: delete the folder"):
        next(evaluate.probabilities(made, ["a fine film"]))


@pytest.mark.parametrize(
    "name, table, content",
    [
        ("metrics.csv", "metrics", b"epoch,loss\n1,2\n"),
        ("metrics.csv", "metrics", b""),
        ("predictions.parquet", "predictions", b"PAR1"),
    ],
)
def test_a_run_whose_tables_cannot_be_is_refused(run, tmp_path, name, table, content):
    made = runs.read_run(forged(run, tmp_path, name, lambda path: path.write_bytes(content)))
    with pytest.raises(UserError, match=f"{name} (cannot be read|has no numbers in)"):
        getattr(made, table)


def test_weights_that_give_no_probability_are_refused(run, tmp_path):
    def change(weights):
        weights["embedding.weight"].fill_(3e38)
        weights["recurrent.weight_res_l0"].fill_(3e38)[:, ::2] *= -1  # infinity less infinity

    made = runs.read_run(forged(run, tmp_path, "model.safetensors", reweighted(change)))
    with pytest.raises(UserError, match="Expected a probability"):
        next(evaluate.probabilities(made, ["a fine film"]))


@pytest.mark.parametrize("content", ["{}", '{"model": 1}', "[" * 100_000])
def test_a_configuration_that_cannot_be_is_refused_with_its_folder(run, tmp_path, content):
    text = content if content[0] == "[" else f'{{"format": {runs.FORMAT}, "config": {content}}}'
    folder = forged(run, tmp_path, "config.json", lambda path: path.write_text(text))
    with pytest.raises(UserError, match="complete run folder at .* config.json cannot be"):
        runs.read_run(folder)


@pytest.mark.parametrize("name", runs.NUMBERS)
@pytest.mark.parametrize("value", ["x", None, -5, float("nan"), True])
def test_a_summary_that_cannot_be_is_refused(run, tmp_path, name, value):
    folder = forged(run, tmp_path, "", None)
    provenance = json.loads((folder / runs.PROVENANCE).read_text())
    provenance["summary"][name] = value
    (folder / runs.PROVENANCE).write_text(json.dumps(provenance))
    with pytest.raises(UserError, match=f"tells no number as the {name}"):
        runs.read_run(folder)


@pytest.mark.parametrize("without", ["files", "summary", "data"])
def test_a_provenance_that_tells_too_little_is_refused(run, tmp_path, without):
    folder = forged(run, tmp_path, "", None)
    provenance = json.loads((folder / runs.PROVENANCE).read_text())
    del provenance[without]
    (folder / runs.PROVENANCE).write_text(json.dumps(provenance))
    with pytest.raises(UserError, match="Expected a complete run folder"):
        runs.read_run(folder)
