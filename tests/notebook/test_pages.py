"""The pages of the claims and what stands beside them, on records of known content."""

import contextlib
import json
import re
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from made_up_records import FIVE, SEEDS, falling, measure, noise, record

from lstm_report import paths, provenance
from lstm_report.analysis.perturbations import (
    BRANCH_CUT,
    CONSISTENCY,
    EDITS,
    FEEDBACK_CUT,
    ORIGINALS,
    SHUFFLED,
)
from lstm_report.claims import loss, verdicts
from lstm_report.claims.admitted import STATED, Archive, Missing, View
from lstm_report.cli import app
from lstm_report.data.sources import IMDB_CHECKSUM
from lstm_report.notebook import display, pages, searches
from lstm_report.report import document
from lstm_report.report import execute as report_execute


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def read_outs():
    record("headline", {kind: 0.86 + noise(kind, 0.0005) for kind in ("lstm", "reslstm")})
    pooled()


def pooled():
    accuracy = {"lstm mean": 0.88, "reslstm mean": 0.90, "lstm max": 0.885, "reslstm max": 0.885}
    cells = {cell: value + noise(cell, 0.0005, FIVE) for cell, value in accuracy.items()}
    record("readout", cells, seeds=FIVE)


def windows():
    record("headline", {"lstm": 0.86, "reslstm": 0.86})
    record("baselines", {"nb-weighted n-grams": 0.9}, seeds=range(1))
    for kind in ("lstm", "reslstm"):
        measure("headline", kind, SHUFFLED, {"1": 0.8, "5": 0.85, "all": 0.86}, seeds=SEEDS)


def trained():
    for kind in ("lstm", "reslstm"):
        record("depth", {f"{kind} x8": [0.8, 0.8, 0.8, 0.5, 0.5]}, seeds=FIVE)
        norms = {f"trained/{layer}": 0.1 * layer for layer in range(1, 9)}
        measure("depth", f"{kind} x8", "gradient norm, layer", norms)


def skip():
    record("headline", {"lstm": 0.86, "reslstm": 0.85, "skiplstm": 0.86})


def open_gates():
    for kind in ("lstm", "reslstm"):
        for name in ("accuracy, although-but", "copy, accuracy"):
            measure("memory", f"{kind} chrono", name, {5: 1.0, 50: 0.8, 100: 0.6}, spread=0.01)


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
    for kind in ("reslstm", "skiplstm"):
        measure("headline", kind, SHUFFLED, {"all": 0.86, "1": 0.8}, seeds=SEEDS)
        measure("headline", kind, BRANCH_CUT, {"": 0.7}, seeds=SEEDS)
    measure("headline", "reslstm", FEEDBACK_CUT, {"": 0.64}, seeds=SEEDS)


def losses():
    record("loss", dict.fromkeys(loss.LOSSES, 0.84), seeds=FIVE)
    for name in loss.LOSSES:
        measure("loss", name, "calibration error", {"": 0.05}, spread=0.001)


def costs():
    record("headline", {"lstm": 0.86, "reslstm": 0.85}, train_seconds={"lstm": 60, "reslstm": 90})
    record("baselines", {"tf-idf": 0.884}, seeds=range(1), train_seconds=5.0)


def drawn(identity):
    """Return the figures beside a claim for which there are records."""
    (claim,) = [claim for claim in verdicts.CLAIMS if claim.identity == identity]
    found = []
    for draw in claim.beside:
        with contextlib.suppress(Missing):
            found.append(draw(View(Archive())))
    return found


WRITERS = {
    "C1": [read_outs],
    "C5": [trained],
    "C6": [forms],
    "C8": [open_gates],
    "C9": [windows, edits],
    "C10": [skip, cuts],
    "C11": [losses],
    "C12": [costs],
}


