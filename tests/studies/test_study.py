"""What a study is made of: cells, seeds, grids, and files that describe one."""

import json

import pytest
from small_studies import tiny

from lstm_report.errors import UserError
from lstm_report.studies import catalogue
from lstm_report.studies.study import Cell, Study, product


def test_a_seed_sets_weights_batches_and_validation_and_runs_go_seed_by_seed():
    planned = tiny(seeds=2).runs()
    assert [(run.cell, run.seed) for run in planned] == [
        *(("lstm", 0), ("reslstm", 0), ("lstm", 1), ("reslstm", 1)),
    ]
    for run in planned:
        assert run.config.training.seed == run.config.data.split_seed == run.seed
        assert run.config.training.epochs == 3 and run.config.model.kind == run.cell


def test_a_cell_may_hold_one_part_of_the_seed_still():
    made = Study("s", "", "smoke", (Cell("weights alone", {"data.split_seed": 0}),), 2)
    assert [run.config.data.split_seed for run in made.runs()] == [0, 0]
    assert [run.config.training.seed for run in made.runs()] == [0, 1]


def test_a_grid_is_every_combination_labelled_by_what_varies():
    cells = product(
        {"model.kind": ["lstm", "reslstm"], "model.num_layers": [1, 3], "model.readout": ["max"]}
    )
    assert [cell.label for cell in cells] == [
        f"{kind} num_layers={layers}" for kind in ("lstm", "reslstm") for layers in (1, 3)
    ]
    assert all(cell.settings["model.readout"] == "max" for cell in cells)


def test_another_profile_or_other_epochs_have_a_name_of_their_own():
    base = catalogue.STUDIES["headline"]
    assert base.altered(profile="smoke", epochs=1).name == "headline-smoke-1-epochs"
    assert base.altered().name == base.altered(profile="source").name == "headline"
    assert {run.config.training.epochs for run in base.altered(epochs=1).runs()} == {1}


FILE = """
question = "Does depth help?"
profile = "smoke"
seeds = 2
settings.training.epochs = 1
[grid]
model.kind = ["lstm", "reslstm"]
"model.num_layers" = [1, 2]
"""


def test_a_file_describes_a_study_in_toml_and_in_json(tmp_path):
    path = tmp_path / "layers.toml"
    path.write_text(FILE)
    made = catalogue.find(str(path))
    assert (made.name, made.question, made.seeds) == ("layers", "Does depth help?", 2)
    assert len(made.runs()) == 8
    cells = [{"label": cell.label, "settings": dict(cell.settings)} for cell in made.cells]
    values = {"profile": "smoke", "seeds": 2, "settings": made.settings, "cells": cells}
    path.with_suffix(".json").write_text(json.dumps(values))
    assert catalogue.find(str(path.with_suffix(".json"))).runs() == made.runs()


BAD_FILES = {
    "unknown key": (
        FILE.replace("model.kind", "model.sort"),
        "Unknown key in grid .* 'model.sort'",
    ),
    "reviews": (FILE.replace("model.kind", "data.source"), "key in grid of .* 'data.source'"),
    "near key": (
        FILE.replace("training.epochs", "training.epoch"),
        "key in settings of .*layers.toml 'training.epoch': expected 'training.epochs', which is",
    ),
    "wrong section": (
        FILE.replace("training.epochs", "model.epochs"),
        "expected 'training.epochs'",
    ),
    "no section": (FILE.replace("training.epochs", "Max-Length"), "expected 'data.max_length'"),
    "outside": (
        FILE.replace("settings.training.epochs", "training.epochs"),
        "entry of .* 'training.epochs': expected 'settings.training.epochs'",
    ),
    "key of a cell": (
        'cells = [{label = "a", settings = {model.layers = 1}}]',
        "key in the cell 'a' of .*'model.layers': expected 'model.num_layers'",
    ),
    "bad value": (FILE.replace("[1, 2]", "[1, 0]"), "num_layers to be more than 0, got 0"),
    "bad type": (FILE.replace("[1, 2]", '[1, "2"]'), "num_layers to be a whole number"),
    "no list": (FILE.replace("[1, 2]", "2"), "a list of values"),
    "equal runs": (FILE.replace("[1, 2]", "[1, 1]"), "twice"),
    "unknown entry": (FILE.replace("seeds", "seed"), "Unknown entry of .* 'seed'"),
    "unknown profile": (FILE.replace('"smoke"', '"tiny"'), "unknown profile 'tiny'"),
    "seeds": (FILE.replace("seeds = 2", 'seeds = "2"'), "seeds to be a whole number"),
    "no seed": (FILE.replace("seeds = 2", "seeds = 0"), "at least one seed"),
    "no cells": ("seeds = 1", "either cells or a grid"),
    "empty cells": ("cells = []", "label each"),
    "half a cell": ('cells = [{label = "a"}]', "a label and a table"),
    "two of a label": ('cells = [{label="a",settings={}},{label="a",settings={}}]', "'a' twice"),
    "one run twice": ('cells = [{label="a",settings={}},{label="b",settings={}}]', "the same as"),
    "no TOML": ("cells = [", "cannot be read"),
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "layers.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        catalogue.find(str(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
