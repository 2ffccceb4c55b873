"""The answer on one page: its sentences follow the verdicts, and so does what it advises."""

import pytest
from second_round import World

from lstm_report import paths, provenance
from lstm_report.claims import Archive, verdicts
from lstm_report.notebook import answer


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(provenance, "objection", lambda commit: "")
    return tmp_path / "results"


def test_records_as_predicted_are_answered_as_the_algebra_says(results):
    World().write()
    archive = Archive()
    found = verdicts.verdicts(archive)
    short = answer.short(found)
    assert short.startswith("No, not in one layer") and "In deep stacks yes" in short
    assert short.endswith("acts across layers and not along time, as the algebra says.")
    abstract = answer.abstract(archive, found)
    assert short in abstract and "not reproduced (1)" in abstract and "24 times each" in abstract
    assert len(abstract.split()) < 230
    one, deep, imdb = answer.advice(found)
    assert "leave the shortcut out" in one and "output gate" in deep and "linear model" in imdb
    assert "(C10), the second partly supported (C9)" in answer.kept(found)


def test_the_opposite_records_are_answered_in_the_opposite_way(results):
    World(reslstm=0.88, failing=0).write()
    found = verdicts.verdicts()
    short = answer.short(found)
    assert short.startswith("Yes: in one layer it gains") and "In deep stacks no" in short
    one, deep, _ = answer.advice(found)
    assert "take the shortcut" in one and "do not count on the shortcut" in deep


def test_without_records_it_says_that_nothing_is_known(results):
    archive = Archive()
    found = verdicts.verdicts(archive)
    short = answer.short(found)
    assert short.count("not complete") == 2 and "is not measured yet" in short
    assert "not recorded yet" in answer.abstract(archive, found)
    assert answer.advice(found) == []


def test_every_claim_stands_under_one_question(results):
    table = answer.claims(verdicts.verdicts())
    assert sorted(table["no."]) == sorted(claim.identity for claim in verdicts.CLAIMS)
    assert (table["about"] != "").sum() == len(answer.QUESTIONS)


def test_predictions_stand_beside_what_was_found(results):
    assert (answer.predictions(verdicts.verdicts())["as predicted"] == "open").all()
    World(reslstm=0.88).write()
    table = answer.predictions(verdicts.verdicts()).set_index("part")
    against = table.index[table["as predicted"] == "no"]
    assert list(against) == ["C10a"] and (table["as predicted"] == "yes").sum() == 9
