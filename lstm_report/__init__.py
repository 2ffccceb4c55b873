"""LSTM against residual LSTM for the sentiment of movie reviews: a reproducible report."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the names below are; at run time they are imported on first use
    from lstm_report.config import RunConfig as RunConfig
    from lstm_report.config import profile as profile
    from lstm_report.data import prepare as prepare
    from lstm_report.errors import UserError as UserError
    from lstm_report.layers import LSTM as LSTM
    from lstm_report.layers import ResLSTM as ResLSTM
    from lstm_report.model import SentimentClassifier as SentimentClassifier
    from lstm_report.runs import read_run as read_run
    from lstm_report.sources import resolve as resolve
    from lstm_report.training import fit as fit

__version__ = "0.1.0"

_EXPORTS = {
    "LSTM": "layers",
    "ResLSTM": "layers",
    "SentimentClassifier": "model",
    "RunConfig": "config",
    "UserError": "errors",
    "fit": "training",
    "prepare": "data",
    "profile": "config",
    "read_run": "runs",
    "resolve": "sources",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package stays quick (PEP 562)."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"lstm_report.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'lstm_report' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
