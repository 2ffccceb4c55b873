"""The statistics of the headline study, on records with one model ahead by a known amount."""

import pytest
from made_up_records import SEEDS, noise, record

from lstm_report import comparison, evidence, evidence_pages, notebook, paths
from lstm_report.archive import Archive, Missing, View


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(evidence, "DRAWS", 300)


def figures():
    table = comparison.table(View(Archive()))
    return dict(zip(table["statistic"], table["figure"], strict=True))


def test_a_model_that_is_ahead_in_every_seed_is_so_by_every_statistic():
    record("headline", {"lstm": 0.89 + noise("lstm", 0.002), "reslstm": 0.86})
    found = figures()
    assert found["mean difference"].startswith("+3.0")
    assert found["sign-flip test"] == "p = 0.002"
    assert found["LSTM ahead in"].startswith("100% (")
    assert found[r"$\varepsilon_{\min}$"] == "0.00"
    assert float(found["equivalence"].split()[-1]) > 0.9
    assert found["McNemar's test"] == f"LSTM {len(SEEDS)}, residual 0"
    assert float(found["detectable"].split()[0]) == pytest.approx(0.2, abs=0.05)


def test_the_other_order_turns_every_sign():
    record("headline", {"lstm": 0.86, "reslstm": 0.89 + noise("lstm", 0.002)})
    found = figures()
    assert found["mean difference"].startswith("−3.0")
    assert found["LSTM ahead in"].startswith("0% (")
    assert found[r"$\varepsilon_{\min}$"] == "1.00"
    assert found["McNemar's test"] == f"LSTM 0, residual {len(SEEDS)}"


def test_equal_models_are_equivalent_and_nothing_more():
    record("headline", {kind: 0.86 + noise(kind, 0.001) for kind in ("lstm", "reslstm")})
    found = figures()
    assert float(found["equivalence"].split()[-1]) < 0.001
    assert float(found["sign-flip test"].split()[-1]) > 0.5


def test_without_two_seeds_nothing_is_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda content, **options: shown.append(content))
    evidence_pages.show_statistics(Archive())
    record("headline", {"lstm": 0.88, "reslstm": 0.86}, seeds=range(1))
    evidence_pages.show_statistics(Archive())
    assert shown == []
    with pytest.raises(Missing):
        comparison.table(View(Archive()))
