"""LSTM against residual LSTM for the sentiment of movie reviews: a reproducible report."""

import lazy_loader

__version__ = "0.1.0"
# The names in __init__.pyi are imported on first use, so that importing the package stays quick.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
