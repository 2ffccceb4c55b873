"""Reviews in, numbered batches out; the built-in corpus and the tasks of the memory studies."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
