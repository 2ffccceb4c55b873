"""What the tests of displays share."""

import pytest

from lstm_report.notebook import display


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, one content an output."""
    contents = []
    monkeypatch.setattr(display, "display", lambda content, **options: contents.append(content))
    return contents
