"""What stands beside the claims: each figure on records of known content, and none without."""

import shutil

import numpy as np
import pytest
from made_up_records import FIVE, SEEDS, falling, measure, noise, record

from lstm_report import (
    claims,
    evidence,
    evidence_pages,
    further_figures,
    ledger,
    notebook,
    paths,
    strong_settings,
)
from lstm_report.archive import STATED, Archive
from lstm_report.locality import BRANCH_CUT, CONSISTENCY, EDITS, FEEDBACK_CUT, ORIGINALS, SHUFFLED


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(evidence, "DRAWS", 300)


def read_outs():
    record("headline", {kind: 0.86 + noise(kind, 0.0005) for kind in ("lstm", "reslstm")})
    pooled()


def pooled():
    accuracy = {"lstm mean": 0.88, "reslstm mean": 0.90, "lstm max": 0.885, "reslstm max": 0.885}
    cells = {cell: value + noise(cell, 0.0005, FIVE) for cell, value in accuracy.items()}
    record("readout", cells, seeds=FIVE)


def groups():
    record("headline", {"lstm": 0.86, "reslstm": 0.86})
    gains = {"with contrast": 0.02, "without contrast": -0.01, "with negation": 0.0,
             "without negation": 0.005}  # fmt: skip
    for group, gain in gains.items():
        name = f"accuracy, reviews {group}"
        measure("headline", "lstm", name, {"": 0.86}, seeds=SEEDS, spread=0.001)
        measure("headline", "reslstm", name, {"": 0.86 + gain}, seeds=SEEDS, spread=0.001)


def open_gates():
    for kind in ("lstm", "reslstm"):
        for name in ("accuracy, although-but", "copy, accuracy"):
            measure("memory", f"{kind} chrono", name, {5: 1.0, 50: 0.8, 100: 0.6}, spread=0.01)


def ends():
    record("headline", {"lstm": 0.86, "reslstm": 0.86})
    for kind in ("lstm", "reslstm"):
        for measured in ("accuracy, first words", "accuracy, last words"):
            measure("headline", kind, measured, {5: 0.6, 20: 0.7, 100: 0.8}, seeds=SEEDS)


def edits():
    record("locality", {"lstm": 0.84, "reslstm": 0.83}, seeds=FIVE)
    for kind in ("lstm", "reslstm"):
        for (name, condition), value in ((ORIGINALS, 0.84), (EDITS, 0.78), (CONSISTENCY, 0.65)):
            measure("locality", kind, name, {condition: value}, spread=0.002)


def forms(**gains):
    """One form gains at each doubling, one does not, and one is not recorded at all depths."""
    for kind, gain in (gains or {"lstm": 0.0, "reslstm": 0.03, "skiplstm": 0.0}).items():
        for doublings, layers in enumerate((1, 2, 4)):
            record(
                "depth", {f"{kind} x{layers}": 0.8 + gain * doublings}, seeds=FIVE,
                curve=lambda cell, seed, last=gain * doublings: falling(0.5 + 0.1 * seed - last),
            )  # fmt: skip


def cuts():
    record("headline", {"lstm": 0.86, "reslstm": 0.86, "skiplstm": 0.86})
    for kind in ("reslstm", "skiplstm"):
        measure("headline", kind, SHUFFLED, {"all": 0.86, "1": 0.8}, seeds=SEEDS)
        measure("headline", kind, BRANCH_CUT, {"": 0.7}, seeds=SEEDS)
    measure("headline", "reslstm", FEEDBACK_CUT, {"": 0.64}, seeds=SEEDS)


def losses():
    record("loss", {loss: 0.84 for loss in further_figures.LOSSES}, seeds=FIVE)
    for loss in further_figures.LOSSES:
        measure("loss", loss, "calibration error", {"": 0.05}, spread=0.001)


def costs():
    record("headline", {"lstm": 0.86, "reslstm": 0.85}, train_seconds={"lstm": 60, "reslstm": 90})
    record("baselines", {"tf-idf": 0.884}, seeds=range(1), train_seconds=5.0)


WRITERS = {
    "C1": [read_outs],
    "C6": [forms],
    "C8": [open_gates, groups],
    "C9": [ends, edits],
    "C10": [cuts],
    "C11": [losses],
    "C12": [costs],
}


@pytest.mark.parametrize("identity", WRITERS)
def test_each_figure_is_drawn_from_its_records_and_not_without(identity):
    assert further_figures.draw(identity, Archive()) == []
    for number, write in enumerate(WRITERS[identity], start=1):
        write()
        found = further_figures.draw(identity, Archive())
        assert len(found) == number
        for shown in found:
            assert shown.caption.strip() and shown.alt.strip()
            for axis in shown.figure.axes:
                assert axis.get_xlabel() and axis.get_ylabel()
                assert axis.lines or axis.collections


def test_only_claims_have_them():
    assert set(further_figures.FIGURES) <= {claim.identity for claim in claims.CLAIMS}


