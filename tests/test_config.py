"""Settings of a run: their names, their bounds, and how they are read back."""

import dataclasses

import pytest
from small_studies import ALL, small

from lstm_report import config
from lstm_report.config import RunConfig, TrainingConfig
from lstm_report.data import sources
from lstm_report.errors import UserError
from lstm_report.studies import records
from lstm_report.studies.catalogue import STUDIES
from lstm_report.studies.study import change


def test_recorded_runs_keep_their_names():
    """Fields that came later do not count where they say what those runs did."""
    kept = records.recorded("headline")
    planned = {
        config.run_id(run.config, kept["checksum"].iloc[0]): (run.cell, run.seed)
        for run in STUDIES["headline"].runs()
    }
    rows = kept[["cell", "seed", "run_id"]].to_numpy()
    known = {run_id: (cell, seed) for cell, seed, run_id in rows if run_id in planned}
    assert len(known) >= 6 and known.items() <= planned.items()
    name = "lstm-seed0-0db7d978dc76"  # as recorded before they came
    base = RunConfig(training=TrainingConfig(epochs=15))
    assert config.run_id(base, sources.IMDB_CHECKSUM) == name
    for key, value in (ALL | {"training.vectors": "in-domain"}).items():
        too = {"model.normalised_embedding": True} if key == "training.adversarial" else {}
        other = change(base, too | {key: value})
        assert config.run_id(other, sources.IMDB_CHECKSUM) != name, key


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.bidirectional": 1}, "bidirectional to be true or false, got 1"),
        ({"model.bidirectional": "yes"}, "bidirectional to be true or false, got 'yes'"),
        ({"model.num_layers": True}, "num_layers to be a whole number, got True"),
        ({"model.word_dropout": 1.0}, "word_dropout to be at least 0 and less than 1, got 1.0"),
        ({"model.embedding_dropout": -0.1}, "embedding_dropout to be at least 0 and less than 1"),
        ({"training.schedule": "cosine"}, "Unknown schedule 'cosine': expected one of constant"),
        ({"training.vectors": "glove"}, "Unknown vectors 'glove': expected one of none"),
        ({"training.adversarial": -1}, "adversarial to be at least 0, got -1"),
        ({"training.adversarial": float("nan")}, "adversarial to be at least 0"),
        ({"training.adversarial": 5.0}, "set normalised_embedding to true"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_in_one_sentence(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        change(RunConfig(), settings)
    assert "\n" not in str(caught.value)


def test_a_configuration_reads_back():
    made = small(**ALL)
    assert config.from_dict(config.to_dict(made)) == made
    old = config.to_dict(small())
    for key in ALL:
        part, _, name = key.partition(".")
        del old[part][name]
    assert config.from_dict(old) == small()
    assert dataclasses.replace(made.model, bidirectional=False).bidirectional is False
