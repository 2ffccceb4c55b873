"""Cut texts into words and marks, number them, and make the tokeniser that is kept with a run.

The tokeniser is one of the library `tokenizers`, so that a run can be read elsewhere. Python's
regular expressions cut a text in a quarter of the library's time, see `benchmarks/NOTES.md`, and
cut those in `ALIKE` in the same way; they count and number the words of many reviews.
"""

import functools
import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from lstm_report.config import UNK, DataConfig

SPECIAL = ("<pad>", "<unk>")
"""The tokens of number 0 and 1: padding, and every token without a number of its own."""
WORD = r"\w+(?:'\w+)*|[^\w\s\x1c-\x1f]"
"""A token: a word with its inner apostrophes, or a single punctuation mark.

Python counts the separators U+001C to U+001F as white space and the tokeniser's library does not.
"""
BREAK = r"<br\s*/?>"
"""A line break of HTML, in lower case; it becomes a space."""
ALIKE = re.compile("[\0-\u012f\u0131-\u02ff\u2010-\u2027]*")
"""Texts in Latin letters, with typographic quotes and dashes.

Python and the library agree on each of these characters: a part of a word, a mark or white space,
and its lower case, which does not depend on what stands beside it. They differ on others, such as
combining accents.
"""


class Rows(NamedTuple):
    """Numbers of words, those of text k being `tokens[offsets[k]:offsets[k + 1]]`."""

    tokens: np.ndarray  # int32, all texts one after the other
    offsets: np.ndarray  # (N + 1,) int64

    def cut(self, length: int, keep: str) -> "Rows":
        """Return the rows cut to `length` numbers at the end that is kept, `head` or `tail`."""
        lengths = np.minimum(np.diff(self.offsets), length)
        starts = self.offsets[:-1] if keep == "head" else self.offsets[1:] - lengths
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return Rows(self.tokens[places], offsets)


def tokenizer_of(vocabulary: Sequence[str]) -> Tokenizer:
    """Return the tokeniser whose tokens are `SPECIAL` and then those of the vocabulary.

    HTML line breaks become spaces and letters lower-case before the text is cut by `WORD`.
    """
    # Not as the library's special tokens: it would read "<pad>" written in a review as padding.
    numbers = {word: number for number, word in enumerate([*SPECIAL, *vocabulary])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=SPECIAL[UNK]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(BREAK), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    return tokenizer


def token_numbers(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the token numbers of each text; some thousand texts are read at a time."""
    for start in range(0, len(texts), 5_000):
        for encoding in tokenizer.encode_batch_fast(list(texts[start : start + 5_000])):
            yield encoding.ids


_library = functools.cache(lambda: tokenizer_of(()))


def read_words(text: str) -> list[str]:
    """Return the tokens of a text as every tokeniser of `tokenizer_of` cuts it."""
    if text.isascii() or ALIKE.fullmatch(text):
        return re.findall(WORD, re.sub(BREAK, " ", text.lower()))
    normal = _library().normalizer.normalize_str(text)
    return [word for word, _ in _library().pre_tokenizer.pre_tokenize_str(normal)]


class Numbering:
    """Numbers of words in the order in which they are first met, until a vocabulary is chosen.

    Number 0 stands for the only word of a text that has none.
    """

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._numbers[""]

    def read(self, texts: Sequence[str]) -> Rows:
        """Return the numbers of all words of the texts; new words get the next numbers."""
        tokens, ends = array("i"), [0]
        for text in texts:
            tokens.extend(map(self._numbers.__getitem__, read_words(text) or [""]))
            ends.append(len(tokens))
        return Rows(np.array(tokens, np.int32), np.array(ends, np.int64))

    def tokenizer(self, rows: Rows, config: DataConfig) -> Tokenizer:
        """Return the tokeniser whose vocabulary are the most frequent tokens of `rows`.

        Those that are equally frequent come in the order of their letters.
        """
        counts = np.bincount(rows.tokens, minlength=len(self._numbers)).tolist()
        ranked = sorted(
            (-count, word)
            for count, word in zip(counts, self._numbers, strict=True)
            if word and count >= config.min_frequency
        )
        size = max(config.vocabulary_size - len(SPECIAL), 0)
        return tokenizer_of([word for _, word in ranked[:size]])

    def renumbered(self, rows: Rows, tokenizer: Tokenizer) -> Rows:
        """Return the rows with the numbers that a tokeniser from here gives their words."""
        table = np.full(len(self._numbers), UNK, np.int32)
        for word, number in tokenizer.get_vocab().items():
            if word not in SPECIAL:
                table[self._numbers[word]] = number
        return Rows(table[rows.tokens], rows.offsets)
