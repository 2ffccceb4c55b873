"""The verdicts: parts on made-up records that make them true, false, unclear, or no test."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from second_round import World

from lstm_report import paths, provenance
from lstm_report.claims import verdicts
from lstm_report.claims.admitted import Archive, Missing, View
from lstm_report.claims.evidence import Rule, at_least, inside, more_often
from lstm_report.claims.loss import errors_and_losses
from lstm_report.statistics.intervals import Interval
from lstm_report.statistics.unpaired import Figure, contrast
from lstm_report.studies.catalogue import HEADLINE


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(provenance, "objection", lambda commit: "")
    return tmp_path / "results"


def outcomes(**changes):
    World(**changes).write()
    found = verdicts.verdicts()
    return {entry.part.identity: entry for entry in found}


PREDICTED = {
    **dict.fromkeys(("C1a", "C10a", "C10b", "C12a", "C12b", "C12c"), "supported"),
    **dict.fromkeys(("C1b", "C2"), "not reproduced"),
    **dict.fromkeys(("C3a", "C3b", "C4a", "C4c", "C5a", "C5b", "C5c"), "supported"),
    **dict.fromkeys(("C3c", "C4b", "C5d", "C7b", "C8b", "C8d", "C8e"), "refuted"),
    **dict.fromkeys(("C6a", "C6b", "C6c", "C7a", "C7c", "C7d", "C8a", "C8c"), "supported"),
    **dict.fromkeys(("C9a", "C11b", "D2", "D3"), "supported"),
    **dict.fromkeys(("C9b", "C9c"), "refuted"),
    "C11a": "true by calculation",
}


def test_records_as_predicted_give_the_predicted_verdicts(results):
    found = outcomes()
    assert {name: entry.outcome for name, entry in found.items()} == PREDICTED
    assert verdicts.across_not_along(list(found.values())) == "supported"
    entries = verdicts.ledger(list(found.values()))
    claims = {entry.claim.identity: entry.outcome for entry in entries}
    assert claims == {
        **dict.fromkeys(("C1", "C3", "C4", "C5", "C7", "C8", "C9"), "partly supported"),
        **dict.fromkeys(("C6", "C10", "C11", "C12"), "supported"),
        "C2": "not reproduced",
    }


FIGURES = {
    **{"C1a": 0.871 - 0.867, "C1b": 0.871 - 0.867, "C10a": 0.867 - 0.871, "C10b": 0.8708 - 0.867},
    **{"C12a": 0.867 - 0.871, "C12b": 0.918 - 0.871, "C12c": 0.5 - 0.8},
    **{"C2": 0, "C3a": 1, "C3b": 1, "C3c": 0},
    **{"C4a": np.log10(1.1 * 1.02), "C4b": np.log10(1e-8 * 1.02), "C4c": 1 - 0},
    **{"C5a": 7 * np.log10(0.5), "C5b": -7 * np.log10(0.5)},
    **{"C5c": 50 * np.log10(0.7), "C5d": 0},
    **{"C6a": 7 / 20 - 1, "C6b": 1 - 7 / 20, "C6c": 0.03 * 2},
    **{"C7a": 1 - 0.055, "C7b": 0, "C7c": 1 - 0.2, "C7d": 0.99 - 0.2},
    **{"C8a": 1 - 0, "C8b": 0, "C8c": -1, "C8d": -1 - 0, "C8e": (0.88 - 0.87) - (0.86 - 0.87)},
    **{"C9a": 0.918 - 0.871, "C9b": 0.86 - 0.871, "C9c": 0.8 - 0.87},
    **{"D2": -0.02, "D3": 0.804 - 0.803},
}
"""What the parts have to measure, by how the records were made."""


def test_each_figure_is_what_its_records_say(results):
    found = outcomes(**{"contrast": 0.02, "LSTM slower near": 1.0})
    measured = {
        name: entry.estimate.interval.estimate
        for name, entry in found.items()
        if entry.estimate is not None
    }
    assert {*measured} - {*FIGURES} == {"C11b"}  # of made-up logits
    for name, expected in FIGURES.items():
        assert measured[name] == pytest.approx(expected, rel=0.01, abs=5e-4), name


def test_the_ledger_as_json_holds_all_that_a_verdict_rests_on(results):
    World()._headline()
    archive = Archive()
    found = verdicts.verdicts(archive)
    values = json.loads(verdicts.as_json(found, archive))
    assert {*values} == {
        *("registered", "claims", "parts", "D1", "notes", "left out", "failed"),
    }
    since = provenance.registration()
    assert values["registered"] == (dataclasses.asdict(since) if since else None)
    parts = {part["part"]: part for part in values["parts"]}
    assert [*parts] == [entry.part.identity for entry in found]
    named = [name for claim in values["claims"] for name in claim["parts"]]
    assert {name for name in parts if name.startswith("C")} == {*named}
    for entry in found:
        assert parts[entry.part.identity]["verdict"] == entry.outcome
    runs = pd.read_csv(paths.RESULTS / HEADLINE / "runs.csv").set_index("cell")["run_id"]
    expected = {f"{HEADLINE}/{name}" for name in runs.loc[["lstm", "reslstm"]]}
    assert expected <= {*parts["C1a"]["runs"]} and len(expected) == 48


def test_that_the_loss_fell_is_asked_of_the_last_epoch(results):
    World(rebound=True)._headline()
    found = {entry.part.identity: entry for entry in verdicts.verdicts()}
    assert found["C3a"].outcome == "not tested"
    assert "the training loss fell by half in 0 of 48 runs" in found["C3a"].text


OPPOSITE = {
    **{"reslstm": 0.88, "linear": 0.86, "lstm matched": 0.855, "best": 14, "unstable": True},
    **{"overfit": False, "size": 1.0, "contrast": 0.02, "phrases": 0.871, "last": 0.87},
    **{"failing": 0, "gap": 0.0, "ten": 0.99, "far": 0.2, "kept": 0.2, "deep": 0.0, "gated": 0.78},
    **{"fade": 0.99, "eased over layers": 0.98, "fade in time": 0.999, "eased over time": 0.999},
    **{"plain learns": True, "kept trained": 0.1, "start": 0.9, "far learnt": True},
    **{"LSTM slower": 1.0, "LSTM slower near": 1.0},
}
"""Records in which nearly every part turns out otherwise than predicted."""


@pytest.mark.parametrize(
    "changes, expected",
    [
        (
            OPPOSITE,
            {
                **dict.fromkeys(
                    "C1a C10a C10b C12a C12b C12c C3a C3b C4a C4c C5a C5b C5c C6a C6b C6c C7a C7d "
                    "C8a C8c C9a C11b D2 D3".split(),
                    "refuted",
                ),
                **dict.fromkeys("C2 C3c C4b C7b C8e C9b C9c".split(), "supported"),
            },
        ),
        (
            {"reslstm": 0.8595, "flat": True, "eased over time": 0.9, "residual at ten": True,
             "LSTM slower near": 1.0},
            {"C1b": "supported", "C7c": "refuted", "C5d": "supported", "C8b": "supported",
             "C8d": "supported"},
        ),
        ({"spread": 0.03}, dict.fromkeys(("C1a", "C1b", "C10b"), "undecided")),
    ],
    ids=["opposite", "some", "unclear"],
)  # fmt: skip
def test_each_part_can_turn_out_otherwise(results, changes, expected):
    found = outcomes(**changes)
    assert {name: found[name].outcome for name in expected} == expected
    if "C5d" in expected:
        assert verdicts.across_not_along(list(found.values())) == "refuted"


def test_a_failed_check_makes_a_part_untested_whatever_its_figure(results):
    found = outcomes(**{
        "reslstm": 0.84, "no fall": True, "one layer": -0.1, "vectors": 0.8,
        "plain learns short": False, "near learnt": False,
    })  # fmt: skip
    tested = {name for name, entry in found.items() if entry.outcome != "not tested"}
    assert tested == {"C11a", "C8c", "C8d"}, "the open gates learn, and nothing is calculated anew"
    assert all("Check failed" in found[name].text for name in found if name not in tested)
    found["C9b"] = dataclasses.replace(found["C9b"], outcome="not measured yet")  # no part of D1
    assert verdicts.across_not_along(list(found.values())) == "undecided"
    found["C5d"] = dataclasses.replace(found["C5d"], outcome="not measured yet")
    assert verdicts.across_not_along(list(found.values())) == "not measured yet"


def test_an_lstm_of_another_size_is_not_compared_as_of_equal_size(results):
    found = outcomes(matched=1015)
    assert found["C10b"].outcome == "not measured yet"
    assert "1,015 and 1,000 parameters" in found["C10b"].text


def change(study, file, **where):
    """Change cells of a recorded table: the column by name, in the rows that `row` picks."""
    path = paths.RESULTS / study / file
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column, value in where.items():
        table.loc[0, column] = value
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    "file, changes, reason",
    [
        ("runs.csv", {"best_epoch": "9"}, "its best epoch is not that of its epochs"),
        ("runs.csv", {"test_accuracy": "0.99"}, "do not give the test_accuracy"),
        ("runs.csv", {"seed": "7"}, "was not registered"),
        ("runs.csv", {"seed": "101"}, "recorded more than once"),
        ("runs.csv", {"training.learning_rate": "0.1"}, "training.learning_rate = 0.1"),
        ("measurements.csv", {"value": "nan"}, "a measurement of it is no number"),
    ],
)
def test_a_record_that_is_off_is_named_and_not_counted(results, file, changes, reason):
    World()._headline()
    change(HEADLINE, file, **changes)
    left = Archive().study(HEADLINE).left_out
    assert left["reason"].str.contains(reason).any()
    found = {entry.part.identity: entry for entry in verdicts.verdicts()}
    assert found["C8e" if file == "measurements.csv" else "C10b"].outcome == "not measured yet"


def test_a_part_with_too_few_seeds_is_not_measured_yet(results):
    World().write()
    path = paths.RESULTS / HEADLINE / "runs.csv"
    table = pd.read_csv(path)
    table[table["seed"] < 110].to_csv(path, index=False)
    found = {entry.part.identity: entry for entry in verdicts.verdicts()}
    assert found["C1a"].outcome == "not measured yet"
    assert "only 10 of the 24 seeds" in found["C1a"].text
    assert found["C5a"].outcome == "supported"


def test_without_records_nothing_is_judged(results):
    found = verdicts.verdicts()
    assert {entry.outcome for entry in found} == {"not measured yet", "true by calculation"}
    assert "Not measured yet" in verdicts.as_text(found, Archive())


@pytest.mark.parametrize(
    "rule, low, high, verdict",
    [
        (at_least(0.0), 0.1, 0.2, True),
        (at_least(0.0), -0.2, -0.1, False),
        (at_least(0.0), -0.1, 0.1, None),
        (at_least(0.0), 0.0, 0.1, None),
        (inside(-1, 1), -0.5, 0.5, True),
        (inside(-1, 1), 1.5, 2.0, False),
        (inside(-1, 1), 0.5, 1.5, None),
        (more_often(0.25), -0.1, 0.2, False),
        (more_often(0.25), 0.05, 0.2, True),
        (more_often(0.25), -0.1, 0.3, None),
    ],
)
def test_a_rule_names_three_regions(rule, low, high, verdict):
    assert rule.holds(Interval((low + high) / 2, low, high)) is verdict


def test_the_p_value_is_the_level_at_which_the_interval_just_decides():
    values = np.random.default_rng(4).normal(0.3, 1.0, 30)
    holds, p_value = at_least(0.0).judge(contrast([values], [1]))
    assert holds and p_value == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue, rel=1e-3)
    between = Figure(0.5, lambda level: Interval(0.5, 0.5, 0.5))
    assert Rule(above=1, refuted_below=0).judge(between) == (None, 1.0)


@pytest.mark.parametrize(
    "outcomes, verdict",
    [
        (["supported", "true by calculation"], "supported"),
        (["refuted", "undecided"], "refuted"),
        (["not reproduced", "not tested"], "not reproduced"),
        (["not reproduced", "refuted"], "refuted"),
        (["supported", "undecided"], "partly supported"),
        (["supported", "refuted"], "partly supported"),
        (["undecided", "not tested"], "undecided"),
        (["not tested", "not tested"], "not tested"),
        (["supported", "not measured yet"], "not measured yet"),
    ],
)
def test_a_claim_is_what_its_parts_are(outcomes, verdict):
    assert verdicts.combined(outcomes) == verdict


def test_each_claim_has_its_figures_from_the_records_and_none_without(results):
    for claim in verdicts.CLAIMS:
        for draw in claim.figures:
            with pytest.raises(Missing):
                draw(View(Archive()))
    World().write()
    for claim in verdicts.CLAIMS:
        for draw in claim.figures:
            shown = draw(View(Archive()))
            assert shown.caption.strip().endswith(".") and shown.alt.strip()
            assert "round2" in shown.caption or claim.identity in ("C9",)
            for axis in shown.figure.axes:
                (first, *_) = (tick.get_text() for tick in axis.get_yticklabels())
                assert axis.get_xlabel() or not len(axis.get_xticks())
                assert axis.get_ylabel() or any(map(str.isalpha, first))
                assert axis.lines or axis.patches or axis.collections


def test_every_part_that_is_decided_against_its_claim_is_told(results):
    found = list(outcomes().values())
    lines = verdicts.against(found)
    against = [e for e in found if e.outcome in ("refuted", "not reproduced")]
    assert [line.split(",")[0] for line in lines] == [e.part.identity for e in against]
    (line,) = [line for line in lines if line.startswith("C5d")]
    assert "Along time the shortcut does nothing" in line and "powers of ten" in line


def test_the_verdicts_of_the_first_round_stand_beside(results):
    assert verdicts.first_round() == {}
    assert set(verdicts.table(verdicts.ledger(verdicts.verdicts()))["first round"]) == {
        "not measured"
    }
    (results / "round1").mkdir(parents=True)
    kept = paths.REPOSITORY / "results" / "round1" / "verdicts.json"
    (results / "round1" / "verdicts.json").write_text(kept.read_text())
    table = verdicts.table(verdicts.ledger(verdicts.verdicts())).set_index("no.")
    assert table.loc["C7", "first round"] == "refuted"
    assert list(table.index) == [f"C{k}" for k in range(1, 13)]


def test_error_and_loss_meet_their_definitions():
    logits, labels = np.array([[-3.0, 0.0, 2.0], [1.0, 4.0, -900.0]]), np.array([1, 0, 1])
    error, loss = errors_and_losses(logits, labels)
    predicted = 1 / (1 + np.exp(-logits[:, :2]))
    np.testing.assert_allclose(error[:, :2], np.abs(predicted - labels[:2]))
    np.testing.assert_allclose(loss[:, 0], -np.log(predicted[:, 0]))
    np.testing.assert_allclose(loss[:, 1], -np.log(1 - predicted[:, 1]))
    assert error[1, 2] == 1 and loss[1, 2] == 900, "no overflow"
