from .config import RunConfig as RunConfig
from .config import profile as profile
from .data.prepared import prepare as prepare
from .data.sources import resolve as resolve
from .errors import UserError as UserError
from .models.classifier import SentimentClassifier as SentimentClassifier
from .models.layers import LSTM as LSTM
from .models.layers import ResLSTM as ResLSTM
from .training.loop import fit as fit
from .training.runs import read_run as read_run

__version__: str