@pytest.mark.parametrize("identity", WRITERS)
def test_each_figure_is_drawn_from_its_records_and_not_without(identity):
    assert drawn(identity) == []
    for number, write in enumerate(WRITERS[identity], start=1):
        write()
        found = drawn(identity)
        assert len(found) == number
        for shown in found:
            assert shown.caption.strip() and any(sign.isdigit() for sign in shown.alt)
            for axis in shown.figure.axes:
                (first, *_) = (tick.get_text() for tick in axis.get_yticklabels())
                assert axis.get_xlabel() and (axis.get_ylabel() or any(map(str.isalpha, first)))
                assert axis.lines or axis.collections


def heights(axis):
    """Return the points of each model, by its name."""
    return {bars.get_label(): bars.lines[0].get_xydata() for bars in axis.containers}


def test_differences_are_residual_minus_plain_in_points():
    read_outs()
    (shown,) = drawn("C1")
    (axis,) = shown.figure.axes
    names = [label.get_text().replace("\n", " ") for label in axis.get_yticklabels()]
    (points,) = heights(axis).values()
    found = dict(zip(names, points[:, 0], strict=True))
    assert found["mean of all states: residual LSTM minus LSTM"] == pytest.approx(2, abs=0.06)
    assert found["max of all states: residual LSTM minus LSTM"] == pytest.approx(0, abs=0.06)
    assert found["LSTM: mean minus last"] == pytest.approx(2, abs=0.1)


def test_each_form_is_drawn_by_its_number_of_layers():
    forms()
    (shown,) = drawn("C6")
    accuracy, loss_ = (heights(axis) for axis in shown.figure.axes)
    assert set(accuracy) == set(loss_) == {"residual LSTM", "LSTM with skip"}
    np.testing.assert_allclose(accuracy["residual LSTM"][:, 1], [0.8, 0.83, 0.86], atol=1e-3)


def test_one_form_of_the_residual_alone_is_no_comparison_of_forms():
    forms(lstm=0.0, reslstm=0.03)
    assert drawn("C6") == []
    record("depth", {"skiplstm x1": 0.8}, seeds=FIVE)
    assert drawn("C6") == []


def test_a_part_that_one_model_lacks_leaves_its_place_empty():
    skip()
    cuts()
    shown = drawn("C10")[-1]
    (axis,) = shown.figure.axes
    assert [label.get_text() for label in axis.get_xticklabels()] == [
        "as trained", "feedback cut", "residual cut",
    ]  # fmt: skip
    found = heights(axis)
    np.testing.assert_allclose(found["residual LSTM"][:, 1], [0.86, 0.64, 0.7])
    np.testing.assert_allclose(np.round(found["LSTM with skip"][:, 0]), [0, 2])


def test_the_best_at_their_cost_are_named():
    costs()
    (shown,) = drawn("C12")
    assert re.search(r"1 tf-idf \(\d+ s, `baselines`\)\.", shown.caption)
    assert "reslstm" not in shown.caption


def test_runs_with_the_edited_reviews_in_training_do_not_count():
    edits()
    table = paths.RESULTS / "locality" / "runs.csv"
    other = STATED["headline"].checksum
    table.write_text(table.read_text().replace(STATED["locality"].checksum, other))
    assert drawn("C9") == []


def test_what_a_strong_layer_reached_is_shown_beside_its_goal(shown):
    searches.show_taken(Archive(), "strong")
    assert "Not recorded yet" in shown.pop()["text/markdown"]
    record("strong", {"lstm tuned": 0.90, "reslstm tuned": 0.92}, seeds=range(3))
    searches.show_taken(Archive(), "strong")
    lines = shown[0]["text/plain"].splitlines()
    first, second = (line for line in lines if "LSTM, tuned" in line)
    assert "90.00% (" in first and "91.90%" in first and " no " in first
    assert "92.00% (" in second and " yes " in second


def edit(study, row, **values):
    file = paths.RESULTS / study / "runs.csv"
    table = pd.read_csv(file)
    for column, value in values.items():
        table.loc[row, column] = value
    table.to_csv(file, index=False)


