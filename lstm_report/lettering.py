"""Texts that are data as labels of figures: short, and in a font that has their letters."""

import contextlib
import functools
import logging
from collections.abc import Container

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from lstm_report import texts

USUAL = "DejaVu Sans"
FURTHER = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK KR"),
    *("Noto Sans SC", "Noto Sans JP", "Noto Sans TC", "Noto Sans KR", "Source Han Sans SC"),
    *("Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("IPAexGothic", "IPAGothic", "VL Gothic", "TakaoGothic", "NanumGothic", "UnDotum"),
    *("AR PL UMing CN", "AR PL UKai CN", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo"),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "Meiryo", "MS Gothic", "Malgun Gothic"),
    *("Arial Unicode MS", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"),
    *("Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Symbols"),
    *("Noto Sans Symbols 2", "Noto Emoji", "Symbola", "FreeSans", "FreeSerif", "Unifont"),
)
"""Families with letters that the usual one lacks; the first that is installed and has one wins."""
LONGEST = 24
"""Letters of a word that a label shows."""


@functools.cache
def families() -> list[str]:
    """Return the usual family and those of `FURTHER` that are installed."""
    manager = font_manager.fontManager
    # Matplotlib keeps its list from one process to the next and misses what was installed since.
    for file in {*font_manager.findSystemFonts()} - {entry.fname for entry in manager.ttflist}:
        with contextlib.suppress(Exception):  # as Matplotlib passes over a file that is no font
            manager.addfont(file)
    installed = {entry.name for entry in manager.ttflist}
    return [USUAL, *(name for name in FURTHER if name in installed)]


@functools.cache
def _covered() -> frozenset[int]:
    """Return the code points of which the families have a sign."""
    files = [font_manager.findfont(name) for name in families()]
    return frozenset().union(*(FT2Font(file).get_charmap() for file in files))


@functools.cache
def _warn() -> None:
    logging.getLogger("lstm_report").warning(
        "No font that is installed has a sign for some letters, so figures show their numbers, "
        "such as U+9000: install one, such as Noto Sans CJK."
    )


def without_sign(text: str, covered: Container[int] | None = None) -> str:
    """Return a text with the number of each character of which no font has a sign.

    Args:
        text: any text.
        covered: the code points that fonts have; by default those that are installed.
    """
    has = _covered() if covered is None else covered
    missing = [letter for letter in dict.fromkeys(text) if ord(letter) not in has]
    if missing:
        _warn()
    return texts.numbered(text, missing)


def label(text: str) -> str:
    """Return a word as the label of a figure."""
    return texts.visible(without_sign(texts.visible(text, LONGEST)), 2 * LONGEST)
