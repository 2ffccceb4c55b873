from .prepared import prepare as prepare
from .sources import normalised as normalised
from .sources import resolve as resolve
from .tokens import read_words as read_words
