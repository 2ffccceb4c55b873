"""For which characters the fonts that Typst finds have a sign."""

import json
import re
from typing import Any

from lstm_report import paths, texts

NONE = "\U0010fffd"  # for private use, so that no font has a sign
KNOWN = "\u024f"  # up to here, Latin letters, which the fonts of Typst have
PAGES = """#set page(width: auto, height: auto, margin: 1pt)
#for letter in json("letters.json") { page(text(font: "Libertinus Serif", letter)) }
"""


def missing(letters: str) -> set[str]:
    """Return the characters that Typst draws as it draws one that no font has."""
    import typst

    asked = [NONE, *sorted({letter for letter in letters if letter > KNOWN})]
    if len(asked) == 1:
        return set()
    with paths.scratch() as folder:
        (folder / "letters.json").write_text(json.dumps(asked))
        source = folder / "letters.typ"
        source.write_text(PAGES, encoding="utf-8")
        pages = typst.compile(str(source), format="svg")
    drawn = [re.findall(rb'<symbol id="([^"]+)"', bytes(page or b"")) for page in pages]
    return {letter for letter, signs in zip(asked[1:], drawn[1:], strict=True) if signs == drawn[0]}


def numbered(value: Any, without: set[str]) -> Any:
    """Return texts in lists and tables with the number of each character of `without`."""
    if isinstance(value, str):
        return texts.numbered(value, without)
    if isinstance(value, dict):
        return {key: numbered(entry, without) for key, entry in value.items()}
    return [numbered(entry, without) for entry in value] if isinstance(value, list) else value
