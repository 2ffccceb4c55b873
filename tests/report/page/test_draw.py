"""One run of each model, drawn from the records: what is shown is what they say."""

import itertools
import re

import pytest
from chromium import EXCESS, opened
from live_page import write_page
from made_up_records import noise, record
from playwright.sync_api import expect

from lstm_report import paths
from lstm_report.claims import accuracy, evidence
from lstm_report.claims.admitted import Archive, View
from lstm_report.notebook import pages

LABEL = "claim-1"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of runs of both models, some of which are ahead by more than the source states."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RESULTS", tmp_path_factory.mktemp("results"))
        record(
            "headline",
            {"lstm": 0.87 + noise("lstm", 0.012), "lstm matched": 0.87, "reslstm": 0.868},
        )
        yield Archive()


@pytest.fixture(scope="module")
def file(records, tmp_path_factory):
    def show():
        shown, view = pages._drawn([accuracy._every_run], records)[1]
        view.used.clear()  # else the caption refers to a table that this page lacks
        pages._show((shown, view), LABEL)

    return write_page(tmp_path_factory.mktemp("page"), show)


@pytest.fixture(scope="module")
def runs(records):
    view = View(records)
    study = evidence.shown_study(view, "round2/headline")
    return [view.rows(study, kind).set_index("seed") for kind in ("lstm", "reslstm")]


@pytest.fixture
def page(browser, file):
    with opened(browser, file, offline=True) as page:
        yield page


def told(page):
    """Return seeds, accuracies, who is ahead by how much, and the best epochs, as shown."""
    text = page.get_by_role("status").inner_text()
    found = re.match(
        r"The LSTM of seed (\d+) classifies ([\d.]+)% of the test reviews correctly, the "
        r"residual LSTM of seed (\d+) ([\d.]+)%: ahead is (neither|the LSTM|the residual LSTM), "
        r"by ([\d.]+) points\. Their best epochs are (\d+) and (\d+)\.",
        text,
    )
    assert found, text
    return found.groups()


def agrees(page, runs):
    """Check what is shown against the records; return the seeds."""
    one, first, other, second, ahead, gap, *best = told(page)
    lstm, residual = runs[0].loc[int(one)], runs[1].loc[int(other)]
    found = [100 * run["test_accuracy"] for run in (lstm, residual)]
    assert [float(first), float(second)] == pytest.approx(found, abs=0.0051)
    assert float(gap) == pytest.approx(abs(found[0] - found[1]), abs=0.0051)
    winner = "the LSTM" if found[0] > found[1] else "the residual LSTM"
    assert ahead == ("neither" if found[0] == found[1] else winner)
    assert [int(epoch) for epoch in best] == [run["best_epoch"] for run in (lstm, residual)]
    return int(one), int(other)


def test_each_draw_shows_a_pair_of_the_records_and_counts_it(page, runs):
    button = page.get_by_role("button", name="Draw one run of each")
    drawn, ahead, as_stated = [], 0, 0
    for count in range(1, 16):
        drawn.append(agrees(page, runs))
        one, other = (runs[m].loc[seed, "test_accuracy"] for m, seed in enumerate(drawn[-1]))
        ahead += one > other
        as_stated += one - other >= evidence.SOURCE_DIFFERENCE
        which = "the pair" if count == 1 else f"the {count} pairs"
        expect(page.locator(".note")).to_contain_text(
            f"Of {which} drawn here, the LSTM is ahead in {ahead}, by what the source states or "
            f"more in {as_stated};"
        )
        expect(page.locator("tbody tr")).to_have_count(min(count, 8))
        button.click()
    assert len({*drawn}) > 5 and len({one for one, _ in drawn}) > 2


def test_all_pairs_are_counted(page, runs):
    pairs = [*itertools.product(*(table["test_accuracy"] for table in runs))]
    ahead = sum(one > other for one, other in pairs)
    behind = sum(one < other for one, other in pairs)
    as_stated = sum(one - other >= evidence.SOURCE_DIFFERENCE for one, other in pairs)
    assert as_stated and behind
    expect(page.locator(".note")).to_contain_text(
        f"Of all {len(pairs)} pairs of results/headline, the LSTM is ahead in {ahead}, by what the "
        f"source states or more in {as_stated}; the residual LSTM is ahead in {behind}."
    )


def test_a_pair_can_be_chosen_by_its_seeds_and_is_not_counted(page, runs):
    seeds = runs[0].index[-1], runs[1].index[0]
    for name, seed in zip(("LSTM", "residual LSTM"), seeds, strict=True):
        page.get_by_role("combobox", name=name, exact=True).select_option(f"seed {seed}")
    assert agrees(page, runs) == seeds
    expect(page.locator(".note")).to_contain_text("Of the pair drawn here")


def test_the_curves_are_the_validation_accuracies_of_the_runs(page, records, runs):
    seeds = agrees(page, runs)
    kept = records.study("headline").records.epochs
    for kind, table, seed in zip(("lstm", "reslstm"), runs, seeds, strict=True):
        epochs = kept[kept["run_id"] == table.loc[seed, "run_id"]]
        line = page.locator(f".chart .{kind} polyline").get_attribute("points").split()
        assert len(line) == len(epochs)


def test_without_scripts_and_on_paper_the_figure_of_all_pairs_stands_alone(browser, file):
    with opened(browser, file, java_script_enabled=False) as page:
        expect(page.locator(f"#fig-{LABEL} > .scroll")).to_be_visible()
        assert page.locator(".live").count() == 0
    with opened(browser, file) as page:
        expect(page.locator(f"#fig-{LABEL} > .scroll")).to_be_visible()
        expect(page.locator(".live")).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator(".live")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_draw_fits_the_window_whoever_is_ahead(browser, file, width):
    hidden = "box => box.scrollWidth - box.clientWidth"
    with opened(browser, file, width=width) as page:
        expect(page.locator(".chart")).to_be_visible()
        assert page.evaluate(EXCESS) == 0
        table, shown = page.locator(".scroll:has(> .draws)"), ""
        while "the residual LSTM" not in shown or "100" not in shown:
            page.get_by_role("button", name="Draw one run of each").click()
            shown = table.inner_text()
            assert table.evaluate(hidden) <= 0
