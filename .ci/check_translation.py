"""Compare the page of a report with that in Chinese: the same numbers, and no English left.

Usage: python .ci/check_translation.py build/report.html build/zh/report.html
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

from lstm_report.language import UNTRANSLATED

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
ENGLISH = re.compile(r"(?:[A-Za-z][a-z’']+[,;:]? ){4,}[A-Za-z][a-z’']+")
"""Five words in a row and more."""
KEPT = (
    "code, pre, svg, .live, span.name, #tbl-disagreeing-reviews tbody, #tbl-gate-story tbody, "
    "#tbl-recorded tbody, #tbl-settings tbody td:first-child, #tbl-baselines, "
    "table:has(th:-soup-contains('English'))"
)
"""What differs or is the same in every build: code, drawings, reviews, names, times, a glossary."""
TIMES = re.compile(r"\d[\d,.]*\s?(?:s\b|tokens per second)|每秒[\d,]+")
REFERENCES = "参考文献"


def read(path: str) -> Tag:
    """Return the text of a page."""
    with open(path, encoding="utf-8") as file:
        article = BeautifulSoup(file, "html.parser").find("article")
    assert isinstance(article, Tag)
    return article


def commands(article: Tag) -> list[str]:
    """Return the commands of a page, which are the same in every language."""
    texts = [code.get_text() for code in article.find_all("code")]
    return [line for text in texts if "lstm-report " in text for line in text.splitlines()]


def blocks(article: Tag) -> list[Tag]:
    """Return the paragraphs, captions, cells and headings of a page, in order."""
    for kept in article.select(KEPT):
        kept.decompose()
    return article.find_all(["p", "li", "figcaption", "td", "th", "h2", "h3", "h4", "h5"])


def text_of(block: Tag) -> str:
    return " ".join(block.get_text().split())


def differences(first: list[Tag], second: list[Tag]) -> Iterator[str]:
    """Yield where the numbers of two pages differ, block by block."""
    if len(first) != len(second):
        yield f"The pages have {len(first)} and {len(second)} paragraphs, captions and cells."
        return
    for one, other in zip(map(text_of, first), map(text_of, second), strict=True):
        ours, theirs = (Counter(NUMBER.findall(TIMES.sub("", text))) for text in (one, other))
        if ours != theirs:
            yield f"Other numbers: {one[:120]!r} and {other[:120]!r}."


def english(found: list[Tag]) -> Iterator[str]:
    """Yield the sentences of a Chinese page that are English, but for references and reviews."""
    works = False
    for block in found:
        text = text_of(block)
        if block.name == "h2":
            works = REFERENCES in text
        if "“”" in text:
            yield f"Nothing in quotes: {text[:120]!r}."
        if UNTRANSLATED in text:
            yield f"Not translated: {text[:120]!r}."
        elif not works and (part := ENGLISH.search(re.sub("“[^”]*”", "", text))):
            yield f"English: {part[0][:120]!r} in {text[:60]!r}."


def main() -> int:
    """Print what is wrong; return the exit code."""
    pages = list(map(read, sys.argv[1:]))
    one, other = map(commands, pages)
    found = [f"Other commands: {line!r}." for line in other if line not in one]
    first, second = map(blocks, pages)
    found += [*differences(first, second), *english(second)]
    print("\n".join(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
