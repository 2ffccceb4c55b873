"""The recorded models side by side, and the results in the README."""

import numpy as np
import pytest
import small_studies
from made_up_records import FIVE, SEEDS, noise, record
from scipy import stats as distributions

from lstm_report import paths
from lstm_report.claims import verdicts
from lstm_report.claims.admitted import Archive
from lstm_report.cli import app
from lstm_report.errors import UserError
from lstm_report.notebook import scoreboard
from lstm_report.statistics import intervals

places = pytest.fixture(small_studies.places)


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")


def test_a_mean_lies_within_its_interval_and_one_run_has_wilsons():
    random = np.random.default_rng(0)
    skill = random.uniform(0.6, 1.0, size=500)
    correct = random.uniform(size=(6, 500)) < skill
    found = scoreboard.accuracy(correct)
    assert found.estimate == pytest.approx(correct.mean())
    assert found.low < found.estimate < found.high
    one = scoreboard.accuracy(correct[:1])
    assert one == intervals.proportion_interval(int(correct[0].sum()), 500)


def test_the_interval_of_a_mean_covers_the_truth():
    """Runs and reviews are drawn anew each time; the truth is known."""
    random, inside, times = np.random.default_rng(1), 0, 200
    for _ in range(times):
        review = random.normal(1.0, 1.0, size=400)
        run = random.normal(0.0, 0.15, size=(5, 1))
        rest = random.normal(0.0, 0.5, size=(5, 400))
        found = scoreboard.accuracy(review + run + rest > 0)
        truth = distributions.norm.cdf(1 / np.sqrt(1 + 0.15**2 + 0.5**2))
        inside += found.low <= truth <= found.high
    assert 0.90 <= inside / times <= 0.99


def test_each_recorded_cell_has_a_row_with_its_means(results):
    assert scoreboard.table(Archive()).empty
    record("headline", {"lstm": 0.86 + noise("lstm", 0.002), "reslstm": 0.85})
    record("readout", {"lstm mean": 0.88}, seeds=FIVE)
    record("baselines", {"tf-idf": 0.884}, seeds=range(1))
    table = scoreboard.table(Archive()).set_index("cell")
    assert list(table.index) == ["lstm", "reslstm", "lstm mean", "tf-idf"]
    np.testing.assert_allclose(table["accuracy"], [0.86, 0.85, 0.88, 0.884], atol=3e-4)
    assert list(table["seeds"]) == [len(SEEDS), len(SEEDS), 5, 1]
    assert table["source"].iloc[:2].tolist() == [0.8145, 0.8030]
    assert table["source"].iloc[2:].isna().all()
    assert table.loc["lstm mean", "model"] == "LSTM, mean of all states"
    settings = ["of the source", "of the source", "other read-outs", "linear"]
    assert scoreboard.for_reader(table)["setting"].tolist() == settings


def test_the_results_are_written_between_the_marks_and_nowhere_else(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "before\n"
        + "".join(
            f"{scoreboard.BEGIN.format(name)}\nold\n{scoreboard.END.format(name)}\nafter\n"
            for name in ("answer", "results")
        )
    )
    record("headline", {"lstm": 0.8712, "reslstm": 0.86})
    archive = Archive()
    found = verdicts.verdicts(archive)
    assert scoreboard.update(page, archive, found)
    text = page.read_text()
    assert text.startswith("before\n<!--") and text.endswith("-->\nafter\n") and "old" not in text
    assert "| LSTM | 81.45% | 87.15% (" in text and "10 seeds of each" in text
    for entry in verdicts.ledger(found):
        assert f"| {entry.claim.identity} | {entry.claim.name} | {entry.outcome} | not" in text
    assert not scoreboard.update(page, archive, found)


def test_a_page_without_marks_or_that_is_none_is_refused(results, tmp_path):
    page = tmp_path / "page.md"
    with pytest.raises(UserError, match="cannot be read"):
        scoreboard.update(page, Archive(), [])
    page.write_text("text")
    with pytest.raises(UserError, match="Expected the lines"):
        scoreboard.update(page, Archive(), [])
    assert page.read_text() == "text"


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_holds_what_the_records_say(name, tmp_path, monkeypatch, capsys):
    page = tmp_path / name
    page.write_bytes((paths.ROOT / name).read_bytes())
    monkeypatch.setattr("sys.argv", ["lstm-report", "claims", "--readme", str(page)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert not ended.value.code
    assert page.read_text() == (paths.ROOT / name).read_text(), "see the mark in README.md"
