"""Fit, evaluate and predict; the run on disk; losses; the linear models beside them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
