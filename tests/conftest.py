"""What every test shares: no network, no user's settings, one thread, steady hypothesis."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # of this process alone, whose warnings are sorted
    os.environ.pop("PYTHONWARNDEFAULTENCODING", None)

hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a test from reading the user's own reviews."""
    monkeypatch.delenv("LSTM_REPORT_DATA", raising=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a built report be looked at in place of a sample."""
    parser.addoption("--report", type=Path, help="the built page that test_page.py reads")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium; not of the session, as Playwright keeps an event loop running."""
    from chromium import started

    with started() as made:
        yield made
