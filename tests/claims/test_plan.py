"""The plan of the second round: made from the rules, unchanged, before all runs that count."""

import subprocess

import numpy as np
import pandas as pd
import pytest

from lstm_report import paths, provenance
from lstm_report.analysis import measurements
from lstm_report.claims import plan, verdicts
from lstm_report.claims.evidence import Calculated, Part, Rule
from lstm_report.studies import catalogue, records


def git(*arguments, cwd):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=cwd, capture_output=True, text=True)
    return answer.stdout.strip()


@pytest.fixture
def history(tmp_path, monkeypatch):
    """A repository with a commit before the plan, the plan, and one after it."""
    (tmp_path / "results" / "round2").mkdir(parents=True)
    git("init", "-q", cwd=tmp_path)
    before = git("commit", "--allow-empty", "-qm", "before", cwd=tmp_path)
    plan_file = tmp_path / "results" / "round2" / "PLAN.md"
    plan_file.write_text("rules")
    git("add", ".", cwd=tmp_path)
    registered = git("commit", "-qm", "plan", cwd=tmp_path)
    after = git("commit", "--allow-empty", "-qm", "after", cwd=tmp_path)
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    monkeypatch.setattr(provenance, "PLAN", plan_file)
    provenance.registration.cache_clear()
    provenance.objection.cache_clear()
    yield before, registered, after
    provenance.registration.cache_clear()
    provenance.objection.cache_clear()


def test_only_code_from_the_registration_on_counts(history):
    before, registered, after = history
    assert provenance.registration().commit == registered
    assert provenance.objection(registered[:12]) == provenance.objection(after[:12]) == ""
    assert "before the registration" in provenance.objection(before[:12])
    assert "not committed" in provenance.objection(f"{after[:12]}-dirty")
    assert "does not hold" in provenance.objection("0123456789ab")
    assert "not known" in provenance.objection("") and provenance.objection("nan")


def test_every_record_of_the_round_was_made_after_the_registration():
    """By the repository's own history; without one there is nothing to look at."""
    registered = provenance.registration()
    if registered is None:
        pytest.skip("no full git clone")
    commits = set()
    for name in catalogue.REGISTERED:
        commits |= set(records.tables(name)[0].get("commit", []))
    for name in (*catalogue.REGISTERED, catalogue.MEMORY):
        commits |= set(measurements.read(name)["commit"])
    assert {commit: provenance.objection(commit) for commit in commits} == dict.fromkeys(
        commits, ""
    )


def test_the_plan_is_that_of_the_rules_and_was_not_changed_since():
    assert provenance.PLAN.read_text(encoding="utf-8") == plan.text()
    registered = provenance.registration()
    if registered is None:
        pytest.skip("no full git clone")
    shown = subprocess.run(
        ["git", "show", f"{registered.commit}:results/round2/PLAN.md"],
        cwd=paths.REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout == provenance.PLAN.read_text(encoding="utf-8")


def test_every_part_has_a_simulated_power_and_says_all_that_a_reader_needs():
    assert set(plan.SCENARIOS) == {part.identity for part in verdicts.TESTED}
    table = pd.read_csv(plan.FILE)
    assert list(table["part"]) == [part.identity for part in verdicts.TESTED]
    assert (table["alone"] > 0.75).all()
    for part in verdicts.PARTS:
        if isinstance(part, Part):
            assert all((part.statement, part.prediction, part.experiment, part.must,
                        part.if_supported, part.if_refuted))  # fmt: skip
        else:
            assert isinstance(part, Calculated)


def test_the_recorded_power_is_that_of_the_scenarios(monkeypatch):
    """The first draws are judged again; of all the others the figure alone is drawn, not judged."""
    kept, draws = pd.read_csv(plan.FILE).set_index("part"), 20
    first = plan.power(draws).set_index("part")
    assert first["assumed"].equals(kept["assumed"])
    for share in ("alone", "strictest"):
        chance = 5 * np.sqrt(kept[share] * (1 - kept[share]) / draws)
        assert ((first[share] - kept[share]).abs() <= chance).all()
    monkeypatch.setattr(Rule, "judge", lambda rule, figure: (None, 1.0))
    np.testing.assert_allclose(plan.power().set_index("part")["median"], kept["median"], rtol=6e-4)
