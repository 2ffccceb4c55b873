"""The second round: parts on made-up records that make them true, false, unclear, or no test."""

import subprocess

import numpy as np
import pandas as pd
import pytest
from made_up_records import COMMIT, falling, noise, record
from scipy import stats

from lstm_report import measurements, paths, records
from lstm_report.archive import Archive
from lstm_report.measurements import Measurement
from lstm_report.round2 import depth, ledger, memory, plan, power, registration, settings
from lstm_report.round2.parts import Calculated, Part, Rule, at_least, inside, more_often
from lstm_report.round2.settings import DEPTH, GATED, HEADLINE, MEMORY, PHRASES
from lstm_report.stats import Interval
from lstm_report.unpaired import Figure, contrast

SEEDS = range(100, 124)
TWENTY = range(100, 120)
FIFTEEN = range(100, 115)


def measure(study, cell, name, values, seeds, spread=1e-4):
    """Write measurements by condition: a value, or one for each seed."""
    rows = []
    for condition, value in values.items():
        wobble = noise(f"{cell}{condition}{name}", spread, seeds)
        spoken = np.broadcast_to(np.asarray(value, dtype=float), len(seeds))
        for k, seed in enumerate(seeds):
            run_id = f"{cell.replace(' ', '-')}-seed{seed}"
            number = spoken[k] + wobble[k] * abs(spoken[k])
            rows.append(Measurement(cell, seed, run_id, name, condition, number, 100, COMMIT))
    measurements.add(study, rows)