def test_what_does_not_count_is_not_shown_beside_the_claims_either(shown):
    costs()
    assert any("tf-idf" in figure.caption for figure in drawn("C12"))
    edit("baselines", 0, test_accuracy=0.99)
    assert drawn("C12") and not any("tf-idf" in figure.caption for figure in drawn("C12"))
    record("strong", {"lstm tuned": 0.90}, seeds=range(3))
    edit("strong", 1, test_loss=0.1)
    searches.show_taken(Archive(), "strong")
    (line,) = (line for line in shown[0]["text/plain"].splitlines() if "LSTM, tuned" in line)
    assert " 2 " in line and " 3 " not in line


def execute(results, tmp_path):
    """Execute the chapter on the records of a folder; return what it shows, by kind."""
    source = nbformat.read(paths.NOTEBOOKS / "06_evidence.ipynb", as_version=4)
    lines = ["import pathlib", "from lstm_report import paths"]
    lines += [f"paths.RESULTS = pathlib.Path({str(results)!r})"]
    source.cells.insert(0, nbformat.v4.new_code_cell("\n".join(lines)))
    nbformat.write(source, tmp_path / "chapter.ipynb")
    target = tmp_path / "executed" / "06_evidence.ipynb"
    target.parent.mkdir(exist_ok=True)
    report_execute.execute(tmp_path / "chapter.ipynb", target, {"profile": "smoke"}, progress=False)
    shown = {}
    done = nbformat.read(target, as_version=4)
    for cell in done.cells:
        for output in cell.get("outputs", []):
            details = output.metadata.get("report", {}) if "data" in output else {}
            shown.setdefault(details.get("kind"), []).append(output)
    return shown, done


def test_the_chapter_says_so_without_records(results, tmp_path):
    shown, _ = execute(results, tmp_path)
    assert "figure" not in shown
    text = " ".join(output.data["text/markdown"] for output in shown["prose"])
    for number in (*range(1, 11), 12):
        assert f"C{number}: not measured yet." in text
    assert "It is not measured yet whether in one layer the residual path brings nothing." in text


def test_the_chapter_shows_what_there_is(results, tmp_path):
    record("headline", {"lstm": 0.87, "lstm matched": 0.87, "reslstm": 0.86})
    shown, _ = execute(results, tmp_path)
    labels = [output.metadata["report"]["label"] for output in shown["figure"]]
    assert labels == ["claim-1", "claim-12", "claim-2", "claim-3", "claim-11"]


def test_the_chapter_quotes_each_claim_as_it_is_judged():
    chapter = nbformat.read(paths.NOTEBOOKS / "06_evidence.ipynb", as_version=4)
    for claim in verdicts.CLAIMS:
        start = f"### {claim.identity}: "
        (text,) = [cell.source for cell in chapter.cells if cell.source.startswith(start)]
        assert f"*“{claim.statement}”*" in text


def test_the_abstract_stands_on_the_title_page_alone():
    abstract = nbformat.v4.new_output(
        "display_data", {"text/markdown": "What we found."},
        metadata={"report": {"kind": "summary", "lines": ["What we found."]}},
    )  # fmt: skip
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("x")]
    cells[1].outputs = [abstract]
    made = document.compose(document.merge([("00", nbformat.v4.new_notebook(cells=cells))]))
    assert made.summary == ["What we found."] and "What we found" not in str(made.blocks)


def test_the_worked_example_is_the_interval_of_the_claim(results, shown):
    record("headline", {"lstm": 0.87 + noise("lstm", 0.002), "reslstm": 0.86})
    pages.show_worked_example(Archive())
    first, check, last = (entry["text/markdown"] for entry in shown)
    assert "10 recorded LSTMs" in first and "+1.0" in first
    assert "gives the same interval" in check and "Zero lies outside" in last