def heights(axis):
    """Return the points of each model, by its name."""
    return {bars.get_label(): bars.lines[0].get_xydata() for bars in axis.containers}


def test_differences_are_residual_minus_plain_in_points():
    read_outs()
    (shown,) = further_figures.draw("C1", Archive())
    (axis,) = shown.figure.axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    (points,) = heights(axis).values()
    found = dict(zip(names, points[:, 0], strict=True))
    assert found["mean of all states: residual LSTM minus LSTM"] == pytest.approx(2, abs=0.06)
    assert found["max of all states: residual LSTM minus LSTM"] == pytest.approx(0, abs=0.06)
    assert found["LSTM: mean minus last"] == pytest.approx(2, abs=0.1)


def test_each_form_is_compared_with_the_lstm_of_as_many_layers():
    forms()
    (shown,) = further_figures.draw("C6", Archive())
    for axis, unit in zip(shown.figure.axes, (0.03, 3), strict=True):
        lines = {line.get_label(): line.get_xydata() for line in axis.lines}
        assert set(lines) == {"residual LSTM", "LSTM with skip", "no difference"}
        gains = np.array([[1, 0], [2, unit], [4, 2 * unit]])
        np.testing.assert_allclose(lines["residual LSTM"], gains, atol=0.06 * (unit > 1) + 1e-9)
        np.testing.assert_allclose(lines["LSTM with skip"][:, 1], 0, atol=1e-9)
    assert "residual LSTM +0.0300 nats (+0.0300 to +0.0300)" in shown.caption
    assert "LSTM with skip +0.0000 nats" in shown.caption


def test_one_form_of_the_residual_alone_is_no_comparison_of_forms():
    forms(lstm=0.0, reslstm=0.03)
    assert further_figures.draw("C6", Archive()) == []
    record("depth", {"skiplstm x1": 0.8}, seeds=FIVE)
    assert further_figures.draw("C6", Archive()) == []


def test_a_gain_is_paired_by_seed_in_each_group_of_reviews():
    groups()
    (shown,) = further_figures.draw("C8", Archive())
    (points,) = heights(shown.figure.axes[0]).values()
    np.testing.assert_allclose(points[:, 0], [2, -1, 0, 0.5], atol=1e-3)


def test_a_part_that_one_model_lacks_leaves_its_place_empty():
    cuts()
    (shown,) = further_figures.draw("C10", Archive())
    (axis,) = shown.figure.axes
    assert [label.get_text() for label in axis.get_xticklabels()] == [
        "as trained", "feedback cut", "residual cut",
    ]  # fmt: skip
    found = heights(axis)
    np.testing.assert_allclose(found["residual LSTM"][:, 1], [0.86, 0.64, 0.7])
    np.testing.assert_allclose(np.round(found["LSTM with skip"][:, 0]), [0, 2])


def test_the_best_at_their_cost_are_named():
    costs()
    (shown,) = further_figures.draw("C12", Archive())
    assert "1 tf-idf (baselines)." in shown.caption and "reslstm" not in shown.caption


def test_runs_with_the_edited_reviews_in_training_do_not_count():
    edits()
    table = paths.RESULTS / "locality" / "runs.csv"
    other = STATED["headline"].checksum
    table.write_text(table.read_text().replace(STATED["locality"].checksum, other))
    assert further_figures.draw("C9", Archive()) == []


def test_a_verdict_is_the_same_with_and_without_them():
    record("headline", {"lstm": 0.88, "reslstm": 0.86})
    before = [entry.verdict for entry in ledger.ledger()]
    pooled()
    edits()
    losses()
    assert [entry.verdict for entry in ledger.ledger()] == before


def test_what_a_strong_layer_reached_is_shown_beside_its_goal(monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda content, **options: shown.append(content))
    evidence_pages.show_strong()
    assert "Not recorded yet" in shown.pop()["text/markdown"]
    record("strong", {"lstm tuned": 0.90, "reslstm tuned": 0.92}, seeds=range(3))
    evidence_pages.show_strong()
    lines = shown[0]["text/plain"].splitlines()
    first, second = (line for line in lines if "lstm " in line)
    assert "90.00% (" in first and "91.90%" in first and " no " in first
    assert "92.00% (" in second and " yes " in second


def test_the_trials_of_settings_are_shown_once_all_are_recorded(monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda content, **options: shown.append(content))
    cells = dict.fromkeys(strong_settings.tuning_cells(), 0.9)
    last = cells.popitem()
    record("tuning", cells, seeds=range(1))
    evidence_pages.show_trials()
    assert not shown
    shutil.rmtree(paths.RESULTS / "tuning")

    def curve(cell, seed):
        return falling(0.1 if cell == "lstm mean" else 0.2)

    record("tuning", cells | dict([last]), seeds=range(1), curve=curve)
    evidence_pages.show_trials()
    text = shown[0]["text/plain"]
    assert [line.split()[-1] for line in text.splitlines() if " mean " in line][0] == "LSTM"