class World:
    """Records of the whole second round, as the plan predicts them, with some things changed."""

    def __init__(self, **changes):
        self.changes = changes

    def get(self, name, default):
        return self.changes.get(name, default)

    def write(self):
        self._headline()
        self._depth()
        self._memory()

    def _headline(self):
        cells = {"lstm": 0.871, "reslstm": 0.867, "lstm matched": 0.8708}
        cells = {
            name: self.get(name, value) + noise(name, self.get("spread", 0.001), SEEDS)
            for name, value in cells.items()
        }

        def curve(cell, seed):
            loss = falling(0.05)
            if self.get("unstable", False):
                loss[7] += 0.3
            return loss + 0.9 if self.get("no fall", False) else loss

        sizes = {"lstm": 900, "reslstm": 1000, "lstm matched": 1001}
        record(HEADLINE, cells, seeds=SEEDS, best=self.get("best", 5), curve=curve,
               parameters=sizes, size=self.get("size", 4.0))  # fmt: skip
        epochs = pd.read_csv(paths.RESULTS / HEADLINE / "epochs.csv")
        best = epochs["epoch"] == self.get("best", 5)
        epochs.loc[best, "validation_accuracy"] = 0.99
        rises = self.get("overfit", True)
        epochs["validation_loss"] = 0.3 + 0.05 * rises * epochs["epoch"]
        epochs.to_csv(paths.RESULTS / HEADLINE / "epochs.csv", index=False)
        for cell in ("lstm", "reslstm", "lstm matched"):
            whole = 0.87
            last = {str(n): self.get("last", 0.8) for n in (20, 50, 100, 200)}
            measure(HEADLINE, cell, "accuracy, last words", last, SEEDS)
            measure(HEADLINE, cell, "accuracy, shuffled in windows", {"all": whole}, SEEDS)
            lead = self.get("contrast", 0.0) if cell == "reslstm" else 0.0
            measure(HEADLINE, cell, "accuracy, reviews with contrast", {"": 0.86 + lead}, SEEDS)
            measure(HEADLINE, cell, "accuracy, reviews without contrast", {"": 0.87}, SEEDS)
        record("baselines", {"nb-weighted n-grams": self.get("linear", 0.918)}, seeds=range(1))
        shuffled = self.get("phrases", 0.86) + noise("p", 0.001, range(12))
        record(PHRASES, {"lstm phrases": shuffled}, seeds=range(100, 112), best=15)

    def _depth(self):
        for kind in ("lstm", "reslstm"):
            for layers in (1, 2, 4, 8):
                cell = f"{kind} x{layers}"
                reached = np.full(20, 0.8) + noise(cell, 0.002, TWENTY)
                if kind == "lstm" and layers == 8:
                    reached -= 0.02 * (self.get("failing", 13) > 0)
                    reached[: self.get("failing", 13)] = 0.5
                if kind == "reslstm" and layers == 8:
                    reached += self.get("deep", -0.02)
                if layers == 1 and self.get("one layer", 0):
                    reached += self.get("one layer", 0)

                def curve(cell, seed, kind=kind, layers=layers):
                    gap = self.get("gap", 0.03) * np.log2(layers) * (kind == "lstm")
                    return falling(0.1 + gap + 0.0005 * (seed % 7))

                record(DEPTH, {cell: reached}, seeds=TWENTY, best=15, curve=curve)
                eased = kind == "reslstm"
                layer = self.get("eased over layers", 1.0) if eased else self.get("fade", 0.5)
                norms = {f"start/{n}": layer ** (layers - n) for n in range(1, layers + 1)}
                measure(DEPTH, cell, depth.LAYER_GRADIENT, norms, TWENTY, 0.01)
                time = self.get("eased over time", 0.7) if eased else self.get("fade in time", 0.7)
                times = {f"start/{layers}/{k}": time**k for k in (0, 1, 50)}
                measure(DEPTH, cell, depth.TIME_GRADIENT, times, TWENTY, 0.01)
                top = 1.0 if layers == 1 else self.get("kept", 0.99) if eased else 0.2
                far = self.get("far", 0.07) if eased else 0.07
                read = {"0/0": self.get("vectors", 1.0), f"{layers}/0": top, f"{layers}/5": far,
                        f"{layers}/10": self.get("ten", 0.055)}  # fmt: skip
                if kind == "lstm" and layers == 4 and self.get("flat", False):
                    read[f"{layers}/0"] = 0.999
                measure(DEPTH, cell, depth.PROBE, read, TWENTY)
        gated = {"gatedlstm x1": 0.803, "gatedlstm x8": self.get("gated", 0.804)}
        gated = {cell: value + noise(cell, 0.002, FIFTEEN) for cell, value in gated.items()}
        record(GATED, gated, seeds=FIFTEEN, best=15)

    def _memory(self):
        for run in memory_plan():
            setting, place = run.setting, f"{run.setting.task}/{run.setting.length}"
            learnt = True
            if run.cell == "rnn" and setting.length == 100:
                learnt = self.get("plain learns", False)
            if run.cell == "rnn" and setting.length == 10:
                learnt = self.get("plain learns short", True)
            residual = run.cell.startswith("reslstm")
            if run.cell.endswith("sentences"):
                learnt = setting.length == 5 or self.get("far learnt", False)
                if residual and setting.length == 10:
                    learnt = self.get("residual at ten", learnt)
                if setting.length == 5:
                    learnt = self.get("near learnt", True)
            steps = 400.0 + 10 * (setting.seed % 7)
            if setting.length == 100 and not residual:
                steps *= self.get("LSTM slower", 2.0)
            if setting.length == 5 and not residual:
                steps *= self.get("LSTM slower near", 2.0)
            found = {("learnt", place): (float(learnt), 1000), ("steps taken", place): (steps, 1)}
            if setting.task == "adding":
                for when in ("", memory.BEFORE):
                    change = self.get("kept trained", 1.1) if not when else self.get("start", 1e-8)
                    for distance, value in (
                        (0, 1.0),
                        (50, change * (1 + 0.01 * (setting.seed % 5))),
                    ):
                        name = memory.CELL_GRADIENT + when
                        found[name, f"{place}/{distance}"] = value, 50
            rows = measurements.of_run(run.cell, setting.seed, setting.run_id(), found, COMMIT)
            self.memory = getattr(self, "memory", []) + rows
        measurements.add(MEMORY, self.memory)


def memory_plan():
    from lstm_report import memory_study

    return memory_study.plan(study=memory_study.STUDIES[MEMORY])


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(registration, "objection", lambda commit: "")
    return tmp_path / "results"


def outcomes(**changes):
    World(**changes).write()
    found = ledger.verdicts()
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
    assert ledger.across_not_along(list(found.values())) == "supported"
    claims = {
        claim: ledger.combined([e.outcome for e in ledger.of_claim(claim, list(found.values()))])
        for claim in ledger.CLAIMS
    }
    assert claims == {
        **dict.fromkeys(("C1", "C3", "C4", "C5", "C7", "C8", "C9"), "partly supported"),
        **dict.fromkeys(("C6", "C10", "C11", "C12"), "supported"),
        "C2": "not reproduced",
    }


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
        assert ledger.across_not_along(list(found.values())) == "refuted"


