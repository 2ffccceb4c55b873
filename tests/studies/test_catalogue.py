"""The studies by name: what they train, and the settings that were chosen for them."""

import pytest

from lstm_report import config
from lstm_report.claims import inventory
from lstm_report.notebook import searches
from lstm_report.studies import catalogue, records, study
from lstm_report.studies.tuned import SEARCHES


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_both_kinds_of_layer_are_tuned_with_the_same_trials(search):
    planned = catalogue.STUDIES[search.tuning].runs()
    assert len(planned) == len(search.trials) * len(config.MODELS)
    by_kind = {kind: [] for kind in config.MODELS}
    for run in planned:
        kind, _, trial = run.cell.partition(" ")
        assert run.config.model.kind == kind and trial in search.trials
        by_kind[kind].append(study.change(run.config, {"model.kind": "lstm"}))
    assert by_kind["lstm"] == by_kind["reslstm"]


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_every_run_is_one_layer_a_direction_with_the_chosen_settings(search):
    tried = {run.cell: run.config for run in catalogue.STUDIES[search.tuning].runs()}
    weights = set()
    for run in catalogue.STUDIES[search.name].runs():
        model, unlabelled = run.config.model, run.config.reads_unlabelled
        assert run.cell == f"{model.kind} {search.labels[unlabelled]}"
        assert model.bidirectional and model.num_layers == 1
        weights.add(inventory.recurrent_weights(model))
        if run.seed == 0:
            assert run.config == tried[f"{model.kind} {search.chosen[model.kind][unlabelled]}"]
    assert len(weights) == 1


@pytest.mark.parametrize("search", [SEARCHES["strong"]])
def test_the_settings_are_those_that_validation_chose_in_the_records(search):
    """Of the records that are part of the project."""
    reached = searches.trials(search, records.epochs(search.tuning))
    assert reached.notna().all(axis=None)
    assert searches.best_trials(search, reached) == search.chosen


@pytest.mark.parametrize("name", catalogue.STUDIES)
def test_every_named_study_can_be_planned(name):
    made = catalogue.STUDIES[name]
    assert len(made.runs()) == len(made.cells) * made.seeds
    assert made.question.endswith("?")
