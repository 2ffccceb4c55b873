from . import inventory as inventory
from . import verdicts as verdicts
from .admitted import Archive as Archive
from .evidence import ALPHA as ALPHA