def test_a_pair_of_runs_stands_among_the_recorded_ones(results, shown, monkeypatch):
    def run(accuracy, checksum=IMDB_CHECKSUM):
        return SimpleNamespace(
            summary={"test_accuracy": accuracy}, provenance={"data": {"checksum": checksum}}
        )

    pair = {"lstm": run(0.82), "reslstm": run(0.80)}
    monkeypatch.setattr(provenance, "objection", lambda commit: "")
    pages.show_this_pair(pair, "quick", Archive())
    assert "No runs of this profile" in shown[-1]["text/markdown"]
    record("round2/quick", {"lstm": 0.82, "reslstm": 0.81}, seeds=range(100, 110), best=15)
    pages.show_this_pair(pair, "quick", Archive())
    assert "0% of the pairs differ by at least as much" in shown[-1]["text/markdown"]
    pages.show_this_pair(pair | {"lstm": run(0.82, "7" * 64)}, "quick", Archive())
    assert "No runs of this profile" in shown[-1]["text/markdown"]


def test_the_level_is_told_of_choices_with_all_their_runs(results, monkeypatch):
    tables, said = [], []
    monkeypatch.setattr(display, "show_table", lambda table, **_: tables.append(table))
    monkeypatch.setattr(display, "say", said.append)
    record("headline", {"lstm": 0.87 + noise("lstm", 0.002), "reslstm": 0.86})
    record("level", {"lstm small vocabulary": 0.84, "lstm after padding": 0.8}, seeds=range(3))
    pages.show_level(Archive())
    assert not tables and "lstm-report study level" in said[0]
    reached = np.array([0.81, 0.8, 0.79])
    record("level", {"reslstm after padding": reached}, seeds=range(3))
    pages.show_level(Archive())
    (table,) = tables
    assert list(table["choice"]) == ["source report", "as everywhere in this report",
                                     "after padding"]  # fmt: skip
    assert list(table["LSTM"])[::2] == ["81.45%", "80.0% (80.0 to 80.0)"]
    assert table["residual LSTM"].iloc[2] == "80.0% (79.0 to 81.0)"


def test_new_records_make_the_chapter_run_again_and_no_other(results):
    chapters = [paths.NOTEBOOKS / f"{name}.ipynb" for name in ("02_data", "06_evidence")]
    before = [report_execute.key(chapter, {}, "") for chapter in chapters]
    record("headline", {"lstm": 0.86}, seeds=range(1))
    after = [report_execute.key(chapter, {}, "") for chapter in chapters]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False]
    (paths.RESULTS / "bench").mkdir()
    (paths.RESULTS / "bench" / "cpu.json").write_text("{}")
    measured = [report_execute.key(chapter, {}, "") for chapter in chapters]
    assert [old == new for old, new in zip(after, measured, strict=True)] == [True, False]


def test_the_command_prints_the_verdicts_and_writes_all_of_them(
    results, monkeypatch, capsys, tmp_path
):
    record("round2/headline", {"lstm": 0.87, "reslstm": 0.86}, seeds=range(100, 103),
           best=15)  # fmt: skip
    monkeypatch.setattr(provenance, "objection", lambda commit: "")
    target = tmp_path / "out" / "verdicts.json"
    monkeypatch.setattr("sys.argv", ["lstm-report", "claims", "--json", str(target)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "only 3 of the 24 seeds" in text
    assert "no run of “lstm matched” (run `lstm-report study round2/headline`)" in text
    written = json.loads(target.read_text())
    assert [row["claim"] for row in written["claims"]] == [f"C{k}" for k in range(1, 13)]
    (first,) = [part for part in written["parts"] if part["part"] == "C1a"]
    assert first["verdict"] == "not measured yet"
    assert "round2/headline/lstm-seed100" in first["runs"]
    assert first["figure"]["estimate"] == pytest.approx(0.01, abs=1e-6)