def test_a_failed_check_makes_a_part_untested_whatever_its_figure(results):
    found = outcomes(**{
        "reslstm": 0.84, "no fall": True, "one layer": -0.1, "vectors": 0.8,
        "plain learns short": False, "near learnt": False,
    })  # fmt: skip
    tested = {name for name, entry in found.items() if entry.outcome != "not tested"}
    assert tested == {"C11a", "C8c", "C8d"}, "the open gates learn, and nothing is calculated anew"
    assert all("Check failed" in found[name].text for name in found if name not in tested)
    assert ledger.across_not_along(list(found.values())) == "undecided"


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
        ("runs.csv", {"test_accuracy": "0.99"}, "do not give the accuracy"),
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
    found = {entry.part.identity: entry for entry in ledger.verdicts()}
    assert found["C8e" if file == "measurements.csv" else "C10b"].outcome == "not measured yet"


def test_a_part_with_too_few_seeds_is_not_measured_yet(results):
    World().write()
    path = paths.RESULTS / HEADLINE / "runs.csv"
    table = pd.read_csv(path)
    table[table["seed"] < 110].to_csv(path, index=False)
    found = {entry.part.identity: entry for entry in ledger.verdicts()}
    assert found["C1a"].outcome == "not measured yet"
    assert "only 10 of the 24 seeds" in found["C1a"].text
    assert found["C5a"].outcome == "supported"


def test_without_records_nothing_is_judged(results):
    found = ledger.verdicts()
    assert {entry.outcome for entry in found} == {"not measured yet", "true by calculation"}
    assert "Not measured yet" in ledger.as_text(found)


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
    monkeypatch.setattr(registration, "REPOSITORY", tmp_path)
    monkeypatch.setattr(registration, "PLAN", plan_file)
    registration.registration.cache_clear()
    registration.objection.cache_clear()
    yield before, registered, after
    registration.registration.cache_clear()
    registration.objection.cache_clear()


def test_only_code_from_the_registration_on_counts(history):
    before, registered, after = history
    assert registration.registration().commit == registered
    assert registration.objection(registered[:12]) == registration.objection(after[:12]) == ""
    assert "before the registration" in registration.objection(before[:12])
    assert "not committed" in registration.objection(f"{after[:12]}-dirty")
    assert "does not hold" in registration.objection("0123456789ab")
    assert "not known" in registration.objection("") and registration.objection("nan")


def test_every_record_of_the_round_was_made_after_the_registration():
    """By the repository's own history; without one there is nothing to look at."""
    registered = registration.registration()
    if registered is None:
        pytest.skip("no full git clone")
    commits = set()
    for name in settings.STUDIES:
        commits |= set(records.tables(name)[0].get("commit", []))
    for name in (*settings.STUDIES, settings.MEMORY):
        commits |= set(measurements.read(name)["commit"])
    assert {commit: registration.objection(commit) for commit in commits} == dict.fromkeys(
        commits, ""
    )


def test_the_plan_is_that_of_the_rules_and_was_not_changed_since():
    assert registration.PLAN.read_text(encoding="utf-8") == plan.text()
    registered = registration.registration()
    if registered is None:
        pytest.skip("no full git clone")
    shown = subprocess.run(
        ["git", "show", f"{registered.commit}:results/round2/PLAN.md"],
        cwd=paths.REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout == registration.PLAN.read_text(encoding="utf-8")


def test_every_part_has_a_simulated_power_and_says_all_that_a_reader_needs():
    assert set(power.SCENARIOS) == {part.identity for part in ledger.TESTED}
    table = pd.read_csv(power.FILE)
    assert list(table["part"]) == [part.identity for part in ledger.TESTED]
    assert (table["alone"] > 0.75).all()
    for part in ledger.PARTS:
        if isinstance(part, Part):
            assert all((part.statement, part.prediction, part.experiment, part.must,
                        part.if_supported, part.if_refuted))  # fmt: skip
        else:
            assert isinstance(part, Calculated)


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
        (["not measured yet", "not measured yet"], "not measured yet"),
    ],
)
def test_a_claim_is_what_its_parts_are(outcomes, verdict):
    assert ledger.combined(outcomes) == verdict
